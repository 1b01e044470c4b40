import ApusCore

/// A spatial size: one number for every dimension (`3`), or one for each (`[3, 5]`).
public protocol ExtentsConvertible: Sendable {
    /// The size; an implementation detail of functions that take one.
    var _extents: Extents { get }
}

/// A spatial size, such as a kernel's: one number for every dimension, or one number for each.
///
/// Functions and layers take an `Int`, an `[Int]`, a `Shape` or an `Extents` in its place.
public struct Extents: ExtentsConvertible, Hashable {
    /// The numbers as they were given.
    public let values: [Int]
    /// Whether one number was given for every dimension.
    public let isSingle: Bool

    /// One number for every dimension.
    public init(_ value: Int) {
        values = [value]
        isSingle = true
    }
    /// One number for each dimension.
    public init(_ values: [Int]) {
        self.values = values
        isSingle = false
    }
    public var _extents: Extents { self }

    /// `count` numbers, one for each dimension; a list of one number holds for all, as in PyTorch. `name` is the argument's name in errors.
    func spread(_ count: Int, _ name: String) throws(OpError) -> [Int] {
        if values.count == 1 { return Array(repeating: values[0], count: count) }
        guard values.count == count else {
            throw OpError("\(name) \(values) has \(values.count) numbers; 1 or \(count), one for each spatial dimension, are needed")
        }
        return values
    }
}

extension Int: ExtentsConvertible {
    public var _extents: Extents { Extents(self) }
}
extension Array: ExtentsConvertible where Element == Int {
    public var _extents: Extents { Extents(self) }
}
extension Shape: ExtentsConvertible {
    public var _extents: Extents { Extents(Array(self)) }
}
/// What is left of a list, as in `F.interpolate(x, size: y.shape[2...])`.
extension Slice: ExtentsConvertible where Base == Shape {
    public var _extents: Extents { Extents(Array(self)) }
}
extension ArraySlice: ExtentsConvertible where Element == Int {
    public var _extents: Extents { Extents(Array(self)) }
}

extension Extents: PythonRepresentable {
    /// As it was given: `3` or `(3, 3)`.
    package var pythonRepr: String { isSingle ? values[0].pythonRepr : values.pythonRepr }
}

/// The output size of an adaptive pool: `7`, `[7, 5]`, or `[7, nil]` where nil keeps the input's extent.
public protocol OutputExtentsConvertible: Sendable {
    /// The size; an implementation detail of functions that take one.
    var _outputExtents: OutputExtents { get }
}

/// The output size of an adaptive pool; nil keeps the input's extent.
public struct OutputExtents: OutputExtentsConvertible, Hashable {
    /// The extents; nil keeps the input's.
    public let values: [Int?]
    /// Whether one number was given for every dimension.
    public let isSingle: Bool

    /// One number for every dimension.
    public init(_ value: Int) {
        values = [value]
        isSingle = true
    }
    /// One number, or nil, for each dimension.
    public init(_ values: [Int?]) {
        self.values = values
        isSingle = false
    }
    public var _outputExtents: OutputExtents { self }

    func spread(_ count: Int) throws(OpError) -> [Int?] {
        if values.count == 1 { return Array(repeating: values[0], count: count) }
        guard values.count == count else {
            throw OpError("outputSize \(repr(self)) has \(values.count) numbers; 1 or \(count), one for each spatial dimension, are needed")
        }
        return values
    }
}

extension Int: OutputExtentsConvertible {
    public var _outputExtents: OutputExtents { OutputExtents(self) }
}
extension Shape: OutputExtentsConvertible {
    public var _outputExtents: OutputExtents { OutputExtents(Array(self)) }
}
extension Slice: OutputExtentsConvertible where Base == Shape {
    public var _outputExtents: OutputExtents { OutputExtents(Array(self)) }
}
extension Array: OutputExtentsConvertible where Element: OutputExtentElement {
    public var _outputExtents: OutputExtents { OutputExtents(map(\._outputExtent)) }
}
/// An element of an adaptive pool's output size: `Int` or `Int?`.
public protocol OutputExtentElement: Sendable {
    /// The extent; an implementation detail of functions that take a list of them.
    var _outputExtent: Int? { get }
}
extension Int: OutputExtentElement {
    public var _outputExtent: Int? { self }
}
extension Int?: OutputExtentElement {
    public var _outputExtent: Int? { self }
}

extension OutputExtents: PythonRepresentable {
    package var pythonRepr: String { isSingle ? values[0].pythonRepr : values.pythonRepr }
}

/// The padding of a convolution: a number of elements, `same` (the output has the input's extents; stride 1 alone) or `valid` (none).
///
/// Functions and layers take an `Int` or an `[Int]` in its place.
public struct ConvolutionPadding: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case extents(Extents)
        case same
        case valid
    }
    let kind: Kind

    /// As many elements as keep the input's extents, an odd one at the end; a convolution traps unless its stride is 1.
    public static let same = ConvolutionPadding(kind: .same)
    /// No padding.
    public static let valid = ConvolutionPadding(kind: .valid)

    private init(kind: Kind) { self.kind = kind }
    /// `extents` elements on each side of each dimension.
    public init(_ extents: any ExtentsConvertible) { kind = .extents(extents._extents) }
    /// `"same"` or `"valid"`, as in PyTorch; nil for any other name.
    public init?(_ name: String) {
        switch name {
        case "same": kind = .same
        case "valid": kind = .valid
        default: return nil
        }
    }
}

extension ConvolutionPadding {
    /// The number of zeros before and after each dimension, for a kernel of `kernel` taps with `dilation`.
    func amounts(kernel: [Int], dilation: [Int], stride: [Int]) throws(OpError) -> [(before: Int, after: Int)] {
        switch kind {
        case .extents(let extents): return try extents.spread(kernel.count, "padding").map { ($0, $0) }
        case .valid: return kernel.map { _ in (0, 0) }
        case .same:
            guard stride.allSatisfy({ $0 == 1 }) else { throw OpError("padding same needs stride 1, the stride is \(stride)") }
            return zip(kernel, dilation).map { k, d in
                let total = d * (k - 1)
                return (total / 2, total - total / 2)
            }
        }
    }
}

/// The number of spatial dimensions of a layer: those that its class has, or in a base class those that `count` numbers tell, the length of
/// the argument `name`. Fails and returns the lower bound where layers of `possible` dimensions are all there is.
func spatialDimensions(
    of type: Module.Type, _ fixed: Int?, told count: Int, _ name: String, possible: ClosedRange<Int> = 1...3
) -> Int {
    let spatial = fixed ?? count
    if possible.contains(spatial) { return spatial }
    fail(
        "\(type)",
        "\(name) has \(count) numbers and so tells \(spatial) spatial dimensions; \(possible.lowerBound) to \(possible.upperBound) are possible"
    )
    return possible.lowerBound
}
