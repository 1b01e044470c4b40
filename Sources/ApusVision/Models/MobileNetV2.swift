import ApusCore
import ApusNN

/// A convolution without bias, a normalisation, and min(max(x, 0), 6). PyTorch: `torchvision.ops.Conv2dNormActivation` with `ReLU6`.
private func convolution(_ inChannels: Int, _ outChannels: Int, kernelSize: Int, stride: Int = 1, groups: Int = 1) -> Sequential {
    Sequential(
        Conv2d(
            inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: (kernelSize - 1) / 2, groups: groups, bias: false),
        BatchNorm2d(outChannels), ReLU6())
}

/// A 1×1 convolution to more channels, a depthwise 3×3 convolution, and a 1×1 convolution to `outChannels` without activation; the input is
/// added if the shapes are the same. PyTorch: `torchvision.models.mobilenetv2.InvertedResidual`.
public final class InvertedResidual: Module {
    /// The convolutions and normalisations.
    public var conv: Sequential
    private let isResidual: Bool

    /// With `expansion · inChannels` channels in between; height and width are divided by `stride`.
    public init(_ inChannels: Int, _ outChannels: Int, stride: Int, expansion: Int) {
        let hidden = inChannels * expansion
        conv = Sequential(
            (expansion == 1 ? [] : [convolution(inChannels, hidden, kernelSize: 1)]) + [
                convolution(hidden, hidden, kernelSize: 3, stride: stride, groups: hidden),
                Conv2d(hidden, outChannels, kernelSize: 1, bias: false), BatchNorm2d(outChannels),
            ])
        isResidual = stride == 1 && inChannels == outChannels
    }

    public override func forward(_ x: Tensor) -> Tensor { isResidual ? x + conv(x) : conv(x) }
}

/// A network with few multiplications: 17 blocks of depthwise convolutions between narrow layers (Sandler et al., 2018,
/// https://arxiv.org/abs/1801.04381): [N, C, H, W] → [N, classes]. PyTorch: `torchvision.models.MobileNetV2`, with the same keys.
public final class MobileNetV2: Module, ImageClassifier {
    /// The convolutions, which divide height and width by 32.
    public var features: Sequential
    /// Dropout and the linear layer whose outputs are the scores.
    public var classifier: Sequential

    /// Initialised as in torchvision: convolutions from N(0, 2 / fan_out), normalisation with weight 1 and bias 0, the linear layer from
    /// N(0, 0.01²) with bias 0.
    public init(inChannels: Int = 3, classes: Int = 1000, dropout: Double = 0.2) {
        features = Sequential(convolution(inChannels, 32, kernelSize: 3, stride: 2))
        var width = 32
        // Table 2 of the paper: expansion, channels, number of blocks, stride of the first.
        for (expansion, channels, count, stride) in [
            (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
        ] {
            for number in 0..<count {
                features.append(InvertedResidual(width, channels, stride: number == 0 ? stride : 1, expansion: expansion))
                width = channels
            }
        }
        features.append(convolution(width, 1280, kernelSize: 1))
        classifier = Sequential(Dropout(dropout), Linear(1280, classes))
        super.init()
        for module in modules() {
            if let convolution = module as? Conv2d { Init.kaimingNormal_(convolution.weight, mode: .fanOut, nonlinearity: .relu) }
        }
        Init.normal_(head.weight, std: 0.01)
        head.bias.map { _ = Init.zeros_($0) }
    }

    public override func forward(_ x: Tensor) -> Tensor { classifier(features(x).mean(dim: [2, 3])) }

    /// The last layer of `classifier`, which must be linear.
    public var head: Linear {
        get {
            guard let head = classifier.last as? Linear else {
                trap("MobileNetV2", "classifier ends with \(classifier), not with a Linear")
            }
            return head
        }
        set { classifier[-1] = newValue }
    }

    /// The first convolution, each block, the last convolution, the head.
    public var stages: [[Module]] { features.map { [$0] } + [[classifier]] }
}

/// MobileNetV2: 3.5 million parameters with 1,000 classes. PyTorch: `torchvision.models.mobilenet_v2`.
public func mobilenetV2(inChannels: Int = 3, classes: Int = 1000, dropout: Double = 0.2) -> MobileNetV2 {
    MobileNetV2(inChannels: inChannels, classes: classes, dropout: dropout)
}
