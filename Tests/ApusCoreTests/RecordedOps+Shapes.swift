import ApusCore

/// The cases of `Tests/ApusCoreTests/record_shapes.py`: shapes, joining, diagonals, positions and windows.
extension RecordedOps {
    typealias ShapeCase = (name: String, run: @Sendable (Inputs) -> Tensor)

    static let shapes: [ShapeCase] = [joining, diagonals, grids, positions, reductions, windows].flatMap { $0 }

    private static let joining: [ShapeCase] = [
        ("atleast1d", { _ in Tensor.atleast1d(Tensor(2)) }),
        ("atleast2d", { Tensor.atleast2d([$0.v, Tensor(1.5)])[1] }),
        ("atleast2d.vector", { Tensor.atleast2d($0.v) }),
        ("atleast3d", { Tensor.atleast3d($0.v) }),
        ("atleast3d.matrix", { Tensor.atleast3d($0.i) }),
        ("blockDiag", { Tensor.blockDiag($0.i, $0.w, Tensor(true)) }),
        ("blockDiag.none", { _ in Tensor.blockDiag() }),
        ("blockDiag.empty", { Tensor.blockDiag([Tensor.zeros([0, 2]), $0.i[..<1]]) }),
        ("broadcastTensors", { Tensor.broadcastTensors($0.y, $0.x, $0.v[..<1])[0] }),
        ("broadcastShapes", { _ in Tensor(Array(Tensor.broadcastShapes([3, 1], [2, 1, 4], Shape()))) }),
        ("cartesianProd", { Tensor.cartesianProd($0.s, $0.few[..<2], $0.t[..<3]) }),
        ("cartesianProd.one", { Tensor.cartesianProd([$0.v]) }),
        ("combinations", { Tensor.combinations($0.w) }),
        ("combinations.replaced", { Tensor.combinations($0.few[..<4], r: 3, withReplacement: true) }),
        ("combinations.3", { Tensor.combinations($0.v, r: 3) }),
        ("combinations.too many", { Tensor.combinations($0.v[..<2], r: 3) }),
        ("combinations.none", { Tensor.combinations($0.v, r: 0) }),
        ("columnStack", { Tensor.columnStack([$0.v[..<3], $0.i]) }),
        ("hstack", { Tensor.hstack([$0.v, Tensor(2.0)]) }),
        ("hstack.matrices", { Tensor.hstack([$0.i, $0.i[.all, ..<1].half()]) }),
        ("vstack", { Tensor.vstack([$0.w, $0.i]) }),
        ("dstack", { Tensor.dstack([$0.v, $0.v.flip(0)]) }),
        ("tensorSplit", { $0.x.tensorSplit(3, dim: 2)[0] }),
        ("tensorSplit.more than there are", { $0.v[..<2].tensorSplit(3)[2] }),
        ("tensorSplit.positions", { $0.v.tensorSplit([2, -1])[1] }),
        ("tensorSplit.beyond", { $0.v.tensorSplit([5, 9])[2] }),
        ("tensorSplit.backwards", { $0.v.tensorSplit([5, 3])[2] }),
        ("tensorSplit.nothing between", { $0.v.tensorSplit([5, 3])[1] }),
        ("hsplit", { $0.i.hsplit(2)[1] }),
        ("hsplit.vector", { $0.v.hsplit([3])[0] }),
        ("vsplit", { $0.i.vsplit([1])[1] }),
        ("dsplit", { $0.x.dsplit(2)[0] }),
        ("narrow.tensor", { $0.x.narrow(1, Tensor(1), 2) }),
    ]

    private static let diagonals: [ShapeCase] = [
        ("diag", { $0.w.diag(1) }),
        ("diag.matrix", { $0.i.diag(diagonal: -1) }),
        ("diag.bool", { $0.b[0, 0].diag() }),
        ("diagEmbed", { $0.i.diagEmbed() }),
        ("diagEmbed.dims", { $0.i.diagEmbed(offset: -1, dim1: 0, dim2: -2) }),
        ("diagflat", { $0.i[..<2, ..<2].diagflat(offset: 1) }),
        ("trace", { $0.x[0].trace() }),
        ("trace.int", { $0.i.int().trace() }),
        ("diagonalScatter", { $0.x.diagonalScatter($0.x[0, ..<2, ..<3], offset: 1, dim1: 1, dim2: 2) }),
        ("diagonalScatter.below", { $0.i.diagonalScatter(Tensor([-1, -2]), offset: -1) }),
        ("selectScatter", { $0.x.selectScatter($0.y.t().expand(2, 3), dim: 2, -1) }),
        ("sliceScatter", { $0.x.sliceScatter(-$0.x[.all, .all, ..<2], dim: 2, start: 0, step: 2) }),
        ("sliceScatter.clipped", { $0.v.sliceScatter(Tensor.zeros([3]), start: -3, end: 100) }),
        ("asStridedScatter", { $0.x.asStridedScatter($0.i[..<2].float(), [2, 4], [7, 1], storageOffset: 3) }),
        ("fillDiagonal_", { changed($0.x[0]) { $0.fillDiagonal_(9) } }),
        ("fillDiagonal_.wrap", { _ in Tensor.zeros([7, 2]).fillDiagonal_(5, wrap: true) }),
        ("fillDiagonal_.wide", { _ in Tensor.zeros([2, 5], dtype: .int64).fillDiagonal_(2.5, wrap: true) }),
        ("fillDiagonal_.cube", { _ in Tensor.zeros([3, 3, 3]).fillDiagonal_(-.infinity) }),
    ]

