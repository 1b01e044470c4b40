import ApusCore

extension Shape {
    /// PyTorch's and NumPy's limit on the number of dimensions.
    static let maximumRank = 64

    /// The number of bytes of an array with these non-negative extents; nil if it or a stride exceeds 63 bits.
    package static func byteCount(_ extents: [Int], elementSize: Int) -> Int? {
        var span = elementSize
        for extent in extents {
            // An extent of 0 counts as 1: strides are products of the other extents and must not overflow either.
            let (product, overflows) = span.multipliedReportingOverflow(by: Swift.max(extent, 1))
            guard !overflows else { return nil }
            span = product
        }
        return extents.contains(0) ? 0 : span
    }
}

extension ByteRegion {
    /// The first byte that is not a valid `bool`, 0 or 1.
    package var wrongBool: Int? { bytes.firstIndex { $0 > 1 } }

    /// A tensor that is a view of the bytes, or of a copy if they are not aligned for the dtype. Strides are row-major unless given; the
    /// region must have all bytes that shape and strides reach.
    package func tensor(_ shape: Shape, _ dtype: DType, strides: Shape? = nil) throws -> Tensor {
        let strides = strides ?? shape.contiguousStrides
        if let base = bytes.baseAddress, !bytes.isEmpty, Int(bitPattern: base) % dtype.size == 0 {
            let storage = Storage.borrowing(base, byteCount: count, owner: owner)
            return Tensor(storage: storage, shape: shape, strides: strides, offset: 0, dtype: dtype)
        }
        let copy = try ApusFormats.tensor([count / dtype.size], dtype) { $0.copyMemory(from: UnsafeRawBufferPointer(bytes)) }
        return Tensor(storage: copy.storage, shape: shape, strides: strides, offset: 0, dtype: dtype)
    }
}

/// Reverses the bytes of each element.
package func swapBytes(_ bytes: UnsafeMutableRawBufferPointer, elementSize: Int) {
    func swap<Element: FixedWidthInteger>(_: Element.Type) {
        let elements = bytes.bindMemory(to: Element.self)
        for i in elements.indices { elements[i] = elements[i].byteSwapped }
    }
    switch elementSize {
    case 2: swap(UInt16.self)
    case 4: swap(UInt32.self)
    case 8: swap(UInt64.self)
    default: break
    }
}
