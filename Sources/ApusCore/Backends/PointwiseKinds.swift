import CKernels

// The pointwise functions are the lines of `unary.def`, `binary.def` and `compare.def` in `CKernels`, which say what each computes; the kinds
// are made of them. What else a line says is asked here.

package typealias UnaryKind = CKernels.UnaryKind
package typealias BinaryKind = CKernels.BinaryKind
package typealias CompareKind = CKernels.CompareKind

/// What the table says of a pointwise function.
package struct PointwiseFunction: Sendable {
    package let name: String
    /// Its expressions, in the language that `pointwise.h` explains; nil where it does not exist for such dtypes.
    package let ofFloats, ofIntegers, ofBool: String?
    package let domain: PointwiseDomain
    /// How many constants its expressions read: up to the last that they name.
    package let constantCount: Int
    /// Whether it calls a function of the widest float: the gamma family and the inverse of erf, which are long.
    package let isSpecial: Bool

    fileprivate init(_ row: apus_function) {
        func text(_ c: UnsafePointer<CChar>?) -> String? { c.map { String(cString: $0) } }
        name = String(cString: row.name)
        (ofFloats, ofIntegers, ofBool) = (text(row.of_floats), text(row.of_integers), text(row.of_bool))
        domain = PointwiseDomain(
            floats: row.of_floats != nil, integers: row.of_integers != nil, bool: row.of_bool != nil, writesBool: row.is_predicate)
        let names = Set(
            [ofFloats, ofIntegers, ofBool].compactMap { $0 }.flatMap { $0.split { !($0.isLetter || $0.isNumber || $0 == "_") } })
        constantCount = names.contains("C") ? 3 : names.contains("B") ? 2 : names.contains("A") ? 1 : 0
        isSpecial = ofFloats?.contains("W(") == true
    }

    /// The expression for operands of that dtype.
    package func expression(of dtype: DType) -> String? { dtype.isFloatingPoint ? ofFloats : dtype == .bool ? ofBool : ofIntegers }
}

/// Which dtypes a pointwise function takes, and what it makes of them.
package struct PointwiseDomain: Sendable, Hashable {
    package let floats, integers, bool: Bool
    /// A predicate; otherwise the result has the operands' dtype.
    package let writesBool: Bool

    /// Whether there are kernels for that dtype.
    @inline(__always)
    package func contains(_ dtype: DType) -> Bool { dtype.isFloatingPoint ? floats : dtype == .bool ? bool : integers }

    /// Whether integers and bool are converted to float32: the function is one of floats alone.
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
