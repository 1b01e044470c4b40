import ApusCore
import CDrivers
import Synchronization

/// The devices of the processes.
extension ProcessGroup {
    /// This process's device: of NVIDIA devices each process of a host has its own, the first process `first`, the next one the one after it,
    /// and so on; any other device is all processes'. The device may be one that there is not. PyTorch: `torch.device("cuda", local_rank)`.
    public func device(from first: Device = .best) -> Device {
        guard case .cuda(let index) = first.kind else { return first }
        return .cuda(index + localRank)
    }

    // MARK: Tensors from device to device

    /// What a process says of a device in a note: 1 + the number of an NVIDIA device with NCCL, 0 for all others.
    static func note(_ device: Device) -> UInt64 {
        guard case .cuda(let index) = device.kind, (try? NCCLLibrary.shared.get()) != nil else { return 0 }
        return 1 + UInt64(index)
    }

    /// Why tensors on NVIDIA devices travel through host memory; nil where they do not.
    package func hostMemoryReason(_ device: Device) -> String? {
        guard size > 1, device.isCUDA, case .failure(let error) = NCCLLibrary.shared else { return nil }
        return error.message
    }

    /// The library that moves tensors between NVIDIA devices, or why there is none.
    package static var deviceLibrary: String {
        do throws(OpError) { return try NCCLLibrary.shared.get().name } catch { return "no NCCL: \(error.message)" }
    }

    /// How the processes exchange tensors of which each has one on `device`: directly, or by host memory (nil). All call it together.
    func communicator(on device: Device) throws -> Communicator? {
        if size == 1 { return nil }
        return try collective(Signature(.devices), note: (0, ProcessGroup.note(device))) { try self.communicator($0) }
    }

    /// The communicator between the devices in the second words of `notes`; nil if some process has none. Called by the thread that holds the
    /// engine, in a collective.
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
        // A device that there is not has no tensors.
        guard let stream = CUDAStream(device) else { throw EngineError(message: "\(device) is not available") }
        let library = try NCCLLibrary.shared.get()
        // NCCL hangs, or says no more than "invalid usage", where two processes have one device.
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
        // Whoever is first waits here, since NCCL may hang where a collective comes before another process has joined.
        let joined = try gather(words: [made == nil ? 0 : 1])
        if let failure { throw failure }
        session.devices.withLock { _ = $0.insert(device) }
        if let other = joined.firstIndex(of: [0]) { throw EngineError(message: "\(name(other)) has not joined NCCL's communicator") }
        return made!
    }
}
