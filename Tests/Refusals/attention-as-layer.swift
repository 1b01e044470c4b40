// expect: MultiheadAttention takes query, key and value: let (output, weights) = attention(q, k, v)
import Apus
let attention = MultiheadAttention(8, 2)
let y: Tensor = attention(Tensor.zeros([5, 1, 8]))
