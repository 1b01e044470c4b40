import Foundation
import TestSupport
import Testing
@testable import ApusCore
@testable import ApusFormats

/// Files that NumPy made, compared bit by bit with the values beside them, and files that lie.
@Suite struct NumPyInteropTests {
    static func path(_ name: String) -> String { Interop.path("numpy/" + name) }

    /// The names of the files, and what is said of each.
    static var cases: [(file: String, outcome: String, json: JSON)] {
        Interop.names("numpy").map { name in
            let json = Interop.description("numpy/" + name)
            return (json.value("file"), json.value("outcome"), json)
        }
    }

    static func read(_ file: String) throws -> StateDict {
        let path = path(file)
        return file.hasSuffix(".npz") ? try StateDict.load(npz: path) : ["array": try Tensor(npy: path)]
    }

    @Test func valuesAreTheirs() throws {
        var count = 0
        for (file, outcome, _) in Self.cases where outcome == "reads" {
            let read = try Self.read(file)
            let expected = try StateDict.load(from: Self.path(String(file.prefix { $0 != "." }) + ".safetensors"))
            #expect(read.count == expected.count, "\(file)")
            for (key, tensor) in expected {
                let found = try #require(read[key], "\(file), \(key)")
                #expect(found.dtype == tensor.dtype && found.shape == tensor.shape, "\(file), \(key)")
                #expect(bytes(of: found) == bytes(of: tensor), "\(file), \(key)")
            }
            count += expected.count
        }
        #expect(count >= 300)
    }

