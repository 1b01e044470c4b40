import ApusCore
import ApusDistributions
import ApusNN
import ApusOptim
import TestSupport

extension ScarceMemoryTests {
    static let families: [Family] =
        [Device.cpu, .reference].flatMap { [pointwise($0), functionsWithDerivatives($0)] }
        + [
            largeMatrices, tables, recordedOps, recordedMatrices, kernelsWithScratch, layers, secondDerivatives, accumulation,
            optimizerSteps,
        ]

    /// Decompositions of large matrices have steps of their own.
    private static let largeMatrices = Family(name: "large matrices", count: 2) { ledger in
        ledger.check("eigh", [[130, 130]]) {
            Array([Linalg.eigh($0[0] + $0[0].mT)].map { [$0.eigenvalues, $0.eigenvectors] }.joined())
        }
        ledger.check("svd", [[130, 130]]) { Array([Linalg.svd($0[0])].map { [$0.u, $0.s, $0.vh] }.joined()) }
    }

    private static func pointwise(_ device: Device) -> Family {
        Family(name: "pointwise on \(device)", count: 200) { ledger in
            for dtype in [DType.float32, .float16, .int64, .bool] {
                for rule in UnaryRule.all {
                    ledger.check(rule.name, [[2, 3]], [dtype], on: device) { [$0[0].unary(rule, KernelParameters(1, 2, 1))] }
                }
                for rule in BinaryRule.all {
                    ledger.check(rule.name, [[2, 3], [3]], [dtype], on: device) {
                        [Tensor.binary(rule, $0[0], $0[1], KernelParameters(1, 2, 1))]
                    }
                }
            }
        }
    }

    private static func functionsWithDerivatives(_ device: Device) -> Family {
        Family(name: "functions with derivatives on \(device)", count: 50) { ledger in
            for c in DerivativeTests.unaryCases { ledger.check(c.name, [[2, 3]], [.float64], on: device) { [c.f($0[0])] } }
            for c in DerivativeTests.binaryCases {
                ledger.check(c.name, [[2, 1, 3], [2, 1]], [.float64], on: device) { [c.f($0[0], $0[1])] }
            }
            for c in DerivativeTests.shapedCases + DerivativeTests.statisticsCases {
                ledger.check(c.name, [[2, 3, 4]], [.float32], on: device) { [c.f($0[0])] }
            }
        }
    }

    private static let tables = Family(name: "tables", count: 200) { ledger in
        for (name, _, _, call) in DTypeBackendTests.functions {
            ledger.check(name, [[7]], [.float32, .bfloat16, .int16, .bool]) { [call($0[0])] }
        }
    }

    private static let recordedOps = Family(name: "recorded ops", count: 200) { ledger in
        for (name, run) in RecordedOps.expressions where !name.hasSuffix(".half") {
            ledger.check(name) {
                let inputs = RecordedOps.Inputs(.cpu)
                let all = [
                    inputs.x.requiresGrad_(), inputs.y.requiresGrad_(), inputs.v.requiresGrad_(), inputs.i, inputs.b, inputs.s,
                    inputs.t, inputs.special,
                ]
                return Trial(all) { [run($0[0], $0[1], $0[2], $0[3], $0[4], $0[5], $0[6], $0[7])] }
            }
        }
        for (name, run) in RecordedOps.subscripts + RecordedOps.changes + RecordedOps.pointwise + RecordedOps.statistics
            + RecordedOps.specialFunctions
        {
            ledger.check(name) {
                let parts = RecordedOps.Parts()
                return Trial([]) { [run(parts)] }
            }
        }
        for (name, run) in RecordedOps.shapes {
            ledger.check(name) {
                let inputs = RecordedOps.Inputs(.cpu)
                return Trial([]) { [run(inputs)] }
            }
        }
    }

    private static let recordedMatrices = Family(name: "recorded functions of matrices", count: 50) { ledger in
        for (name, run) in RecordedOps.linalg {
            ledger.check(name) {
                let matrices = RecordedOps.Matrices()
                return Trial([]) { [run(matrices)] }
            }
        }
        // `lobpcg.batch` asks for 4,500 blocks, and the other families have such searches of smaller matrices.
        for (name, run) in RecordedOps.various where name != "lobpcg.batch" {
            ledger.check(name) {
                let inputs = RecordedOps.Various()
                return Trial([], differentiating: { _ in [run(inputs)] })
            }
        }
    }

