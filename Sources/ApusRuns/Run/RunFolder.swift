import ApusFormats
import ApusSystem
import Glibc

/// The folder of a run, and what is where in it.
///
/// | file | what |
/// | --- | --- |
/// | `options.json` | all that the run depends on, there from the first moment |
/// | `checkpoint.safetensors`, `checkpoint.previous.safetensors` | where it is, for resuming |
/// | `metrics.jsonl` | loss, accuracy and speed as it went, one JSON object a line |
/// | `model.safetensors` | the weights at the end |
/// | `report.html` | what it came to |
/// | `result.json` | written last: its being there says that the run is finished |
/// | `lock` | there while a process works on the run; it names that process |
public struct RunFolder: Sendable {
    /// The folder's path.
    public let path: String
    /// Names a folder, which need not exist.
    public init(_ path: String) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
    }

    /// What the run depends on.
    public var options: String { path + "/options.json" }
    /// The lines of metrics.
    public var metrics: String { path + "/metrics.jsonl" }
    /// The trained weights.
    public var weights: String { path + "/model.safetensors" }
    /// The page with charts.
    public var report: String { path + "/report.html" }
    /// How the run ended.
    public var result: String { path + "/result.json" }
    /// Who works on it.
    var lock: String { path + "/lock" }

    /// Makes the folder, with `options.json` in it. Whoever is killed at any moment leaves either no folder or one that can be resumed.
    ///
    /// Throws a ``RunError`` where the folder holds something already.
    public func create(_ options: RunOptions) throws {
        let text = options.json.text + "\n"
        if let names = try Folder.names(in: path) {
            // What a killed writer leaves behind is nobody's.
            guard names.allSatisfy({ $0 == ".options.json.tmp" }) else {
                throw RunError(
                    names.contains("options.json")
                        ? "\(path) holds a run already; go on with it by --resume \(path), or choose another folder by --out"
                        : "\(path) is not empty; choose another folder by --out")
            }
            return try AtomicFile.write(text, to: self.options)
        }
        let (parent, name) = AtomicFile.split(path)
        try Folder.make(parent)
        let temporary = RunFolder("\(parent)/\(AtomicFile.temporaryName(name, "\(getpid()).tmp"))")
        do { try Folder.makeOne(temporary.path) } catch { throw FileError(file: path, operation: "make", code: error.code) }
        do {
            try AtomicFile.write(text, to: temporary.options)
            guard rename(temporary.path, path) == 0 else { throw FileError(file: path, operation: "make", code: errno) }
            try AtomicFile.syncFolder(parent)
        } catch {
            unlink(temporary.options)
            rmdir(temporary.path)
            throw error
        }
    }

    /// Takes away what ``create(_:)`` made, for a run that could not begin.
    public func removeIfUnused() {
        guard let names = try? Folder.names(in: path), names.allSatisfy(["options.json", "metrics.jsonl", "lock"].contains) else { return }
        for name in names { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    /// The options of the run in the folder. Throws a ``RunError`` where there is none.
    public func loadOptions() throws -> RunOptions {
        guard try Folder.names(in: path) != nil else { throw RunError("there is no folder \(path) to resume a run in") }
        guard Folder.exists(options) else { throw RunError("\(path) holds no run: there is no options.json in it") }
        return try RunOptions(contentsOf: options)
    }

    /// What the finished run came to, nil where it is not finished, or has been given more epochs since.
    package func loadResult(_ options: RunOptions) throws -> Run.Result? {
        guard Folder.exists(result) else { return nil }
        guard let found = try Run.Result(json: JSON(contentsOf: result)) else {
            throw FormatError(file: result, reason: "not the result of a run")
        }
        return found.epochs == options.epochs ? found : nil
    }

    /// The first of `base-1`, `base-2`, … that does not exist.
    public static func free(_ base: String) -> String {
        var number = 1
        while Folder.exists("\(base)-\(number)") { number += 1 }
        return "\(base)-\(number)"
    }
}