    private static let grids: [ShapeCase] = [
        ("fliplr", { $0.x.fliplr() }),
        ("flipud", { $0.v.flipud() }),
        ("rot90", { $0.x.rot90() }),
        ("rot90.back", { $0.x.rot90(-1, [1, 2]) }),
        ("rot90.half", { $0.i.rot90(2) }),
        ("rot90.whole", { $0.i.rot90(k: 4, dims: [1, 0]) }),
        ("ravel", { $0.x.transpose(0, 2).ravel() }),
        ("stride", { Tensor(Array($0.x.transpose(0, 2).stride())) }),
        ("stride.dim", { Tensor($0.x.stride(-2)) }),
        ("movedim.several", { $0.x.movedim([0, 1], [-1, 0]) }),
        ("meshgrid", { Tensor.meshgrid($0.w, $0.y[.all, 0])[1] }),
        ("meshgrid.xy", { Tensor.meshgrid([$0.few[..<2], $0.s, $0.t[..<3]], indexing: .xy)[0] }),
        ("meshgrid.xy second", { Tensor.meshgrid([$0.few[..<2], $0.s, $0.t[..<3]], indexing: .xy)[1] }),
        ("meshgrid.scalar", { Tensor.meshgrid(Tensor(3), $0.few[..<2])[0] }),
        ("trilIndices", { _ in Tensor.trilIndices(3, 4, offset: 1) }),
        ("triuIndices", { _ in Tensor.triuIndices(4, 3, offset: -1, dtype: .int32) }),
        ("triuIndices.none", { _ in Tensor.triuIndices(2, 2, offset: 5) }),
        ("unravelIndex", { Tensor.unravelIndex($0.i, [2, 2, 3])[0] }),
        ("unravelIndex.last", { Tensor.unravelIndex($0.i.int(), [2, 2, 3])[2] }),
        ("vander", { Tensor.vander($0.v[..<3]) }),
        ("vander.increasing", { Tensor.vander($0.few[..<4], n: 3, increasing: true) }),
        ("vander.int8", { Tensor.vander($0.few[..<3].to(.int8), n: 2) }),
        ("vander.half", { Tensor.vander($0.w.half(), n: 1) }),
        ("vander.none", { Tensor.vander($0.v, n: 0) }),
        ("vander.batch", { Tensor.vander($0.x[0, .all, ..<2], n: 3, increasing: true) }),
        ("logspace", { _ in Tensor.logspace(-1, 2, 5) }),
        ("logspace.base", { _ in Tensor.logspace(0, 3, 4, base: 2, dtype: .int32) }),
        ("fftfreq", { _ in Tensor.fftfreq(5, d: 0.5) }),
        ("fftfreq.even", { _ in Tensor.fftfreq(4, dtype: .float64) }),
        ("rfftfreq", { _ in Tensor.rfftfreq(7) }),
        ("fftshift", { Tensor.fftshift($0.x) }),
        ("fftshift.dim", { Tensor.fftshift($0.x, dim: 1) }),
        ("ifftshift", { Tensor.ifftshift($0.x, dim: [0, 1]) }),
    ]

