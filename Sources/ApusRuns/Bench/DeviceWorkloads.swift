import ApusCore
import ApusNN
import ApusVision

/// Training steps on a device, in batches that fill a large one; `scripts/bench/vs-pytorch --device` measures them.
package enum DeviceWorkloads {
    package enum Precision: String, CaseIterable, Sendable { case float32, tf32, bfloat16 }

    package static let all: [(name: String, input: Shape, model: @Sendable () -> Module)] = [
        ("mlp512", [8192, 784], { Workloads.mlp() }),
        ("cnn64", [1024, 1, 28, 28], { Workloads.cnn() }),
        ("resnet18-train", [256, 3, 64, 64], { ResNet18(inChannels: 3, classes: 10) }),
        ("transformer", [64, 128, 256], { Workloads.Encoder() }),
    ]

    /// The median time of a step on `device`, and the number of steps. Steps are queued ten at a time, then waited for.
    package static func measure(
        _ model: Module, _ input: Shape, _ device: Device, _ precision: Precision, seconds: Double
    ) throws -> (median: Double, runs: Int) {
        let step = step(model, input, device, precision)
        let together = 10
        let (median, runs) = try Workloads.measure(
            {
                for _ in 0..<together { step() }; device.synchronize()
            }, seconds: seconds)
        return (median / Double(together), runs * together)
    }

    /// The times of the kernels of some steps. Many steps run before them, so that frequent shapes have got specialised kernels, and the
    /// device has work queued.
    package static func kernelTimes(
        _ model: Module, _ input: Shape, _ device: Device, _ precision: Precision
    ) throws -> (times: [KernelTime], steps: Int) {
        guard let backend = device.gpu else { throw RunError("\(device) has no kernels of its own") }
        let step = step(model, input, device, precision)
        for _ in 0..<120 { step() }
        let steps = 5
        return (try backend.kernelTimes { for _ in 0..<steps { step() } }, steps)
    }

    private static func step(_ model: Module, _ input: Shape, _ device: Device, _ precision: Precision) -> () -> Void {
        Device.float32MatmulPrecision = precision == .float32 ? .highest : .high
        model.to(device)
        let (x, y) = (Tensor.randn(input, device: device), Tensor.randint(10, [input[0]], device: device))
        return Workloads.step(model.parameters(), x, y) { x in precision == .bfloat16 ? autocast(.bfloat16) { model(x) } : model(x) }
    }
}
