import ApusCore

extension Picture {
    /// The filter for values between pixels. PyTorch: `torchvision.transforms.InterpolationMode`.
    public enum Interpolation: String, CaseIterable, Sendable {
        /// The nearest pixel.
        case nearest
        /// The mean of the pixels that an output pixel covers.
        case box
        /// `1 − |x|` for `|x| < 1`: linear interpolation between neighbours.
        case bilinear
        /// `sin(πx)/(πx) · (0.54 + 0.46 cos πx)` for `|x| < 1`.
        case hamming
        /// Catmull and Rom's cubic, with a = −0.5, for `|x| < 2`.
        case bicubic
        /// `sin(πx)/(πx) · sin(πx/3)/(πx/3)` for `|x| < 3`.
        case lanczos
    }

    /// Resizes the picture. When it shrinks, all filters except ``Interpolation/nearest`` are widened by the scale, so that they average
    /// over all pixels (antialiasing).
    ///
    /// The same bytes as `resize((width, height), …)` of Pillow 13, which resizes the columns first if the reduction of rows is more than
    /// twice that of columns, else the rows; older versions always begin with the rows, which may change values by 1, more for filters that
    /// overshoot. PyTorch: `torchvision.transforms.v2.functional.resize` of PIL images.
    public func resized(width newWidth: Int, height newHeight: Int, interpolation: Interpolation = .bilinear) -> Picture {
        resized((0, 0, height, width), width: newWidth, height: newHeight, interpolation: interpolation)
    }

    /// A rectangle of pixels.
    package typealias Part = (top: Int, left: Int, height: Int, width: Int)

    /// Resizes the part of the picture that begins at row `top` and column `left`; pixels outside of it have no weight.
    package func resized(
        _ part: Part, width newWidth: Int, height newHeight: Int, interpolation: Interpolation
    ) -> Picture {
        guard newWidth > 0 && newHeight > 0 else {
            fail("Picture.resized", "\(newWidth) × \(newHeight) pixels, where both must be at least 1")
            return self
        }
        let (isOtherWidth, isOtherHeight) = (newWidth != part.width, newHeight != part.height)
        guard interpolation != .nearest, isOtherWidth || isOtherHeight else {
            func places(_ first: Int, _ old: Int, _ new: Int) -> [Int32] {
                let scale = Double(old) / Double(new)
                return Picture.places(from: scale * 0.5, step: scale, count: new, below: old).map { $0 + Int32(first) }
            }
            return picked(rows: places(part.top, part.height, newHeight), columns: places(part.left, part.width, newWidth))
        }
        guard isOtherHeight else { return resampled(part, width: newWidth, interpolation) }
        guard isOtherWidth else { return resampled(part, height: newHeight, interpolation) }
        if part.height - newHeight > max(2 * (part.width - newWidth), 0) {
            return resampled(part, height: newHeight, interpolation).resampled(
                (0, 0, newHeight, part.width), width: newWidth, interpolation)
        }
        return resampled(part, width: newWidth, interpolation).resampled((0, 0, part.height, newWidth), height: newHeight, interpolation)
    }
}
