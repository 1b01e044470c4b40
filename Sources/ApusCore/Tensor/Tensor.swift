/// An array of numbers of one type, in any number of dimensions, that remembers how it was computed.
///
/// A tensor is a view (shape, strides, offset) of a storage that it may share with others; `transpose`, slices and `expand` copy nothing.
/// Where it requires a gradient, every op on it is recorded, and `backward()` runs the record in reverse.
/// It is a reference like PyTorch's tensor: two variables may name the same tensor.
///
/// A tensor is not Sendable. It may move to another task as Swift 6 lets values move; sharing one takes a wrapper (`Shared`).
public class Tensor {
    // Setters are package-wide for `Module.to(_:)` and `assign(_:)`, which exchange what a parameter holds and keep its identity.
    // Exclusivity is not checked at run time: every access is one load or store, none spans a call, and the checks were
    // a quarter of the price of a small op.
    /// The block it is a view of, as it lies there; ``storage`` is what to read.
    @exclusivity(unchecked) final var memory: Storage
    @exclusivity(unchecked) public package(set) final var shape: Shape
    @exclusivity(unchecked) package final var strides: Shape
    /// In elements, from the storage's base.
    @exclusivity(unchecked) package final var offset: Int
    @exclusivity(unchecked) public package(set) final var dtype: DType
    /// What it is where its memory alone does not say so; nil for most.
    @exclusivity(unchecked) final var form: TensorForm?
    /// Whether it stands for a Swift number, which yields to tensors in type promotion.
    @exclusivity(unchecked) package final var isWrappedNumber = false

    // MARK: Autograd (see Autograd/)

    @exclusivity(unchecked) final var requiresGradFlag = false
    /// Whether it is a view that remembers its base, among the extras.
    @exclusivity(unchecked) final var isView = false
    /// The op that made it, nil for leaves. Views changed in place renew it on reading (`Autograd/InPlace.swift`).
    @exclusivity(unchecked) final var recordedNode: Node?
    @exclusivity(unchecked) final var outputIndex: Int32 = 0
    @exclusivity(unchecked) final var storedGrad: Tensor?
    /// What few tensors have: hooks, the node that accumulates a leaf's gradient, the base of a view.
    @exclusivity(unchecked) final var extras: AutogradExtras?

    package init(storage: Storage, shape: Shape, strides: Shape, offset: Int, dtype: DType) {
        memory = storage
        self.shape = shape
        self.strides = strides
        self.offset = offset
        self.dtype = dtype
    }

    /// A tensor that shares everything with `other` but its history.
    package init(sharing other: Tensor) {
        memory = other.storage
        shape = other.shape
        strides = other.strides
        offset = other.offset
        dtype = other.dtype
        form = other.form?.ofAlias
    }

    private init(poisoned storage: Storage) {
        memory = storage
        shape = .poisoned
        strides = .poisoned
        offset = 0
        dtype = .float32
        form = Poison()
    }

    /// Becomes what a failed op hands on, with its few bytes of memory.
    final func become(_ poison: Tensor) {
        (memory, shape, strides, offset, dtype, form) = (
            poison.memory, poison.shape, poison.strides, poison.offset, poison.dtype, poison.form
        )
    }

    /// What a failed op hands on inside `checked`.
    package static var poisoned: Tensor {
        do { return Tensor(poisoned: try Storage.allocate(byteCount: 8, device: .cpu, isCounted: false)) } catch {
            preconditionFailure("\(error)")
        }
    }

    deinit {
        extras?.accumulator?.tensor = nil
    }

    // MARK: Facts

    /// The device it lives on.
    public final var device: Device { memory.device }
    /// Whether it is the result of a failed op inside `checked`.
    public final var isPoisoned: Bool { form?.isPoison ?? false }
    /// The number of dimensions. PyTorch: `dim()`.
    public final var ndim: Int { shape.count }
    /// The number of elements.
    public final var numel: Int { shape.numel }
    /// The size of dimension `dim`; negative dims count from the end. PyTorch: `size(dim)`.
    public final func size(_ dim: Int) -> Int { shape[dim] }

    /// Whether the elements lie in memory in the order of their indices, without gaps.
    public final var isContiguous: Bool {
        var expected = 1
        var i = shape.count - 1
        while i >= 0 {
            let extent = shape.unsafeGet(i)
            if extent != 1 {
                if strides.unsafeGet(i) != expected {
                    return shape.numel == 0
                }
                expected *= extent
            }
            i -= 1
        }
        return true
    }

    // MARK: Memory

    /// The block that its elements lie in, shared with other views.
    package final var storage: Storage {
        form?.materialize(self)
        return memory
    }

    /// The address of the first element. Kernels use it; the storage keeps it alive only as long as the tensor lives.
    package final var pointer: UnsafeMutableRawPointer { storage.base + offset * dtype.size }

    /// A contiguous tensor, contents undefined.
    package static func uninitialized(_ shape: Shape, _ dtype: DType, _ device: Device) throws(OpError) -> Tensor {
        var count = dtype.size
        var isEmpty = false
        for extent in shape {
            guard extent >= 0 else { throw OpError("extent \(extent) in shape \(shape) is negative") }
            // An extent of 0 does not end the check: the strides are products too.
            let (product, overflow) = count.multipliedReportingOverflow(by: Swift.max(extent, 1))
            guard !overflow else { throw OpError("shape \(shape) has more elements than memory can hold") }
            count = product
            isEmpty = isEmpty || extent == 0
        }
        if isEmpty { count = 0 }
        return Tensor(
            storage: try Storage.allocate(byteCount: count, device: device), shape: shape, strides: shape.contiguousStrides, offset: 0,
            dtype: dtype)
    }

    /// A view of the same storage. Not recorded: ops that make views record themselves.
    package final func view(_ shape: Shape, strides: Shape, offset: Int) -> Tensor {
        Tensor(storage: storage, shape: shape, strides: strides, offset: offset, dtype: dtype)
    }

    /// The view with `shape` in which missing and one-element dimensions repeat (stride 0); shapes must broadcast.
    package final func expanded(_ target: Shape) -> Tensor {
        if shape == target { return self }
        var newStrides = target
        let lead = target.count - shape.count
        for i in 0..<target.count {
            newStrides.unsafeSet(
                i, i < lead || shape.unsafeGet(i - lead) == 1 && target.unsafeGet(i) != 1 ? 0 : strides.unsafeGet(i - lead))
        }
        return view(target, strides: newStrides, offset: offset)
    }

    /// Its elements in a contiguous tensor: itself where it is one. Not recorded.
    package final func contiguousData() throws(OpError) -> Tensor {
        if isContiguous { return self }
        return try converted(to: dtype)
    }

    /// Its elements in a contiguous tensor in the host's memory, when all work on them is done: itself where it is one. Not recorded.
    package final func hostData() throws(OpError) -> Tensor {
        let x = try usable().contiguousData()
        if device.sharesHostMemory { return x }
        let out = try Tensor.uninitialized(shape, dtype, .cpu)
        try device.backend.download(x.storage.base, at: x.offset * dtype.size, byteCount: numel * dtype.size, to: out.storage.base)
        return out
    }

    /// A contiguous copy in `dtype`. Not recorded.
    package final func converted(to dtype: DType) throws(OpError) -> Tensor {
        let out = try Tensor.uninitialized(shape, dtype, device)
        try device.backend.copy(self, into: out)
        return out
    }
}
