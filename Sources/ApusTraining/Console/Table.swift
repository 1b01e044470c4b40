/// Tables of times for the terminal.
package enum Table {
    /// Columns with headers, the first left-aligned and the others right-aligned, a rule below the headers, and behind each row its share
    /// of the total as a bar.
    package static func text(_ columns: [[String]], shares: [Double], _ unicode: Bool) -> [String] {
        let widths = columns.map { $0.map(\.count).max() ?? 0 }
        let bars = [""] + shares.map { bar($0, unicode) }
        var lines = bars.indices.map { row in
            let cells = columns.indices.map { $0 == 0 ? Text.left(columns[$0][row], widths[$0]) : Text.right(columns[$0][row], widths[$0]) }
            return (cells + [bars[row]]).filter { !$0.isEmpty }.joined(separator: "  ")
        }
        lines.insert(String(repeating: unicode ? "─" : "-", count: widths.reduce(0, +) + 2 * (widths.count - 1)), at: 1)
        return lines
    }

    /// A bar of up to 20 characters, in eighths of a character with Unicode.
    private static func bar(_ share: Double, _ unicode: Bool) -> String {
        guard unicode else { return String(repeating: "#", count: Int((share * 20).rounded())) }
        let eighths = Int((min(max(share, 0), 1) * 160).rounded())
        let last = eighths % 8
        return String(repeating: "█", count: eighths / 8) + (last == 0 ? "" : String(["▏", "▎", "▍", "▌", "▋", "▊", "▉"][last - 1]))
    }

    /// Seconds as `12.3 µs` or `4.56 ms`.
    package static func time(_ seconds: Double) -> String {
        switch seconds {
        case 1...: Text.fixed(seconds, 2) + " s"
        case 1e-3...: Text.fixed(seconds * 1e3, 2) + " ms"
        default: Text.fixed(seconds * 1e6, 1) + " µs"
        }
    }
}
