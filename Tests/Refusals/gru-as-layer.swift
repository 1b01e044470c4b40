// expect: GRU returns outputs and hidden states: let (output, hidden) = gru(x)
import Apus
let gru = GRU(4, 8)
let y: Tensor = gru(Tensor.zeros([5, 1, 4]))
