import Glibc

/// The backend that every other one is compared with: slow and simple.
///
/// Its goals, in this order: to be correct, to be easy to verify, to be usable in tests. Each method reads its operands into arrays in
/// row-major order, computes floats in `Double` and integers in `Int64`, and rounds or wraps once, when it writes. The fused forms are the
/// compositions of `Backend+Defaults.swift`.
package struct ReferenceBackend: Backend {
    package static let shared = ReferenceBackend()

    package var name: String { "reference" }

    /// Fills the memory with 0xFF, NaN in every float type, so that elements that a kernel forgets to write are noticed.
    package func allocate(byteCount: Int) throws(OpError) -> UnsafeMutableRawPointer {
        let size = max(byteCount, 1)
        var memory: UnsafeMutableRawPointer?
        guard posix_memalign(&memory, 64, size) == 0, let memory else { throw OpError("no memory for \(byteCount) bytes on reference") }
        memset(memory, 0xFF, size)
        return memory
    }

    package func deallocate(_ pointer: UnsafeMutableRawPointer, byteCount: Int) { free(pointer) }
}

// MARK: Numbers

/// The type that elements are computed in: `Double` for floats, wrapping `Int64` for integers and bool.
protocol ReferenceNumber: Comparable {
    static var zero: Self { get }
    static var one: Self { get }
    /// The start value of a maximum; `highest` is that of a minimum.
    static var lowest: Self { get }
    static var highest: Self { get }
    var isNaN: Bool { get }
    static func read(_ dtype: DType, _ address: UnsafeRawPointer) -> Self
    func write(_ dtype: DType, _ address: UnsafeMutableRawPointer)
    func plus(_ other: Self) -> Self
    func times(_ other: Self) -> Self
    /// The rounding error of `sum` = self + other; 0 if `sum` is not finite.
    func lost(adding other: Self, in sum: Self) -> Self
    func divided(byCount count: Int) -> Self
}

extension ReferenceNumber {
    /// The larger one; NaN wins; of equal ones the first.
    func larger(_ other: Self) -> Self { isNaN ? self : other.isNaN || other > self ? other : self }
    func smaller(_ other: Self) -> Self { isNaN ? self : other.isNaN || other < self ? other : self }
}

extension Double: ReferenceNumber {
    static var one: Double { 1 }
    static var lowest: Double { -.infinity }
    static var highest: Double { .infinity }

    static func read(_ dtype: DType, _ address: UnsafeRawPointer) -> Double {
        switch dtype {
        case .float64: address.load(as: Double.self)
        case .float32: Double(address.load(as: Float.self))
        case .float16: Double(address.load(as: Float16.self))
        case .bfloat16: Double(address.load(as: BFloat16.self).floatValue)
        default: Double(Int64.read(dtype, address))
        }
    }

    /// Rounds floats to nearest even (16-bit floats through float32, as the contract says); for integers truncates and clamps to the range.
    func write(_ dtype: DType, _ address: UnsafeMutableRawPointer) {
        switch dtype {
        case .float64: address.storeBytes(of: self, as: Double.self)
        case .float32: address.storeBytes(of: Float(self), as: Float.self)
        case .float16: address.storeBytes(of: Float16(Float(self)), as: Float16.self)
        case .bfloat16: address.storeBytes(of: BFloat16(Float(self)), as: BFloat16.self)
        default: Scalar.double(self).integer(in: dtype).write(dtype, address)
        }
    }

    func plus(_ other: Double) -> Double { self + other }
    func times(_ other: Double) -> Double { self * other }
    func divided(byCount count: Int) -> Double { self / Double(count) }

    /// Knuth's two-sum, exact whichever operand is larger.
    func lost(adding other: Double, in sum: Double) -> Double {
        guard sum.isFinite else { return 0 }
        let part = sum - self
        return (self - (sum - part)) + (other - part)
    }
}

extension Int64: ReferenceNumber {
    static var one: Int64 { 1 }
    static var lowest: Int64 { .min }
    static var highest: Int64 { .max }
    var isNaN: Bool { false }

    static func read(_ dtype: DType, _ address: UnsafeRawPointer) -> Int64 {
        switch dtype {
        case .bool: address.load(as: UInt8.self) != 0 ? 1 : 0
        case .uint8: Int64(address.load(as: UInt8.self))
        case .int8: Int64(address.load(as: Int8.self))
        case .int16: Int64(address.load(as: Int16.self))
        case .int32: Int64(address.load(as: Int32.self))
        case .int64: address.load(as: Int64.self)
        default: Scalar.double(Double.read(dtype, address)).int64Value
        }
    }

