import ApusCore
import ApusNN
import ApusOptim
import ApusSystem
import TestSupport
import Testing

/// Properties of every tested device with its own memory: order, waits, launches, memory, errors.
@Suite(.serialized) struct DeviceTests {
    static let devices = Device.tested.filter { !$0.sharesHostMemory }

    // MARK: Names

    @Test func names() {
        #expect(Device("opencl:1") == .opencl(1) && Device("opencl") == .opencl(0) && Device("cuda:0") == .cuda(0) && Device("cpu") == .cpu)
        for wrong in ["", "gpu", "cpu:0", "opencl:", "opencl:-1", "opencl:0:1", "cuda:x"] { #expect(Device(wrong) == nil, "\(wrong)") }
        #expect(Device.all.first == .cpu && Device.all.contains(.opencl(0)) && Device.all.contains(.cuda(0)))
    }

    @Test func oneThatIsMissingSaysWhy() {
        let missing = Device.opencl(99)
        #expect(!missing.isAvailable)
        #expect(throws: OpError.self) { try checked { _ = Tensor.zeros([2], device: missing) } }
        do {
            try checked { _ = Tensor.ones([2]).to(missing) }
            Issue.record("a tensor was made on \(missing)")
        } catch { #expect("\(error)".contains("opencl:99 is not available")) }
    }

    // MARK: Chains of pointwise work

    /// A chain equals its steps one by one, however often it is repeated: at the fourth time it gets its own kernel.
    @Test(arguments: devices) func chains(_ device: Device) {
        var samples = Samples(seed: 77)
        for dtype in [DType.float32, .float16, .bfloat16, .float64, .int32] {
            let (a, b) = (samples.tensor([37, 12], dtype), samples.tensor([37, 12], dtype))
            let row = samples.tensor([12], dtype)
            func compute(_ a: Tensor, _ b: Tensor, _ row: Tensor) -> Tensor {
                let sum = (a + b) * 3 - a
                let other = Tensor.where(sum.gt(b), sum, a * b) + row
                return (other + other.t().t()).neg().relu() - a
            }
            let expected = noGrad { compute(a, b, row) }
            for round in 0..<6 {
                let found = noGrad { compute(moved(a, to: device), moved(b, to: device), moved(row, to: device)) }
                expectClose(found, expected, rtol: 8 * dtype.epsilon, atol: 64 * dtype.epsilon, "\(dtype), round \(round)")
            }
        }
    }

    /// In-place changes of views of one storage happen in the order of the calls.
    @Test(arguments: devices) func changesInPlaceKeepTheirOrder(_ device: Device) {
        for _ in 0..<6 {
            let x = Tensor.arange(12, dtype: .float32, device: device).reshape([3, 4])
            x.add_(1)
            x[0].mul_(10)
            x.t()[1].add_(x.t()[0])
            x[1...2].sub_(x[0..<2].clone())
            let y = Tensor.arange(12, dtype: .float32).reshape([3, 4])
            y.add_(1)
            y[0].mul_(10)
            y.t()[1].add_(y.t()[0])
            y[1...2].sub_(y[0..<2].clone())
            expectClose(x, y.array(Double.self), rtol: 0, atol: 0)
        }
    }

    // MARK: A training step

    /// A step of a small network never waits, and launches at most 30 kernels once its chains are compiled. In its own process, where no
    /// other test's work is counted.
    @Test(arguments: devices) func aTrainingStepWaitsForNothing(_ device: Device) async {
        await #expect(processExitsWith: .success) { [name = device.description as String] in
            let device = try #require(Device(name))
            let backend = try #require(device.gpu)
            let model = Sequential(Linear(784, 256), ReLU(), Linear(256, 10)).to(device)
            let optimizer = SGD(model.parameters(), lr: 0.1, momentum: 0.9)
            let (images, labels) = (Tensor.randn([64, 784], device: device), Tensor.randint(10, [64], device: device))
            var losses: [Tensor] = []
            func step() {
                let loss = F.crossEntropy(model(images), labels)
                optimizer.zeroGrad()
                loss.backward()
                optimizer.step()
                losses.append(loss.detach())
            }
            for _ in 0..<8 { step() }
            device.synchronize()
            let (launches, waits) = (backend.launches, backend.waits)
            for _ in 0..<10 { step() }
            #expect(backend.waits == waits)
            let perStep = Double(backend.launches - launches) / 10
            #expect(perStep <= 30, "\(perStep) launches a step")
            #expect(losses.last!.item() < losses[0].item())
        }
    }

    /// `KernelTimes` counts each launch by name within its scope, and none afterwards. In its own process.
    @Test(arguments: devices) func kernelsAreTimedByName(_ device: Device) async {
        await #expect(processExitsWith: .success) { [name = device.description as String] in
            let device = try #require(Device(name))
            let backend = try #require(device.gpu)
            let (a, b) = (Tensor.randn([32, 48], device: device), Tensor.randn([48, 16], device: device))
            func work() { for _ in 0..<6 { _ = (a.matmul(b) * 2).relu().sum(dim: 1).softmax(dim: 0) } }
            work()
            device.synchronize()
            let launches = backend.launches
            let begin = monotonicSeconds()
            let times = try backend.kernelTimes(of: work)
            let wall = monotonicSeconds() - begin
            #expect(times.reduce(0) { $0 + $1.calls } == backend.launches - launches)
            let names = times.map(\.name)
            for part in ["product", "affine relu", "reduce_", "softmax"] {
                #expect(times.filter { $0.name.contains(part) }.reduce(0) { $0 + $1.calls } == 6, "\(part) in \(names)")
            }
            #expect(times.allSatisfy { $0.seconds >= 0 } && times.map(\.seconds) == times.map(\.seconds).sorted(by: >))
            #expect(times.reduce(0) { $0 + $1.seconds } <= wall * 1.05)
            #expect(try backend.kernelTimes {}.isEmpty)
            #expect(throws: OpError.self) { try backend.kernelTimes { throw OpError("no") } }
        }
    }

