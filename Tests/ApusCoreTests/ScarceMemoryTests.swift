import Apus
import Foundation
import TestSupport
import Testing

/// Every op, forward and backward, with an allocator that refuses its k-th block, for every k: only an error within `checked` may result.
@Suite struct ScarceMemoryTests {
    typealias Call = ([Tensor]) throws -> [Tensor]

    /// Calls `body`, which collects complaints, on a thread of its own. There must be so many calls, and so many blocks refused to kernels.
    static func law(_ count: Int, scratch: Int = 0, _ body: @escaping (inout Ledger) throws -> Void) throws {
        let ledger = try alone {
            var ledger = Ledger()
            try body(&ledger)
            return ledger
        }
        #expect(ledger.complaints.isEmpty, "\(ledger.complaints.joined(separator: "\n"))")
        #expect(ledger.count >= count && ledger.scratch >= scratch, "\(ledger.count) calls, \(ledger.scratch) blocks of kernels")
    }

    struct Ledger {
        var count = 0
        var scratch = 0
        var complaints: [String] = []

        mutating func check(_ name: String, isRepeatable: Bool = true, _ prepare: () throws -> Trial) {
            guard let found = complaintsWithoutMemory(name, isRepeatable: isRepeatable, scratch: &scratch, prepare) else { return }
            count += 1
            complaints += found
        }

        /// A call on transposed leaves of `shapes`, whose copies need memory, in each dtype.
        mutating func check(
            _ name: String, _ shapes: [Shape], _ dtypes: [DType] = [.float32], on device: Device = .cpu, isTransposed: Bool = true,
            _ call: @escaping Call
        ) {
            for dtype in dtypes {
                let numbers = shapes.enumerated().map { i, shape in
                    DerivativeTests.numbers(isTransposed ? Shape(shape.reversed()) : shape, from: 0.1, to: 0.9, phase: Double(i)).to(dtype)
                        .to(device)
                }
                check("\(name) of \(dtype) on \(device)") {
                    Trial(
                        numbers.map { numbers in
                            let x = isTransposed ? numbers.clone().permute(Array((0..<numbers.ndim).reversed())) : numbers.clone()
                            return dtype.isFloatingPoint ? x.detach().requiresGrad_() : x
                        }, differentiating: call)
                }
            }
        }
    }

    /// Decompositions of large matrices have steps of their own.
    @Test func largeMatrices() throws {
        try Self.law(2) { ledger in
            ledger.check("eigh", [[130, 130]]) {
                Array([Linalg.eigh($0[0] + $0[0].mT)].map { [$0.eigenvalues, $0.eigenvectors] }.joined())
            }
            ledger.check("svd", [[130, 130]]) { Array([Linalg.svd($0[0])].map { [$0.u, $0.s, $0.vh] }.joined()) }
        }
    }

    static let devices: [Device] = [.cpu, .reference]

