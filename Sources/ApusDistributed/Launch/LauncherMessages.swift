/// Filters a launcher's standard error: removes what Open MPI prints in a frame of dashes about a process that exited with a
/// non-zero code, since the process itself has said why.
package struct LauncherMessages {
    private var line: [UInt8] = []
    /// The lines of a frame that is not complete yet.
    private var frame: [String]?

    package init() {}

    /// The text to show for these bytes, which may end within a line.
    package mutating func take(_ bytes: [UInt8]) -> String {
        var shown = ""
        for byte in bytes {
            guard byte == UInt8(ascii: "\n") else {
                line.append(byte)
                continue
            }
            let isEdge = line.count >= 60 && line.allSatisfy { $0 == UInt8(ascii: "-") }
            let text = String(decoding: line, as: UTF8.self)
            line = []
            if var lines = frame {
                lines.append(text)
                frame = isEdge ? nil : lines
                if isEdge, !lines.contains(where: { $0.contains("non-zero") }) { shown += lines.joined(separator: "\n") + "\n" }
            } else if isEdge {
                frame = [text]
            } else {
                shown += text + "\n"
            }
        }
        return shown
    }

    /// The text that is left at the end.
    package mutating func rest() -> String {
        defer { (line, frame) = ([], nil) }
        return (frame.map { $0.joined(separator: "\n") + "\n" } ?? "") + String(decoding: line, as: UTF8.self)
    }
}
