import ApusCore
import TestSupport
import Testing

/// The fused kernels against the compositions in `Backend+Defaults.swift` on the reference.
@Suite("Backends: fused forms") struct FusedBackendTests {
    /// The dtype of mean and rstd.
    private func statistics(_ dtype: DType) -> DType { dtype == .float64 ? .float64 : .float32 }

    // MARK: Softmax

    static let lines: [(Shape, [Int])] = [
        ([], [0]), ([1], [0]), ([9], [0]), ([65], [0]), ([5, 33], [0, 1]), ([3, 17, 4], [0, 1, 2]), ([2, 3, 2, 3, 2], [1, 3]),
        ([0, 4], [0, 1]),
        ([300, 120], [0, 1]), ([3, 5000], [1]),
    ]

    @Test(arguments: BackendTests.devices, DType.floats) func softmax(_ device: Device, _ dtype: DType) throws {
        var samples = Samples(seed: 1800 + UInt64(dtype.rawValue))
        for (shape, dims) in Self.lines where dtype == .float32 || shape.numel < 10_000 {
            for dim in dims {
                for log in [false, true] {
                    for (range, corners) in [(-5.0...5.0, false), (-200...200, false), (-5...5, true)].prefix(shape.numel < 1000 ? 3 : 1) {
                        let x = samples.tensor(shape, dtype, in: range, specials: corners ? [-.infinity, 1, 2, 3, 80] : [])
                        for layout in Layout.allCases where shape.numel < 1000 || layout == .contiguous {
                            let x = Twin(x, layout, on: device)
                            let out = Twin(blank: shape, dtype, on: device)
                            try ReferenceBackend.shared.softmax(x.reference, dim: dim, log: log, into: out.reference)
                            try device.backend.softmax(x.tested, dim: dim, log: log, into: out.tested)
                            let place = "softmax (log \(log)) along \(dim) of \(dtype) \(shape) \(layout)"
                            // Differences up to 400 are rounded before exp.
                            BackendTests.complain(Tolerance(ulps: 32, absolute: log ? 64 : 4).difference(out), place)

                            let y = Twin(out.reference, layout == .broadcast || layout == .broadcastLast ? .contiguous : layout, on: device)
                            let grad = Twin(samples.tensor(shape, dtype), layout, on: device)
                            let gradX = Twin(blank: shape, dtype, on: device)
                            try ReferenceBackend.shared.softmaxBackward(
                                grad.reference, y.reference, dim: dim, log: log, into: gradX.reference)
                            try device.backend.softmaxBackward(grad.tested, y.tested, dim: dim, log: log, into: gradX.tested)
                            // For the logarithm, Σ g·y has up to 5000 summands up to 4.
                            let count = shape.isEmpty ? 1 : Double(shape[dim])
                            BackendTests.complain(
                                Tolerance(ulps: 32, absolute: 64 + (log ? 16 * count.squareRoot() : 0)).difference(gradX),
                                "gradient of \(place)")
                        }
                    }
                }
            }
        }
    }

    // MARK: Normalisation

    static let rows: [(Int, Int)] = [(1, 1), (3, 1), (1, 8), (5, 33), (17, 64), (64, 7), (0, 4), (3, 5000), (500, 67)]

