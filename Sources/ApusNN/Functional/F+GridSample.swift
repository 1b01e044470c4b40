import ApusCore

/// How `F.gridSample` interpolates.
public enum GridSampleMode: String, Sendable, CaseIterable {
    /// Linearly between the 4 pixels around a position; the nearest pixel; by cubics through the 16 pixels around it.
    case bilinear, nearest, bicubic
}

/// What `F.gridSample` reads outside the input.
public enum GridSamplePadding: String, Sendable, CaseIterable {
    /// Zeros.
    case zeros
    /// The element at the border.
    case border
    /// The input, reflected at its borders as often as needed.
    case reflection
}

extension F {
    /// Samples images [N, C, H, W] at positions `grid` [N, OH, OW, 2]: [N, C, OH, OW]; or volumes [N, C, D, H, W] at [N, OD, OH, OW, 3].
    /// PyTorch: `F.grid_sample`.
    ///
    /// A position is x, y (, z): x runs along the last dimension, y along the one before. −1 and 1 are the centres of the first and last
    /// element with `alignCorners`, else their outer edges. `bilinear` is trilinear for volumes; `bicubic` (Keys, 1981, a = −0.75) is
    /// for images. Coordinates that are not finite give 0 with `zeros`; with `border` ±∞ read the element at that end and NaN the first
    /// one, with `reflection` all read the first one.
    ///
    /// Composed of gathers and products, so it has derivatives of any order by input and grid; by the grid they are 0 for `nearest`.
    public static func gridSample(
        _ input: Tensor, _ grid: Tensor, mode: GridSampleMode = .bilinear, paddingMode: GridSamplePadding = .zeros,
        alignCorners: Bool = false
    ) -> Tensor {
        composite("gridSample", .widest, input, grid) { (input, grid) throws(OpError) in
            let spatial = input.ndim - 2
            guard spatial == 2 || spatial == 3, grid.ndim == input.ndim else {
                throw OpError("input and grid need 4 dimensions (images) or 5 (volumes), their shapes are \(input.shape) and \(grid.shape)")
            }
            guard input.dtype.isFloatingPoint, grid.dtype == input.dtype else {
                throw OpError("input and grid must be of one floating-point type, they are \(input.dtype) and \(grid.dtype)")
            }
            guard input.shape[0] == grid.shape[0] else {
                throw OpError("input of shape \(input.shape) and grid of shape \(grid.shape) differ in batch size")
            }
            guard grid.shape[-1] == spatial else {
                throw OpError("grid of shape \(grid.shape) needs \(spatial) coordinates in its last dimension")
            }
            for extent in input.shape.suffix(spatial) where extent == 0 { throw OpError("input of shape \(input.shape) is empty in space") }
            guard mode != .bicubic || spatial == 2 else { throw OpError("mode bicubic is for images, the input has shape \(input.shape)") }

            let (batch, channels) = (input.shape[0], input.shape[1])
            let outer = Array(grid.shape.dropFirst().dropLast())
            let points = outer.reduce(1, *)
            let flat = grid.reshape([batch, points, spatial])
            // Spatial dimension d uses coordinate spatial − 1 − d.
            let taps = (0..<spatial).map { d in
                GridAxis(input.shape[d + 2], paddingMode, alignCorners).taps(flat.select(2, spatial - 1 - d), mode)
            }
            let planes = input.reshape([batch, channels, input.shape.suffix(spatial).reduce(1, *)])
            var total: Tensor?
            for corner in combinations(taps) {
                // The weight and the index are the same for all channels.
                var (place, weight) = (corner[0].index, corner[0].weight)
                for (d, tap) in corner.enumerated().dropFirst() {
                    place = place * input.shape[d + 2] + tap.index
                    weight = weight * tap.weight
                }
                let part = planes.gather(2, place.unsqueeze(1).expand([batch, channels, points])) * weight.unsqueeze(1)
                total = total.map { $0 + part } ?? part
            }
            return (total ?? planes).reshape([batch, channels] + outer)
        }
    }

    /// The grid that samples an image of `size` [N, C, H, W] (or a volume [N, C, D, H, W]) under an affine map of the coordinates: `theta`
    /// [N, 2, 3] → [N, H, W, 2] ([N, 3, 4] → [N, D, H, W, 3]). For `gridSample` with the same `alignCorners`. PyTorch: `F.affine_grid`.
    public static func affineGrid(_ theta: Tensor, _ size: some Collection<Int>, alignCorners: Bool = false) -> Tensor {
        let size = Array(size)
        return composite("affineGrid", theta) { () throws(OpError) in
            guard theta.dtype.isFloatingPoint else { throw OpError("theta must be floating-point numbers, it is \(theta.dtype)") }
            let spatial = size.count - 2
            guard spatial == 2 || spatial == 3 else { throw OpError("size \(size) needs 4 numbers (images) or 5 (volumes)") }
            for extent in size where extent < 1 || extent > 1 << 24 {
                throw OpError("size \(size) must be positive and at most \(1 << 24)")
            }
            guard theta.shape == [size[0], spatial, spatial + 1] else {
                throw OpError("theta must have shape [\(size[0]), \(spatial), \(spatial + 1)] for size \(size), it has \(theta.shape)")
            }
            let outer = Array(size.dropFirst(2))
            let coordinates = (0..<spatial).map { c -> Tensor in
                let d = spatial - 1 - c
                let extent = outer[d]
                var places = Tensor.linspace(-1, 1, extent, dtype: theta.dtype, device: theta.device)
                if alignCorners {
                    if extent == 1 { places = Tensor.zeros([1], dtype: theta.dtype, device: theta.device) }
                } else {
                    places =
                        extent == 1
                        ? Tensor.zeros([1], dtype: theta.dtype, device: theta.device) : places * (Double(extent - 1) / Double(extent))
                }
                var shape = Array(repeating: 1, count: spatial)
                shape[d] = extent
                return places.reshape(shape).expand(Shape(outer))
            }
            let base = Tensor.stack(coordinates + [Tensor.ones(Shape(outer), dtype: theta.dtype, device: theta.device)], dim: -1)
            let points = base.reshape([1, outer.reduce(1, *), spatial + 1]).expand([size[0], outer.reduce(1, *), spatial + 1])
            return points.matmul(theta.transpose(1, 2)).reshape([size[0]] + outer + [spatial])
        }
    }

