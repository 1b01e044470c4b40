import ApusCheckpoints
import ApusCore
import ApusFormats
import ApusNN
import ApusOptim
import ApusVision
import TestSupport
import Testing

/// Networks against torchvision's: keys, shapes, outputs for weights that both sides fill by one rule (`record_models.py`).
@Suite struct ModelTests {
    struct Answers: Decodable {
        struct Network: Decodable {
            let parameters: Int
            let keys: [Key]
        }
        /// A name and a shape.
        struct Key: Decodable {
            let name: String
            let shape: [Int]
            init(from decoder: any Decoder) throws {
                var pair = try decoder.unkeyedContainer()
                (name, shape) = (try pair.decode(String.self), try pair.decode([Int].self))
            }
        }
        struct Output: Decodable {
            struct Statistics: Decodable {
                let key: String
                let values: [Double]
            }
            let model: String
            let mode: String
            let input: [Int]
            let output: [Double]
            let largest: Double
            let statistics: Statistics?
        }
        let networks: [String: Network]
        let outputs: [Output]
    }
    static let answers: Answers = Recorded.load("models")

    static func make(_ name: String, classes: Int = 1000) -> any ImageClassifier {
        switch name {
        case "resnet18": resnet18(classes: classes)
        case "resnet34": resnet34(classes: classes)
        case "resnet50": resnet50(classes: classes)
        default: mobilenetV2(classes: classes)
        }
    }

    /// `TABLE` of `record_models.py`. Unsafe to the compiler, since a tensor is not Sendable; it is only read.
    private nonisolated(unsafe) static let table: Tensor = {
        let i = Tensor.arange(3_500_000, dtype: .int64)
        return ((i * i * 31 + i * 7).remainder(1_000_003).to(.float64) / 1_000_003 * 2 - 1).to(.float32)
    }()

    /// `noise` of `record_models.py`.
    static func noise(_ key: String, _ count: Int) -> Tensor {
        let start = key.utf8.enumerated().reduce(0) { $0 + Int($1.element) * ($1.offset + 1) * 3701 } % 1_000_003
        return table[start..<(start + count)]
    }

    /// `fill` of `record_models.py`.
    static func filled(_ key: String, _ tensor: Tensor) -> Tensor {
        if key.hasSuffix("num_batches_tracked") { return Tensor(3) }
        let u = noise(key, tensor.numel).reshape(tensor.shape)
        if key.hasSuffix("running_var") { return u / 2 + 1 }
        if key.hasSuffix("running_mean") || key.hasSuffix("bias") { return u / 10 }
        return tensor.ndim == 1 ? u / 4 + 0.75 : u * (6 / Double(tensor.numel / tensor.size(0))).squareRoot()
    }

    @Test(arguments: answers.networks.keys.sorted()) func keysAndCountsAreTorchvisions(_ name: String) {
        let (model, wanted) = (Self.make(name), Self.answers.networks[name]!)
        let state = model.stateDict()
        #expect(Array(state.keys) == wanted.keys.map(\.name))
        for key in wanted.keys { #expect(state[key.name].map { Array($0.shape) } == key.shape, "\(key.name)") }
        #expect(model.parameters().reduce(0) { $0 + $1.numel } == wanted.parameters)
        // The stages hold every parameter once, in order of depth.
        #expect(
            model.stages.joined().flatMap { $0.parameters() }.map(ObjectIdentifier.init) == model.parameters().map(ObjectIdentifier.init))
        #expect(model.submodule(model.headPath) === model.head)
    }