    @Test(arguments: BackendTests.devices, DType.floats) func layerNorm(_ device: Device, _ dtype: DType) throws {
        var samples = Samples(seed: 1900 + UInt64(dtype.rawValue))
        for (rows, length) in Self.rows where dtype == .float32 || rows * length < 10_000 {
            for affine in [true, false] {
                // With a mean of 10, a variance of 1 is still exact to 100 units.
                for range in [-2.0...2.0, 8...12] {
                    let x = Twin(samples.tensor([rows, length], dtype, in: range), on: device)
                    let grad = Twin(samples.tensor([rows, length], dtype, in: -2...2), on: device)
                    let weight = affine ? Twin(samples.tensor([length], dtype, in: 0.5...1.5), on: device) : nil
                    let bias = affine ? Twin(samples.tensor([length], dtype, in: -1...1), on: device) : nil
                    let out = Twin(blank: [rows, length], dtype, on: device)
                    let (mean, rstd) = (
                        Twin(blank: [2, rows], statistics(dtype), on: device), Twin(blank: [rows], statistics(dtype), on: device)
                    )
                    try ReferenceBackend.shared.layerNorm(
                        x.reference, weight: weight?.reference, bias: bias?.reference, eps: 1e-3, into: out.reference, mean: mean.reference,
                        rstd: rstd.reference)
                    try device.backend.layerNorm(
                        x.tested, weight: weight?.tested, bias: bias?.tested, eps: 1e-3, into: out.tested, mean: mean.tested,
                        rstd: rstd.tested)
                    let place = "layerNorm of \(dtype) \(x.reference.shape), affine \(affine), around \(range.lowerBound + 2)"
                    BackendTests.complain(Tolerance(ulps: 64, absolute: 512).difference(out), place)
                    BackendTests.complain(Tolerance(ulps: 16, absolute: 16).difference(mean), place + ", mean")
                    BackendTests.complain(Tolerance(ulps: 64).difference(rstd), place + ", rstd")

                    // Both sides use the reference's statistics.
                    let (mean2, rstd2) = (Twin(mean.reference, on: device), Twin(rstd.reference, on: device))
                    let gradX = Twin(blank: [rows, length], dtype, on: device)
                    let (gradWeight, gradBias) = (Twin(blank: [length], dtype, on: device), Twin(blank: [length], dtype, on: device))
                    for (wantsX, wantsWeight) in [(true, true), (true, false), (false, true)] {
                        try ReferenceBackend.shared.layerNormBackward(
                            grad.reference, x.reference, weight: weight?.reference, mean: mean2.reference, rstd: rstd2.reference,
                            gradX: wantsX ? gradX.reference : nil, gradWeight: wantsWeight ? gradWeight.reference : nil,
                            gradBias: wantsWeight ? gradBias.reference : nil)
                        try device.backend.layerNormBackward(
                            grad.tested, x.tested, weight: weight?.tested, mean: mean2.tested, rstd: rstd2.tested,
                            gradX: wantsX ? gradX.tested : nil, gradWeight: wantsWeight ? gradWeight.tested : nil,
                            gradBias: wantsWeight ? gradBias.tested : nil)
                        let sums = Tolerance(ulps: 64, absolute: 64 * Double(max(rows, 1)).squareRoot())
                        if wantsX {
                            BackendTests.complain(
                                scaled(Tolerance(ulps: 64, absolute: 512), by: rstd.reference).difference(gradX), place + ", gradient")
                        }
                        if wantsWeight {
                            BackendTests.complain(
                                scaled(sums, by: rstd.reference).difference(gradWeight), place + ", gradient of the weight")
                            BackendTests.complain(sums.difference(gradBias), place + ", gradient of the bias")
                        }
                    }
                }
            }
        }
    }

    /// The absolute tolerance is scaled by the factor of all results.
    private func scaled(_ tolerance: Tolerance, by rstd: Tensor) -> Tolerance {
        Tolerance(ulps: tolerance.ulps, absolute: tolerance.absolute * max(1, values(rstd).max() ?? 1))
    }

    static let channels: [(Int, Int, Int)] = [(1, 1, 2), (4, 3, 1), (2, 3, 17), (3, 17, 4), (5, 4, 33), (2, 5, 2000), (600, 9, 7)]

