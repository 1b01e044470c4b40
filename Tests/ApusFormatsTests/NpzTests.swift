import ApusSystem
import TestSupport
import Testing
@testable import ApusCore
@testable import ApusFormats

@Suite struct NpzTests {
    let folder = TemporaryFolder()
    static let array: [UInt8] = NpyTests.file(NpyTests.header("<f4", "(1,)"), [0, 0, 0x80, 0x3F])
    static let pickle = NpyTests.file(NpyTests.header("|O", "(1,)"), [0x80, 4])

    static func load(_ records: [ZipSample.Record], only names: [String]? = nil) throws -> StateDict {
        try Npz.load(region(ZipSample(records).bytes, file: "a.npz"), only: names)
    }

    @Test func namesAreThoseOfRecords() throws {
        let names = ["w.npy", "folder/b.npy", "no ending", ".npy", "x.npy.npy", "é.npy", "e\u{301}.npy", "../up.npy", "\u{600}.npy"]
        let read = try Self.load(names.map { .init($0, Self.array) } + [.init("folder/", []), .init("\u{600}/", [])])
        #expect(read.keys == ["w", "folder/b", "no ending", "", "x.npy", "é", "e\u{301}", "../up", "\u{600}"])
        #expect(read.allSatisfy { elements($0.value, Float.self) == [1] })
        #expect(try Self.load([]).isEmpty)
    }

    @Test func someOfThem() throws {
        let records: [ZipSample.Record] = [
            .init("a.npy", Self.array), .init("objects.npy", Self.pickle), .init("README", Array("text".utf8)),
        ]
        #expect(try Self.load(records, only: ["a"]).keys == ["a"])
        #expect(try Self.load(records, only: []).isEmpty)
        #expect(
            message { _ = try Self.load(records, only: ["a", "b"]) }
                == "a.npz, 'b': no array of this name; there are 'a.npy', 'objects.npy', 'README'")
        #expect(
            message { _ = try Self.load(records) }.hasPrefix(
                "a.npz, record 'objects.npy': the elements ('|O') are Python objects: a pickle"))
        #expect(
            message { _ = try Self.load([records[0], records[2]]) }.hasPrefix(
                "a.npz, record 'README', byte 0: not a NumPy array (.npy): the file is a text"))
        for (name, kind) in [("README", "a zip archive of another kind"), ("x/data.pkl", "a PyTorch file")] {
            #expect(
                message { _ = try Self.load([.init(name, Array("text".utf8))]) }.hasPrefix(
                    "a.npz, byte 0: not a NumPy archive (.npz): the file is \(kind); "))
        }
    }

    @Test func liesAreNamed() {
        func changed(_ change: (inout ZipSample.Record) -> Void) -> [ZipSample.Record] {
            var record = ZipSample.Record("a.npy", Self.array)
            change(&record)
            return [record]
        }
        // A bomb: the header says one number, zeros without end follow.
        let bomb = Self.array + [UInt8](repeating: 0, count: 1000)
        for (records, reason) in [
            ([.init("a.npy", Self.array), .init("a", Self.array)], "record 'a': another record is the array 'a' too"),
            ([.init("a.npy", bomb)], "record 'a.npy', byte \(Self.array.count): 1000 bytes follow the array"),
            ([.init(deflating: bomb, "a.npy")], "record 'a.npy': it unpacks to \(bomb.count) bytes, more than \(Self.array.count)"),
            ([.init("a.npy", Self.array.dropLast())], "record 'a.npy', byte \(Self.array.count - 1): cut off"),
            (changed { $0.crc ^= 1 }, "record 'a.npy': the checksum"),
            (changed { $0.flags = 1 }, "record 'a.npy': it is encrypted"),
        ] as [([ZipSample.Record], String)] {
            let message = message { _ = try Self.load(records) }
            #expect(message.hasPrefix("a.npz, ") && message.contains(reason), "'\(message)' does not say '\(reason)'")
        }
        for (contents, reason) in [
            (Self.array, "not a NumPy archive (.npz): the file is a NumPy array"), ([0x80, 2, 0x7D], "the file is a pickle"),
            ([], "the file is an empty file"),
            ([1], "not a NumPy archive"),
        ] {
            let path = folder.write(contents, "lie.npz")
            let message = message { _ = try StateDict.load(npz: path) }
            #expect(message.hasPrefix(path) && message.contains(reason), "\(message)")
        }
    }

    /// Arrays of archives that Apus writes lie in the mapped file.
    @Test func arraysAreMapped() throws {
        let state: StateDict = ["a": make([1, 2, 3] as [Double], [3]), "b": make([true], []), "c": make([1, 2] as [Float], [2, 1])]
        try state.save(npz: folder.file("a.npz"))
        let file = try MappedFile(folder.file("a.npz"))
        for (key, x) in try Npz.load(ByteRegion(file)) {
            let place = x.pointer - file.bytes.baseAddress!
            #expect((0..<file.bytes.count).contains(place) && place % 64 == 0, "\(key)")
        }
    }
}