    /// Wraps to narrower integers; rounds once to floats (16-bit floats through float32).
    func write(_ dtype: DType, _ address: UnsafeMutableRawPointer) {
        switch dtype {
        case .bool: address.storeBytes(of: self != 0 ? 1 : 0, as: UInt8.self)
        case .uint8: address.storeBytes(of: UInt8(truncatingIfNeeded: self), as: UInt8.self)
        case .int8: address.storeBytes(of: Int8(truncatingIfNeeded: self), as: Int8.self)
        case .int16: address.storeBytes(of: Int16(truncatingIfNeeded: self), as: Int16.self)
        case .int32: address.storeBytes(of: Int32(truncatingIfNeeded: self), as: Int32.self)
        case .int64: address.storeBytes(of: self, as: Int64.self)
        case .float32: address.storeBytes(of: Float(self), as: Float.self)
        case .float64: address.storeBytes(of: Double(self), as: Double.self)
        case .float16: address.storeBytes(of: Float16(Float(self)), as: Float16.self)
        case .bfloat16: address.storeBytes(of: BFloat16(Float(self)), as: BFloat16.self)
        }
    }

    func plus(_ other: Int64) -> Int64 { self &+ other }
    func times(_ other: Int64) -> Int64 { self &* other }
    func divided(byCount count: Int) -> Int64 { self / Int64(count) }
    func lost(adding other: Int64, in sum: Int64) -> Int64 { 0 }
}

/// A compensated sum (Neumaier's), so that the reference is more accurate than float64 sums.
struct ReferenceSum<N: ReferenceNumber> {
    private var sum = N.zero
    private var lost = N.zero

    mutating func add(_ number: N) {
        let next = sum.plus(number)
        lost = lost.plus(sum.lost(adding: number, in: next))
        sum = next
    }

    var value: N { sum.plus(lost) }
}

/// The type that `dtype` is computed in. Methods call their generic form with it.
func number(of dtype: DType) -> any ReferenceNumber.Type {
    dtype.isFloatingPoint ? Double.self : Int64.self
}

// MARK: Elements

/// The positions of the elements in memory, relative to the first one, in row-major order.
func positions(_ shape: Shape, strides: Shape) -> [Int] {
    var result: [Int] = []
    let count = shape.numel
    guard count > 0 else { return result }
    result.reserveCapacity(count)
    var index = [Int](repeating: 0, count: shape.count)
    let extents = Array(shape)
    let steps = Array(strides)
    var position = 0
    while true {
        result.append(position)
        var dim = extents.count - 1
        while dim >= 0 {
            index[dim] += 1
            position += steps[dim]
            if index[dim] < extents[dim] { break }
            position -= extents[dim] * steps[dim]
            index[dim] = 0
            dim -= 1
        }
        if dim < 0 { return result }
    }
}

/// The elements of `x` in row-major order.
func elements<N: ReferenceNumber>(_ x: Tensor, as: N.Type = N.self) -> [N] {
    let (base, dtype, size) = (UnsafeRawPointer(x.pointer), x.dtype, x.dtype.size)
    let places = positions(x.shape, strides: x.strides)
    // Most time is spent in this loop and in those of `store` and `combine`. They are plain loops, since sequences cost a microsecond per
    // element in debug builds. An empty array returns early: the standard library writes its count to a global, which the thread sanitizer
    // reports.
    if places.isEmpty { return [] }
    return [N](unsafeUninitializedCapacity: places.count) { buffer, count in
        places.withUnsafeBufferPointer { places in
            while count < places.count {
                (buffer.baseAddress! + count).initialize(to: N.read(dtype, base + places[count] * size))
                count += 1
            }
        }
    }
}

/// Writes `values`, in row-major order, to `out`.
func store<N: ReferenceNumber>(_ values: [N], in out: Tensor) {
    let (base, dtype, size) = (out.pointer, out.dtype, out.dtype.size)
    precondition(values.count == out.numel, "ReferenceBackend: \(values.count) values for a tensor of \(out.numel)")
    let places = positions(out.shape, strides: out.strides)
    values.withUnsafeBufferPointer { values in
        places.withUnsafeBufferPointer { places in
            var i = 0
            while i < values.count {
                values[i].write(dtype, base + places[i] * size)
                i += 1
            }
        }
    }
}

/// Applies `function` to each pair of elements.
func combine<N, Result>(_ a: [N], _ b: [N], _ function: (N, N) -> Result) -> [Result] {
    a.isEmpty
        ? []
        : [Result](unsafeUninitializedCapacity: a.count) { buffer, count in
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    while count < a.count {
                        (buffer.baseAddress! + count).initialize(to: function(a[count], b[count]))
                        count += 1
                    }
                }
            }
        }
}

/// Splits `shape` into lines along `dim`: the products of the extents before (outer) and after (inner) it, and the length. Element k of
/// line (o, i) has the index (o·length + k)·inner + i.
func lines(_ shape: Shape, dim: Int) -> (outer: Int, length: Int, inner: Int) {
    guard !shape.isEmpty else { return (1, 1, 1) }
    let extents = Array(shape)
    return (extents[..<dim].reduce(1, *), extents[dim], extents[(dim + 1)...].reduce(1, *))
}

extension DType {
    /// `value` rounded to the type in which formulas with intermediate rounding are computed: float64 for float64, else float32 (PyTorch's
    /// operation type of the 16-bit floats).
    func roundedToOperationType(_ value: Double) -> Double { self == .float64 ? value : Double(Float(value)) }
}
