import ApusCore
import ApusNN
import TestSupport
import Testing

/// `checkpoint`: values and gradients have the bits that they have without, and what ops save is gone meanwhile.
@Suite struct CheckpointTests {
    /// A body, as it is or as a checkpoint.
    typealias Part = (_ x: Tensor, _ body: @escaping (Tensor) -> Tensor) -> Tensor

    private func leaf(_ shape: Int..., seed: Int) -> Tensor {
        withGenerator(Generator(seed: seed)) { Tensor.randn(shape) }.requiresGrad_()
    }

    /// Expects that the loss of `model` and the gradients of `leaves` are the same with its parts as they are and as checkpoints, and that
    /// as many random numbers are drawn.
    private func expectSame(
        _ what: String, _ leaves: [Tensor], sourceLocation: SourceLocation = #_sourceLocation, _ model: (@escaping Part) -> Tensor
    ) {
        func run(_ part: @escaping Part) -> (tensors: [Tensor], random: Generator.State) {
            for leaf in leaves { leaf.grad = nil }
            let generator = Generator(seed: 3)
            let loss = withGenerator(generator) { model(part) }
            loss.backward()
            return ([loss.detach()] + leaves.map { $0.grad! }, generator.state)
        }
        let expected = run { x, body in body(x) }
        let found = run { x, body in checkpoint(x, body) }
        for (i, (a, b)) in zip(found.tensors, expected.tensors).enumerated() {
            expectEqual(a, b, "\(what), \(i == 0 ? "loss" : "gradient \(i - 1)")", sourceLocation: sourceLocation)
        }
        #expect(found.random == expected.random, "\(what)", sourceLocation: sourceLocation)
    }

    // MARK: The same bits

    @Test func parametersAndInputs() {
        let (x, w, b) = (leaf(4, 6, seed: 1), leaf(6, 6, seed: 2), leaf(6, seed: 4))
        expectSame("two layers", [x, w, b]) { part in
            let y = part(x) { F.dropout(($0.matmul(w) + b).tanh(), p: 0.3) }
            return part(y) { F.dropout(F.gelu($0.matmul(w)) + $0, p: 0.5) * b }.square().sum()
        }
        let data = x.detach()
        expectSame("an input that needs no gradient", [w, b]) { part in
            part(data) { ($0.matmul(w) + b).tanh() * Tensor.rand(like: $0) }.exp().sum()
        }
        expectSame("nothing but what is captured", [x, w]) { part in
            part(data) { _ in x.matmul(w).sigmoid() }.sum()
        }
        let ids = Tensor([[0, 3, 3], [2, 0, 1]])
        expectSame("integers as input", [x]) { part in part(ids) { F.embedding($0, x).tanh().square() }.sum() }
    }

    /// Random numbers before, in and after the body, and in bodies that come later.
    @Test func randomNumbers() {
        let (x, w) = (leaf(8, 8, seed: 1), leaf(8, 8, seed: 2))
        expectSame("dropout and noise", [x, w]) { part in
            var y = F.dropout(x)
            for _ in 0..<3 { y = part(y) { F.dropout($0.matmul(w) + Tensor.randn(like: $0)).tanh() } * Tensor.rand(8) }
            return F.dropout(y).sum()
        }
        expectSame("a body that seeds", [x]) { part in
            part(x) { x in
                manualSeed(11)
                return F.dropout(x).exp()
            }.sum()
        }
        let named = Generator(seed: 21)
        expectSame("a generator of its own", [x]) { part in
            named.manualSeed(21)
            let y = part(x) { F.dropout($0, generator: named).exp() * Tensor.rand(8, generator: named) }
            return y.sum() * Tensor.rand(1, generator: named)
        }
        // The generator goes on from where it is, whatever is drawn again, and another may be the default one meanwhile.
        let generator = Generator(seed: 9)
        let y = withGenerator(generator) { checkpoint(x) { F.dropout($0).exp() } }
        let state = generator.state
        x.grad = nil
        y.sum().backward()
        #expect(generator.state == state)
        let plain = withGenerator(Generator(seed: 9)) { F.dropout(x).exp() }
        expectEqual(x.grad!, grad(of: plain.sum(), withRespectTo: x))
    }

