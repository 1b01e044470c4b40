import ApusCore
import ApusDistributed
import ApusFormats

extension Checkpoint {
    /// The newest undamaged checkpoint of a folder that the first process of `group` alone need see; all get it, or its error.
    package static func load(from folder: String, in group: ProcessGroup?) throws -> Checkpoint? {
        guard let group, group.size > 1 else { return try load(from: folder) }
        let found = group.isFirst ? Result { try load(from: folder) } : .success(nil)
        var contents = Contents()
        switch found {
        case .failure(let error): contents.error = "\(error)"
        case .success(let checkpoint): if let checkpoint { contents = Contents(checkpoint) }
        }
        let bytes = try group.broadcast(bytes: Array(JSON(encoding: contents).text.utf8), from: 0)
        contents = try JSON(parsing: String(decoding: bytes, as: UTF8.self)).decoded()
        if let error = contents.error { throw group.isFirst ? try failure(found) : CheckpointElsewhere(description: error) }
        guard let sections = contents.sections else { return nil }
        var checkpoint = (try found.get()) ?? Checkpoint()
        for section in sections where checkpoint[section.name] == nil { checkpoint[section.name] = StateDict() }
        for section in sections {
            for entry in section.tensors {
                let tensor =
                    checkpoint[section.name]![entry.name]
                    ?? Tensor.empty(Shape(entry.shape), dtype: DType(rawValue: entry.dtype) ?? .float32)
                // The first process's tensors may lie in the file's memory, which nobody writes to: it sends a copy of its own.
                let own = group.isFirst ? noGrad { tensor.clone() } : tensor
                try group.broadcast(own)
                checkpoint[section.name]![entry.name] = own
            }
        }
        for (key, value) in contents.metadata { checkpoint.metadata[key] = value }
        return checkpoint
    }

    private static func failure(_ result: Result<Checkpoint?, any Error>) throws -> any Error {
        do { _ = try result.get() } catch { return error }
        return CheckpointElsewhere(description: "no error")
    }

    /// What there is to send.
    private struct Contents: Codable {
        var error: String?
        var sections: [Section]?
        var metadata: [String: String] = [:]

        struct Section: Codable {
            var name: String
            var tensors: [Entry]
        }
        struct Entry: Codable {
            var name: String
            var dtype: DType.RawValue
            var shape: [Int]
        }

        init() {}

        init(_ checkpoint: Checkpoint) {
            sections = checkpoint.sectionNames.map { name in
                Section(
                    name: name,
                    tensors: checkpoint[name]!.map { Entry(name: $0.key, dtype: $0.value.dtype.rawValue, shape: Array($0.value.shape)) })
            }
            for (key, value) in checkpoint.metadata { metadata[key] = value }
        }
    }
}

/// Why the first process could not read a checkpoint.
struct CheckpointElsewhere: Error, CustomStringConvertible { let description: String }
