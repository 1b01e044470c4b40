import Apus
import ApusFormats
import ApusSystem
import ApusTraining

/// A trained model, from a run's folder or the weights that it left.
struct TrainedModel {
    let model: Module
    /// What messages call it.
    let name: String
    let data: String
    let input: [Int]
    let classes: [String]
    let file: String
    /// What the weights say of themselves.
    let metadata: Metadata
    /// The folder of its run, where the weights still lie in it.
    let run: RunFolder?

    /// Reads `path`: a run's folder, or a `model.safetensors` that `apus train` wrote.
    init(_ path: String, device: Device) throws {
        var folder = RunFolder(path)
        var file = path
        if try Folder.isFolder(path) {
            // The reason why there are no weights is worth more than their absence.
            let options = try folder.loadOptions()
            guard Folder.exists(folder.weights) else {
                throw RunError("the run in \(path) (\(options.model) on \(options.data)) is not finished; go on with it by apus train --resume \(path)")
            }
            file = folder.weights
        }
        let source = file
        if try !Folder.isFolder(path) { folder = RunFolder(AtomicFile.split(path).folder) }
        run = Folder.exists(folder.options) && (source == path ? AtomicFile.split(path).name == AtomicFile.split(folder.weights).name : true) ? folder : nil
        let weights = try Safetensors(contentsOf: source)
        func entry(_ key: String) throws -> String {
            guard let value = weights.metadata[key] else { throw FormatError(file: source, place: .key(key), reason: "missing: the file was not written by apus train, and does not say which model it belongs to") }
            return value
        }
        func list<Value>(_ key: String, _ value: (JSON) -> Value?) throws -> [Value] {
            guard let items = (try? JSON(parsing: try entry(key)))?.array, case let values = items.compactMap(value), values.count == items.count, !values.isEmpty else {
                throw FormatError(file: source, place: .key(key), reason: "not a list of what is wanted")
            }
            return values
        }
        metadata = weights.metadata
        let described = try entry("apus.model")
        // The options know better where the data have gone since.
        data = try (try? run?.loadOptions().data) ?? entry("apus.data")
        input = try list("apus.input") { $0.int }
        classes = try list("apus.classes") { $0.string }
        guard input.count == 3, input.allSatisfy({ (1...1 << 16).contains($0) }), Shape(input).numel <= 1 << 26, classes.count < 1 << 20 else {
            throw FormatError(file: source, place: .key("apus.input"), reason: "\(input) is not the size of an image")
        }
        self.file = source
        let isTable = described.contains { "{[\n".contains($0) }
        name = isTable ? source : described
        // What is made takes the place that the file's weights take, and no numbers need to be drawn for it.
        let bytes = weights.tensors.reduce(0) { $0 + max($1.value.numel * $1.value.dtype.size, 1024) }
        do {
            model = try skipInit { [name, input, classes] in
                try ModelSource.make(name, table: isTable ? described : nil, input: input, classes: classes.count, budget: 2 * bytes + 1 << 20)
            }
            try model.loadStateDict(weights.tensors)
        } catch let error as FormatError {
            throw error
        } catch {
            throw RunError("\(source): \(error)\(weights.leftOutNote.map { "; \($0)" } ?? "")")
        }
        model.to(device).eval()
    }
}
