import ApusCore

/// The cases of `Tests/ApusCoreTests/record_statistics.py` about statistics, searching, differences and products of several tensors.
extension RecordedOps {
    private static var special: Tensor { Inputs(.cpu).special }
    private static func gaps(_ part: Parts) -> Tensor { part.x.maskedFill(part.x.gt(1), .nan) }
    private static func pieces(_ part: Parts) -> Tensor { part.x.reshape(6, 4) }
    private static let lengths = [2, 0, 3, 1]
    private static let inf = Double.infinity

    /// The gradient of a sum of the results of `f` with various weights.
    private static func gradient(_ x: Tensor, _ f: (Tensor) -> Tensor) -> Tensor {
        let x = x.detach().clone().requiresGrad_()
        let result = f(x)
        (result * (wave(result.shape, 0.3, dtype: result.dtype, device: .cpu) + 1)).sum().backward()
        return x.grad ?? Tensor.zeros([0]) // None without memory.
    }

    static let statistics: [(name: String, run: @Sendable (Parts) -> Tensor)] =
        Array([searching, reductions, histograms, cumulative, distances, products, gradients].joined())

    private static let searching: [(name: String, run: @Sendable (Parts) -> Tensor)] = [
        ("bucketize", { Tensor.bucketize($0.x, Tensor([-1.0, 0, 0.5, 1.5])) }),
        ("bucketize.right", { Tensor.bucketize($0.i, Tensor([2, 4, 4, 9]), right: true) }),
        ("bucketize.number", { _ in Tensor.bucketize(3, Tensor([2, 3, 4])) }),
        ("bucketize.nan", { _ in Tensor.bucketize(special, Tensor([-2.5, 0, 1.5, .infinity])) }),
        ("searchsorted.rows", { Tensor.searchsorted($0.x.sort(dim: 2).values, $0.x.flip(2)[.ellipsis, ..<3]) }),
        ("searchsorted.sorter", { Tensor.searchsorted($0.v, $0.x, right: true, sorter: $0.v.argsort()) }),
        ("searchsorted.promotes", { Tensor.searchsorted(Tensor([1, 3, 5]), $0.x) }),
        ("searchsorted.nan", { _ in Tensor.searchsorted(Tensor([0.0, 1, .nan]), special) }),
        ("searchsorted.number", { Tensor.searchsorted($0.v.sort().values, 0.5) }),
        ("isin", { Tensor.isin($0.i, Tensor([3, 7, 7, 20])) }),
        ("isin.unique", { _ in Tensor.isin(Tensor.arange(6), Tensor([4, 1, 9]), assumeUnique: true, invert: true) }),
        ("isin.nan", { _ in Tensor.isin(special, Tensor([Double.nan, .infinity, 1.5, 1.5])) }),
        ("isin.number", { Tensor.isin($0.i, 7) }),
        ("isin.element", { Tensor.isin(7, $0.i, invert: true) }),
        ("isin.nothing", { Tensor.isin($0.x, Tensor.zeros([0])) }),
        ("msort", { $0.x.msort() }),
        ("mode.values", { ($0.i % 3).mode(dim: 1).values }),
        ("mode.indices", { ($0.i % 3).mode(dim: 1).indices }),
        ("mode.float", { $0.x.round().mode(dim: 2, keepDim: true).values }),
        ("uniqueConsecutive", { $0.i.floorDivide(3).uniqueConsecutive().values }),
        ("uniqueConsecutive.inverse", { $0.i.floorDivide(3).uniqueConsecutive().inverse }),
        ("uniqueConsecutive.counts", { $0.i.floorDivide(3).uniqueConsecutive().counts }),
        ("uniqueConsecutive.dim", { _ in Tensor([[1, 1, 2, 1], [3, 3, 3, 3]]).uniqueConsecutive(dim: 1).values }),
        ("uniqueConsecutive.dim inverse", { _ in Tensor([[1, 1, 2, 1], [3, 3, 3, 3]]).uniqueConsecutive(dim: -1).inverse }),
        ("uniqueConsecutive.nan", { _ in Tensor([Double.nan, .nan, 1, 1]).uniqueConsecutive().counts }),
    ]

