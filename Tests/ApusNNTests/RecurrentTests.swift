import ApusCore
import ApusNN
import TestSupport
import Testing

/// Fills parameter i of a module with the numbers sin(0.37·k)·(0.5 + 0.1·i), as for the recorded answers.
func fill<Layer: Module>(_ module: Layer) -> Layer {
    noGrad {
        for (i, parameter) in module.parameters().enumerated() { parameter.copy_(wave(parameter.shape) * (0.5 + 0.1 * Double(i))) }
    }
    return module
}

/// Recurrent layers: answers recorded from PyTorch, derivatives, names, printed forms, errors.
@Suite struct RecurrentTests {
    @Test func answersOfPyTorch() {
        let lstm = fill(LSTM(2, 3, numLayers: 2, bidirectional: true, projSize: 2, dtype: .float64))
        let (output, (h, c)) = lstm(wave([3, 1, 2]))
        #expect(output.shape == [3, 1, 4] && h.shape == [4, 1, 2] && c.shape == [4, 1, 3])
        expectClose(
            output,
            [
                -0.0028438, 0.8695458, -0.3396524, -0.3245178, -0.1087199, 0.9056145, 0.1435551, 1.9808, 0.1282959, 1.2614779, 0.0887169,
                0.6453829,
            ], atol: 1e-6)
        expectClose(h, [0.08422, 0.3109465, 0.198107, 0.8236807, 0.1282959, 1.2614779, -0.3396524, -0.3245178], atol: 1e-6)
        expectClose(
            c,
            [
                0.3564468, 0.0880388, 0.2305606, 0.7795764, 0.5055625, 0.6209351, 1.9630288, 0.0339025, 1.2705981, 0.3663975, -0.6427276,
                1.610222,
            ], atol: 1e-6)

        let gru = fill(GRU(2, 3, numLayers: 2, batchFirst: true, dtype: .float64))
        let (steps, last) = gru(wave([2, 3, 2]), wave([2, 2, 3]))
        expectClose(
            steps.select(0, 0), [0.8571811, 0.7881475, 0.3058603, 0.9056206, 0.9266065, 0.4292263, 0.9397057, 0.9778439, 0.5309462],
            atol: 1e-6)
        expectClose(
            last,
            [
                0.2704666, 0.5172062, 0.3403297, 0.9233023, 0.9713921, 0.6136951, 0.9397057, 0.9778439, 0.5309462, 0.3362451, 0.4961497,
                -0.084209,
            ], atol: 1e-6)

        // Input without a batch dimension.
        let (plain, hidden) = fill(RNN(2, 2, nonlinearity: .relu, bidirectional: true, dtype: .float64))(wave([3, 2]))
        #expect(plain.shape == [3, 4])
        expectClose(
            plain,
            [
                0.0653829, 0.7043724, 1.6199449, 5.5798891, 0.3147764, 1.5758887, 1.0910355, 4.154291, 0.5157254, 2.2829476, 0.3128508,
                2.2109865,
            ], atol: 1e-6)
        expectClose(hidden, [0.5157254, 2.2829476, 1.6199449, 5.5798891], atol: 1e-6)
    }

    /// A layer on a sequence of one step equals its cell.
    @Test func cellsAreLayersOfOneStep() {
        let (x, h, c) = (wave([2, 3]), wave([2, 4]).cos(), wave([2, 4]))
        let lstm = fill(LSTM(3, 4, dtype: .float64)), lstmCell = fill(LSTMCell(3, 4, dtype: .float64))
        let (hNext, cNext) = lstmCell(x, (h, c))
        let (_, state) = lstm(x.unsqueeze(0), (h.unsqueeze(0), c.unsqueeze(0)))
        expectClose(state.h.squeeze(0), hNext)
        expectClose(state.c.squeeze(0), cNext)
        let gru = fill(GRU(3, 4, dtype: .float64)), gruCell = fill(GRUCell(3, 4, dtype: .float64))
        expectClose(gru(x.unsqueeze(0), h.unsqueeze(0)).output.squeeze(0), gruCell(x, h))
        let rnn = fill(RNN(3, 4, dtype: .float64)), rnnCell = fill(RNNCell(3, 4, dtype: .float64))
        expectClose(rnn(x.unsqueeze(0), h.unsqueeze(0)).output.squeeze(0), rnnCell(x, h))
        expectClose(rnnCell(x.select(0, 0), h.select(0, 0)), rnnCell(x, h).select(0, 0))
    }

    @Test func derivatives() {
        let lstm = fill(LSTM(2, 2, numLayers: 2, batchFirst: true, projSize: 1, dtype: .float64))
        checkGradients([wave([1, 3, 2]), wave([2, 1, 1]), wave([2, 1, 2])], "LSTM") { lstm($0[0], ($0[1], $0[2])).output }
        let gru = fill(GRU(2, 2, bidirectional: true, dtype: .float64))
        checkGradients([wave([3, 1, 2]), wave([2, 1, 2])], "GRU") { gru($0[0], $0[1]).output }
        // Derivatives of the weights.
        let x = wave([2, 1, 2])
        checkGradients([wave([8, 2]), wave([8, 2])], "LSTM's products") {
            let (h, c) = LSTMCellStep.run(x, $0[0], $0[1])
            return h + c
        }
    }

