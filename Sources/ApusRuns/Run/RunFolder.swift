import ApusFormats
import ApusSystem
import Glibc

/// The folder of a run and the files in it.
///
/// | file | what |
/// | --- | --- |
/// | `options.json` | the options of the run, written first |
/// | `checkpoint.safetensors`, `checkpoint.previous.safetensors` | the state of training, for resuming |
/// | `metrics.jsonl` | loss, accuracy and speed during training, one JSON object per line |
/// | `model.safetensors` | the final weights |
/// | `model-last.safetensors` | the weights at the end, where both those and the best ones are kept |
/// | `lr-find.json` | the learning rates that were tried before the run, where that was asked for |
/// | `report.html` | the results as a page |
/// | `result.json` | the results, written last: if it exists, the run is finished |
/// | `lock` | exists while a process works on the run, and names that process |
public struct RunFolder: Sendable {
    /// The folder's path.
    public let path: String
    /// Names a folder, which need not exist.
    public init(_ path: String) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
    }

    /// The path of the options.
    public var options: String { path + "/options.json" }
    /// The path of the metrics.
    public var metrics: String { path + "/metrics.jsonl" }
    /// The path of the trained weights.
    public var weights: String { path + "/model.safetensors" }
    /// The path of the weights at the end where the best ones are kept too.
    var lastWeights: String { path + "/model-last.safetensors" }
    /// The path of the learning rates that were tried.
    var learningRates: String { path + "/lr-find.json" }
    /// The path of the report.
    public var report: String { path + "/report.html" }
    /// The path of the results.
    public var result: String { path + "/result.json" }
    /// The path of the lock.
    var lock: String { path + "/lock" }

    /// Creates the folder with `options.json` in it. A process that is killed at any moment leaves no folder or one that can be resumed.
    ///
    /// Throws a ``RunError`` if the folder exists and is not empty.
    public func create(_ options: RunOptions) throws {
        let text = options.json.text + "\n"
        if let names = try Folder.names(in: path) {
            // A temporary file of a killed process does not count.
            guard names.allSatisfy({ $0 == ".options.json.tmp" }) else {
                throw RunError(
                    names.contains("options.json")
                        ? "\(path) holds a run already; \(.resume(path)), or \(.anotherFolder)"
                        : "\(path) is not empty; \(.anotherFolder)")
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

    /// Removes what ``create(_:)`` created, for a run that could not begin.
    public func removeIfUnused() {
        guard let names = try? Folder.names(in: path), names.allSatisfy(["options.json", "metrics.jsonl", "lr-find.json", "lock"].contains)
        else { return }
        for name in names { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    /// The options of the run in the folder. Throws a ``RunError`` if there is no run.
    public func loadOptions() throws -> RunOptions {
        guard try Folder.names(in: path) != nil else { throw RunError("there is no folder \(path) to resume a run in") }
        guard Folder.exists(options) else { throw RunError("\(path) holds no run: there is no options.json in it") }
        return try RunOptions(contentsOf: options)
    }

    /// The results of the run; nil if it is not finished, or has been given other epochs since.
    package func loadResult(_ options: RunOptions) throws -> Run.Result? {
        guard Folder.exists(result) else { return nil }
        guard let found = try Run.Result(json: JSON(contentsOf: result)) else {
            throw FormatError(file: result, reason: "not the result of a run")
        }
        return found.epochs == options.epochs || found.endedEarly && found.epochs < options.epochs ? found : nil
    }

    /// The first of `base-1`, `base-2`, … that does not exist.
    public static func free(_ base: String) -> String {
        var number = 1
        while Folder.exists("\(base)-\(number)") { number += 1 }
        return "\(base)-\(number)"
    }
}