    @Test(arguments: answers.outputs.indices) func outputsAreTorchvisions(_ index: Int) throws {
        let wanted = Self.answers.outputs[index]
        let model = skipInit { Self.make(wanted.model) }
        try model.loadStateDict(StateDict(model.stateDict().map { ($0.key, Self.filled($0.key, $0.value)) }))
        model.train(wanted.mode == "train")
        let shape = Shape(wanted.input)
        let output = noGrad { model(Self.noise("input", shape.numel).reshape(shape)) }.flatten().array(Double.self)
        let step = max(1, output.count / 100)
        #expect(abs(output.map(abs).max()! / wanted.largest - 1) < 1e-4)
        for (i, value) in wanted.output.enumerated() {
            #expect(abs(output[i * step] - value) < 1e-4 * wanted.largest, "\(i): \(output[i * step]), torchvision has \(value)")
        }
        if let statistics = wanted.statistics {
            let found = model.stateDict()[statistics.key]!.array(Double.self)
            for (a, b) in zip(found, statistics.values) { #expect(abs(a - b) < 1e-4 * max(1, abs(b)), "\(statistics.key)") }
        }
    }

    /// Convolutions from N(0, 2 / fan out), normalisations the identity, heads as torchvision's.
    @Test(arguments: ["resnet18", "mobilenet_v2"]) func initialWeights(_ name: String) {
        let model = withGenerator(Generator(seed: 3)) { Self.make(name, classes: 100) }
        for (path, module) in model.namedModules() {
            switch module {
            case let convolution as Conv2d:
                let weight = convolution.weight
                let wanted = (2 / Double(weight.numel / weight.size(1))).squareRoot()
                let spread = 4 / Double(weight.numel).squareRoot()
                #expect(abs(weight.std().item() / wanted - 1) < spread && abs(weight.mean().item()) < spread * wanted, "\(path)")
            case let norm as BatchNorm2d:
                #expect(norm.weight!.eq(1).all().item(Bool.self) && norm.bias!.eq(0).all().item(Bool.self), "\(path)")
            default: break
            }
        }
        let (weight, bias) = (model.head.weight, model.head.bias!)
        if name == "mobilenet_v2" {
            #expect(abs(weight.std().item() - 0.01) < 1e-4 && bias.eq(0).all().item(Bool.self))
        } else {
            let bound = 1 / 512.0.squareRoot()
            #expect((0.98 * bound...bound).contains(weight.abs().amax().item()) && bias.abs().amax().item() <= bound)
        }
    }

    @Test func smallImagesAndGrayOnes() {
        let model = resnet18(inChannels: 1, classes: 4, smallImages: true)
        #expect(noGrad { model(.zeros([2, 1, 28, 28])) }.shape == [2, 4])
        #expect(model.conv1.weight.shape == [64, 1, 3, 3] && type(of: model) == ResNet18.self)
        #expect(message { try checked { ResNet(BasicBlock.self, [2, 2]) } }.contains("[2, 2]"))
    }

    // MARK: Weights

    let folder = TemporaryFolder()

    /// Whether both have the same keys and values.
    private func same(_ a: Module, _ b: Module) -> Bool {
        let (a, b) = (a.stateDict(), b.stateDict())
        return a.count == b.count && a.allSatisfy { key, value in b[key].map { value.equal($0) } ?? false }
    }

    /// All weights of a file, or all but the head where the number of classes differs; what does not fit is an error, and changes nothing.
    @Test(arguments: ["pth", "safetensors"]) func pretrainedWeights(_ ending: String) throws {
        let path = folder.file("weights.\(ending)")
        let source = mobilenetV2(classes: 7)
        try source.stateDict().save(to: path)
        let all = try mobilenetV2(weights: path, classes: 7)
        #expect(same(all, source))

        let other = mobilenetV2(classes: 3)
        let head = (other.head, other.head.weight.clone())
        let report = try other.loadPretrained(from: path)
        #expect(other.head === head.0 && other.head.weight.equal(head.1))
        #expect(same(other.features, source.features))
        #expect(report.loaded == source.stateDict().count - 2 && report.kept.map(\.key) == ["classifier.1.weight", "classifier.1.bias"])
        #expect(report.description.contains("2 kept (classifier.1.weight, classifier.1.bias: the file has 7 classes, the network 3)"))

        var damaged = source.stateDict()
        damaged["features.0.0.weight"] = Tensor.zeros([1])
        damaged["extra"] = Tensor.zeros([1])
        try damaged.save(to: path)
        let before = other.stateDict().map { $0.value.clone() }
        let text = message { try other.loadPretrained(from: path) }
        #expect(text.contains(path) && text.contains("features.0.0.weight has shape [1]") && !text.contains("classifier"))
        #expect(zip(other.stateDict(), before).allSatisfy { $0.value.equal($1) } && other.head === head.0)

        try StateDict(source.stateDict().map { ("module.\($0.key)", $0.value) }).save(to: path)
        #expect(try other.loadPretrained(from: path, dropping: "module.").kept.count == 2)
    }

    @Test func aNewHead() throws {
        let model = resnet18(classes: 3).eval().double()
        let trunk = model.layer4.copy()
        model.replaceHead(classes: 5)
        #expect(model.fc.weight.shape == [5, 512] && model.fc.weight.dtype == .float64 && !model.fc.training)
        #expect(same(model.layer4, trunk))
        #expect(message { try checked { model.replaceHead(classes: 0) } }.contains("at least 1"))
    }

    // MARK: What learns, and how fast

    @Test func frozenLayersStay() {
        let model = resnet18(classes: 3)
        func learning() -> Set<String> { Set(model.namedParameters().filter(\.parameter.requiresGrad).map(\.name)) }
        let all = learning()
        model.freeze("conv1", "layer1.0", "fc.bias")
        #expect(all.subtracting(learning()) == all.filter { ["conv1.", "layer1.0.", "fc.bias"].contains(where: $0.hasPrefix) })
        model.unfreeze("layer1").freeze([])
        #expect(all.subtracting(learning()) == ["conv1.weight", "fc.bias"])
        #expect(
            message { try checked { model.freeze("layer2", "layer5") } }.contains("no layer or parameter 'layer5'; did you mean 'layer1'?"))
        #expect(message { try checked { model.unfreeze("backbone") } }.contains("there are conv1, bn1, layer1"))
        #expect(all.subtracting(learning()) == ["conv1.weight", "fc.bias"])
        model.freeze()
        #expect(learning().isEmpty)
        model.unfreeze("layer4", "fc")
        #expect(learning() == all.filter { $0.hasPrefix("layer4.") || $0.hasPrefix("fc.") })
    }

