import ApusCore
import ApusSystem
import Glibc

/// The state of a run in one file: tensors in named sections (model, optimizer, generator) and strings (epoch, options).
///
/// A folder holds two: `checkpoint.safetensors`, the newest, and `checkpoint.previous.safetensors`, the one before. Both are safetensors
/// files with a checksum over all bytes. ``save(in:)`` replaces them so that at least one is complete if the process or the machine dies at
/// any time; ``load(from:)`` falls back to the previous one if the newest is missing or damaged, and throws if both are damaged.
public struct Checkpoint {
    private var order: [String] = []
    private var sections: [ByteKey: StateDict] = [:]
    /// Strings stored with the tensors.
    public var metadata = Metadata()
    /// Why the newest file could not be used, if this is the previous one.
    public private(set) var newestFailed: (any Error)?

    /// An empty checkpoint.
    public init() {}

    /// The names of the sections, in the order of their first assignment.
    public var sectionNames: [String] { order }

    /// The tensors of a section; nil if it does not exist; a section may be empty. Traps if the name contains `/`.
    public subscript(section: String) -> StateDict? {
        get { sections[ByteKey(section)] }
        set {
            let key = ByteKey(section)
            guard !section.utf8.contains(UInt8(ascii: "/")) else {
                return _ = fail("Checkpoint", "section name '\(section)' contains '/'; use another character")
            }
            if sections[key] == nil, newValue != nil { order.append(section) }
            if newValue == nil { order.removeAll { ByteKey($0) == key } }
            sections[key] = newValue
        }
    }

    private static let sectionsKey = "apus.checkpoint.sections"

    /// The path of the newest checkpoint in `folder`.
    public static func newest(in folder: String) -> String { folder + "/checkpoint.safetensors" }
    /// The path of the checkpoint before it.
    public static func previous(in folder: String) -> String { folder + "/checkpoint.previous.safetensors" }

    /// Writes this as the newest checkpoint of `folder`; the newest so far becomes the previous one if it is undamaged.
    public func save(in folder: String) throws {
        let (newest, previous) = (Checkpoint.newest(in: folder), Checkpoint.previous(in: folder))
        try write(to: newest) {
            // A damaged file must not replace the last good one.
            guard (try? Checkpoint.verified(newest)) != nil else { return }
            guard rename(newest, previous) == 0 else { throw FileError(file: previous, operation: "write", code: errno) }
        }
    }

    /// The newest undamaged checkpoint of `folder`; nil if there is none at all. If both are damaged, the error gives both reasons.
    public static func load(from folder: String) throws -> Checkpoint? {
        do {
            return try Checkpoint(contentsOf: newest(in: folder))
        } catch let first {
            var previousCheckpoint: Checkpoint
            do {
                previousCheckpoint = try Checkpoint(contentsOf: previous(in: folder))
            } catch let second {
                switch (isMissing(first), isMissing(second)) {
                case (true, true): return nil
                case (true, false): throw second
                case (false, true): throw first
                case (false, false): throw FormatError(file: folder, reason: "neither checkpoint can be used: \(first); \(second)")
                }
            }
            if !isMissing(first) { previousCheckpoint.newestFailed = first }
            return previousCheckpoint
        }
    }

    private static func isMissing(_ error: any Error) -> Bool { (error as? FileError)?.code == ENOENT }

    /// Writes the file at `path` atomically.
    public func write(to path: String) throws {
        try write(to: path, beforeRename: {})
    }

    private func write(to path: String, beforeRename: () throws -> Void) throws {
        var all = StateDict()
        for name in order {
            for (key, tensor) in sections[ByteKey(name)]! { all["\(name)/\(key)"] = tensor }
        }
        var metadata = metadata
        metadata[Checkpoint.sectionsKey] = JSON.array(order.map { .string($0) }).text
        try Safetensors(all, metadata: metadata).write(to: path, sealed: true, beforeRename: beforeRename)
    }

    /// The checkpoint in the file at `path`. Any damage is a ``FormatError``.
    public init(contentsOf path: String) throws {
        var file = try Safetensors(ByteRegion(Checkpoint.verified(path)))
        let place = FormatError.Place.key(Checkpoint.sectionsKey)
        guard let list = file.metadata.removeValue(forKey: Checkpoint.sectionsKey) else {
            throw FormatError(file: path, place: place, reason: "missing: the file is no checkpoint")
        }
        guard let names = try? JSON(parsing: list).array?.map(\.string),
            names.allSatisfy({ $0 != nil && !$0!.utf8.contains(UInt8(ascii: "/")) })
        else {
            throw FormatError(file: path, place: place, reason: "not a list of section names")
        }
        for case let name? in names { self[name] = StateDict() }
        for (key, tensor) in file.tensors where key != Safetensors.sealKey {
            // Splits by bytes: the tensor's name may begin with a character that combines with the slash.
            let bytes = key.utf8
            guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")), case let section = ByteKey(String(key[..<slash])),
                sections[section] != nil
            else {
                throw FormatError(file: path, place: .key(key), reason: "the tensor belongs to no section")
            }
            sections[section]![String(Substring(bytes[bytes.index(after: slash)...]))] = tensor
        }
        metadata = file.metadata
    }

    /// The mapped file, if its checksum is right.
    private static func verified(_ path: String) throws -> MappedFile {
        let file = try MappedFile(path)
        // Read the header first: its errors say more about a truncated file or a file of another kind.
        let header = try Safetensors.Header(ByteRegion(file))
        guard let seal = header.entries.last, seal.key == Safetensors.sealKey, seal.dtype == .uint8, seal.shape == [8],
            header.entries.allSatisfy({ $0.range.upperBound <= seal.range.lowerBound || $0.key == seal.key })
        else {
            throw FormatError(file: path, place: .key(Safetensors.sealKey), reason: "missing: the file is no checkpoint")
        }
        let bytes = UnsafeRawBufferPointer(file.bytes)
        let found = Checksum.of(UnsafeRawBufferPointer(rebasing: bytes.dropLast(8)))
        let wanted = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self))
        guard found == wanted else {
            throw FormatError(
                file: path, place: .key(Safetensors.sealKey), reason: "the checksum does not match the contents: the file is damaged")
        }
        return file
    }
}
