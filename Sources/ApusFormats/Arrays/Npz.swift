import ApusCore
import ApusSystem

extension StateDict {
    /// The arrays in a NumPy archive (`.npz`), by name, in the archive's order. NumPy: `np.load`.
    ///
    /// A record `w.npy` has the name `w`; an array in a record without this extension has the record's name. Each array is read as by
    /// `Tensor(npy:)`, mapped if it is stored and aligned, as in archives that Apus writes, and unpacked if it is compressed; checksums are
    /// verified. Throws if any record is not a readable array; `only` reads just these names and ignores the others.
    ///
    /// Throws `FileError` if the file cannot be read, and ``FormatError`` if it is not such an archive or lacks one of the names.
    public static func load(npz path: String, only names: [String]? = nil) throws -> StateDict {
        try Npz.load(ByteRegion(MappedFile(path)), only: names)
    }

    /// Writes the tensors to a NumPy archive (`.npz`), atomically: each as by `Tensor.save(npy:)`, in a record `NAME.npy`. NumPy:
    /// `np.savez`, and `np.savez_compressed` with `compressed`. Equal contents give equal bytes.
    ///
    /// Throws for `bfloat16`, which NumPy lacks.
    public func save(npz path: String, compressed: Bool = false) throws {
        let headers = try map { try Npy.header(of: $0.value, path, key: $0.key) }
        try AtomicFile.write(to: path) { writer in
            var zip = ZipWriter(writer)
            for ((key, tensor), header) in Swift.zip(self, headers) {
                try zip.add(key + Npz.ending, deflated: compressed) { write in
                    try header.withUnsafeBytes { try write($0) }
                    try withHostBytes(of: tensor) { try write($0) }
                }
            }
            try zip.finish()
        }
    }
}

/// NumPy's archive of arrays: a zip archive of files `NAME.npy`.
package enum Npz {
    static let ending = ".npy"

    /// The arrays of an archive, or only those with the given names.
    package static func load(_ region: ByteRegion, only names: [String]? = nil) throws -> StateDict {
        guard ZipArchive.recognizes(region) else { throw FileKind.mistaken(region, for: "NumPy archive (.npz)") }
        let archive = try ZipArchive(region)
        guard archive.records.isEmpty || archive.records.contains(where: { holdsArray($0, in: archive) }) else {
            throw FileKind.mistaken(region, for: "NumPy archive (.npz)")
        }
        let wanted = names.map { Set($0.map { ByteKey($0) }) }
        var arrays = StateDict()
        for record in archive.records {
            let key = name(record.name)
            guard wanted?.contains(ByteKey(key)) ?? (record.name.utf8.last != UInt8(ascii: "/")) else { continue }
            guard arrays[key] == nil else {
                throw FormatError(
                    file: region.file, place: .record(record.name, offset: nil),
                    reason: "another record is the array '\(printable(key))' too")
            }
            arrays[key] = try array(record, in: archive)
        }
        if let missing = names?.first(where: { arrays[$0] == nil }) {
            throw FormatError(
                file: region.file, place: .key(missing),
                reason:
                    "no array of this name; there are \(archive.records.prefix(10).map { "'\(printable($0.name))'" }.joined(separator: ", "))"
            )
        }
        return arrays
    }

    private static func holdsArray(_ record: ZipArchive.Record, in archive: ZipArchive) -> Bool {
        if name(record.name) != record.name { return true }
        return (try? archive.beginning(of: record, count: Npy.magic.count)).map { Npy.isArray($0) } ?? false
    }

    /// The array's name in a record. Compares bytes: the dot may be part of a Unicode character with what precedes it.
    private static func name(_ record: String) -> String {
        guard record.utf8.suffix(ending.utf8.count).elementsEqual(ending.utf8) else { return record }
        return String(Substring(record.utf8.dropLast(ending.utf8.count)))
    }

    private static func array(_ record: ZipArchive.Record, in archive: ZipArchive) throws -> Tensor {
        // The header bounds how much is unpacked.
        let header = try Npy.Header(archive.beginning(of: record, count: Npy.maximumHeader + 12))
        let contents = try archive.contents(of: record, limit: header.end)
        guard contents.count <= header.end else {
            throw contents.error(at: header.end, "\(contents.count - header.end) bytes follow the array")
        }
        if record.isStored { try archive.checkCRC(record, contents) }
        return try Npy.tensor(header, in: contents)
    }
}
