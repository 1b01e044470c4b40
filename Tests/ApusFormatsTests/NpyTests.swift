import ApusSystem
import Foundation
import TestSupport
import Testing
@testable import ApusCore
@testable import ApusFormats

@Suite struct NpyTests {
    let folder = TemporaryFolder()

    /// A file with this header, as it is written here, and these bytes behind.
    static func file(_ header: String, _ data: [UInt8], version: UInt8 = 1, minor: UInt8 = 0) -> [UInt8] {
        var bytes = Npy.magic + [version, minor]
        if version == 1 {
            bytes.append(littleEndian: UInt16(header.utf8.count))
        } else {
            bytes.append(littleEndian: UInt32(header.utf8.count))
        }
        return bytes + Array(header.utf8) + data
    }

    static func header(_ type: String, _ shape: String, order: String = "False") -> String {
        "{'descr': '\(type)', 'fortran_order': \(order), 'shape': \(shape), }"
    }

    static let dtypes: [DType] = [.bool, .uint8, .int8, .int16, .int32, .int64, .float16, .float32, .float64]
    static let shapes: [Shape] = [
        [], [1], [7], [0], [2, 3], [3, 0, 2], [4, 1, 5], [2, 3, 4, 5], Shape(repeating: 1, count: 32), Shape(repeating: 1, count: 64),
        Shape([3] + Array(repeating: 1, count: 62) + [2]),
    ]

    /// A tensor of random bits, those of `bool` aside.
    static func random(_ shape: Shape, _ dtype: DType, _ random: inout SplitMix) -> Tensor {
        try! tensor(shape, dtype) { out in
            for i in out.indices { out[i] = UInt8.random(in: dtype == .bool ? 0...1 : 0...255, using: &random) }
        }
    }

    static func expectSame(_ found: Tensor?, _ expected: Tensor, _ comment: String) {
        #expect(found?.dtype == expected.dtype && found?.shape == expected.shape, "\(comment)")
        #expect(found.map { bytes(of: $0) } == bytes(of: expected), "\(comment)")
    }

    /// What is written is read, to the bit: every dtype, shape and layout, as a file and in archives.
    @Test func roundTrip() throws {
        var random = SplitMix(state: 2)
        for dtype in Self.dtypes {
            var all = StateDict()
            for shape in Self.shapes {
                let x = Self.random(shape, dtype, &random)
                // Slices of more dimensions than these would be parts of more memory than there is.
                for layout in Layout.allCases where layout != .sliced || shape.count < 10 {
                    let laid = layout.lay(x), name = "\(dtype) \(shape) \(layout)"
                    try laid.save(npy: folder.file("a.npy"))
                    try Self.expectSame(Tensor(npy: folder.file("a.npy")), laid, name)
                    all[name] = laid
                }
            }
            for compressed in [false, true] {
                try all.save(npz: folder.file("a.npz"), compressed: compressed)
                let read = try StateDict.load(npz: folder.file("a.npz"))
                #expect(read.keys == all.keys)
                for (key, value) in all { Self.expectSame(read[key], value, "\(key), compressed \(compressed)") }
                let before = bytes(ofFile: folder.file("a.npz"))
                try all.save(npz: folder.file("a.npz"), compressed: compressed)
                #expect(bytes(ofFile: folder.file("a.npz")) == before, "equal contents give equal bytes")
            }
        }
        #expect(folder.names == ["a.npy", "a.npz"])
    }

