/// The limits of a floating-point dtype. PyTorch: `torch.finfo`.
public struct FloatInfo: Hashable, Sendable {
    /// The number of bits.
    public let bits: Int
    /// The smallest and the largest finite number.
    public let min, max: Double
    /// The distance from 1 to the next larger number.
    public let eps: Double
    /// The smallest positive normal number; `smallestNormal` is another name.
    public let tiny: Double
    /// The smallest positive normal number.
    public var smallestNormal: Double { tiny }
}

/// The limits of an integer dtype. PyTorch: `torch.iinfo`.
public struct IntegerInfo: Hashable, Sendable {
    /// The number of bits.
    public let bits: Int
    /// The smallest and the largest integer.
    public let min, max: Int
}

/// The limits of a floating-point dtype: `finfo(x.dtype).max`. Traps for integers and bool. PyTorch: `torch.finfo`.
public func finfo(_ dtype: DType) -> FloatInfo {
    if !dtype.isFloatingPoint { fail("finfo", "\(dtype) is no floating-point type; use iinfo") }
    return FloatInfo(bits: 8 * dtype.size, min: -dtype.largest, max: dtype.largest, eps: dtype.epsilon, tiny: dtype.tiny)
}

/// The limits of an integer dtype: `iinfo(x.dtype).max`. Traps for floating-point types and bool. PyTorch: `torch.iinfo`.
public func iinfo(_ dtype: DType) -> IntegerInfo {
    if !dtype.isInteger { fail("iinfo", "\(dtype) is no integer type" + (dtype.isFloatingPoint ? "; use finfo" : "")) }
    let bits = 8 * dtype.size
    return dtype.isSigned
        ? IntegerInfo(bits: bits, min: Int.min >> (64 - bits), max: Int.max >> (64 - bits))
        : IntegerInfo(bits: bits, min: 0, max: (1 << bits) - 1)
}
