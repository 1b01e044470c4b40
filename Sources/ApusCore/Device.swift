/// Where a tensor lives and its ops are computed.
///
/// PyTorch: `torch.device`.
public struct Device: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case cpu, reference }
    package let kind: Kind

    /// The processor: oneDNN for products and convolutions, vectorised C loops for the rest.
    public static let cpu = Device(kind: .cpu)

    /// The processor again, in slow and obvious Swift: the oracle that every other backend is compared with.
    public static let reference = Device(kind: .reference)

    /// The fastest device at hand.
    public static var best: Device { .cpu }

    /// Every device of this machine. The reference is not listed: nobody should compute on it but tests.
    public static var all: [Device] { [.cpu] }

    /// The device of that name (`cpu`, `reference`), nil for none.
    public init?(_ name: String) {
        switch name {
        case "cpu": self = .cpu
        case "reference": self = .reference
        default: return nil
        }
    }

    init(kind: Kind) { self.kind = kind }

    package var backend: any Backend {
        switch kind {
        case .cpu: CPUBackend.shared
        case .reference: ReferenceBackend.shared
        }
    }
}

extension Device: CustomStringConvertible {
    public var description: String { kind == .cpu ? "cpu" : "reference" }
}
