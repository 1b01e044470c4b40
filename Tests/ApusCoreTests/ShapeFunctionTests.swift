import ApusCore
import TestSupport
import Testing

/// Functions that rearrange, join, split and replace: what PyTorch's recorded answers do not show.
@Suite struct ShapeFunctionTests {
    private let matrix = Tensor((0..<12).map(Double.init), shape: [3, 4])

    /// A view shows what is written into the tensor that it is a view of.
    @Test func views() {
        let views: [(String, (Tensor) -> Tensor)] = [
            ("atleast1d", { Tensor.atleast1d($0[0, 0]) }), ("atleast2d", { Tensor.atleast2d($0[1]) }),
            ("atleast3d", { Tensor.atleast3d([$0[1], $0])[1] }), ("ravel", { $0.ravel() }), ("movedim", { $0.movedim([0, 1], [1, 0]) }),
            ("tensorSplit", { $0.tensorSplit(3, dim: 1)[1] }), ("tensorSplit backwards", { $0.tensorSplit([3, 1])[2] }),
            ("hsplit", { $0.hsplit(2)[1] }), ("vsplit", { $0.vsplit([1])[1] }),
            ("narrow", { $0.narrow(0, Tensor(1), 2) }), ("meshgrid", { Tensor.meshgrid($0[0], $0[1])[1] }),
            ("broadcastTensors", { Tensor.broadcastTensors($0[0], $0)[0] }), ("diagonal", { $0.diagonal(offset: 1) }),
        ]
        for (name, view) in views {
            let x = Tensor.zeros([3, 4])
            let y = view(x)
            x.fill_(7)
            #expect(y.numel > 0 && values(y).allSatisfy { $0 == 7 }, "\(name)")
        }
    }

    /// Copies are not changed with the tensor that they were made of, and do not change it.
    @Test func copies() {
        let copies: [(String, (Tensor) -> Tensor)] = [
            ("diag", { $0.diag() }), ("fliplr", { $0.fliplr() }), ("rot90 by nothing", { $0.rot90(0) }),
            ("ravel of a transposed one", { $0.t().ravel() }), ("diagonalScatter", { $0.diagonalScatter(Tensor.zeros([3])) }),
            ("put of nothing", { $0.put(Tensor([Int](), shape: [0]), Tensor.zeros([0])) }),
            ("indexCopy of nothing", { $0.indexCopy(dim: 0, Tensor([Int](), shape: [0]), Tensor.zeros([0, 4])) }),
            ("maskedScatter of nothing", { $0.maskedScatter(Tensor(false), Tensor.zeros([0])) }),
        ]
        for (name, copy) in copies {
            let x = Tensor.zeros([3, 4])
            let y = copy(x)
            y.fill_(7)
            #expect(y.numel > 0 && values(x).allSatisfy { $0 == 0 }, "\(name)")
        }
    }

    /// Whatever a function needs beside its arguments is made on their device.
    @Test func devices() {
        let calls: [(String, (_ x: Tensor, _ on: (Tensor) -> Tensor) -> Tensor)] = [
            ("diagEmbed", { x, _ in x.diagEmbed(offset: 1) }), ("diag", { x, _ in x.diag(1) }),
            ("fillDiagonal_", { x, _ in x.clone().fillDiagonal_(9) }), ("blockDiag", { x, _ in Tensor.blockDiag(x, x[0]) }),
            ("combinations", { x, _ in Tensor.combinations(x[0]) }), ("vander", { x, _ in Tensor.vander(x[0], n: 3) }),
            ("vander of one power", { x, _ in Tensor.vander(x[0], n: 1) }), ("rot90", { x, _ in x.rot90() }),
            ("fftshift", { x, _ in Tensor.fftshift(x) }), ("meshgrid", { x, _ in Tensor.meshgrid(x[0], x[1], indexing: .xy)[0] }),
            ("unravelIndex", { x, _ in Tensor.unravelIndex(x.long(), [3, 4])[1] }),
            ("take", { x, on in x.take(on(Tensor([[0, -1]]))) }),
            ("takeAlongDim", { x, on in x.takeAlongDim(on(Tensor([[0], [2], [1]])), dim: 1) }),
            ("put", { x, on in x.put(on(Tensor([5, -1])), x[0, ..<2] * 10) }),
            ("indexCopy", { x, on in x.indexCopy(0, on(Tensor([2])), x[..<1]) }),
            ("indexPut", { x, on in x.indexPut([on(Tensor([1, 1]))], x[0], accumulate: true) }),
            ("indexReduce", { x, on in x.indexReduce(0, on(Tensor([1, 1])), x[..<2], .mean, includeSelf: false) }),
            ("scatterReduce", { x, on in x.scatterReduce(1, on(Tensor([[0, 0]])), x, .amin, includeSelf: false) }),
            ("scatter", { x, on in x.scatter(1, on(Tensor([[0, 0]])), 3, reduce: .add) }),
            ("maskedScatter", { x, _ in x.maskedScatter(x .> 5, -x) }),
            ("repeatInterleave", { x, on in x.repeatInterleave(on(Tensor([2, 0, 1])), dim: 0) }),
            ("nonzero", { x, _ in x.nonzero(asTuple: true)[1] }),
        ]
        for (name, call) in calls {
            let here = call(matrix) { $0 }
            let there = call(matrix.to(.reference)) { $0.to(.reference) }
            #expect(there.device == .reference && there.to(.cpu).equal(here), "\(name)")
        }
        for (name, made) in [
            ("trilIndices", { Tensor.trilIndices(3, 4, device: $0) }), ("triuIndices", { Tensor.triuIndices(3, 4, device: $0) }),
            ("logspace", { Tensor.logspace(0, 1, 3, device: $0) }), ("fftfreq", { Tensor.fftfreq(3, device: $0) }),
            ("hannWindow", { Tensor.hannWindow(5, device: $0) }), ("kaiser", { SignalWindows.kaiser(5, device: $0) }),
        ] as [(String, (Device) -> Tensor)] {
            #expect(made(.reference).device == .reference && made(.reference).to(.cpu).equal(made(.cpu)), "\(name)")
        }
    }

