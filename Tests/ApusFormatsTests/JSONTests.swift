import TestSupport
import Testing
@testable import ApusFormats

@Suite struct JSONTests {
    @Test(arguments: [
        "null", "true", "[]", "{}", "[1,-2,0,9223372036854775807,-9223372036854775808]", #"{"b":1,"a":[{"c":null}],"":""}"#,
        "1.5", "1e+100", #""\"\\\n\r\t\u0001/ü🐦""#,
    ])
    func textsComeBackAsTheyWere(text: String) throws {
        #expect(try JSON(parsing: text).text == text)
    }

    @Test func numbersStayExact() throws {
        #expect(try JSON(parsing: "9007199254740993") == .int(9_007_199_254_740_993))
        #expect(try JSON(parsing: "9223372036854775808") == .double(0x1p63))
        #expect(try JSON(parsing: "-0.0").double?.sign == .minus)
        #expect(try JSON(parsing: "0.1").double == 0.1)
        #expect(try JSON(parsing: "1E2") == .double(100))
        #expect(JSON.double(.nan).text == "null")
    }

    @Test func escapesAreRead() throws {
        #expect(try JSON(parsing: #""\u0041\/\b\f\ud83d\udc26""#) == .string("A/\u{8}\u{c}🐦"))
        #expect(try JSON(parsing: " { \"a\" : [ 1 , 2 ] } \n") == ["a": [1, 2]])
    }

    @Test(arguments: [
        ("", 0), (" ", 1), ("nul", 0), ("truefalse", 4), ("[1,]", 3), ("[1", 2), ("[1 2]", 3), ("{\"a\"}", 4), ("{\"a\":}", 5),
        ("{a:1}", 1), ("{\"a\":1,}", 7),
        ("01", 1), ("-", 1), ("1.", 2), (".5", 0), ("+1", 0), ("1e", 2), ("1e999", 0), ("NaN", 0), ("[1]]", 3), ("'a'", 0), ("\"a", 2),
        ("\"a\nb\"", 2),
        ("\"\\x\"", 1), ("\"\\u12g4\"", 5), ("\"\\ud800\"", 1), ("\"\\ud800\\u0041\"", 1), ("\"\\udc00\"", 1), ("{\"a\":1,\"a\":2}", 7),
        ("{\"\\u0061\":1,\"a\":2}", 12),
        ("/* */1", 0), ("\u{FEFF}1", 0),
    ])
    func errorsNameTheirPlace(text: String, offset: Int) {
        #expect { try JSON(parsing: text) } throws: { ($0 as? JSONError)?.offset == offset }
    }

    @Test func onlyUTF8IsRead() {
        for bytes in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] as [[UInt8]] {
            #expect(throws: JSONError.self) { try bytes.withUnsafeBytes { _ = try JSON(parsing: $0) } }
        }
    }

    @Test func nestingAndNumbersAreBounded() throws {
        let deepest = String(repeating: "[", count: JSON.maximumDepth) + String(repeating: "]", count: JSON.maximumDepth)
        #expect(try JSON(parsing: deepest).text == deepest)
        #expect(throws: JSONError.self) { try JSON(parsing: "[" + deepest + "]") }
        #expect(throws: JSONError.self) { try JSON(parsing: String(repeating: "[", count: 1_000_000)) }
        #expect(throws: JSONError.self) { try JSON(parsing: "1." + String(repeating: "0", count: 1000)) }
    }

    @Test func filesNameLineAndColumn() {
        let folder = TemporaryFolder()
        let path = folder.write(Array("{\n  \"a\": 1,\n  b\n}".utf8))
        #expect(
            message { _ = try JSON(contentsOf: path) }.hasPrefix(
                "\(path), line 3, column 3: 'b' stands in an object where a key should stand"))
    }
}
