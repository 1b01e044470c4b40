import ApusCore
import ApusNN
import Testing

// Every signature that a class's own call may have. None needs code for the inherited call.

private final class Masked: Module {
    func callAsFunction(_ x: Tensor, mask: Tensor? = nil) -> Tensor { call(x, mask) { x, mask in mask.map { x * $0 } ?? x + 1 } }
}
private final class MaskedForward: Module {
    func forward(_ x: Tensor, mask: Tensor? = nil) -> Tensor { x }
}
private final class Two: Module {
    func callAsFunction(_ x: Tensor) -> (Tensor, Tensor) { call(x) { x in (x, x + 1) } }
}
private class Labelled: Module {
    func callAsFunction(_ x: Tensor, scale: Double = 2) -> (output: Tensor, weights: Tensor?) {
        call(x) { x in (x * scale, scale > 2 ? x : nil) }
    }
}
private final class Inherited: Labelled {}
private final class Stateful: Module {
    func callAsFunction(_ x: Tensor, _ state: (h: Tensor, c: Tensor)? = nil) -> (output: Tensor, state: (h: Tensor, c: Tensor)) {
        call(x, state) { x, state in
            let h = (state?.h ?? x) + x
            return (h, (h, state?.c ?? x))
        }
    }
}
private final class Generic<Value>: Module {
    func callAsFunction(_ x: Tensor, _ value: Value? = nil) -> [Tensor] { call(x) { x in [x, x] } }
}
private final class Variadic: Module {
    func callAsFunction(_ x: Tensor...) -> Tensor { call(x) { x in Tensor.stack(x) } }
}
private final class Throwing: Module {
    func callAsFunction(_ x: Tensor) throws -> Tensor? { call(x) { x in x.numel > 0 ? x : nil } }
}
/// The example of docs/adding-a-layer.md.
private final class Attention: Module {
    public let W_q: Linear, W_k: Linear, W_v: Linear

    public init(_ features: Int) {
        (W_q, W_k, W_v) = (Linear(features, features), Linear(features, features), Linear(features, features))
    }

    public func callAsFunction(_ q: Tensor, _ k: Tensor, _ v: Tensor, mask: Tensor? = nil) -> (output: Tensor, weights: Tensor) {
        call(q, k, v, mask) { q, k, v, mask in
            var scores = W_q(q).matmul(W_k(k).transpose(-2, -1))
            if let mask { scores = scores.maskedFill(mask, -Double.infinity) }
            let weights = scores.softmax(dim: -1)
            return (weights.matmul(W_v(v)), weights)
        }
    }
}
private final class Overridden: Module {
    func callAsFunction(_ x: Tensor, mask: Tensor?) -> Tensor { call(x, mask) { x, _ in x * 3 } }
    override func callAsFunction(_ x: Tensor) -> Tensor { callAsFunction(x, mask: nil) }
}
private struct Packed {
    let rows: Tensor
    let lengths: [Int]
}
private final class OverPacked: Module {
    func callAsFunction(_ x: Packed, _ extra: [Tensor] = []) -> Packed {
        call(x, extra) { x, extra in Packed(rows: extra.reduce(x.rows) { $0 + $1 }, lengths: x.lengths) }
    }
}

@Suite struct CallFormTests {
    private let x = Tensor([1.0, 2])

