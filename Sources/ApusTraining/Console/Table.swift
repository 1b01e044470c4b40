/// Tables for the terminal.
package enum Table {
    /// Rows with their columns under each other, two spaces between; those of `right`, which are numbers, right-aligned.
    package static func lines(_ rows: [[String]], right: Set<Int>) -> [String] {
        let widths = self.widths(rows)
        return rows.map { row in
            let cells = row.indices.map { right.contains($0) ? Text.right(row[$0], widths[$0]) : Text.left(row[$0], widths[$0]) }
            return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }
    }

    private static func widths(_ rows: [[String]]) -> [Int] {
        (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    }

    /// A line as wide as such a table.
    package static func rule(_ rows: [[String]], _ unicode: Bool) -> String {
        let widths = self.widths(rows)
        return String(repeating: unicode ? "─" : "-", count: widths.reduce(0, +) + 2 * max(widths.count - 1, 0))
    }

    /// Columns with headers, the first left-aligned and the others right-aligned, a rule below the headers, and behind each row its share
    /// of the total as a bar.
    package static func text(_ columns: [[String]], shares: [Double], _ unicode: Bool) -> [String] {
        let rows = (columns.first ?? []).indices.map { row in columns.map { $0[row] } }
        let bars = [""] + shares.map { bar($0, unicode) }
        var lines = zip(self.lines(rows, right: Set(columns.indices.dropFirst())), bars).map { $1.isEmpty ? $0 : "\($0)  \($1)" }
        lines.insert(rule(rows, unicode), at: 1)
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
