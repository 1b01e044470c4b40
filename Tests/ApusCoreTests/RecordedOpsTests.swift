import ApusCore
import Foundation
import TestSupport
import Testing

/// The answers of PyTorch that `Tests/ApusCoreTests/record_ops.py` recorded, and the same expressions in Swift.
struct RecordedOps: Decodable {
    /// Booleans are 0 and 1.
    let cases: [String: RecordedTensor]
    let printed: [String: String]

    static let all: RecordedOps = Recorded.load("ops")

    static func wave(_ shape: Shape, _ k: Double = 0.7, dtype: DType = .float32, device: Device) -> Tensor {
        Tensor((0..<shape.numel).map { sin(Double($0) * k) * 2 }, shape: shape, dtype: .float64).to(dtype).to(device)
    }

    /// The inputs of all expressions.
    struct Inputs {
        let x, y, v, i, b, s, t, special: Tensor

        init(_ device: Device) {
            x = wave([2, 3, 4], device: device)
            y = wave([3, 1], 1.3, device: device)
            v = wave([7], 2.1, device: device)
            i = (Tensor.arange(12).reshape(3, 4) * 7 % 11).to(device)
            b = x.gt(0)
            s = Tensor([3, -7, 7, -3]).to(device)
            t = Tensor([2, 2, -2, -2]).to(device)
            special = Tensor([Double.nan, 1.0, -Double.infinity, Double.infinity, 0.0, -2.5, 2.5, 1.5]).to(device)
        }
    }

    typealias Expression =
        @Sendable (_ x: Tensor, _ y: Tensor, _ v: Tensor, _ i: Tensor, _ b: Tensor, _ s: Tensor, _ t: Tensor, _ special: Tensor) -> Tensor

