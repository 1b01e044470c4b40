import ApusCore
import ApusFormats

/// Makes tensors of the columns of a table: numbers, and categories as one-hot vectors.
///
/// ```swift
/// let table = try CSV(contentsOf: "houses.csv")
/// let rows = try table.rows(complete: "price")                            // rows without a price are dropped
/// let parts = randomSplit(ListDataset(rows), [0.8, 0.2])
/// let train = try parts[0].indices.map { rows[$0] }, test = parts[1].indices.map { rows[$0] }
/// var encoder = try TableEncoder([.number("area", missing: .mean), .category("district")], table, rows: train)
/// let x = try encoder.tensor(table, rows: train)                           // float32 [rows, encoder.names.count]
/// ```
/// All statistics (means, deviations, categories) are taken from the rows that it is made with, which should be those of the training part
/// alone: numbers of the test part would tell the network about it. scikit-learn: `ColumnTransformer`. A run can keep it as JSON.
public struct TableEncoder: Codable, Sendable {
    /// What becomes of a number that is missing.
    public enum MissingNumber: Codable, Sendable, Hashable {
        /// An error with the file's line.
        case error
        /// This number, before standardization.
        case fill(Double)
        /// The mean of those that are there.
        case mean
        /// The mean, and a further column that is 1 where the number is missing, else 0.
        case meanAndIndicator
    }

    /// What becomes of a category that is missing, or that was not among the rows that the encoder was made with.
    public enum UnknownCategory: Codable, Sendable, Hashable {
        /// An error with the file's line.
        case error
        /// A vector of zeros.
        case zeros
        /// A further column, which is 1 for it.
        case ownColumn
    }

    /// How a column is encoded.
    public enum Column: Codable, Sendable, Hashable {
        /// A number x as (x − mean) / deviation, where `standardized`, else as it is. A column whose numbers are all equal is divided by 1.
        case number(String, missing: MissingNumber = .error, standardized: Bool = true)
        /// A category as a vector with a 1 at its place among the categories.
        case category(String, unknown: UnknownCategory = .error)
    }

    /// A column with what was learnt of it.
    private enum Fitted: Codable, Sendable {
        case number(String, MissingNumber, mean: Double, shift: Double, scale: Double)
        case category(String, UnknownCategory, [String])
    }

    private let fitted: [Fitted]

    /// Takes the statistics of `columns` from some rows of `table`, by default all. Throws where a column is not there, or a value is
    /// missing or no number.
    public init(_ columns: [Column], _ table: CSV, rows: [Int]? = nil) throws {
        fitted = try columns.map { column in
            switch column {
            case .number(let name, let missing, let standardized):
                let found = try table[name].numbers(rows: rows)
                if missing == .error { _ = try table[name].tensor(rows: rows) }
                let mean = moments(found.compactMap(\.self)).mean
                guard standardized else { return .number(name, missing, mean: mean, shift: 0, scale: 1) }
                var filler = mean
                if case .fill(let value) = missing { filler = value }
                let (shift, deviation) = moments(found.map { $0 ?? filler })
                return .number(name, missing, mean: mean, shift: shift, scale: deviation > 0 ? deviation : 1)
            case .category(let name, let unknown):
                return .category(name, unknown, try table[name].categories(rows: rows))
            }
        }
    }

    /// What each column of ``tensor(_:rows:)`` holds: `area`, `area missing`, `district=north`.
    public var names: [String] {
        fitted.flatMap { column in
            switch column {
            case .number(let name, let missing, _, _, _): missing == .meanAndIndicator ? [name, "\(name) missing"] : [name]
            case .category(let name, let unknown, let categories):
                categories.map { "\(name)=\($0)" } + (unknown == .ownColumn ? ["\(name) unknown"] : [])
            }
        }
    }

    /// Some rows of `table`, by default all, as float32 [rows, ``names``]. Throws a `FormatError` with the line of a value that it has no
    /// answer to.
    public func tensor(_ table: CSV, rows: [Int]? = nil) throws -> Tensor {
        let rows = rows ?? Array(0..<table.rowCount)
        let width = names.count
        var values = [Float](repeating: 0, count: rows.count * width)
        var place = 0
        for part in fitted {
            let first = place
            place += try encode(part, table, rows) { values[$0 * width + first + $1] = $2 }
        }
        return Tensor(values, shape: [rows.count, width])
    }

    /// Hands `set` row, column and value of what is not 0, and returns the number of columns.
    private func encode(_ part: Fitted, _ table: CSV, _ rows: [Int], _ set: (Int, Int, Float) -> Void) throws -> Int {
        switch part {
        case .number(let name, let missing, let mean, let shift, let scale):
            let column = try table[name]
            for (i, row) in rows.enumerated() {
                let found = try column.number(row)
                let value =
                    switch (found, missing) {
                    case (let value?, _): value
                    case (nil, .fill(let value)): value
                    case (nil, .mean), (nil, .meanAndIndicator): mean
                    case (nil, .error): throw column.error(row, "the value is missing")
                    }
                set(i, 0, Float((value - shift) / scale))
                if missing == .meanAndIndicator, found == nil { set(i, 1, 1) }
            }
            return missing == .meanAndIndicator ? 2 : 1
        case .category(let name, let unknown, let categories):
            let column = try table[name]
            let places = Dictionary(uniqueKeysWithValues: zip(categories, categories.indices))
            for (i, row) in rows.enumerated() {
                if let place = places[column[row]] {
                    set(i, place, 1)
                } else if unknown == .ownColumn {
                    set(i, categories.count, 1)
                } else if unknown == .error {
                    throw column.error(
                        row,
                        column.isMissing(row) ? "the value is missing" : "'\(column[row])' was not among the rows that were learnt from")
                }
            }
            return categories.count + (unknown == .ownColumn ? 1 : 0)
        }
    }
}

/// The mean, and √(Σ (x − mean)² / n); 0 and 0 of nothing.
private func moments(_ values: [Double]) -> (mean: Double, deviation: Double) {
    let count = Double(max(values.count, 1))
    let mean = values.reduce(0, +) / count
    return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot())
}
