// expect: extra argument 'sampler' in call
import Apus
let data = TensorDataset(Tensor.zeros([4]))
let loader = DataLoader(data, batchSize: 2, shuffle: true, sampler: RandomSampler(data))
