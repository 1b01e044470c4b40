import ApusCore
import ApusFormats
import ApusNN
import ApusTraining
import TestSupport
import Testing

/// Programming errors trap with op, shapes and remedy; inside `checked` they throw instead.
@Suite struct CheckedTests {
    @Test func theFirstErrorIsThrown() {
        let (a, b) = (Tensor.zeros([2, 3]), Tensor.zeros([4, 5]))
        let error = #expect(throws: OpError.self) {
            try checked {
                let c = a + b
                return c.matmul(a).transpose(7, 9)
            }
        }
        #expect(error!.op == "add")
        #expect(error!.message.contains("[2, 3]") && error!.message.contains("[4, 5]"))
        #expect(try! checked { (a + 1).sum().item() } == 6)
    }

    @Test func whatIsReadFromAPoisonedTensorIsDefined() throws {
        let error = #expect(throws: OpError.self) {
            try checked {
                let x = Tensor.zeros([2]).reshape(3)
                #expect(x.shape[0] == 1 && x.shape[5] == 1 && x.shape.count == 0)
                #expect(x.item().isNaN && x.item(Int.self) == 0)
                #expect(x.array(Float.self).contains { !$0.isNaN } == false)
                let parts = x.split(3, dim: 1)
                #expect(parts[7].isPoisoned)
                let (values, indices) = x.max(dim: 4)
                _ = (values + indices)[3, .ellipsis].sort().values
                x.add_(1)
                x[0] = x
                x.backward()
                _ = "\(x)"
                _ = Tensor.cat([x, Tensor.zeros([2])])
                for part in x.unbind() { _ = part }
            }
        }
        #expect(error!.op == "reshape")
    }

    @Test func nestedScopesKeepTheirOwn() throws {
        try checked {
            #expect(throws: OpError.self) { try checked { Tensor.zeros([2]).reshape(3) } }
            _ = Tensor.zeros([2]).reshape(1, 2)
        }
    }

    struct Wrong: CustomTestStringConvertible, Sendable {
        let name: String
        /// Words that the message must contain.
        let mentions: [String]
        let run: @Sendable () -> Void
        var testDescription: String { name }
        init(_ name: String, _ mentions: String..., run: @escaping @Sendable () -> Void) {
            self.name = name
            self.mentions = mentions
            self.run = run
        }
    }

    static let wrongs: [Wrong] = [
        Wrong("add shapes", "[2, 3]", "[4]", "broadcast") { _ = Tensor.zeros([2, 3]) + Tensor.zeros([4]) },
        Wrong("matmul shapes", "[2, 3]", "transpose") { _ = Tensor.zeros([2, 3]).matmul(Tensor.zeros([2, 3])) },
        Wrong("matmul dtypes", "float32", "int64") { _ = Tensor.zeros([2, 3]).matmul(Tensor.zeros([3, 2], dtype: .int64)) },
        Wrong("devices", "cpu", "reference", "to(_:)") { _ = Tensor.zeros([2]) + Tensor.zeros([2], device: .reference) },
        Wrong("reshape", "6", "[4]") { _ = Tensor.zeros([2, 3]).reshape(4) },
        Wrong("dim", "dim 3", "2 dimensions") { _ = Tensor.zeros([2, 3]).sum(dim: 3) },
        Wrong("dim twice", "twice") { _ = Tensor.zeros([2, 3]).sum(dim: [0, -2]) },
        Wrong("index", "index 5", "3") { _ = Tensor.zeros([2, 3])[0, 5] },
        Wrong("index tensor", "5", "3") { _ = Tensor.zeros([3])[Tensor([0, 5])] },
        Wrong("indexSelect", "5", "3") { _ = Tensor.zeros([3]).indexSelect(dim: 0, Tensor([0, 5])) },
        Wrong("gather", "-1") { _ = Tensor.zeros([3]).gather(0, Tensor([0, -1])) },
        Wrong("too many indices", "3 indices") { _ = Tensor.zeros([2, 3])[0, 0, 0] },
        Wrong("mask", "[2]", "[3]") { _ = Tensor.zeros([3])[Tensor([true, false])] },
        Wrong("expand", "[2, 3]") { _ = Tensor.zeros([2, 3]).expand(4, 3) },
        Wrong("cat", "tensor 1", "[2, 4]") { _ = Tensor.cat([Tensor.zeros([2, 3]), Tensor.zeros([2, 4])]) },
        Wrong("stack", "[4]") { _ = Tensor.stack([Tensor.zeros([3]), Tensor.zeros([4])]) },
        Wrong("where", "bool") { _ = Tensor.where(Tensor.zeros([2]), Tensor.zeros([2]), Tensor.zeros([2])) },
        Wrong("ragged", "[2]", "[1]") { _ = Tensor([[1, 2], [3]]) },
        Wrong("count", "3 values", "[2, 2]") { _ = Tensor([1, 2, 3], shape: [2, 2]) },
        Wrong("integer division", "zero") { _ = Tensor([1]).floorDivide(Tensor([0])) },
        Wrong("integer power", "negative") { _ = Tensor([2]).pow(-1) },
        Wrong("mean of integers", "int64", "to(.float32)") { _ = Tensor([1, 2]).mean() },
        Wrong("empty max", "empty") { _ = Tensor.zeros([0]).max() },
        Wrong("backward without graph", "no graph") { Tensor(1.0).backward() },
        Wrong("backward of no scalar", "scalar", "[2]") { Tensor([1.0, 2], requiresGrad: true).exp().backward() },
        Wrong("gradient's shape", "[3]", "[2]") { Tensor([1.0, 2], requiresGrad: true).exp().backward(gradient: Tensor.zeros([3])) },
        Wrong("gradient of integers", "int64") { Tensor([1]).requiresGrad_() },
        Wrong("in place shape", "[3]") { Tensor.zeros([1]).add_(Tensor.zeros([3])) },
        Wrong("in place dtype", "int64") { Tensor.zeros([1], dtype: .int64).add_(1.5) },
        Wrong("in place on expanded", "contiguous") { Tensor.zeros([1]).expand(3).add_(1) },
        Wrong("item", "[2]") { _ = Tensor([1.0, 2]).item() },
        Wrong("multinomial", "weights") { _ = Tensor([-1.0, 2]).multinomial(1) },
        Wrong("probability", "0 … 1") { _ = Tensor([2.0]).bernoulli() },
        Wrong("einsum", "letter") { _ = Tensor.einsum("i1->i", Tensor.zeros([2, 2])) },
        Wrong("einsum extents", "'j'") { _ = Tensor.einsum("ij,jk->ik", Tensor.zeros([2, 3]), Tensor.zeros([4, 2])) },
        Wrong("huge", "memory") { _ = Tensor.zeros([1 << 40, 1 << 40]) },
        Wrong("negative extent", "negative") { _ = Tensor.zeros([-1]) },
        Wrong("beyond storage", "storage") { _ = Tensor.zeros([4]).asStrided([3], [2], 0) },
        Wrong("inverse", "matrix 0", "element (2, 2)", "pinv") { _ = Tensor.ones([1, 2, 2]).inverse() },
        Wrong("eigenvalues", "square", "[2, 3]") { _ = Linalg.eigvalsh(Tensor.ones([2, 3])) },
        Wrong("topk", "k = 9") { _ = Tensor.zeros([3]).topk(9) },
        Wrong("diag", "[2, 2, 2]", "diagEmbed") { _ = Tensor.zeros([2, 2, 2]).diag() },
        Wrong("diagEmbed", "differ", "1") { _ = Tensor.zeros([2]).diagEmbed(dim1: 1) },
        Wrong("trace", "[3]", "matrices") { _ = Tensor.zeros([3]).trace() },
        Wrong("diagonalScatter", "[3]", "[2, 3]", "[2]") { _ = Tensor.zeros([2, 3]).diagonalScatter(Tensor.zeros([3])) },
        Wrong("selectScatter", "[4]", "[2]") { _ = Tensor.zeros([2, 3]).selectScatter(Tensor.zeros([4]), dim: 1, 0) },
        Wrong("sliceScatter's step", "step 0") { _ = Tensor.zeros([3]).sliceScatter(Tensor.zeros([3]), step: 0) },
        Wrong("asStridedScatter beyond", "4 … 5", "0 … 3") {
            _ = Tensor.zeros([2, 4])[0].asStridedScatter(Tensor.zeros([2]), [2], [1], storageOffset: 4)
        },
        Wrong("asStridedScatter twice", "share memory") { _ = Tensor.zeros([4]).asStridedScatter(Tensor.zeros([3, 2]), [3, 2], [1, 1]) },
        Wrong("fillDiagonal_", "equal", "[2, 3, 2]") { Tensor.zeros([2, 3, 2]).fillDiagonal_(1) },
        Wrong("blockDiag", "tensor 1", "[1, 1, 1]") { _ = Tensor.blockDiag(Tensor.zeros([2]), Tensor.zeros([1, 1, 1])) },
        Wrong("hstack of nothing", "at least one") { _ = Tensor.hstack([Tensor]()) },
        Wrong("tensorSplit", "0 pieces") { _ = Tensor.zeros([3]).tensorSplit(0)[0] },
        Wrong("hsplit", "2 equal pieces", "3 elements") { _ = Tensor.zeros([3]).hsplit(2)[0] },
        Wrong("vsplit", "2 dimensions", "[3]") { _ = Tensor.zeros([3]).vsplit([1])[0] },
        Wrong("narrow by a float", "float32") { _ = Tensor.zeros([3]).narrow(0, Tensor(1.0), 1) },
        Wrong("rot90", "two dims") { _ = Tensor.zeros([3, 3]).rot90(1, [0]) },
        Wrong("movedim", "2 dimensions", "1 positions") { _ = Tensor.zeros([3, 3]).movedim([0, 1], [0]) },
        Wrong("broadcastShapes", "[2]", "[3]") { #expect(Tensor.broadcastShapes([2], [3])[0] == 1) },
        Wrong("broadcastTensors", "[2], [3]") { _ = Tensor.broadcastTensors(Tensor.zeros([2]), Tensor.zeros([3]))[0] },
        Wrong("meshgrid of two dtypes", "int64", "float32") { _ = Tensor.meshgrid(Tensor([1.0]), Tensor([1]))[0] },
        Wrong("meshgrid of a matrix", "tensor 0", "[1, 1]") { _ = Tensor.meshgrid(Tensor.zeros([1, 1]))[0] },
        Wrong("cartesianProd", "tensor 0", "[]") { _ = Tensor.cartesianProd(Tensor(1.0), Tensor([1.0])) },
        Wrong("combinations", "-1") { _ = Tensor.combinations(Tensor([1.0]), r: -1) },
        Wrong("huge combinations", "memory") { _ = Tensor.combinations(Tensor.zeros([1000]), r: 500) },
        Wrong("unravelIndex", "float32") { _ = Tensor.unravelIndex(Tensor([1.0]), [2])[0] },
        Wrong("vander", "-1") { _ = Tensor.vander(Tensor([1.0]), n: -1) },
        Wrong("logspace", "-1") { _ = Tensor.logspace(0, 1, -1) },
        Wrong("fftfreq of integers", "int64") { _ = Tensor.fftfreq(4, dtype: .int64) },
        Wrong("take", "5", "3") { _ = Tensor.zeros([3]).take(Tensor([5])) },
        Wrong("takeAlongDim", "[1]", "[2, 3]") { _ = Tensor.zeros([2, 3]).takeAlongDim(Tensor([0]), dim: 1) },
        Wrong("put", "int64", "float32") { _ = Tensor.zeros([3]).put(Tensor([0]), Tensor([1])) },
        Wrong("indexCopy", "[2, 1]", "[2, 2]") { _ = Tensor.zeros([2, 3]).indexCopy(dim: 1, Tensor([0, 1]), Tensor.zeros([2, 1])) },
        Wrong("indexPut dtypes", "int64", "float32") { _ = Tensor.zeros([3]).indexPut([Tensor([0])], Tensor(1)) },
        Wrong("indexPut of nothing", "no index") { _ = Tensor.zeros([3]).indexPut([nil], Tensor(1.0)) },
        Wrong("indexReduce by sums", "indexAdd") { _ = Tensor.zeros([3]).indexReduce(0, Tensor([0]), Tensor([1.0]), .sum) },
        Wrong("scatterReduce's mean of bool", "bool") { _ = Tensor([true]).scatterReduce(0, Tensor([0]), Tensor([true]), .mean) },
        Wrong("maskedScatter", "1 elements", "2") { _ = Tensor.zeros([2]).maskedScatter(Tensor([true, true]), Tensor([1.0])) },
        Wrong("nonzero", "nonzero()") { _ = Tensor.zeros([2]).nonzero(asTuple: false)[0] },
        Wrong("repeatInterleave", "[2]", "3 elements") { _ = Tensor.zeros([3]).repeatInterleave(Tensor([1, 2]), dim: 0) },
        Wrong("repeatInterleave negative", "negative") { _ = Tensor.zeros([2]).repeatInterleave(Tensor([1, -2])) },
        Wrong("window", "-1") { _ = Tensor.hannWindow(-1) },
        Wrong("window of integers", "int64") { _ = SignalWindows.hann(3, dtype: .int64) },
        Wrong("exponential's center", "middle") { _ = SignalWindows.exponential(3, center: 1) },
        Wrong("gaussian's deviation", "positive") { _ = SignalWindows.gaussian(3, std: 0) },
        Wrong("kaiser's beta", "negative") { _ = SignalWindows.kaiser(3, beta: -1) },
        Wrong("generalCosine", "coefficient") { _ = SignalWindows.generalCosine(3, []) },
        Wrong("fill with several", "fill", "[2]", "copy_") { _ = Tensor.fill(Tensor.zeros([2]), Tensor.ones([2])) },
        Wrong("fill_ with several", "fill", "[1]") { Tensor.zeros([2]).fill_(Tensor.ones([1])) },
        Wrong("hashTensor's mode", "hashTensor", "mode 1") { _ = Tensor.zeros([2]).hashTensor(mode: 1) },
        Wrong("hashTensor's dim", "hashTensor", "dim 1") { _ = Tensor.zeros([2]).hashTensor(dim: 1) },
        Wrong("bits of floats", "float32") { _ = 1 << Tensor.zeros([2]) },
        Wrong("size", "dim 2", "[2, 3]") { #expect(Tensor.zeros([2, 3]).size(2) == 1) },
        Wrong("shape's position", "dim 3", "[2, 3]") { _ = Tensor.zeros([2, 3]).shape[3] },
        Wrong("shape's position set", "dim -3", "[2, 3]") {
            var shape = Tensor.zeros([2, 3]).shape
            shape[-3] = 4
        },
        Wrong("shape's position removed", "dim 2", "[2, 3]") {
            var shape = Tensor.zeros([2, 3]).shape
            shape.remove(at: 2)
        },
        Wrong("split's piece", "index 2", "2 tensors") { #expect(Tensor.zeros([4]).split(2)[2].isPoisoned) },
        Wrong("too few gradients", "1 gradients", "2 outputs") {
            let x = Tensor([1.0], requiresGrad: true)
            _ = grad(of: [x.exp(), x.sin()], withRespectTo: [x], gradients: [Tensor([1.0])])
        },
        Wrong("values for a huge shape", "3 values", "1099511627776") { _ = Tensor([1, 2, 3], shape: [1 << 40, 1 << 40]) },
        Wrong("bytes for a huge shape", "1 bytes", "1099511627776") { _ = Tensor(bytes: [0], shape: [1 << 40, 1 << 40], dtype: .float64) },
        Wrong("values for a negative shape", "3 values", "[-1, -3]") { _ = Tensor([1, 2, 3], shape: [-1, -3]) },
        Wrong("huge behind a 0", "memory") { _ = Tensor.zeros([0, 1 << 40, 1 << 40]) },
        Wrong("huge arange", "memory") { _ = Tensor.arange(Int.min, Int.max) },
        Wrong("huge arange of decimals", "arange", "memory") { _ = Tensor.arange(0.0, 0x1p39) },
        Wrong("huge linspace", "linspace", "memory") { _ = Tensor.linspace(0, 1, 1 << 50) },
        Wrong("a key twice", "'a'", "twice") { _ = StateDict([("a", Tensor.zeros([1])), ("a", Tensor.zeros([2]))]) },
        Wrong("a section's name", "'a/b'", "/") {
            var checkpoint = Checkpoint()
            checkpoint["a/b"] = StateDict()
        },
        Wrong("pixels", "3 values", "2 × 2") { _ = Picture(width: 2, height: 2, channels: 1, pixels: [1, 2, 3]) },
        Wrong("a picture's size", "0 × 2") { _ = Picture(width: 1, height: 1, channels: 1, pixels: [1]).resized(width: 0, height: 2) },
        Wrong("no steps to profile", "steps is 0") { _ = Profile(steps: 0) {} },
        Wrong("a function's gradient", "Double's backward", "[3]", "input 0", "[2]") { WrongGradient { _ in Tensor.zeros([3]) }.run() },
        Wrong("a function's gradient elsewhere", "Double's backward", "reference", "cpu") { WrongGradient { $0.to(.reference) }.run() },
        Wrong("too many gradients", "1 inputs", "2 gradients") { WrongGradient(count: 2) { $0 }.run() },
        Wrong("a hook's gradient", "hook", "[3]", "exp", "[2]") {
            let y = Tensor([1.0, 2], requiresGrad: true).exp()
            y.registerHook { _ in Tensor.zeros([3]) }
            y.sum().backward()
        },
        Wrong("a gradient of another dtype", "float32", "int64") { Tensor([1.0, 2], requiresGrad: true).grad = Tensor([1, 2]) },
        Wrong("a gradient elsewhere", "reference", "to(_:)") {
            Tensor([1.0, 2], requiresGrad: true).exp().backward(gradient: Tensor.zeros([2], device: .reference))
        },
        Wrong("unused input", "not used") {
            let x = Tensor([1.0], requiresGrad: true)
            _ = grad(of: [Tensor([1.0], requiresGrad: true).sum()], withRespectTo: [x])
        },
        Wrong("gradients for several tensors", "1 gradients", "2 tensors") {
            let x = Tensor([1.0], requiresGrad: true)
            Tensor.backward([x.exp(), x.sin()], gradients: [Tensor([1.0])])
        },
        Wrong("several tensors, one no scalar", "tensor 1", "[2]", "gradients:") {
            let x = Tensor([1.0, 2], requiresGrad: true)
            Tensor.backward([x.sum(), x.exp()])
        },
        Wrong("a hook on several gradients", "registerMultiGradHook", "tensor 1", "[2]") {
            registerMultiGradHook([Tensor([1.0], requiresGrad: true), Tensor([1.0, 2])]) { _ in }
        },
        Wrong("a hook on any gradient", "registerAnyGradHook", "tensor 0") { registerAnyGradHook([Tensor([1.0])]) { _ in } },
        Wrong("gradcheck of constants", "gradcheck", "requires a gradient") { gradcheck({ $0.exp() }, Tensor([1.0], dtype: .float64)) },
        Wrong("segments", "checkpointSequential", "2 functions", "3 segments") {
            _ = checkpointSequential([{ $0.exp() }, { $0.sin() }], 3, Tensor([1.0]))
        },
        Wrong("no segments", "0 segments") { _ = checkpointSequential(Sequential(ReLU()), 0, Tensor([1.0])) },
        Wrong("hvp of a vector", "one element", "[2]") { _ = Func.hvp({ $0.exp() }, Tensor([1.0, 2]), Tensor([1.0, 2])) },
        Wrong("a vector for vhp", "vhp", "[3]", "[2]") { _ = Func.vhp({ $0.exp().sum() }, Tensor([1.0, 2]), Tensor([1.0, 2, 3])) },
    ]

    @Test(arguments: wrongs) func message(_ wrong: Wrong) {
        let error = #expect(throws: OpError.self) { try checked { wrong.run() } }
        for mention in wrong.mentions { #expect(error?.description.contains(mention) == true, "\(error?.description ?? "")") }
    }

    /// Outside `checked` the program ends, after writing buffered output.
    @Test func trapsOutside() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent, \.standardOutputContent]) {
            print("printed before")
            _ = Tensor.zeros([2, 3]).matmul(Tensor.zeros([2, 3]))
        }
        let errors: String = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        let output: String = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
        #expect(errors.contains("matmul") && errors.contains("[2, 3]"))
        #expect(output.contains("printed before"))
    }
}

/// 2x with a derivative modified by `change`.
private struct WrongGradient: DifferentiableFunction {
    var name: String { "Double" }
    var count = 1
    let change: (Tensor) -> Tensor
    func forward(_ x: [Tensor], _ context: FunctionContext) -> [Tensor] { [x[0] * 2] }
    func backward(_ g: [Tensor], _ context: FunctionContext) -> [Tensor?] { [Tensor?](repeating: change(g[0] * 2), count: count) }
    func run() {
        let x = Tensor([1.0, 2], requiresGrad: true)
        self([x])[0].exp().sum().backward()
    }
}