    /// An LSTM of two steps written with plain ops, for the derivatives of its weights.
    enum LSTMCellStep {
        static func run(_ x: Tensor, _ ih: Tensor, _ hh: Tensor) -> (Tensor, Tensor) {
            var h = Tensor.zeros([1, 2], dtype: .float64), c = h
            for t in 0..<2 {
                let gates = x.select(0, t).matmul(ih.t()) + h.matmul(hh.t())
                let (i, f, g, o) = (gates.narrow(1, 0, 2), gates.narrow(1, 2, 2), gates.narrow(1, 4, 2), gates.narrow(1, 6, 2))
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
            }
            return (h, c)
        }
    }

    @Test func gradientsOfWeightsAreThoseOfPlainOps() {
        let lstm = LSTM(2, 2, bias: false, dtype: .float64)
        let (ih, hh) = (wave([8, 2]).requiresGrad_(), (wave([8, 2]) * 0.7).requiresGrad_())
        noGrad {
            lstm.parameters()[0].copy_(ih)
            lstm.parameters()[1].copy_(hh)
        }
        let x = wave([2, 1, 2])
        let (_, (h, c)) = lstm(x)
        (h + c).sum().backward()
        let (h2, c2) = LSTMCellStep.run(x, ih, hh)
        (h2 + c2).sum().backward()
        expectClose(lstm.parameters()[0].grad!, ih.grad!, rtol: 1e-12, atol: 1e-14)
        expectClose(lstm.parameters()[1].grad!, hh.grad!, rtol: 1e-12, atol: 1e-14)
    }

    @Test func namesAndPrintedForms() {
        let lstm = LSTM(48, 16, numLayers: 2, batchFirst: true, bidirectional: true)
        #expect("\(lstm)" == "LSTM(48, 16, num_layers=2, batch_first=True, bidirectional=True)")
        #expect(
            lstm.namedParameters().map(\.name).prefix(8) == [
                "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l0_reverse", "weight_hh_l0_reverse",
                "bias_ih_l0_reverse", "bias_hh_l0_reverse",
            ])
        #expect(lstm.parameters()[8].shape == [64, 32])
        #expect(
            LSTM(2, 3, projSize: 2).namedParameters().map(\.name) == [
                "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_hr_l0",
            ])
        #expect(
            "\(LSTM(2, 3, numLayers: 2, bias: false, dropout: 0.5, projSize: 2))"
                == "LSTM(2, 3, proj_size=2, num_layers=2, bias=False, dropout=0.5)")
        #expect("\(GRUCell(5, 10, bias: false))" == "GRUCell(5, 10, bias=False)")
        #expect("\(RNNCell(5, 10, nonlinearity: .relu))" == "RNNCell(5, 10, nonlinearity=relu)")
        // A copy has its own weights.
        let copy = lstm.copy()
        noGrad { for parameter in copy.parameters() { parameter.zero_() } }
        #expect(copy(Tensor.ones([1, 2, 48])).output.abs().sum().item() == 0)
        #expect(lstm(Tensor.ones([1, 2, 48])).output.abs().sum().item() > 0)
    }

    /// Dropout between layers: only in training, and never after the last layer.
    @Test func dropout() {
        withGenerator(Generator(seed: 3)) {
            let gru = GRU(4, 8, numLayers: 2, dropout: 0.5)
            let x = Tensor.randn([5, 3, 4])
            #expect(!gru(x).output.equal(gru(x).output))
            gru.eval()
            #expect(gru(x).output.equal(gru(x).output))
            let one = GRU(4, 8, dropout: 0.5)
            #expect(one(x).output.equal(one(x).output))
        }
    }

    @Test func badArgumentsAreNamed() {
        let x = Tensor.ones([3, 2, 4])
        #expect(message { LSTM(4, 3, numLayers: 0)(x).output }.contains("numLayers must be positive"))
        #expect(message { LSTM(4, 3, projSize: 3)(x).output }.contains("projSize must not be negative and be smaller than hiddenSize (3)"))
        #expect(message { LSTM(5, 3)(x).output }.contains("input of shape [3, 2, 4] has 4 features, but inputSize is 5"))
        #expect(message { GRU(4, 3)(x, Tensor.zeros([1, 2, 4])).output }.contains("must have shape [1, 2, 3]"))
        #expect(
            message { GRU(4, 3)(x.select(1, 0), Tensor.zeros([1, 2, 3])).output }.contains(
                "for an input with 2 dimensions the state needs 2"))
        #expect(message { RNN(4, 3)(Tensor.ones([4])).output }.contains("2 dimensions (sequence, features)"))
        #expect(message { GRUCell(4, 3)(Tensor.ones([2, 4]), Tensor.ones([3, 3])) }.contains("differ in batch size"))
        #expect(
            message { LSTMCell(4, 3)(Tensor.ones([2, 4]), (Tensor.ones([2, 4]), Tensor.ones([2, 3]))).h }.contains("hiddenSize is 3"))
    }

    /// Widths for which the weights are stored with padded rows, against the reference, forward and backward.
    @Test(arguments: Device.tested) func wideGates(_ device: Device) {
        let lstm = withGenerator(Generator(seed: 1)) { LSTM(5, 128, projSize: 12) }
        let x = wave([3, 2, 5]).to(.float32)
        func run(_ device: Device) -> [Tensor] {
            let model = lstm.copy().to(device)
            let (y, (h, c)) = model(x.to(device))
            (y.sum() + (h * h).sum() + c.sum()).backward()
            return [y, h, c] + model.parameters().map { $0.grad! }
        }
        for (found, expected) in zip(run(device), run(.reference)) {
            expectClose(found, expected.array(Double.self), rtol: 1e-4, atol: 1e-5)
        }
    }
}
