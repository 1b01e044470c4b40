import ApusCore
import ApusData
import ApusFormats
import ApusNN
import ApusOptim
import ApusSystem
import ApusVision

/// The workloads that are compared with PyTorch, written with the public API as a user would write them.
/// `scripts/bench/pytorch_workloads.py` has the same in PyTorch, with the same names.
package enum Workloads {
    /// Prepares a workload and returns the function to measure.
    package typealias Make = @Sendable () throws -> () throws -> Void

    package static let all: [(name: String, make: Make)] = [
        ("gemm512", { product(512) }),
        ("gemm2048", { product(2048) }),
        ("mlp1", { step(mlp(), .randn([1, 784]), labels(1)) }),
        ("mlp64", { step(mlp(), .randn([64, 784]), labels(64)) }),
        ("mlp512", { step(mlp(), .randn([512, 784]), labels(512)) }),
        ("mlp64-adam", { step(mlp(), .randn([64, 784]), labels(64)) { Adam($0) } }),
        ("mlp64-infer", { infer(mlp(), .randn([64, 784])) }),
        ("cnn64", { step(cnn(), .randn([64, 1, 28, 28]), labels(64)) }),
        ("resnet18-train", { step(ResNet18(inChannels: 3, classes: 10), .randn([8, 3, 64, 64]), labels(8)) }),
        ("resnet18-infer", { infer(ResNet18(inChannels: 3, classes: 1000), .randn([1, 3, 224, 224])) }),
        (
            "add8",
            {
                let (a, b) = (Tensor.randn([8], requiresGrad: true), Tensor.randn([8], requiresGrad: true))
                return { _ = a + b }
            }
        ),
        (
            "chain200",
            {
                let (a, b) = (Tensor.randn([8], requiresGrad: true), Tensor.randn([8], requiresGrad: true))
                return {
                    var x = a
                    for _ in 0..<100 { x = x * b + b }
                    x.sum().backward()
                }
            }
        ),
        ("relu4m", { unary { $0.relu() } }),
        ("exp4m", { unary { $0.exp() } }),
        (
            "add4m",
            {
                let (a, b) = (Tensor.randn([1 << 22]), Tensor.randn([1 << 22]))
                return { _ = a + b }
            }
        ),
        ("sum4m", { unary { $0.sum() } }),
        (
            "softmax1k",
            {
                let x = Tensor.randn([1024, 1024])
                return { _ = x.softmax(dim: -1) }
            }
        ),
        ("layernorm", { infer(LayerNorm([768]), .randn([4096, 768]), evaluating: false) }),
        ("batchnorm", { infer(BatchNorm2d(256), .randn([64, 256, 28, 28]), evaluating: false) }),
        (
            "lstm",
            {
                let (lstm, out) = (LSTM(64, 256, batchFirst: true), Linear(256, 10))
                return step(lstm.parameters() + out.parameters(), .randn([32, 64, 64]), labels(32)) { out(lstm($0).0[.all, -1]) }
            }
        ),
        (
            "gru",
            {
                let (gru, out) = (GRU(64, 256, batchFirst: true), Linear(256, 10))
                return step(gru.parameters() + out.parameters(), .randn([32, 64, 64]), labels(32)) { out(gru($0).0[.all, -1]) }
            }
        ),
        ("transformer", { step(Encoder(), .randn([8, 128, 256]), labels(8)) }),
        (
            "loader",
            {
                let loader = DataLoader(TensorDataset(.randn([60000, 784]), labels(60000)), batchSize: 64, shuffle: true)
                return { for _ in loader {} }
            }
        ),
        (
            "mlp-epoch",
            {
                let loader = DataLoader(TensorDataset(.randn([60000, 784]), labels(60000)), batchSize: 64, shuffle: true)
                let model = mlp()
                let optimizer = Adam(model.parameters())
                return {
                    for (images, labels) in loader {
                        optimizer.zeroGrad()
                        F.crossEntropy(model(images), labels).backward()
                        optimizer.step()
                    }
                }
            }
        ),
        ("solve256", { matrices([256, 256]) { _ = Linalg.solve($0, $0) } }),
        ("svd256", { matrices([256, 256]) { _ = Linalg.svd($0) } }),
        ("eigh256", { matrices([256, 256]) { _ = Linalg.eigh($0) } }),
        ("solve8x1000", { matrices([1000, 8, 8]) { _ = Linalg.solve($0, $0) } }),
        ("svd8x1000", { matrices([1000, 8, 8]) { _ = Linalg.svd($0) } }),
        ("eigh8x1000", { matrices([1000, 8, 8]) { _ = Linalg.eigh($0) } }),
    ]

    /// Symmetric matrices.
    private static func matrices(_ shape: Shape, _ f: @escaping (Tensor) -> Void) -> () -> Void {
        let a = Tensor.randn(shape)
        let symmetric = a + a.mT
        return { f(symmetric) }
    }

    private static func labels(_ count: Int) -> Tensor { Tensor.randint(10, [count]) }

    private static func product(_ n: Int) -> () -> Void {
        let (a, b) = (Tensor.randn([n, n]), Tensor.randn([n, n]))
        return { _ = a.mm(b.t()) }
    }

    private static func unary(_ f: @escaping (Tensor) -> Tensor) -> () -> Void {
        let x = Tensor.randn([1 << 22])
        return { _ = f(x) }
    }

    package static func mlp() -> Sequential { Sequential(Linear(784, 256), ReLU(), Linear(256, 10)) }

    static func cnn() -> Sequential {
        Sequential(
            Conv2d(1, 32, kernelSize: 3, padding: 1), ReLU(), MaxPool2d(kernelSize: 2), Conv2d(32, 64, kernelSize: 3, padding: 1), ReLU(),
            MaxPool2d(kernelSize: 2),
            Flatten(), Linear(3136, 128), ReLU(), Linear(128, 10))
    }

    /// A training step with SGD and momentum 0.9, or with the optimizer that `optimizer` makes.
    package static func step(
        _ model: Module, _ x: Tensor, _ y: Tensor, _ optimizer: ([Parameter]) -> Optimizer = { SGD($0, lr: 0.01, momentum: 0.9) }
    ) -> () -> Void {
        step(model.parameters(), x, y, optimizer) { model($0) }
    }

    package static func step(
        _ parameters: [Parameter], _ x: Tensor, _ y: Tensor, _ optimizer: ([Parameter]) -> Optimizer = { SGD($0, lr: 0.01, momentum: 0.9) },
        loss: @escaping (Tensor, Tensor) -> Tensor = { F.crossEntropy($0, $1) }, forward: @escaping (Tensor) -> Tensor
    ) -> () -> Void {
        let optimizer = optimizer(parameters)
        return {
            optimizer.zeroGrad()
            loss(forward(x), y).backward()
            optimizer.step()
        }
    }

    /// Four transformer layers, and scores computed from the mean of their outputs.
    final class Encoder: Module {
        let layers = TransformerEncoder(TransformerEncoderLayer(256, 4, dimFeedforward: 1024, dropout: 0.1, batchFirst: true), 4)
        let out = Linear(256, 10)
        override func forward(_ x: Tensor) -> Tensor { out(layers(x).mean(dim: 1)) }
    }

    private static func infer(_ model: Module, _ x: Tensor, evaluating: Bool = true) -> () -> Void {
        if evaluating { model.eval() }
        return { _ = noGrad { model(x) } }
    }

    /// One training step, and nothing else.
    package static func start() { step(mlp(), .randn([64, 784]), .randint(10, [64]))() }

    /// The median time in which a picture of a folder of classes becomes 224 × 224: one after the other, or where `workers` are given
    /// mirrored at random in batches of 32.
    package static func measurePictures(
        in folder: String, _ decoding: Picture.Decoding, workers: Int?, seconds: Double
    ) throws -> (median: Double, runs: Int) {
        let transform = Compose {
            Resize([224, 224])
            if workers != nil { RandomHorizontalFlip() }
            ToTensor()
        }
        let data = try ImageFolder(folder, decoding: decoding, transform: transform)
        let loader = DataLoader(data, batchSize: 32, shuffle: true, workers: workers ?? 1)
        func epoch() throws {
            if workers == nil { for i in 0..<data.count { _ = try data[i] } } else { try loader.forEach { _ in } }
        }
        let (median, runs) = try measure(epoch, seconds: seconds, warmUp: 1)
        return (median / Double(data.count), runs)
    }

    /// The median time of a run: after warming up, as many runs as fit into `seconds`, but at least `least`. Runs shorter than 20 µs are
    /// timed several at once, so that reading the clock does not matter.
    package static func measure(
        _ run: () throws -> Void, seconds: Double, warmUp: Int = 3, least: Int = 5
    ) throws -> (median: Double, runs: Int) {
        func time(_ count: Int) throws -> Double {
            let before = monotonicSeconds()
            for _ in 0..<count { try run() }
            return monotonicSeconds() - before
        }
        _ = try time(warmUp)
        var together = 1
        while together < 1 << 10, try time(together) < 20e-6 { together *= 2 }
        var times: [Double] = []
        let start = monotonicSeconds()
        while times.count < least || monotonicSeconds() - start < seconds { times.append(try time(together) / Double(together)) }
        times.sort()
        return (times[times.count / 2], times.count * together)
    }
}
