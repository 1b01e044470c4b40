import Synchronization

/// The devices of one programming interface; each is set up on first use.
final class GPUDevices: Sendable {
    static let opencl = GPUDevices("opencl", { () throws(OpError) in try OpenCLLibrary.shared.get().devices.count }) {
        index throws(OpError) in
        let driver = try OpenCLDriver(try OpenCLLibrary.shared.get(), index)
        return GPUBackend(driver, name: "opencl:\(index)", products: CLBlast(driver))
    }
    static let cuda = GPUDevices("cuda", { () throws(OpError) in try CUDALibrary.shared.get().deviceCount }) { index throws(OpError) in
        let driver = try CUDADriver(try CUDALibrary.shared.get(), index)
        return GPUBackend(driver, name: "cuda:\(index)", products: CuBLASLt(driver), convolutions: CuDNN(driver))
    }

    private let name: String
    private let found: Result<Int, OpError>
    private let make: @Sendable (Int) throws(OpError) -> GPUBackend
    private let made: [Mutex<Result<GPUBackend, OpError>?>.Box]

    private init(_ name: String, _ count: () throws(OpError) -> Int, _ make: @escaping @Sendable (Int) throws(OpError) -> GPUBackend) {
        self.name = name
        self.make = make
        do throws(OpError) { found = .success(try count()) } catch { found = .failure(error) }
        made = (0..<((try? found.get()) ?? 0)).map { _ in .init(nil) }
    }

    /// The number of devices; 0 if the interface is missing.
    var count: Int { made.count }

    /// Why device `index` cannot be used; nil if it can.
    func failure(_ index: Int) -> String? {
        if case .failure(let error) = found { return error.message }
        guard made.indices.contains(index) else { return "there \(count == 1 ? "is one device" : "are \(count) devices"), counted from 0" }
        if case .failure(let error) = result(index) { return error.message }
        return nil
    }

    /// The backend of device `index`. Tensors exist only on available devices, so anything else is a programming error.
    func backend(_ index: Int) -> GPUBackend {
        guard made.indices.contains(index), case .success(let backend) = result(index) else {
            preconditionFailure("\(name):\(index) is not available")
        }
        return backend
    }

    private func result(_ index: Int) -> Result<GPUBackend, OpError> {
        made[index].mutex.withLock { result in
            if let result { return result }
            let new: Result<GPUBackend, OpError>
            do throws(OpError) { new = .success(try make(index)) } catch { new = .failure(error) }
            result = new
            return new
        }
    }
}

extension Mutex {
    /// An array cannot hold mutexes, since they cannot be copied; it can hold boxes.
    final class Box: Sendable where Value: Sendable {
        let mutex: Mutex<Value>
        init(_ value: sending Value) { mutex = Mutex(value) }
    }
}
