// expect: a loss compares two tensors
import Apus
let criterion = CrossEntropyLoss()
let loss = criterion(Tensor.zeros([5, 4]))
