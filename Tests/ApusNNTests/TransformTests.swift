import ApusCore
import ApusNN
import TestSupport
import Testing

/// `Func`: against formulas, finite differences (through `checkGradients`) and loops.
@Suite struct TransformTests {
    private func numbers(_ shape: Shape, seed: UInt64 = 1) -> Tensor {
        withGenerator(Generator(seed: seed)) { .randn(shape, dtype: .float64) }
    }

    @Test func `gradients and values`() {
        let x = numbers([5])
        expectClose(Func.grad { $0.sin().sum() }(x), x.cos())
        let (g, value) = Func.gradAndValue { $0.pow(3).sum() }(x)
        expectClose(g, x.square() * 3)
        expectClose(value, x.pow(3).sum())
        // With respect to one of two arguments; the other is a constant.
        let y = numbers([5], seed: 2)
        expectClose(Func.grad(argnums: [1]) { ($0[0] * $0[1].square()).sum() }([x, y])[0], x * y * 2)
        // Nested: the third derivative of x⁴.
        let third = Func.grad { Func.grad { Func.grad { $0.pow(4).sum() }($0).sum() }($0).sum() }
        expectClose(third(x), x * 24)
        #expect(!third(x).requiresGrad)
        #expect(noGrad { third(x) }.shape == [5])
    }

    /// A transform is part of the graph in which it is called.
    @Test func `results are differentiable where arguments are`() {
        checkGradients([numbers([4])]) { inputs in Func.grad { ($0.exp() * $0.sin()).sum() }(inputs[0]) }
        checkGradients([numbers([3]), numbers([3], seed: 4)]) { inputs in
            Func.jvp({ $0.tanh() * $0 }, inputs[0], inputs[1]).tangent
        }
        checkGradients([numbers([2, 2])], second: false) { inputs in Func.jacrev { $0.matmul($0) }(inputs[0]) }
    }

    @Test func `products with the Jacobian`() {
        let (a, x) = (numbers([3, 4]), numbers([4], seed: 2))
        let (u, t) = (numbers([3], seed: 3), numbers([4], seed: 4))
        let f = { (x: Tensor) in a.matmul(x).exp() }
        let jacobian = f(x).unsqueeze(1) * a
        let (value, pull) = Func.vjp(f, x)
        expectClose(value, f(x))
        expectClose(pull(u), u.matmul(jacobian))
        expectClose(pull(u * 2), u.matmul(jacobian) * 2)
        let (same, push) = Func.linearize(f, x)
        expectClose(same, value)
        expectClose(push(t), jacobian.matmul(t))
        expectClose(push(t * 3), jacobian.matmul(t) * 3)
        expectClose(Func.jvp(f, x, t).tangent, jacobian.matmul(t))
        expectClose(Func.jacrev(f)(x), jacobian)
        expectClose(Func.jacfwd(f)(x), jacobian)
        // Results that do not depend on the argument have the derivative 0.
        expectClose(Func.jacrev { _ in a.sum(dim: 0) }(x), Tensor.zeros([4, 4], dtype: .float64))
        expectClose(Func.jvp({ _ in u }, x, t).tangent, Tensor.zeros([3], dtype: .float64))
        // Several arguments and results.
        let (values, tangents) = Func.jvp({ [$0[0] * $0[1], $0[0].sum()] }, [x, t], [t, x])
        expectClose(values[1], x.sum())
        expectClose(tangents[0], t * t + x * x)
        expectClose(tangents[1], t.sum())
    }

    @Test func `Hessians in every order of modes`() {
        let x = numbers([3])
        let f = { (x: Tensor) in (x.pow(3).sum() + x[0] * x[1] * x[2]) }
        let rows: [[Double]] = (0..<3).map { (i: Int) in (0..<3).map { (j: Int) in i == j ? 6 * x[i].item() : x[3 - i - j].item() } }
        let expected = Tensor(rows.flatMap { $0 }, shape: [3, 3], dtype: .float64)
        expectClose(Func.hessian(f)(x), expected)
        expectClose(Func.jacrev(Func.jacrev(f))(x), expected)
        expectClose(Func.jacrev(Func.jacfwd(f))(x), expected)
        expectClose(Func.jacfwd(Func.jacfwd(f))(x), expected)
    }

