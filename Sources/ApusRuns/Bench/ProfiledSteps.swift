import ApusCore
import ApusNN
import ApusOptim
import ApusTraining

extension RunOptions {
    /// The profile of training steps of `network` with the optimizer of the options, on random images and labels. Three steps warm up; on a
    /// device as many more say what its kernels took.
    package func profile(
        _ network: Module, input: [Int], classes: Int, steps: Int, on device: Device
    ) throws -> (Profile, [KernelTime]) {
        let images = Tensor.randn(Shape([batchSize] + input), device: device)
        let labels = Tensor.randint(classes, [batchSize], device: device)
        let criterion = CrossEntropyLoss()
        // A loss that is a module has a row of its own.
        let step = Workloads.step(
            network.parameters(), images, labels, { optimizer.make($0, lr: rate) }, loss: { criterion($0, $1) }, forward: { network($0) })
        return try checked {
            for _ in 0..<3 { step() }
            let profile = Profile(of: network, steps: steps, step)
            return (profile, try device.gpu?.kernelTimes { for _ in 0..<steps { step() } } ?? [])
        }
    }
}
