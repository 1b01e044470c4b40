import Apus
import ArgumentParser

/// Training steps on a device, in batches that fill a large one: what `scripts/bench-vs-pytorch --device` measures.
enum DeviceWorkloads {
    enum Precision: String, ExpressibleByArgument, CaseIterable { case float32, tf32, bfloat16 }

    static let names = ["mlp512", "cnn64", "resnet18-train", "transformer"]
    /// Steps from one wait to the next.
    static let together = 10

    /// A step of that name; from then on products of float32 are as `precision` says.
    static func make(_ name: String, _ device: Device, _ precision: Precision) -> () -> Void {
        Device.float32MatmulPrecision = precision == .float32 ? .highest : .high
        let (model, input): (Module, Shape) = switch name {
        case "mlp512": (Workloads.mlp(), [8192, 784])
        case "cnn64": (Workloads.cnn(), [1024, 1, 28, 28])
        case "resnet18-train": (ResNet18(inChannels: 3, classes: 10), [256, 3, 64, 64])
        default: (Workloads.Encoder(), [64, 128, 256])
        }
        model.to(device)
        let (x, y) = (Tensor.randn(input, device: device), Tensor.randint(10, [input[0]], device: device))
        return Workloads.step(model.parameters(), x, y) { x in
            precision == .bfloat16 ? autocast(.bfloat16) { model(x) } : model(x)
        }
    }
}