    @Test func indexPutIsAnAssignment() {
        let x = Tensor.arange(24).reshape(2, 3, 4)
        let rows = Tensor([1, 0, 1]), columns = Tensor([3, -1, 0]), numbers = Tensor.arange(3).unsqueeze(1) * 100
        let y = x.clone()
        y[rows, .all, columns] = numbers
        let z = x.indexPut([rows, nil, columns], numbers)
        #expect(z.equal(y) && z.isContiguous)
        let found = x.remainder(5).eq(0).nonzero(asTuple: true)
        #expect(x[found[0], found[1], found[2]].array(Int.self) == [0, 5, 10, 15, 20])
    }

    /// The last of the elements that are put at one position stands, and has its gradient.
    @Test func repeatedPositions() {
        let places = Tensor([1, 0, 1])
        for (name, put) in [
            ("put", { $0.put(places, $1) }), ("indexCopy", { $0.indexCopy(0, places, $1) }), ("indexPut", { $0.indexPut([places], $1) }),
        ] as [(String, (Tensor, Tensor) -> Tensor)] {
            let x = Tensor([5.0, 6, 7], requiresGrad: true), source = Tensor([1.0, 2, 3], requiresGrad: true)
            let y = put(x, source)
            y.sum().backward()
            #expect(values(y) == [2, 3, 7] && values(x.grad!) == [0, 0, 1] && values(source.grad!) == [0, 1, 1], "\(name)")
        }
    }

    /// With `includeSelf: false` an element of x that equals the extreme by chance has no part in its gradient.
    @Test func extremesWithoutSelf() {
        let x = Tensor([4.0, 1], requiresGrad: true), source = Tensor([4.0, 4, 2], requiresGrad: true)
        x.scatterReduce(0, Tensor([0, 0, 1]), source, .amax, includeSelf: false).sum().backward()
        #expect(values(x.grad!) == [0, 0] && values(source.grad!) == [0.5, 0.5, 1])
    }

    /// Means of 16-bit floats are of more elements than the type can count.
    @Test func meansOfManyHalves() {
        let ones = Tensor.ones([70_000], dtype: .float16), nowhere = Tensor.zeros([70_000], dtype: .int64)
        #expect(values(Tensor.zeros([1], dtype: .float16).scatterReduce(0, nowhere, ones, .mean, includeSelf: false)) == [1])
    }

    @Test func choices() {
        var (rows, raised): ([[Int]], [[Int]]) = ([], [])
        for a in 0..<6 {
            for b in a..<6 {
                for c in b..<6 {
                    raised.append([a, b, c])
                    if a < b && b < c { rows.append([a, b, c]) }
                }
            }
        }
        let six = Tensor.arange(6)
        #expect(Tensor.combinations(six, r: 3).equal(Tensor(rows)))
        #expect(Tensor.combinations(six, r: 3, withReplacement: true).equal(Tensor(raised)))
        #expect(Tensor.combinations(Tensor.zeros([0]), r: 2, withReplacement: true).shape == [0, 2])
    }

    @Test func stridesAreThoseOfTheMemory() {
        let x = Tensor.zeros([2, 3, 4])
        #expect(x.stride() == [12, 4, 1] && x.transpose(0, 2).stride() == [1, 4, 12])
        #expect(x.stride(-1) == 1 && x.expand(5, 2, 3, 4).stride(0) == 0)
    }

    /// One period is the beginning of a symmetric window that has one number more; 16-bit windows are the rounded float64 ones.
    @Test func windows() {
        typealias Window = (_ m: Int, _ sym: Bool, _ dtype: DType) -> Tensor
        let windows: [(String, Window)] = [
            ("bartlett", { SignalWindows.bartlett($0, sym: $1, dtype: $2) }),
            ("blackman", { SignalWindows.blackman($0, sym: $1, dtype: $2) }),
            ("cosine", { SignalWindows.cosine($0, sym: $1, dtype: $2) }),
            ("exponential", { SignalWindows.exponential($0, sym: $1, dtype: $2) }),
            ("gaussian", { SignalWindows.gaussian($0, sym: $1, dtype: $2) }),
            ("hamming", { SignalWindows.hamming($0, sym: $1, dtype: $2) }),
            ("hann", { SignalWindows.hann($0, sym: $1, dtype: $2) }),
            ("kaiser", { SignalWindows.kaiser($0, sym: $1, dtype: $2) }),
            ("nuttall", { SignalWindows.nuttall($0, sym: $1, dtype: $2) }),
        ]
        for (name, window) in windows {
            for m in [2, 5, 8] {
                let longer = window(m + 1, true, .float64)
                expectClose(window(m, false, .float64), longer[..<m], rtol: 0, atol: 1e-15, "\(name) of \(m)")
                expectClose(longer.flip(0), longer, rtol: 1e-14, atol: 1e-15, "\(name) of \(m + 1), reversed")
                #expect(window(m, true, .float16).equal(window(m, true, .float64).half()), "\(name) of \(m)")
            }
            #expect(window(0, true, .float32).shape == [0] && values(window(1, false, .float32)) == [1], "\(name)")
        }
        let steep = SignalWindows.kaiser(5, beta: 600, dtype: .float64)
        #expect(values(steep)[2] == 1 && values(steep).allSatisfy { $0 >= 0 && $0 <= 1 })
    }
}
