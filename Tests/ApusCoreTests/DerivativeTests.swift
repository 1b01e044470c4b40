import ApusCore
import Foundation
import TestSupport
import Testing

/// Every differentiable function of the core against finite differences in float64: first and second derivatives.
@Suite struct DerivativeTests {
    /// Inputs without ties and away from the functions' kinks at whole and half numbers.
    static func numbers(_ shape: Shape, from low: Double = -1.9, to high: Double = 1.9, phase: Double = 0) -> Tensor {
        Tensor(
            (0..<shape.numel).map { i in
                let turn = (Double(i) + phase + 0.37) * 0.6180339887498949
                let value = low + (high - low) * (turn - turn.rounded(.down))
                // At least 0.02 away from multiples of ½.
                let nearest = (value * 2).rounded() / 2
                return abs(value - nearest) < 0.02 ? nearest + 0.03 : value
            }, shape: shape, dtype: .float64)
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        var low = -1.9
        var high = 1.9
        let f: @Sendable (Tensor) -> Tensor
        var testDescription: String { name }
    }

    /// Functions of one tensor that consist of several ops; `RuleDerivativeTests` tests the rules.
    static let unaryCases: [Case] = [
        Case(name: "logit", low: 0.1, high: 0.9) { $0.logit() }, Case(name: "affine") { 2 * $0 + 1 - $0 / 3 },
        Case(name: "rsub") { (3 - $0) * (1 / ($0 + 5)) },
        Case(name: "sinc") { $0.sinc() }, Case(name: "ndtr") { $0.ndtr() }, Case(name: "logNdtr") { $0.logNdtr() },
        Case(name: "logNdtr far below", low: -24, high: -16) { $0.logNdtr() }, Case(name: "entr", low: 0.2) { $0.entr() },
        Case(name: "nanToNum") { $0.nanToNum() }, Case(name: "deg2rad") { $0.deg2rad() },
        Case(name: "multigammaln", low: 1.2, high: 4) { $0.multigammaln(3) }, Case(name: "floatPower", low: 0.3) { $0.floatPower(2.5) },
        Case(name: "clampMin") { $0.clampMin(0.25) }, Case(name: "xlogy of a number", low: 0.3) { Tensor.xlogy(2, $0) },
    ]

    @Test(arguments: unaryCases) func unary(_ c: Case) {
        checkGradients([Self.numbers([2, 3], from: c.low, to: c.high)], c.name) { c.f($0[0]) }
    }

    struct Case2: CustomTestStringConvertible, Sendable {
        let name: String
        var low = -1.9
        let f: @Sendable (Tensor, Tensor) -> Tensor
        var testDescription: String { name }
    }

    static let binaryCases: [Case2] = [
        Case2(name: "lerp") { $0.lerp($1, 0.3) }, Case2(name: "addcmul") { $0.addcmul($0, $1, value: 0.7) },
        Case2(name: "where") { Tensor.where($0.gt(0), $0 * $1, $1) },
        Case2(name: "clamp by tensors") { $0.clamp(min: $1 - 0.6, max: $1 + 0.6) },
        Case2(name: "fmax") { $0.fmax($1) }, Case2(name: "fmin") { $0.fmin($1) }, Case2(name: "logaddexp2") { $0.logaddexp2($1) },
        Case2(name: "ldexp") { $0.ldexp($1) }, Case2(name: "xlogy", low: 0.3) { $0.xlogy($1) },
        Case2(name: "xlog1py", low: -0.7) { $0.xlog1py($1) }, Case2(name: "sub alpha") { $0.sub($1, alpha: 2.5) },
    ]
    static let broadcastCases =
        binaryCases + [
            Case2(name: "add") { $0 + $1 }, Case2(name: "sub") { $0 - $1 }, Case2(name: "mul") { $0 * $1 },
            Case2(name: "div", low: 0.4) { $0 / $1 }, Case2(name: "pow", low: 0.4) { $0.pow($1) },
            Case2(name: "minimum") { $0.minimum($1) }, Case2(name: "addScaled") { $0.add($1, alpha: 2.5) },
        ]

