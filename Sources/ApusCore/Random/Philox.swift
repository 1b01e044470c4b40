/// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", 2011): the generator of every backend.
///
/// A block is four 32-bit words, a pure function of a 64-bit key (the seed) and a 64-bit counter (the block's number; the upper 64 bits of
/// Philox's counter are zero). So any thread can compute any element of a fill, and the same seed gives the same numbers on every device.
///
/// The table shows which words element i of a fill uses, counted from block `offset`. The words of a block are w0 … w3, its 64-bit words W0
/// = w0 + 2³²·w1 and W1 = w2 + 2³²·w3. Every operation is rounded separately; there are no fused multiply-adds.
///
/// | fill | block | word | number |
/// | --- | --- | --- | --- |
/// | uniform float32 | offset + i/4 | w = w(i mod 4) | u = ⌊w/2⁸⌋·2⁻²⁴ |
/// | uniform float16 | the same | the same | u = ⌊w/2²¹⌋·2⁻¹¹ |
/// | uniform bfloat16 | the same | the same | u = ⌊w/2²⁴⌋·2⁻⁸ |
/// | uniform float64 | offset + i/2 | W = W(i mod 2) | u = ⌊W/2¹¹⌋·2⁻⁵³ |
/// | normal float32, float16, bfloat16 | offset + i/4 | (w0, w1) for i mod 4 = 0, 1; (w2, w3) for 2, 3 | Box–Muller of the pair |
/// | normal float64 | offset + i/2 | (W0, W1) for i mod 2 = 0, 1 | Box–Muller of the pair |
/// | bernoulli | offset + i/4 | w = w(i mod 4) | value if ⌊w/2⁸⌋·2⁻²⁴ < p (a float32), else 0 |
/// | integers | offset + i/2 | W = W(i mod 2) | low + ⌊W·(high − low)/2⁶⁴⌋ |
///
/// A uniform number is `low + (high − low)·u`; low and high − low are first rounded to the element type (float32 for 16-bit floats). If
/// rounding gives high, the result is the largest number of the element type below high (`Philox.below`).
///
/// Box–Muller in float32 (for 16-bit floats rounded once at the end), for the words (a, b), with a converted as unsigned and b as signed: r
/// = √(−2·ln(Float(a)·2⁻³² + 2⁻³³)), s = Float(b)·2⁻³¹; the even element is `mean + std·(r·cos πs)`, the odd one `mean + std·(r·sin πs)`.
/// In float64 for (A, B): r = √(−2·ln(Double(⌊A/2¹¹⌋)·2⁻⁵³ + 2⁻⁵⁴)), s = Double(⌊B/2¹¹⌋)·2⁻⁵² with B signed. Logarithm, sine and cosine may
/// differ between backends in the last bits, so normal numbers agree to a few units in the last place; all others agree bit for bit.
package enum Philox {
    /// The four words of block `counter` under `key`; `upper` is the upper half of Philox's counter, 0 in every fill.
    package static func block(key: UInt64, counter: UInt64, upper: UInt64 = 0) -> (UInt32, UInt32, UInt32, UInt32) {
        var (k0, k1) = (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
        var (c0, c1) = (UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32))
        var (c2, c3) = (UInt32(truncatingIfNeeded: upper), UInt32(truncatingIfNeeded: upper >> 32))
        for _ in 0..<10 {
            let p = UInt64(c0) * 0xD251_1F53
            let q = UInt64(c2) * 0xCD9E_8D57
            (c0, c1, c2, c3) = (
                UInt32(truncatingIfNeeded: q >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: q),
                UInt32(truncatingIfNeeded: p >> 32) ^ c3 ^ k1, UInt32(truncatingIfNeeded: p)
            )
            k0 &+= 0x9E37_79B9
            k1 &+= 0xBB67_AE85
        }
        return (c0, c1, c2, c3)
    }

    /// The number of blocks for a fill of `count` elements, by which the generator's offset advances.
    package static func blocks(for kind: RandomKind, _ dtype: DType, count: Int) -> UInt64 {
        let perBlock = elementsPerBlock(kind, dtype)
        return UInt64((count + perBlock - 1) / perBlock)
    }

    /// How many elements of a fill share a block.
    package static func elementsPerBlock(_ kind: RandomKind, _ dtype: DType) -> Int {
        switch kind {
        case .integers: 2
        case .bernoulli: 4
        case .uniform, .normal: dtype == .float64 ? 2 : 4
        }
    }

    /// A bernoulli element is non-zero if the upper 24 bits of its word are below this: p, as a float32, in units of 2⁻²⁴.
    package static func threshold(_ p: Double) -> UInt32 { UInt32((Double(Float(p)) * 0x1p24).rounded(.up)) }

    /// The largest number of `dtype` (a float) below `value`, which is rounded to `dtype` first.
    package static func below(_ value: Double, _ dtype: DType) -> Double {
        switch dtype {
        case .float64: return value.nextDown
        case .float16: return Double(Float16(Float(value)).nextDown)
        case .bfloat16:
            let rounded = BFloat16(Float(value))
            // Bit patterns of numbers with the same sign are ordered like their magnitudes.
            switch rounded.bitPattern {
            case 0, 0x8000: return Double(BFloat16(bitPattern: 0x8001).floatValue)
            case let bits where bits < 0x8000: return Double(BFloat16(bitPattern: bits - 1).floatValue)
            case let bits: return Double(BFloat16(bitPattern: bits + 1).floatValue)
            }
        default: return Double(Float(value).nextDown)
        }
    }
}
