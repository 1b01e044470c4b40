/// Functions on tensors that layers are made of: `F.relu(x)`, `F.crossEntropy(scores, labels)`. PyTorch: `torch.nn.functional`.
///
/// Layers call these functions. Each family is an extension in its own file.
public enum F {}