    @Test func `products with second derivatives`() {
        let (x, y, v, u) = (numbers([3]), numbers([2], seed: 2), numbers([3], seed: 3), numbers([2], seed: 4))
        let f = { (x: Tensor) in (x.pow(3).sum() + x[0] * x[1] * x[2]) }
        let expected = Func.hessian(f)(x).matmul(v)
        let (value, products) = Func.hvp(f, x, v)
        expectClose(value, f(x))
        expectClose(products, expected)
        expectClose(Func.vhp(f, x, v).vhp, expected)
        #expect(!products.requiresGrad && !value.requiresGrad && !Func.vhp(f, x, v).value.requiresGrad)
        // Several arguments, one of which has no second derivative of its own.
        let g = { (all: [Tensor]) in all[0].square().sum() * all[1].sum() + all[0].exp().sum() }
        for (value, products) in [Func.hvp(g, [x, y], [v, u]), Func.vhp(g, [x, y], [v, u])] {
            expectClose(value, g([x, y]))
            expectClose(products[0], v * (y.sum() * 2 + x.exp()) + x * u.sum() * 2)
            expectClose(products[1], (x * v).sum() * 2 * Tensor.ones(like: y))
        }
        // A linear function has none.
        expectClose(Func.hvp({ $0.sum() }, x, v).hvp, Tensor.zeros(like: x))
        expectClose(Func.vhp({ $0.sum() }, x, v).vhp, Tensor.zeros(like: x))
        checkGradients([x, v]) { Func.hvp({ ($0.exp() * $0).sum() }, $0[0], $0[1]).hvp }
        checkGradients([x, v]) { Func.vhp({ ($0.exp() * $0).sum() }, $0[0], $0[1]).vhp }
    }

    @Test func `vmap slices and stacks`() {
        let x = numbers([4, 3, 2]), y = numbers([3], seed: 5)
        expectClose(Func.vmap { $0.sum(dim: 0) }(x), x.sum(dim: 1))
        expectClose(
            Func.vmap(inDim: -1, outDim: 1) { $0.cumsum(dim: 0) }(x),
            Tensor.stack([x[.ellipsis, 0].cumsum(dim: 0), x[.ellipsis, 1].cumsum(dim: 0)], dim: 1))
        expectClose(Func.vmap(inDims: (0, nil)) { $0.t().matmul($1) }(x, y), x.transpose(1, 2).matmul(y))
        // Nested, and a gradient for each slice.
        expectClose(Func.vmap(Func.vmap { $0.square().sum() })(x), x.square().sum(dim: 2))
        expectClose(Func.vmap(Func.grad { $0.pow(3).sum() })(x), x.square() * 3)
        checkGradients([x]) { Func.vmap { $0.sin() * $0.sum() }($0[0]) }
    }

    @Test func `random numbers inside vmap`() {
        let x = Tensor.zeros([3, 5])
        withGenerator(Generator(seed: 1)) {
            let same = Func.vmap(randomness: .same) { $0 + Tensor.rand([5]) }(x)
            #expect(same[0].array(Float.self) == same[2].array(Float.self))
            let different = Func.vmap(randomness: .different) { $0 + Tensor.rand([5]) }(x)
            #expect(different[0].array(Float.self) != different[2].array(Float.self))
            #expect(Tensor.rand([5]).array(Float.self) != same[0].array(Float.self), "the generator has gone on")
        }
    }

    @Test func `per-sample gradients of a module`() {
        let model: Sequential = ["conv": Conv2d(1, 2, kernelSize: 3), "relu": ReLU(), "flat": Flatten(startDim: 0), "linear": Linear(8, 3)]
        _ = model.to(.float64)
        let (x, y) = (numbers([3, 1, 4, 4]), Tensor([0, 2, 1]))
        let weights = model.stateDict()
        let keys = Array(weights.keys)
        let perSample = Func.vmap(inDims: Array(repeating: nil, count: keys.count) + [0, 0]) { inputs in
            Func.grad(argnums: Array(0..<keys.count)) { inputs in
                var state = StateDict()
                for (key, tensor) in zip(keys, inputs) { state[key] = tensor }
                return F.crossEntropy(model.functionalCall(state, inputs[keys.count]).unsqueeze(0), inputs[keys.count + 1].unsqueeze(0))
            }(inputs)
        }(keys.map { weights[$0]! } + [x, y])
        for i in 0..<3 {
            for p in model.parameters() { p.grad = nil }
            F.crossEntropy(model(x[i]).unsqueeze(0), y[i].unsqueeze(0)).backward()
            for (k, p) in model.parameters().enumerated() { expectClose(perSample[k][i], p.grad!, "\(keys[k]) of sample \(i)") }
        }
    }

