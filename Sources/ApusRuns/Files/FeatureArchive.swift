import ApusCheckpoints
import ApusCore
import ApusFormats
import ApusSystem

extension PictureFiles {
    /// Writes features of pictures, and the classes of those that have one, as an archive of NumPy's, and beside it `….json` with the
    /// names: `files` in the order of the rows, and `classes`. `rows` are the indices of the features' files; `path` ends in `.npz`.
    /// Returns the second file's path.
    package func write(_ features: Tensor, of rows: [Int], to path: String) throws -> String {
        var arrays: StateDict = ["features": features]
        var names: [JSON.Member] = [.init("files", .array(rows.map { .string(paths[$0].text) }))]
        if let classes {
            arrays["labels"] = Tensor(rows.map { classes.labels[$0] })
            names.append(.init("classes", .array(classes.names.map { .string($0) })))
        }
        try arrays.save(npz: path)
        let beside = String(path.dropLast(".npz".count)) + ".json"
        try AtomicFile.write(JSON.object(names).text + "\n", to: beside)
        return beside
    }
}