    static let expressions: [(name: String, run: Expression)] = [
        ("promote.int+float", { _, _, _, i, _, _, _, _ in i + 1.5 }),
        ("promote.int*int", { _, _, _, i, _, _, _, _ in i * 2 }),
        ("promote.bool+int", { _, _, _, _, b, _, _, _ in b + 1 }),
        ("promote.bool+bool", { _, _, _, _, b, _, _, _ in b + b }),
        ("promote.float16+float32 scalar", { x, _, _, _, _, _, _, _ in x.half() + Tensor(1.0) }),
        ("promote.bfloat16+float16", { x, _, _, _, _, _, _, _ in x.bfloat16() + x.half() }),
        ("promote.uint8+int8", { _, _, _, i, _, _, _, _ in i.to(.uint8) + i.to(.int8) }),
        ("promote.int/int", { _, _, _, i, _, _, _, _ in i / 3 }),
        ("promote.int64 scalar tensor + int32", { _, _, _, i, _, _, _, _ in i.int() + Tensor(5) }),
        ("promote.float64 scalar tensor + float32", { x, _, _, _, _, _, _, _ in x + Tensor(5.0, dtype: .float64) }),
        ("promote.float scalar tensor + int", { _, _, _, i, _, _, _, _ in i + Tensor(2.5, dtype: .float64) }),
        ("floorDivide.int", { _, _, _, _, _, s, t, _ in s.floorDivide(t) }),
        ("truncDivide.int", { _, _, _, _, _, s, t, _ in s.truncDivide(t) }),
        ("remainder.int", { _, _, _, _, _, s, t, _ in s % t }),
        ("fmod.int", { _, _, _, _, _, s, t, _ in s.fmod(t) }),
        ("remainder.float", { x, _, _, _, _, _, _, _ in x % 0.75 }),
        ("fmod.float", { x, _, _, _, _, _, _, _ in x.fmod(-0.75) }),
        ("floorDivide.float", { x, _, _, _, _, _, _, _ in x.floorDivide(0.75) }),
        ("pow.int", { _, _, _, i, _, _, _, _ in i.pow(3) }),
        ("pow.tensor", { x, y, _, _, _, _, _, _ in x.abs().pow(y) }),
        ("pow.base", { x, _, _, _, _, _, _, _ in Tensor.pow(2, x) }),
        ("minimum.nan", { _, _, _, _, _, _, _, special in special.minimum(Tensor.zeros([8])) }),
        ("maximum.nan", { _, _, _, _, _, _, _, special in special.maximum(Tensor.zeros([8])) }),
        ("round", { _, _, _, _, _, _, _, special in special.round() }),
        ("trunc", { _, _, _, _, _, _, _, special in special.trunc() }),
        ("sign", { _, _, _, _, _, _, _, special in special.sign() }),
        ("clamp", { _, _, _, _, _, _, _, special in special.clamp(min: -1, max: 2) }),
        ("isfinite", { _, _, _, _, _, _, _, special in special.isfinite() }),
        ("atan2", { x, y, _, _, _, _, _, _ in x.atan2(y) }),
        ("heaviside", { x, y, _, _, _, _, _, _ in x.round().heaviside(y) }),
        ("lerp", { x, y, _, _, _, _, _, _ in x.lerp(y.expand(2, 3, 4), 0.3) }),
        ("bitwise", { _, _, _, i, _, _, _, _ in (i & Tensor(6)) ^ (i | Tensor(1)) }),
        ("shift", { _, _, _, i, _, _, _, _ in (i << Tensor(2)) >> Tensor(1) }),
        ("logical", { _, _, _, i, b, _, _, _ in b.logicalXor(i.gt(4)) }),
        ("where", { x, y, _, _, b, _, _, _ in Tensor.where(b, x, y) }),
        ("sum.all", { x, _, _, _, _, _, _, _ in x.sum() }),
        ("sum.dims", { x, _, _, _, _, _, _, _ in x.sum(dim: [0, 2], keepDim: true) }),
        ("sum.bool", { _, _, _, _, b, _, _, _ in b.sum(dim: 1) }),
        ("mean", { x, _, _, _, _, _, _, _ in x.mean(dim: -1) }),
        ("prod", { x, _, _, _, _, _, _, _ in x.prod(dim: 1) }),
        ("prod.int", { _, _, _, i, _, _, _, _ in (i + 1).prod() }),
        ("amax", { x, _, _, _, _, _, _, _ in x.amax(dim: [0, 1]) }),
        ("max.values", { x, _, _, _, _, _, _, _ in x.max(dim: 1).values }),
        ("max.indices", { x, _, _, _, _, _, _, _ in x.max(dim: 1).indices }),
        ("max.nan", { _, _, _, _, _, _, _, special in special.max(dim: 0).indices }),
        ("min.indices", { x, _, _, _, _, _, _, _ in x.min(dim: 2, keepDim: true).indices }),
        ("argmax", { x, _, _, _, _, _, _, _ in x.argmax() }),
        ("argmin", { x, _, _, _, _, _, _, _ in x.argmin(dim: 0) }),
        ("any", { _, _, _, _, b, _, _, _ in b.any(dim: 2) }),
        ("all", { _, _, _, i, _, _, _, _ in i.gt(0).all(dim: 0) }),
        ("var", { x, _, _, _, _, _, _, _ in x.var(dim: 1) }),
        ("var.all", { x, _, _, _, _, _, _, _ in x.var(correction: 0) }),
        ("std", { x, _, _, _, _, _, _, _ in x.std(dim: [0, 2]) }),
        ("norm", { x, _, _, _, _, _, _, _ in x.norm() }),
        ("norm.1", { x, _, _, _, _, _, _, _ in x.norm(p: 1, dim: 1) }),
        ("norm.inf", { x, _, _, _, _, _, _, _ in x.norm(p: .infinity, dim: [0, 2]) }),
        ("norm.3", { x, _, _, _, _, _, _, _ in x.norm(p: 3, dim: 2, keepDim: true) }),
        ("logsumexp", { x, _, _, _, _, _, _, _ in x.logsumexp(dim: 1) }),
        ("cumsum", { x, _, _, _, _, _, _, _ in x.cumsum(dim: 1) }),
        ("cumprod", { x, _, _, _, _, _, _, _ in x.cumprod(dim: -1) }),
        ("cumsum.int", { _, _, _, i, _, _, _, _ in i.cumsum(dim: 0) }),
        ("median", { _, _, v, _, _, _, _, _ in v.median() }),
        ("median.dim", { x, _, _, _, _, _, _, _ in x.median(dim: 1).values }),
        ("median.nan", { _, _, _, _, _, _, _, special in special.median() }),
        ("quantile", { _, _, v, _, _, _, _, _ in v.quantile(0.3) }),
        ("quantile.dim", { x, _, _, _, _, _, _, _ in x.quantile(Tensor([0.0, 0.5, 0.9]), dim: 2) }),
        ("sort", { x, _, _, _, _, _, _, _ in x.sort(dim: 1, descending: true).values }),
        ("sort.nan", { _, _, _, _, _, _, _, special in special.sort().values }),
        ("argsort.stable", { _, _, _, i, _, _, _, _ in (i % 3).argsort(dim: 1) }),
        ("topk", { x, _, _, _, _, _, _, _ in x.topk(2, dim: 2).values }),
        ("topk.smallest", { x, _, _, _, _, _, _, _ in x.topk(2, dim: 1, largest: false).indices }),
        ("kthvalue", { _, _, v, _, _, _, _, _ in v.kthvalue(3).values }),
        ("unique", { _, _, _, i, _, _, _, _ in (i % 4).unique().values }),
        ("unique.inverse", { _, _, _, i, _, _, _, _ in (i % 4).unique().inverse }),
        ("unique.counts", { _, _, _, i, _, _, _, _ in (i % 4).unique().counts }),
        ("gather", { x, _, _, _, _, _, _, _ in x.gather(1, Tensor([[[0, 2, 1, 1]], [[2, 2, 0, 1]]])) }),
        (
            "scatter",
            { x, _, _, _, _, _, _, _ in Tensor.zeros([2, 3, 4]).scatter(1, Tensor([[[0, 2, 1, 1]], [[2, 2, 0, 1]]]), x[.all, ..<1]) }
        ),
        ("scatterAdd", { x, _, _, _, _, _, _, _ in x.scatterAdd(2, Tensor([[[0, 0, 3]], [[1, 1, 1]]]), x) }),
        ("indexSelect", { x, _, _, _, _, _, _, _ in x.indexSelect(dim: 2, Tensor([3, 0, 0])) }),
        ("indexAdd", { x, _, _, _, _, _, _, _ in x.indexAdd(dim: 1, Tensor([2, 2]), x[.all, ..<2]) }),
        ("indexFill", { x, _, _, _, _, _, _, _ in x.indexFill(dim: 2, Tensor([1, 3]), 9.0) }),
        ("maskedFill", { x, _, _, _, b, _, _, _ in x.maskedFill(b, -1.0) }),
        ("maskedSelect", { x, _, _, _, b, _, _, _ in x.maskedSelect(b) }),
        ("nonzero", { _, _, _, _, b, _, _, _ in b.nonzero() }),
        ("flip", { x, _, _, _, _, _, _, _ in x.flip(0, 2) }),
        ("roll", { x, _, _, _, _, _, _, _ in x.roll([1, -2], dims: [0, 2]) }),
        ("roll.flat", { x, _, _, _, _, _, _, _ in x.roll(5) }),
        ("repeat", { x, _, _, _, _, _, _, _ in x.repeat(2, 1, 1, 2) }),
        ("repeatInterleave", { x, _, _, _, _, _, _, _ in x.repeatInterleave(2, dim: 1) }),
        ("tril", { x, _, _, _, _, _, _, _ in x.tril(1) }),
        ("triu", { x, _, _, _, _, _, _, _ in x.triu(-1) }),
        ("pad", { x, _, _, _, _, _, _, _ in x.pad([1, -2, 0, 3], value: 7) }),
        ("cat", { x, _, _, _, _, _, _, _ in Tensor.cat([x, x[.all, ..<1]], dim: 1) }),
        ("stack", { x, _, _, _, _, _, _, _ in Tensor.stack([x, x * 2], dim: -1) }),
        ("chunk", { x, _, _, _, _, _, _, _ in x.chunk(2, dim: 1)[1] }),
        ("split", { x, _, _, _, _, _, _, _ in x.split([1, 3], dim: 2)[1] }),
        ("unbind", { x, _, _, _, _, _, _, _ in x.unbind(dim: 1)[2] }),
        ("diagonal", { x, _, _, _, _, _, _, _ in x.diagonal(offset: 1, dim1: 1, dim2: 2) }),
        ("unfold", { x, _, _, _, _, _, _, _ in x.unfold(2, 2, 1) }),
        ("movedim", { x, _, _, _, _, _, _, _ in x.movedim(0, 2) }),
        ("unflatten", { x, _, _, _, _, _, _, _ in x.unflatten(2, [2, -1]) }),
        ("expand", { _, y, _, _, _, _, _, _ in y.expand(2, 3, 4) }),
        ("asStrided", { x, _, _, _, _, _, _, _ in x.asStrided([3, 3], [4, 2], 1) }),
        ("matmul.vv", { _, _, v, _, _, _, _, _ in v.matmul(v) }),
        ("matmul.mv", { x, _, _, _, _, _, _, _ in x[0].matmul(x[1, 0]) }),
        ("matmul.vm", { x, _, _, _, _, _, _, _ in x[1, .all, 0].matmul(x[0]) }),
        ("matmul.batch", { x, _, _, _, _, _, _, _ in x.matmul(x.transpose(1, 2)) }),
        ("matmul.batch broadcast", { x, _, _, _, _, _, _, _ in x.unsqueeze(1).matmul(x.transpose(1, 2).unsqueeze(0)) }),
        ("matmul.3x2", { x, _, _, _, _, _, _, _ in x.matmul(x[0].t()) }),
        ("matmul.2x3", { x, _, _, _, _, _, _, _ in x[0].t().matmul(x) }),
        ("matmul.1x3", { x, _, _, _, _, _, _, _ in x[0, .all, 0].matmul(x) }),
        ("matmul.3x1", { x, _, _, _, _, _, _, _ in x.matmul(x[0, 0]) }),
        ("matmul.int", { _, _, _, i, _, _, _, _ in i.matmul(i.t()) }),
        ("addmm", { x, y, _, _, _, _, _, _ in y.addmm(x[0], x[1].t(), beta: 0.5, alpha: 2) }),
        ("einsum.batch", { x, _, _, _, _, _, _, _ in Tensor.einsum("bij,bkj->bik", x, x) }),
        ("einsum.trace", { x, _, _, _, _, _, _, _ in Tensor.einsum("ii->i", x[0, .all, ..<3]) }),
        ("einsum.implicit", { x, _, _, _, _, _, _, _ in Tensor.einsum("bij,kj", x, x[0]) }),
        ("einsum.ellipsis", { x, _, _, _, _, _, _, _ in Tensor.einsum("...ij,...kj->...ki", x, x) }),
        ("einsum.sum", { x, _, _, _, _, _, _, _ in Tensor.einsum("bij->j", x) }),
        ("einsum.outer", { _, _, v, _, _, _, _, _ in Tensor.einsum("i,j->ij", v, v[..<2]) }),
        ("einsum.three", { x, _, _, i, _, _, _, _ in Tensor.einsum("bij,bj,i->b", x, x[.all, 0], x[0, .all, 0]) }),
        ("index.int", { x, _, _, _, _, _, _, _ in x[1, -1] }),
        ("index.range", { x, _, _, _, _, _, _, _ in x[.all, 1..., stride(from: 0, to: 4, by: 2)] }),
        ("index.negative range", { x, _, _, _, _, _, _, _ in x[.ellipsis, -3..<(-1)] }),
        ("index.newaxis", { x, _, _, _, _, _, _, _ in x[.all, .newAxis, 1] }),
        ("index.tensor", { x, _, _, _, _, _, _, _ in x[Tensor([1, 0, 1])] }),
        ("index.two tensors", { x, _, _, _, _, _, _, _ in x[.all, Tensor([0, 2]), Tensor([1, -1])] }),
        ("index.separated tensors", { x, _, _, _, _, _, _, _ in x[Tensor([0, 1]), .all, Tensor([1, 3])] }),
        ("index.broadcast tensors", { x, _, _, _, _, _, _, _ in x[Tensor([[0], [1]]), Tensor([0, 2])] }),
        ("index.mask", { x, _, _, _, b, _, _, _ in x[b] }),
        ("index.partial mask", { x, _, _, _, _, _, _, _ in x[Tensor([true, false]), 1...] }),
        ("index.range beyond", { x, _, _, _, _, _, _, _ in x[.all, 2..<100] }),
        ("softplus", { x, _, _, _, _, _, _, _ in (x * 20).softplus() }),
        ("erfinv", { x, _, _, _, _, _, _, _ in (x / 2.1).erfinv() }),
        ("lgamma", { x, _, _, _, _, _, _, _ in (x + 3).lgamma() }),
        ("digamma", { x, _, _, _, _, _, _, _ in (x + 3).digamma() }),
        ("polygamma.0", { x, _, _, _, _, _, _, _ in (x + 3).polygamma(0) }),
        ("polygamma.1", { x, _, _, _, _, _, _, _ in (x + 3).polygamma(1) }),
        ("polygamma.2", { x, _, _, _, _, _, _, _ in (x + 3).polygamma(2) }),
        ("polygamma.int", { _, _, _, i, _, _, _, _ in (i + 1).polygamma(3) }),
        ("ndtri", { x, _, _, _, _, _, _, _ in (x / 4 + 0.5).ndtri() }),
        ("linspace", { _, _, _, _, _, _, _, _ in Tensor.linspace(-1, 2, 7) }),
        ("arange.float", { _, _, _, _, _, _, _, _ in Tensor.arange(0.5, 3, 0.75) }),
        ("arange.int", { _, _, _, _, _, _, _, _ in Tensor.arange(10, 0, -3) }),
        ("eye", { _, _, _, _, _, _, _, _ in Tensor.eye(2, 3) }),
        ("to.int", { x, _, _, _, _, _, _, _ in (x * 3).to(.int32) }),
        ("to.uint8", { x, _, _, _, _, _, _, _ in (x.abs() * 3).to(.uint8) }),
        ("to.half", { x, _, _, _, _, _, _, _ in (x * 1000).half() }),
        ("to.bfloat16", { x, _, _, _, _, _, _, _ in (x * 1000).bfloat16() }),
        ("bmm", { x, _, _, _, _, _, _, _ in x.bmm(x.transpose(1, 2)) }),
        ("baddbmm", { x, y, _, _, _, _, _, _ in y.baddbmm(x, x.transpose(1, 2), beta: 0.5, alpha: 2) }),
        ("dot", { _, _, v, _, _, _, _, _ in v.dot(v.flip(0)) }),
        ("addcdiv", { x, y, _, _, _, _, _, _ in x.addcdiv(y, x.abs() + 1, value: 0.5) }),
        ("xlogy", { _, _, _, _, _, _, _, _ in Tensor([0.0, 0, 2, .nan]).xlogy(Tensor([0.0, .nan, 3, 0.5])) }),
        ("ge", { x, y, _, _, _, _, _, _ in x.ge(y) }),
        ("le", { _, _, _, _, _, _, _, special in special.le(0) }),
        ("isnan", { _, _, _, _, _, _, _, special in special.isnan() }),
        ("isinf", { _, _, _, _, _, _, _, special in special.isinf() }),
        ("logicalAnd", { _, _, _, i, b, _, _, _ in b.logicalAnd(i % 2) }),
        ("sum.dtype", { _, _, _, i, _, _, _, _ in i.sum(dtype: .float64) }),
        ("sum.dim dtype", { x, _, _, _, _, _, _, _ in x.half().sum(dim: [0, 2], dtype: .float32) }),
        ("mean.dtype", { _, _, _, i, _, _, _, _ in i.mean(dim: 1, dtype: .float32) }),
        ("prod.dtype", { _, _, _, i, _, _, _, _ in (i + 1).prod(dtype: .float64) }),
        ("prod.dim dtype", { _, _, _, i, _, _, _, _ in (i + 1).prod(dim: 1, dtype: .float32) }),
        ("cumsum.dtype", { _, _, _, i, _, _, _, _ in i.cumsum(dim: 1, dtype: .float32) }),
        ("cumprod.dtype", { _, _, _, i, _, _, _, _ in i.cumprod(dim: 0, dtype: .float64) }),
        ("any.dims", { _, _, _, _, b, _, _, _ in b.any(dim: [0, 2]) }),
        ("all.dims", { x, _, _, _, _, _, _, _ in x.gt(-1.99).all(dim: [1, 2], keepDim: true) }),
        ("view", { x, _, _, _, _, _, _, _ in x.view([4, -1]) }),
        ("tile", { _, y, _, _, _, _, _, _ in y.tile(2, 2) }),
        ("zeros.separate", { _, _, _, _, _, _, _, _ in Tensor.zeros(2, 3, dtype: .int16) }),
        ("ones.separate", { _, _, _, _, _, _, _, _ in Tensor.ones(2, 3) }),
        ("unique.dim", { _, _, _, i, _, _, _, _ in (i % 2).repeat(2, 2).unique(dim: 0).values }),
        ("unique.dim columns", { _, _, _, i, _, _, _, _ in (i % 2).unique(dim: 1).inverse }),
        ("unique.dim counts", { x, _, _, _, _, _, _, _ in x.gt(0).long().unique(dim: -1).counts }),
        ("norm.half", { _, _, _, _, _, _, _, _ in Tensor.full([3], 300.0, dtype: .float16).norm() }),
        ("norm.3 half", { x, _, _, _, _, _, _, _ in (x.half() * 100).norm(p: 3, dim: 1) }),
        ("var.half", { x, _, _, _, _, _, _, _ in (x * 300).half().var(dim: 1) }),
        ("std.half", { x, _, _, _, _, _, _, _ in (x * 300).half().std() }),
        ("logsumexp.half", { _, _, _, _, _, _, _, _ in Tensor.zeros([60_000], dtype: .float16).logsumexp(dim: 0) }),
        ("mean.half", { _, _, _, _, _, _, _, _ in Tensor.full([100_000], 3.0, dtype: .float16).mean() }),
        ("isclose", { x, _, _, _, b, _, _, _ in x.isclose(x + b * 1e-5) }),
    ]

