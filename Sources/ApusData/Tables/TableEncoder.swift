import ApusCore
import ApusFormats

/// Encodes the columns of a table as tensors: numbers, and categories as one-hot vectors.
///
/// ```swift
/// let table = try CSV(contentsOf: "houses.csv")
/// let rows = try table.rows(complete: "price")                            // rows without a price are dropped
/// let parts = randomSplit(ListDataset(rows), [0.8, 0.2])
/// let train = try parts[0].indices.map { rows[$0] }, test = parts[1].indices.map { rows[$0] }
/// var encoder = try TableEncoder([.number("area", missing: .mean), .category("district")], table, rows: train)
/// let x = try encoder.tensor(table, rows: train)                           // float32 [rows, encoder.names.count]
/// ```
/// All statistics (means, deviations, categories) come from the rows passed to `init`, which should be the training rows only: statistics
/// of the test rows would leak into the training. scikit-learn: `ColumnTransformer`. The encoder is `Codable`, so a run can keep it as
/// JSON.
public struct TableEncoder: Codable, Sendable {
    /// How to encode a missing number.
    public enum MissingNumber: Codable, Sendable, Hashable {
        /// Throw an error with the line in the file.
        case error
        /// Replace it by this number, before standardization.
        case fill(Double)
        /// Replace it by the mean of the numbers that are present.
        case mean
        /// Replace it by the mean, and add a column that is 1 where the number is missing, else 0.
        case meanAndIndicator
    }

    /// How to encode a category that is missing, or that did not occur in the rows passed to `init`.
    public enum UnknownCategory: Codable, Sendable, Hashable {
        /// Throw an error with the line in the file.
        case error
        /// A vector of zeros.
        case zeros
        /// An additional column, which is 1 for such a category.
        case ownColumn
    }

    /// How a column is encoded.
    public enum Column: Codable, Sendable, Hashable {
        /// A number x, encoded as (x − mean) / deviation if `standardized`, else as it is. A column of equal numbers is divided by 1.
        case number(String, missing: MissingNumber = .error, standardized: Bool = true)
        /// A category, encoded as a one-hot vector.
        case category(String, unknown: UnknownCategory = .error)
    }

    /// A column with its statistics.
    private enum Fitted: Codable, Sendable {
        case number(String, MissingNumber, mean: Double, shift: Double, scale: Double)
        case category(String, UnknownCategory, [String])
    }

    private let fitted: [Fitted]

    /// Computes the statistics of `columns` over some rows of `table`, by default all. Throws if a column does not exist, if a missing
    /// value is an error, or if a value is not a number.
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

    /// The name of each column of ``tensor(_:rows:)``: `area`, `area missing`, `district=north`.
    public var names: [String] {
        fitted.flatMap { column in
            switch column {
            case .number(let name, let missing, _, _, _): missing == .meanAndIndicator ? [name, "\(name) missing"] : [name]
            case .category(let name, let unknown, let categories):
                categories.map { "\(name)=\($0)" } + (unknown == .ownColumn ? ["\(name) unknown"] : [])
            }
        }
    }

    /// Encodes some rows of `table`, by default all, as float32 [rows, ``names``]. Throws a `FormatError` with the line of a value that
    /// cannot be encoded.
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

    /// Calls `set` with row, column and value of each nonzero element, and returns the number of columns.
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

/// The mean, and the deviation √(Σ (x − mean)² / n); both 0 for no values.
private func moments(_ values: [Double]) -> (mean: Double, deviation: Double) {
    let count = Double(max(values.count, 1))
    let mean = values.reduce(0, +) / count
    return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot())
}
