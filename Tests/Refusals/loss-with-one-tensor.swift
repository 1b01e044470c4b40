// expect: missing argument for parameter #2
import Apus
let criterion = CrossEntropyLoss()
let loss = criterion(Tensor.zeros([5, 4]))