    @Test(arguments: binaryCases) func binary(_ c: Case2) {
        checkGradients([Self.numbers([2, 3], from: c.low), Self.numbers([2, 3], from: c.low, phase: 11)], c.name) { c.f($0[0], $0[1]) }
    }

    @Test(arguments: broadcastCases) func broadcast(_ c: Case2) {
        checkGradients([Self.numbers([2, 1, 3], from: c.low), Self.numbers([2, 1], from: c.low, phase: 11)], second: false, c.name) {
            c.f($0[0], $0[1])
        }
    }

    static let shapedCases: [Case] = otherCases + rearrangedCases

    private static let otherCases: [Case] = [
        Case(name: "sum dims") { $0.sum(dim: [0, 2]) }, Case(name: "mean") { $0.mean(dim: 1) }, Case(name: "prod") { $0.prod(dim: 2) },
        Case(name: "prod all") { $0.prod() },
        Case(name: "amax") { $0.amax(dim: [1]) }, Case(name: "amin all") { $0.amin() }, Case(name: "max") { $0.max(dim: 2).values },
        Case(name: "var") { $0.var(dim: [0, 1]) },
        Case(name: "std") { $0.std(dim: 2) }, Case(name: "norm") { $0.norm(dim: 1) }, Case(name: "norm 3") { $0.norm(p: 3, dim: [0, 2]) },
        Case(name: "norm inf") { $0.norm(p: .infinity) },
        Case(name: "logsumexp") { $0.logsumexp(dim: [0, 2]) }, Case(name: "cumsum") { $0.cumsum(dim: 1) },
        Case(name: "cumprod") { $0.cumprod(dim: 2) },
        Case(name: "median") { $0.median(dim: 1).values }, Case(name: "quantile") { $0.quantile(0.4, dim: 2) },
        Case(name: "sort") { $0.sort(dim: 1).values },
        Case(name: "topk") { $0.topk(2, dim: 2).values }, Case(name: "reshape") { $0.reshape(4, -1) * 2 },
        Case(name: "permute") { $0.permute(2, 0, 1).square() },
        Case(name: "transposed reshape") { $0.transpose(0, 2).reshape(-1).exp() }, Case(name: "narrow") { $0.narrow(1, 1, 2).square() },
        Case(name: "step") { $0[.all, .all, stride(from: 0, to: 4, by: 2)].exp() },
        Case(name: "select") { $0.select(1, -1).exp() }, Case(name: "diagonal") { $0.diagonal(offset: 1, dim1: 1, dim2: 2).square() },
        Case(name: "unfold") { $0.unfold(2, 2, 1).square() },
        Case(name: "asStrided overlapping") { $0.asStrided([3, 3], [4, 2], 1).square() },
        Case(name: "expand") { $0.unsqueeze(1).expand(2, 5, 3, 4).square().sum(dim: 1) },
        Case(name: "flip") { $0.flip(0, 2).square() }, Case(name: "roll") { $0.roll(1, dim: 2).square() },
        Case(name: "repeat") { $0.repeat(2, 1, 1, 2).square() },
        Case(name: "tril") { $0.tril(1).square() }, Case(name: "pad") { $0.pad([1, -1, 2, 0], value: 3).square() },
        Case(name: "cat") { Tensor.cat([$0, $0.exp()], dim: 1) },
        Case(name: "stack") { Tensor.stack([$0, $0.exp()], dim: 1) }, Case(name: "split") { $0.split([1, 3], dim: 2)[1].exp() },
        Case(name: "gather") { $0.gather(1, Tensor([[[0, 2, 1, 1]], [[2, 2, 0, 1]]])).square() },
        Case(name: "scatter") { $0.scatter(2, Tensor([[[0, 3]], [[1, 2]]]), $0.exp()).square() },
        Case(name: "scatterAdd") { $0.scatterAdd(2, Tensor([[[0, 0]], [[1, 2]]]), $0.exp()).square() },
        Case(name: "scatter prod", low: 0.4) { $0.scatterReduce(2, Tensor([[[0, 0]], [[1, 2]]]), $0.exp(), reduce: .prod) },
        Case(name: "scatter amax") { $0.scatterReduce(2, Tensor([[[0, 0]], [[1, 2]]]), $0.exp(), reduce: .amax) },
        Case(name: "indexSelect") { $0.indexSelect(dim: 2, Tensor([3, 0, 0])).square() },
        Case(name: "indexAdd") { $0.indexAdd(dim: 1, Tensor([2, 2]), $0[.all, ..<2].exp()).square() },
        Case(name: "maskedFill") { $0.maskedFill($0.gt(0), 2.0).square() },
        Case(name: "maskedSelect") { $0.maskedSelect($0.gt(0)).square() },
        Case(name: "index tensors") { $0[Tensor([0, 1, 1]), .all, Tensor([1, 3, 3])].square() },
        Case(name: "mask") { $0[$0.gt(0)].exp() }, Case(name: "to and back") { $0.to(.float64).square() },
        Case(name: "matmul") { $0.matmul($0.transpose(1, 2)) },
        Case(name: "matmul vector") { $0.matmul($0[0, 0]) },
        Case(name: "einsum") { Tensor.einsum("bij,bkj,i->bk", $0, $0, $0[0, .all, 0]) },
        Case(name: "addmm") { $0[0].t().addmm($0[0].t(), $0[1, .all, ..<3], beta: 0.5, alpha: 2) },
        Case(name: "softmax") { $0.softmax(dim: 1) }, Case(name: "logSoftmax") { $0.logSoftmax(dim: -1) },
    ]

