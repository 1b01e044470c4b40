import ApusCore
import ApusData
import ApusFormats
import Foundation
import TestSupport
import Testing

@Suite struct TableEncoderTests {
    private let table = try! CSV(parsing: "x,y,town\n1,5,b\n3,,a\n5,5,b\n100,5,c\n,5,\n", file: "t.csv")

    /// Statistics are those of the rows that it was made with, whatever it then encodes.
    @Test func statisticsAreThoseOfTheTrainingPart() throws {
        let encoder = try TableEncoder(
            [.number("x", missing: .meanAndIndicator), .number("y", missing: .fill(5)), .category("town", unknown: .zeros)], table,
            rows: [0, 1, 2])
        #expect(encoder.names == ["x", "x missing", "y", "town=a", "town=b"])
        let x = try encoder.tensor(table)
        let scale = (8.0 / 3).squareRoot()
        let expected: [[Float]] = [
            [Float(-2 / scale), 0, 0, 0, 1], [0, 0, 0, 1, 0], [Float(2 / scale), 0, 0, 0, 1], [Float(97 / scale), 0, 0, 0, 0],
            [0, 1, 0, 0, 0],
        ]
        #expect(x.dtype == .float32 && x.array(Float.self) == expected.flatMap { $0 })
        #expect(try encoder.tensor(table, rows: [3, 0]).array(Float.self) == expected[3] + expected[0])
        // It comes back from JSON as it was.
        let again = try JSONDecoder().decode(TableEncoder.self, from: JSONEncoder().encode(encoder))
        #expect(try again.tensor(table).array(Float.self) == x.array(Float.self) && again.names == encoder.names)
    }

    @Test func whatIsMissingIsTreatedAsAsked() throws {
        func encoded(_ column: TableEncoder.Column, learn: [Int]? = nil) throws -> [Float] {
            try TableEncoder([column], table, rows: learn).tensor(table).array(Float.self)
        }
        #expect(try encoded(.number("y", missing: .fill(-1), standardized: false)) == [5, -1, 5, 5, 5])
        #expect(try encoded(.number("y", missing: .mean, standardized: false)) == [5, 5, 5, 5, 5])
        #expect(try encoded(.number("y", missing: .mean)) == [0, 0, 0, 0, 0])
        // A filled number counts in the mean and the deviation: 5, -5, 5, 5, 5.
        let filled = try encoded(.number("y", missing: .fill(-5)))
        #expect(abs(filled[0] - 0.5) < 1e-6 && abs(filled[1] + 2) < 1e-6)
        #expect(try encoded(.number("x", missing: .mean, standardized: false)) == [1, 3, 5, 100, 27.25])
        #expect(try encoded(.category("town", unknown: .ownColumn), learn: [0, 1]) == [0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1])
        #expect(message { _ = try encoded(.number("x")) } == "t.csv, line 6, column 1: column 'x': the value is missing")
        #expect(message { _ = try encoded(.number("x"), learn: [0]) } == "t.csv, line 6, column 1: column 'x': the value is missing")
        #expect(
            message { _ = try encoded(.category("town"), learn: [0, 1]) }.contains("line 5, column 7: column 'town': 'c' was not among"))
        #expect(message { _ = try encoded(.category("town")) }.contains("line 6, column 4: column 'town': the value is missing"))
        #expect(message { _ = try encoded(.number("town")) }.contains("'b' is not a finite number"))
        #expect(message { _ = try encoded(.category("size")) }.contains("there is no such column"))
    }
}
