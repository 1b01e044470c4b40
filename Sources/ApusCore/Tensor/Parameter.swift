/// A tensor that a module learns: it requires a gradient, and a module finds it in its stored properties. PyTorch: `nn.Parameter`.
public final class Parameter: Tensor {
    /// A leaf with the values of `data`, whose storage it shares.
    public init(_ data: Tensor, requiresGrad: Bool = true) {
        super.init(sharing: data)
        if requiresGrad { self.requiresGrad = true }
    }
}

/// A tensor that belongs to a module's state but is not learned, such as a running mean. PyTorch: `nn.Buffer`.
public final class Buffer: Tensor {
    /// Whether it is part of `stateDict()`.
    public let isPersistent: Bool

    /// A buffer with the values of `data`, whose storage it shares.
    public init(_ data: Tensor, persistent: Bool = true) {
        isPersistent = persistent
        super.init(sharing: data)
    }
}

extension Tensor {
    /// Takes over the storage, shape, dtype and device of `other`, keeping identity, hooks and `requiresGrad`; the gradient is dropped
    /// where it would no longer fit. How a module moves to a device or dtype and a lazy parameter gets its shape. PyTorch: assignment to `.data`.
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
