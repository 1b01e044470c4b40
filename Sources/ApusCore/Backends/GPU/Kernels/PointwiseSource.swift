/// The source of the kernel for a chain of pointwise steps: loads, one line per step, stores.
///
/// Rare steps use a `shared` kernel, which serves a whole family and takes the function as an argument, so that a program's first steps do
/// not wait for the compiler at each new op.
struct PointwiseSource {
    private let chain: PointwiseChain
    private let views: [PointwiseChain.View]
    private let stored: [Int]
    /// Whether some view is not contiguous; then all are accessed by strides.
    private let isStrided: Bool
    /// How many adjacent elements an item computes at once.
    private let width: Int
    private let hasFloat64: Bool
    private let isShared: Bool

    init(_ chain: PointwiseChain, isStrided: Bool, width: Int, hasFloat64: Bool, isShared: Bool = false) {
        self.isShared = isShared
        self.chain = chain
        views = chain.views
        stored = chain.stored
        self.isStrided = isStrided
        self.width = width
        self.hasFloat64 = hasFloat64
    }

    /// Everything that the source depends on.
    static func key(_ chain: PointwiseChain, isStrided: Bool, width: Int, isShared: Bool = false) -> KernelKey {
        var signature: [Int32] = [isStrided ? 1 : 0, Int32(width), Int32(chain.loads.count)]
        for load in chain.loads { signature.append(Int32(load.dtype.rawValue)) }
        for step in chain.steps {
            signature += [
                isShared ? -step.function.family : step.function.code, Int32(step.dtype.rawValue), Int32(step.output.dtype.rawValue),
            ]
            signature += step.operands.map {
                if case .load(let i) = $0 { Int32(i) } else if case .step(let i) = $0 { Int32(-1 - i) } else { 0 }
            }
            signature.append(step.released != nil || step.isOverwritten ? 0 : 1)
        }
        return KernelKey("pointwise", signature: signature)
    }

    var text: String {
        let types = Set(chain.steps.flatMap { [$0.dtype.computeName, $0.output.dtype.computeName] })
        var text = types.contains("f32") ? KernelDialect.elementary("f32") : ""
        if types.contains("f64") { text += KernelDialect.elementary("f64") }
        if types.contains("i64") { text += KernelDialect.integerFunctions }
        text += KernelDialect.expressions
        if chain.steps.contains(where: \.isSpecial) { text += KernelDialect.special(hasFloat64: hasFloat64) }
        if isStrided { text += KernelDialect.space + "SPACE(Space, \(views.count))\n" }

        var parameters = ["i64 n"]
        for (v, view) in views.enumerated() {
            parameters += ["GLOBAL \(v < chain.loads.count ? "const " : "")s_\(view.dtype) *p\(v)", "i64 o\(v)"]
        }
        for (s, step) in chain.steps.enumerated() {
            parameters += (0..<(isShared ? 3 : step.constantCount)).map { "\(step.constantType.computeName) c\(s)_\($0)" }
        }
        if isShared { parameters.append("i64 function") }
        if isStrided { parameters.append("Space space") }

        text += "KERNEL void pointwise(\(parameters.joined(separator: ", "))) {\n"
        text += "for (i64 j = GLOBAL_ID * \(width); j < n; j += GLOBAL_COUNT * \(width)) {\n"
        if isStrided { text += "i64 at[\(views.count)] = {0};\nplaces_Space(j, &space, at);\n" }
        func place(_ v: Int) -> String { isStrided ? "o\(v) + at[\(v)]" : "o\(v) + j" }
        for (v, load) in chain.loads.enumerated() {
            let type = load.dtype.computeName
            if width == 1 {
                text += "\(type) l\(v) = read_\(load.dtype)(p\(v), \(place(v)));\n"
            } else {
                text += "\(type) l\(v)[\(width)]; READ4_f32(p\(v) + \(place(v)), l\(v))\n"
            }
        }
        let at = width == 1 ? "" : "[k]"
        if width > 1 {
            for (s, step) in chain.steps.enumerated() { text += "\(step.output.dtype.computeName) r\(s)[\(width)];\n" }
            text += "for (int k = 0; k < \(width); k++) {\n"
        }
        var language: String?
        for (s, step) in chain.steps.enumerated() {
            let type = step.output.dtype.computeName
            if width == 1 { text += "\(type) r\(s);\n" }
            if language != step.dtype.computeName { text += KernelDialect.expressions(of: step.dtype.computeName) }
            language = step.dtype.computeName
            text += "{ " + body(s, step, at) + " }\n"
        }
        if width > 1 { text += "}\n" }
        for (k, s) in stored.enumerated() {
            let v = chain.loads.count + k
            text += width == 1 ? "write_\(views[v].dtype)(p\(v), \(place(v)), r\(s));\n" : "WRITE4_f32(p\(v) + \(place(v)), r\(s));\n"
        }
        return text + "}\n}\n"
    }

