import ApusCore
import ApusNN
import TestSupport
import Testing

private typealias R = Recorded

@Suite struct RecordedFunctionTests {
    @Test(arguments: GridSampleMode.allCases) func gridSample(_ mode: GridSampleMode) {
        for padding in GridSamplePadding.allCases {
            for corners in [false, true] {
                let name = "gridSample/\(mode.rawValue)/\(padding.rawValue)/\(corners ? "True" : "False")"
                func sample(_ x: [Tensor]) -> Tensor { F.gridSample(x[0], x[1], mode: mode, paddingMode: padding, alignCorners: corners) }
                R.expectDifferentiated("\(name)/2", R.wave([2, 2, 4, 3]), R.wave([2, 3, 2, 2], k: 1.7, scale: 1.4), f: sample)
                if mode != .bicubic {
                    R.expectDifferentiated("\(name)/3", R.wave([1, 2, 3, 2, 4]), R.wave([1, 2, 2, 1, 3], k: 1.7, scale: 1.4), f: sample)
                }
            }
        }
    }

    @Test func affineGrid() {
        for corners in [false, true] {
            let end = corners ? "True" : "False"
            R.expectDifferentiated("affineGrid/2/\(end)", R.wave([2, 2, 3])) { F.affineGrid($0[0], [2, 1, 3, 4], alignCorners: corners) }
            R.expectDifferentiated("affineGrid/3/\(end)", R.wave([2, 3, 4])) {
                F.affineGrid($0[0], [2, 1, 2, 1, 3], alignCorners: corners)
            }
        }
    }

    @Test func pdist() {
        let rows = Tensor.cat([R.wave([3, 3]), R.wave([3, 3]).narrow(0, 0, 1)])
        for (name, p) in [("0.0", 0), ("0.5", 0.5), ("1.0", 1), ("1.5", 1.5), ("2.0", 2), ("3.0", 3), ("inf", .infinity)] {
            R.expectDifferentiated("pdist/\(name)", rows) { F.pdist($0[0], p: p) }
        }
        #expect(F.pdist(Tensor.ones([1, 3])).shape == [0] && F.pdist(Tensor.ones([3, 0])).array(Float.self) == [0, 0, 0])
    }

    @Test func sequencesWithChannelsLast() {
        R.expectDifferentiated("convTbc", R.wave([5, 2, 3]), R.wave([3, 3, 4], k: 1.3), R.wave([4])) {
            F.convTbc($0[0], $0[1], $0[2], pad: 1)
        }
    }

    @Test func integersPool() {
        let x = (Tensor.arange(60) * 7 % 31).reshape(1, 2, 5, 6)
        let (values, indices) = F.maxPool2dWithIndices(x, kernelSize: 3, stride: 2, padding: 1)
        #expect(values.dtype == .int64)
        R.expect("maxPool/int", [values, indices])
        #expect(F.maxPool3d(Tensor([UInt8](0..<16), shape: [1, 2, 2, 4]), kernelSize: 2).array(Int.self) == [13, 15])
    }

    /// Sample points away from the borders between elements, where interpolation has kinks.
    @Test func derivativesOfSampling() {
        let grid = Tensor([-0.61, 0.13, 0.82, 0.71], shape: [1, 1, 2, 2], dtype: .float64)
        let image = R.wave([1, 1, 3, 4])
        for padding in GridSamplePadding.allCases {
            checkGradients([image, grid], "bilinear \(padding)") { F.gridSample($0[0], $0[1], paddingMode: padding) }
            checkGradients([image, grid], "bicubic \(padding)") { F.gridSample($0[0], $0[1], mode: .bicubic, paddingMode: padding) }
        }
        let volume = R.wave([1, 1, 3, 2, 2])
        checkGradients([volume, R.wave([1, 1, 2, 1, 3], k: 1.1, scale: 0.6)], "trilinear") {
            F.gridSample($0[0], $0[1], alignCorners: true)
        }
        checkGradients([R.wave([1, 2, 3])], "affineGrid") { F.affineGrid($0[0], [1, 1, 2, 2]) }
        for p in [1.5, 2, 3] { checkGradients([R.wave([3, 2])], "pdist \(p)") { F.pdist($0[0], p: p) } }
    }

    @Test func placesThatAreNoNumbersReadPadding() {
        let x = Tensor([1.0, 2, 3, 4], shape: [1, 1, 2, 2])
        let grid = Tensor([Double.nan, 0, .infinity, 0, -1e30, 0], shape: [1, 1, 3, 2])
        for mode in GridSampleMode.allCases {
            let y = F.gridSample(x, grid.to(x.dtype), mode: mode)
            #expect(y.array(Double.self) == [0, 0, 0], "\(mode)")
            #expect(F.gridSample(x, grid.to(x.dtype), mode: mode, paddingMode: .border).isfinite().all().item(Bool.self))
        }
    }