    private static let reductions: [(name: String, run: @Sendable (Parts) -> Tensor)] = [
        ("aminmax.min", { $0.x.aminmax(dim: 1).min }),
        ("aminmax.max", { $0.x.aminmax(dim: -1, keepDim: true).max }),
        ("aminmax.nan", { _ in special.aminmax(keepDim: true).max }),
        ("countNonzero", { $0.i.countNonzero() }),
        ("countNonzero.dims", { $0.x.round().countNonzero(dim: [0, 2]) }),
        ("countNonzero.dim", { $0.b.countNonzero(dim: -1) }),
        ("countNonzero.nan", { _ in special.countNonzero() }),
        ("var.unbiased", { $0.x.var(dim: 1, unbiased: false) }),
        ("std.unbiased", { $0.x.std(unbiased: false) }),
        ("stdMean.std", { Tensor.stdMean($0.x, dim: 1).std }),
        ("stdMean.mean", { Tensor.stdMean($0.x, unbiased: false).mean }),
        ("varMean.var", { Tensor.varMean($0.x, dim: [0, 2], correction: 0, keepDim: true).var }),
        ("varMean.mean", { Tensor.varMean($0.x, dim: [0, 2], correction: 0, keepDim: true).mean }),
        ("cov", { $0.x[0].cov() }),
        ("cov.int", { $0.i.cov(correction: 0) }),
        ("cov.vector", { $0.v.cov(fweights: $0.few + 1) }),
        ("cov.aweights", { $0.x[0].cov(aweights: Tensor([0.5, 1, 2, 0.25])) }),
        (
            "cov.both weights",
            { $0.x[0].cov(correction: 2, fweights: Tensor([1, 0, 3, 2]), aweights: Tensor([0.5, 1, 2, 0.25])) }
        ),
        ("corrcoef", { $0.x[0].corrcoef() }),
        ("corrcoef.vector", { $0.v.corrcoef() }),
        ("nansum", { gaps($0).nansum() }),
        ("nansum.dims", { gaps($0).nansum(dim: [0, 2], keepDim: true) }),
        ("nansum.int", { $0.i.nansum(dim: 1) }),
        ("nansum.dtype", { gaps($0).nansum(dim: 1, dtype: .float64) }),
        ("nanmean", { gaps($0).nanmean(dim: 1) }),
        ("nanmean.half", { gaps($0).half().nanmean() }),
        ("nanmean.only nan", { _ in Tensor([Double.nan, .nan]).nanmean() }),
        ("nanmedian", { gaps($0).nanmedian() }),
        ("nanmedian.values", { gaps($0).nanmedian(dim: 1).values }),
        ("nanmedian.indices", { gaps($0).nanmedian(dim: 2, keepDim: true).indices }),
        ("nanmedian.int", { $0.i.nanmedian(dim: 1).values }),
        ("nanquantile", { gaps($0).nanquantile(0.4, dim: 2) }),
        ("nanquantile.vector", { gaps($0).nanquantile(Tensor([0.0, 0.25, 1]), dim: 1, keepDim: true) }),
        ("nanquantile.all", { gaps($0).nanquantile(0.5) }),
        ("nanquantile.nearest", { gaps($0).nanquantile(0.5, dim: 2, interpolation: .nearest) }),
        ("nanquantile.only nan", { _ in Tensor([Double.nan, .nan]).nanquantile(0.5) }),
        ("quantile.lower", { $0.x.quantile(0.37, dim: 1, interpolation: .lower) }),
        ("quantile.higher", { $0.x.quantile(0.37, dim: 1, interpolation: .higher) }),
        ("quantile.midpoint", { $0.x.quantile(0.37, dim: 1, interpolation: .midpoint) }),
        ("quantile.nearest", { $0.x.quantile(0.37, dim: 1, interpolation: .nearest) }),
        ("quantile.all", { $0.x.quantile(Tensor([0.1, 0.9]), keepDim: true) }),
        ("quantile.lower at a place", { _ in Tensor.arange(0.0, 101.0).quantile(0.29, interpolation: .lower) }),
        ("quantile.higher at a place", { _ in Tensor.arange(0.0, 11.0).quantile(Tensor([0.1, 0.7]), interpolation: .higher) }),
        ("quantile.nan", { _ in special.quantile(0.5, interpolation: .lower) }),
        ("renorm", { $0.x.renorm(2, dim: 1, 1.5) }),
        ("renorm.1", { $0.x.renorm(1, -1, 2.5) }),
        ("renorm_", { part in changed(part.x) { $0.renorm_(1, dim: 0, 2) } }),
        ("segmentReduce.mean", { Tensor.segmentReduce(pieces($0), .mean, lengths: Tensor(lengths)) }),
        ("segmentReduce.sum", { Tensor.segmentReduce(pieces($0), .sum, lengths: Tensor(lengths), initial: 2) }),
        ("segmentReduce.max", { Tensor.segmentReduce(pieces($0), .max, lengths: Tensor(lengths)) }),
        ("segmentReduce.min", { Tensor.segmentReduce(pieces($0), .min, lengths: Tensor(lengths), initial: 0.5) }),
        ("segmentReduce.prod", { Tensor.segmentReduce(pieces($0), .prod, lengths: Tensor(lengths)) }),
        ("segmentReduce.rows", { Tensor.segmentReduce($0.x, .max, lengths: Tensor([[1, 2], [3, 0]]), axis: 1) }),
    ]