    @Test func `functionalCall leaves the module as it was`() {
        let model = LSTM(3, 4)
        let before = Dictionary(uniqueKeysWithValues: model.stateDict().map { ($0.key, $0.value.clone()) })
        let x = Tensor.randn([5, 2, 3])
        let expected = model(x).output
        var other = StateDict()
        // Not contiguous, to test strides.
        other["weight_hh_l0"] = Tensor.randn([4, 16]).t().requiresGrad_()
        let changed = model.functionalCall(other) { model(x).output }
        #expect(changed.array(Float.self) != expected.array(Float.self))
        changed.sum().backward()
        #expect(other["weight_hh_l0"]!.grad != nil && model.parameters()[0].grad != nil && model.parameters()[1].grad == nil)
        let twin = model.copy()
        noGrad { _ = twin.parameters()[1].copy_(other["weight_hh_l0"]!) }
        expectEqual(twin(x).output, changed)
        expectEqual(model(x).output, expected)
        for (key, tensor) in model.stateDict() { expectEqual(tensor, before[key]!) }

        // The call changes the buffers that were passed in.
        let norm = BatchNorm1d(3)
        var state = StateDict()
        state["running_mean"] = Tensor.zeros([3])
        _ = norm.functionalCall(state, Tensor.ones([4, 3]))
        #expect(norm.runningMean!.array(Float.self) == [0, 0, 0])
        expectClose(state["running_mean"]!, [0.1, 0.1, 0.1])
    }

