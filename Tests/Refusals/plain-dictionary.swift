// expect: a Dictionary has no order
import Apus
let layers: [String: Module] = ["a": Linear(2, 3), "b": ReLU()]
let net = Sequential(layers)
