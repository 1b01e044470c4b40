// Index kernels check their indices: they skip and report an index that is out of range, and the next wait of the host throws it.

/// The reports of index kernels and the calls they belong to. An error of a call within a `checked` scope reaches that scope only; any
/// other reaches the next thread that waits and ends the program.
struct IndexReports {
    /// On the device, four numbers for each of `places` calls: a flag, the index, its position, the number of the call.
    var buffer: Tensor?
    /// Whether kernels have run since the buffer was last read.
    var isPending = false
    private var calls: [Call] = []
    private var count = 0
    /// Errors for a scope that another thread has read from the device.
    private var held: [(scope: ObjectIdentifier, error: OpError)] = []

    static let places = 64
    /// How many calls are kept.
    private static let memory = 1024

    struct Call {
        var shape: Shape
        var dim: Int
        var extent: Int
        var op: String
        var module: ModulePlace?
        var scope: ObjectIdentifier?
        var number = 0
    }

    /// Stores the call and returns its number.
    mutating func note(_ call: Call) -> Int {
        isPending = true
        count += 1
        var call = call
        call.number = count
        if calls.count < IndexReports.memory { calls.append(call) } else { calls[(count - 1) % IndexReports.memory] = call }
        return count
    }

    /// Assigns the device's reports to their scopes and returns the error for `scope`.
    mutating func take(_ numbers: [Int64], for scope: ObjectIdentifier?) -> OpError? {
        var mine: OpError?
        for at in stride(from: 0, to: numbers.count, by: 4) where numbers[at] & 0xFFFF_FFFF != 0 {
            let call = calls[(Int(numbers[at + 3]) - 1) % IndexReports.memory]
            guard call.number == Int(numbers[at + 3]) else {
                // A later call has replaced this one.
                mine =
                    mine
                    ?? OpError(
                        "index \(numbers[at + 1]) is out of range, in one of many calls that used indices since the device was last waited for",
                        op: "index")
                continue
            }
            var place: [Int] = []
            var rest = Int(numbers[at + 2])
            for extent in call.shape.reversed() where extent > 0 {
                place.insert(rest % extent, at: 0)
                rest /= extent
            }
            var error = OpError.indexOutOfRange(numbers[at + 1], at: place, dim: call.dim, extent: call.extent)
            (error.op, error.modulePath) = (call.op, call.module?.path)
            if call.scope == nil || call.scope == scope { mine = mine ?? error } else { held.append((call.scope!, error)) }
        }
        if let at = held.firstIndex(where: { $0.scope == scope }) {
            mine = mine ?? held[at].error
            held.removeAll { $0.scope == scope }
        }
        return mine
    }
}

extension GPUBackend {
    /// Throws what index kernels have reported since the last check. The lock is held and all work is done.
    func checkReports() throws(OpError) {
        if let (error, thread) = unheard {
            unheard = nil
            if thread != ObjectIdentifier(Context.current) { throw error }
        }
        guard let buffer = reports.buffer else { return }
        var numbers: [Int64] = []
        if reports.isPending {
            reports.isPending = false
            numbers = [Int64](repeating: 0, count: IndexReports.places * 4)
            let (block, size) = (buffer.storage.base, numbers.count * 8)
            try driver.download(block, at: 0, byteCount: size, to: &numbers)
            if numbers.contains(where: { $0 != 0 }) {
                try driver.upload([Int64](repeating: 0, count: numbers.count), byteCount: size, to: block, at: 0, waits: true)
            }
        }
        if let error = reports.take(numbers, for: (Context.current.checkedScope?.awaiting).map(ObjectIdentifier.init)) { throw error }
    }

    /// Appends the call's number and the report's buffer, which is made on first use.
    private func report(_ op: String, _ index: Tensor, _ dim: Int, _ extent: Int, to arguments: KernelArguments) throws(OpError) {
        if reports.buffer == nil {
            let buffer = try scratch(IndexReports.places * 4, .int64, like: index)
            try driver.upload(
                [Int64](repeating: 0, count: buffer.numel), byteCount: buffer.numel * 8, to: buffer.storage.base, at: 0, waits: true)
            reports.buffer = buffer
        }
        let context = Context.current
        let scope = context.checkedScope?.awaiting
        scope?.await(self)
        arguments.append(
            count: reports.note(
                .init(
                    shape: index.shape, dim: dim, extent: extent, op: op, module: context.modulePlace,
                    scope: scope.map(ObjectIdentifier.init))))
        arguments.append(reports.buffer!.storage.base)
    }

