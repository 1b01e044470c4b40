/// The type of a tensor's elements.
///
/// PyTorch: `torch.dtype`. Cases are ordered for type promotion: bool, integers, floats.
public enum DType: UInt8, Sendable, Hashable, CaseIterable {
    /// The names are PyTorch's.
    case bool, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64

    /// Bytes per element.
    @inlinable public var size: Int {
        switch self {
        case .bool, .uint8, .int8: 1
        case .int16, .float16, .bfloat16: 2
        case .int32, .float32: 4
        case .int64, .float64: 8
        }
    }

    /// Whether elements are floating-point numbers; only these can require a gradient.
    @inlinable public var isFloatingPoint: Bool { rawValue >= DType.float16.rawValue }

    /// Whether elements are integers (bool does not count).
    @inlinable public var isInteger: Bool { self != .bool && !isFloatingPoint }

    /// Whether elements may be negative. PyTorch: `is_signed`.
    @inlinable public var isSigned: Bool { self != .bool && self != .uint8 }

    /// The category, which decides promotion: 0 bool, 1 integers, 2 floats.
    @inlinable package var category: Int { self == .bool ? 0 : isFloatingPoint ? 2 : 1 }

    /// The dtype of sums and other intermediate results: float32 for 16-bit floats, int64 for integers and bool.
    package var computeType: DType { isFloatingPoint ? (self == .float64 ? .float64 : .float32) : .int64 }

    /// The smallest positive normal number; 0 for integers and bool. PyTorch: `torch.finfo(dtype).tiny`.
    package var tiny: Double {
        switch self {
        case .float64: Double.leastNormalMagnitude
        case .float32, .bfloat16: 0x1p-126
        case .float16: 0x1p-14
        default: 0
        }
    }

    /// The distance from 1 to the next larger number; 0 for integers and bool. PyTorch: `torch.finfo(dtype).eps`.
    package var epsilon: Double {
        switch self {
        case .float64: Double.ulpOfOne
        case .float16: Double(Float16.ulpOfOne)
        case .bfloat16: 0x1p-7
        case .float32: Double(Float.ulpOfOne)
        default: 0
        }
    }

    /// The largest finite number; 0 for integers and bool. PyTorch: `torch.finfo(dtype).max`.
    package var largest: Double {
        switch self {
        case .float64: .greatestFiniteMagnitude
        case .float32: Double(Float.greatestFiniteMagnitude)
        case .bfloat16: 0x1.FEp127
        case .float16: 65504
        default: 0
        }
    }

    /// Whether results in `from` may be written into a tensor of dtype `to`: floats not into integers, and only bool into bool. PyTorch:
    /// `torch.can_cast`.
    public static func canCast(_ from: DType, _ to: DType) -> Bool { from.category <= to.category }

    /// The dtype that both convert to, by PyTorch's table (`torch.promote_types`).
    public static func promote(_ a: DType, _ b: DType) -> DType {
        if a == b { return a }
        let (low, high) = a.rawValue < b.rawValue ? (a, b) : (b, a)
        if low.category != high.category { return high }
        switch (low, high) {
        case (.uint8, .int8): return .int16
        case (.float16, .bfloat16): return .float32
        default: return high
        }
    }
}

extension DType: CustomStringConvertible {
    /// PyTorch's name without the module: `float32`.
    public var description: String {
        switch self {
        case .bool: "bool"
        case .uint8: "uint8"
        case .int8: "int8"
        case .int16: "int16"
        case .int32: "int32"
        case .int64: "int64"
        case .float16: "float16"
        case .bfloat16: "bfloat16"
        case .float32: "float32"
        case .float64: "float64"
        }
    }

    /// The dtype with this name (`float32`, also PyTorch's aliases `float`, `double`, `half`, `long`, `int`, `short`); nil for others.
    public init?(_ name: String) {
        let name = name.hasPrefix("torch.") ? String(name.dropFirst(6)) : name
        let aliases: [String: DType] = [
            "float": .float32, "double": .float64, "half": .float16, "long": .int64, "int": .int32, "short": .int16,
        ]
        guard let found = DType.allCases.first(where: { $0.description == name }) ?? aliases[name] else { return nil }
        self = found
    }
}
