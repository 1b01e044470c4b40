/// A contiguous copy in another dtype or the same one. The gradient is converted back.
struct Convert: Op {
    let dtype: DType
    let inputDType: DType

    var name: String { dtype == inputDType ? "clone" : "to" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor { try inputs[0].converted(to: dtype) }
    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients { [grad.to(inputDType)] }
}

/// A copy on another device. The gradient is copied back.
struct Transfer: Op {
    let device: Device
    let inputDevice: Device

    var name: String { "to" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        // A transfer between two devices goes through the host.
        let x = try inputs[0].hostData()
        if x.device == device { return x }
        let out = try Tensor.uninitialized(x.shape, x.dtype, device)
        try device.backend.upload(x.pointer, byteCount: x.numel * x.dtype.size, to: out.storage.base, at: 0)
        return out
    }
    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients { [grad.to(inputDevice)] }
}

extension Tensor {
    /// The values in `dtype`; x itself if it has that dtype. Gradients flow between floating-point dtypes.
    public final func to(_ dtype: DType) -> Tensor {
        if dtype == self.dtype || isPoisoned { return self }
        return apply(Convert(dtype: dtype, inputDType: self.dtype), Inputs(self))
    }

    /// The tensor on `device`; x itself if it is there. Gradients flow back. Traps if the device is unavailable.
    public final func to(_ device: Device) -> Tensor {
        if device == self.device || isPoisoned { return self }
        return apply(Transfer(device: device, inputDevice: self.device), Inputs(self))
    }

    /// The tensor on the processor; x itself if it is there. PyTorch: `cpu()`.
    public final func cpu() -> Tensor { to(.cpu) }

    /// The tensor on `device` in `dtype`.
    public final func to(_ device: Device, _ dtype: DType) -> Tensor { to(device).to(dtype) }

    /// The tensor on the device and in the dtype of `other`.
    public final func to(_ other: Tensor) -> Tensor { other.isPoisoned ? other : to(other.device, other.dtype) }
    /// The values in `dtype`; with `copy` never x itself.
    public final func to(_ dtype: DType, copy: Bool) -> Tensor { copy && dtype == self.dtype ? clone() : to(dtype) }
    /// The tensor on `device`; with `copy` never x itself.
    public final func to(_ device: Device, copy: Bool) -> Tensor { copy && device == self.device ? clone() : to(device) }

    /// A copy with its own memory; gradients flow back.
    public final func clone() -> Tensor { apply(Convert(dtype: dtype, inputDType: dtype), Inputs(self)) }

    /// The values in float32.
    public final func float() -> Tensor { to(.float32) }
    /// The values in float64.
    public final func double() -> Tensor { to(.float64) }
    /// The values in float16.
    public final func half() -> Tensor { to(.float16) }
    /// The values in bfloat16.
    public final func bfloat16() -> Tensor { to(.bfloat16) }
    /// The values in int64.
    public final func long() -> Tensor { to(.int64) }
    /// The values in int32.
    public final func int() -> Tensor { to(.int32) }
    /// x ≠ 0, as bool.
    public final func bool() -> Tensor { to(.bool) }

    /// The only element as a Swift number; NaN or 0 for a poisoned tensor. Floats are rounded to the type; for Bool the result is whether
    /// the element is nonzero. Traps if there is not exactly one element, or if an integer type cannot represent it: 2.5, NaN, 300 as
    /// `UInt8`.
    public final func item<Element: TensorElement>(_ type: Element.Type) -> Element {
        if isPoisoned { return Element(.double(.nan)) }
        guard numel == 1 else {
            fail("item", "a tensor of shape \(shape) has \(numel) elements, not one; index it, reduce it, or take array()")
            return Element(.double(.nan))
        }
        // Large enough for an element of any dtype.
        var element: UInt64 = 0
        do throws(OpError) {
            try device.backend.download(storage.base, at: offset * dtype.size, byteCount: dtype.size, to: &element)
        } catch {
            fail(error, op: "item")
            return Element(.double(.nan))
        }
        let number = withUnsafeMutableBytes(of: &element) { scalar(at: $0.baseAddress!) }
        let result = Element(number)
        if Element.dtype.isInteger, let remedy = number.remedy(unlessEqualTo: result._scalar.int64Value) {
            fail("item", "\(Element.self) does not hold \(number.text); \(remedy)")
            return Element(.double(.nan))
        }
        return result
    }

    /// The only element as a `Double`. PyTorch: `item()`. In string interpolation a count prints as `60`, `"\(x.sum())"`, and its item as
    /// `60.0`.
    public final func item() -> Double { item(Double.self) }

    /// The only element as a number of the type that the context asks for, `let n: Int = x.sum().item()`, `names[x.argmax().item()]`; a
    /// `Double` if it asks for none. Like `item(_:)` it traps if an integer type cannot represent the element.
    @_disfavoredOverload public final func item<Element: TensorElement>() -> Element { item(Element.self) }

    /// The number at a host address.
    private final func scalar(at address: UnsafeMutableRawPointer) -> Scalar {
        switch dtype {
        case .bool: .bool(address.load(as: UInt8.self) != 0)
        case .uint8: address.load(as: UInt8.self)._scalar
        case .int8: address.load(as: Int8.self)._scalar
        case .int16: address.load(as: Int16.self)._scalar
        case .int32: address.load(as: Int32.self)._scalar
        case .int64: .int(address.load(as: Int64.self))
        case .float16: address.load(as: Float16.self)._scalar
        case .bfloat16: address.load(as: BFloat16.self)._scalar
        case .float32: address.load(as: Float.self)._scalar
        case .float64: .double(address.load(as: Double.self))
        }
    }

    /// All elements in row-major order, converted to `type`; one NaN or 0 for a poisoned tensor.
    public final func array<Element: TensorElement>(_ type: Element.Type = Element.self) -> [Element] {
        if isPoisoned { return [Element(.double(.nan))] }
        do throws(OpError) {
            return try numbers(type)
        } catch {
            fail(error, op: "array")
            return [Element(.double(.nan))]
        }
    }

    /// Like `array`, but throws the error: for functions that use the numbers as indices.
    package final func numbers<Element: TensorElement>(_ type: Element.Type = Element.self) throws(OpError) -> [Element] {
        let host = try detach().to(Element.dtype).hostData()
        let buffer = UnsafeBufferPointer(start: UnsafePointer(host.pointer.assumingMemoryBound(to: Element.self)), count: host.numel)
        return withExtendedLifetime(host) { Array(buffer) }
    }

    /// The bytes of all elements in row-major order, in the tensor's dtype, little-endian.
    public final func bytes() -> [UInt8] {
        if isPoisoned { return [] }
        do throws(OpError) {
            let host = try detach().hostData()
            let buffer = UnsafeRawBufferPointer(start: host.pointer, count: host.numel * dtype.size)
            return withExtendedLifetime(host) { Array(buffer) }
        } catch {
            fail(error, op: "bytes")
            return []
        }
    }
}
