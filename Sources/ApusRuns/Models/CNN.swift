import ApusCore
import ApusNN
import ApusVision

/// Two convolutions and two linear layers: the model `cnn` of the command line, 0.916 on Fashion-MNIST after 5 epochs.
///
/// [N, C, H, W] → (Conv2d 3×3 → ReLU → MaxPool2d 2) twice, with 16 and 32 channels → Linear(…, 128) → ReLU → Linear(128, classes)
public final class CNN: Module, ImageClassifier {
    /// The first convolution.
    public var conv1: Conv2d
    /// The second convolution.
    public var conv2: Conv2d
    /// The first linear layer.
    public var fc1: Linear
    /// The second linear layer, whose outputs are the scores.
    public var fc2: Linear

    /// For images of `height` × `width` pixels, both at least 4.
    public init(inChannels: Int = 1, height: Int = 28, width: Int = 28, classes: Int = 10) {
        conv1 = Conv2d(inChannels, 16, kernelSize: 3, padding: 1)
        conv2 = Conv2d(16, 32, kernelSize: 3, padding: 1)
        fc1 = Linear(32 * (height / 4) * (width / 4), 128)
        fc2 = Linear(128, classes)
    }

    public override func forward(_ x: Tensor) -> Tensor {
        var x = F.maxPool2d(F.relu(conv1(x)), kernelSize: 2)
        x = F.maxPool2d(F.relu(conv2(x)), kernelSize: 2)
        return fc2(F.relu(fc1(x.flatten(startDim: 1))))
    }

    /// The linear layer `fc2`.
    public var head: Linear {
        get { fc2 }
        set { fc2 = newValue }
    }
}
