import ApusCore
import ApusFormats
import CKernels
import Glibc

// Functions that change pixels in place, without moving them. Unless stated otherwise, a result has the same bytes as Pillow's, and so as
// that of `torchvision.transforms.v2.functional` on PIL images.
extension Picture {
    // MARK: Value by value

    /// The picture with each value replaced by `change(value)`. Pillow: `point`.
    public func mapped(_ change: (UInt8) -> UInt8) -> Picture { mapped([(0...255).map(change)]) }

    /// The picture with `255 − value`. PyTorch: `v2.functional.invert`.
    public func inverted() -> Picture { mapped { 255 - $0 } }

    /// The picture with only the upper `bits` of each value. Traps unless `bits` is from 0 to 8.
    ///
    /// PyTorch: `v2.functional.posterize`. Pillow does not accept 0, which gives black.
    public func posterized(bits: Int) -> Picture {
        if !(0...8).contains(bits) { fail("Picture.posterized", "\(bits) bits, where 0 to 8 are wanted") }
        return mapped { $0 & ~UInt8(truncatingIfNeeded: (1 << (8 - bits)) - 1) }
    }

    /// The picture with values of at least `threshold` inverted. PyTorch: `v2.functional.solarize`.
    public func solarized(threshold: Double) -> Picture { mapped { Double($0) < threshold ? $0 : 255 - $0 } }

    /// Stretches each channel so that its smallest value becomes 0 and its largest 255; a constant channel does not change.
    /// PyTorch: `v2.functional.autocontrast`.
    public func autocontrasted() -> Picture {
        mapped(
            histogram().map { counts in
                let (low, high) = (counts.firstIndex { $0 > 0 }!, counts.lastIndex { $0 > 0 }!)
                if high <= low { return Array(0...255) }
                let scale = 255 / Double(high - low)
                let offset = -Double(low) * scale
                return (0..<256).map { UInt8(clamping: Int(Double($0) * scale + offset)) }
            })
    }

    /// Equalizes the histogram of each channel: a value becomes 255 times the share of smaller values. PyTorch: `v2.functional.equalize`.
    public func equalized() -> Picture {
        mapped(
            histogram().map { counts in
                let present = counts.filter { $0 > 0 }
                let step = (present.reduce(0, +) - present.last!) / 255
                if present.count <= 1 || step == 0 { return Array(0...255) }
                var sum = step / 2
                return counts.map { count in
                    defer { sum += count }
                    return UInt8(clamping: sum / step)
                }
            })
    }

    // MARK: Between two pictures

    /// The values multiplied by `factor`: black for 0, unchanged for 1. Traps if it is negative. PyTorch:
    /// `v2.functional.adjust_brightness`.
    public func adjustingBrightness(_ factor: Double) -> Picture { mixed(with: 0, Picture.checked(factor, "adjustingBrightness")) }

    /// `m + factor (value − m)` with the mean luma m, rounded: gray for 0, unchanged for 1. Traps if `factor` is negative.
    /// PyTorch: `v2.functional.adjust_contrast`.
    public func adjustingContrast(_ factor: Double) -> Picture {
        let counts = grayscale().histogram()[0]
        let sum = counts.enumerated().reduce(0) { $0 + $1.offset * $1.element }
        return mixed(with: UInt8(Double(sum) / Double(width * height) + 0.5), Picture.checked(factor, "adjustingContrast"))
    }

    /// `l + factor (value − l)` with the pixel's luma l: gray for 0, unchanged for 1. Traps if `factor` is negative.
    /// PyTorch: `v2.functional.adjust_saturation`.
    public func adjustingSaturation(_ factor: Double) -> Picture {
        let factor = Picture.checked(factor, "adjustingSaturation")
        return channels == 1 ? self : grayscale(channels: 3).blended(with: self, factor)
    }

    /// `s + factor (value − s)`, where s is the picture smoothed by a weighted mean over 3 × 3 pixels (the centre has weight 5; edges are
    /// unchanged): soft for 0, unchanged for 1, sharper beyond. Traps if `factor` is negative.
    /// PyTorch: `v2.functional.adjust_sharpness`.
    public func adjustingSharpness(_ factor: Double) -> Picture {
        let factor = Picture.checked(factor, "adjustingSharpness")
        let smooth = changed(channels: channels) { out, pixels in
            var picture = apus_picture(pixels: out, width: Int64(width), height: Int64(height), channels: Int32(channels))
            apus_picture_smooth(&picture, pixels)
        }
        return smooth.blended(with: self, factor)
    }

    // MARK: Colours

