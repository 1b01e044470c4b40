import ApusCore

/// sin(0.37·i) in row-major order, in float64: the inputs that the recorded answers of PyTorch were computed from
/// (`(torch.arange(n, dtype=torch.float64) * 0.37).sin()`).
func wave(_ shape: Shape) -> Tensor { (Tensor.arange(shape.numel).to(.float64) * 0.37).sin().reshape(shape) }