    @Test(arguments: BackendTests.devices, DType.floats) func channelNorm(_ device: Device, _ dtype: DType) throws {
        var samples = Samples(seed: 2000 + UInt64(dtype.rawValue))
        for (batch, channels, length) in Self.channels where dtype == .float32 || batch * channels * length < 10_000 {
            for range in [-2.0...2.0, 8...12] {
                let shape: Shape = [batch, channels, length]
                let x = Twin(samples.tensor(shape, dtype, in: range), on: device)
                let grad = Twin(samples.tensor(shape, dtype, in: -2...2), on: device)
                let place = "\(dtype) \(shape) around \(range.lowerBound + 2)"
                let (mean, variance) = (
                    Twin(blank: [2, channels], statistics(dtype), on: device), Twin(blank: [channels], statistics(dtype), on: device)
                )
                try ReferenceBackend.shared.channelStatistics(x.reference, mean: mean.reference, variance: variance.reference)
                try device.backend.channelStatistics(x.tested, mean: mean.tested, variance: variance.tested)
                BackendTests.complain(Tolerance(ulps: 16, absolute: 16).difference(mean), "mean of \(place)")
                BackendTests.complain(Tolerance(ulps: 64, absolute: 16).difference(variance), "variance of \(place)")

                let rstdNumbers = values(variance.reference).map { 1 / ($0 + 1e-3).squareRoot() }
                let rstd = Twin(reference(rstdNumbers, [channels], statistics(dtype)), on: device)
                let mean2 = Twin(mean.reference, on: device)
                for affine in [true, false] {
                    let weight = affine ? Twin(samples.tensor([channels], dtype, in: 0.5...1.5), on: device) : nil
                    let bias = affine ? Twin(samples.tensor([channels], dtype, in: -1...1), on: device) : nil
                    let out = Twin(blank: shape, dtype, on: device)
                    try ReferenceBackend.shared.channelNormalize(
                        x.reference, mean: mean2.reference, rstd: rstd.reference, weight: weight?.reference, bias: bias?.reference,
                        into: out.reference)
                    try device.backend.channelNormalize(
                        x.tested, mean: mean2.tested, rstd: rstd.tested, weight: weight?.tested, bias: bias?.tested, into: out.tested)
                    BackendTests.complain(
                        scaled(Tolerance(ulps: 32, absolute: 64), by: rstd.reference).difference(out),
                        "channelNormalize of \(place), affine \(affine)")

                    for (training, wantsX, wantsWeight) in [
                        (true, true, true), (false, true, true), (true, true, false), (false, false, true),
                    ] {
                        let gradX = Twin(blank: shape, dtype, on: device)
                        let (gradWeight, gradBias) = (
                            Twin(blank: [channels], dtype, on: device), Twin(blank: [channels], dtype, on: device)
                        )
                        try ReferenceBackend.shared.channelNormBackward(
                            grad.reference, x.reference, weight: weight?.reference, mean: mean2.reference, rstd: rstd.reference,
                            training: training,
                            gradX: wantsX ? gradX.reference : nil, gradWeight: wantsWeight ? gradWeight.reference : nil,
                            gradBias: wantsWeight ? gradBias.reference : nil)
                        try device.backend.channelNormBackward(
                            grad.tested, x.tested, weight: weight?.tested, mean: mean2.tested, rstd: rstd.tested, training: training,
                            gradX: wantsX ? gradX.tested : nil, gradWeight: wantsWeight ? gradWeight.tested : nil,
                            gradBias: wantsWeight ? gradBias.tested : nil)
                        let sums = Tolerance(ulps: 64, absolute: 64 * Double(batch * length).squareRoot())
                        let what = "of \(place), affine \(affine), training \(training)"
                        if wantsX {
                            BackendTests.complain(
                                scaled(Tolerance(ulps: 64, absolute: 256), by: rstd.reference).difference(gradX), "gradient \(what)")
                        }
                        if wantsWeight {
                            BackendTests.complain(scaled(sums, by: rstd.reference).difference(gradWeight), "gradient of the weight \(what)")
                            BackendTests.complain(sums.difference(gradBias), "gradient of the bias \(what)")
                        }
                    }
                }
            }
        }
    }
}
