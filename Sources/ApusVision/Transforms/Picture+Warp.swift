import ApusCore
import ApusFormats
import CKernels
import Glibc

extension Picture {
    /// A point of a picture: column and row, from the upper left corner.
    public typealias Point = (x: Double, y: Double)

    /// Rotates the picture by `angle` degrees counterclockwise about `center`, by default its middle. With `expand` the result is large
    /// enough for the whole rotated picture; otherwise corners are cut off. Uncovered pixels are `fill`.
    ///
    /// Filters are `Interpolation/nearest`, `Interpolation/bilinear` and `Interpolation/bicubic`; traps on others. The same bytes as
    /// Pillow's `rotate`. PyTorch: `v2.functional.rotate`.
    public func rotated(
        by angle: Double, interpolation: Interpolation = .nearest, expand: Bool = false, center: Point? = nil, fill: Fill = 0
    ) -> Picture {
        guard angle.isFinite else {
            fail("Picture.rotated", "the angle is \(angle)")
            return self
        }
        let remainder = angle.truncatingRemainder(dividingBy: 360)
        let turn = remainder < 0 ? remainder + 360 : remainder
        if center == nil {
            switch turn {
            case 0: return self
            case 180: return turned(.halfTurn)
            case 90 where expand || width == height: return turned(.counterclockwise)
            case 270 where expand || width == height: return turned(.clockwise)
            default: break
            }
        }
        let radians = -(turn * (.pi / 180))
        var m = [rounded(cos(radians)), rounded(sin(radians)), 0, rounded(-sin(radians)), rounded(cos(radians)), 0]
        func map(_ x: Double, _ y: Double) -> Point { (m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]) }
        let middle = center ?? (Double(width) / 2, Double(height) / 2)
        (m[2], m[5]) = map(-middle.x, -middle.y)
        m[2] += middle.x
        m[5] += middle.y
        var (newWidth, newHeight) = (width, height)
        if expand {
            let corners = [map(0, 0), map(Double(width), 0), map(Double(width), Double(height)), map(0, Double(height))]
            func extent(_ values: [Double]) -> Int { Int(values.max()!.rounded(.up)) - Int(values.min()!.rounded(.down)) }
            (newWidth, newHeight) = (extent(corners.map(\.x)), extent(corners.map(\.y)))
            (m[2], m[5]) = map(-Double(newWidth - width) / 2, -Double(newHeight - height) / 2)
        }
        return warped(m + [0, 0], width: newWidth, height: newHeight, interpolation, fill)
    }

    /// Shears the picture by `shear` degrees (in x, then in y), scales it by `scale` and rotates it by `angle` degrees clockwise, all about
    /// `center`, by default its middle, and translates it by `translate` pixels. Filters are those of
    /// ``rotated(by:interpolation:expand:center:fill:)``.
    ///
    /// The same bytes as PyTorch's `v2.functional.affine` of PIL images. Traps unless `scale` is positive.
    public func affine(
        angle: Double = 0, translate: Point = (0, 0), scale: Double = 1, shear: Point = (0, 0), interpolation: Interpolation = .nearest,
        fill: Fill = 0, center: Point? = nil
    ) -> Picture {
        guard scale > 0 else {
            fail("Picture.affine", "the scale is \(scale), it must be positive")
            return self
        }
        let (turn, sx, sy) = (angle * (.pi / 180), shear.x * (.pi / 180), shear.y * (.pi / 180))
        let middle = center ?? (Double(width) * 0.5, Double(height) * 0.5)
        let a = cos(turn - sy) / cos(sy), c = sin(turn - sy) / cos(sy)
        let b = -(a * tan(sx) + sin(turn)), d = cos(turn) - c * tan(sx)
        // The inverse map, from output to input pixels.
        var m = [d / scale, -b / scale, 0, -c / scale, a / scale, 0]
        let (x, y) = (middle.x + translate.x, middle.y + translate.y)
        m[2] += middle.x - m[0] * x - m[1] * y
        m[5] += middle.y - m[3] * x - m[4] * y
        return warped(m + [0, 0], width: width, height: height, interpolation, fill)
    }

    /// A perspective transform that moves the four points `from` to the points `to`: the upper left, upper right, lower right and lower
    /// left corner. If three of them are collinear there is no such transform, and the picture does not change.
    ///
    /// Filters are those of ``rotated(by:interpolation:expand:center:fill:)``. PyTorch: `v2.functional.perspective` of PIL images, whose
    /// coefficients are single-precision; so are these. Traps unless there are four points of each kind.
    public func perspective(from: [Point], to: [Point], interpolation: Interpolation = .bilinear, fill: Fill = 0) -> Picture {
        guard from.count == 4, to.count == 4 else {
            fail("Picture.perspective", "\(from.count) and \(to.count) points, where 4 and 4 are wanted")
            return self
        }
        var equations: [[Double]] = []
        for (p, q) in zip(to, from) {
            equations.append([p.x, p.y, 1, 0, 0, 0, -q.x * p.x, -q.x * p.y, q.x])
            equations.append([0, 0, 0, p.x, p.y, 1, -q.y * p.x, -q.y * p.y, q.y])
        }
        guard let coefficients = solved(equations) else { return self }
        return warped(coefficients.map { Double(Float($0)) }, width: width, height: height, interpolation, fill)
    }

    /// Each pixel of the result is taken from the place in this picture to which `matrix` maps it (`apus_picture_warp`).
    private func warped(
        _ matrix: [Double], width newWidth: Int, height newHeight: Int, _ interpolation: Interpolation, _ fill: Fill
    ) -> Picture {
        let wanted: WarpFilter? =
            switch interpolation {
            case .nearest: .nearest
            case .bilinear: .bilinear
            case .bicubic: .bicubic
            case .box, .hamming, .lanczos: nil
            }
        guard let filter = wanted else {
            fail("interpolation", "'\(interpolation.rawValue)' is for resizing; here it is 'nearest', 'bilinear' or 'bicubic'")
            return self
        }
        let colour = fill.bytes(channels)
        // Without rotation, rows and columns are independent. Pillow adds up the steps, whose last bits are not those of a product.
        if interpolation == .nearest, matrix[1] == 0, matrix[3] == 0, matrix[6] == 0, matrix[7] == 0 {
            let rows = Picture.places(from: matrix[5] + matrix[4] * 0.5, step: matrix[4], count: newHeight, below: height)
            let columns = Picture.places(from: matrix[2] + matrix[0] * 0.5, step: matrix[0], count: newWidth, below: width)
            return picked(rows: rows, columns: columns, fill: colour)
        }
        return Picture(width: newWidth, height: newHeight, channels: channels) { out in
            Picture.fill(out, newWidth * newHeight, colour)
            pixels.withUnsafeBufferPointer { pixels in
                // The kernel only reads the second picture.
                var old = apus_picture(
                    pixels: UnsafeMutablePointer(mutating: pixels.baseAddress!), width: Int64(width), height: Int64(height),
                    channels: Int32(channels))
                var new = apus_picture(pixels: out, width: Int64(newWidth), height: Int64(newHeight), channels: Int32(channels))
                apus_picture_warp(&new, &old, matrix, filter)
            }
        }
    }
}

/// `x` rounded to 15 decimal places, as Python's `round` does.
private func rounded(_ x: Double) -> Double {
    let product = x * 1e15
    var digits = product.rounded(.toNearestOrEven)
    // The rounding error of the product may decide.
    let rest = (product - digits) + (-product).addingProduct(x, 1e15)
    if rest > 0.5 { digits += 1 } else if rest < -0.5 { digits -= 1 }
    return digits / 1e15
}

/// Solves linear equations, each given by its coefficients and its right-hand side; nil if there is no unique solution.
private func solved(_ equations: [[Double]]) -> [Double]? {
    var rows = equations
    let count = rows.count
    for column in 0..<count {
        let pivot = (column..<count).max { abs(rows[$0][column]) < abs(rows[$1][column]) }!
        rows.swapAt(column, pivot)
        guard abs(rows[column][column]) > 1e-9 else { return nil }
        for row in 0..<count where row != column {
            let factor = rows[row][column] / rows[column][column]
            for i in column...count { rows[row][i] -= factor * rows[column][i] }
        }
    }
    return (0..<count).map { rows[$0][count] / rows[$0][$0] }
}
