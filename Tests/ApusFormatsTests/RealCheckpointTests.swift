import ApusCore
import ApusNN
import TestSupport
import Testing
@testable import ApusFormats

/// Weights that ship in packages, and the networks rebuilt from plain layers: outputs as PyTorch's.
@Suite struct RealCheckpointTests {
    private func tensors(_ name: String) throws -> (weights: PyTorchFile, expected: StateDict) {
        let file = Interop.description("pt/real/\(name)")["file"]!.string!
        return (try PyTorchFile(Interop.path("pt/real/\(file)")), try StateDict.load(from: Interop.path("pt/real/\(name).io.safetensors")))
    }

    /// Loads the weights strictly and compares the output within 1e-4 of its largest magnitude.
    private func check(_ model: Module, _ state: StateDict, _ expected: StateDict) throws {
        try model.loadStateDict(state)
        model.eval()
        let output = noGrad { model(expected["input_0"]!) }, wanted = expected["output_0"]!
        #expect(output.shape == wanted.shape)
        let error = (output - wanted).abs().amax().item() / wanted.abs().amax().item()
        #expect(error < 1e-4, "\(error)")
    }

    private final class AttaCut: Module {
        final class Convolution: Module {
            let conv: Conv1d
            init(_ kernel: Int, dilation: Int) {
                conv = Conv1d(48, 196, kernel, padding: dilation * (kernel - 1) / 2, dilation: dilation)
                super.init()
            }
            override func forward(_ x: Tensor) -> Tensor { conv(x) }
        }
        let embeddings = Embedding(139, 48)
        let conv1 = Convolution(3, dilation: 1), conv2 = Convolution(5, dilation: 3), conv3 = Convolution(9, dilation: 2)
        let linear1 = Linear(196, 32), linear2 = Linear(32, 1)

        override func forward(_ x: Tensor) -> Tensor {
            let x = embeddings(x).transpose(1, 2)
            let y = conv1(x).maximum(conv2(x)).maximum(conv3(x)).transpose(1, 2)
            return linear2(F.relu(linear1(y))).flatten()
        }
    }

    @Test func attacut() throws {
        let (file, expected) = try tensors("attacut_c")
        #expect(file.format == .legacy)
        try check(AttaCut(), try file.stateDict(), expected)
    }

    private final class BeatNet: Module {
        let conv1 = Conv1d(1, 2, 10), linear0 = Linear(262, 150)
        let lstm = LSTM(150, 150, numLayers: 2, batchFirst: true), linear = Linear(150, 3)

        override func forward(_ x: Tensor) -> Tensor {
            let (batch, time) = (x.size(0), x.size(1))
            let frames = F.maxPool1d(F.relu(conv1(x.reshape([batch * time, 1, -1]))), 2).flatten(1)
            return linear(lstm(linear0(frames).reshape([batch, time, 150])).output).transpose(1, 2)
        }
    }

    @Test(arguments: ["beatnet_weights", "beatnet_whole_module"]) func beatNet(_ name: String) throws {
        let (file, expected) = try tensors(name)
        let state = try file.stateDict()
        guard name == "beatnet_weights" else {
            // A module of a class that only its authors have: its weights, by the names of its state dict.
            #expect(file.root.className == "model.BDA")
            #expect(state.keys.sorted() == expected.keys.sorted())
            for (key, tensor) in state { #expect(bytes(of: tensor) == bytes(of: expected[key]!), "\(key)") }
            return
        }
        try check(BeatNet(), state, expected)
    }

    @Test func digitRecognizer() throws {
        let (file, expected) = try tensors("digit_recognizer")
        func block(_ from: Int, _ to: Int) -> [Module] { [Conv2d(from, to, 3, padding: 1), ReLU(), MaxPool2d(2)] }
        let model = Sequential([
            ("conv_layers", Sequential(block(1, 32) + block(32, 64) + block(64, 128))), ("flatten", Flatten()),
            ("fc_layers", Sequential(Linear(1152, 256), ReLU(), Linear(256, 10))),
        ])
        try check(model, try file.stateDict(), expected)
    }

    private final class Pesto: Module {
        let layernorm = LayerNorm([1, 264])
        let conv1 = Sequential(Conv1d(1, 40, 15, padding: 7), LeakyReLU(0.3))
        let prefilt_layers = Sequential(Conv1d(40, 40, 15, padding: 7), LeakyReLU(0.3))
        let conv_layers = Sequential(
            Conv1d(40, 30, 1), LeakyReLU(0.3), Dropout(), Conv1d(30, 30, 1), LeakyReLU(0.3), Dropout(), Conv1d(30, 10, 1), LeakyReLU(0.3),
            Dropout(), Conv1d(10, 3, 1), LeakyReLU(0.3))
        let fc = Conv1d(1, 1, 1175, padding: 383, bias: false)

        override func forward(_ x: Tensor) -> Tensor {
            var x = conv1(layernorm(x))
            x = x + prefilt_layers(x)
            return F.softmax(fc(conv_layers(x).flatten(1).unsqueeze(1)).squeeze(1), dim: -1)
        }
    }

    @Test func pesto() throws {
        let (file, expected) = try tensors("pesto")
        #expect(file.root["epoch"]?.int == 49)
        try check(Pesto(), try file.stateDict(at: "state_dict").section("encoder"), expected)
    }

    @Test(arguments: ["lpips_alex_v0.1", "lpips_squeeze_v0.0"]) func lpips(_ name: String) throws {
        let (file, expected) = try tensors(name)
        let state = try file.stateDict()
        #expect(state.keys.sorted() == expected.keys.sorted())
        for (key, tensor) in state { #expect(bytes(of: tensor) == bytes(of: expected[key]!), "\(key)") }
    }
}