    private static let positions: [ShapeCase] = [
        ("take", { $0.x.take(Tensor([[0, -1], [5, 5]])) }),
        ("takeAlongDim", { $0.x.takeAlongDim(Tensor([[[2], [0]]]), dim: 1) }),
        ("takeAlongDim.flat", { $0.x.takeAlongDim(Tensor([3, 0, 23])) }),
        ("put", { $0.i.put(Tensor([1, -1]), Tensor([100, 200])) }),
        ("put.accumulate", { $0.v.put(Tensor([[0], [0]]), Tensor([[1.0], [2.0]]), accumulate: true) }),
        ("put_", { changed($0.x) { $0.put_(Tensor([2, 3]), Tensor([9.0, 8.0])) } }),
        ("indexCopy", { $0.x.indexCopy(dim: 1, Tensor([2, 0]), -$0.x[.all, ..<2]) }),
        ("indexCopy_", { inputs in changed(inputs.i) { $0.indexCopy_(0, Tensor(1), inputs.i[2...]) } }),
        ("indexFill_", { changed($0.x) { $0.indexFill_(2, Tensor([0]), 4) } }),
        ("indexPut", { $0.x.indexPut([Tensor([1, 0]), Tensor([2, 2])], $0.w) }),
        ("indexPut.accumulate", { $0.x.indexPut([Tensor([1, 1])], $0.y, accumulate: true) }),
        ("indexPut.mask", { $0.x.indexPut([$0.b], Tensor(5.0)) }),
        ("indexPut_", { inputs in changed(inputs.i) { $0.indexPut_([inputs.few, inputs.few], Tensor(100), accumulate: true) } }),
        ("maskedScatter", { $0.x.maskedScatter($0.b, Tensor.arange(0.0, 30)) }),
        ("maskedScatter.broadcast", { $0.i.maskedScatter($0.b[0, 0], -Tensor.arange(12)) }),
        ("maskedScatter_", { inputs in changed(inputs.x) { $0.maskedScatter_(inputs.x[0] .> 0, -inputs.x) } }),
        ("argwhere", { $0.b.argwhere() }),
        ("argwhere.scalar", { _ in Tensor(3.0).argwhere() }),
        ("nonzero.tuple", { $0.b.nonzero(asTuple: true)[1] }),
        ("nonzero.tuple of a scalar", { _ in Tensor(3.0).nonzero(asTuple: true)[0] }),
        ("where.tuple", { Tensor.where($0.b)[2] }),
        ("repeatInterleave.counts", { $0.x.repeatInterleave(Tensor([2, 0, 1]), dim: 1) }),
        ("repeatInterleave.one count", { $0.x.repeatInterleave(Tensor([2]), dim: 0) }),
        ("repeatInterleave.flat", { $0.v.repeatInterleave($0.few) }),
        ("repeatInterleave.positions", { Tensor.repeatInterleave($0.few.int()) }),
    ]

    private static let reductions: [ShapeCase] = [
        ("indexReduce.prod", { $0.x.indexReduce(dim: 1, Tensor([2, 2, 0]), $0.x * 2, .prod) }),
        ("indexReduce.mean", { $0.x.indexReduce(1, Tensor([2, 2, 0]), $0.x * 2, reduce: .mean) }),
        ("indexReduce.amax without self", { $0.x.indexReduce(1, Tensor([2, 2, 0]), $0.x * 2, .amax, includeSelf: false) }),
        ("indexReduce.mean int", { $0.i.indexReduce(dim: 0, Tensor([0, 0, 2]), $0.i * 3 - 7, reduce: .mean, includeSelf: false) }),
        ("indexReduce_", { inputs in changed(inputs.i) { $0.indexReduce_(0, Tensor([0, 0, 2]), inputs.i * 3 - 7, .amin) } }),
        ("scatter.add", { $0.x.scatter(2, Tensor([[[0, 0, 3]]]), $0.x, reduce: .add) }),
        ("scatter.multiply", { $0.i.scatter(1, Tensor([[0, 0], [1, 3]]), $0.i + 1, reduce: .multiply) }),
        ("scatter_.multiply", { changed($0.i) { $0.scatter_(1, Tensor([[0, 0], [1, 3]]), 3, reduce: .multiply) } }),
        ("scatterReduce.sum", { $0.w.scatterReduce(0, $0.few, $0.v, .sum) }),
        ("scatterReduce.sum without self", { $0.w.scatterReduce(0, $0.few, $0.v, .sum, includeSelf: false) }),
        ("scatterReduce.prod without self", { $0.w.scatterReduce(0, $0.few, $0.v, .prod, includeSelf: false) }),
        ("scatterReduce.mean", { $0.w.scatterReduce(0, $0.few, $0.v, .mean) }),
        ("scatterReduce.mean without self", { $0.w.scatterReduce(dim: 0, $0.few, $0.v, .mean, includeSelf: false) }),
        ("scatterReduce.mean int", { $0.i.scatterReduce(1, $0.i[.all, ..<3] % 4, -$0.i, reduce: .mean) }),
        ("scatterReduce.mean half", { $0.w.half().scatterReduce(0, $0.few, $0.v.half(), reduce: .mean) }),
        ("scatterReduce.amax without self", { $0.w.scatterReduce(0, $0.few, $0.v, reduce: .amax, includeSelf: false) }),
        ("scatterReduce.amin int without self", { $0.i.scatterReduce(0, $0.i[..<2] % 3, $0.i * 2, .amin, includeSelf: false) }),
        ("scatterReduce.amax nan", { Tensor.zeros([2]).scatterReduce(0, Tensor([0, 1, 1, 0, 0, 0, 0, 1]), $0.special, .amax) }),
        ("scatterReduce_", { inputs in changed(inputs.w) { $0.scatterReduce_(0, inputs.few, inputs.v, .amin, includeSelf: false) } }),
        ("scatterReduce.mean gradient of x", { _ in scatterGradient(.mean, of: 0) }),
        ("scatterReduce.mean gradient of source", { _ in scatterGradient(.mean, of: 1) }),
        ("scatterReduce.mean without self gradient of x", { _ in scatterGradient(.mean, of: 0, includeSelf: false) }),
        ("scatterReduce.mean without self gradient of source", { _ in scatterGradient(.mean, of: 1, includeSelf: false) }),
        ("scatterReduce.amax without self gradient of x", { _ in scatterGradient(.amax, of: 0, includeSelf: false) }),
        ("scatterReduce.amax without self gradient of source", { _ in scatterGradient(.amax, of: 1, includeSelf: false) }),
        ("scatterReduce.prod without self gradient of source", { _ in scatterGradient(.prod, of: 1, includeSelf: false) }),
    ]