    /// Every type in both byte orders, both orders of dimensions, aligned and not: the values are those of the plain file.
    @Test func everyFormIsRead() throws {
        var random = SplitMix(state: 3)
        let codes = ["b1", "u1", "i1", "i2", "i4", "i8", "u2", "u4", "f2", "f4", "f8"]
        for code in codes {
            let size = Int(code.dropFirst())!, isBool = code == "b1"
            for extents in [[], [5], [2, 3], [0, 4], [2, 3, 4]] {
                let count = extents.reduce(1, *)
                let little = (0..<(count * size)).map { _ in UInt8.random(in: isBool ? 0...1 : 0...255, using: &random) }
                let big = (0..<count).flatMap { little[($0 * size)..<(($0 + 1) * size)].reversed() }
                let shape = "(" + extents.map { "\($0)" }.joined(separator: ", ") + (extents.count == 1 ? ",)" : ")")
                let reversed = "(" + extents.reversed().map { "\($0)" }.joined(separator: ", ") + (extents.count == 1 ? ",)" : ")")
                let plain = try Npy.tensor(in: region(Self.file(Self.header("<" + code, shape), little)))
                #expect(plain.shape == Shape(extents))
                if code == "u2" {
                    #expect(plain.dtype == .int32)
                    #expect(elements(plain, Int32.self) == (0..<count).map { Int32(little[2 * $0]) | Int32(little[2 * $0 + 1]) << 8 })
                } else if code == "u4" {
                    #expect(plain.dtype == .int64)
                    #expect(
                        elements(plain, Int64.self)
                            == (0..<count).map { i in (0..<4).reduce(0) { $0 | Int64(little[4 * i + $1]) << (8 * Int64($1)) } })
                } else {
                    #expect(bytes(of: plain) == little && plain.dtype.size == size, "\(code)")
                }
                for (order, data) in [("<", little), ("=", little), ("|", little), ("", little), (">", big)] {
                    for isColumnMajor in [false, true] {
                        // Padding moves the elements to every place within a word.
                        for padding in 0..<9 {
                            for version in 1...3 as ClosedRange<UInt8> {
                                let text = Self.header(
                                    order + code, isColumnMajor ? reversed : shape, order: isColumnMajor ? "True" : "False")
                                let header = text + String(repeating: " ", count: padding)
                                let read = try Npy.tensor(in: region(Self.file(header, data + [1, 2, 3], version: version)))
                                let rows = isColumnMajor ? read.permute(Array((0..<extents.count).reversed())) : read
                                Self.expectSame(rows, plain, "\(order)\(code) \(shape), column-major \(isColumnMajor), \(padding) spaces")
                            }
                        }
                    }
                }
            }
        }
    }

    /// Aligned arrays in the processor's byte order take no memory of their own, in both orders of dimensions.
    @Test func arraysAreMapped() throws {
        for (order, strides) in [("False", [3, 1]), ("True", [1, 2])] as [(String, Shape)] {
            let header = Self.header("<f4", "(2, 3)", order: order)
            let padding = String(repeating: " ", count: 64 - (10 + header.utf8.count) % 64)
            let contents = Self.file(header + padding, [UInt8](repeating: 1, count: 24))
            let file = try MappedFile(folder.write(contents, "a.npy"))
            let x = try Npy.tensor(in: ByteRegion(file))
            #expect(x.strides == strides && x.pointer - file.bytes.baseAddress! == contents.count - 24)
            // Changing it changes neither the file nor another mapping.
            x.pointer.storeBytes(of: 9, as: Float.self)
            #expect(elements(x, Float.self)[0] == 9 && bytes(ofFile: folder.file("a.npy")) == contents)
            #expect(try elements(Tensor(npy: folder.file("a.npy")), Float.self)[0] != 9)
        }
    }

    /// Headers as other programs and older versions write them.
    @Test func headersOfOthers() throws {
        let data = [UInt8](0..<24)
        let plain = try Npy.tensor(in: region(Self.file(Self.header("<f4", "(2, 3)"), data)))
        for header in [
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }        \n",
            "{'shape': (2, 3,), 'descr': '<f4', 'fortran_order': False}",
            "{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (2, 3)}",
            "  {'descr':'<f4','fortran_order':False,'shape':(2,3)}  ",
            "{u'descr': b'<f4', 'fortran_order': False, 'shape': (2, 3)}",
            "{'descr': ('<f4'), 'fortran_order': False,\n 'shape': (+2, 3)}",
        ] {
            try Self.expectSame(Npy.tensor(in: region(Self.file(header, data))), plain, header)
        }
    }

    /// Headers that lie or are none, each with what the message must say.
    @Test func liesAreNamed() {
        let data = [UInt8](repeating: 0, count: 24)
        func header(_ text: String, _ reason: String) -> ([UInt8], String) { (Self.file(text, data), reason) }
        func type(_ type: String, _ reason: String) -> ([UInt8], String) {
            header("{'descr': \(type), 'fortran_order': False, 'shape': (1,)}", reason)
        }
        func shape(_ shape: String, _ reason: String) -> ([UInt8], String) { header(Self.header("<f4", shape), reason) }
        let deep = String(repeating: "(", count: 60_000)
        for (contents, reason) in [
            (Array("version https://git-lfs.github.com/spec/v1\n".utf8), "byte 0: not a NumPy array (.npy): the file is a Git LFS pointer"),
            ([0x80, 4, 0x95], "the file is a pickle of Python"),
            (ZipSample.usual.bytes, "the file is a zip archive"),
            (Array(Npy.magic), "version"),
            (Npy.magic + [1, 0, 4], "length"),
            (Self.file("{}", [], version: 4), "byte 6: version 4.0 of the format"),
            (Self.file("{}", [], minor: 1), "byte 6: version 1.1 of the format"),
            (Self.file(String(repeating: " ", count: 70_000), [], version: 2), "the header has 70000 bytes, more than 65536"),
            header("", "byte 10: header: it ends within a value"),
            header("{", "byte 11: header: it ends within a value"),
            header(deep, "deep"),
            header(String(deep.replacingOccurrences(of: "(", with: "{1:").prefix(60_000)), "deep"),
            header("{'descr'}", "no ':' after a key"),
            header("{'descr': 1 2}", "no ',' or '}' after a value"),
            header("(1 2)", "no ',' or ')' after a value"),
            header("[1, 2", "header:"),
            header("{'descr': '<f4", "byte 20: header: no quote ends the text"),
            header("{'descr': f()}", "byte 20: header: neither text, nor a number"),
            header("{'descr': lambda: 0}", "byte 20: header: neither text, nor a number"),
            header("{} 1", "text after the header's value"),
            header("{1: 2}", "the key 1, where"),
            header("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", "the key 'descr', where"),
            header("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'more': 1}", "the key 'more', where"),
            header("{'fortran_order': False, 'shape': ()}", "no 'descr'"),
            header("{'descr': '<f4', 'fortran_order': False}", "no 'shape'"),
            header("{'descr': '<f4', 'fortran_order': 1, 'shape': ()}", "'fortran_order' is 1, neither True nor False"),
            type("1", "'descr' is 1, no type of elements"), type("None", "'descr' is None"), type("''", "unknown type of elements ''"),
            type("'<f'", "unknown type"), type("'f4f4'", "unknown type"), type("'<'", "unknown type"), type("'<é4'", "unknown type"),
            type("'|O'", "('|O') are Python objects: a pickle"), type("'|O8'", "a pickle"), type("'<c16'", "complex128"),
            type("'<f16'", "float128"),
            type("'<V2'", "raw bytes without a type, as which NumPy also saves bfloat16"), type("'<u8'", "uint64"),
            type("'>M8[D]'", "dates"),
            type("('<f4', (2,))", "structures (('<f4', (2,)))"),
            type("[('a', '<f4', (2,)), (('title', 'b'), '<i4')]", "the fields 'a', ('title', 'b')"),
            type("{'names': ['a']}", "structures"),
            shape("(2, -3)", "the shape holds -3"), shape("(2.0,)", "the shape holds 2.0"), shape("('2',)", "the shape holds '2'"),
            shape("(True,)", "the shape holds True"), shape("[2, 3]", "the shape is a list, no tuple"),
            shape("(3)", "the shape is 3, no tuple"),
            shape("(0, 4611686018427387904, 4)", "more elements than 64 bits can count"),
            shape("(1000000000000000000000,)", "the shape holds 1000000000000000000000,"),
            shape("(" + String(repeating: "1, ", count: 65) + ")", "65 dimensions, more than 64"),
            shape("(2305843009213693951,)", "cut off: float32 of shape [2305843009213693951] takes 9223372036854775804 bytes, 24 follow"),
            (Self.file(Self.header("|b1", "(3,)"), [0, 1, 2]), "a bool is 2, neither 0 nor 1"),
        ] {
            let path = folder.write(contents, "lie.npy")
            let message = message { _ = try Tensor(npy: path) }
            #expect(message.hasPrefix(path) && message.contains(reason), "'\(message)' does not say '\(reason)'")
        }
    }

    /// Shapes of extreme extents and zeros: an array that is cut off, one without elements, or an error.
    @Test func extremeExtents() throws {
        let extents = [0, 1, 3, 1 << 31, 1 << 32, 1 << 59, 1 << 60, 1 << 61, 1 << 62, .max / 8, .max / 4, .max / 2, .max - 1, .max]
        for code in ["<f8", "<u4", "|b1", ">u2"] {
            for order in ["True", "False"] {
                for a in extents {
                    for b in extents {
                        for shape in ["(\(a),)", "(\(a), \(b))", "(\(b), \(a), 0)"] {
                            let contents = region(Self.file(Self.header(code, shape, order: order), [UInt8](repeating: 0, count: 72)))
                            do {
                                let x = try Npy.tensor(in: contents)
                                #expect(x.numel <= 9, "\(code) \(shape)")
                            } catch let error as FormatError {
                                #expect(error.reason.contains("cut off") || error.reason.contains("more elements than 64 bits"), "\(error)")
                            }
                        }
                    }
                }
            }
        }
    }

    @Test func whatNumPyLacksIsRefused() {
        let x = make([BFloat16(1)], [1])
        #expect(
            message { try x.save(npy: folder.file("a.npy")) }
                == "\(folder.file("a.npy")): NumPy has no bfloat16; convert it: `.to(.float32)` loses nothing")
        let state: StateDict = ["a": make([1] as [Float], [1]), "b": x]
        #expect(message { try state.save(npz: folder.file("a.npz")) }.hasPrefix("\(folder.file("a.npz")), 'b': NumPy has no bfloat16"))
        #expect(folder.names.isEmpty)
    }

    @Test func damageNeverCrashes() async {
        await #expect(processExitsWith: .success) {
            fuzz(NpyTests.file(NpyTests.header("<u2", "(2, 3)", order: "True"), [UInt8](0..<12)), mutations: 5000) {
                _ = try Tensor(npy: $0)
            }
        }
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder(), path = folder.file("a.npz")
            try (["a": make([1, 2] as [Float], [2]), "é": make([true], [])] as StateDict).save(npz: path, compressed: true)
            fuzz(bytes(ofFile: path), mutations: 3000) { _ = try StateDict.load(npz: $0) }
        }
    }
}
