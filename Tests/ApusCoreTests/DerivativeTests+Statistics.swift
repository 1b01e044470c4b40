import ApusCore
import TestSupport
import Testing

extension DerivativeTests {
    private static let coordinates = [0.0, 1, 2.5, 3]
    private static var axis: Tensor { Tensor(coordinates, dtype: .float64) }

    /// Statistics, searching, differences and products of several tensors.
    static let statisticsCases: [Case] = [
        Case(name: "aminmax") { $0.aminmax(dim: 1).min * $0.aminmax().max }, Case(name: "std and mean") { Tensor.stdMean($0, dim: 1).std },
        Case(name: "cov") { $0[0].cov() }, Case(name: "cov of a vector") { $0.flatten().cov(correction: 0) },
        Case(name: "cov with weights") { $0[0].cov(fweights: Tensor([1, 0, 2, 3]), aweights: $0[1, 0].abs() + 1) },
        Case(name: "corrcoef") { $0[0].corrcoef() }, Case(name: "cummax") { $0.cummax(dim: 2).values.square() },
        Case(name: "cummin") { $0.cummin(dim: 0).values.square() }, Case(name: "logcumsumexp") { $0.logcumsumexp(dim: 1) },
        Case(name: "cdist") { Tensor.cdist($0, $0.exp()) }, Case(name: "cdist 1") { Tensor.cdist($0, $0[0].exp(), p: 1).square() },
        Case(name: "cdist 1.5") { Tensor.cdist($0, $0[0].exp(), p: 1.5) }, Case(name: "cdist 3") { Tensor.cdist($0, $0[0].exp(), p: 3) },
        Case(name: "cdist inf") { Tensor.cdist($0, $0[0].exp(), p: .infinity).square() },
        Case(name: "cdist by a product") { Tensor.cdist($0, $0.exp(), computeMode: .useMMForEuclidDist) },
        Case(name: "dist") { $0.dist($0.exp()) }, Case(name: "dist 3") { $0.dist($0.exp(), p: 3) },
        Case(name: "diff") { $0.diff(n: 2, dim: 1, prepend: $0.exp()).square() },
        Case(name: "gradient") { Tensor.gradient($0.square(), spacing: [0.5, 2], dim: [1, 2], edgeOrder: 2)[1] },
        Case(name: "gradient at coordinates") { Tensor.gradient($0.square(), spacing: [axis], dim: [2])[0] },
        Case(name: "gradient by coordinates") { Tensor.gradient($0, spacing: [$0[0, 0].exp().cumsum(dim: 0)], dim: [2], edgeOrder: 2)[0] },
        Case(name: "trapezoid") { Tensor.trapezoid($0.square(), dx: 0.5, dim: 1) },
        Case(name: "trapezoid by coordinates") { Tensor.trapezoid($0, $0[0].exp(), dim: 1) },
        Case(name: "cumulativeTrapezoid") { Tensor.cumulativeTrapezoid($0.square(), dim: 2) },
        Case(name: "cumulativeTrapezoid by coordinates") { Tensor.cumulativeTrapezoid($0, $0.exp()) },
        Case(name: "nansum") { $0.nansum(dim: 1).square() }, Case(name: "nanmean") { $0.nanmean(dim: [0, 2]).square() },
        Case(name: "nanmedian") { $0.nanmedian(dim: 2).values.square() }, Case(name: "nanmedian of all") { $0.nanmedian().square() },
        Case(name: "nanquantile") { $0.nanquantile(0.4, dim: 2).square() },
        Case(name: "quantile midpoint") { $0.quantile(0.4, dim: 2, interpolation: .midpoint).square() },
        Case(name: "quantile nearest") { $0.quantile(0.4, interpolation: .nearest).square() },
        Case(name: "mode") { $0.mode(dim: 1).values.square() }, Case(name: "msort") { $0.msort().square() },
        Case(name: "renorm") { $0.renorm(2, dim: 1, 1) }, Case(name: "renorm 3") { $0.renorm(3, dim: 2, 1.5) },
        Case(name: "segmentReduce mean") { Tensor.segmentReduce($0[0], .mean, lengths: Tensor([2, 1])).square() },
        Case(name: "segmentReduce max") {
            Tensor.segmentReduce($0, .max, lengths: Tensor([[1, 2], [3, 0]]), axis: 1, initial: -9).square()
        },
        Case(name: "segmentReduce prod") { Tensor.segmentReduce($0[0], .prod, lengths: Tensor([1, 2])) },
        Case(name: "cross") { $0.cross($0.exp(), dim: 1) }, Case(name: "inner") { $0.inner($0[0]) },
        Case(name: "kron") { $0[0].kron($0[1, ..<2]) },
        Case(name: "tensordot") { Tensor.tensordot($0, $0.exp(), dims: ([2, 0], [2, 0])) },
        Case(name: "vecdot") { $0.vecdot($0.exp(), dim: 1) }, Case(name: "vdot") { $0.flatten().vdot($0.exp().flatten()) },
        Case(name: "addbmm") { $0[0, .all, ..<3].addbmm($0, $0.mT, beta: 0.5, alpha: 2) },
        Case(name: "addmv") { $0[0, .all, 0].addmv($0[0], $0[1, 0], beta: 0.5, alpha: 2) },
        Case(name: "addr") { $0[0].addr($0[1, .all, 0], $0[1, 0], beta: 0.5, alpha: 2) },
        Case(name: "multiDot") { Tensor.multiDot([$0[0], $0[1].t(), $0[0], $0[1, 0]]) },
        Case(name: "matrixPower") { $0[.all, .all, ..<3].matrixPower(3) },
    ]

    @Test(arguments: statisticsCases) func statistics(_ c: Case) {
        checkGradients([Self.numbers([2, 3, 4], from: c.low, to: c.high)], c.name) { c.f($0[0]) }
    }

    /// Positions depend on q too.
    @Test func quantilesByTheirFractions() {
        checkGradients([Self.numbers([2, 5]), Tensor([0.3, 0.62], dtype: .float64)], second: false) { $0[0].quantile($0[1], dim: 1) }
        checkGradients([Self.numbers([2, 5]), Tensor([0.3, 0.62], dtype: .float64)], second: false) { $0[0].nanquantile($0[1], dim: 1) }
    }
}
