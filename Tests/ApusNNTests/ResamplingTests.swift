import ApusCore
import ApusNN
import TestSupport
import Testing

/// `interpolate` chooses exactly the elements of its formula, copies dimensions of unchanged extent, and resamples images like PyTorch;
/// padding with negative sizes equals PyTorch's.
@Suite struct ResamplingBackendTests {
    @Test(arguments: Device.testedAndReference) func nearestIsExact(_ device: Device) {
        let limit = device == .cpu ? 24 : 9
        for dtype in [DType.float32, .float64] {
            for from in 1...limit {
                let x = Tensor.arange(from, dtype: dtype).reshape([1, 1, from]).to(device)
                for to in 1...limit {
                    #expect(values(F.interpolate(x, size: to)) == (0..<to).map { Double($0 * from / to) }, "\(from) to \(to)")
                    #expect(
                        values(F.interpolate(x, size: to, mode: .nearestExact)) == (0..<to).map { Double((2 * $0 + 1) * from / (2 * to)) },
                        "exact, \(from) to \(to)")
                }
                for factor in [0.5, 1.0 / 3, 0.7, 1.3, 2, 3] where Double(from) * factor >= 1 {
                    let to = Int((Double(from) * factor).rounded(.down))
                    func places(_ shift: Double) -> [Double] {
                        to == from
                            ? (0..<to).map(Double.init)
                            : (0..<to).map { min(((Double($0) + shift) / factor).rounded(.down), Double(from - 1)) }
                    }
                    #expect(values(F.interpolate(x, scaleFactor: factor)) == places(0), "\(from) by \(factor)")
                    #expect(
                        values(F.interpolate(x, scaleFactor: factor, mode: .nearestExact)) == places(0.5), "exact, \(from) by \(factor)")
                }
            }
        }
    }

    /// Indices that float32 cannot represent.
    @Test func nearestOfLongLines() {
        let from = 5_000_011, x = Tensor.arange(from, dtype: .float32).reshape([1, 1, from])
        for to in [997, 1001, 4099] {
            #expect(values(F.interpolate(x, size: to)) == (0..<to).map { Double($0 * from / to) })
            #expect(values(F.interpolate(x, size: to, mode: .nearestExact)) == (0..<to).map { Double((2 * $0 + 1) * from / (2 * to)) })
        }
    }

    @Test(arguments: Device.testedAndReference) func whatDoesNotChangeIsCopied(_ device: Device) {
        for mode in InterpolationMode.allCases {
            for spatial in 1...3
            where mode == .nearest || mode == .nearestExact || mode == .area || mode.rawValue == [1: "linear", 3: "trilinear"][spatial]
                || spatial == 2 && mode.rawValue.hasPrefix("bi")
            {
                let shape = Shape([1, 2] + [10, 9, 8].prefix(spatial))
                let x = ((Tensor.arange(shape.numel).to(.float32) * 0.37).sin() * 100).reshape(shape).to(device)
                let smooth = mode != .nearest && mode != .nearestExact && mode != .area
                for factor in [1, 1.04, 1.09] {
                    for recompute in [false, true] {
                        for corners in smooth ? [nil, true, false] as [Bool?] : [nil] {
                            let y = F.interpolate(
                                x, scaleFactor: factor, mode: mode, alignCorners: corners, recomputeScaleFactor: recompute)
                            expectEqual(y, x, "\(mode) by \(factor), corners \(String(describing: corners)), recompute \(recompute)")
                            #expect(y !== x)
                        }
                    }
                    if mode == .bilinear || mode == .bicubic {
                        expectEqual(
                            F.interpolate(x, scaleFactor: factor, mode: mode, antialias: true), x, "\(mode) by \(factor), antialias")
                    }
                    // One dimension changes, the others do not.
                    let factors = [Double](repeating: factor, count: spatial - 1) + [2]
                    let ones = [Double](repeating: 1, count: spatial - 1) + [2]
                    expectEqual(
                        F.interpolate(x, scaleFactor: factors, mode: mode), F.interpolate(x, scaleFactor: ones, mode: mode),
                        "\(mode) by \(factors)")
                }
            }
        }
    }

    /// PyTorch's answers for uint8 images.
    @Test(arguments: Device.testedAndReference) func pictures(_ device: Device) {
        let x = Tensor((0..<40).map { $0 * 37 % 251 }, shape: [1, 2, 4, 5], dtype: .uint8).to(device)
        func expectPicture(_ found: Tensor, _ wanted: [Int64], _ what: String) {
            #expect(found.dtype == .uint8)
            #expect(integers(found) == wanted, "\(what) on \(device)")
        }
        expectPicture(
            F.interpolate(x, size: [6, 3], mode: .bilinear),
            [
                12, 74, 136, 105, 41, 103, 186, 39, 73, 142, 162, 84, 98, 160, 138, 65, 127, 189, 167, 61, 123, 176, 154, 90, 173, 235, 60,
                129, 191, 71, 85, 147, 125, 52, 114, 176,
            ], "bilinear")
        expectPicture(
            F.interpolate(x, size: [6, 7], mode: .bilinear, alignCorners: true).select(1, 0),
            [
                0, 25, 49, 74, 99, 123, 148, 111, 136, 110, 34, 59, 83, 108, 172, 197, 154, 45, 70, 77, 69, 132, 157, 165, 156, 181, 139,
                29, 93, 118, 142, 167, 192, 166, 90, 53, 78,
                102, 127, 152, 176, 201,
            ], "corners")
        expectPicture(
            F.interpolate(x, size: [6, 3], mode: .bicubic),
            [
                0, 80, 144, 117, 24, 104, 216, 30, 66, 150, 171, 73, 89, 177, 139, 57, 121, 200, 168, 45, 132, 182, 160, 82, 175, 254, 40,
                131, 198, 58, 77, 141, 128, 44, 108, 187,
            ], "bicubic")
        expectPicture(
            F.interpolate(x, size: [3, 2], mode: .bilinear, antialias: true), [72, 95, 155, 103, 110, 160, 132, 99, 171, 119, 97, 147],
            "antialias")
        expectPicture(
            F.interpolate(x, size: [3, 7], mode: .bicubic, antialias: true),
            [
                49, 73, 79, 47, 70, 109, 138, 159, 188, 176, 101, 133, 97, 35, 64, 83, 117, 154, 186, 176, 149, 234, 138, 72, 110, 78, 91,
                125, 137, 162, 200, 222, 156, 75, 26, 51, 71,
                100, 127, 169, 164, 139,
            ], "bicubic antialias")
        expectPicture(
            F.interpolate(x, scaleFactor: 1.7, mode: .bilinear).select(1, 0),
            [
                0, 14, 36, 58, 79, 101, 123, 145, 71, 85, 107, 75, 54, 76, 98, 120, 180, 194, 216, 101, 15, 37, 59, 81, 148, 162, 184, 144,
                116, 138, 115, 54, 109, 123, 145, 167, 188,
                210, 163, 59, 70, 84, 106, 128, 149, 171, 172, 155,
            ], "by 1.7")
        expectPicture(
            F.interpolate(x, size: [3, 7]).select(1, 0),
            [0, 0, 37, 74, 74, 111, 148, 185, 185, 222, 8, 8, 45, 82, 119, 119, 156, 193, 193, 230, 16], "nearest")
        for dtype in [DType.int8, .int32, .int64, .bool] { expectThrows("uint8") { F.interpolate(x.to(dtype), size: 3) } }
        expectThrows("uint8") { F.interpolate(x, size: 3, mode: .area) }
    }

    /// PyTorch's answers: circular padding first crops and then wraps, the other modes first pad and then crop.
    @Test(arguments: Device.testedAndReference) func paddingWithNegativeSides(_ device: Device) {
        let x = Tensor.arange(5, dtype: .float32).reshape([1, 1, 5]).to(device)
        let answers: [(PadMode, [Int], [Double])] = [
            (.circular, [-1, 2], [1, 2, 3, 4, 1, 2]), (.circular, [2, -1], [2, 3, 0, 1, 2, 3]), (.circular, [-2, 3], [2, 3, 4, 2, 3, 4]),
            (.circular, [-1, -1], [1, 2, 3]),
            (.circular, [-4, 1], [4, 4]), (.circular, [-1, 4], [1, 2, 3, 4, 1, 2, 3, 4]), (.circular, [1, -4], [0, 0]),
            (.circular, [4, -1], [0, 1, 2, 3, 0, 1, 2, 3]),
            (.reflect, [-1, 2], [1, 2, 3, 4, 3, 2]), (.reflect, [-2, 4], [2, 3, 4, 3, 2, 1, 0]), (.reflect, [1, -4], [1, 0]),
            (.reflect, [3, -3], [3, 2, 1, 0, 1]),
            (.replicate, [-1, 2], [1, 2, 3, 4, 4, 4]), (.replicate, [3, -3], [0, 0, 0, 0, 1]),
            (.replicate, [5, -1], [0, 0, 0, 0, 0, 0, 1, 2, 3]), (.replicate, [-4, 1], [4, 4]),
        ]
        for (mode, pad, wanted) in answers { #expect(values(F.pad(x, pad, mode: mode)) == wanted, "\(mode) \(pad)") }
        let plane = Tensor.arange(12, dtype: .float32).reshape([1, 1, 3, 4]).to(device)
        #expect(values(F.pad(plane, [-1, 2, 1, -1], mode: .circular)) == [5, 6, 7, 5, 6, 1, 2, 3, 1, 2, 5, 6, 7, 5, 6])
        #expect(values(F.pad(plane, [2, -1, -1, 2], mode: .circular)) == [5, 6, 4, 5, 6, 9, 10, 8, 9, 10, 5, 6, 4, 5, 6, 9, 10, 8, 9, 10])
        for pad in [[-2, 4], [3, -3], [5, -1], [4, -2]] { expectThrows("wraps more than once") { F.pad(x, pad, mode: .circular) } }
        expectThrows("reflection") { F.pad(x, [-2, 5], mode: .reflect) }
    }
}
