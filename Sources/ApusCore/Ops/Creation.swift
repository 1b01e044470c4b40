/// The argument of `Tensor(_:)`: a number, or an array of numbers, nested to any depth.
public protocol NestedArray {
    associatedtype Leaf: TensorElement
    /// The extents, outermost first; throws if rows differ in length.
    func extents() throws(OpError) -> [Int]
    /// Appends the numbers in row-major order.
    func flatten(into flat: inout [Leaf])
}

extension NestedArray where Self: TensorElement, Leaf == Self {
    public func extents() throws(OpError) -> [Int] { [] }
    public func flatten(into flat: inout [Self]) { flat.append(self) }
}

extension Bool: NestedArray { public typealias Leaf = Bool }
extension Int: NestedArray { public typealias Leaf = Int }
extension Int8: NestedArray { public typealias Leaf = Int8 }
extension Int16: NestedArray { public typealias Leaf = Int16 }
extension Int32: NestedArray { public typealias Leaf = Int32 }
extension Int64: NestedArray { public typealias Leaf = Int64 }
extension UInt8: NestedArray { public typealias Leaf = UInt8 }
extension Float16: NestedArray { public typealias Leaf = Float16 }
extension BFloat16: NestedArray { public typealias Leaf = BFloat16 }
extension Float: NestedArray { public typealias Leaf = Float }
extension Double: NestedArray { public typealias Leaf = Double }

extension Array: NestedArray where Element: NestedArray {
    public typealias Leaf = Element.Leaf

    public func extents() throws(OpError) -> [Int] {
        guard let first else { return [0] }
        let inner = try first.extents()
        for (i, row) in self.enumerated().dropFirst() {
            let other = try row.extents()
            guard other == inner else { throw OpError("rows differ in shape: \(inner) at 0, \(other) at \(i)") }
        }
        return [count] + inner
    }

    public func flatten(into flat: inout [Leaf]) {
        for element in self { element.flatten(into: &flat) }
    }
}

extension Tensor {
    /// A tensor of the numbers in `values`, a number or an array, nested or not.
    ///
    /// Without `dtype`, decimals become float32 and integers int64, as in PyTorch; `[Float]`, `[Int32]` and the like keep their type.
    /// Traps if rows differ in length. PyTorch: `torch.tensor`.
    public convenience init<Values: NestedArray>(_ values: Values, dtype: DType? = nil, device: Device = .cpu, requiresGrad: Bool = false) {
        var flat: [Values.Leaf] = []
        let shape: Shape
        do throws(OpError) {
            shape = Shape(try values.extents())
            values.flatten(into: &flat)
        } catch {
            fail(error, op: "Tensor")
            self.init(sharing: Tensor.poisoned)
            return
        }
        let host = flat.withUnsafeBytes { Tensor.host($0, shape, Values.Leaf.dtype) }
        self.init(sharing: host.to(dtype ?? Values.Leaf.literalDType).to(device))
        if requiresGrad { self.requiresGrad = true }
    }

    /// A tensor of `shape` with the numbers in row-major order. Traps if their number does not fit.
    public convenience init<Element: TensorElement>(
        _ values: [Element], shape: some Collection<Int>, dtype: DType? = nil, device: Device = .cpu
    ) {
        let shape = Shape(shape)
        guard values.count == shape.numel, shape.allSatisfy({ $0 >= 0 }) else {
            fail("Tensor", "\(values.count) values do not fill shape \(shape), which has \(shape.numel)")
            self.init(sharing: Tensor.poisoned)
            return
        }
        let host = values.withUnsafeBytes { Tensor.host($0, shape, Element.dtype) }
        self.init(sharing: host.to(dtype ?? Element.literalDType).to(device))
    }

    /// A tensor of `shape` from raw little-endian bytes of `dtype`. Traps if their number does not fit. PyTorch: `torch.frombuffer`.
    public convenience init(bytes: some Collection<UInt8>, shape: some Collection<Int>, dtype: DType, device: Device = .cpu) {
        let shape = Shape(shape)
        let buffer = Array(bytes)
        guard buffer.count % dtype.size == 0, buffer.count / dtype.size == shape.numel, shape.allSatisfy({ $0 >= 0 }) else {
            fail("Tensor", "\(buffer.count) bytes do not fill shape \(shape) of \(dtype), which takes \(shape.numel) times \(dtype.size)")
            self.init(sharing: Tensor.poisoned)
            return
        }
        self.init(sharing: buffer.withUnsafeBytes { Tensor.host($0, shape, dtype) }.to(device))
    }

