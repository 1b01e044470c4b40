import CKernels

// The pointwise functions are the lines of `unary.def`, `binary.def` and `compare.def` in `CKernels`, which define what each computes; the
// kinds are generated from them. This file reads the other properties of a line.

package typealias UnaryKind = CKernels.UnaryKind
package typealias BinaryKind = CKernels.BinaryKind
package typealias CompareKind = CKernels.CompareKind

/// A function's line in its table.
package struct PointwiseFunction: Sendable {
    package let name: String
    /// Its expressions, in the language that `pointwise.h` explains; nil if the function does not exist for such dtypes.
    package let ofFloats, ofIntegers, ofBool: String?
    package let domain: PointwiseDomain
    /// The number of constants: A, B, C up to the last one used.
    package let constantCount: Int
    /// Whether it calls a function of the widest float (W): the gamma family or the inverse of erf, whose code is long.
    package let isSpecial: Bool
    /// Whether its expression is a function of this name that compilers have.
    package let isOfLibrary: Bool

    fileprivate init(_ row: apus_function) {
        func text(_ c: UnsafePointer<CChar>?) -> String? { c.map { String(cString: $0) } }
        name = String(cString: row.name)
        (ofFloats, ofIntegers, ofBool) = (text(row.of_floats), text(row.of_integers), text(row.of_bool))
        domain = PointwiseDomain(
            floats: row.of_floats != nil, integers: row.of_integers != nil, bool: row.of_bool != nil, writesBool: row.is_predicate)
        let names = Set(
            [ofFloats, ofIntegers, ofBool].compactMap { $0 }.flatMap { $0.split { !($0.isLetter || $0.isNumber || $0 == "_") } })
        constantCount = names.contains("C") ? 3 : names.contains("B") ? 2 : names.contains("A") ? 1 : 0
        isOfLibrary = row.is_of_library
        isSpecial = ofFloats?.contains("W(") == true
    }

    /// The expression for operands of this dtype.
    package func expression(of dtype: DType) -> String? { dtype.isFloatingPoint ? ofFloats : dtype == .bool ? ofBool : ofIntegers }
}

/// The dtypes that a pointwise function supports, and the dtype of its result.
package struct PointwiseDomain: Sendable, Hashable {
    package let floats, integers, bool: Bool
    /// Whether the result is bool; otherwise it has the operands' dtype.
    package let writesBool: Bool

    /// Whether there are kernels for this dtype.
    @inline(__always)
    package func contains(_ dtype: DType) -> Bool { dtype.isFloatingPoint ? floats : dtype == .bool ? bool : integers }

    /// Whether integers and bool are converted to float32, since the function exists for floats only.
    @inline(__always)
    package var converts: Bool { floats && !integers }
}

extension CKernels.UnaryKind: @retroactive CaseIterable, @retroactive CustomStringConvertible {
    package static let functions = allCases.map { PointwiseFunction(apus_unary_function($0)) }
    package var function: PointwiseFunction { Self.functions[Int(rawValue)] }

    public static let allCases = (0..<Int32(APUS_UNARY_COUNT)).compactMap(Self.init(rawValue:))
    public var description: String { function.name }
}

extension CKernels.BinaryKind: @retroactive CaseIterable, @retroactive CustomStringConvertible {
    package static let functions = allCases.map { PointwiseFunction(apus_binary_function($0)) }
    package var function: PointwiseFunction { Self.functions[Int(rawValue)] }

    public static let allCases = (0..<Int32(APUS_BINARY_COUNT)).compactMap(Self.init(rawValue:))
    public var description: String { function.name }
}

extension CKernels.CompareKind: @retroactive CaseIterable, @retroactive CustomStringConvertible {
    package static let functions = allCases.map { PointwiseFunction(apus_compare_function($0)) }
    package var function: PointwiseFunction { Self.functions[Int(rawValue)] }

    public static let allCases = (0..<Int32(APUS_COMPARE_COUNT)).compactMap(Self.init(rawValue:))
    public var description: String { function.name }
}
