import ApusCore
import ApusSystem

/// A table of delimited text, as spreadsheets write it (RFC 4180). pandas: `read_csv`.
///
/// ```swift
/// let houses = try CSV(contentsOf: "houses.csv")
/// let area = try houses["area"].numbers()               // [Double?], nil where the value is missing
/// let (x, y) = (try houses["area"].tensor(), try houses["price"].tensor())
/// ```
/// Quoted fields may contain delimiters, newlines, and doubled quotes. Lines end with LF or CRLF; empty lines and a byte order mark are
/// skipped. A file that is not UTF-8, or that has rows of different lengths or misplaced quotes, is refused, with line and column. A table
/// has at most 65,536 columns and 4 GiB.
///
/// The file is mapped and only the place of each cell is stored, 8 bytes per cell; strings and numbers are made when a column is read.
public struct CSV {
    let region: ByteRegion
    /// The names of the columns, from the first row; `column 0`, … for a file without a header.
    public let names: [String]
    /// The strings that stand for a missing value.
    public let missing: Set<String>
    /// The byte range of each cell, row by row, including quotes.
    let cells: [Range<UInt32>]
    /// The number of rows, without the header.
    public var rowCount: Int { names.isEmpty ? 0 : cells.count / names.count }

    /// The default for ``missing``.
    public static let missingTexts: Set<String> = ["", "NA", "N/A", "NaN", "nan", "null", "NULL"]

    /// Reads a file. Throws a ``FormatError`` with line and column, and errors of reading. `delimiter` is an ASCII character (`";"`,
    /// `"\t"`).
    public init(
        contentsOf path: String, delimiter: Character = ",", hasHeader: Bool = true, missing: Set<String> = CSV.missingTexts
    ) throws {
        try self.init(ByteRegion(MappedFile(path)), delimiter: delimiter, hasHeader: hasHeader, missing: missing)
    }

    /// Parses a string; `file` names it in messages.
    public init(
        parsing text: String, file: String = "table", delimiter: Character = ",", hasHeader: Bool = true,
        missing: Set<String> = CSV.missingTexts
    ) throws {
        let region = try ByteRegion(copying: Array(text.utf8), file: file)
        try self.init(region, delimiter: delimiter, hasHeader: hasHeader, missing: missing)
    }

    package init(_ region: ByteRegion, delimiter: Character, hasHeader: Bool, missing: Set<String>) throws {
        var reader = try CSVReader(region, delimiter)
        guard let first = try reader.row() else { throw FormatError(file: region.file, reason: "the table is empty") }
        let text = { (cell: Range<UInt32>) in region.withBytes { fieldText($0, cell) } }
        names = hasHeader ? first.map(text) : first.indices.map { "column \($0)" }
        var known: Set<String> = []
        for (cell, name) in zip(first, names) where !known.insert(name).inserted {
            throw region.textError(at: Int(cell.lowerBound), "two columns are named '\(printable(name))'")
        }
        var cells = hasHeader ? [] : first
        while let row = try reader.row() {
            guard row.count == names.count else {
                let what = hasHeader ? "header" : "first row"
                throw region.textError(at: Int(row[0].lowerBound), "a row of \(row.count) fields, the \(what) has \(names.count)")
            }
            cells += row
        }
        (self.region, self.cells, self.missing) = (region, cells, missing)
    }

    /// The column with that name. Throws if there is none.
    public subscript(name: String) -> Column {
        get throws {
            guard let number = names.firstIndex(of: name) else {
                let known = names.prefix(20).map(printable).joined(separator: ", ")
                throw FormatError(file: region.file, place: .key(name), reason: "there is no such column; there are \(known)")
            }
            return Column(table: self, number: number)
        }
    }

    /// The rows in which each of these columns has a value. pandas: `dropna(subset=)`.
    public func rows(complete columns: String...) throws -> [Int] {
        let columns = try columns.map { try self[$0] }
        return (0..<rowCount).filter { row in columns.allSatisfy { !$0.isMissing(row) } }
    }
}

extension CSV {
    /// One column of a table.
    public struct Column {
        let table: CSV
        let number: Int
        /// The column's name.
        public var name: String { table.names[number] }
        /// The number of rows.
        public var count: Int { table.rowCount }

        private func cell(_ row: Int) -> Range<UInt32> { table.cells[row * table.names.count + number] }

        /// The text in a row, unquoted.
        public subscript(row: Int) -> String { table.region.withBytes { fieldText($0, cell(row)) } }

        /// Whether the value of a row is missing.
        public func isMissing(_ row: Int) -> Bool { table.missing.contains(self[row]) }

        /// The number in a row; nil if it is missing. Throws if the text is not a finite number; spaces around it are allowed.
        public func number(_ row: Int) throws -> Double? {
            let text = self[row]
            if table.missing.contains(text) { return nil }
            let bare = text.utf8.drop { $0 == 0x20 }.reversed().drop { $0 == 0x20 }.reversed()
            guard let value = Double(String(decoding: Array(bare), as: UTF8.self)), value.isFinite else {
                throw error(row, "'\(printable(text))' is not a finite number")
            }
            return value
        }

        /// The numbers of some rows, by default all.
        public func numbers(rows: [Int]? = nil) throws -> [Double?] { try (rows ?? Array(0..<count)).map(number) }

        /// The numbers of some rows, by default all, as float32 [N, 1]. Throws if one is missing.
        public func tensor(rows: [Int]? = nil) throws -> Tensor {
            let rows = rows ?? Array(0..<count)
            let values = try rows.map { row in
                guard let value = try number(row) else { throw error(row, "the value is missing") }
                return Float(value)
            }
            return Tensor(values, shape: [values.count, 1])
        }

        /// The distinct strings of some rows, by default all, sorted by bytes, without missing values.
        public func categories(rows: [Int]? = nil) -> [String] {
            Set((rows ?? Array(0..<count)).filter { !isMissing($0) }.map { self[$0] }).sorted()
        }

        /// The index in `categories` of each string of some rows, by default all, as int64 [N]: classes for a loss or an embedding. Throws
        /// if a value is missing or not among them.
        public func classes(_ categories: [String], rows: [Int]? = nil) throws -> Tensor {
            let places = Dictionary(zip(categories, categories.indices)) { first, _ in first }
            let classes = try (rows ?? Array(0..<count)).map { row in
                guard let place = places[self[row]] else {
                    throw error(row, isMissing(row) ? "the value is missing" : "'\(printable(self[row]))' is none of the categories")
                }
                return place
            }
            return Tensor(classes, shape: [classes.count])
        }

        /// An error at the cell in a row.
        package func error(_ row: Int, _ reason: String) -> FormatError {
            table.region.textError(at: Int(cell(row).lowerBound), "column '\(printable(name))': \(reason)")
        }
    }
}