    /// With `border` a place outside reads the element at the end on its side, however far away it is. No number reads the first element, and
    /// so does an infinite one that is reflected.
    @Test func placesBeyondTheBorderReadTheBorder() {
        let x = Tensor([1.0, 2, 3], shape: [1, 1, 1, 3])
        let far = [5, 1e3, 1e9, 1e10, 1e30, Double.infinity]
        for mode in GridSampleMode.allCases {
            for corners in [false, true] {
                func read(_ places: [Double], _ padding: GridSamplePadding = .border) -> [Double] {
                    let grid = Tensor(places.flatMap { [$0, 0] }, shape: [1, 1, places.count, 2]).to(x.dtype)
                    return F.gridSample(x, grid, mode: mode, paddingMode: padding, alignCorners: corners).array(Double.self)
                }
                #expect(read(far) == far.map { _ in 3 }, "\(mode), corners \(corners)")
                #expect(read(far.map { -$0 } + [.nan]) == far.map { _ in 1 } + [1], "\(mode), corners \(corners)")
                #expect(read([.nan, .infinity, -.infinity], .reflection) == [1, 1, 1], "\(mode), corners \(corners)")
            }
        }
    }

    /// Reflected coordinates have a period of 4, two widths of the image, however far away they are.
    @Test func reflectionIsPeriodic() {
        let x = Tensor([1.0, 2, 3], shape: [1, 1, 1, 3], dtype: .float64)
        let near = [-1.75, -1, -0.5, 0, 0.25, 1, 1.5]
        for mode in GridSampleMode.allCases {
            for corners in [false, true] {
                func read(_ shift: Double) -> [Double] {
                    let grid = Tensor(near.flatMap { [$0 + shift, 0] }, shape: [1, 1, near.count, 2], dtype: .float64)
                    return F.gridSample(x, grid, mode: mode, paddingMode: .reflection, alignCorners: corners).array(Double.self)
                }
                for shift in [4, -4, 0x1p30, 0x1p33, -0x1p40] { #expect(read(shift) == read(0), "\(mode), corners \(corners), \(shift)") }
            }
        }
    }

    @Test func whatDoesNotFitIsNamed() {
        let x = Tensor.ones([1, 1, 3, 3])
        #expect(message { F.gridSample(x, Tensor.zeros([2, 1, 1, 2])) }.contains("batch size"))
        #expect(message { F.gridSample(x, Tensor.zeros([1, 1, 1, 3])) }.contains("2 coordinates"))
        #expect(message { F.gridSample(x, Tensor.zeros([1, 1, 2])) }.contains("4 dimensions"))
        #expect(message { F.gridSample(x, Tensor.zeros([1, 1, 1, 2], dtype: .float64)) }.contains("one floating-point type"))
        #expect(message { F.gridSample(Tensor.ones([1, 1, 2, 3, 3]), Tensor.zeros([1, 1, 1, 1, 3]), mode: .bicubic) }.contains("bicubic"))
        #expect(message { F.affineGrid(Tensor.zeros([1, 2, 3]), [1, 1, 0, 2]) }.contains("positive"))
        #expect(message { F.affineGrid(Tensor.zeros([1, 2, 3]), [2, 1, 2, 2]) }.contains("[2, 2, 3]"))
        #expect(message { F.pdist(Tensor.ones([2, 2]), p: -1) }.contains("-1"))
        #expect(message { F.pdist(Tensor.ones([2, 2, 2])) }.contains("matrices"))
        #expect(message { F.maxPool1d(Tensor.arange(8).reshape(1, 8), kernelSize: 2) }.contains("floating-point"))
    }

    @Test func formsInPlace() {
        let functions: [(String, (Tensor) -> Tensor, (Tensor) -> Tensor)] = [
            ("relu", { F.relu_($0) }, { F.relu($0) }),
            ("leakyRelu", { F.leakyRelu_($0, negativeSlope: 0.3) }, { F.leakyRelu($0, negativeSlope: 0.3) }),
            ("elu", { F.elu_($0, alpha: 0.5) }, { F.elu($0, alpha: 0.5) }), ("selu", { F.selu_($0) }, { F.selu($0) }),
            ("celu", { F.celu_($0, alpha: 2) }, { F.celu($0, alpha: 2) }),
            ("hardtanh", { F.hardtanh_($0, minVal: -0.2) }, { F.hardtanh($0, minVal: -0.2) }),
            ("threshold", { F.threshold_($0, threshold: 0.1, value: 7) }, { F.threshold($0, threshold: 0.1, value: 7) }),
            ("rrelu", { F.rrelu_($0) }, { F.rrelu($0) }),
        ]
        for (name, inPlace, pure) in functions {
            let x = R.wave([9])
            let expected = pure(x)
            #expect(inPlace(x) === x && x.equal(expected), "\(name)")
        }
    }
}
