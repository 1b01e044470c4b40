// Values that are written outside the graph: by optimizers, by loading, by collectives. Each function says who has written, so that a
// tensor that an op has saved is known to have changed.

extension Tensor {
    /// Sets every element to `value`.
    package final func fillData(_ value: Double, by op: String) throws(OpError) {
        try device.backend.fill(self, with: .double(value))
        didChange(by: op)
    }

    /// Takes the elements of `x`, of the same shape and on the same device, converted to its dtype.
    package final func copyData(_ x: Tensor, by op: String) throws(OpError) {
        try device.backend.copy(x, into: self)
        didChange(by: op)
    }

    /// Adds row i of `values` [n, …] to row rows[i] (`rows` int64 [n]).
    package final func addRows(_ rows: Tensor, _ values: Tensor, by op: String) throws(OpError) {
        let values = try values.usable().contiguousData()
        try changeRows(rows, by: op) { (target) throws(OpError) in try device.backend.indexAdd(target, dim: 0, rows, values) }
    }

    /// Replaces row rows[i] by row i of `values` [n, …]; each row once.
    package final func setRows(_ rows: Tensor, _ values: Tensor, by op: String) throws(OpError) {
        let (rows, values) = (try rows.usable(), try values.usable())
        let places = rows.view(
            values.shape, strides: Shape(rows.strides + Array(repeating: 0, count: values.ndim - 1)), offset: rows.offset)
        try changeRows(rows, by: op) { (target) throws(OpError) in try device.backend.scatter(.set, target, dim: 0, places, values) }
    }

    /// Kernels change rows of contiguous tensors; another is changed in a copy.
    private final func changeRows(_ rows: Tensor, by op: String, _ change: (Tensor) throws(OpError) -> Void) throws(OpError) {
        try rows.usable()
        let target = try contiguousData()
        try change(target)
        if target !== self { try device.backend.copy(target, into: self) }
        didChange(by: op)
    }
}

extension Device {
    /// Whether steps of optimizers are kernels here.
    package var hasOptimizerStep: Bool { backend.hasOptimizerStep }

    /// One step of an optimizer by its kernel, as `Backend.optimizerStep` says, of parameters on this device.
    package func optimizerStep(
        _ rule: OptimizerRule, parameters: [Tensor], gradients: [Tensor], state: [[Tensor]], by op: String
    ) throws(OpError) {
        try backend.optimizerStep(rule, parameters: parameters, gradients: gradients, state: state)
        for parameter in parameters { parameter.didChange(by: op) }
    }
}
