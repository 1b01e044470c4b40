import CKernels

// The kinds of the families of kernels: C's, whose names `kinds.h` lists.

package typealias ReduceKind = CKernels.ReduceKind
package typealias ArgReduceKind = CKernels.ArgReduceKind
package typealias ScanKind = CKernels.ScanKind
package typealias ScatterKind = CKernels.ScatterKind
package typealias RecurrentKind = CKernels.RecurrentKind
package typealias OptimizerKind = CKernels.OptimizerKind
package typealias RandomDistribution = CKernels.RandomDistribution

/// A family's kinds. The devices' kernels have them by name (`KernelDialect.kind`).
package protocol KernelKind: RawRepresentable, CaseIterable, CustomStringConvertible where RawValue == Int32 {}

extension CKernels.ReduceKind: KernelKind, @retroactive CaseIterable, @retroactive CustomStringConvertible {
    public static let allCases = (0..<Int32(APUS_REDUCE_COUNT)).compactMap(Self.init(rawValue:))
    public var description: String { String(cString: apus_reduce_name(self)) }
}

extension CKernels.ArgReduceKind: KernelKind, @retroactive CaseIterable, @retroactive CustomStringConvertible {
    public static let allCases = (0..<Int32(APUS_ARG_REDUCE_COUNT)).compactMap(Self.init(rawValue:))
    public var description: String { String(cString: apus_arg_reduce_name(self)) }
}

extension CKernels.ScanKind: KernelKind, @retroactive CaseIterable, @retroactive CustomStringConvertible {
    public static let allCases = (0..<Int32(APUS_SCAN_COUNT)).compactMap(Self.init(rawValue:))
    public var description: String { String(cString: apus_scan_name(self)) }
}

extension CKernels.ScatterKind: KernelKind, @retroactive CaseIterable, @retroactive CustomStringConvertible {
    public static let allCases = (0..<Int32(APUS_SCATTER_COUNT)).compactMap(Self.init(rawValue:))
    public var description: String { String(cString: apus_scatter_name(self)) }
}

extension CKernels.RecurrentKind: KernelKind, @retroactive CaseIterable, @retroactive CustomStringConvertible {
    public static let allCases = (0..<Int32(APUS_RECURRENT_COUNT)).compactMap(Self.init(rawValue:))
    public var description: String { String(cString: apus_recurrent_name(self)) }
}

extension CKernels.OptimizerKind: KernelKind, @retroactive CaseIterable, @retroactive CustomStringConvertible {
    public static let allCases = (0..<Int32(APUS_OPTIMIZER_COUNT)).compactMap(Self.init(rawValue:))
    public var description: String { String(cString: apus_optimizer_name(self)) }
}

extension CKernels.RandomDistribution: KernelKind, @retroactive CaseIterable, @retroactive CustomStringConvertible {
    public static let allCases = (0..<Int32(APUS_RANDOM_COUNT)).compactMap(Self.init(rawValue:))
    public var description: String { String(cString: apus_random_name(self)) }
}

extension CKernels.RecurrentKind {
    /// The number of gates in the products.
    package var gates: Int { Int(apus_recurrent_gates(self)) }
    /// How many numbers per hidden unit the derivative needs.
    package var kept: Int { Int(apus_recurrent_kept(self)) }
}