    /// The same seed gives the same network as on the CPU, and almost the same training.
    @Test(arguments: devices) func trainsAsTheProcessorDoes(_ device: Device) {
        func train(_ device: Device) -> [Double] {
            withGenerator(Generator(seed: 5)) {
                let model = Sequential(
                    Conv2d(1, 4, kernelSize: 3, padding: 1), BatchNorm2d(4), ReLU(), MaxPool2d(kernelSize: 2), Flatten(), Dropout(0.2),
                    Linear(4 * 36, 5)
                ).to(device)
                let optimizer = Adam(model.parameters(), lr: 1e-2)
                let (x, y) = (Tensor.randn([16, 1, 12, 12]).to(device), Tensor.randint(5, [16]).to(device))
                return (0..<5).map { _ in
                    let loss = F.crossEntropy(model(x), y)
                    optimizer.zeroGrad()
                    loss.backward()
                    optimizer.step()
                    return loss.item()
                }
            }
        }
        for (a, b) in zip(train(device), train(.cpu)) { #expect((a - b).magnitude < 1e-3, "\(a) and \(b)") }
    }

    // MARK: Memory

    /// In its own process, where no other test allocates or frees memory.
    @Test(arguments: devices) func memoryIsCountedAndKept(_ device: Device) async {
        await #expect(processExitsWith: .success) { [name = device.description as String] in
            let device = try #require(Device(name))
            let before = try #require(device.memoryStats)
            do {
                let x = Tensor.zeros([1 << 20], device: device)
                let during = try #require(device.memoryStats)
                #expect(during.allocated >= before.allocated + 4 << 20)
                #expect(x.sum().item() == 0)
            }
            device.synchronize()
            let after = try #require(device.memoryStats)
            #expect(after.reserved >= 4 << 20 && after.peak >= 4 << 20)
            device.emptyCache()
            #expect(try #require(device.memoryStats).reserved < after.reserved)
        }
    }

    /// Allocating more memory than exists is an error with the requested and the used size, and the program continues.
    @Test(arguments: devices) func tooMuchMemoryIsAnError(_ device: Device) {
        do {
            try checked { _ = Tensor.empty([1 << 44], device: device) }
            Issue.record("64 TiB were given")
        } catch {
            #expect("\(error)".contains("no memory for") && "\(error)".contains("\(device)"), "\(error)")
        }
        #expect(Tensor.ones([3], device: device).sum().item() == 3)
    }

    // MARK: Errors and events

    /// A label out of range is reported by the end of its scope, with value and position; the device stays usable.
    @Test(arguments: devices) func wrongLabelsAreReported(_ device: Device) {
        do {
            try checked { _ = F.crossEntropy(Tensor.randn([4, 3], device: device), Tensor([0, 7, 1, 2]).to(device)) }
            Issue.record("label 7 of 3 was taken")
        } catch { #expect("\(error)".contains("7") && "\(error)".contains("out of range"), "\(error)") }
        #expect(F.crossEntropy(Tensor.zeros([4, 3], device: device), Tensor([0, -100, 1, 2]).to(device)).item() > 1)
    }

    @Test(arguments: devices) func devicesDoNotMix(_ device: Device) {
        do {
            try checked { _ = Tensor.ones([2], device: device) + Tensor.ones([2]) }
            Issue.record("devices were mixed")
        } catch { #expect("\(error)".contains("\(device)") && "\(error)".contains("cpu") && "\(error)".contains("[2]"), "\(error)") }
    }

    @Test(arguments: devices) func eventsMarkWork(_ device: Device) {
        let start = DeviceEvent(device)
        let x = Tensor.randn([200, 200], device: device)
        let y = x.matmul(x)
        let end = DeviceEvent(device)
        #expect(start.seconds(to: end) >= 0)
        #expect(end.isReached && y.shape == [200, 200])
    }
}
