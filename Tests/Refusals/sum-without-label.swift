// expect: missing argument label 'dim:' in call
import Apus
func rows(_ x: Tensor) -> Tensor { x.sum(1) }
