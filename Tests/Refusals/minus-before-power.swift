// expect: ambiguous use of operator '-'
import Apus

// Swift would read (−x)², Python means −(x²).
func gaussian(_ x: Tensor) -> Tensor { (-x ** 2 / 2).exp() }
