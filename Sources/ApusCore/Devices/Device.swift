import ApusSystem
import Synchronization

/// Where a tensor lives and its ops are computed: the processor, or a device that OpenCL or CUDA reaches.
///
/// Libraries of devices are looked for when the program runs; where one is missing, ``unavailableReason`` says what to install.
/// PyTorch: `torch.device`.
public struct Device: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case cpu, reference, opencl(Int), cuda(Int) }
    package let kind: Kind

    /// The processor: oneDNN for products and convolutions, vectorised C loops for the rest.
    public static let cpu = Device(kind: .cpu)

    /// The processor again, in slow and obvious Swift: the oracle that every other backend is compared with.
    public static let reference = Device(kind: .reference)

    /// A device of OpenCL, by its place among those that `all` lists: graphics of AMD, Intel and others, and processors by PoCL.
    public static func opencl(_ index: Int = 0) -> Device { Device(kind: .opencl(index)) }

    /// An NVIDIA device, as the driver counts them. PyTorch: `torch.device("cuda", index)`.
    public static func cuda(_ index: Int = 0) -> Device { Device(kind: .cuda(index)) }

    /// The fastest device at hand: an NVIDIA device, else graphics that OpenCL reaches, else the processor.
    /// The environment variable `APUS_DEVICE` overrules it with a device's name; one that is not there ends the program.
    public static var best: Device { chosen }

    private static let chosen: Device = {
        if let name = environment("APUS_DEVICE") {
            guard let device = Device(name) else {
                fail("Device.best", "APUS_DEVICE names '\(name)'; devices are called \(all.map(\.description).joined(separator: ", "))")
                return .cpu
            }
            if let reason = device.unavailableReason {
                fail("Device.best", "APUS_DEVICE names \(device), which is not available: \(reason)")
            }
            return device
        }
        return all.first { $0.isCUDA && $0.isAvailable } ?? all.first { $0.isOpenCL && $0.isAvailable && $0.facts?.isGPU == true } ?? .cpu
    }()

    /// Every device of this machine, the processor first. One that cannot be used says why in ``unavailableReason``; where OpenCL or CUDA is
    /// missing altogether, its first device stands for it. The reference is not listed: nobody should compute on it but tests.
    public static var all: [Device] {
        [.cpu] + (0..<max(1, GPUDevices.opencl.count)).map { .opencl($0) } + (0..<max(1, GPUDevices.cuda.count)).map { .cuda($0) }
    }

    /// The device of that name: `cpu`, `opencl:0`, `cuda:1`, without a number the first; nil for no such name. It need not be available.
    public init?(_ name: String) {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let index = parts.count == 2 ? Int(parts[1]) : 0, index >= 0 else { return nil }
        switch (parts.first ?? "", parts.count) {
        case ("cpu", 1): self = .cpu
        case ("reference", 1): self = .reference
        case ("opencl", _): self = .opencl(index)
        case ("cuda", _): self = .cuda(index)
        default: return nil
        }
    }

    init(kind: Kind) { self.kind = kind }

    package var backend: any Backend {
        switch kind {
        case .cpu: CPUBackend.shared
        case .reference: ReferenceBackend.shared
        case .opencl(let index): GPUDevices.opencl.backend(index)
        case .cuda(let index): GPUDevices.cuda.backend(index)
        }
    }

    /// Its backend where it is one with memory of its own.
    package var gpu: GPUBackend? { sharesHostMemory || !isAvailable ? nil : backend as? GPUBackend }

    /// Whether its tensors lie in memory that the host reads and writes.
    package var sharesHostMemory: Bool { kind == .cpu || kind == .reference }
}

extension Device {
    /// Whether it is the processor.
    public var isCPU: Bool { kind == .cpu }
    /// Whether OpenCL reaches it.
    public var isOpenCL: Bool { if case .opencl = kind { true } else { false } }
    /// Whether CUDA reaches it.
    public var isCUDA: Bool { if case .cuda = kind { true } else { false } }

    /// Why it cannot be used, and what to do about it; nil where it can.
    public var unavailableReason: String? {
        switch kind {
        case .cpu, .reference: nil
        case .opencl(let index): GPUDevices.opencl.failure(index)
        case .cuda(let index): GPUDevices.cuda.failure(index)
        }
    }

    /// Whether it can be used.
    public var isAvailable: Bool { unavailableReason == nil }

    /// What is known of it, nil for the processor and for what is not available.
    package var facts: GPUFacts? { gpu?.driver.facts }

    /// The hardware's name, nil where it is not known.
    public var hardware: String? { facts?.name }
    /// Bytes of its memory, nil for the processor.
    public var memory: Int? { facts?.memory }
    /// The driver and its version, nil for the processor.
    public var driver: String? { facts?.driver }
    /// The libraries for products and convolutions that it calls, and those that are missing, with how to install them.
    public var libraries: [String] { gpu?.libraries ?? [] }

    /// Waits until all work on it is done. Traps (or fails the `checked` scope) where that work met an index out of range or an error of the
    /// driver. PyTorch: `torch.cuda.synchronize`.
    public func synchronize() {
        if let reason = unavailableReason {
            fail("synchronize", "\(self) is not available: \(reason)")
            return
        }
        do throws(OpError) { try backend.synchronize() } catch { fail(error, op: "synchronize") }
    }

    /// How much of its memory is in use; nil for the processor. PyTorch: `torch.cuda.memory_stats`.
    public var memoryStats: MemoryStats? { gpu?.memoryStats }

    /// Starts ``MemoryStats/peak`` anew. PyTorch: `torch.cuda.reset_peak_memory_stats`.
    public func resetPeakMemory() { gpu?.resetPeakMemory() }

    /// How exactly devices compute products and convolutions of float32; `.highest` unless it is set. The processor is always exact.
    /// PyTorch: `torch.set_float32_matmul_precision`, which convolutions do not follow there.
    public static var float32MatmulPrecision: Float32MatmulPrecision {
        get { Float32MatmulPrecision(rawValue: chosenPrecision.load(ordering: .relaxed)) ?? .highest }
        set { chosenPrecision.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// Whether devices may sum in the order that parts happen to come, where that is faster: the last bits then differ from run to run.
    /// false unless it is set. cuBLASLt and cuDNN have such ways; our own kernels have none. PyTorch: `not torch.are_deterministic_algorithms_enabled()`.
    public static var allowsUnorderedSums: Bool {
        get { unorderedSums.load(ordering: .relaxed) }
        set { unorderedSums.store(newValue, ordering: .relaxed) }
    }

    private static let unorderedSums = Atomic(false)
    private static let chosenPrecision = Atomic(Float32MatmulPrecision.highest.rawValue)

    /// Gives memory that is kept for new tensors back to the device. PyTorch: `torch.cuda.empty_cache`.
    public func emptyCache() { gpu?.emptyCache() }
}

/// How exactly a device multiplies numbers of float32. PyTorch: the names of `torch.set_float32_matmul_precision`.
public enum Float32MatmulPrecision: UInt8, Sendable, Hashable {
    /// As float32.
    case highest
    /// Factors may be shortened to TF32 (10 bits after the point) where the device multiplies those faster; sums are float32.
    case high
}

extension Device: CustomStringConvertible {
    public var description: String {
        switch kind {
        case .cpu: "cpu"
        case .reference: "reference"
        case .opencl(let index): "opencl:\(index)"
        case .cuda(let index): "cuda:\(index)"
        }
    }
}