    /// Luma, `(19595 R + 38470 G + 7471 B + 2¹⁵) / 2¹⁶`, in each of 1 or 3 channels. PyTorch: `v2.functional.rgb_to_grayscale`.
    public func grayscale(channels wanted: Int = 1) -> Picture {
        guard wanted == 1 || wanted == 3 else {
            fail("Picture.grayscale", "\(wanted) channels, where 1 or 3 are wanted")
            return self
        }
        if channels == 1 { return converted(toChannels: wanted) }
        return changed(channels: wanted) { apus_picture_luma($0, $1, Int64(width * height), Int32(wanted)) }
    }

    /// Shifts the hue by `factor` turns, −0.5 to 0.5, through 8-bit HSV; a picture with 1 channel does not change. Traps on other factors.
    /// PyTorch: `v2.functional.adjust_hue`.
    public func adjustingHue(_ factor: Double) -> Picture {
        guard abs(factor) <= 0.5 else {
            fail("Picture.adjustingHue", "the factor is \(factor), it must be from -0.5 to 0.5")
            return self
        }
        if channels == 1 { return self }
        let shift = UInt8(truncatingIfNeeded: Int(factor * 255))
        return changed(channels: 3) { apus_picture_turn_hue($0, $1, Int64(width * height), shift) }
    }

    // MARK: Blur

    /// The picture convolved with a separable kernel, `exp(−(x/σ)²)` at `kernel` points from `−(kernel − 1)/√8` to `(kernel − 1)/√8`, as in
    /// torchvision; edges are mirrored. Within 1 of PyTorch's `v2.functional.gaussian_blur`, which sums in another order and does not
    /// accept a kernel larger than the picture.
    ///
    /// Traps unless both sizes are odd and both deviations positive.
    public func blurred(kernel: (width: Int, height: Int), sigma: (x: Double, y: Double)) -> Picture {
        guard kernel.width > 0, kernel.height > 0, kernel.width % 2 == 1, kernel.height % 2 == 1, sigma.x > 0, sigma.y > 0 else {
            fail("Picture.blurred", "a kernel of \(kernel) with σ \(sigma); sizes must be odd and deviations positive")
            return self
        }
        func bell(_ size: Int, _ sigma: Double) -> [Float] {
            let limit = Double(size - 1) / (2 * 2.0.squareRoot())
            let values = (0..<size).map { i in
                let x = size == 1 ? 0 : (2 * Double(i) / Double(size - 1) - 1) * limit / sigma
                return exp(-x * x)
            }
            let sum = values.reduce(0, +)
            return values.map { Float($0 / sum) }
        }
        let (row, column) = (bell(kernel.width, sigma.x), bell(kernel.height, sigma.y))
        return changed(channels: channels) { out, pixels in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: (width + kernel.width) * channels) { scratch in
                var picture = apus_picture(pixels: out, width: Int64(width), height: Int64(height), channels: Int32(channels))
                apus_picture_blur(&picture, pixels, column, Int64(column.count), row, Int64(row.count), scratch.baseAddress!)
            }
        }
    }

    // MARK: -

    /// Maps values through a table of 256 entries per channel, or one table for all channels.
    private func mapped(_ tables: [[UInt8]]) -> Picture {
        let table = (0..<channels).flatMap { tables[tables.count == 1 ? 0 : $0] }
        return changed(channels: channels) { apus_picture_map($0, $1, Int64(width * height), Int32(channels), table) }
    }

    /// The histogram of each channel.
    private func histogram() -> [[Int]] {
        var counts = [Int64](repeating: 0, count: 256 * channels)
        apus_picture_histogram(pixels, Int64(width * height), Int32(channels), &counts)
        return (0..<channels).map { counts[256 * $0..<256 * ($0 + 1)].map { Int($0) } }
    }

    /// `gray + factor (value − gray)`.
    private func mixed(with gray: UInt8, _ factor: Float) -> Picture {
        mapped {
            let value = Float(gray) + factor * Float(Int($0) - Int(gray))
            return UInt8(min(max(value, 0), 255))
        }
    }

    /// `self + factor (other − self)` for a picture of the same size. Pillow: `Image.blend`.
    private func blended(with other: Picture, _ factor: Float) -> Picture {
        changed(channels: channels) { apus_picture_blend($0, $1, other.pixels, Int64(pixels.count), factor) }
    }

    /// A picture of the same size; `write` computes its pixels from this one's.
    private func changed(channels: Int, _ write: (UnsafeMutablePointer<UInt8>, UnsafePointer<UInt8>) -> Void) -> Picture {
        Picture(width: width, height: height, channels: channels) { out in
            pixels.withUnsafeBufferPointer { write(out, $0.baseAddress!) }
        }
    }

    private static func checked(_ factor: Double, _ function: String) -> Float {
        if !(factor >= 0) { fail("Picture.\(function)", "the factor is \(factor), it must not be negative") }
        return Float(min(factor, Double(Float.greatestFiniteMagnitude)))
    }
}
