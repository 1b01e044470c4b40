import ApusCore

extension Module {
    /// The text of PyTorch's `Module.__repr__`.
    final func describeMembers() -> String {
        printed((parametrizations == nil ? "" : "Parametrized") + typeName, extraRepr: extraRepr, describeChildren(members().tree))
    }
}

private func describeChildren(_ members: [NamedMember]) -> [(name: String, text: String)] {
    members.compactMap { part in
        let name = part.name
        return switch part.member {
        case .module(let module): (name, module.description)
        case .group(let container, let inner):
            // An array, dictionary or tuple of layers prints as a container with the same keys.
            inner.contains { $0.member.isPrinted }
                ? (
                    name,
                    container == "ModuleList"
                        ? printedList(container, describeChildren(inner).map(\.text))
                        : printed(container, extraRepr: "", describeChildren(inner))
                )
                : nil
        case .parameter, .buffer: nil
        }
    }
}

extension Member {
    fileprivate var isPrinted: Bool {
        switch self {
        case .module: true
        case .parameter, .buffer: false
        case .group(_, let inner): inner.contains { $0.member.isPrinted }
        }
    }
}

/// `Name(extra)` or, with children, one line for each of them.
func printed(_ typeName: String, extraRepr: String, _ children: [(name: String, text: String)]) -> String {
    let extraLines = extraRepr.isEmpty ? [] : extraRepr.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if extraLines.count <= 1 && children.isEmpty { return "\(typeName)(\(extraRepr))" }
    let lines = extraLines + children.map { indented("(\($0.name)): \($0.text)") }
    return "\(typeName)(\n  " + lines.joined(separator: "\n  ") + "\n)"
}

/// A list in which equal neighbours are printed once: `(0-2): 3 x Linear(…)`.
func printedList(_ typeName: String, _ items: [String]) -> String {
    if items.isEmpty { return "\(typeName)()" }
    var lines: [String] = []
    var start = 0
    while start < items.count {
        var end = start
        while end + 1 < items.count && items[end + 1] == items[start] { end += 1 }
        lines.append(indented(start == end ? "(\(start)): \(items[start])" : "(\(start)-\(end)): \(end - start + 1) x \(items[start])"))
        start = end + 1
    }
    return "\(typeName)(\n  " + lines.joined(separator: "\n  ") + "\n)"
}

private func indented(_ text: String) -> String { text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n  ") }

// MARK: - Arguments

extension Module {
    /// The shown arguments in order, each with the value of the property that has its name in Swift spelling.
    final func shown(_ declared: [DeclaredArgument]) -> String { printedArguments(declared, of: self) }
}

/// The shown arguments of any value, as ``Module/shown(_:)`` has those of a module.
package func printedArguments(_ declared: [DeclaredArgument], of owner: Any) -> String {
    var values: [String: Any] = [:]
    var level: Mirror? = Mirror(reflecting: owner)
    while let mirror = level {
        for case (let label?, let value) in mirror.children { values[snakeCase(label)] = value }
        level = mirror.superclassMirror
    }
    return declared.compactMap { argument -> String? in
        guard let form = argument.shown else { return nil }
        guard let value = values[argument.name] else {
            preconditionFailure("\(type(of: owner)) shows '\(argument.name)', for which it has no property")
        }
        let text = argumentText(value)
        let printed = argument.isQuoted ? text : argumentText(value, isQuoted: false)
        switch form {
        case .named: return "\(argument.name)=\(printed)"
        case .asValue: return printed
        case .unlessDefault:
            guard let fallback = argument.fallback else { preconditionFailure("'\(argument.name)' of \(type(of: owner)) has no default") }
            // 2 equals the default 2.0.
            let isDefault = text == fallback || Double(fallback).map { $0 == Double(text) } ?? false
            return isDefault ? nil : "\(argument.name)=\(printed)"
        }
    }.joined(separator: ", ")
}

/// The text for the argument that was stored as `value`; for a parameter, whether there is one.
private func argumentText(_ value: Any, isQuoted: Bool = true) -> String {
    switch value {
    case let value as any PythonRepresentable: repr(value)
    case let value as any RawRepresentable<String>: isQuoted ? repr(value.rawValue) : value.rawValue
    case let value as Parameter?: repr(value != nil)
    default: preconditionFailure("a \(type(of: value)) has no Python spelling")
    }
}

// MARK: - Values in Python's spelling

/// A value as Python's `repr` spells it, for `extraRepr`: `True`, `None`, `1e-05`, `(3,)`, `'mean'`.
package protocol PythonRepresentable {
    var pythonRepr: String { get }
}

/// `True`, `None`, `1e-05`, `(3, 3)`: what PyTorch prints for `value`.
package func repr(_ value: some PythonRepresentable) -> String { value.pythonRepr }

/// `in_features=3, bias=True`: the texts joined by commas, without nil.
package func reprList(_ parts: String?...) -> String { parts.compactMap(\.self).joined(separator: ", ") }

extension Bool: PythonRepresentable {
    package var pythonRepr: String { self ? "True" : "False" }
}
extension Int: PythonRepresentable {
    package var pythonRepr: String { description }
}
extension Double: PythonRepresentable {
    /// The shortest digits that read back, as in Swift; Python uses an exponent only from 1e16 on.
    package var pythonRepr: String {
        guard magnitude < 1e16, magnitude >= 0x1p53 else { return description }
        return "\(Int64(self)).0"
    }
}
extension String: PythonRepresentable {
    package var pythonRepr: String { "'\(self)'" }
}
extension Optional: PythonRepresentable where Wrapped: PythonRepresentable {
    package var pythonRepr: String { map(\.pythonRepr) ?? "None" }
}
extension Array: PythonRepresentable where Element: PythonRepresentable {
    /// As a tuple: `(3,)`, `(3, 3)`.
    package var pythonRepr: String { "(" + map(\.pythonRepr).joined(separator: ", ") + (count == 1 ? ",)" : ")") }
}
extension Shape: PythonRepresentable {
    package var pythonRepr: String { Array(self).pythonRepr }
}
