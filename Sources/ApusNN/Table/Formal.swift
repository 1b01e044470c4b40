import ApusCore

/// One argument of a signature of PyTorch.
package struct DeclaredArgument: Sendable {
    package let name: String
    /// A description of the values it takes: `an integer`.
    package let wanted: String
    /// The default in Python's spelling; nil for a required argument.
    package let fallback: String?
    /// Whether it is keyword-only, behind Python's `*`.
    package var isByName = false
    /// How it appears in a module's printed form; nil where it does not.
    var shown: Shown?
    /// Whether a string is printed between quotation marks.
    var isQuoted = true

    enum Shown {
        /// `dim=-1`
        case named
        /// `-1`
        case asValue
        /// As `named`, but left out where the value is the default.
        case unlessDefault
    }
}

/// A declared argument, and how its `Value` is read.
package struct Formal<Value>: Sendable {
    /// One argument, or several that together give one value.
    let declared: [DeclaredArgument]
    let read: @Sendable (inout Arguments) throws -> Value

    init(_ declared: [DeclaredArgument], _ read: @escaping @Sendable (inout Arguments) throws -> Value) {
        self.declared = declared
        self.read = read
    }

    /// A required argument; `pick` returns its value, or nil for a wrong type.
    package init(required name: String, _ wanted: String, _ pick: @escaping @Sendable (Argument) -> Value?) {
        self.init([DeclaredArgument(name: name, wanted: wanted, fallback: nil)]) { a in
            guard let value = try a.next(name) else { throw a.missing(name) }
            guard let picked = pick(value) else { throw a.wrong(name, value, wanted) }
            return picked
        }
    }

    /// An argument with a default; `shown` is the default's Python spelling.
    package init(
        _ name: String, _ wanted: String, shown: String, _ fallback: @escaping @Sendable () -> Value,
        _ pick: @escaping @Sendable (Argument) -> Value?
    ) {
        self.init([DeclaredArgument(name: name, wanted: wanted, fallback: shown)]) { a in
            guard let value = try a.next(name) else { return fallback() }
            guard let picked = pick(value) else { throw a.wrong(name, value, wanted) }
            return picked
        }
    }

    package init(_ name: String, _ wanted: String, _ fallback: Value?, _ pick: @escaping @Sendable (Argument) -> Value?)
    where Value: PythonRepresentable & Sendable {
        if let fallback {
            self.init(name, wanted, shown: repr(fallback), { fallback }, pick)
        } else {
            self.init(required: name, wanted, pick)
        }
    }

    /// An argument that is nil where it is None or left out.
    package init<Wrapped>(optional name: String, _ wanted: String, _ pick: @escaping @Sendable (Argument) -> Wrapped?)
    where Value == Wrapped? {
        self.init(name, wanted + " or None", shown: "None", { nil }) { value in
            if case .none = value { return .some(nil) }
            return pick(value).map { .some($0) }
        }
    }

    /// The same argument, keyword-only.
    package var byName: Formal {
        Formal(declared.map { $0.with(\.isByName, true) }) { a in
            a.isByName = true
            defer { a.isByName = false }
            return try read(&a)
        }
    }

    /// The same argument, printed by a module as `dim=-1`, with the value of the property of that name.
    package var shown: Formal { Formal(declared.map { $0.with(\.shown, .named) }, read) }
    /// Printed as `-1`.
    package var shownAsValue: Formal { Formal(declared.map { $0.with(\.shown, .asValue) }, read) }
    /// Printed as `dim=-1` where the value is not the default.
    package var shownUnlessDefault: Formal { Formal(declared.map { $0.with(\.shown, .unlessDefault) }, read) }
    /// Printed without quotation marks: `nonlinearity=relu`.
    package var unquoted: Formal { Formal(declared.map { $0.with(\.isQuoted, false) }, read) }
}

extension DeclaredArgument {
    fileprivate func with<Value>(_ property: WritableKeyPath<DeclaredArgument, Value>, _ value: Value) -> DeclaredArgument {
        var changed = self
        changed[keyPath: property] = value
        return changed
    }
}

// MARK: Numbers, strings and tensors

