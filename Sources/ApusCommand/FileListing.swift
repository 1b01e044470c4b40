import Apus
import ApusCore
import ApusFormats
import ApusRuns
import ApusSystem
import ApusTraining
import Glibc

/// What `apus info FILE` prints.
struct FileListing {
    private let path: String
    private let json: Bool

    init(_ path: String, json: Bool) { (self.path, self.json) = (path, json) }

    func say() throws {
        let region = try ByteRegion(inParts: path)
        let size = Text.bytes(region.count)
        switch FileKind(region) {
        case .safetensors, .zip, .legacyPyTorch, .tar, .npy:
            let file: TensorFile
            do { file = try TensorFile(region) } catch {
                // A zip of another program, say.
                guard let kind = FileKind.other(region) else { throw error }
                return describe(kind, size)
            }
            let layout = file.pyTorch.map { " (\($0.format.rawValue))" } ?? ""
            try list(file, "\(file.format.rawValue)\(layout)", size)
        case .events: try EventListing(region).say(path, FileKind.events.description, size, json: json)
        case let kind: describe(kind.description, size)
        }
    }

    private func describe(_ text: String, _ size: String) {
        ApusCommand.say(
            json ? JSON.object([.init("file", .string(path)), .init("kind", .string(text))]).text : "\(path): \(text) (\(size))")
    }

    private func list(_ file: TensorFile, _ format: String, _ size: String) throws {
        let count = file.tensors.reduce(0) { $0 + $1.value.numel }
        if !json {
            ApusCommand.say(
                "\(path): \(format), \(size), \(Text.grouped(file.tensors.count)) \(file.tensors.count == 1 ? "tensor" : "tensors") with \(Text.grouped(count)) \(count == 1 ? "element" : "elements")"
            )
        }
        var rows = [["tensor", "dtype", "shape", "mean", "std", "NaN"]]
        for (done, (key, tensor)) in file.tensors.enumerated() {
            progress(done, of: file.tensors.count)
            let numbers = try TensorStatistics(tensor)
            if json {
                ApusCommand.say(
                    JSON.object([
                        .init("file", .string(path)), .init("tensor", .string(key)), .init("dtype", .string("\(tensor.dtype)")),
                        .init("shape", .array(tensor.shape.map { .int(Int64($0)) })), .init("mean", .double(numbers.mean)),
                        .init("std", .double(numbers.deviation)), .init("nan", .int(Int64(numbers.nans))),
                        .init("infinite", .int(Int64(numbers.infinities))),
                    ]).text)
            } else {
                let bad = [(numbers.nans, "NaN"), (numbers.infinities, "inf")].filter { $0.0 > 0 }.map { "\(Text.grouped($0.0)) \($0.1)" }
                    .joined(separator: ", ")
                rows.append([
                    printable(key), "\(tensor.dtype)", tensor.shape.map { "\($0)" }.joined(separator: "×"), Text.short(numbers.mean),
                    Text.short(numbers.deviation), bad,
                ])
            }
        }
        progress(file.tensors.count, of: file.tensors.count)
        if !json { for line in Table.lines(rows, right: [3, 4]) { ApusCommand.say(line) } }
        for (key, reason) in file.leftOut { note(key, "left out", reason) }
        for (key, value) in file.metadata { note(key, "value", value) }
    }

    private func note(_ key: String, _ kind: String, _ text: String) {
        if json {
            ApusCommand.say(
                JSON.object([
                    .init("file", .string(path)), .init("key", .string(key)), .init(kind.replacing(" ", with: "_"), .string(text)),
                ]).text)
        } else {
            ApusCommand.say("\(printable(key)): \(kind == "value" ? printable(text) : "\(kind): \(text)")")
        }
    }

    /// On a terminal, how far a long listing is.
    private func progress(_ done: Int, of total: Int) {
        guard !json, total > 50, isatty(STDERR_FILENO) == 1 else { return }
        _ = writeAll(done == total ? "\r\u{1B}[K" : "\rreading tensor \(done + 1) of \(total)", to: STDERR_FILENO)
    }
}
