// One network, trained by several processes: mpirun -n 2 Distributed, or alone. Each batch of 256 is cut into 4 shards; 1, 2 and 4 processes
// end with the same bytes, which the last line says.
import Apus

final class Net: Module {
    let conv = Conv2d(1, 8, kernelSize: 3, padding: 1), norm = BatchNorm2d(8), drop = Dropout(0.2), fc = Linear(8 * 7 * 7, 10)

    override func forward(_ x: Tensor) -> Tensor {
        fc(drop(F.maxPool2d(F.relu(norm(conv(x))), kernelSize: 4).flatten(startDim: 1)))
    }
}

let group = try ProcessGroup.world()
let model = try DistributedDataParallel(withGenerator(Generator(seed: 1)) { Net() }, in: group, shards: 4)
let optimizer = try Adam(model.parameters(), lr: 3e-3).sharded(by: model)
let train = try DataLoader(Subset(FashionMNIST(.train), 0..<20480), batchSize: 256, shuffle: true, generator: Generator(seed: 2))
    .sharded(by: model)
for epoch in 1...2 {
    var (sum, steps) = (0.0, 0)
    try train.forEach { batch in
        optimizer.zeroGrad()
        let loss = model.backward(batch) { x, y in F.crossEntropy(model(x), y) }
        try model.clipGradNorm_(optimizer, maxNorm: 1)
        optimizer.step()
        (sum, steps) = (sum + loss.item(), steps + 1)
    }
    if group.isFirst { print("epoch \(epoch): loss \(sum / Double(steps)), \(group.size) processes") }
}

// Each process evaluates a part, and the sums are those of all.
model.eval()
let test = try FashionMNIST(.test)
let own = DataLoader(Subset(test, stride(from: group.rank, to: test.count, by: group.size)), batchSize: 500)
let right = Tensor([0.0, 0.0], dtype: .float64)
inferenceMode {
    for (images, labels) in own {
        right[0] += model(images).argmax(dim: 1).eq(labels).sum().to(.float64)
        right[1] += Double(labels.numel)
    }
}
try group.allReduce(right)
var hash: UInt64 = 14_695_981_039_346_656_037
for value in (model.parameters() + model.buffers()).flatMap({ $0.reshape(-1).array(Double.self) }) {
    hash = (hash ^ value.bitPattern) &* 1_099_511_628_211
}
if group.isFirst {
    print("accuracy \((right[0] / right[1]).item())")
    print("weights \(String(hash, radix: 16))")
}