extension Formal where Value == Bool {
    package static func bool(_ name: String, _ fallback: Bool? = nil) -> Formal { Formal(name, "True or False", fallback) { $0.bool } }
}
extension Formal where Value == Bool? {
    package static func optionalBool(_ name: String) -> Formal { Formal(optional: name, "True or False") { $0.bool } }
}
extension Formal where Value == Int {
    package static func int(_ name: String, _ fallback: Int? = nil) -> Formal { Formal(name, "an integer", fallback) { $0.int } }
    /// A number of layers; limited, since all of them are created at once.
    static func layers(_ name: String, _ fallback: Int) -> Formal {
        Formal(name, "an integer of at most 1000", fallback) { value in value.int.flatMap { $0 <= 1000 ? $0 : nil } }
    }
}
extension Formal where Value == Int? {
    package static func optionalInt(_ name: String) -> Formal { Formal(optional: name, "an integer") { $0.int } }
}
extension Formal where Value == Double {
    package static func double(_ name: String, _ fallback: Double? = nil) -> Formal { Formal(name, "a number", fallback) { $0.double } }
}
extension Formal where Value == Double? {
    package static func optionalDouble(_ name: String) -> Formal { Formal(optional: name, "a number") { $0.double } }
    /// `fallback` where it is left out, nil where it is None.
    package static func optionalDouble(_ name: String, _ fallback: Double) -> Formal {
        Formal(name, "a number or None", shown: repr(fallback), { fallback }) { value in
            if case .none = value { return .some(nil) }
            return value.double.map { .some($0) }
        }
    }
}
extension Formal where Value == Scalar {
    /// A number that prints as it was written.
    package static func number(_ name: String) -> Formal { Formal(required: name, "a number") { $0.number } }
    package static func number(_ name: String, _ fallback: some ScalarConvertible) -> Formal {
        Formal(name, "a number", fallback._scalar) { $0.number }
    }
}
extension Formal where Value == Scalar? {
    package static func optionalNumber(_ name: String) -> Formal { Formal(optional: name, "a number") { $0.number } }
}
extension Formal where Value: RawRepresentable<String> & CaseIterable & Sendable {
    /// A string that is one of the raw values.
    package static func choice(_ name: String, _ fallback: Value) -> Formal {
        Formal(name, choices, shown: repr(fallback.rawValue), { fallback }) { $0.string.flatMap { Value(rawValue: $0) } }
    }

    fileprivate static var choices: String { "one of " + Value.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ") }
}
extension Formal where Value == Tensor {
    package static func tensor(_ name: String) -> Formal { Formal(required: name, "a tensor") { $0.tensor } }
}
extension Formal where Value == Tensor? {
    package static func optionalTensor(_ name: String) -> Formal { Formal(optional: name, "a tensor") { $0.tensor } }
}
extension Formal where Value == Void {
    /// An argument that must be None, for the reason `why`.
    package static func noneOnly(_ name: String, _ why: String) -> Formal {
        Formal(name, "None, since \(why)", shown: "None", {}) { value in
            if case .none = value { return () }
            return nil
        }
    }

    /// Accepts and ignores all remaining arguments.
    package static var anything: Formal { Formal([]) { $0.ignoreRest() } }
}

// MARK: Lists and sizes

extension Formal where Value == [Int] {
    package static func ints(_ name: String, _ fallback: [Int]? = nil) -> Formal {
        Formal(name, "a list of integers", fallback) { $0.ints }
    }
    package static func integersOfListOrTensor(_ name: String) -> Formal {
        Formal(required: name, "a list of integers or an integer tensor") { value in
            if let tensor = value.tensor { return tensor.dtype.isInteger && tensor.ndim <= 1 ? tensor.array(Int.self) : nil }
            return value.ints
        }
    }
}
extension Formal where Value == [Int]? {
    package static func optionalInts(_ name: String) -> Formal { Formal(optional: name, "a list of integers") { $0.ints } }
}
extension Formal where Value == [Double] {
    /// One number or a list of numbers.
    package static func doubles(_ name: String, _ fallback: [Double]? = nil) -> Formal {
        Formal(name, "a number or a list of numbers", fallback) { $0.doubles }
    }
}
extension Formal where Value == [Double]? {
    /// One number or a list of numbers.
    package static func optionalDoubles(_ name: String) -> Formal { Formal(optional: name, "a number or a list of numbers") { $0.doubles } }
}
extension Formal where Value == (any ScaleFactorConvertible)? {
    package static func optionalScaleFactors(_ name: String) -> Formal {
        Formal(optional: name, "a number or a list of numbers") { (value: Argument) -> (any ScaleFactorConvertible)? in value.doubles }
    }
}
extension Formal where Value == any ExtentsConvertible {
    /// One integer or a list of integers, such as a kernel's size.
    package static func extents(_ name: String) -> Formal { Formal(required: name, "an integer or a list of integers") { $0.extents } }
    package static func extents(_ name: String, _ fallback: Int) -> Formal {
        Formal(name, "an integer or a list of integers", shown: repr(fallback), { Extents(fallback) }) { $0.extents }
    }