    @Test func mixedPrecision() {
        let (x, w, v) = (leaf(4, 6, seed: 1), leaf(6, 6, seed: 2), leaf(6, 6, seed: 3))
        for dtype in [DType.bfloat16, .float16] {
            expectSame("\(dtype)", [x, w, v]) { part in
                autocast(dtype) {
                    let y = part(x) { F.dropout($0.matmul(w).tanh()).matmul(v) }
                    return part(y) { $0.matmul(w).softmax(dim: 1).matmul(w) }
                }.to(.float32).square().sum()
            }
            expectSame("a scope of the body's own", [x, w]) { part in
                part(x) { x in autocast(dtype) { x.matmul(w) }.to(.float32).exp() }.sum()
            }
            expectSame("\(dtype), but not in the body", [x, w]) { part in
                autocast(dtype) { part(x) { x in autocast(dtype, enabled: false) { x.matmul(w).tanh() }.matmul(w) } }.sum()
            }
        }
        // Where the backward pass is called does not matter.
        x.grad = nil
        let y = checkpoint(x) { $0.matmul(w).tanh() }.sum()
        autocast(.bfloat16) { y.backward() }
        let found = x.grad!
        x.grad = nil
        x.matmul(w).tanh().sum().backward()
        expectEqual(found, x.grad!)
    }

    @Test func nested() {
        let (x, w, v) = (leaf(4, 6, seed: 1), leaf(6, 6, seed: 2), leaf(6, 6, seed: 3))
        expectSame("three deep", [x, w, v]) { part in
            part(x) { x in
                let y = part(F.dropout(x.matmul(w))) { y in
                    part(y.tanh()) { F.dropout($0.matmul(v)).sigmoid() } * y
                }
                return part(y) { $0.exp().matmul(w) } + y
            }.square().sum()
        }
        expectSame("mixed precision within", [x, w]) { part in
            part(x) { x in autocast(.bfloat16) { part(x) { F.dropout($0.matmul(w)).tanh() } }.to(.float32).matmul(w) }.sum()
        }
    }

    @Test func severalInputsAndOutputs() {
        let (x, y, z) = (leaf(3, 4, seed: 1), leaf(3, 4, seed: 2), leaf(4, seed: 3))
        func gradients(_ make: () -> Tensor) -> [Tensor] {
            for leaf in [x, y, z] { leaf.grad = nil }
            make().backward()
            return [x, y, z].map { $0.grad! }
        }
        func body(_ x: Tensor, _ y: Tensor, _ z: Tensor) -> (Tensor, [Tensor], Int) { ((x * y).tanh(), [x.exp() * z, y.sin()], 3) }
        func loss(_ made: (Tensor, [Tensor], Int)) -> Tensor {
            (made.0.square().sum() + made.1[0].sum() * made.1[1].sum()) * Double(made.2)
        }
        let expected = gradients { loss(body(x, y, z)) }
        let all = [
            gradients { loss(checkpoint(x, y, z) { body($0, $1, $2) }) }, gradients { loss(checkpoint(x, y) { body($0, $1, z) }) },
            gradients { loss(checkpoint([x, y, z]) { body($0[0], $0[1], $0[2]) }) }, gradients { loss(checkpoint { body(x, y, z) }) },
        ]
        for found in all { for (a, b) in zip(found, expected) { expectEqual(a, b) } }
        // Of the outputs, one alone.
        let one = checkpoint(x, y) { ($0.exp(), $1.exp()) }
        x.grad = nil
        y.grad = nil
        one.0.sum().backward()
        expectEqual(x.grad!, x.detach().exp())
        #expect(y.grad == nil)
    }

    @Test func derivativesOfDerivatives() {
        let (x, w) = (leaf(2, 3, seed: 1), leaf(3, 3, seed: 2))
        checkGradients([x, w]) { inputs in
            checkpoint(inputs[0], inputs[1]) { x, w in x.matmul(w).tanh() * x }
        }
        checkGradients([x, w]) { inputs in
            checkpoint(inputs[0]) { x in checkpoint(x.exp()) { ($0.matmul(inputs[1]) + 1).square() } * x }
        }
        // The bits too.
        func second(_ part: @escaping Part) -> [Tensor] {
            let y = part(x) { part($0.matmul(w).tanh()) { $0.exp() * $0 } }
            let first = grad(of: [y.square().sum()], withRespectTo: [x, w], createGraph: true).map { $0! }
            return first + grad(of: [first[0].square().sum() + first[1].sum()], withRespectTo: [x, w]).map { $0! }
        }
        for (a, b) in zip(second { checkpoint($0, $1) }, second { $1($0) }) { expectEqual(a.detach(), b.detach()) }
    }

