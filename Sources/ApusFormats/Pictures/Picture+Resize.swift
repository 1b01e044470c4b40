import ApusCore

extension Picture {
    /// The picture in another size, by bilinear interpolation; shrinking averages over all pixels (a triangle filter as wide as the scale).
    /// The same bytes as Pillow's `resize((width, height), BILINEAR)`, horizontal pass first.
    public func resized(width newWidth: Int, height newHeight: Int) -> Picture {
        guard newWidth > 0 && newHeight > 0 else {
            fail("Picture.resized", "\(newWidth) × \(newHeight) pixels, where both must be at least 1")
            return self
        }
        var current = self
        if newWidth != width {
            // In a row neighbouring pixels are `channels` bytes apart.
            let pixels = Picture.resample(current.pixels, from: width, to: newWidth, lines: height, channels: channels, isHorizontal: true)
            current = Picture(width: newWidth, height: height, channels: channels, pixels: pixels)
        }
        if newHeight != height {
            let pixels = Picture.resample(
                current.pixels, from: height, to: newHeight, lines: newWidth, channels: channels, isHorizontal: false)
            current = Picture(width: newWidth, height: newHeight, channels: channels, pixels: pixels)
        }
        return current
    }

    private static func resample(_ source: [UInt8], from old: Int, to new: Int, lines: Int, channels: Int, isHorizontal: Bool) -> [UInt8] {
        let fraction = 22 // Fraction bits, as in Pillow.
        let scale = Double(old) / Double(new)
        let reach = max(scale, 1)
        let step = isHorizontal ? channels : lines * channels
        return [UInt8](unsafeUninitializedCapacity: new * lines * channels) { out, initialized in
            source.withUnsafeBufferPointer { source in
                for position in 0..<new {
                    let centre = (Double(position) + 0.5) * scale
                    let first = max(Int(centre - reach + 0.5), 0)
                    let last = min(Int(centre + reach + 0.5), old)
                    var weights = (first..<last).map { max(1 - abs((Double($0) - centre + 0.5) / reach), 0) }
                    let sum = weights.reduce(0, +)
                    weights = weights.map { $0 / sum }
                    let fixed = weights.map { Int(0.5 + $0 * Double(1 << fraction)) }
                    for line in 0..<lines {
                        for c in 0..<channels {
                            let start = isHorizontal ? line * old * channels + c : line * channels + c
                            var total = 1 << (fraction - 1)
                            for (i, weight) in fixed.enumerated() { total += weight * Int(source[start + (first + i) * step]) }
                            let target = isHorizontal ? (line * new + position) * channels + c : (position * lines + line) * channels + c
                            out[target] = UInt8(min(total >> fraction, 255))
                        }
                    }
                }
            }
            initialized = new * lines * channels
        }
    }
}
