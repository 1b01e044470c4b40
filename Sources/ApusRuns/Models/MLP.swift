import ApusCore
import ApusNN
import ApusVision

/// Two linear layers with a ReLU between them: the model `mlp` of the command line.
///
/// [N, …] → flatten → Linear(inFeatures, hidden) → ReLU → Linear(hidden, classes) → [N, classes]
public final class MLP: Module, ImageClassifier {
    /// The first linear layer.
    public var fc1: Linear
    /// The second linear layer, whose outputs are the scores.
    public var fc2: Linear

    /// For images with `inFeatures` values.
    public init(inFeatures: Int = 784, hidden: Int = 256, classes: Int = 10) {
        fc1 = Linear(inFeatures, hidden)
        fc2 = Linear(hidden, classes)
    }

    public override func forward(_ x: Tensor) -> Tensor { fc2(F.relu(fc1(x.flatten(startDim: 1)))) }

    /// The linear layer `fc2`.
    public var head: Linear {
        get { fc2 }
        set { fc2 = newValue }
    }
}
