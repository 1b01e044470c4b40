import ApusCore

#if canImport(Glibc)
    import Glibc
#endif

/// A tensor on the reference device from numbers in row-major order, made without any other backend.
package func reference(_ numbers: [Double], _ shape: Shape, _ dtype: DType) -> Tensor {
    let wide = blank(shape, .float64, on: .reference)
    precondition(numbers.count == shape.numel, "\(numbers.count) numbers for shape \(shape)")
    numbers.withUnsafeBytes { if let base = $0.baseAddress { wide.pointer.copyMemory(from: base, byteCount: $0.count) } }
    return converted(wide, dtype)
}

/// The same from integers, exactly; narrower types wrap.
package func reference(_ numbers: [Int64], _ shape: Shape, _ dtype: DType) -> Tensor {
    let wide = blank(shape, .int64, on: .reference)
    precondition(numbers.count == shape.numel, "\(numbers.count) numbers for shape \(shape)")
    numbers.withUnsafeBytes { if let base = $0.baseAddress { wide.pointer.copyMemory(from: base, byteCount: $0.count) } }
    return converted(wide, dtype)
}

private func converted(_ x: Tensor, _ dtype: DType) -> Tensor {
    let out = blank(x.shape, dtype, on: .reference)
    ReferenceBackend.shared.copy(x, into: out)
    return out
}

/// A contiguous tensor whose bytes are all 0xFF (NaN in every float type), so that elements that a kernel does not write are noticed.
package func blank(_ shape: Shape, _ dtype: DType, on device: Device) -> Tensor {
    guard let out = try? Tensor.uninitialized(shape, dtype, .reference) else { preconditionFailure("no memory for \(shape)") }
    memset(out.storage.base, 0xFF, out.numel * dtype.size)
    return moved(out, to: device)
}

/// The same view of a copy of its whole storage on another device, including the gaps between its elements.
package func moved(_ x: Tensor, to device: Device) -> Tensor {
    if x.device == device { return x }
    do {
        let bytes = x.storage.byteCount
        let block = try Storage.allocate(byteCount: bytes, device: device)
        if x.device.sharesHostMemory {
            try device.backend.upload(x.storage.base, byteCount: bytes, to: block.base, at: 0)
        } else {
            try x.device.backend.download(x.storage.base, at: 0, byteCount: bytes, to: block.base)
        }
        return Tensor(storage: block, shape: x.shape, strides: x.strides, offset: x.offset, dtype: x.dtype)
    } catch {
        preconditionFailure("moving \(x.shape) to \(device): \(error)")
    }
}

/// The same numbers on the reference device and, in some layout, on the device under test.
package struct Twin {
    package let reference: Tensor
    package let tested: Tensor

    /// `x` must be a contiguous tensor on the reference device.
    package init(_ x: Tensor, _ layout: Layout = .contiguous, on device: Device) {
        // Only broadcasting changes the numbers. Otherwise the reference reads contiguous elements, so that a common stride error shows.
        reference = layout == .broadcast || layout == .broadcastLast ? layout.lay(x) : x
        tested = moved(layout.lay(x), to: device)
    }

    package init(reference: Tensor, tested: Tensor) {
        self.reference = reference
        self.tested = tested
    }

    /// Blank outputs.
    package init(blank shape: Shape, _ dtype: DType, on device: Device) {
        reference = TestSupport.blank(shape, dtype, on: .reference)
        tested = TestSupport.blank(shape, dtype, on: device)
    }
}

/// Irregular numbers that are the same in every run (SplitMix64).
package struct Samples {
    private var state: UInt64
    package init(seed: UInt64) { state = seed }

    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A tensor of `shape` on the reference device with numbers in `range`, rounded for integer types; about every seventh element is
    /// one of `specials`, in turn.
    package mutating func tensor(_ shape: Shape, _ dtype: DType, in range: ClosedRange<Double> = -4...4, specials: [Double] = []) -> Tensor
    {
        var numbers: [Double] = []
        for i in 0..<shape.numel {
            let number = range.lowerBound + (range.upperBound - range.lowerBound) * Double(next() >> 11) * 0x1p-53
            let special = !specials.isEmpty && (i % 7 == 3 || shape.numel == 1)
            numbers.append(special ? specials[i / 7 % specials.count] : dtype.isFloatingPoint ? number : number.rounded())
        }
        return TestSupport.reference(numbers, shape, dtype)
    }

    /// The same with arbitrary integers of the dtype, including the extreme ones.
    package mutating func integers(_ shape: Shape, _ dtype: DType) -> Tensor {
        let bits = dtype.size * 8
        let extremes: [Int64] =
            dtype == .bool
            ? [0, 1] : dtype == .uint8 ? [0, 255, 128, 127] : [Int64.min >> (64 - bits), Int64.max >> (64 - bits), 0, -1, 1]
        let numbers = (0..<shape.numel).map { i -> Int64 in
            let any = Int64(bitPattern: next())
            return i % 7 == 3 ? extremes[i / 7 % extremes.count] : dtype == .bool ? any & 1 : any
        }
        return TestSupport.reference(numbers, shape, dtype)
    }
}

extension DType {
    package static let floats: [DType] = [.float64, .float32, .float16, .bfloat16]
    package static let integers: [DType] = [.uint8, .int8, .int16, .int32, .int64]

    /// Numbers at which float operations have special cases: NaN, infinities, zeros, subnormal numbers, and small whole and half numbers.
    package var corners: [Double] {
        [
            .nan, .infinity, -.infinity, 0, -0.0, tiny / 4, -tiny / 4, tiny, 1, -1, 0.5, -0.5, 2, -2, 1.5,
            2.5, -2.5,
        ]
    }
}