    private static func host(_ bytes: UnsafeRawBufferPointer, _ shape: Shape, _ dtype: DType) -> Tensor {
        let out = create(shape, dtype, .cpu, "Tensor")
        if !out.isPoisoned, let base = bytes.baseAddress { out.pointer.copyMemory(from: base, byteCount: bytes.count) }
        return out
    }

    /// An uninitialised tensor, or the failure to allocate it.
    package static func create(_ shape: Shape, _ dtype: DType, _ device: Device, _ op: String) -> Tensor {
        do throws(OpError) { return try uninitialized(shape, dtype, device) } catch { return fail(error, op: op) }
    }

    /// A tensor with every element `value`. The default dtype is that of the number (float32, int64, bool).
    package static func full(_ shape: Shape, _ value: Scalar, dtype: DType? = nil, device: Device = .cpu) -> Tensor {
        do throws(OpError) { return try filled(shape, value, dtype ?? value.dtype, device) } catch { return fail(error, op: "full") }
    }

    /// A tensor with every element `value`. Throws where there is no memory for it.
    package static func filled(_ shape: Shape, _ value: Scalar, _ dtype: DType, _ device: Device) throws(OpError) -> Tensor {
        let out = try uninitialized(shape, dtype, device)
        try device.backend.fill(out, with: value)
        return out
    }

    /// Returns the tensor itself, which requires a gradient if `requiresGrad`.
    final func marked(_ requiresGrad: Bool) -> Tensor {
        if requiresGrad { self.requiresGrad = true }
        return self
    }

