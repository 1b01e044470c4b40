import ApusCore
import TestSupport
import Testing
@testable import ApusFormats

@Suite struct CSVTests {
    /// All cells of a table, row after row.
    private func cells(_ table: CSV) throws -> [[String]] {
        let columns = try table.names.map { try table[$0] }
        return (0..<table.rowCount).map { row in columns.map { $0[row] } }
    }

    /// Texts, their header and their rows.
    @Test func tablesAsTheyAreWritten() throws {
        let cases: [(text: String, delimiter: Character, names: [String], rows: [[String]])] = [
            ("a,b\n1,2\n3,4\n", ",", ["a", "b"], [["1", "2"], ["3", "4"]]),
            ("a,b\r\n1,2\r\n3,4", ",", ["a", "b"], [["1", "2"], ["3", "4"]]),
            ("\u{FEFF}a;b\n1,5;x\n", ";", ["a", "b"], [["1,5", "x"]]),
            ("a\tb\n\t\n", "\t", ["a", "b"], [["", ""]]),
            ("a,b\n\"x, y\",\"he said \"\"no\"\"\"\n", ",", ["a", "b"], [["x, y", "he said \"no\""]]),
            ("a,b\n\"two\nlines\",\"\"\n\n\n1,2", ",", ["a", "b"], [["two\nlines", ""], ["1", "2"]]),
            ("a,b\n\"\"\"\",\"\"\"\"\"\"\n", ",", ["a", "b"], [["\"", "\"\""]]),
            ("größe, name \nñ,日本\n", ",", ["größe", " name "], [["ñ", "日本"]]),
            ("a\n1\n", ",", ["a"], [["1"]]), ("a,b\n", ",", ["a", "b"], []), ("\"a\",b", ",", ["a", "b"], []),
            ("a,b\r\n\"x\r\ny\",2\r\n", ",", ["a", "b"], [["x\r\ny", "2"]]),
        ]
        for (text, delimiter, names, rows) in cases {
            let table = try CSV(parsing: text, delimiter: delimiter)
            #expect(table.names == names && table.rowCount == rows.count, "\(text)")
            #expect(try cells(table) == rows, "\(text)")
            // Every text that there is can be written with quotes, and is then read as it was.
            let quoted = ([names] + rows).map { $0.map { "\"\($0.replacing("\"", with: "\"\""))\"" }.joined(separator: "|") }
            let again = try CSV(parsing: quoted.joined(separator: "\n"), delimiter: "|")
            #expect(try cells(again) == rows && again.names == names, "\(text)")
        }
        let bare = try CSV(parsing: "1,2\n3,4\n", hasHeader: false)
        #expect(try bare.names == ["column 0", "column 1"] && cells(bare) == [["1", "2"], ["3", "4"]])
        #expect(throws: (any Error).self) { try CSV(contentsOf: "/nowhere.csv") }
    }

    @Test func wrongTablesNameThePlace() throws {
        let cases = [
            ("", "t.csv: the table is empty"), ("\n\r\n", "t.csv: the table is empty"),
            ("a,b\n1,2,3\n", "t.csv, line 2, column 1: a row of 3 fields, the header has 2"),
            ("a,b\n1,2\n\n3\n", "t.csv, line 4, column 1: a row of 1 fields, the header has 2"),
            ("a,b,a\n", "t.csv, line 1, column 5: two columns are named 'a'"),
            ("a,b\n\"1\n2\",x\"y\n", "t.csv, line 3, column 5: a quote within a field"),
            ("a,b\n1,\"2\n3", "t.csv, line 2, column 3: no quote ends the field"),
            ("a,b\nñ,\"2\"3\n", "t.csv, line 2, column 6: text after the quote"),
            ("a,b\r1,2\r", "t.csv, line 1, column 4: a carriage return without a newline"),
            ("\u{FEFF}a\"\n", "t.csv, line 1, column 2: a quote within a field"),
            (String(repeating: ",", count: 70_000), "t.csv, line 1, column 65537: more than 65536 columns"),
        ]
        for (text, expected) in cases {
            let found = message { _ = try CSV(parsing: text, file: "t.csv") }
            #expect(found.hasPrefix(expected), "\(found)")
        }
        let folder = TemporaryFolder()
        let file = folder.write(Array("a,b\nx,".utf8) + [0xC3, 0x28] + Array("\n".utf8), "latin.csv")
        #expect(message { _ = try CSV(contentsOf: file) } == "\(file), line 2, column 3: the text is not UTF-8")
        #expect(message { _ = try checked { try CSV(parsing: "a", delimiter: "\"") } }.contains("cannot be the delimiter"))
    }

    /// Every beginning of a table, and every byte of it changed, is a table or an error with a place.
    @Test func damagedTables() {
        let text = Array("\u{FEFF}a,\"b\"\r\n\"x, \"\"y\"\"\",1\n\n,ñ\n\"2\n3\",4".utf8)
        var (read, refused) = (0, 0)
        func attempt(_ bytes: [UInt8]) {
            let memory = UnpackedBytes(count: bytes.count)!
            memory.bytes.copyBytes(from: bytes)
            do {
                let table = try CSV(
                    ByteRegion(memory.bytes, owner: memory, file: "t", record: nil), delimiter: ",", hasHeader: true, missing: [])
                _ = try cells(table)
                read += 1
            } catch {
                #expect(error is FormatError && "\(error)".contains("t"), "\(error)")
                refused += 1
            }
        }
        for end in 0...text.count { attempt(Array(text[..<end])) }
        for place in text.indices {
            for byte: UInt8 in [0, 10, 13, 34, 44, 65, 0x80, 0xC3, 0xFF] {
                var changed = text
                changed[place] = byte
                attempt(changed)
            }
        }
        #expect(read > 50 && refused > 100, "\(read) and \(refused)")
    }

    @Test func columnsBecomeTensors() throws {
        let table = try CSV(parsing: "area,town,price\n 1.5 ,b,10\n,a,20\n-3e2,b,NA\n4,,x\n", file: "t.csv")
        let (area, town) = (try table["area"], try table["town"])
        #expect(try area.numbers() == [1.5, nil, -300, 4] && area.number(2) == -300)
        #expect(try area.tensor(rows: [2, 0]).array(Float.self) == [-300, 1.5] && area.tensor(rows: [0]).shape == [1, 1])
        #expect(town.categories() == ["a", "b"] && town.categories(rows: [0, 2]) == ["b"])
        #expect(try town.classes(["b", "a"], rows: [0, 1, 2]).array(Int.self) == [0, 1, 0])
        #expect(try table.rows(complete: "area") == [0, 2, 3] && table.rows(complete: "area", "town", "price") == [0])
        #expect(message { _ = try area.tensor() } == "t.csv, line 3, column 1: column 'area': the value is missing")
        #expect(message { _ = try table["price"].numbers() } == "t.csv, line 5, column 4: column 'price': 'x' is not a finite number")
        #expect(message { _ = try town.classes(["b"], rows: [1]) }.hasSuffix("column 'town': 'a' is none of the categories"))
        #expect(message { _ = try town.classes(["b"]) }.contains("none of the categories"))
        #expect(message { _ = try town.classes(["b"], rows: [3]) }.hasSuffix("the value is missing"))
        #expect(message { _ = try table["size"] } == "t.csv, 'size': there is no such column; there are area, town, price")
        let infinite = try CSV(parsing: "a\ninf\n", missing: [])["a"]
        #expect(message { _ = try infinite.number(0) }.contains("'inf' is not a finite number"))
        #expect(try CSV(parsing: "a\n?\n7\n", missing: ["?"])["a"].numbers() == [nil, 7])
    }
}