    /// Statistics of frozen layers follow the batches, unless a hook holds the layers in evaluation mode.
    @Test(arguments: [false, true]) func statisticsOfFrozenLayers(_ held: Bool) {
        let model = resnet18(classes: 3, smallImages: true)
        model.freeze("bn1")
        if held {
            model.bn1.registerForwardPreHook(
                { layer, _ in
                    layer.eval(); return nil
                }, prepend: true)
        }
        model.train()
        noGrad { _ = model(.ones([2, 3, 8, 8])) }
        #expect(model.bn1.numBatchesTracked!.item(Int.self) == (held ? 0 : 1))
        #expect(model.layer1.stateDict()["0.bn1.num_batches_tracked"]!.item(Int.self) == 1)
    }

    /// Stage i of n learns at lr · decayⁿ⁻¹⁻ⁱ, every learning parameter is in one group, and those of one dimension may be kept from decaying.
    @Test(arguments: ["resnet18", "resnet50", "mobilenet_v2"], [true, false]) func ratesByDepth(_ name: String, _ decayAll: Bool) {
        let model = Self.make(name, classes: 3)
        let stages = model.stages
        model.freeze(model.headPath + ".bias")
        let groups = model.parameterGroups(lr: 0.1, layerDecay: 0.5, weightDecay: 0.05, decayNormAndBias: decayAll)
        let optimizer = AdamW(groups)
        for (i, stage) in stages.enumerated() {
            for parameter in stage.flatMap({ $0.parameters() }) {
                let found = optimizer.paramGroups.filter { $0.parameters.contains { $0 === parameter } }
                guard parameter.requiresGrad else {
                    #expect(found.isEmpty)
                    continue
                }
                let rate = (i + 1..<stages.count).reduce(0.1) { rate, _ in rate * 0.5 }
                #expect(found.count == 1 && found.first?.lr == rate)
                #expect(found.first?.weightDecay == (decayAll || parameter.ndim > 1 ? 0.05 : 0))
            }
        }
        // Other modules: the children that have parameters.
        let plain = Sequential(Linear(2, 3), ReLU(), Linear(3, 1)).parameterGroups(lr: 1, layerDecay: 0.1)
        #expect(plain.map(\.lr) == [0.1, 1] && plain.map(\.parameters.count) == [2, 2])
    }

