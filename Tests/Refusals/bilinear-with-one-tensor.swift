// expect: Bilinear takes two inputs: bilinear(x1, x2)
import Apus
let bilinear = Bilinear(2, 2, 3)
let y = bilinear(Tensor.zeros([5, 2]))