    private static let windows: [ShapeCase] = [
        ("bartlettWindow", { _ in Tensor.bartlettWindow(8) }),
        ("bartlettWindow.symmetric", { _ in Tensor.bartlettWindow(7, periodic: false) }),
        ("blackmanWindow", { _ in Tensor.blackmanWindow(8) }),
        ("hammingWindow", { _ in Tensor.hammingWindow(6) }),
        ("hammingWindow.numbers", { _ in Tensor.hammingWindow(7, periodic: false, alpha: 0.6, beta: 0.3) }),
        ("hannWindow", { _ in Tensor.hannWindow(8, dtype: .float64) }),
        ("hannWindow.one", { _ in Tensor.hannWindow(1) }),
        ("hannWindow.none", { _ in Tensor.hannWindow(0) }),
        ("kaiserWindow", { _ in Tensor.kaiserWindow(8) }),
        ("kaiserWindow.symmetric", { _ in Tensor.kaiserWindow(7, periodic: false, beta: 4.5, dtype: .float64) }),
        ("windows.bartlett", { _ in SignalWindows.bartlett(9) }),
        ("windows.bartlett period", { _ in SignalWindows.bartlett(8, sym: false) }),
        ("windows.blackman", { _ in SignalWindows.blackman(9) }),
        ("windows.cosine", { _ in SignalWindows.cosine(9) }),
        ("windows.cosine period", { _ in SignalWindows.cosine(8, sym: false) }),
        ("windows.exponential", { _ in SignalWindows.exponential(9, tau: 2.5) }),
        ("windows.exponential center", { _ in SignalWindows.exponential(6, center: 1.5, tau: 2, sym: false) }),
        ("windows.exponential one", { _ in SignalWindows.exponential(1, center: 1.5, sym: false) }),
        ("windows.gaussian", { _ in SignalWindows.gaussian(9, std: 1.7) }),
        ("windows.gaussian period", { _ in SignalWindows.gaussian(8, sym: false) }),
        ("windows.generalCosine", { _ in SignalWindows.generalCosine(9, [0.46, 0.23, 0.31]) }),
        ("windows.generalCosine one", { _ in SignalWindows.generalCosine(1, [0.46, 0.23, 0.31]) }),
        ("windows.generalHamming", { _ in SignalWindows.generalHamming(8, alpha: 0.7, sym: false) }),
        ("windows.hamming", { _ in SignalWindows.hamming(9) }),
        ("windows.hann", { _ in SignalWindows.hann(9, dtype: .float64) }),
        ("windows.kaiser", { _ in SignalWindows.kaiser(9, beta: 8.5, dtype: .float64) }),
        ("windows.kaiser period", { _ in SignalWindows.kaiser(8, sym: false) }),
        ("windows.nuttall", { _ in SignalWindows.nuttall(9) }),
        ("windows.none", { _ in SignalWindows.nuttall(0) }),
    ]

    /// A gradient of `scatterReduce`, for elements of x that nothing, one and several elements of the source go to.
    private static func scatterGradient(_ reduce: ScatterReduction, of which: Int, includeSelf: Bool = true) -> Tensor {
        let x = Tensor([2.0, -1, 3, 0.5], requiresGrad: true)
        let source = Tensor([4.0, 1.5, 3.5, 4, -7, 2.5], requiresGrad: true)
        let y = x.scatterReduce(0, Tensor([0, 0, 2, 0, 3, 0]), source, reduce: reduce, includeSelf: includeSelf)
        (y * Tensor.arange(1.0, 5)).sum().backward()
        return [x, source][which].grad ?? Tensor.zeros([0]) // None without memory.
    }
}

extension RecordedOps.Inputs {
    /// Indices with repetitions.
    fileprivate var few: Tensor { Tensor([0, 2, 1, 0, 1, 2, 0]) }
    fileprivate var w: Tensor { v[..<4] }
}
