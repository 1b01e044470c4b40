/// Formats rows as comma-separated values (RFC 4180, with line feeds): cells with commas, quotes or line breaks are quoted, and quotes
/// doubled.
package func commaSeparated(_ rows: [[String]]) -> String {
    func cell(_ text: String) -> String {
        text.unicodeScalars.contains { ",\"\n\r".unicodeScalars.contains($0) }
            ? "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\"" : text
    }
    return rows.map { $0.map(cell).joined(separator: ",") + "\n" }.joined()
}