    @Test(arguments: devices) func pointwise(_ device: Device) throws {
        try Self.law(200) { ledger in
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

    @Test(arguments: devices) func functionsWithDerivatives(_ device: Device) throws {
        try Self.law(50) { ledger in
            for c in DerivativeTests.unaryCases { ledger.check(c.name, [[2, 3]], [.float64], on: device) { [c.f($0[0])] } }
            for c in DerivativeTests.binaryCases {
                ledger.check(c.name, [[2, 1, 3], [2, 1]], [.float64], on: device) { [c.f($0[0], $0[1])] }
            }
            for c in DerivativeTests.shapedCases + DerivativeTests.statisticsCases {
                ledger.check(c.name, [[2, 3, 4]], [.float32], on: device) { [c.f($0[0])] }
            }
        }
    }

    @Test func tables() throws {
        try Self.law(200) { ledger in
            for (name, _, _, call) in DTypeBackendTests.functions {
                ledger.check(name, [[7]], [.float32, .bfloat16, .int16, .bool]) { [call($0[0])] }
            }
        }
    }

    @Test func recordedOps() throws {
        try Self.law(200) { ledger in
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
            // A closure that unwraps a failed gradient would end the program.
            for (name, run) in RecordedOps.subscripts + RecordedOps.changes + RecordedOps.pointwise + RecordedOps.statistics
            where !name.contains("gradient of") {
                ledger.check(name) {
                    let parts = RecordedOps.Parts()
                    return Trial([]) { [run(parts)] }
                }
            }
            for (name, run) in RecordedOps.shapes where !name.contains("gradient of") {
                ledger.check(name) {
                    let inputs = RecordedOps.Inputs(.cpu)
                    return Trial([]) { [run(inputs)] }
                }
            }
        }
    }

    /// Families whose kernels allocate scratch memory, with sizes and dtypes for which they do.
    @Test func kernelsWithScratch() throws {
        try Self.law(60, scratch: 300) { ledger in
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
            // What goes step by step allocates thousands of times, and its steps are among the others.
            for c in LinearAlgebraTests.cases + LinalgTests.cases where !c.name.contains("lobpcg") && !c.name.contains("Lowrank") {
                ledger.check(c.name, [[2, 3, 3], [3, 2]], [.float32, .float64], isTransposed: false) { [c.f($0[0], $0[1])] }
            }
            ledger.check("linear scan", [[2, 6, 3]], [.float32, .float64]) { [$0[0].cumprod(dim: 1), $0[0].cumsum(dim: 1)] }
            ledger.check("random", [[5, 4]], floats) {
                [F.dropout($0[0], p: 0.5), Tensor.randn([3, 3], dtype: $0[0].dtype), Tensor.randperm(9), Tensor.randint(0, 9, [4])]
            }
        }
    }

    /// Accumulated gradients: in a node's slot, in a leaf, and as rows of a table. After a failure the sum is unchanged.
    @Test func accumulation() throws {
        func gradient(_ x: Tensor, _ passes: () -> Void) -> [Tensor] {
            x.grad = nil
            passes()
            return x.grad.map { [$0 + 0] } ?? []
        }
        try Self.law(3) { ledger in
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
    }

    /// Backends throw errors instead of trapping, and the C code allocates only with functions that can refuse.
    @Test func nothingBelowAnOpFailsByItself() throws {
        let sources = inCheckout("../../Sources")
        func lines(_ folder: String, _ endings: [String], but exceptions: [String] = [], _ pattern: String) throws -> [String] {
            let files = FileManager.default.enumerator(at: sources.appendingPathComponent(folder), includingPropertiesForKeys: nil)
            let forbidden = try Regex(pattern)
            return try (files?.compactMap { $0 as? URL } ?? []).filter {
                endings.contains($0.pathExtension) && !exceptions.contains($0.lastPathComponent)
            }.flatMap { file in
                try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter { $0.contains(forbidden) }.map {
                    "\(file.lastPathComponent): \($0)"
                }
            }
        }
        #expect(try lines("ApusCore/Backends", ["swift"], "\\b(fail|trap|fatalError)\\(|try!") == [])
        let memory = "\\b(malloc|calloc|realloc|aligned_alloc|posix_memalign|abort)\\("
        #expect(try lines("CKernels", ["c", "h"], but: ["workspace.c", "memory.c", "core.c"], memory) == [])
        #expect(try lines("COneDNN", ["c", "h"], memory) == [])
    }

    /// An optimizer step that runs out of memory is not made: parameters, states and the step count are unchanged.
    @Test func optimizerSteps() throws {
        let makers: [(String, ([Tensor]) -> Optimizer)] = [
            ("SGD", { SGD($0, lr: 0.1, momentum: 0.9) }), ("Adam", { Adam($0, lr: 0.1, amsgrad: true) }), ("AdamW", { AdamW($0, lr: 0.1) }),
            ("RMSprop", { RMSprop($0, lr: 0.1, momentum: 0.5, centered: true) }),
        ]
        try Self.law(4) { ledger in
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
}

/// The same for device memory, with a sample of the families.
@Suite("Backends: scarce memory") struct ScarceMemoryBackendTests {
    @Test(arguments: BackendTests.devices.filter { !$0.sharesHostMemory }) func families(_ device: Device) throws {
        try ScarceMemoryTests.law(20) { ledger in
            for (name, _, _, call) in DTypeBackendTests.functions { ledger.check(name, [[7]], [.float32], on: device) { [call($0[0])] } }
            ledger.check("products", [[5, 6], [6, 4]], [.float32], on: device) { [$0[0].matmul($0[1])] }
            ledger.check("convolution", [[2, 3, 5, 5], [4, 3, 3, 3], [4]], [.float32], on: device) { [F.conv2d($0[0], $0[1], $0[2])] }
            ledger.check("layer norm", [[5, 4], [4], [4]], [.float32], on: device) { [F.layerNorm($0[0], [4], weight: $0[1], bias: $0[2])] }
            ledger.check("softmax", [[5, 4]], [.float32], on: device) { [$0[0].softmax(dim: 0)] }
        }
    }
}
