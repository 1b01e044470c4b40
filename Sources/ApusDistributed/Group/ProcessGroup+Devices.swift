import ApusCore
import CDrivers
import Synchronization

/// The devices of the ranks.
extension ProcessGroup {
    /// The device for this rank. Each process on a host gets an NVIDIA device of its own: local rank 0 gets `first`, local rank 1 the next
    /// one, and so on; any other kind of device is shared by all. The device may not exist on this machine. PyTorch: `torch.device("cuda",
    /// local_rank)`.
    public func device(from first: Device = .best) -> Device {
        guard case .cuda(let index) = first.kind else { return first }
        return .cuda(index + localRank)
    }

    // MARK: Tensors from device to device

    /// How a note describes a device: 1 + the index of an NVIDIA device if NCCL is available, else 0.
    static func note(_ device: Device) -> UInt64 {
        guard case .cuda(let index) = device.kind, (try? NCCLLibrary.shared.get()) != nil else { return 0 }
        return 1 + UInt64(index)
    }

    /// Why tensors on NVIDIA devices are exchanged through host memory; nil if they are not.
    package func hostMemoryReason(_ device: Device) -> String? {
        guard size > 1, device.isCUDA, case .failure(let error) = NCCLLibrary.shared else { return nil }
        return error.message
    }

    /// The library that exchanges tensors between NVIDIA devices, or why there is none.
    package static var deviceLibrary: String {
        do throws(OpError) { return try NCCLLibrary.shared.get().name } catch { return "no NCCL: \(error.message)" }
    }

    /// The communicator over which the ranks exchange tensors on their `device`s; nil if the exchange goes through host memory. All ranks
    /// call this together.
    func communicator(on device: Device) throws -> Communicator? {
        if size == 1 { return nil }
        return try collective(Signature(.devices), note: (0, ProcessGroup.note(device))) { try self.communicator($0) }
    }

    /// The communicator between the devices in the second words of `notes`; nil if some rank's device is not an NVIDIA device with NCCL.
    /// Called in a collective by the thread that holds the engine.
    func communicator(_ notes: [Note]) throws -> Communicator? {
        let devices = notes.map(\.1)
        if size == 1 || devices.contains(0) { return nil }
        return try communicators.withLock { known in
            if let known = known[devices] { return known }
            let made = try connect(.cuda(Int(devices[rank]) - 1))
            known[devices] = made
            return made
        }
    }

    private func connect(_ device: Device) throws -> Communicator {
        // Fails only if the device does not exist, which the existence of a tensor on it rules out.
        guard let stream = CUDAStream(device) else { throw EngineError(message: "\(device) is not available") }
        let library = try NCCLLibrary.shared.get()
        // If two processes use the same device, NCCL hangs or says no more than "invalid usage".
        let uuid = try stream.uuid().withUnsafeBytes { [$0.load(as: UInt64.self), $0.load(fromByteOffset: 8, as: UInt64.self)] }
        let uuids = try gather(words: uuid)
        for other in 0..<size {
            for earlier in 0..<other where uuids[other] == uuids[earlier] && keys[other] == keys[earlier] {
                throw EngineError(
                    message:
                        "\(name(earlier)) and \(name(other)) have tensors on the same NVIDIA device; take group.device(from: .cuda()) for each process (`--device cuda` does), or set APUS_NCCL=off, with which tensors of one device travel through host memory"
                )
            }
        }
        var id = ncclUniqueId()
        var words = [UInt64](repeating: 0, count: 17)
        var failure: OpError?
        func attempt(_ body: () throws(OpError) -> Void) { do throws(OpError) { try body() } catch { failure = error } }
        if rank == 0 {
            attempt { () throws(OpError) in try library.check(library.functions.ncclGetUniqueId(&id), "ncclGetUniqueId") }
            words[16] = failure == nil ? 1 : 0
            withUnsafeBytes(of: id) { bytes in for i in 0..<16 { words[i] = bytes.load(fromByteOffset: 8 * i, as: UInt64.self) } }
        }
        let first = try gather(words: words)[0]
        var made: Communicator?
        if first[16] == 1 {
            withUnsafeMutableBytes(of: &id) { bytes in
                for i in 0..<16 { bytes.storeBytes(of: first[i], toByteOffset: 8 * i, as: UInt64.self) }
            }
            attempt { () throws(OpError) in made = try Communicator(stream, library, rank: rank, size: size, id: id) }
        }
        // Waits for all ranks, since NCCL may hang if a collective starts before every process has joined.
        let joined = try gather(words: [made == nil ? 0 : 1])
        if let failure { throw failure }
        session.devices.withLock { _ = $0.insert(device) }
        if let other = joined.firstIndex(of: [0]) { throw EngineError(message: "\(name(other)) has not joined NCCL's communicator") }
        return made!
    }
}
