// expect: extra argument 'batchSampler' in call
import Apus
let data = TensorDataset(Tensor.zeros([4]))
let loader = DataLoader(data, batchSize: 2, batchSampler: BatchSampler(RandomSampler(data), batchSize: 2))
