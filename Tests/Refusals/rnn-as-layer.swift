// expect: RNN returns outputs and hidden states: let (output, hidden) = rnn(x)
import Apus
let rnn = RNN(4, 8)
let y: Tensor = rnn(Tensor.zeros([5, 1, 4]))