    private static let histograms: [(name: String, run: @Sendable (Parts) -> Tensor)] = [
        ("bincount", { ($0.i.flatten() % 5).bincount() }),
        ("bincount.weights", { $0.few.bincount(weights: $0.v) }),
        ("bincount.half weights", { $0.few.bincount(weights: $0.v.half(), minlength: 5) }),
        ("bincount.nothing", { $0.few.narrow(0, 0, 0).bincount(minlength: 3) }),
        ("bincount.uint8", { $0.few.to(.uint8).bincount() }),
        ("histc", { $0.x.histc(bins: 5) }),
        ("histc.range", { $0.v.histc(bins: 4, min: -1, max: 1) }),
        ("histc.equal", { _ in Tensor.full([3], 2.0, dtype: .float64).histc(bins: 3) }),
        ("histc.nan", { _ in special.histc(bins: 4, min: -3, max: 3) }),
        ("histogram", { $0.x.histogram(4).hist }),
        ("histogram.edges", { $0.x.histogram(4).binEdges }),
        ("histogram.density", { $0.x.histogram(3, range: (-1, 1), density: true).hist }),
        ("histogram.weight", { $0.v.histogram(Tensor([-2.0, -0.5, 0, 2]), weight: $0.v.abs()).hist }),
        ("histogram.nothing", { _ in Tensor.zeros([0]).histogram(2).binEdges }),
        ("histogramdd", { Tensor.histogramdd($0.x.reshape(12, 2), [2, 3]).hist }),
        ("histogramdd.number", { Tensor.histogramdd($0.x, 2).hist }),
        ("histogramdd.edges", { Tensor.histogramdd($0.x, 2).binEdges[3] }),
        ("histogramdd.range", { Tensor.histogramdd($0.x.reshape(12, 2), [2, 3], range: [-1, 1, 0, 2]).hist }),
        (
            "histogramdd.density",
            {
                Tensor.histogramdd(
                    $0.x.reshape(12, 2), [Tensor([-2.0, 0, 2]), Tensor([-2.0, -1, 1, 2])], weight: wave([12], device: .cpu).abs(),
                    density: true
                ).hist
            }
        ),
    ]

