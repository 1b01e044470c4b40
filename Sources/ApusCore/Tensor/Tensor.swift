/// An array of numbers of one type, with any number of dimensions, that records how it was computed.
///
/// A tensor is a view (shape, strides, offset) of a storage that it may share with others; `transpose`, slices and `expand` copy nothing.
/// If it requires a gradient, ops on it are recorded, and `backward()` runs the recorded ops in reverse. It is a reference, like PyTorch's
/// tensors: two variables may refer to the same tensor.
///
/// A tensor is not Sendable. It can move to another task under Swift 6's rules; sharing one needs a wrapper (`Shared`).
public class Tensor {
    // Setters are package-wide for `Module.to(_:)` and `assign(_:)`, which replace a parameter's contents and keep its identity.
    // Exclusivity is not checked at run time: each access is a single load or store, none spans a call, and the checks took a quarter of
    // the time of a small op.
    /// The block as it is, without `materialize`; read ``storage`` instead.
    @exclusivity(unchecked) final var memory: Storage
    @exclusivity(unchecked) public package(set) final var shape: Shape
    @exclusivity(unchecked) package final var strides: Shape
    /// In elements, from the start of the storage.
    @exclusivity(unchecked) package final var offset: Int
    @exclusivity(unchecked) public package(set) final var dtype: DType
    /// How the values are found if not in the memory alone; nil for most tensors.
    @exclusivity(unchecked) final var form: TensorForm?
    /// Whether it represents a Swift number, which ranks below tensors in type promotion.
    @exclusivity(unchecked) package final var isWrappedNumber = false

    // MARK: Autograd (see Autograd/)

    @exclusivity(unchecked) final var requiresGradFlag = false
    /// Whether it is a view whose base is in `extras`.
    @exclusivity(unchecked) final var isView = false
    /// The node of the op that made it, nil for leaves. For a view whose base was changed in place it is renewed on reading
    /// (`Autograd/InPlace.swift`).
    @exclusivity(unchecked) final var recordedNode: Node?
    @exclusivity(unchecked) final var outputIndex: Int32 = 0
    @exclusivity(unchecked) final var storedGrad: Tensor?
    /// Rarely used state: hooks, the node that accumulates a leaf's gradient, the base of a view.
    @exclusivity(unchecked) final var extras: AutogradExtras?

    package init(storage: Storage, shape: Shape, strides: Shape, offset: Int, dtype: DType) {
        memory = storage
        self.shape = shape
        self.strides = strides
        self.offset = offset
        self.dtype = dtype
    }

    /// A tensor that shares everything with `other` except its history.
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

    /// Turns this tensor into the poisoned tensor `poison`.
    final func become(_ poison: Tensor) {
        (memory, shape, strides, offset, dtype, form) = (
            poison.memory, poison.shape, poison.strides, poison.offset, poison.dtype, poison.form
        )
    }

    /// The result of a failed op inside `checked`.
    package static var poisoned: Tensor {
        do { return Tensor(poisoned: try Storage.allocate(byteCount: 8, device: .cpu, isCounted: false)) } catch {
            preconditionFailure("\(error)")
        }
    }

    deinit {
        extras?.accumulator?.tensor = nil
    }

    // MARK: Properties

    /// The device of its memory.
    public final var device: Device { memory.device }
    /// Whether it is the result of a failed op inside `checked`.
    public final var isPoisoned: Bool { form?.isPoison ?? false }
    /// The number of dimensions. PyTorch: `dim()`.
    public final var ndim: Int { shape.count }
    /// The number of elements.
    public final var numel: Int { shape.numel }
    /// The bytes that the elements take. PyTorch: `nbytes`.
    public final var nbytes: Int { numel * dtype.size }
    /// The size of dimension `dim`; negative dims count from the end. PyTorch: `size(dim)`.
    public final func size(_ dim: Int) -> Int { shape[dim] }
    /// The shape. PyTorch: `size()`.
    public final func size() -> Shape { shape }

    /// Whether the elements are in memory in row-major order, without gaps.
    public final var isContiguous: Bool {
        // A fast path for vectors, which are frequent in small ops.
        if shape.rank == 1 { return shape.d0 <= 1 || strides.d0 == 1 }
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

    /// The memory of its elements, shared with other views.
    package final var storage: Storage {
        form?.materialize(self)
        return memory
    }

    /// The address of the first element, for kernels; valid only while the tensor is alive.
    package final var pointer: UnsafeMutableRawPointer { storage.base + offset * dtype.size }

    /// A contiguous tensor with undefined contents.
    package static func uninitialized(_ shape: Shape, _ dtype: DType, _ device: Device) throws(OpError) -> Tensor {
        var count = dtype.size
        var isEmpty = false
        for extent in shape {
            guard extent >= 0 else { throw OpError("extent \(extent) in shape \(shape) is negative") }
            // Extents of 0 do not end the check, since strides are products of the extents too.
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

    /// A view of the same storage. Not recorded; ops that make views record themselves.
    package final func view(_ shape: Shape, strides: Shape, offset: Int) -> Tensor {
        Tensor(storage: storage, shape: shape, strides: strides, offset: offset, dtype: dtype)
    }

    /// A view broadcast to `target` (stride 0); the shapes must broadcast. Not recorded.
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

    /// The elements as a contiguous tensor; the tensor itself if it is contiguous. Not recorded.
    package final func contiguousData() throws(OpError) -> Tensor {
        if isContiguous { return self }
        return try converted(to: dtype)
    }

    /// The elements as a contiguous tensor in host memory, after all work on them is done; the tensor itself if it is that already. Not
    /// recorded.
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