    package func indexSelect(_ x: Tensor, dim: Int, _ index: Tensor, into out: Tensor) throws(OpError) {
        guard out.numel > 0 else { return }
        try run("indexSelect") { () throws(OpError) in
            var strides = x.strides
            strides[dim] = 0
            let space = try StridedSpace(out.shape, [strides])
            let made = try kernel(KernelKey("index_select", x.dtype)) { KernelDialect.bind(x.dtype) + KernelDialect.indexSelect }
            let inner = out.shape.dropFirst(dim + 1).reduce(1, *)
            try launch(made, groups: groups(for: out.numel)) { arguments throws(OpError) in
                for number in [out.numel, inner, index.numel, x.shape[dim], x.strides[dim]] { arguments.append(count: number) }
                arguments.append(x)
                arguments.append(index)
                arguments.append(count: index.ndim == 0 ? 0 : index.strides[0])
                arguments.append(out)
                try report("indexSelect", index, dim, x.shape[dim], to: arguments)
                space.append(to: arguments)
            }
        }
    }

    package func indexAdd(_ out: Tensor, dim: Int, _ index: Tensor, _ source: Tensor) throws(OpError) {
        guard source.numel > 0 else { return }
        try run("indexAdd") { () throws(OpError) in
            let others = out.shape.indices.filter { $0 != dim }
            let space = try StridedSpace(Shape(others.map { out.shape[$0] }), [Shape(others.map { source.strides[$0] })])
            let (lines, length, chosen) = (others.reduce(1) { $0 * out.shape[$1] }, out.shape[dim], index.numel)
            let inner = out.shape.dropFirst(dim + 1).reduce(1, *)
            // With many indices, equal ones are grouped by sorting: this gives more parallel work, and each sum is rounded once.
            let sorts = chosen > 64 || chosen > 1 && out.dtype.isFloatingPoint && out.dtype.size == 2
            let made = try kernel(KernelKey(sorts ? "index_add_sorted" : "index_add", out.dtype)) {
                KernelDialect.bind(out.dtype) + KernelDialect.indexAdd
            }
            var ordered: (values: Tensor, places: Tensor)?
            if sorts {
                ordered = (try scratch(chosen, .int64, like: out), try scratch(chosen, .int64, like: out))
                try sort(index, dim: 0, descending: false, values: ordered!.values, indices: ordered!.places)
            }
            try launch(made, groups: groups(for: sorts ? lines * chosen : lines)) { arguments throws(OpError) in
                for number in [lines, inner, length, chosen] { arguments.append(count: number) }
                if let ordered {
                    arguments.append(ordered.values)
                    arguments.append(ordered.places)
                } else {
                    arguments.append(index)
                    arguments.append(count: index.ndim == 0 ? 0 : index.strides[0])
                }
                arguments.append(source)
                arguments.append(count: source.strides[dim])
                arguments.append(out)
                try report("indexAdd", index, dim, length, to: arguments)
                space.append(to: arguments)
            }
        }
    }

    package func gather(_ x: Tensor, dim: Int, _ index: Tensor, into out: Tensor) throws(OpError) {
        guard out.numel > 0 else { return }
        try run("gather") { () throws(OpError) in
            var strides = x.strides
            if !x.shape.isEmpty { strides[dim] = 0 }
            let space = try StridedSpace(index.shape, [index.strides, strides])
            let extent = x.shape.isEmpty ? 1 : x.shape[dim]
            let made = try kernel(KernelKey("gather", x.dtype)) { KernelDialect.bind(x.dtype) + KernelDialect.gather }
            try launch(made, groups: groups(for: out.numel)) { arguments throws(OpError) in
                for number in [out.numel, extent, x.shape.isEmpty ? 0 : x.strides[dim]] { arguments.append(count: number) }
                arguments.append(x)
                arguments.append(index)
                arguments.append(out)
                try report("gather", index, dim, extent, to: arguments)
                space.append(to: arguments)
            }
        }
    }