    static let prints: [(name: String, run: @Sendable (Inputs) -> Tensor)] = [
        ("vector", { $0.v }),
        ("cube", { $0.x }),
        ("ints", { $0.i }),
        ("bools", { $0.b }),
        ("scalar", { _ in Tensor(3.25) }),
        ("whole", { _ in Tensor([1.0, 2.0, 300.0]) }),
        ("wide", { _ in Tensor([1e-5, 1.0, 2.0]) }),
        ("large", { _ in Tensor([1.0, 123_456_789.0]) }),
        ("special", { $0.special }),
        ("empty", { _ in Tensor.zeros([0, 3]) }),
        ("double", { _ in Tensor([1.5], dtype: .float64) }),
        ("int32", { _ in Tensor([1, -20], dtype: .int32) }),
        ("half", { $0.v.half() }),
        ("long", { _ in Tensor.arange(1001) }),
        ("big", { _ in Tensor.arange(0.0, 2000.0).reshape(40, 50) }),
        ("big cube", { _ in wave([11, 12, 13], device: .cpu) }),
        ("requires", { _ in Tensor([1.0, 2.0], requiresGrad: true) }),
        ("lines", { _ in Tensor.arange(40) * 1000 }),
        ("zeros", { _ in Tensor.zeros([2, 2]) }),
    ]
}

