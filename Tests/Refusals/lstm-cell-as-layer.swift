// expect: LSTMCell returns hidden and cell state: let (h, c) = cell(x)
import Apus
let cell = LSTMCell(4, 8)
let y: Tensor = cell(Tensor.zeros([5, 4]))