    /// A module's own parameters and buffers may be passed, unchanged or swapped: names get the tensors from before the call.
    @Test func `functionalCall with the module's own tensors`() {
        let model = Sequential(Linear(3, 3), Tanh(), BatchNorm1d(3), Linear(3, 3))
        model.eval()
        let x = Tensor.randn([4, 3])
        let expected = model(x)
        expectEqual(model.functionalCall(StateDict(model.namedParameters()), x), expected)
        expectEqual(model.functionalCall(model.stateDict(), x), expected)

        // Gradients reach the parameters themselves, also through a step (MAML).
        let own = StateDict(model.namedParameters())
        let loss = model.functionalCall(own, x).square().mean()
        let gradients = grad(of: [loss], withRespectTo: model.parameters(), createGraph: true)
        var moved = StateDict()
        for (key, gradient) in zip(own.keys, gradients) { moved[key] = own[key]! - gradient! * 0.1 }
        model.functionalCall(moved, x).square().mean().backward()
        for parameter in model.parameters() { #expect(parameter.grad != nil) }

        // Two of them swapped.
        let (first, last) = (own["0.weight"]!, own["3.weight"]!)
        var exchanged = StateDict()
        (exchanged["0.weight"], exchanged["3.weight"]) = (last, first)
        for parameter in model.parameters() { parameter.grad = nil }
        let twin = model.copy()
        let found = model.functionalCall(exchanged, x)
        found.sum().backward()
        noGrad {
            let (a, b) = (first.detach().clone(), last.detach().clone())
            _ = twin.parameters()[0].copy_(b)
            _ = twin.parameters()[4].copy_(a)
        }
        let wanted = twin(x)
        wanted.sum().backward()
        expectEqual(found, wanted)
        expectEqual(first.grad!, twin.parameters()[4].grad!)
        expectEqual(last.grad!, twin.parameters()[0].grad!)
        expectEqual(model(x), expected)

        // Within another call, a parameter means its replacement in the outer call.
        var zeros = StateDict()
        zeros["0.weight"] = Tensor.zeros([3, 3])
        let nested = model.functionalCall(zeros) { model.functionalCall(StateDict(model.namedParameters()), x) }
        expectEqual(nested, model.functionalCall(zeros, x))
    }

    @Test func `an ensemble of stacked models`() {
        let models = (0..<3).map { _ in Sequential(Linear(2, 4), Tanh(), Linear(4, 1)) }
        let (parameters, _) = stackModuleState(models)
        let x = Tensor.randn([5, 2])
        let keys = Array(parameters.keys)
        let together = Func.vmap(inDims: keys.map { _ in 0 }) { inputs in
            var state = StateDict()
            for (key, tensor) in zip(keys, inputs) { state[key] = tensor }
            return [models[0].functionalCall(state, x)]
        }(keys.map { parameters[$0]! })[0]
        for (i, model) in models.enumerated() { expectEqual(together[i], model(x)) }

        // Stacked parameters are leaves of their own, which learn where the models' do.
        together.sum().backward()
        for (i, model) in models.enumerated() {
            model(x).sum().backward()
            for (name, parameter) in model.namedParameters() { expectClose(parameters[name]!.grad![i], parameter.grad!) }
        }
        models[1].freeze("0.weight")
        #expect(message { stackModuleState(models).parameters.count }.contains("'0.weight' requires a gradient in some"))
        for model in models { model.freeze("0.weight") }
        let stacked = stackModuleState(models).parameters
        #expect(!stacked["0.weight"]!.requiresGrad && stacked["0.bias"]!.requiresGrad)
    }

    /// The purpose of PyTorch's `has_aux`: the closure returns more through a captured variable.
    @Test func `more results than one`() {
        let x = numbers([3])
        var logits = Tensor.zeros([])
        let gradient = Func.grad { (x: Tensor) in
            logits = x.exp()
            return logits.sum()
        }(x)
        expectClose(gradient, x.exp())
        expectClose(logits.detach(), x.exp())
    }

    @Test func `several arguments`() {
        let (x, y) = (numbers([3]), numbers([2], seed: 2))
        let f = { (t: [Tensor]) in t[0].unsqueeze(1) * t[1].square() }
        expectClose(Func.jacrev(f)([x, y])[1], Func.jacfwd(argnums: [1], f)([x, y])[0])
        #expect(Func.jacfwd(f)([x, y]).map(\.shape) == [[3, 2, 3], [3, 2, 2]])
        let blocks = Func.hessian { f($0).sum() }([x, y])
        expectClose(blocks[0][1], (y * 2).expand(3, 2))
        expectClose(blocks[1][0], blocks[0][1].t())
        expectClose(blocks[1][1], Tensor.eye(2, dtype: .float64) * 2 * x.sum())
        // An argument outside `argnums` is constant inside, but stays in the outer graph.
        checkGradients([x, y], second: false) { inputs in Func.jacrev(argnums: [0], f)(inputs)[0] }
        #expect(message { _ = Func.jacrev(argnums: [2], f)([x, y]) }.contains("argument 2 of 2"))
        #expect(message { _ = Func.hessian(argnums: [-1]) { f($0).sum() }([x, y]) }.contains("argument -1 of 2"))
        var state = StateDict()
        state["weight"] = Tensor.ones([2, 3])
        #expect(message { _ = Linear(3, 2).functionalCall(state, Tensor.ones([3]), strict: true) }.contains("bias is missing"))
    }

    @Test func `wrong calls are named`() {
        let x = Tensor.ones([3])
        #expect(message { _ = Func.grad { $0 * 2 }(x) }.contains("must give one element, it gave shape [3]"))
        #expect(message { _ = Func.grad(argnums: [1]) { $0[0].sum() }([x]) }.contains("argument 1 of 1"))
        #expect(message { _ = Func.jvp({ $0 }, x, Tensor.ones([2])) }.contains("tangent 0 has shape [2]"))
        #expect(message { _ = Func.vjp({ $0 }, x).vjp(Tensor.ones([2])) }.contains("a cotangent has shape [2]"))
        #expect(message { _ = Func.vmap(inDim: 1) { $0 }(x) }.contains("has no dimension 1"))
        #expect(message { _ = Func.vmap { $0 + Tensor.rand([]) }(x) }.contains("randomness"))
        #expect(message { _ = Func.vmap(inDims: (0, 0)) { $0 + $1 }(x, Tensor.ones([2])) }.contains("has 2 slices"))
        var state = StateDict()
        state["weight"] = Tensor.ones([2])
        #expect(message { _ = Linear(3, 4).functionalCall(state, x) }.contains("'weight' has shape [2], the module's has [4, 3]"))
        state["weight"] = nil
        state["wait"] = Tensor.ones([2])
        #expect(message { _ = Linear(3, 4).functionalCall(state, x) }.contains("there is no parameter or buffer 'wait'"))
    }
}