    /// One integer, or two for each of `spatial` dimensions.
    package static func edges(_ name: String, spatial: Int) -> Formal {
        Formal(required: name, "an integer or a list of \(2 * spatial)") { value in
            if let list = value.list, list.count != 2 * spatial { return nil }
            return value.extents
        }
    }
}
extension Formal where Value == (any ExtentsConvertible)? {
    package static func optionalExtents(_ name: String) -> Formal {
        Formal(optional: name, "an integer or a list of integers") { (value: Argument) -> (any ExtentsConvertible)? in value.extents }
    }
}
extension Formal where Value == Shape {
    package static func shape(_ name: String) -> Formal {
        Formal(required: name, "an integer or a list of integers") { $0.extents.map { Shape($0.values) } }
    }
}
extension Formal where Value == any OutputExtentsConvertible {
    /// An adaptive pool's output: one integer, or a list in which None keeps the input's extent.
    package static func outputExtents(_ name: String) -> Formal {
        Formal(required: name, "an integer, or a list of integers and None") { $0.outputExtents }
    }
}
extension Formal where Value == ConvolutionPadding {
    package static func convolutionPadding(_ name: String) -> Formal {
        Formal(name, "an integer, a list of integers, 'same' or 'valid'", shown: "0", { ConvolutionPadding(0) }) { value in
            if let name = value.string { return ConvolutionPadding(name) }
            return value.extents.map { ConvolutionPadding($0) }
        }
    }
}

// MARK: Device and dtype

extension Formal where Value == Device {
    /// None, or the name of a device.
    package static var device: Formal {
        Formal("device", "the name of a device or None", shown: "None", { .cpu }) { value in
            if case .none = value { return .cpu }
            return value.string.flatMap { Device($0) }
        }
    }
}
extension Formal where Value == DType {
    /// None, or a floating-point dtype.
    package static var dtype: Formal {
        Formal("dtype", "a floating-point dtype or None", shown: "None", { .float32 }) { value in
            switch value {
            case .none: .float32
            case .dtype(let dtype) where dtype.isFloatingPoint: dtype
            case .string(let name): DType(name).flatMap { $0.isFloatingPoint ? $0 : nil }
            default: nil
            }
        }
    }
}

// MARK: How losses are reduced

extension Formal where Value == Bool? {
    /// PyTorch's old name of a part of `reduction`, which it overrules where it is given.
    package static var sizeAverage: Formal { optionalBool("size_average") }
    /// The other part, likewise.
    package static var reduce: Formal { optionalBool("reduce") }
}
extension Formal where Value: RawRepresentable<String> & CaseIterable & Sendable {
    package static var reduction: Formal { choice("reduction", Value(rawValue: "mean")!) }

    /// `reduction` after the two deprecated arguments.
    package static var reductionAndOldNames: Formal {
        let (average, reduce, reduction) = (Formal<Bool?>.sizeAverage, Formal<Bool?>.reduce, reduction)
        return Formal(average.declared + reduce.declared + reduction.declared) { a in
            let (averages, reduces) = (try average.read(&a), try reduce.read(&a))
            return try reduction.read(&a).overruled(averages, reduces)
        }
    }
}
extension RawRepresentable<String> {
    /// The reduction that `size_average` and `reduce` select, where one of them is given.
    func overruled(_ averages: Bool?, _ reduces: Bool?) -> Self {
        if averages == nil && reduces == nil { return self }
        return Self(rawValue: reduces == false ? "none" : averages == false ? "sum" : "mean")!
    }
}
