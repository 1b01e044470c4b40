import ApusSystem

/// Prints like PyTorch: decimals or scientific notation, aligned columns, and only the corners of large tensors, according to
/// `PrintOptions`.
extension Tensor: CustomStringConvertible {
    public var description: String {
        if isPoisoned { return "tensor(poisoned)" }
        let text = TensorPrinter(self).text
        return self is Parameter ? "Parameter containing:\n" + text : text
    }
}

extension String.StringInterpolation {
    /// String interpolation of a scalar tensor gives its number, as Swift writes one of its dtype: `"\(loss)"` is `0.25`, and for an
    /// integer tensor `60`. Other tensors give their description. This corresponds to PyTorch's f-strings; `print(x)` and `x.description`
    /// have `tensor(60)`.
    public mutating func appendInterpolation(_ x: Tensor) {
        if x.isPoisoned || x.ndim > 0 { return appendLiteral(x.description) }
        switch x.dtype {
        case .bool: appendLiteral(x.item(Bool.self).description)
        case .float64: appendLiteral(x.item(Double.self).description)
        case .float32: appendLiteral(x.item(Float.self).description)
        case .float16: appendLiteral(x.item(Float16.self).description)
        case .bfloat16: appendLiteral(x.item(BFloat16.self).description)
        default: appendLiteral(x.item(Int64.self).description)
        }
    }
}

private struct TensorPrinter {
    let x: Tensor
    let options: PrintOptions
    let summarizes: Bool
    /// Whether the dtype is floating-point; then the elements that are shown and their format.
    private let isFloat: Bool
    private let values: [Scalar]
    private var width = 1
    private var isScientific = false
    private var isInteger = true

    init(_ x: Tensor) {
        let options = PrintOptions.current
        let isLong = x.numel > options.threshold
        (self.x, self.options, summarizes) = (x, options, isLong)
        isFloat = x.dtype.isFloatingPoint
        let shown = noGrad { isLong ? Self.corners(x.detach(), options.edgeitems) : x.detach() }
        switch x.dtype {
        case .bool: values = shown.array(Bool.self).map(Scalar.bool)
        case let dtype where dtype.isFloatingPoint: values = shown.array(Double.self).map(Scalar.double)
        default: values = shown.array(Int64.self).map(Scalar.int)
        }
        chooseFormat()
    }

    /// Whether `edge` elements at each end of a dimension are less than all.
    private static func isLong(_ extent: Int, _ edge: Int) -> Bool { extent - edge > edge }

    /// The tensor without the middle of each long dimension.
    private static func corners(_ x: Tensor, _ edge: Int) -> Tensor {
        var out = x
        for dim in 0..<x.ndim where isLong(x.shape[dim], edge) {
            out = Tensor.cat([out.narrow(dim, 0, edge), out.narrow(dim, x.shape[dim] - edge, edge)], dim: dim)
        }
        return out
    }

    private mutating func chooseFormat() {
        guard isFloat else {
            for value in values { width = max(width, format(value).count) }
            return
        }
        let finite = values.map(\.doubleValue).filter { $0.isFinite && $0 != 0 }
        guard !finite.isEmpty else { return }
        let largest = finite.map(abs).max()!
        let smallest = finite.map(abs).min()!
        isInteger = finite.allSatisfy { $0 == $0.rounded(.up) }
        isScientific = options.sciMode ?? (largest / smallest > 1000 || largest > 1e8 || (!isInteger && smallest < 1e-4))
        for value in finite { width = max(width, format(.double(value)).count) }
    }

    private func format(_ value: Scalar) -> String {
        switch value {
        case .bool(let b): return b ? "True" : "False"
        case .int(let i): return "\(i)"
        case .double(let d):
            if d.isNaN { return "nan" }
            if d.isInfinite { return d < 0 ? "-inf" : "inf" }
            if isScientific { return NumberText.text(d, .scientific, digits: options.precision) }
            return isInteger ? NumberText.text(d, .fixed, digits: 0) + "." : NumberText.text(d, .fixed, digits: options.precision)
        }
    }

    private func padded(_ value: Scalar) -> String {
        let text = format(value)
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }

    var text: String {
        let prefix = "tensor("
        var suffixes: [String] = []
        if x.device != .cpu { suffixes.append("device='\(x.device)'") }
        let body: String
        let size = "size=(" + x.shape.map(String.init).joined(separator: ", ") + (x.ndim == 1 ? ",)" : ")")
        if x.numel == 0 {
            if x.ndim != 1 { suffixes.append(size) }
            body = "[]"
            if x.dtype != .float32 { suffixes.append("dtype=torch.\(x.dtype)") }
        } else {
            var next = 0
            body = block(0, indent: prefix.count, &next)
            if options.edgeitems == 0 { suffixes.append(size) }
            if ![.float32, .int64, .bool].contains(x.dtype) { suffixes.append("dtype=torch.\(x.dtype)") }
        }
        if let name = x.gradFn {
            suffixes.append("grad_fn=<\(name.prefix(1).uppercased())\(name.dropFirst())Backward0>")
        } else if x.requiresGrad {
            suffixes.append("requires_grad=True")
        }
        var result = prefix + body
        let tail = result.lastIndex(of: "\n").map { result.distance(from: $0, to: result.endIndex) } ?? result.count + 1
        var lineLength = tail + 1
        for suffix in suffixes {
            if lineLength + suffix.count + 2 > options.linewidth {
                result += ",\n" + String(repeating: " ", count: prefix.count) + suffix
                lineLength = prefix.count + suffix.count
            } else {
                result += ", " + suffix
                lineLength += suffix.count + 2
            }
        }
        return result + ")"
    }

    /// The text for dimension `dim` and those after it; `next` is the index of the next value.
    private func block(_ dim: Int, indent: Int, _ next: inout Int) -> String {
        if x.ndim == 0 { return format(values[0]) }
        let extent = x.shape[dim]
        let edge = options.edgeitems
        let cuts = summarizes && Self.isLong(extent, edge)
        if cuts && edge == 0 { return "[...]" }
        let shown = cuts ? 2 * edge : extent
        if dim == x.ndim - 1 {
            var items: [String] = []
            for i in 0..<shown {
                if cuts && i == edge { items.append(" ...") }
                items.append(padded(values[next]))
                next += 1
            }
            let perLine = max(1, (options.linewidth - indent) / (width + 2))
            let lines = stride(from: 0, to: items.count, by: perLine).map {
                items[$0..<min($0 + perLine, items.count)].joined(separator: ", ")
            }
            return "[" + lines.joined(separator: ",\n" + String(repeating: " ", count: indent + 1)) + "]"
        }
        var parts: [String] = []
        for i in 0..<shown {
            if cuts && i == edge { parts.append("...") }
            parts.append(block(dim + 1, indent: indent + 1, &next))
        }
        let gap = "," + String(repeating: "\n", count: x.ndim - dim - 1) + String(repeating: " ", count: indent + 1)
        return "[" + parts.joined(separator: gap) + "]"
    }
}
