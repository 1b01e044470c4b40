import ApusCore
import ApusDistributed
import ApusFormats

extension Checkpoint {
    /// The newest undamaged checkpoint of a folder that the first process of `group` alone need see; all get it. Where it cannot be read, all throw.
    package static func load(from folder: String, in group: ProcessGroup?) throws -> Checkpoint? {
        guard let group, group.size > 1 else { return try load(from: folder) }
        var found: Checkpoint?
        let bytes = try group.first {
            found = try load(from: folder)
            return Array(try JSON(encoding: Contents(found)).text.utf8)
        }
        let contents: Contents = try JSON(parsing: String(decoding: bytes, as: UTF8.self)).decoded()
        guard let sections = contents.sections else { return nil }
        var checkpoint = found ?? Checkpoint()
        for section in sections where checkpoint[section.name] == nil { checkpoint[section.name] = StateDict() }
        for section in sections {
            for entry in section.tensors {
                let tensor =
                    checkpoint[section.name]![entry.name]
                    ?? Tensor.empty(Shape(entry.shape), dtype: entry.type)
                // The first process's tensors may lie in the file's memory, which nobody writes to: it sends a copy of its own.
                let own = group.isFirst ? noGrad { tensor.clone() } : tensor
                try group.broadcast(own)
                checkpoint[section.name]![entry.name] = own
            }
        }
        for (key, value) in contents.metadata { checkpoint.metadata[key] = value }
        return checkpoint
    }

    /// What there is to send.
    private struct Contents: Codable {
        /// nil where there is no checkpoint.
        var sections: [Section]?
        var metadata: [String: String] = [:]

        struct Section: Codable {
            var name: String
            var tensors: [Entry]
        }

        /// A tensor whose elements travel apart.
        struct Entry: Codable {
            var name: String
            var dtype: DType.RawValue
            var shape: [Int]

            var type: DType { DType(rawValue: dtype) ?? .float32 }
        }

        init(_ checkpoint: Checkpoint?) {
            guard let checkpoint else { return }
            sections = checkpoint.sectionNames.map { name in
                Section(
                    name: name,
                    tensors: checkpoint[name]!.map { Entry(name: $0.key, dtype: $0.value.dtype.rawValue, shape: Array($0.value.shape)) })
            }
            for (key, value) in checkpoint.metadata { metadata[key] = value }
        }
    }
}