    /// Declares operands and constants under the expression's names, then computes the result, rounded to the output's dtype.
    private func body(_ s: Int, _ step: PointwiseChain.Step, _ at: String) -> String {
        let names = ["x", "y", "z"]
        var text = ""
        for (i, source) in step.operands.enumerated() {
            switch source {
            case .load(let load): text += "\(chain.loads[load].dtype.computeName) \(names[i]) = l\(load)\(at); "
            case .step(let other): text += "\(chain.steps[other].output.dtype.computeName) \(names[i]) = r\(other)\(at); "
            }
        }
        for (i, name) in ["A", "B", "C"].prefix(isShared ? 3 : step.constantCount).enumerated() {
            text += "\(step.constantType.computeName) \(name) = c\(s)_\(i); "
        }
        let dtype = step.output.dtype
        if isShared {
            let cases = step.family.map { "case \($0.function.code): r\(s)\(at) = \($0.expression); break;\n" }
            return text
                + "switch ((int)function) {\n\(cases.joined())default: r\(s)\(at) = 0;\n}\nr\(s)\(at) = rounded_\(dtype)(r\(s)\(at)); "
        }
        return text + "r\(s)\(at) = rounded_\(dtype)(\(step.expression)); "
    }
}

extension PointwiseChain.Step {
    /// The function's line in its table, nil if it is not in a table.
    private var tabled: PointwiseFunction? {
        switch function {
        case .unary(let kind): kind.function
        case .binary(let kind): kind.function
        case .compare(let kind): kind.function
        case .select, .convert, .fill: nil
        }
    }

    /// How many constants the expression uses.
    var constantCount: Int { function == .fill ? 1 : tabled?.constantCount ?? 0 }

    /// The steps that one shared kernel serves instead of this step, including itself: those with the same kind, operands and result dtype.
    /// Empty if there is no shared kernel.
    var family: [PointwiseChain.Step] {
        let others: [PointwiseChain.Function] =
            switch function {
            case .unary: UnaryKind.allCases.map { .unary($0) }
            case .binary: BinaryKind.allCases.map { .binary($0) }
            case .compare: CompareKind.allCases.map { .compare($0) }
            case .select, .convert, .fill: []
            }
        let steps = others.map { other in
            var step = self
            step.function = other
            return step
        }
        return isSpecial
            ? [] : steps.filter { $0.function.family == function.family && $0.tabled?.expression(of: dtype) != nil && !$0.isSpecial }
    }

    /// The dtype that constants are computed in.
    var constantType: DType { function == .fill ? output.dtype : dtype }

    /// Whether the expression calls one of the special functions, whose code is long.
    var isSpecial: Bool { tabled?.isSpecial == true }

    var expression: String {
        if let tabled {
            guard let expression = tabled.expression(of: dtype) else { preconditionFailure("\(tabled.name) of \(dtype)") }
            return expression
        }
        switch function {
        case .select: return "x ? y : z"
        case .fill: return "A"
        case .convert, .unary, .binary, .compare:
            // Floats are converted to integers by a function that handles values out of range; bool is `!= 0`.
            if output.dtype == .bool { return "x != 0" }
            if output.dtype.isFloatingPoint { return "(\(output.dtype.computeName))x" }
            let integer = "integer_of_\(dtype.computeName)(x)"
            let (low, high) = (output.dtype.nearest(.min), output.dtype.nearest(.max))
            return dtype.isFloatingPoint && output.dtype != .int64 ? "nearest_integer(\(integer), \(low), \(high))" : integer
        }
    }
}
