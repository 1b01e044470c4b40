// expect: a comparison of tensors is a mask: take .all().item() or .any().item(), or equal(_:)
import Apus

func isLarge(_ x: Tensor) -> Bool {
    if x.abs().max() > 10 { return true }
    return false
}