    // MARK: Where a network looks

    /// Grad-CAM is its definition, with the graph of the whole network: α the mean of the score's slope, max(Σ αA, 0); whatever is frozen, and
    /// gradients of parameters stay as they are.
    @Test(arguments: [nil, 2]) func gradCAMIsItsDefinition(_ label: Int?) throws {
        final class Net: Module {
            let conv1 = Conv2d(2, 5, 3), conv2 = Conv2d(5, 4, 3, padding: 1), fc = Linear(4 * 9, 3)
            override func forward(_ x: Tensor) -> Tensor { fc(F.relu(conv2(F.relu(conv1(x))).square()).flatten(1)) }
        }
        let net = withGenerator(Generator(seed: 5)) { Net() }.eval().double()
        let x = Tensor.randn([2, 2, 5, 5], dtype: .float64, generator: Generator(seed: 6))
        for layer in [net.conv1, net.conv2] {
            net.freeze("conv1", "conv2")
            let map = noGrad { gradCAM(net, layer: layer, input: x, class: label) }
            net.unfreeze()
            #expect(map.shape == [2, 3, 3] && net.parameters().allSatisfy { $0.grad == nil } && layer.stateDict().count == 2)
            for sample in 0..<2 {
                let one = x[sample..<(sample + 1)]
                let a1 = net.conv1(one), a2 = net.conv2(F.relu(a1))
                let scores = net.fc(F.relu(a2.square()).flatten(1))
                let activation = layer === net.conv1 ? a1 : a2
                let chosen = label ?? scores.argmax(dim: 1).item(Int.self)
                let slope = grad(of: scores[0, chosen], withRespectTo: activation)
                let (a, g) = (activation.array(Double.self), slope.array(Double.self))
                let maps = activation.size(1)
                for place in 0..<9 {
                    var sum = 0.0
                    for k in 0..<maps { sum += (0..<9).reduce(0) { $0 + g[9 * k + $1] } / 9 * a[9 * k + place] }
                    #expect(abs(map[sample].flatten()[place].item() - max(sum, 0)) < 1e-12)
                }
            }
        }
        #expect(message { gradCAM(net, layer: Conv2d(1, 1, 1), input: x) }.contains("does not call"))
        #expect(message { gradCAM(net, layer: net.fc, input: x) }.contains("[N, K, h, w]"))
        #expect(message { gradCAM(net, layer: net.conv2, input: x, class: 3) }.contains("the class is 3"))
    }

    /// The largest heat is red, none is blue, and half of the picture shows through.
    @Test func heatOverAPicture() throws {
        let picture = Picture(width: 4, height: 2, channels: 1, pixels: Array(repeating: 100, count: 8))
        let shown = try picture.overlaid(with: Tensor([[0.0, 0.0, 8.0, 8.0]]))
        #expect(shown.channels == 3 && shown.width == 4 && shown.height == 2)
        #expect(shown.pixels[..<3] == [50, 50, 113] && shown.pixels[9..<12] == [113, 50, 50])
        let cold = try picture.overlaid(with: Tensor.zeros([3, 3]))
        #expect(cold.pixels[..<3] == [50, 50, 113] && cold.pixels[21...] == [50, 50, 113])
    }
}
