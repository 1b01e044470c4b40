// expect: LSTM returns outputs and states
import Apus
let lstm = LSTM(4, 8)
let y: Tensor = lstm(Tensor.zeros([5, 1, 4]))