    private static let cumulative: [(name: String, run: @Sendable (Parts) -> Tensor)] = [
        ("cummax.values", { $0.x.cummax(dim: 1).values }),
        ("cummax.indices", { $0.x.cummax(dim: -1).indices }),
        ("cummax.ties", { ($0.i % 3).cummax(dim: 1).indices }),
        ("cummax.nan", { _ in special.cummax(dim: 0).indices }),
        ("cummax.nan values", { _ in Tensor([1.0, .nan, 2, .nan, 3]).cummax(dim: 0).values }),
        ("cummax.nan indices", { _ in Tensor([1.0, .nan, 2, .nan, 3]).cummax(dim: 0).indices }),
        ("cummax.bool", { $0.b.cummax(dim: 2).values }),
        ("cummax.half", { $0.x.half().cummax(dim: 0).values }),
        ("cummax.scalar", { $0.v[0].cummax(dim: 0).indices }),
        ("cummin.values", { $0.x.cummin(dim: 2).values }),
        ("cummin.ties", { ($0.i % 3).cummin(dim: 0).indices }),
        ("cummin.nothing", { $0.x.narrow(1, 0, 0).cummin(dim: 1).values }),
        ("logcumsumexp", { $0.x.logcumsumexp(dim: 1) }),
        ("logcumsumexp.half", { $0.x.half().logcumsumexp(dim: 2) }),
        ("logcumsumexp.infinite", { _ in Tensor([-inf, -inf, 1, 2, -inf, 1000, inf, 3]).logcumsumexp(dim: 0) }),
        ("diff", { $0.x.diff() }),
        ("diff.twice", { $0.x.diff(n: 2, dim: 1) }),
        ("diff.ends", { $0.i.diff(dim: 0, prepend: $0.i[..<1] * 2, append: $0.i[1...]) }),
        ("diff.bool", { $0.b.diff(dim: -2) }),
        ("diff.uint8", { $0.i.to(.uint8).diff() }),
        ("diff.too often", { $0.x.diff(n: 5) }),
        ("gradient", { Tensor.gradient($0.x, dim: 1)[0] }),
        ("gradient.all", { Tensor.gradient($0.x, spacing: 0.5)[2] }),
        ("gradient.spacings", { Tensor.gradient($0.x, spacing: [0.5, 2, 1])[1] }),
        ("gradient.edges", { Tensor.gradient($0.x, dim: 2, edgeOrder: 2)[0] }),
        ("gradient.int", { Tensor.gradient($0.i, dim: 1)[0] }),
        ("gradient.coordinates", { Tensor.gradient($0.x, spacing: [Tensor([0.0, 1, 4, 4.5])], dim: [2])[0] }),
        (
            "gradient.coordinates and edges",
            { Tensor.gradient($0.x, spacing: [Tensor([0.0, 1, 4, 4.5])], dim: [2], edgeOrder: 2)[0] }
        ),
        ("trapezoid", { Tensor.trapezoid($0.x, dx: 0.5, dim: 1) }),
        ("trapezoid.x", { Tensor.trapezoid($0.x, Tensor([0.0, 1, 3, 3.5])) }),
        ("trapezoid.matrix", { Tensor.trapezoid($0.x, $0.x[0]) }),
        ("trapezoid.int", { Tensor.trapezoid($0.i, dim: 0) }),
        ("trapezoid.nothing", { Tensor.trapezoid($0.i.narrow(1, 0, 0)) }),
        ("cumulativeTrapezoid", { Tensor.cumulativeTrapezoid($0.x, dx: 2, dim: 1) }),
        ("cumulativeTrapezoid.x", { Tensor.cumulativeTrapezoid($0.x, Tensor([0.0, 1, 3]), dim: 1) }),
        ("cumulativeTrapezoid.int", { Tensor.cumulativeTrapezoid($0.i) }),
    ]

    private static let distances: [(name: String, run: @Sendable (Parts) -> Tensor)] = [
        ("cdist", { Tensor.cdist($0.x, $0.x[.all, ..<2] + 0.3) }),
        ("cdist.0", { Tensor.cdist($0.x.round(), $0.x[0, ..<2].round(), p: 0) }),
        ("cdist.1", { Tensor.cdist($0.x, $0.x[1], p: 1) }),
        ("cdist.1.5", { Tensor.cdist($0.x, $0.x[1], p: 1.5) }),
        ("cdist.3", { Tensor.cdist($0.x, $0.x[1], p: 3) }),
        ("cdist.inf", { Tensor.cdist($0.x, $0.x[1], p: .infinity) }),
        ("cdist.product", { Tensor.cdist($0.x, $0.x[.all, ..<2] + 3, computeMode: .useMMForEuclidDist) }),
        ("cdist.no columns", { Tensor.cdist($0.x.narrow(2, 0, 0), $0.x.narrow(2, 0, 0)) }),
        ("cdist.no rows", { Tensor.cdist($0.x.narrow(1, 0, 0), $0.x) }),
        ("dist", { $0.x.dist($0.y) }),
        ("dist.1", { $0.x.dist($0.y, p: 1) }),
        ("dist.inf", { $0.x.dist($0.y, p: .infinity) }),
    ]

