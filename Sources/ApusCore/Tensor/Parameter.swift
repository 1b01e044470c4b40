/// A tensor that a module learns. It requires a gradient by default, and modules find it in their stored properties. PyTorch:
/// `nn.Parameter`.
public final class Parameter: Tensor {
    /// A leaf with the values of `data`; it shares the storage of `data`.
    public init(_ data: Tensor, requiresGrad: Bool = true) {
        super.init(sharing: data)
        if requiresGrad { self.requiresGrad = true }
    }
}

/// A tensor of a module's state that is not learned, such as a running mean. PyTorch: `nn.Buffer`.
public final class Buffer: Tensor {
    /// Whether it is part of `stateDict()`.
    public let isPersistent: Bool

    /// A buffer with the values of `data`; it shares the storage of `data`.
    public init(_ data: Tensor, persistent: Bool = true) {
        isPersistent = persistent
        super.init(sharing: data)
    }
}

extension Tensor {
    /// The values without the history, in the same memory. Assignment replaces the values, also by ones of another shape or dtype, while
    /// the tensor stays the same object, so that modules and optimizers keep using it. PyTorch: `data`.
    public final var data: Tensor {
        get { detach() }
        set { if !isPoisoned && !newValue.isPoisoned { setData(newValue) } }
    }

    /// Takes over storage, shape, dtype and device of `other`, and keeps identity, hooks and `requiresGrad`. The gradient is converted too,
    /// or dropped if the shape differs. Used to move modules to a device or dtype, and to give lazy parameters a shape. PyTorch: assignment
    /// to `.data`.
    package final func setData(_ other: Tensor) {
        memory = other.storage
        shape = other.shape
        strides = other.strides
        offset = other.offset
        dtype = other.dtype
        if let grad = storedGrad, grad.shape != shape || grad.dtype != dtype || grad.device != device {
            storedGrad = grad.shape == shape ? noGrad { grad.to(device).to(dtype) } : nil
        }
    }
}
