import ApusSystem
import Foundation
import TestSupport
import Testing
@testable import ApusCore
@testable import ApusFormats

@Suite struct SafetensorsTests {
    let folder = TemporaryFolder()

    static var everyDType: StateDict {
        [
            "z.bool": make([true, false, true], [3]),
            "u8": make([0, 255, 7] as [UInt8], [3]),
            "i8": make([-128, 127] as [Int8], [2, 1]),
            "i16": make([-32768, 32767, 1] as [Int16], [3]),
            "i32": make([.min, .max] as [Int32], [2]),
            "i64": make([.min, .max] as [Int64], [2]),
            "f16": make([1.5, -.infinity, 65504] as [Float16], [3]),
            "bf16": make([BFloat16(1.5), BFloat16(-3)], [1, 2]),
            "f32": make([.pi, -0.0, .infinity] as [Float], [3]),
            "f64": make([.pi, .leastNonzeroMagnitude] as [Double], [2]),
            "scalar": make([3] as [Float], []),
            "empty": make([] as [Float], [0, 5]),
            "naïve \"quoted\" \u{1F426}\n": make([1] as [Float], [1]),
        ]
    }

    @Test func roundTripKeepsOrderTypesShapesAndBits() throws {
        let path = folder.file("all.safetensors")
        try Self.everyDType.save(to: path, metadata: ["format": "pt", "b": "", "a": "ä\u{0}"])
        let read = try Safetensors(contentsOf: path)
        #expect(read.metadata == ["format": "pt", "b": "", "a": "ä\u{0}"])
        #expect(read.tensors.keys == Self.everyDType.keys)
        for (key, tensor) in Self.everyDType {
            let other = try #require(read.tensors[key])
            #expect(other.dtype == tensor.dtype && other.shape == tensor.shape, "\(key)")
            #expect(bytes(of: other) == bytes(of: tensor), "\(key)")
        }
        #expect(folder.names == ["all.safetensors"])
    }