    @Test func aClasssOwnCallIsTheOneThatIsTaken() throws {
        let masked = Masked()(x)
        #expect(masked.array(Double.self) == [2, 3] && Masked()(x, mask: x).array(Double.self) == [1, 4])
        let two = Two()(x)
        #expect(two.1.array(Double.self) == [2, 3])
        let (first, second) = Two()(x)
        #expect(first === x && second.array(Double.self) == [2, 3])
        let labelled = Labelled()(x), inherited = Inherited()(x), scaled = Labelled()(x, scale: 3)
        #expect(
            labelled.output.array(Double.self) == [2, 4] && labelled.weights == nil && inherited.output.array(Double.self) == [2, 4]
                && scaled.weights === x)
        let (output, (h, c)) = Stateful()(x)
        #expect(output === h && c === x && Stateful()(x, (h, c)).output.array(Double.self) == [3, 6])
        #expect(Generic<Int>()(x).count == 2 && Generic<Int>()(x, 3).count == 2)
        #expect(Variadic()(x).shape == [1, 2] && Variadic()(x, x).shape == [2, 2])
        let thrown = try Throwing()(x)
        #expect(thrown === x)
        #expect(Overridden()(x).array(Double.self) == [3, 6] && Sequential(Overridden())(x).array(Double.self) == [3, 6])
        #expect(MaskedForward().forward(x) === x && MaskedForward().forward(x, mask: x) === x)
        // A chain with an explicit result type.
        let y: Tensor = Masked()(Masked()(x))
        #expect(y.array(Double.self) == [3, 4])
    }

    @Test func theLibrarysOwnNeedNoOtherForm() {
        let batch = Tensor.randn([3, 2, 4])
        let rnn = RNN(4, 5)(batch), gru = GRU(4, 5)(batch), (output, (h, c)) = LSTM(4, 5)(batch)
        #expect(rnn.output.shape == [3, 2, 5] && gru.hidden.shape == [1, 2, 5] && output.shape == [3, 2, 5] && h.shape == c.shape)
        let step = batch[0]
        let next = LSTMCell(4, 5)(step)
        #expect(RNNCell(4, 5)(step).shape == [2, 5] && GRUCell(4, 5)(step).shape == [2, 5] && next.h.shape == next.c.shape)
        for module in [RNNCell(4, 5), GRUCell(4, 5)] as [Module] { #expect(Sequential(module)(step).shape == [2, 5]) }
        let pooled = MaxPool1d(kernelSize: 2).withIndices(batch)
        #expect(pooled.values.shape == pooled.indices.shape)
    }

    @Test func aForwardThatCannotBeReachedSaysWhatToDo() {
        for module in [MaskedForward(), Masked()] as [Module] {
            #expect { try checked { Sequential(module)(x) } } throws: { error in
                "\(error)".contains(
                    "\(module.typeName) has no forward(_:) of one tensor; if its forward takes more, name it callAsFunction")
                    && (error as? OpError)?.modulePath == "Sequential.0 (\(module.typeName))"
            }
        }
    }

    @Test func hooksSeeAndReplaceWhateverPasses() {
        let attention = Attention(2)
        let (q, k, v) = (Tensor.randn([3, 2]), Tensor.randn([4, 2]), Tensor.randn([4, 2]))
        let mask = Tensor([[false, true, false, false]]).expand([3, 4])
        let plain = attention(q, k, v, mask: mask)
        var seen: [[Shape]] = []
        let watch = attention.registerForwardHook { _, inputs, outputs in
            seen.append(inputs.map(\.shape) + outputs.map(\.shape))
            return nil
        }
        let watched = attention(q, k, v, mask: mask)
        _ = attention(q, k, v)
        #expect(watched.output.equal(plain.output) && watched.weights.equal(plain.weights))
        #expect(seen == [[[3, 2], [4, 2], [4, 2], [3, 4], [3, 2], [3, 4]], [[3, 2], [4, 2], [4, 2], [3, 2], [3, 4]]])
        watch.remove()
        attention.registerForwardPreHook { _, inputs in [inputs[0], inputs[1], inputs[2] * 2] + inputs.dropFirst(3) }
        attention.registerForwardHook { _, _, outputs in [outputs[0] + 1, outputs[1] * 5] }
        let replaced = attention(q, k, v, mask: mask)
        #expect(replaced.weights.allclose(plain.weights * 5) && replaced.output.allclose(plain.weights.matmul(attention.W_v(v * 2)) + 1))
        // The same tensor three times counts as three inputs.
        let same = attention(q, q, q)
        attention.registerForwardPreHook { _, inputs in
            #expect(inputs.count == 3 && inputs[1] === q)
            return nil
        }
        #expect(attention(q, q, q).output.equal(same.output))
    }

    @Test func hooksReachEveryShapeOfResult() {
        func doubled<M: Module>(_ module: M) -> M {
            module.registerForwardPreHook { _, inputs in inputs.map { $0 * 10 } }
            module.registerForwardHook { _, _, outputs in outputs.map { $0 + 1 } }
            return module
        }
        #expect(doubled(Masked())(x).array(Double.self) == [12, 22])
        let labelled = doubled(Labelled())(x, scale: 3)
        #expect(labelled.output.array(Double.self) == [31, 61] && labelled.weights!.array(Double.self) == [11, 21])
        let (output, (h, c)) = doubled(Stateful())(x, (x, x))
        #expect(output.array(Double.self) == [21, 41] && h.array(Double.self) == [21, 41] && c.array(Double.self) == [11, 21])
        #expect(
            doubled(Generic<Int>())(x)[1].array(Double.self) == [11, 21]
                && doubled(Variadic())(x, x).array(Double.self) == [11, 21, 11, 21])
        let packed = doubled(OverPacked())(Packed(rows: x, lengths: [2]), [x, x])
        #expect(packed.rows.array(Double.self) == [31, 61] && packed.lengths == [2])
        let lstm = doubled(LSTM(2, 2))
        let result = lstm(Tensor.ones([3, 1, 2]), (Tensor.ones([1, 1, 2]), Tensor.ones([1, 1, 2])))
        #expect(result.state.c.shape == [1, 1, 2])
    }

    @Test func backwardHooksSeeSeveralInputs() {
        let attention = Attention(2)
        var seen: [[Shape]] = []
        attention.registerFullBackwardHook { _, gradInputs, gradOutputs in
            seen.append(gradInputs.map(\.shape) + gradOutputs.map(\.shape))
            return nil
        }
        let inputs = [3, 4, 4].map { Tensor.randn([$0, 2], requiresGrad: true) }
        let (output, weights) = attention(inputs[0], inputs[1], inputs[2])
        (output.sum() + weights.sum()).backward()
        #expect(seen == [[[3, 2], [4, 2], [4, 2], [3, 2], [3, 4]]])
    }

    @Test func messagesNameThePathOfTheCall() {
        final class Net: Module {
            let attention = Attention(2)
            override func forward(_ x: Tensor) -> Tensor { attention(x, x, x).output }
        }
        #expect { try checked { Net()(Tensor.ones([3, 5])) } } throws: { ($0 as? OpError)?.modulePath == "Net.attention.W_q (Linear)" }
    }
}