    /// A gradient penalty, for one: the body runs a backward pass of its own, with respect to its input or to a parameter.
    @Test func aBackwardPassInTheBody() {
        let (x, w, u) = (leaf(4, 6, seed: 1), leaf(6, 6, seed: 2), leaf(6, seed: 3))
        for isLeaf in [true, false] {
            expectSame("with respect to the input", isLeaf ? [x, w] : [x, w, u]) { part in
                part(isLeaf ? x : x * u) { x in
                    let y = F.dropout(x.matmul(w).tanh(), p: 0.2)
                    return y + grad(of: y.square().sum(), withRespectTo: x, createGraph: true).exp()
                }.sum()
            }
        }
        expectSame("with respect to a parameter", [x, w]) { part in
            part(x * 2) { x in
                let y = x.matmul(w).tanh()
                return y.matmul(grad(of: y.square().sum(), withRespectTo: w, createGraph: true))
            }.sum()
        }
    }

    @Test func changesInPlaceInTheBody() {
        let (x, w) = (leaf(4, 6, seed: 1), leaf(6, 6, seed: 2))
        expectSame("products and regions", [x, w]) { part in
            part(x) { x in
                let y = x.matmul(w)
                y.mul_(x).add_(1)
                y[0] = y[1] + y[2]
                y[1...].tanh_()
                return F.dropout(y, inplace: true).sigmoid_() * x
            }.sum()
        }
    }

    @Test func functionsOfFunctions() {
        let (x, w) = (leaf(3, 4, seed: 1), leaf(4, 4, seed: 2))
        let plain = { (x: Tensor) in x.matmul(w).tanh().square().sum() }
        let kept = { (x: Tensor) in checkpoint(x) { $0.matmul(w).tanh() }.square().sum() }
        expectEqual(Func.grad(kept)(x.detach()), Func.grad(plain)(x.detach()))
        expectEqual(Func.vmap(Func.grad(kept))(x.detach()), Func.vmap(Func.grad(plain))(x.detach()))
        expectEqual(Func.hvp(kept, x.detach(), x.detach().sin()).hvp, Func.hvp(plain, x.detach(), x.detach().sin()).hvp)
    }

    @Test func aFunctionWithItsOwnBackward() {
        let (x, w) = (leaf(4, 6, seed: 1), leaf(6, 6, seed: 2))
        expectSame("a cube", [x, w]) { part in part(x) { Cube()($0.matmul(w))[0].sin() }.sum() }
    }

    private struct Cube: DifferentiableFunction {
        func forward(_ x: [Tensor], _ context: FunctionContext) -> [Tensor] {
            let y = x[0] * x[0] * x[0]
            context.save(x[0], y)
            return [y]
        }
        func backward(_ g: [Tensor], _ context: FunctionContext) -> [Tensor?] {
            [g[0] * 3 * context.saved[0] * context.saved[0] + (context.saved[1] - context.saved[1])]
        }
    }

    // MARK: When it runs

    @Test func theBodyRunsAgainOnceInEachPass() {
        let x = leaf(3, seed: 1)
        var runs: [Bool] = []
        func body(_ x: Tensor) -> Tensor {
            runs.append(isRecomputing)
            return x.exp().sin().tanh()
        }
        let y = checkpoint(x, body).sum()
        #expect(runs == [false] && !isRecomputing)
        y.backward(retainGraph: true)
        #expect(runs == [false, true])
        let once = x.grad!.clone()
        y.backward()
        #expect(runs == [false, true, true])
        expectClose(x.grad!, once * 2)
        #expect(message { y.backward() }.contains("retainGraph"))
        // Two calls of one body are two.
        runs = []
        let twice = checkpoint(checkpoint(x, body), body).sum()
        #expect(runs == [false, false])
        twice.backward()
        #expect(runs == [false, false, true, true])
    }

    @Test func withoutGradientsItRunsOnce() {
        let x = leaf(3, seed: 1)
        var runs = 0
        func body(_ x: Tensor) -> Tensor {
            runs += 1
            return x.exp()
        }
        expectEqual(noGrad { checkpoint(x, body) }, x.detach().exp())
        #expect(!noGrad { checkpoint(x, body) }.requiresGrad && !inferenceMode { checkpoint(x, body) }.requiresGrad)
        #expect(!checkpoint(x.detach(), body).requiresGrad && runs == 4)
        // `enableGrad` in a body that began without.
        let y = noGrad { checkpoint(x) { x in enableGrad { body(x) } } }
        y.sum().backward()
        #expect(runs == 5)
    }

