/// Functions on tensors that layers are made of: `F.relu(x)`, `F.crossEntropy(scores, labels)`. PyTorch: `torch.nn.functional`.
///
/// Modules call these; nothing is written twice. Each family is an extension in a file of its own.
public enum F {}
