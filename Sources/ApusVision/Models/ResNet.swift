import ApusCore
import ApusNN

/// A block of a ``ResNet``: convolutions, and a residual connection that adds the block's input to their output.
public protocol ResidualBlock: Module {
    /// The number of output channels per channel of `channels`.
    static var expansion: Int { get }

    /// From `inChannels` to `channels · expansion`; height and width are divided by `stride`.
    init(_ inChannels: Int, _ channels: Int, stride: Int)
}

extension ResidualBlock {
    /// Projects the input to the output's shape: a 1×1 convolution and a normalisation; nil if the shapes are the same.
    static func makeDownsample(_ inChannels: Int, _ channels: Int, stride: Int) -> Sequential? {
        let outChannels = channels * expansion
        return stride == 1 && inChannels == outChannels
            ? nil
            : Sequential(Conv2d(inChannels, outChannels, kernelSize: 1, stride: stride, padding: 0, bias: false), BatchNorm2d(outChannels))
    }
}

/// Two 3×3 convolutions with a residual connection (He et al., 2015, https://arxiv.org/abs/1512.03385).
/// PyTorch: `torchvision.models.resnet.BasicBlock`, with its names.
public final class BasicBlock: Module, ResidualBlock {
    /// One output channel per channel of `channels`.
    public static let expansion = 1

    /// The first convolution.
    public var conv1: Conv2d
    /// The normalisation after the first convolution.
    public var bn1: BatchNorm2d
    /// The second convolution.
    public var conv2: Conv2d
    /// The normalisation after the second convolution.
    public var bn2: BatchNorm2d
    /// Projects the input to the output's shape if they differ.
    public var downsample: Sequential?

    /// From `inChannels` to `outChannels`; height and width are divided by `stride`.
    public init(_ inChannels: Int, _ outChannels: Int, stride: Int = 1) {
        conv1 = Conv2d(inChannels, outChannels, kernelSize: 3, stride: stride, padding: 1, bias: false)
        bn1 = BatchNorm2d(outChannels)
        conv2 = Conv2d(outChannels, outChannels, kernelSize: 3, padding: 1, bias: false)
        bn2 = BatchNorm2d(outChannels)
        downsample = Self.makeDownsample(inChannels, outChannels, stride: stride)
    }

    public override func forward(_ x: Tensor) -> Tensor {
        let y = bn2(conv2(F.relu(bn1(conv1(x)))))
        return F.relu(y + (downsample?(x) ?? x))
    }
}

/// A 1×1 convolution to fewer channels, a 3×3 convolution with the stride, and a 1×1 convolution to four times as many channels, with a
/// residual connection (He et al., 2015). PyTorch: `torchvision.models.resnet.Bottleneck`, with its names.
public final class Bottleneck: Module, ResidualBlock {
    /// Four output channels per channel of `channels`.
    public static let expansion = 4

    /// The convolution to `channels` channels.
    public var conv1: Conv2d
    /// The normalisation after the first convolution.
    public var bn1: BatchNorm2d
    /// The 3×3 convolution.
    public var conv2: Conv2d
    /// The normalisation after the second convolution.
    public var bn2: BatchNorm2d
    /// The convolution to `4·channels` channels.
    public var conv3: Conv2d
    /// The normalisation after the third convolution.
    public var bn3: BatchNorm2d
    /// Projects the input to the output's shape if they differ.
    public var downsample: Sequential?

    /// From `inChannels` to `4·channels`; height and width are divided by `stride`.
    public init(_ inChannels: Int, _ channels: Int, stride: Int = 1) {
        conv1 = Conv2d(inChannels, channels, kernelSize: 1, bias: false)
        bn1 = BatchNorm2d(channels)
        conv2 = Conv2d(channels, channels, kernelSize: 3, stride: stride, padding: 1, bias: false)
        bn2 = BatchNorm2d(channels)
        conv3 = Conv2d(channels, channels * Self.expansion, kernelSize: 1, bias: false)
        bn3 = BatchNorm2d(channels * Self.expansion)
        downsample = Self.makeDownsample(inChannels, channels, stride: stride)
    }

    public override func forward(_ x: Tensor) -> Tensor {
        let y = bn3(conv3(F.relu(bn2(conv2(F.relu(bn1(conv1(x))))))))
        return F.relu(y + (downsample?(x) ?? x))
    }
}