    @Test func whatIsSavedIsGoneMeanwhile() {
        let x = leaf(300, seed: 1)
        weak var middle: Storage?
        weak var inner: Storage?
        func body(_ x: Tensor) -> Tensor {
            let y = x.exp()
            if !isRecomputing { middle = y.storage }
            return checkpoint(y * 2) { z in
                if !isRecomputing { inner = z.storage }
                return z.sin() * z
            }
        }
        let z = checkpoint(x, body)
        #expect(middle == nil && inner == nil, "an inner checkpoint holds nothing of the outer one")
        z.sum().backward()
        let y = x.exp() * 2
        expectEqual(x.grad!, grad(of: (y.sin() * y).sum(), withRespectTo: x))
    }

    @Test func longChainsAreFreed() async {
        let gradient = await onThread(stackSize: 512 << 10) { () -> Double in
            let x = Tensor([0.5], requiresGrad: true)
            var y = x
            for _ in 0..<20_000 { y = checkpoint(y) { ($0 * 1).sin() } }
            var z = x
            for _ in 0..<2_000 { z = checkpoint(z) { $0 * $0 / $0 } }
            z.sum().backward()
            return x.grad!.item()
        }
        #expect(abs(gradient - 1) < 1e-3)
    }

    // MARK: What is wrong

    @Test func changesAreNoticed() {
        let (x, w) = (leaf(2, 2, seed: 1), leaf(2, 2, seed: 2))
        let y = x * 1
        let z = checkpoint(y) { $0.sum() }
        y.add_(1)
        let changedInput = checkpoint(y) { $0.exp() }
        y.mul_(2)
        #expect(message { changedInput.sum().backward() }.contains("mul_"))
        z.backward()
        // A parameter that an op keeps as it is.
        let changedParameter = checkpoint(x) { ($0 * w).tanh() }
        noGrad { _ = w.add_(1) }
        #expect(message { changedParameter.sum().backward() }.contains("add_"))
        // What an op has saved, in the body itself.
        let changedInside = checkpoint(x) { x in
            let y = x.exp()
            return y.add_(1) * 2
        }
        #expect(message { changedInside.sum().backward() }.contains("add_"))
    }

    @Test func aBodyMustDoTheSameTwice() {
        let x = leaf(4, seed: 1)
        func differing(_ again: @escaping (Tensor) -> Tensor) -> String {
            message { checkpoint(x) { x in isRecomputing ? again(x) : x.exp().sin() }.sum().backward() }
        }
        #expect(differing { $0.exp() }.contains("saves 1 tensors"))
        #expect(differing { $0.exp().sin().sin() }.contains("not 2"))
        #expect(differing { $0[0..<2].exp().sin() }.contains("float32 [2]"))
        #expect(differing { $0.to(.float64).exp().sin() }.contains("float64"))
        #expect(differing { $0.reshape(3) }.contains("reshape"))
        #expect(differing { $0.exp().sin() } == "")
        func drawing(_ again: @escaping (Tensor) -> Tensor) -> String {
            message {
                withGenerator(Generator(seed: 1)) {
                    checkpoint(x) { x in isRecomputing ? again(x) : x * Tensor.rand(4) }.sum().backward()
                }
            }
        }
        #expect(drawing { $0 * Tensor.rand(4) } == "")
        #expect(drawing { $0 * Tensor.ones(4) }.contains("random numbers"))
        #expect(drawing { $0 * (Tensor.rand(4) + Tensor.rand(1)) }.contains("random numbers"))
        #expect(drawing { $0 * Tensor.rand(100)[0..<4] }.contains("random numbers"))
        #expect(!isRecomputing && message { disableSavedTensorsHooks("none is in force") {} } == "")
    }

    // MARK: Parts

    @Test(arguments: 1...5) func functionsInSegments(_ segments: Int) {
        let (x, w) = (leaf(4, 6, seed: 1), leaf(6, 6, seed: 2))
        var runs = [0, 0, 0, 0, 0]
        let functions: [(Tensor) -> Tensor] = (0..<5).map { i in
            return { (x: Tensor) -> Tensor in
                runs[i] += 1
                return F.dropout(x.matmul(w) * Double(i + 1)).tanh()
            }
        }
        func gradients(_ make: () -> Tensor) -> [Tensor] {
            for leaf in [x, w] { leaf.grad = nil }
            withGenerator(Generator(seed: 1)) { make().sum() }.backward()
            return [x.grad!, w.grad!]
        }
        let expected = gradients { functions.reduce(x) { $1($0) } }
        runs = [0, 0, 0, 0, 0]
        let found = gradients { checkpointSequential(functions, segments, x) }
        for (a, b) in zip(found, expected) { expectEqual(a, b) }
        let length = 5 / segments
        #expect(runs == (0..<5).map { $0 < length * (segments - 1) ? 2 : 1 })
    }
}