    /// Bytes in memory are those of the file, and are read as it is: every part of them is refused as the part of a file.
    @Test func bytesAreThoseOfTheFile() throws {
        let (path, part) = (folder.file("whole"), folder.file("part"))
        let contents = Safetensors(Self.everyDType, metadata: ["x": "1"])
        try contents.write(to: path)
        let whole = try contents.bytes()
        #expect(whole == bytes(ofFile: path))
        let read = try Safetensors(bytes: whole)
        #expect(read.metadata == contents.metadata && read.tensors.keys == contents.tensors.keys)
        for (key, tensor) in contents.tensors {
            #expect(
                read.tensors[key].map { $0.dtype == tensor.dtype && $0.shape == tensor.shape && bytes(of: $0) == bytes(of: tensor) } == true
            )
        }
        for count in whole.indices {
            folder.write(Array(whole[..<count]), "part")
            let text = message { try Safetensors(bytes: Array(whole[..<count]), named: part) }
            #expect(!text.isEmpty && text == message { try Safetensors(contentsOf: part) }, "\(count) bytes")
        }
    }

    @Test func equalContentsMakeEqualBytes() throws {
        let (a, b) = (folder.file("a"), folder.file("b"))
        try Self.everyDType.save(to: a, metadata: ["x": "1", "y": "2", "z": "3"])
        try StateDict.load(from: a).save(to: b, metadata: ["z": "3", "y": "2", "x": "1"])
        #expect(bytes(ofFile: a) == bytes(ofFile: b))
    }

    /// Bytes that the reference implementation (Python's safetensors 0.8) wrote.
    @Test func readsTheReferenceImplementation() throws {
        let path = folder.write(
            base64(
                """
                OAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJucCJ9LCJhIjp7ImR0eXBlIjoiSTY0Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbMCwxNl19LCJiIjp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlsyLDNdLCJkYXRhX29mZnNldHMiOlsxNiw0MF19LCJlIjp7ImR0eXBlIjoiRjE2Iiwic2hhcGUiOlswLDNdLCJkYXRhX29mZnNldHMiOls0MCw0MF19LCJzIjp7ImR0eXBlIjoiVTgiLCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzQwLDQxXX0sImMiOnsiZHR5cGUiOiJCT09MIiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbNDEsNDNdfX0gICABAAAAAAAAAP7/////////AAAAAAAAgD8AAABAAABAQAAAgEAAAKBABwEA
                """))
        let file = try Safetensors(contentsOf: path)
        #expect(file.metadata == ["format": "np"])
        #expect(file.tensors.keys == ["a", "b", "e", "s", "c"])
        #expect(elements(file.tensors["a"]!, Int64.self) == [1, -2])
        #expect(elements(file.tensors["b"]!, Float.self) == [0, 1, 2, 3, 4, 5] && file.tensors["b"]!.shape == [2, 3])
        #expect(file.tensors["e"]!.shape == [0, 3] && file.tensors["e"]!.dtype == .float16)
        #expect(elements(file.tensors["s"]!, UInt8.self) == [7] && file.tensors["s"]!.ndim == 0)
        #expect(elements(file.tensors["c"]!, Bool.self) == [true, false])
    }

    @Test func writingToALoadedTensorLeavesTheFileAlone() throws {
        let path = folder.file("a")
        try (["x": make([1, 2, 3] as [Float], [3])] as StateDict).save(to: path)
        let before = bytes(ofFile: path)
        let tensor = try StateDict.load(from: path)["x"]!
        tensor.pointer.storeBytes(of: 9, as: Float.self)
        #expect(elements(tensor, Float.self) == [9, 2, 3])
        #expect(bytes(ofFile: path) == before)
        #expect(try elements(StateDict.load(from: path)["x"]!, Float.self) == [1, 2, 3])
        // A mapped file stays readable after it is replaced.
        try (["x": make([7] as [Float], [1])] as StateDict).save(to: path)
        #expect(elements(tensor, Float.self) == [9, 2, 3])
    }

    /// A file with this header and `data` bytes after it.
    func file(_ header: String, data: Int = 8) -> String {
        folder.write(
            withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
                + [UInt8](repeating: 1, count: data))
    }

    @Test func tensorsThatAreNotAlignedAreCopied() throws {
        let tensors = try StateDict.load(
            from: file(
                #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F64","shape":[1],"data_offsets":[1,9]}}"#, data: 9))
        #expect(Int(bitPattern: tensors["b"]!.pointer) % 8 == 0)
        #expect(bytes(of: tensors["b"]!) == [UInt8](repeating: 1, count: 8))
    }

    @Test(arguments: [
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "stands twice"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"shape":[2]}}"#, "stands twice"),
        (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, "'a': data_offsets [0, 16] leave the file"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#, "span 8 bytes, F32 of shape [1] takes 4"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "4 bytes after the last tensor"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, "belong to no tensor"),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            "'b': its data overlaps"
        ),
        (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, "the shape holds -2"),
        (#"{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}"#, "the shape holds 2.0"),
        (#"{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}}"#, "the shape holds"),
        (#"{"a":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,8]}}"#, "more elements than 64 bits"),
        (#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,8]}}"#, "more elements than 64 bits"),
        (#"{"a":{"dtype":"F32","shape":[0,4611686018427387904,4],"data_offsets":[0,0]}}"#, "more elements than 64 bits"),
        (#"{"a":{"dtype":"F32","shape":[\#(String(repeating: "1,", count: 64))2],"data_offsets":[0,8]}}"#, "65 dimensions"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, "are not a range"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#, "are not a range"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775808]}}"#, "two whole numbers"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}"#, "two whole numbers"),
        (#"{"a":{"dtype":"F8_E4M3","shape":[7],"data_offsets":[0,8]}}"#, "span 8 bytes, F8_E4M3 of shape [7] takes 7"),
        (#"{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,8]}}"#, "F4 of shape [3] is no whole number of bytes"),
        (#"{"a":{"dtype":"F6_E2M3","shape":[4611686018427387904],"data_offsets":[0,8]}}"#, "is no whole number of bytes"),
        (#"{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}"#, "unknown dtype 'F33'"),
        (#"{"a":{"dtype":32,"shape":[2],"data_offsets":[0,8]}}"#, "no dtype"),
        (#"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#, "no shape"),
        (#"{"a":{"dtype":"F32","shape":[2]}}"#, "no data_offsets"),
        (#"{"a":[]}"#, "'a': a list"),
        (#"{"__metadata__":{"n":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "'n' is a number"),
        (#"{"__metadata__":[]}"#, "a list, where an object"),
        (#"{"a":{"dtype":"BOOL","shape":[8],"data_offsets":[0,8]}}x"#, "there is more after the end"),
        (#"{"a":\#(String(repeating: "[", count: 100))"#, "nest deeper than 64"),
        (#" {}"#, "does not begin with '{'"),
        (#""#, "does not begin with '{'"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#, "in an object where ',' or '}' should stand"),
    ])
    func liesAreNamed(header: String, reason: String) {
        let path = file(header)
        let message = message { _ = try Safetensors(contentsOf: path) }
        #expect(message.hasPrefix(path) && message.contains(reason), "\(message)")
    }

    /// A tensor of a type that Apus lacks is validated, left out and named; the others are read.
    @Test func tensorsOfForeignTypesAreLeftOutAndNamed() throws {
        let types: [(name: String, bits: Int)] = [
            ("U16", 16), ("U32", 32), ("U64", 64), ("C64", 64), ("F8_E5M2", 8), ("F8_E4M3", 8), ("F8_E8M0", 8), ("F6_E2M3", 6),
            ("F6_E3M2", 6), ("F4", 4),
        ]
        for type in types {
            let size = type.bits * 8 / 8
            let path = file(
                #"{"a":{"dtype":"\#(type.name)","shape":[2,4],"data_offsets":[0,\#(size)]},"b":{"dtype":"U8","shape":[3],"data_offsets":[\#(size),\#(size + 3)]}}"#,
                data: size + 3)
            let read = try Safetensors(contentsOf: path)
            #expect(read.tensors.keys == ["b"] && elements(read.tensors["b"]!, UInt8.self) == [1, 1, 1], "\(type)")
            #expect(read.leftOut.map(\.key) == ["a"] && read.leftOut.map(\.dtype) == [type.name])
            #expect(read.leftOutNote == "left out 'a' (\(type.name)): Apus has no dtype for it")
        }
        #expect(try Safetensors(contentsOf: file(#"{"b":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#, data: 3)).leftOutNote == nil)
    }

    /// Everything that the reference implementation accepts: missing metadata, null metadata, and unknown fields.
    @Test func whatTheReferenceReadsIsRead() throws {
        let read = try Safetensors(
            contentsOf: file(
                #"{"__metadata__":null,"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":{"x":[1]},"__more__":null}}"#))
        #expect(read.metadata.isEmpty && read.tensors.keys == ["a"])
    }

    @Test func liesAboutTheHeaderAreNamed() {
        for (bytes, reason) in [
            ([], "the file is empty"),
            ([1, 2, 3], "the file has 3 bytes"),
            ([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7B], "18446744073709551615 bytes, the limit"),
            ([0, 0, 0, 0, 0, 0, 0, 0x80, 0x7B], "9223372036854775808 bytes, the limit"),
            ([3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D], "only 2 follow"),
        ] as [([UInt8], String)] {
            let message = message { _ = try Safetensors(contentsOf: folder.write(bytes)) }
            #expect(message.hasPrefix(folder.path) && message.contains(reason), "\(message)")
        }
        let bad = file(#"{"a":{"dtype":"BOOL","shape":[8],"data_offsets":[0,8]}}"#)
        #expect((try? StateDict.load(from: bad)) != nil)
        var contents = bytes(ofFile: bad)
        contents[contents.count - 2] = 2
        #expect(message { _ = try StateDict.load(from: folder.write(contents)) }.contains("'a': byte 6 of a BOOL tensor is 2"))
    }

    @Test func whatIsNoFileIsRefused() {
        #expect(throws: FileError(file: "/nowhere/a", operation: "open", code: ENOENT)) { _ = try StateDict.load(from: "/nowhere/a") }
        #expect(throws: FileError(file: folder.path, operation: "read", code: EISDIR)) { _ = try StateDict.load(from: folder.path) }
        #expect(throws: FileError(file: "/dev/zero", operation: "map", code: ENODEV)) { _ = try StateDict.load(from: "/dev/zero") }
        mkfifo(folder.file("pipe"), 0o600)
        #expect(throws: FileError.self) { _ = try StateDict.load(from: folder.file("pipe")) }
        #expect("\(FileError(file: "a", operation: "open", code: ENOENT))" == "cannot open a: No such file or directory")
    }

    @Test func reservedNamesAreRefused() {
        #expect(message { try (["__metadata__": make([1] as [Float], [1])] as StateDict).save(to: folder.file("a")) }.contains("reserved"))
        #expect(folder.names.isEmpty)
    }

    @Test func damageNeverCrashes() async {
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder()
            try SafetensorsTests.everyDType.save(to: folder.file("a"), metadata: ["format": "pt"])
            fuzz(bytes(ofFile: folder.file("a")), mutations: 5000) { path in
                // Every byte of an accepted file can be read.
                for (_, tensor) in try StateDict.load(from: path) { _ = bytes(of: tensor) }
            }
        }
    }
}