    private static let products: [(name: String, run: @Sendable (Parts) -> Tensor)] = [
        ("cross", { $0.x.cross($0.x.flip(2), dim: 1) }),
        ("cross.broadcast", { $0.x.cross($0.x[..<1] + 1, dim: 1) }),
        ("cross.int", { $0.i.cross($0.i.flip(1), dim: 0) }),
        ("inner", { $0.x.inner($0.x[0]) }),
        ("inner.scalar", { $0.x.inner(Tensor(2.0)) }),
        ("inner.int", { $0.i.inner($0.i) }),
        ("kron", { $0.x[0].kron($0.y) }),
        ("kron.ranks", { $0.v[..<2].kron($0.x[0]) }),
        ("kron.promotes", { $0.i.kron($0.v[..<2]) }),
        ("tensordot", { Tensor.tensordot($0.x, $0.x[0]) }),
        ("tensordot.lists", { Tensor.tensordot($0.x, $0.x, dims: ([1, 2], [1, 2])) }),
        ("tensordot.order", { Tensor.tensordot($0.x, $0.z, dims: ([2, -2], [2, 1])) }),
        ("tensordot.outer", { Tensor.tensordot($0.v, $0.v[..<2], dims: 0) }),
        ("tensordot.broadcast", { Tensor.tensordot($0.y, $0.x, dims: ([1], [2])) }),
        ("vdot", { $0.v.vdot($0.v.flip(0)) }),
        ("vecdot", { $0.x.vecdot($0.x[0], dim: 1) }),
        ("addbmm", { $0.y.addbmm($0.x, $0.x.transpose(1, 2), beta: 0.5, alpha: 2) }),
        (
            "addbmm.int",
            { part in
                let a = part.i[.all, ..<3]
                return a.addbmm(Tensor.stack([a, a]), Tensor.stack([a, a]), beta: 3)
            }
        ),
        ("addmv", { $0.v[..<3].addmv($0.x[0], $0.v[..<4], beta: 0.5) }),
        ("addmv.beta 0", { Tensor.full([3], Double.nan).addmv($0.x[0], $0.v[..<4], beta: 0) }),
        ("addr", { $0.y.addr($0.v[..<3], $0.v[..<4], alpha: 0.5) }),
        ("addr.int", { $0.i.addr(Tensor.arange(3), Tensor.arange(4), beta: 2, alpha: 3) }),
        ("addr.bool", { $0.b[0].addr($0.b[0, .all, 0], $0.b[0, 0]) }),
        ("addbmm_", { part in changed(part.x[0, .all, ..<3]) { $0.addbmm_(part.x, part.x.transpose(1, 2), alpha: 0.5) } }),
        ("addmv_", { part in changed(part.v[..<3]) { $0.addmv_(part.x[0], part.v[..<4]) } }),
        ("addr_", { part in changed(part.x[0]) { $0.addr_(part.v[..<3], part.v[..<4], beta: 2) } }),
        ("multiDot", { Tensor.multiDot([$0.x[0], $0.x[1].t(), $0.x[0], $0.v[..<4]]) }),
        ("multiDot.matrices", { Tensor.multiDot([$0.y, $0.y.t(), $0.x[0], $0.x[1].t()]) }),
        ("multiDot.vectors", { Tensor.multiDot([$0.v, $0.v]) }),
        ("matrixPower", { $0.x[.all, .all, ..<3].matrixPower(5) }),
        ("matrixPower.0", { $0.x[.all, .all, ..<3].matrixPower(0) }),
        ("matrixPower.1", { $0.x[0, .all, ..<3].matrixPower(1) }),
    ]

    private static let gradients: [(name: String, run: @Sendable (Parts) -> Tensor)] = [
        ("aminmax.gradient of ties", { gradient($0.x.round()) { $0.aminmax(dim: 2).max } }),
        ("cummax.gradient of ties", { gradient($0.x.round()) { $0.cummax(dim: 2).values } }),
        ("logcumsumexp.gradient of x", { gradient($0.x) { $0.logcumsumexp(dim: -1) } }),
        ("cdist.gradient of equal rows", { part in gradient(part.x) { Tensor.cdist($0, part.x) } }),
        ("cdist.1 gradient of equal rows", { part in gradient(part.x) { Tensor.cdist($0, part.x, p: 1) } }),
        ("cdist.3 gradient of equal rows", { part in gradient(part.x) { Tensor.cdist($0, part.x, p: 3) } }),
        ("cdist.inf gradient of ties", { part in gradient(part.x.round()) { Tensor.cdist($0, part.x.round(), p: .infinity) } }),
        ("dist.gradient of equals", { part in gradient(part.x) { $0.dist(part.x) } }),
        ("nanmedian.gradient of x", { gradient(gaps($0)) { $0.nanmedian() } }),
        ("nanmean.gradient of x", { gradient(gaps($0)) { $0.nanmean(dim: 1) } }),
        ("mode.gradient of x", { gradient($0.x.round()) { $0.mode(dim: 2).values } }),
        ("quantile.gradient of x", { gradient($0.x) { $0.quantile(0.3, dim: 2, interpolation: .midpoint) } }),
        ("renorm.gradient of x", { gradient($0.x) { $0.renorm(2, dim: 2, 1) } }),
        ("segmentReduce.gradient of max", { gradient(pieces($0)) { Tensor.segmentReduce($0, .max, lengths: Tensor(lengths)) } }),
        ("segmentReduce.gradient of mean", { gradient(pieces($0)) { Tensor.segmentReduce($0, .mean, lengths: Tensor(lengths)) } }),
    ]
}