@Suite struct RecordedOpsTests {
    @Test(arguments: RecordedOps.expressions.map(\.name))
    func answer(_ name: String) throws {
        let expression = try #require(RecordedOps.expressions.first { $0.name == name }).run
        let inputs = RecordedOps.Inputs(.cpu)
        try compare(name, expression(inputs.x, inputs.y, inputs.v, inputs.i, inputs.b, inputs.s, inputs.t, inputs.special))
    }

    @Test(arguments: RecordedOps.subscripts.map(\.name))
    func subscripts(_ name: String) throws {
        try compare(name, try #require(RecordedOps.subscripts.first { $0.name == name }).run(RecordedOps.Parts()))
    }

    @Test(arguments: RecordedOps.pointwise.map(\.name))
    func pointwise(_ name: String) throws {
        try compare(name, try #require(RecordedOps.pointwise.first { $0.name == name }).run(RecordedOps.Parts()))
    }

    @Test(arguments: RecordedOps.changes.map(\.name))
    func changes(_ name: String) throws {
        try compare(name, try #require(RecordedOps.changes.first { $0.name == name }).run(RecordedOps.Parts()))
    }

    @Test(arguments: RecordedOps.shapes.map(\.name))
    func shapes(_ name: String) throws {
        try compare(name, try #require(RecordedOps.shapes.first { $0.name == name }).run(RecordedOps.Inputs(.cpu)))
    }

    @Test(arguments: RecordedOps.statistics.map(\.name))
    func statistics(_ name: String) throws {
        try compare(name, try #require(RecordedOps.statistics.first { $0.name == name }).run(RecordedOps.Parts()))
    }

    @Test(arguments: RecordedOps.linalg.map(\.name))
    func linalg(_ name: String) throws {
        try compare(name, try #require(RecordedOps.linalg.first { $0.name == name }).run(RecordedOps.Matrices()))
    }

    @Test(arguments: RecordedOps.various.map(\.name))
    func various(_ name: String) throws {
        try compare(name, try #require(RecordedOps.various.first { $0.name == name }).run(RecordedOps.Various()))
    }

    private func compare(_ name: String, _ found: Tensor) throws {
        let expected = try #require(RecordedOps.all.cases[name], "record it with Tests/ApusCoreTests/record_ops.py")
        #expect(found.shape == Shape(expected.shape) && "\(found.dtype)" == expected.dtype)
        let unit = found.dtype.epsilon
        expectClose(found, expected.values, rtol: 32 * unit, atol: 8 * unit)
    }

    /// `resultType` agrees with arithmetic (`promote.…` has PyTorch's answers); scalar tensors do not widen operands of their kind.
    @Test func resultTypes() {
        let inputs = RecordedOps.Inputs(.cpu)
        let wide = Tensor(5.0, dtype: .float64)
        let pairs = [
            (inputs.i, wide), (inputs.x, wide), (inputs.x, inputs.i), (inputs.b, inputs.i), (inputs.i.int(), Tensor(5)),
            (inputs.x.half(), inputs.x.bfloat16()),
        ]
        #expect(pairs.map { Tensor.resultType($0, $1) } == [.float64, .float32, .float32, .int64, .int32, .float32])
        for (a, b) in pairs { #expect((a + b).dtype == Tensor.resultType(a, b)) }
    }

    @Test func everyRecordedCaseIsRun() {
        #expect(
            Set(RecordedOps.all.cases.keys)
                == Set(
                    RecordedOps.expressions.map(\.name)
                        + [RecordedOps.subscripts, RecordedOps.changes, RecordedOps.pointwise, RecordedOps.statistics].joined().map(\.name)
                        + RecordedOps.shapes.map(\.name) + RecordedOps.linalg.map(\.name) + RecordedOps.various.map(\.name)))
        #expect(
            Set(RecordedOps.all.printed.keys) == Set(RecordedOps.prints.map(\.name) + RecordedOps.printsWithOptions.map(\.name)))
    }

    @Test(arguments: RecordedOps.prints.map(\.name))
    func printed(_ name: String) throws {
        let run = try #require(RecordedOps.prints.first { $0.name == name }).run
        #expect(run(RecordedOps.Inputs(.cpu)).description == RecordedOps.all.printed[name])
    }

    @Test(arguments: RecordedOps.printsWithOptions.map(\.name))
    func printedWithOptions(_ name: String) throws {
        let (_, options, run) = try #require(RecordedOps.printsWithOptions.first { $0.name == name })
        let x = run(RecordedOps.Inputs(.cpu))
        #expect(withPrintOptions(options) { x.description } == RecordedOps.all.printed[name])
    }
}