    package func scatter(_ kind: ScatterKind, _ out: Tensor, dim: Int, _ index: Tensor, _ source: Tensor) throws(OpError) {
        guard index.numel > 0 else { return }
        // Sums of 16-bit floats are rounded once. If many floats may have the same index, the sum keeps its rounding error.
        guard kind == .add, out.dtype.isFloatingPoint, out.dtype.size == 2 || mayCrowd(index, dim) else {
            return try scatter(kind, out, lost: nil, dim: dim, index, source)
        }
        let type = out.dtype.computeType
        let sums = try out.converted(to: type), lost = try Tensor.uninitialized(out.shape, type, out.device)
        try fill(lost, with: .double(0))
        try scatter(.add, sums, lost: lost, dim: dim, index, source)
        try copy(sums, into: out)
    }

    private func scatter(_ kind: ScatterKind, _ out: Tensor, lost: Tensor?, dim: Int, _ index: Tensor, _ source: Tensor) throws(OpError) {
        try run("scatter") { () throws(OpError) in
            let isScalar = index.shape.isEmpty
            let others = index.shape.indices.filter { $0 != dim }
            func lines(_ strides: Shape) -> Shape { Shape(others.map { strides[$0] }) }
            let space = try StridedSpace(
                Shape(others.map { index.shape[$0] }), [lines(index.strides), lines(source.strides), lines(out.strides)])
            let made = try kernel(KernelKey(lost == nil ? "scatter" : "scatter_sums", source.dtype, variant: kind.rawValue)) {
                KernelDialect.bind(source.dtype) + KernelDialect.kind(kind) + KernelDialect.scatter
            }
            let extent = isScalar ? 1 : out.shape[dim]
            func step(_ x: Tensor) -> Int { isScalar ? 0 : x.strides[dim] }
            let (count, inner) = (others.reduce(1) { $0 * index.shape[$1] }, index.shape.dropFirst(isScalar ? 0 : dim + 1).reduce(1, *))
            try launch(made, groups: groups(for: count)) { arguments throws(OpError) in
                for number in [count, inner, isScalar ? 1 : index.shape[dim], extent] { arguments.append(count: number) }
                arguments.append(index)
                arguments.append(count: step(index))
                arguments.append(source)
                arguments.append(count: step(source))
                arguments.append(out)
                arguments.append(count: step(out))
                if let lost { arguments.append(lost) }
                try report("scatter", index, dim, extent, to: arguments)
                space.append(to: arguments)
            }
        }
    }

    package func nonzero(_ x: Tensor) throws(OpError) -> Tensor {
        guard x.ndim <= 16 else { throw OpError("a tensor with \(x.ndim) dimensions has more than 16; reshape it") }
        let count = x.numel
        guard count > 0 else { return try Tensor.uninitialized([0, x.ndim], .int64, x.device) }
        let marks = try x.converted(to: .bool)
        let flat = marks.view([count], strides: [1], offset: marks.offset)
        let counts = try scratch(count, .int64, like: x)
        try scan(.sum, try flat.converted(to: .int64), dim: 0, into: counts)
        var found: Int64 = 0
        try download(counts.storage.base, at: (count - 1) * 8, byteCount: 8, to: &found)
        let out = try Tensor.uninitialized([Int(found), x.ndim], .int64, x.device)
        if out.numel == 0 { return out }
        try run("nonzero") { () throws(OpError) in
            let made = try kernel(KernelKey("nonzero")) { KernelDialect.nonzero }
            try launch(made, groups: groups(for: count)) { arguments in
                for number in [count, x.ndim] { arguments.append(count: number) }
                arguments.append(marks)
                arguments.append(counts)
                arguments.append(out)
                let extents = x.shape.map(Int64.init) + [Int64](repeating: 1, count: 16 - x.ndim)
                extents.withUnsafeBytes { arguments.append($0) }
            }
        }
        return out
    }
}