/// A stem, four stages of residual blocks with 64, 128, 256 and 512 channels, global average pooling and a linear layer (He et al., 2015,
/// https://arxiv.org/abs/1512.03385): [N, C, H, W] → [N, classes]. PyTorch: `torchvision.models.ResNet`, with the same keys.
///
/// The stem is that for ImageNet (7×7, stride 2, then MaxPool 3×3, stride 2), or with `smallImages`, such as those of CIFAR, a single 3×3
/// convolution. ``resnet18(inChannels:classes:smallImages:)`` and its siblings make the standard networks.
public class ResNet: Module, ImageClassifier {
    /// The first convolution.
    public final var conv1: Conv2d
    /// The normalisation after the first convolution.
    public final var bn1: BatchNorm2d
    /// The first stage of blocks.
    public final var layer1: Sequential
    /// The second stage of blocks.
    public final var layer2: Sequential
    /// The third stage of blocks.
    public final var layer3: Sequential
    /// The fourth stage of blocks.
    public final var layer4: Sequential
    /// The linear layer whose outputs are the scores.
    public final var fc: Linear
    private let isSmall: Bool

    /// `layers` are the numbers of blocks of the four stages.
    ///
    /// Initialised as in torchvision: convolutions from N(0, 2 / fan_out), normalisation with weight 1 and bias 0.
    public init(
        _ block: any ResidualBlock.Type, _ layers: [Int], inChannels: Int = 3, classes: Int = 1000, smallImages: Bool = false
    ) {
        let isRight = layers.count == 4 && layers.allSatisfy { $0 >= 1 }
        if !isRight { fail("ResNet", "the numbers of blocks are \(layers); wanted are four of at least 1") }
        isSmall = smallImages
        conv1 =
            smallImages
            ? Conv2d(inChannels, 64, kernelSize: 3, padding: 1, bias: false)
            : Conv2d(inChannels, 64, kernelSize: 7, stride: 2, padding: 3, bias: false)
        bn1 = BatchNorm2d(64)
        var width = 64
        func stage(_ index: Int) -> Sequential {
            let channels = 64 << index
            return Sequential(
                (0..<(isRight ? layers[index] : 1)).map { number in
                    defer { width = channels * block.expansion }
                    return block.init(width, channels, stride: index > 0 && number == 0 ? 2 : 1)
                })
        }
        layer1 = stage(0)
        layer2 = stage(1)
        layer3 = stage(2)
        layer4 = stage(3)
        fc = Linear(width, classes)
        super.init()
        for module in modules() {
            if let convolution = module as? Conv2d { Init.kaimingNormal_(convolution.weight, mode: .fanOut, nonlinearity: .relu) }
        }
    }

    public override func forward(_ x: Tensor) -> Tensor {
        var x = F.relu(bn1(conv1(x)))
        if !isSmall { x = F.maxPool2d(x, kernelSize: 3, stride: 2, padding: 1) }
        x = layer4(layer3(layer2(layer1(x))))
        return fc(x.mean(dim: [2, 3]))
    }

    /// The linear layer `fc`.
    public final var head: Linear {
        get { fc }
        set { fc = newValue }
    }

    /// The stem, each block, the head.
    public final var stages: [[Module]] { [[conv1, bn1]] + [layer1, layer2, layer3, layer4].joined().map { [$0] } + [[fc]] }
}

/// ResNet-18 as a class of its own, which ``resnet18(inChannels:classes:smallImages:)`` returns.
public final class ResNet18: ResNet {
    /// Two blocks per stage, 11.7 million parameters with 1,000 classes.
    public init(inChannels: Int = 3, classes: Int = 1000, smallImages: Bool = false) {
        super.init(BasicBlock.self, [2, 2, 2, 2], inChannels: inChannels, classes: classes, smallImages: smallImages)
    }
}

/// ResNet-18: 11.7 million parameters with 1,000 classes. PyTorch: `torchvision.models.resnet18`.
public func resnet18(inChannels: Int = 3, classes: Int = 1000, smallImages: Bool = false) -> ResNet {
    ResNet18(inChannels: inChannels, classes: classes, smallImages: smallImages)
}

/// ResNet-34: 21.8 million parameters with 1,000 classes. PyTorch: `torchvision.models.resnet34`.
public func resnet34(inChannels: Int = 3, classes: Int = 1000, smallImages: Bool = false) -> ResNet {
    ResNet(BasicBlock.self, [3, 4, 6, 3], inChannels: inChannels, classes: classes, smallImages: smallImages)
}

/// ResNet-50: 25.6 million parameters with 1,000 classes. PyTorch: `torchvision.models.resnet50`.
public func resnet50(inChannels: Int = 3, classes: Int = 1000, smallImages: Bool = false) -> ResNet {
    ResNet(Bottleneck.self, [3, 4, 6, 3], inChannels: inChannels, classes: classes, smallImages: smallImages)
}