    /// Ops of layers, losses and distributions.
    private static let layers = Family(name: "layers", count: 12) { ledger in
        ledger.check("binary cross entropy", [[2, 3], [2, 3]]) { [F.binaryCrossEntropy($0[0], $0[1])] }
        ledger.check("ctc loss", [[4, 2, 3]]) {
            [F.ctcLoss($0[0].logSoftmax(dim: 2), Tensor([[1], [2]]), inputLengths: [4, 3], targetLengths: [1, 1])]
        }
        ledger.check("normalisation across channels", [[1, 4, 2, 2]]) { [CrossMapLRN2d(3)($0[0])] }
        for kind in RecurrentKind.allCases {
            let (rows, states) = (2 * kind.gates, Array(repeating: [2, 2] as Shape, count: kind == .lstm ? 2 : 1))
            let walk = RecurrentWalk(kind, batchSizes: [2, 1], isReversed: false, hasBias: true)
            ledger.check("recurrent walk, \(kind)", [[3, 3]] + states + [[rows, 3], [rows, 2], [rows], [rows]]) { walk($0) }
        }
        ledger.check("orthogonal matrices") {
            let layer = withGenerator(Generator(seed: 1)) { Parametrizations.orthogonal(Linear(3, 3, bias: false), orthogonalMap: .cayley) }
            return Trial(layer.parameters(), differentiating: { _ in [layer.weight * 1] })
        }
        ledger.check("parts of numbers", [[2, 3]]) { [$0[0].frexp().mantissa] }
        ledger.check("draws with gradients", [[2, 2], [2, 2]]) { [Gamma($0[0], $0[1]).rsample()] }
        ledger.check("to another device", [[2, 3]]) { [$0[0].to(.reference).exp().to(.cpu)] }
        ledger.check("overwritten", [[2, 3]]) {
            let y = $0[0] * 2
            y.fill_(3)
            return [y * y]
        }
    }

    /// Gradients that are differentiated: the ops that only derivatives apply have derivatives, too.
    private static let secondDerivatives = Family(name: "second derivatives", count: 6) { ledger in
        let calls: [(String, [Shape], @Sendable ([Tensor]) -> Tensor)] = [
            ("average pooling", [[1, 2, 4, 4]], { F.avgPool2d($0[0], kernelSize: 3, stride: 1) }),
            ("convolution", [[1, 2, 4, 4], [2, 2, 3, 3]], { F.conv2d($0[0], $0[1]) }),
            ("gather", [[2, 3]], { $0[0].gather(1, Tensor([[0, 2], [1, 1]])) }), ("softmax", [[2, 3]], { $0[0].softmax(dim: 1) }),
            (
                "ctc loss", [[3, 1, 2]],
                { F.ctcLoss($0[0].logSoftmax(dim: 2), Tensor([[1]]), inputLengths: [3], targetLengths: [1]) }
            ),
            ("slice", [[2, 3]], { $0[0].narrow(1, 1, 2) }), ("products", [[2, 3]], { $0[0].cumprod(dim: 1) }),
        ]
        for (name, shapes, call) in calls {
            ledger.check(name, shapes) { inputs in
                grad(of: [call(inputs).square().sum()], withRespectTo: inputs, createGraph: true).compactMap { $0 }
            }
        }
    }

