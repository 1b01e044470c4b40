import ApusSystem
import Synchronization

/// The device of a tensor and its ops: the processor, or a device that OpenCL or CUDA supports.
///
/// The device libraries are opened at run time; if one is missing, ``unavailableReason`` says what to install.
/// PyTorch: `torch.device`.
public struct Device: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case cpu, reference, opencl(Int), cuda(Int) }
    package let kind: Kind

    /// The processor: oneDNN for products and convolutions, vectorised C loops for everything else.
    public static let cpu = Device(kind: .cpu)

    /// The processor with slow and simple Swift code: the reference that every other backend is compared with.
    public static let reference = Device(kind: .reference)

    /// An OpenCL device, by its index in `all`: GPUs of AMD, Intel and others, and processors by PoCL.
    public static func opencl(_ index: Int = 0) -> Device { Device(kind: .opencl(index)) }

    /// An NVIDIA device, by the driver's index. PyTorch: `torch.device("cuda", index)`.
    public static func cuda(_ index: Int = 0) -> Device { Device(kind: .cuda(index)) }

    /// The fastest available device: an NVIDIA device, else a GPU with OpenCL, else the processor. The environment variable `APUS_DEVICE`
    /// overrides it with a device's name; traps if that device does not exist or is not available.
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

    /// All devices of this machine, the processor first. A device that cannot be used says why in ``unavailableReason``; if OpenCL or CUDA
    /// is missing, its first device is listed. The reference is not listed, since it is only for tests.
    public static var all: [Device] {
        [.cpu] + (0..<max(1, GPUDevices.opencl.count)).map { .opencl($0) } + (0..<max(1, GPUDevices.cuda.count)).map { .cuda($0) }
    }

    /// The device with this name: `cpu`, `opencl:0`, `cuda:1`; without a number the first one. nil if there is no such name. The device
    /// need not be available.
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

    /// The backend of a device with its own memory; nil for others and if unavailable.
    package var gpu: GPUBackend? { sharesHostMemory || !isAvailable ? nil : backend as? GPUBackend }

    /// Whether its tensors are in host memory.
    package var sharesHostMemory: Bool { kind == .cpu || kind == .reference }
}

extension Device {
    /// Whether this is the processor.
    public var isCPU: Bool { kind == .cpu }
    /// Whether this is an OpenCL device.
    public var isOpenCL: Bool { if case .opencl = kind { true } else { false } }
    /// Whether this is a CUDA device.
    public var isCUDA: Bool { if case .cuda = kind { true } else { false } }

    /// Why the device cannot be used, and the remedy; nil if it is available.
    public var unavailableReason: String? {
        switch kind {
        case .cpu, .reference: nil
        case .opencl(let index): GPUDevices.opencl.failure(index)
        case .cuda(let index): GPUDevices.cuda.failure(index)
        }
    }

    /// Whether the device can be used.
    public var isAvailable: Bool { unavailableReason == nil }

    /// The properties of the device; nil for the processor and for unavailable devices.
    package var facts: GPUFacts? { gpu?.driver.facts }

    /// The hardware's name, nil if unknown.
    public var hardware: String? { facts?.name }
    /// Bytes of device memory, nil for the processor.
    public var memory: Int? { facts?.memory }
    /// The driver and its version, nil for the processor.
    public var driver: String? { facts?.driver }
    /// The libraries for products and convolutions in use, and those that are missing, with how to install them.
    public var libraries: [String] { gpu?.libraries ?? [] }

    /// Waits until all work on the device is done. Traps (or fails the `checked` scope) if that work met an index out of range or a driver
    /// error, or if the device is unavailable. PyTorch: `torch.cuda.synchronize`.
    public func synchronize() {
        if let reason = unavailableReason {
            fail("synchronize", "\(self) is not available: \(reason)")
            return
        }
        do throws(OpError) { try backend.synchronize() } catch { fail(error, op: "synchronize") }
    }

    /// The device's memory statistics; nil for the processor. PyTorch: `torch.cuda.memory_stats`.
    public var memoryStats: MemoryStats? { gpu?.memoryStats }

    /// Resets ``MemoryStats/peak``. PyTorch: `torch.cuda.reset_peak_memory_stats`.
    public func resetPeakMemory() { gpu?.resetPeakMemory() }

    /// The precision of float32 products and convolutions on devices; `.highest` by default. The processor always uses full precision.
    /// PyTorch: `torch.set_float32_matmul_precision`, which there does not affect convolutions.
    public static var float32MatmulPrecision: Float32MatmulPrecision {
        get { Float32MatmulPrecision(rawValue: chosenPrecision.load(ordering: .relaxed)) ?? .highest }
        set { chosenPrecision.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// Whether devices may add partial sums in any order where that is faster; the last bits then differ between runs. false by default. It
    /// affects cuBLASLt and cuDNN; our own kernels are always deterministic. PyTorch: `not torch.are_deterministic_algorithms_enabled()`.
    public static var allowsUnorderedSums: Bool {
        get { unorderedSums.load(ordering: .relaxed) }
        set { unorderedSums.store(newValue, ordering: .relaxed) }
    }

    private static let unorderedSums = Atomic(false)
    private static let chosenPrecision = Atomic(Float32MatmulPrecision.highest.rawValue)

    /// Returns memory that is kept for new tensors to the device. PyTorch: `torch.cuda.empty_cache`.
    public func emptyCache() { gpu?.emptyCache() }
}

/// The precision of float32 multiplications on a device. PyTorch: the names of `torch.set_float32_matmul_precision`.
public enum Float32MatmulPrecision: UInt8, Sendable, Hashable {
    /// Full float32.
    case highest
    /// Factors may be rounded to TF32 (10 fraction bits) where the device multiplies those faster; sums are float32.
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
