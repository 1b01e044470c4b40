import Glibc

// `Philox` documents which words an element uses and how. Other backends agree with these methods bit for bit, except for the last bits of
// normal numbers: logarithm, sine and cosine are computed in Double here.

extension ReferenceBackend {
    package func random(_ kind: RandomKind, seed: UInt64, offset: UInt64, into out: Tensor) {
        let words = Words(seed: seed, offset: offset)
        let dtype = out.dtype
        switch kind {
        case .uniform(let low, let high):
            store((0..<out.numel).map { uniform(words, $0, dtype, low: low, high: high) }, in: out)
        case .normal(let mean, let std):
            store((0..<out.numel).map { mean + std * (dtype == .float64 ? normalOfLongs(words, $0) : normalOfWords(words, $0)) }, in: out)
        case .bernoulli(let p, let value):
            store((0..<out.numel).map { Double(words.word($0) >> 8) * 0x1p-24 < Double(Float(p)) ? value : 0 }, in: out)
        case .integers(let low, let high):
            let width = UInt64(bitPattern: high &- low)
            store((0..<out.numel).map { low &+ Int64(bitPattern: words.long($0).multipliedFullWidth(by: width).high) }, in: out)
        }
    }

    private func uniform(_ words: Words, _ i: Int, _ dtype: DType, low: Double, high: Double) -> Double {
        let u: Double =
            switch dtype {
            case .float64: Double(words.long(i) >> 11) * 0x1p-53
            case .float32: Double(words.word(i) >> 8) * 0x1p-24
            case .float16: Double(words.word(i) >> 21) * 0x1p-11
            default: Double(words.word(i) >> 24) * 0x1p-8
            }
        // Each operation is rounded separately: to Double for float64, else to Float. Computing it in Double first does not change the
        // result (a product or sum of two floats rounded to Double and then to Float equals the one rounded to Float directly).
        func rounded(_ value: Double) -> Double { dtype.roundedToOperationType(value) }
        let number = dtype.roundedToElement(rounded(rounded(low) + rounded(rounded(high - low) * u)))
        return number >= dtype.roundedToElement(high) ? Philox.below(high, dtype) : number
    }

    private func normalOfWords(_ words: Words, _ i: Int) -> Double {
        let (a, b) = (words.word(i & ~1), Int32(bitPattern: words.word(i | 1)))
        let u = Float(a) * 0x1p-32 + 0x1p-33
        let s = Float(b) * 0x1p-31
        return boxMuller(Double(u), Double(s), odd: i % 2 == 1)
    }

    private func normalOfLongs(_ words: Words, _ i: Int) -> Double {
        let (a, b) = (words.long(i & ~1), Int64(bitPattern: words.long(i | 1)))
        return boxMuller(Double(a >> 11) * 0x1p-53 + 0x1p-54, Double(b >> 11) * 0x1p-52, odd: i % 2 == 1)
    }

    private func boxMuller(_ u: Double, _ s: Double, odd: Bool) -> Double {
        let radius = (-2 * log(u)).squareRoot()
        return radius * (odd ? sin(Double.pi * s) : cos(Double.pi * s))
    }
}

/// Philox's words from block `offset` on, indexed as 32-bit and as 64-bit words.
private struct Words {
    let seed: UInt64
    let offset: UInt64

    func word(_ i: Int) -> UInt32 {
        let block = Philox.block(key: seed, counter: offset &+ UInt64(i / 4))
        return [block.0, block.1, block.2, block.3][i % 4]
    }

    func long(_ i: Int) -> UInt64 {
        UInt64(word(2 * i)) | UInt64(word(2 * i + 1)) << 32
    }
}

extension DType {
    /// `value` rounded to this float type.
    fileprivate func roundedToElement(_ value: Double) -> Double {
        switch self {
        case .float16: Double(Float16(Float(value)))
        case .bfloat16: Double(BFloat16(Float(value)).floatValue)
        default: roundedToOperationType(value)
        }
    }
}
