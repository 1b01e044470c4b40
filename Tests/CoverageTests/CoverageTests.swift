import Apus
import Foundation
import Testing

/// Checks that `docs/coverage.md`, `Symbols*.swift` and the code agree. `Tests/CoverageTests/coverage --check` compares them with PyTorch.
@Suite struct CoverageTests {
    private struct Row {
        let namespace: String
        let name: String
        /// The name in Apus; nil if there is none.
        let apus: String?
        let cell: String
    }

    private static let page: String = {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../docs/coverage.md")
        do { return try String(contentsOf: path, encoding: .utf8) } catch { fatalError("\(path.path): \(error)") }
    }()

    private static let rows: [Row] = {
        var namespace = ""
        var rows: [Row] = []
        for line in page.split(separator: "\n") {
            if line.hasPrefix("## ") { namespace = String(line.dropFirst(3)) }
            // `x | y` stands in a table as `x \\| y`.
            let cells = line.replacingOccurrences(of: "\\|", with: "\u{1}").split(separator: "|")
                .map { $0.trimmingCharacters(in: .whitespaces).replacingOccurrences(of: "\u{1}", with: "|") }
            guard line.hasPrefix("| `"), cells.count == 2 else { continue }
            let parts = cells[1].split(separator: "`", omittingEmptySubsequences: false)
            rows.append(
                Row(
                    namespace: namespace, name: cells[0].trimmingCharacters(in: ["`"]),
                    apus: cells[1].hasPrefix("`") ? String(parts[1]) : nil, cell: cells[1]))
        }
        return rows
    }()

    /// Symbols*.swift compile, so all names in it exist; the page must list exactly these.
    @Test func pageAndCodeAgree() {
        let listed = Set(Self.rows.compactMap(\.apus))
        #expect(
            listed.subtracting(Symbols.names).sorted() == [] && Symbols.names.subtracting(listed).sorted() == [],
            "run Tests/CoverageTests/coverage")
        #expect(Self.rows.count > 2000)
        for row in Self.rows {
            #expect(row.apus != nil || row.cell.count > "– ".count, "\(row.namespace).\(row.name) has neither a name nor a reason")
        }
    }

    @Test func theCountsAreRight() {
        for (namespace, rows) in Dictionary(grouping: Self.rows, by: \.namespace) {
            let here = rows.count { $0.apus != nil }
            let missing = rows.count { $0.cell == "– to be added" }
            let left = rows.count - here - missing
            #expect(
                Self.page.contains(
                    "## \(namespace)\n\n\(here) of \(rows.count) are here, \(left) are left out with a reason, \(missing) are to be added.\n"
                ),
                "\(namespace)")
            let anchor = namespace.lowercased().filter { $0 != "." }
            let summary = "| [\(namespace)](#\(anchor)) | \(rows.count) | \(here) | \(left) | \(missing) |\n"
            #expect(Self.page.contains(summary), "\(namespace)")
        }
    }

    /// Every class in ModuleTable is listed, and the table has every listed class of torch.nn that can be built from numbers alone.
    @Test func theTableHasEveryLayer() {
        let classes = Set(Self.rows.filter { $0.namespace == "torch.nn" && $0.apus != nil }.map(\.name))
        let table = Set(ModuleTable.names)
        #expect(table.subtracting(classes).sorted() == [])
        let containers = ["Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]
        let others = ["Buffer", "Parameter", "RNNBase", "RNNCellBase", "SyncBatchNorm", "TransformerDecoder", "TransformerEncoder"]
        #expect(classes.subtracting(table).sorted() == (containers + others).sorted())
    }
}
