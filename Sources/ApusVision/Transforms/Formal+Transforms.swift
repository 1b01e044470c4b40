import ApusCore
import ApusFormats
import ApusNN

// Kinds of arguments that transforms have and layers do not.

extension Formal where Value == Void {
    /// Accepts only True: torchvision always resizes uint8 pictures with antialiasing.
    static var antialias: Formal {
        Formal("antialias", "True, since pictures of bytes are always resized with it", shown: "True", {}) { $0.bool == true ? () : nil }
    }
}
extension Formal where Value == ClosedRange<Double> {
    /// A list of two numbers in ascending order.
    static func interval(_ name: String, _ fallback: ClosedRange<Double>) -> Formal {
        Formal(name, "a list [min, max]", shown: fallback.pythonRepr, { fallback }) { $0.interval }
    }
}
extension Formal where Value == ClosedRange<Double>? {
    static func optionalInterval(_ name: String) -> Formal { Formal(optional: name, "a list [min, max]") { $0.interval } }
}
extension Formal where Value == ClosedRange<Double> {
    /// The standard deviation of a Gaussian: a number, or a list of two.
    static var sigma: Formal {
        Formal("sigma", "a number or a list [min, max]", shown: "(0.1, 2.0)", { 0.1...2 }) { value in
            value.interval ?? (value.list == nil ? value.double.map { $0...$0 } : nil)
        }
    }
}
extension Formal where Value == [Double] {
    /// None, a number s for [−s, s], or the bounds of one or two ranges.
    static var shear: Formal {
        Formal("shear", "a number, or a list of two or four that do not fall in pairs", shown: "None", { [] }) { value in
            if case .none = value { return [] }
            if value.list == nil { return value.double.flatMap { $0 < 0 ? nil : [-$0, $0] } }
            guard let ends = value.doubles, ends.count == 2 || ends.count == 4 else { return nil }
            return ends[0] <= ends[1] && (ends.count == 2 || ends[2] <= ends[3]) ? ends : nil
        }
    }
}
extension Formal where Value == [Double]? {
    /// One number or a list of numbers; nil for 'random'.
    static var erasingValue: Formal {
        Formal("value", "a number, a list of numbers or 'random'", shown: "0.0", { [0] }) { value in
            value.string == "random" ? .some(nil) : value.doubles.map { .some($0) }
        }
    }
}
extension Formal where Value == any SpreadConvertible {
    /// A number, or a list of two numbers in ascending order.
    static func spread(_ name: String, _ fallback: ClosedRange<Double>? = nil) -> Formal {
        let wanted = "a number or a list [min, max]"
        guard let fallback else { return Formal(required: name, wanted) { $0.spread } }
        return Formal(name, wanted, shown: fallback.pythonRepr, { fallback }) { $0.spread }
    }
}
extension Formal where Value == (any SpreadConvertible)? {
    static func optionalSpread(_ name: String) -> Formal {
        Formal(optional: name, "a number or a list [min, max]") { (value: Argument) -> (any SpreadConvertible)? in value.spread }
    }
}
extension Formal where Value == Picture.Fill {
    static func fill(_ fallback: Int) -> Formal {
        Formal("fill", "a number from 0 to 255, or a list of three", shown: repr(fallback), { Picture.Fill(fallback) }) { $0.fill }
    }
}
extension Formal where Value == Picture.Fill? {
    static var optionalFill: Formal { Formal(optional: "fill", "a number from 0 to 255, or a list of three") { $0.fill } }
}
extension Formal where Value == Picture.Point? {
    static func optionalPoint(_ name: String) -> Formal {
        Formal(optional: name, "a list of two numbers") { value in
            value.doubles.flatMap { $0.count == 2 ? ($0[0], $0[1]) : nil }
        }
    }
}

extension Argument {
    fileprivate var interval: ClosedRange<Double>? {
        guard list != nil, let values = doubles, values.count == 2, values[0] <= values[1] else { return nil }
        return values[0]...values[1]
    }
    fileprivate var spread: (any SpreadConvertible)? { list == nil ? double : interval }
    fileprivate var fill: Picture.Fill? {
        guard let values = int.map({ [$0] }) ?? ints, [1, 3].contains(values.count), values.allSatisfy({ 0...255 ~= $0 }) else {
            return nil
        }
        return Picture.Fill(values)
    }
}

extension ClosedRange: PythonRepresentable where Bound == Double {
    /// As a tuple: `(0.08, 1.0)`.
    package var pythonRepr: String { [lowerBound, upperBound].pythonRepr }
}
extension Picture.Fill: PythonRepresentable {
    package var pythonRepr: String { values.count == 1 ? repr(values[0]) : repr(values) }
}
