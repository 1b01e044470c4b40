import ApusCore
import ApusFormats
import ApusNN
import ApusSystem

/// What loading a file of weights has done: it lists every tensor that was renamed, missing or left over.
public struct LoadReport: CustomStringConvertible, Sendable {
    /// The number of tensors that were loaded.
    public internal(set) var loaded = 0
    /// Names in the file that were changed, with the module's names for them.
    public internal(set) var renamed: [(found: String, takenFor: String)] = []
    /// Names in the module that the file lacks; empty unless `strict` is false.
    public internal(set) var missing: [String] = []
    /// Names in the file that the module lacks; empty unless `strict` is false.
    public internal(set) var leftOver: [String] = []
    /// Tensors that both have but the module kept unchanged, and why: those of a head for other classes.
    public private(set) var kept: [(key: String, reason: String)] = []
    /// Tensors in the file of a type that Apus does not support, and why they were left out.
    public internal(set) var leftOut: [(key: String, reason: String)] = []

    /// `loaded 62 tensors; 62 renamed (module.conv1.weight → conv1.weight, …)`.
    public var description: String {
        func list(_ names: [String]) -> String { names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "") }
        var parts = ["loaded \(loaded) tensors"]
        if !renamed.isEmpty { parts.append("\(renamed.count) renamed (\(list(renamed.map { "\($0.found) → \($0.takenFor)" })))") }
        if let first = kept.first { parts.append("\(kept.count) kept (\(list(kept.map(\.key))): \(first.reason))") }
        if !missing.isEmpty { parts.append("\(missing.count) missing (\(list(missing)))") }
        if !leftOver.isEmpty { parts.append("\(leftOver.count) left over (\(list(leftOver)))") }
        if !leftOut.isEmpty { parts.append("\(leftOut.count) left out (\(list(leftOut.map { "\($0.key): \($0.reason)" })))") }
        return parts.joined(separator: "; ")
    }

    /// Moves tensors from the loaded to the kept ones.
    package mutating func keep(_ keys: [String], because reason: String) {
        loaded -= keys.count
        kept += keys.map { ($0, reason) }
    }
}

extension Module {
    /// Loads the weights of a file of any format that Apus reads: PyTorch's (`.pt`, `.pth`, `.ckpt`, …), safetensors, NumPy's `.npz`.
    ///
    /// ```swift
    /// let report = try model.loadStateDict(from: "checkpoint.pth.tar", at: "state_dict", dropping: "module.", renaming: ["fc.": "head."])
    /// ```
    /// - Parameters:
    ///   - path: the file; its format is detected from its contents.
    ///   - place: where the weights are in the file: names joined by dots (`"model"`, `"state_dict"`); by default the whole file.
    ///   - prefix: a prefix of names in the file that the module's names lack, such as the `module.` of `nn.DataParallel`. It is removed
    ///     from names that have it.
    ///   - renaming: prefixes of names, and what to replace them with; for each name the first that matches is used. They apply after
    ///     `prefix` is removed.
    ///   - strict: whether missing and left-over names are an error; otherwise they are listed in the report.
    ///
    /// Throws an error of reading the file, and a `FormatError` if names, shapes or dtypes do not fit, of which it lists all, if a prefix
    /// or a renaming matches no name, if two tensors would get the same name, or if no tensor is for this module. Then nothing has changed.
    @discardableResult public final func loadStateDict(
        from path: String, at place: String = "", dropping prefix: String? = nil, renaming: KeyValuePairs<String, String> = [:],
        strict: Bool = true
    ) throws -> LoadReport {
        let file = try TensorFile(path, at: place)
        var report = LoadReport()
        report.leftOut = file.leftOut
        var unused = Set(renaming.map { ByteKey($0.key) })
        var dropped = 0
        var state = StateDict()
        for (key, tensor) in file.tensors {
            var name = key
            if let prefix, let rest = name.after(prefix), !rest.isEmpty {
                name = rest
                dropped += 1
            }
            if let (old, new) = renaming.first(where: { name.after($0.key) != nil }) {
                name = new + name.after(old)!
                unused.remove(ByteKey(old))
            }
            if !name.isSame(as: key) { report.renamed.append((key, name)) }
            guard state[name] == nil else {
                throw FormatError(file: path, place: .key(key), reason: "after renaming, two tensors are called '\(printable(name))'")
            }
            state[name] = tensor
        }
        func none(_ what: String, _ text: String) -> FormatError {
            let names = file.tensors.keys.prefix(5).joined(separator: ", ")
            return FormatError(
                file: path, place: place.isEmpty ? nil : .key(place),
                reason: "no name begins with the \(what) '\(printable(text))'; there are \(names)\(file.tensors.count > 5 ? ", …" : "")")
        }
        if let prefix, dropped == 0 { throw none("prefix", prefix) }
        if let left = renaming.first(where: { unused.contains(ByteKey($0.key)) }) { throw none("renaming's", left.key) }
        let own = Set(stateDict().keys.map { ByteKey($0) })
        guard strict || state.keys.contains(where: { own.contains(ByteKey($0)) }) else {
            throw FormatError(
                file: path, place: place.isEmpty ? nil : .key(place),
                reason:
                    "none of its tensors is for this \(type(of: self)): it has \(state.keys.prefix(3).joined(separator: ", ")), … where the module has \(stateDict().keys.prefix(3).joined(separator: ", ")), …"
            )
        }
        do {
            let result = try loadStateDict(state, strict: strict)
            report.renamed += result.olderKeys
            (report.missing, report.leftOver) = (result.missingKeys, result.unexpectedKeys)
            report.loaded = state.count - result.unexpectedKeys.count
        } catch let error as StateDictError {
            throw FormatError(file: path, place: place.isEmpty ? nil : .key(place), reason: "\(error)\(Module.hint(error, state))")
        }
        return report
    }

    /// A hint if no name fits: the prefix that the file's names have and the module's lack.
    private static func hint(_ error: StateDictError, _ state: StateDict) -> String {
        guard let missing = error.missing.first, let longer = state.keys.first(where: { $0.hasSuffix("." + missing) }) else { return "" }
        let prefix = longer.dropLast(missing.utf8.count)
        let place = prefix.dropLast()
        return state.keys.allSatisfy { $0.hasPrefix(prefix) }
            ? "\n  all its names begin with '\(prefix)'; give dropping: \"\(prefix)\""
            : "\n  some of its names begin with '\(prefix)'; if the weights are there, give at: \"\(place)\""
    }
}
