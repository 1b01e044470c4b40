import ApusCore
import ApusNN

/// Two 3×3 convolutions with a residual connection (He et al., 2015, https://arxiv.org/abs/1512.03385).
/// PyTorch: `torchvision.models.resnet.BasicBlock`, with its names.
public final class BasicBlock: Module {
    /// The first convolution.
    public var conv1: Conv2d
    /// The normalisation after the first convolution.
    public var bn1: BatchNorm2d
    /// The second convolution.
    public var conv2: Conv2d
    /// The normalisation after the second convolution.
    public var bn2: BatchNorm2d
    /// Changes the input to the output's shape where they differ.
    public var downsample: Sequential?

    /// From `inChannels` to `outChannels`; height and width are divided by `stride`.
    public init(_ inChannels: Int, _ outChannels: Int, stride: Int = 1) {
        conv1 = Conv2d(inChannels, outChannels, kernelSize: 3, stride: stride, padding: 1, bias: false)
        bn1 = BatchNorm2d(outChannels)
        conv2 = Conv2d(outChannels, outChannels, kernelSize: 3, padding: 1, bias: false)
        bn2 = BatchNorm2d(outChannels)
        if stride == 1 && inChannels == outChannels {
            downsample = nil
        } else {
            downsample = Sequential(
                Conv2d(inChannels, outChannels, kernelSize: 1, stride: stride, padding: 0, bias: false), BatchNorm2d(outChannels))
        }
    }

    public override func forward(_ x: Tensor) -> Tensor {
        let y = bn2(conv2(F.relu(bn1(conv1(x)))))
        return F.relu(y + (downsample?(x) ?? x))
    }
}

/// ResNet-18: a stem, four stages of two blocks with 64, 128, 256 and 512 channels, global average pooling and a linear layer.
/// PyTorch: `torchvision.models.resnet18`, with the same keys, so that its weights can be loaded if the stem is the same.
///
/// The stem is ImageNet's (7×7, stride 2, then MaxPool 3×3, stride 2), or with `smallImages`, such as CIFAR's, only a 3×3 convolution.
public final class ResNet18: Module {
    /// The first convolution.
    public var conv1: Conv2d
    /// The normalisation after the first convolution.
    public var bn1: BatchNorm2d
    /// The first stage of blocks.
    public var layer1: Sequential
    /// The second stage of blocks.
    public var layer2: Sequential
    /// The third stage of blocks.
    public var layer3: Sequential
    /// The fourth stage of blocks.
    public var layer4: Sequential
    /// The linear layer whose outputs are the scores.
    public var fc: Linear
    private let isSmall: Bool

    /// Initialised as in torchvision: convolutions from N(0, 2 / fan_out), normalisation with weight 1 and bias 0.
    public init(inChannels: Int = 3, classes: Int = 1000, smallImages: Bool = false) {
        isSmall = smallImages
        conv1 =
            smallImages
            ? Conv2d(inChannels, 64, kernelSize: 3, padding: 1, bias: false)
            : Conv2d(inChannels, 64, kernelSize: 7, stride: 2, padding: 3, bias: false)
        bn1 = BatchNorm2d(64)
        layer1 = Sequential(BasicBlock(64, 64), BasicBlock(64, 64))
        layer2 = Sequential(BasicBlock(64, 128, stride: 2), BasicBlock(128, 128))
        layer3 = Sequential(BasicBlock(128, 256, stride: 2), BasicBlock(256, 256))
        layer4 = Sequential(BasicBlock(256, 512, stride: 2), BasicBlock(512, 512))
        fc = Linear(512, classes)
        super.init()
        for (_, module) in namedModules() {
            if let convolution = module as? Conv2d { Init.kaimingNormal_(convolution.weight, mode: .fanOut, nonlinearity: .relu) }
        }
    }

    public override func forward(_ x: Tensor) -> Tensor {
        var x = F.relu(bn1(conv1(x)))
        if !isSmall { x = F.maxPool2d(x, kernelSize: 3, stride: 2, padding: 1) }
        x = layer4(layer3(layer2(layer1(x))))
        return fc(x.mean(dim: [2, 3]))
    }
}