    /// Every choice of one tap for each dimension.
    private static func combinations(_ taps: [[GridTap]]) -> [[GridTap]] {
        taps.reduce([[]]) { found, axis in found.flatMap { before in axis.map { before + [$0] } } }
    }
}

/// One dimension's part of a sample: for each point an element's index (int64, within the input) and its weight, 0 outside the input.
private struct GridTap {
    let index: Tensor
    let weight: Tensor
}

/// One spatial dimension that a grid samples.
private struct GridAxis {
    let extent: Int
    let padding: GridSamplePadding
    let alignCorners: Bool

    init(_ extent: Int, _ padding: GridSamplePadding, _ alignCorners: Bool) {
        self.extent = extent
        self.padding = padding
        self.alignCorners = alignCorners
    }

    /// `coordinate` [N, points], −1 … 1.
    func taps(_ coordinate: Tensor, _ mode: GridSampleMode) -> [GridTap] {
        let scaled = alignCorners ? (coordinate + 1) * (Double(extent - 1) / 2) : (coordinate + 1) * (Double(extent) / 2) - 0.5
        // Values that are not finite or exceed an Int32 are no places, and lie outside, for `border` on the side of their sign. Reflecting
        // brings all finite ones inside; others read the first element.
        let isPlace = noGrad { padding == .reflection ? scaled.detach().isfinite() : scaled.detach().abs().lt(0x1p30) }
        let place =
            switch padding {
            case .zeros: Tensor.where(isPlace, scaled, -100)
            case .border:
                Tensor.where(
                    isPlace, scaled, noGrad { Tensor.where(scaled.detach().gt(0), Tensor.full(like: scaled, Double(extent + 100)), -100) })
            case .reflection: Tensor.where(isPlace, scaled, 0)
            }
        switch mode {
        case .nearest:
            // The weight 1, computed from the position so that the grid's gradient is zeros instead of none.
            let nearest = within(place).round()
            return [tap(nearest.detach(), nearest * 0 + 1)]
        case .bilinear:
            let inside = within(place)
            let low = inside.detach().floor()
            return [tap(low, (low + 1) - inside), tap(low + 1, inside - low)]
        case .bicubic:
            let low = place.detach().floor()
            let t = place - low
            return (-1...2).map { k in
                let distance = k <= 0 ? t - Double(k) : Double(k) - t
                return tap(within(low + Double(k)).round(), cubic(distance, isNear: k == 0 || k == 1))
            }
        }
    }

    /// The element at an integral position; outside the input the first element with weight 0.
    private func tap(_ place: Tensor, _ weight: Tensor) -> GridTap {
        let isInside = noGrad { place.ge(0).logicalAnd(place.le(Double(extent - 1))) }
        let index = noGrad { Tensor.where(isInside, place, 0).to(.int64) }
        return GridTap(index: index, weight: Tensor.where(isInside, weight, 0))
    }

    /// The position after the padding rule. A position at the border counts as outside for the derivative, as in PyTorch.
    private func within(_ place: Tensor) -> Tensor {
        switch padding {
        case .zeros: return place
        case .border: return clipped(place)
        case .reflection:
            let (low, span) = alignCorners ? (0.0, Double(extent - 1)) : (-0.5, Double(extent))
            guard span > 0 else { return clipped(place * 0) }
            let distance = (place - low).abs()
            let turns = noGrad { (distance.detach() / span).floor() }
            let rest = distance - turns * span
            let isOdd = noGrad { turns.remainder(2).eq(1) }
            return clipped(Tensor.where(isOdd, span - rest, rest) + low)
        }
    }

    private func clipped(_ place: Tensor) -> Tensor {
        let last = Double(extent - 1)
        let isInside = noGrad { place.gt(0).logicalAnd(place.lt(last)) }
        return Tensor.where(isInside, place, place.detach().clamp(min: 0, max: last))
    }

    /// The cubic convolution kernel (Keys, 1981, a = −0.75) at a distance up to 1 (`isNear`) or from 1 to 2.
    private func cubic(_ x: Tensor, isNear: Bool) -> Tensor {
        let a = -0.75
        if isNear { return (x * (a + 2) - (a + 3)) * x * x + 1 }
        let inner = (x * a - 5 * a) * x + 8 * a
        return inner * x - 4 * a
    }
}
