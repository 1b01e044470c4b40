import ApusCore
import ApusData
import ApusDistributed
import ApusNN
import ApusOptim
import ApusSystem

/// Trains a small network with batch normalisation and dropout for some steps, and returns a hash of its weights and buffers.
func learn(in group: ProcessGroup, on device: Device, shards: Int, sharesSteps: Bool) throws -> UInt64 {
    let net = withGenerator(Generator(seed: 1)) {
        Sequential(Linear(7, 33), BatchNorm1d(33), ReLU(), Dropout(0.3), Linear(33, 5))
    }
    net.to(device)
    // Buckets of a few hundred bytes, so that there are several.
    let model = try DistributedDataParallel(net, in: group, shards: shards, bucketBytes: 700)
    let optimizer = Adam(net.parameters(), lr: 0.01)
    if sharesSteps { try optimizer.sharded(by: model) }
    let generator = Generator(seed: 2)
    let data = TensorDataset(Tensor.randn([48, 7], generator: generator), Tensor.randint(0, 5, [48], generator: generator))
    for batch in DataLoader(data, batchSize: 16, shuffle: true, generator: Generator(seed: 3)).sharded(by: model) {
        optimizer.zeroGrad()
        model.backward(batch) { x, y in F.crossEntropy(net(x.to(device)), y.to(device)) }
        try model.clipGradNorm_(optimizer, maxNorm: 0.5)
        optimizer.step()
    }
    var hash = Checksum()
    for tensor in net.parameters() + net.buffers() { tensor.detach().bytes().withUnsafeBytes { hash.update($0) } }
    return hash.value
}