    /// What Apus has no dtype for is converted where that loses nothing, and named otherwise.
    @Test func foreignTypes() throws {
        let names = [
            "foreign_S5.npy": "'|S5') are text as bytes", "foreign_be_U4.npy": "'>U4') are text",
            "foreign_le_M8s.npy": "'<M8[s]') are dates",
            "foreign_le_m8ms.npy": "'<m8[ms]') are spans of time", "foreign_le_c8.npy": "'<c8') are complex64",
            "foreign_le_u8.npy": "'<u8') are uint64",
        ]
        for (file, _, _) in Self.cases where file.hasPrefix("foreign_") {
            let message = message { _ = try Self.read(file) }
            guard file == "foreign_le_u4.npy" else {
                let name = try #require(names[file])
                #expect(message.hasPrefix(Self.path(file) + ": the elements (") && message.contains(name), "\(message)")
                continue
            }
            // Three numbers of 32 bits end the file with the values.
            let values = bytes(ofFile: Self.path("foreign_le_u4.safetensors")).suffix(12)
            let numbers = Array(values).withUnsafeBytes { bytes in
                (0..<3).map { Int64(bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)) }
            }
            #expect(try elements(Tensor(npy: Self.path(file)), Int64.self) == numbers)
        }
    }

    /// What the message must say of each file that lies.
    static let lies = [
        "hostile_bigint.npy": "byte 10: header: the shape holds 99999999999999999999999,",
        "hostile_data_cut.npy": "byte 91: cut off: float32 of shape [2, 3] takes 24 bytes, 21 follow",
        "hostile_descr_unknown.npy": "header: unknown type of elements '<q9'",
        "hostile_empty.npy": "not a NumPy array (.npy): the file is an empty file",
        "hostile_float_shape.npy": "the shape holds 2.0, where a whole number",
        "hostile_header_cut.npy": "byte 20: cut off: the header should have 60 bytes, 10 are there",
        "hostile_header_length_4g.npy": "byte 96: cut off: the header should have 4294967295 bytes, 84 are there",
        "hostile_missing_key.npy": "header: no 'fortran_order'",
        "hostile_not_a_dict.npy": "the header is no dictionary",
        "hostile_not_ascii.npy": "header: unknown type of elements '<f4\u{FFFD}'",
        "hostile_npz_lfs.npz": "not a NumPy archive (.npz): the file is a Git LFS pointer",
        "hostile_overflow.npy": "shape [4294967296, 4294967296, 16] has more elements than 64 bits can count",
        "hostile_shape_int.npy": "the shape is 6, no tuple",
        "hostile_structured.npy": "structures with the fields 'a', 'b'",
        "hostile_two_negatives.npy": "the shape holds -2, where a whole number",
    ]

    @Test func liesAreNamed() async throws {
        let hostile = Self.cases.filter { $0.file.hasPrefix("hostile_") }
        #expect(hostile.map(\.file) == Self.lies.keys.sorted())
        for (file, outcome, json) in hostile {
            #expect(outcome.hasPrefix("error"))
            var message = ""
            let time = ContinuousClock().measure { message = TestSupport.message { _ = try Self.read(file) } }
            #expect(message.hasPrefix(Self.path(file)) && message.contains(Self.lies[file]!), "\(message)")
            #expect(time < .seconds(json["limit"]!.value("seconds", as: Int.self)), "\(file) took \(time)")
        }
        await #expect(processExitsWith: .success) {
            limitMemory(toMoreBytes: 256 << 20)
            for file in NumPyInteropTests.lies.keys { precondition(!message { _ = try NumPyInteropTests.read(file) }.isEmpty) }
        }
    }

    /// What NumPy reads and Apus writes again are the same bytes, where NumPy writes as it does today.
    @Test func theSameBytesAsNumPy() throws {
        let folder = TemporaryFolder()
        for file in ["version_1.npy", "dtype_le_f4.npy", "dtype_i1.npy", "dtype_le_i8.npy", "zero_d_int.npy", "empty.npy"] {
            try Tensor(npy: Self.path(file)).save(npy: folder.file(file))
            #expect(bytes(ofFile: folder.file(file)) == bytes(ofFile: Self.path(file)), "\(file)")
        }
    }

    /// Arrays within PyTorch's pickles are read as those in files are. The pickles are NumPy's but for a shape that it would refuse.
    @Test func arraysWithinPickles() throws {
        func read(_ pickle: String) throws -> Tensor? {
            let archive = ZipSample([.init("x/data.pkl", base64(pickle)), .init("x/version", Array("3\n".utf8))])
            return try PyTorchFile(region(archive.bytes)).stateDict()["a"]
        }
        // `np.asfortranarray` of big-endian numbers of 16 bits.
        let columns = try #require(
            try read(
                """
                gAJ9cQBYAQAAAGFxAWNudW1weS5fY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApxAmNudW1weQpuZGFycmF5CnEDSwCFcQRjX2NvZGVjcwplbmNvZGUKcQVYAQAAAGJxBlgGAAAAbGF0aW4xcQeGcQhScQmHcQpScQsoSwFLAksDhnEMY251bXB5CmR0eXBlCnENWAIAAAB1MnEOiYiHcQ9ScRAoSwNYAQAAAD5xEU5OTkr/////Sv////9LAHRxEmKIaAVYDAAAAAABAgMEBQYHCAkKC3ETaAeGcRRScRV0cRZicy4=
                """))
        #expect(columns.shape == [2, 3] && elements(columns, Int32.self) == [0x0001, 0x0405, 0x0809, 0x0203, 0x0607, 0x0A0B])
        let wide = try #require(
            try read(
                """
                gAJ9cQBYAQAAAGFxAWNudW1weS5fY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApxAmNudW1weQpuZGFycmF5CnEDSwCFcQRjX2NvZGVjcwplbmNvZGUKcQVYAQAAAGJxBlgGAAAAbGF0aW4xcQeGcQhScQmHcQpScQsoSwFLAoVxDGNudW1weQpkdHlwZQpxDVgCAAAAdTRxDomIh3EPUnEQKEsDWAEAAAA8cRFOTk5K/////0r/////SwB0cRJiiWgFWAwAAADDv8O/w7/DvwEAAABxE2gHhnEUUnEVdHEWYnMu
                """))
        #expect(elements(wide, Int64.self) == [0xFFFF_FFFF, 1])
        // No elements, but strides that no number holds: (0, 2^62, 2^62).
        let error = message {
            try read(
                """
                gAJ9cQBYAQAAAGFxAWNudW1weS5fY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApxAmNudW1weQpuZGFycmF5CnEDSwCFcQRjX2NvZGVjcwplbmNvZGUKcQVYAQAAAGJxBlgGAAAAbGF0aW4xcQeGcQhScQmHcQpScQsoSwFLAIoIAAAAAAAAAECKCAAAAAAAAABAh3EMY251bXB5CmR0eXBlCnENWAIAAABmNHEOiYiHcQ9ScRAoSwNYAQAAADxxEU5OTkr/////Sv////9LAHRxEmKJY19fYnVpbHRpbl9fCmJ5dGVzCnETKVJxFHRxFWJzLg==
                """)
        }
        #expect(error.contains("[0, 4611686018427387904, 4611686018427387904] and float32"), "\(error)")
    }
}
