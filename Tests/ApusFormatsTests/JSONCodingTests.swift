@testable import ApusFormats
import Testing

@Suite struct JSONCodingTests {
    private struct Inner: Codable, Equatable {
        var name: String
        var number: Double?
    }

    private enum Kind: String, Codable { case one, two }

    private enum Shape: Codable, Equatable {
        case circle(radius: Double)
        case nothing
    }

    private class Base: Codable { var base = 1 }
    private final class Derived: Base {
        var own = 2
        override init() { super.init() }
        private enum CodingKeys: CodingKey { case own }
        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            own = try container.decode(Int.self, forKey: .own)
            try super.init(from: container.superDecoder())
        }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(own, forKey: .own)
            try super.encode(to: container.superEncoder())
        }
    }

    private struct Everything: Codable, Equatable {
        var yes = true
        var whole = Int.min
        var large = UInt64.max
        var byte: UInt8 = 255
        var short: Int16 = -7
        var fraction = 0.1 + 0.2
        var single: Float = 0.1
        var numbers: [Double] = [.infinity, -.infinity, 1e300, .leastNonzeroMagnitude, -0.0]
        var text = "ä\"\n\u{1F600}"
        var list = [[1, 2], [], [3]]
        var table = ["b": "2", "a": "1", "ä": "3"]
        var optional: Int?
        var inner: [Inner?] = [Inner(name: "x", number: nil), nil, Inner(name: "", number: -1)]
        var kind = Kind.two
        var json: JSON = ["a": [1, 2.5, "x", nil, true], "b": [:]]
        var noJSON: JSON?
        var shapes = [Shape.circle(radius: 2), .nothing]
    }

    /// Values of every kind are unchanged after encoding to text and back, and equal values give equal text.
    @Test func valuesComeBack() throws {
        let value = Everything()
        let text = try JSON(encoding: value).text
        #expect(try JSON(parsing: text).decoded() == value)
        for _ in 0..<5 { #expect(try JSON(encoding: Everything()).text == text) }
        #expect(text.contains(#""table":{"a":"1","b":"2","ä":"3"}"#) && text.contains(#""large":"18446744073709551615""#))
        let nan: [Double] = try JSON(parsing: JSON(encoding: [Double.nan]).text).decoded()
        #expect(nan[0].isNaN)
        let derived = Derived()
        (derived.base, derived.own) = (5, 6)
        let again: Derived = try JSON(encoding: derived).decoded()
        #expect(again.base == 5 && again.own == 6)
        let (three, empty, none) = (try JSON(encoding: 3), try JSON(encoding: [String]()), try JSON(encoding: [String: Int]()))
        #expect(three == .int(3) && empty == .array([]) && none == .object([]))
    }

    /// Errors name the value that does not fit, with its path.
    @Test(arguments: [
        (#"{"name": 3}"#, "name: a number, where a string is wanted"), (#"{}"#, "name: missing"),
        (#"[]"#, "a list, where an object is wanted"),
        (#"{"name": "x", "number": "many"}"#, "number: a string, where a number is wanted"),
    ]) func whatDoesNotFitIsNamed(_ text: String, _ problem: String) throws {
        let error = #expect(throws: DecodingError.self) { try JSON(parsing: text).decoded(as: Inner.self) }
        #expect(JSON.problem(error!) == problem)
    }

    @Test func numbersStayInTheirRange() throws {
        for text in ["[256]", "[-1]", "[1.5]", "[\"x\"]"] {
            #expect(throws: DecodingError.self) { try JSON(parsing: text).decoded(as: [UInt8].self) }
        }
        #expect(try JSON(parsing: "[9223372036854775807]").decoded(as: [Int].self) == [.max])
        #expect(throws: DecodingError.self) { try JSON(parsing: "[[1], 2]").decoded(as: [[Int]].self) }
    }
}