    /// Functions that rearrange, join and replace elements.
    private static let rearrangedCases: [Case] = [
        Case(name: "diagEmbed") { $0.diagEmbed(offset: 1, dim1: 0).square() }, Case(name: "diag") { $0[0].diag(-1).exp() },
        Case(name: "trace") { $0[1].trace().square() },
        Case(name: "diagonalScatter") { $0.diagonalScatter($0[0, ..<2, ..<3].exp(), offset: 1, dim1: 1, dim2: 2).square() },
        Case(name: "selectScatter") { $0.selectScatter($0[.all, .all, 1].exp(), dim: 2, -1).square() },
        Case(name: "sliceScatter") { $0.sliceScatter($0[.all, .all, ..<2].exp(), dim: 2, start: 1, step: 2).square() },
        Case(name: "asStridedScatter") { $0.asStridedScatter($0[0, ..<2].exp(), [2, 4], [7, 1], storageOffset: 3).square() },
        Case(name: "fillDiagonal_") { x in
            let y = x[0].sin()
            y.fillDiagonal_(0.5)
            return y.square()
        },
        Case(name: "blockDiag") { Tensor.blockDiag($0[0], $0[1, 2].exp()).square() },
        Case(name: "columnStack") { Tensor.columnStack([$0[0], $0[0, .all, 1].exp()]).square() },
        Case(name: "tensorSplit") { $0.tensorSplit(3, dim: 2)[0].exp() },
        Case(name: "tensorSplit backwards") { $0.tensorSplit([3, 1], dim: 2)[2].exp() },
        Case(name: "rot90") { $0.rot90(1, [0, 2]).square() }, Case(name: "ravel") { $0.transpose(0, 1).ravel().exp() },
        Case(name: "fftshift") { Tensor.fftshift($0).square() }, Case(name: "movedim of two") { $0.movedim([0, 1], [-1, 0]).square() },
        Case(name: "meshgrid") { Tensor.meshgrid($0[0, 0], $0[1, 0].exp(), indexing: .xy)[1].square() },
        Case(name: "cartesianProd") { Tensor.cartesianProd($0[0, 0], $0[1, 0]).square() },
        Case(name: "combinations") { Tensor.combinations($0[0, 0], withReplacement: true).square() },
        Case(name: "vander") { Tensor.vander($0[0, 0], n: 3) },
        Case(name: "take") { $0.take(Tensor([[0, -1], [5, 5]])).square() },
        Case(name: "takeAlongDim") { $0.takeAlongDim(Tensor([[[2], [0]]]), dim: 1).square() },
        Case(name: "put") { $0.put(Tensor([2, -1]), $0[0, 0, ..<2].exp()).square() },
        Case(name: "put accumulating") { $0.put(Tensor([2, 2]), $0[0, 0, ..<2].exp(), accumulate: true).square() },
        Case(name: "indexCopy") { $0.indexCopy(dim: 1, Tensor([2, 0]), $0[.all, ..<2].exp()).square() },
        Case(name: "indexPut") { $0.indexPut([Tensor([1, 0]), nil, Tensor([2, 3])], $0[0, ..<2, ..<3].exp()).square() },
        Case(name: "indexPut accumulating") { $0.indexPut([Tensor([1, 1])], $0[0].exp(), accumulate: true).square() },
        Case(name: "indexReduce mean") { $0.indexReduce(1, Tensor([2, 2]), $0[.all, ..<2].exp(), .mean).square() },
        Case(name: "indexReduce prod", low: 0.4) { $0.indexReduce(1, Tensor([2, 2]), $0[.all, ..<2].exp(), .prod, includeSelf: false) },
        Case(name: "scatter mean") { $0.scatterReduce(2, Tensor([[[0, 0]], [[1, 2]]]), $0.exp(), .mean, includeSelf: false).square() },
        Case(name: "scatter amin") { $0.scatterReduce(2, Tensor([[[0, 0]], [[1, 2]]]), $0.exp(), .amin, includeSelf: false).square() },
        Case(name: "maskedScatter") { $0.maskedScatter($0.gt(0), $0.exp()).square() },
        Case(name: "repeatInterleave counts") { $0.repeatInterleave(Tensor([2, 0, 1]), dim: 1).square() },
    ]