    /// Families whose kernels allocate scratch memory, with sizes and dtypes for which they do.
    private static let kernelsWithScratch = Family(name: "kernels with scratch", count: 60, scratch: 300) { ledger in
        let floats: [DType] = [.float32, .float64, .float16, .bfloat16]
        ledger.check("products", [[40, 300], [300, 70]], floats + [.int32]) { [$0[0].matmul($0[1])] }
        ledger.check("thin products", [[3, 30], [30, 2]], floats) { [$0[0].matmul($0[1])] }
        ledger.check("wide products", [[20, 280], [280, 200]], [.float32, .float64], isTransposed: false) { [$0[0].matmul($0[1])] }
        ledger.check("products in batches", [[3, 20, 30], [3, 30, 20]], floats) { [$0[0].matmul($0[1])] }
        ledger.check("linear", [[20, 40], [30, 40], [30]], floats) { [F.linear($0[0], $0[1], $0[2])] }
        for (name, x, w, padding, stride, groups) in [
            ("few channels", [2, 1, 12, 12] as Shape, [8, 1, 5, 5] as Shape, 2, 1, 1),
            ("squares", [2, 24, 16, 16], [24, 24, 3, 3], 1, 1, 1),
            ("few squares", [1, 32, 8, 8], [32, 32, 3, 3], 1, 1, 1), ("steps", [3, 16, 11, 11], [32, 16, 3, 3], 1, 2, 1),
            ("groups", [2, 32, 10, 10], [32, 8, 3, 3], 1, 1, 4), ("large windows", [2, 16, 12, 12], [16, 16, 5, 5], 0, 1, 1),
            ("small images", [4, 128, 3, 3], [128, 128, 3, 3], 0, 1, 1), ("one image", [1, 3, 9, 9], [4, 3, 3, 3], 0, 2, 1),
        ] {
            ledger.check("convolution, \(name)", [x, w, [w[0]]], floats) {
                [F.conv2d($0[0], $0[1], $0[2], stride: stride, padding: padding, groups: groups)]
            }
        }
        ledger.check("pooling", [[2, 2, 12, 12]], floats) {
            [F.avgPool2d($0[0], kernelSize: 5, stride: 1), F.maxPool2d($0[0], kernelSize: 3), F.adaptiveAvgPool2d($0[0], 5)]
        }
        ledger.check("sums", [[100_000]], floats) { [$0[0].sum(), $0[0].norm()] }
        ledger.check("sort", [[3, 60]], floats) { [$0[0].sort(dim: 1).values] }
        ledger.check("layer norm", [[50, 20], [20], [20]], floats) { [F.layerNorm($0[0], [20], weight: $0[1], bias: $0[2])] }
        ledger.check("batch norm", [[5, 3, 4], [3], [3]], floats) {
            [F.batchNorm($0[0], nil, nil, weight: $0[1], bias: $0[2], training: true)]
        }
        ledger.check("group norm", [[5, 4, 4], [4], [4]], floats) { [F.groupNorm($0[0], 2, weight: $0[1], bias: $0[2])] }
        ledger.check("softmax", [[6, 5, 4]], floats) { [$0[0].softmax(dim: 1), $0[0].logSoftmax(dim: 0)] }
        ledger.check("cross entropy", [[6, 5]], floats) {
            [
                F.crossEntropy(
                    $0[0], Tensor([0, 4, 2, 2, 1, 0]), weight: Tensor([1.0, 2, 1, 3, 1], dtype: $0[0].dtype), labelSmoothing: 0.1)
            ]
        }
        ledger.check("embedding", [[7, 5]], floats) { [F.embedding(Tensor([1, 6, 1, 0]), $0[0])] }
        ledger.check("scatter", [[2, 300]], floats) { [$0[0].scatterAdd(1, Tensor.arange(600).reshape(2, 300) % 3, $0[0])] }
        for c in LinearAlgebraTests.cases + LinalgTests.cases {
            // In float32 a search may go on for a thousand steps, since it cannot see that it has ended.
            ledger.check(
                c.name, [[2, 3, 3], [3, 2]], c.name.contains("lobpcg") ? [.float64] : [.float32, .float64], isTransposed: false
            ) { [c.f($0[0], $0[1])] }
        }
        for method in [LOBPCGMethod.ortho, .basic] {
            ledger.check("lobpcg with b and iK, \(method)", [[7, 7]], [.float64], isTransposed: false) {
                let a = ($0[0] + $0[0].mT).detach()
                let found = Tensor.lobpcg(a, k: 2, b: Tensor.eye(7, dtype: .float64) * 2, iK: a * 0.1, niter: 3, method: method)
                return [found.eigenvalues, found.eigenvectors]
            }
        }
        ledger.check("linear scan", [[2, 6, 3]], [.float32, .float64]) { [$0[0].cumprod(dim: 1), $0[0].cumsum(dim: 1)] }
        ledger.check("random", [[5, 4]], floats) {
            [F.dropout($0[0], p: 0.5), Tensor.randn([3, 3], dtype: $0[0].dtype), Tensor.randperm(9), Tensor.randint(0, 9, [4])]
        }
    }

    /// Accumulated gradients: in a node's slot, in a leaf, and as rows of a table. After a failure the sum is unchanged.
    private static let accumulation = Family(name: "accumulation", count: 3) { ledger in
        func gradient(_ x: Tensor, _ passes: () -> Void) -> [Tensor] {
            x.grad = nil
            passes()
            return x.grad.map { [$0 + 0] } ?? []
        }
        ledger.check("a leaf used thrice, in two passes") {
            let x = DerivativeTests.numbers([2, 3]).to(.float32).requiresGrad_()
            return Trial([x]) {
                gradient(x) {
                    (x * 2 + x.exp() * x.half().to(.float32)).sum().backward()
                    x.square().sum().backward()
                }
            }
        }
        for passes in 1...2 {
            ledger.check("rows of a table, in \(passes) passes") {
                let table = DerivativeTests.numbers([5, 3]).to(.float32).requiresGrad_()
                return Trial([table]) {
                    gradient(table) {
                        for _ in 0..<passes { F.embedding(Tensor([1, 4, 1]), table, sparse: true).square().sum().backward() }
                    }
                }
            }
        }
    }

    /// An optimizer step that runs out of memory is not made: parameters, states and the step count are unchanged.
    private static let optimizerSteps = Family(name: "optimizer steps", count: 4) { ledger in
        let makers: [(String, ([Tensor]) -> Optimizer)] = [
            ("SGD", { SGD($0, lr: 0.1, momentum: 0.9) }), ("Adam", { Adam($0, lr: 0.1, amsgrad: true) }), ("AdamW", { AdamW($0, lr: 0.1) }),
            ("RMSprop", { RMSprop($0, lr: 0.1, momentum: 0.5, centered: true) }),
        ]
        for (name, make) in makers {
            ledger.check(name) {
                let parameters = [DType.float32, .float64, .bfloat16].map {
                    DerivativeTests.numbers([3, 2]).to($0).t().requiresGrad_()
                }
                for p in parameters { p.grad = DerivativeTests.numbers([2, 3], phase: 4).to(p.dtype) }
                let optimizer = make(parameters)
                // A failed and repeated step counts as one. The second step has existing states.
                var isDone = false
                return Trial(parameters) {
                    if isDone { return parameters }
                    try checked { optimizer.step() }
                    isDone = true
                    return parameters
                }
            }
        }
    }
}
