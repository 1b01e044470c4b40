// expect: this is the module itself: call it with a tensor, model(x)
import Apus

func residual(_ model: Sequential, _ x: Tensor) -> Tensor { x + model * x }