    /// A tensor with every element `value`. The default dtype is that of the number (float32, int64, bool).
    public static func full(
        _ shape: some Collection<Int>, _ value: some ScalarConvertible, dtype: DType? = nil, device: Device = .cpu,
        requiresGrad: Bool = false
    ) -> Tensor {
        full(Shape(shape), value._scalar, dtype: dtype, device: device).marked(requiresGrad)
    }
    /// A tensor with every element `value`, for literals such as `.infinity`; float32 by default.
    public static func full(
        _ shape: some Collection<Int>, _ value: Double, dtype: DType? = nil, device: Device = .cpu, requiresGrad: Bool = false
    ) -> Tensor {
        full(Shape(shape), Scalar.double(value), dtype: dtype, device: device).marked(requiresGrad)
    }
    /// A tensor with undefined contents.
    public static func empty(
        _ shape: some Collection<Int>, dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false
    ) -> Tensor {
        create(Shape(shape), dtype, device, "empty").marked(requiresGrad)
    }
    /// A tensor of zeros.
    public static func zeros(
        _ shape: some Collection<Int>, dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false
    ) -> Tensor {
        full(Shape(shape), .double(0), dtype: dtype, device: device).marked(requiresGrad)
    }
    /// A tensor with undefined contents.
    public static func empty(_ shape: Int..., dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false) -> Tensor {
        empty(Shape(shape), dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// A tensor of zeros.
    public static func zeros(_ shape: Int..., dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false) -> Tensor {
        zeros(Shape(shape), dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// A tensor of ones.
    public static func ones(_ shape: Int..., dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false) -> Tensor {
        ones(Shape(shape), dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// A tensor of ones.
    public static func ones(
        _ shape: some Collection<Int>, dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false
    ) -> Tensor {
        full(Shape(shape), .double(1), dtype: dtype, device: device).marked(requiresGrad)
    }
    /// Zeros with x's shape, and its dtype and device unless others are given. PyTorch: `zeros_like`.
    public static func zeros(like x: Tensor, dtype: DType? = nil, device: Device? = nil, requiresGrad: Bool = false) -> Tensor {
        full(like: x, Scalar.double(0), dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// Ones with x's shape, and its dtype and device unless others are given. PyTorch: `ones_like`.
    public static func ones(like x: Tensor, dtype: DType? = nil, device: Device? = nil, requiresGrad: Bool = false) -> Tensor {
        full(like: x, Scalar.double(1), dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// A tensor with every element `value`, x's shape, and its dtype and device unless others are given. PyTorch: `full_like`.
    public static func full(
        like x: Tensor, _ value: some ScalarConvertible, dtype: DType? = nil, device: Device? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        x.isPoisoned ? x : full(x.shape, value._scalar, dtype: dtype ?? x.dtype, device: device ?? x.device).marked(requiresGrad)
    }
    /// A tensor with every element `value`, for literals such as `.infinity`, x's shape, and its dtype and device unless others are given.
    public static func full(
        like x: Tensor, _ value: Double, dtype: DType? = nil, device: Device? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        full(like: x, Scalar.double(value), dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// A tensor like x with every element `value`, converted to x's dtype; the gradient of x is 0. PyTorch: `torch.fill`. Unlike this,
    /// `full(like:_:)` does not depend on x.
    public static func fill(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor {
        x.isPoisoned ? x : fill(x, full([], value._scalar, dtype: x.dtype, device: x.device))
    }
    /// A tensor like x with every element `value`, for literals such as `.infinity`.
    public static func fill(_ x: Tensor, _ value: Double) -> Tensor { fill(x, Scalar.double(value)) }
    /// A tensor like x with every element equal to the scalar tensor `value`, converted to x's dtype and device; its gradient is the sum
    /// over all elements. Traps if `value` has dimensions.
    public static func fill(_ x: Tensor, _ value: Tensor) -> Tensor {
        composite("fill", x, value) { () throws(OpError) in
            guard value.ndim == 0 else {
                throw OpError("the value must be a number or a scalar tensor, it has shape \(value.shape); use x.copy_ for several")
            }
            return x.maskedFill(full([], .bool(true), device: x.device), value.to(x.device))
        }
    }
    /// A tensor with undefined contents, x's shape, and its dtype and device unless others are given. PyTorch: `empty_like`.
    public static func empty(like x: Tensor, dtype: DType? = nil, device: Device? = nil, requiresGrad: Bool = false) -> Tensor {
        x.isPoisoned ? x : create(x.shape, dtype ?? x.dtype, device ?? x.device, "empty").marked(requiresGrad)
    }

    /// A tensor with undefined contents, and x's dtype and device unless others are given. PyTorch: `new_empty`.
    public final func newEmpty(
        _ shape: some Collection<Int>, dtype: DType? = nil, device: Device? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        isPoisoned ? self : Tensor.empty(shape, dtype: dtype ?? self.dtype, device: device ?? self.device, requiresGrad: requiresGrad)
    }
    /// A tensor with undefined contents, and x's dtype and device unless others are given.
    public final func newEmpty(_ shape: Int..., dtype: DType? = nil, device: Device? = nil, requiresGrad: Bool = false) -> Tensor {
        newEmpty(Shape(shape), dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// A tensor of zeros with x's dtype and device unless others are given. PyTorch: `new_zeros`.
    public final func newZeros(
        _ shape: some Collection<Int>, dtype: DType? = nil, device: Device? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        newFull(shape, 0, dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// A tensor of zeros with x's dtype and device unless others are given.
    public final func newZeros(_ shape: Int..., dtype: DType? = nil, device: Device? = nil, requiresGrad: Bool = false) -> Tensor {
        newFull(Shape(shape), 0, dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// A tensor of ones with x's dtype and device unless others are given. PyTorch: `new_ones`.
    public final func newOnes(
        _ shape: some Collection<Int>, dtype: DType? = nil, device: Device? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        newFull(shape, 1, dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// A tensor of ones with x's dtype and device unless others are given.
    public final func newOnes(_ shape: Int..., dtype: DType? = nil, device: Device? = nil, requiresGrad: Bool = false) -> Tensor {
        newFull(Shape(shape), 1, dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// A tensor with every element `value`, and x's dtype and device unless others are given. PyTorch: `new_full`.
    public final func newFull(
        _ shape: some Collection<Int>, _ value: some ScalarConvertible, dtype: DType? = nil, device: Device? = nil,
        requiresGrad: Bool = false
    ) -> Tensor {
        isPoisoned
            ? self
            : Tensor.full(shape, value._scalar, dtype: dtype ?? self.dtype, device: device ?? self.device, requiresGrad: requiresGrad)
    }
    /// A tensor with every element `value`, for literals such as `.infinity`, and x's dtype and device unless others are given.
    public final func newFull(
        _ shape: some Collection<Int>, _ value: Double, dtype: DType? = nil, device: Device? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        newFull(shape, Scalar.double(value), dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// A tensor of the numbers in `values`, as `Tensor(values)`, with x's dtype and device unless others are given. PyTorch: `new_tensor`.
    public final func newTensor<Values: NestedArray>(
        _ values: Values, dtype: DType? = nil, device: Device? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        isPoisoned ? self : Tensor(values, dtype: dtype ?? self.dtype, device: device ?? self.device, requiresGrad: requiresGrad)
    }

    /// 0, 1, … n − 1; int64 by default.
    public static func arange(_ n: Int, dtype: DType = .int64, device: Device = .cpu, requiresGrad: Bool = false) -> Tensor {
        arange(0, n, 1, dtype: dtype, device: device, requiresGrad: requiresGrad)
    }

    /// 0, 1, … up to but excluding `end`; float32 by default.
    @_disfavoredOverload public static func arange(
        _ end: Double, dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false
    ) -> Tensor {
        arange(0, end, 1, dtype: dtype, device: device, requiresGrad: requiresGrad)
    }

    /// start, start + step, … up to but excluding `end`; int64 by default. Traps if the step is 0 or leads away from `end`.
    public static func arange(
        _ start: Int, _ end: Int, _ step: Int = 1, dtype: DType = .int64, device: Device = .cpu, requiresGrad: Bool = false
    ) -> Tensor {
        guard step != 0, start == end || (start < end) == (step > 0) else {
            return fail("arange", "step \(step) does not lead from \(start) to \(end)")
        }
        let (distance, pace) = (UInt(bitPattern: Swift.max(start, end)) &- UInt(bitPattern: Swift.min(start, end)), step.magnitude)
        let count = Int(clamping: distance / pace + (distance % pace == 0 ? 0 : 1))
        return sequence("arange", count, dtype, device) { Int64(start + $0 * step) }.marked(requiresGrad)
    }

    /// start, start + step, … up to but excluding `end`; float32 by default. For integers the three are truncated first. Traps if the step
    /// is 0 or leads away from `end`.
    public static func arange(
        _ start: Double, _ end: Double, _ step: Double = 1, dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false
    ) -> Tensor {
        if dtype.isInteger, let first = Int(exactly: start.rounded(.towardZero)), let last = Int(exactly: end.rounded(.towardZero)),
            let pace = Int(exactly: step.rounded(.towardZero))
        {
            return arange(first, last, pace, dtype: dtype, device: device, requiresGrad: requiresGrad)
        }
        let steps = ((end - start) / step).rounded(.up)
        guard step != 0, steps >= 0, steps < 0x1p40 else { return fail("arange", "step \(step) does not lead from \(start) to \(end)") }
        return sequence("arange", Int(steps), dtype, device) { start + Double($0) * step }.marked(requiresGrad)
    }

    /// The numbers `element(i)` for i from 0 to `count` − 1, written directly into the tensor: if it is too large, this fails instead of
    /// crashing.
    static func sequence<Element: TensorElement>(
        _ op: String, _ count: Int, _ dtype: DType, _ device: Device, _ element: (Int) -> Element
    ) -> Tensor {
        let host = create([count], Element.dtype, .cpu, op)
        if host.isPoisoned { return host }
        let out = host.pointer.bindMemory(to: Element.self, capacity: count)
        for i in 0..<count { out[i] = element(i) }
        return host.to(dtype).to(device)
    }

    /// `steps` evenly spaced numbers from `start` to `end`, both included; for integers both are truncated first, and then each number.
    /// Traps if `steps` is negative.
    public static func linspace(
        _ start: Double, _ end: Double, _ steps: Int, dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false
    ) -> Tensor {
        guard steps >= 0 else { return fail("linspace", "the number of steps (\(steps)) is negative") }
        return sequence("linspace", steps, dtype, device, spaced(start, end, steps, dtype)).marked(requiresGrad)
    }

    /// The i-th of `steps` evenly spaced numbers, between integers for an integer dtype. Computed from both ends, so that the last is
    /// exact.
    static func spaced(_ start: Double, _ end: Double, _ steps: Int, _ dtype: DType) -> (Int) -> Double {
        let (start, end) = dtype.isInteger ? (start.rounded(.towardZero), end.rounded(.towardZero)) : (start, end)
        let step = steps > 1 ? (end - start) / Double(steps - 1) : 0
        return { steps == 1 || $0 < steps / 2 ? start + Double($0) * step : end - Double(steps - 1 - $0) * step }
    }

    /// `linspace` with the label `steps`.
    public static func linspace(
        _ start: Double, _ end: Double, steps: Int, dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false
    ) -> Tensor {
        linspace(start, end, steps, dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// `arange` with the label `step`.
    public static func arange(
        _ start: Int, _ end: Int, step: Int, dtype: DType = .int64, device: Device = .cpu, requiresGrad: Bool = false
    ) -> Tensor {
        arange(start, end, step, dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// `arange` with the label `step`.
    public static func arange(
        _ start: Double, _ end: Double, step: Double, dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false
    ) -> Tensor {
        arange(start, end, step, dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// `eye` with the label `m`.
    public static func eye(_ n: Int, m: Int, dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false) -> Tensor {
        eye(n, m, dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    /// The identity: ones on the diagonal of an n × m matrix (m = n by default).
    public static func eye(_ n: Int, _ m: Int? = nil, dtype: DType = .float32, device: Device = .cpu, requiresGrad: Bool = false) -> Tensor
    {
        let out = zeros([n, m ?? n], dtype: dtype, device: device)
        if !out.isPoisoned { noGrad { _ = out.diagonal().fill_(1) } }
        return out.marked(requiresGrad)
    }
}