    @Test(arguments: shapedCases) func shaped(_ c: Case) {
        checkGradients([Self.numbers([2, 3, 4], from: c.low, to: c.high)], c.name) { c.f($0[0]) }
    }

    @Test func matmulOfTwoOperands() {
        checkGradients([Self.numbers([2, 1, 3, 4]), Self.numbers([5, 4, 2], phase: 7)]) { $0[0].matmul($0[1]) }
    }

    /// Products with no, one and two zeros among the factors.
    @Test func productWithZeros() {
        let x = Tensor([[1.0, 2, 3], [0, 2, 3], [0, 0, 3]], dtype: .float64, requiresGrad: true)
        x.prod(dim: 1).sum().backward()
        expectClose(x.grad!, [6, 3, 2, 6, 0, 0, 0, 0, 0])
    }

    /// Decimal numbers keep all their digits in operations with float64.
    @Test func decimalsBesideFloat64() {
        let x = Tensor([1.0], dtype: .float64)
        #expect((x / 0.1).item() == 1 / 0.1 && (x + 0.1).item() == 1.1 && (0.1 / x).item() == 0.1 && (x * 0.1).eq(0.1).item(Bool.self))
    }

    /// The norm of a zero vector has the gradient 0, not NaN.
    @Test func normOfZeros() {
        let x = Tensor.zeros([3], requiresGrad: true)
        x.norm().backward()
        expectClose(x.grad!, [0, 0, 0])
    }

    /// At 0 the result is the other operand, which gets the gradient.
    @Test func heavisideAtZero() {
        let x = Tensor([-1.0, 0, 2, .nan], requiresGrad: true), v = Tensor([0.5, 0.25, 0.5, 0.5], requiresGrad: true)
        let y = x.heaviside(v)
        #expect(values(y).prefix(3) == [0, 0.25, 1] && values(y)[3].isNaN)
        y.sum().backward()
        #expect(values(x.grad!) == [0, 0, 0, 0] && values(v.grad!) == [0, 1, 0, 0])
    }

    @Test func emptyAndScalar() {
        let empty = Tensor.zeros([0, 3], requiresGrad: true)
        (empty * 2).sum().backward()
        #expect(empty.grad!.shape == [0, 3])
        let scalar = Tensor(2.0, requiresGrad: true)
        scalar.pow(3).backward()
        #expect(scalar.grad!.item() == 12)
    }
}
