import ApusSystem
import TestSupport
import Testing
@testable import ApusFormats

@Suite struct ZipTests {
    let folder = TemporaryFolder()
    static let names = ["a", "x/data.pkl", "x/data/0", "folder/", "/absolute", "../up", "", "é", "e\u{301}", "\u{1F600}/\n", "FB", "x"]

    static func contents(_ archive: ZipArchive, limit: Int = .max) throws -> [[UInt8]] {
        try archive.records.map { record in
            let contents = try archive.contents(of: record, limit: limit)
            try archive.checkCRC(record, contents)
            precondition(contents.record == record.name && contents.start == 0)
            return Array(contents.bytes)
        }
    }

    /// Everything that a reader can do with a file.
    static func read(_ path: String) throws -> [[UInt8]] { try contents(ZipArchive(ByteRegion(MappedFile(path)))) }

    static func write(
        _ path: String, _ records: [(name: String, contents: [UInt8])], alignment: Int = 64, deflated: Bool = false,
        zip64From: UInt32 = .max, alwaysZip64: Bool = false
    ) throws {
        try AtomicFile.write(to: path) { writer in
            var zip = ZipWriter(writer, alignment: alignment, zip64From: zip64From)
            for (name, contents) in records {
                // In pieces, some of them empty.
                try zip.add(name, deflated: deflated) { write in
                    for start in stride(from: 0, through: contents.count, by: 70_000) {
                        try contents[start..<min(start + 70_000, contents.count)].withUnsafeBytes { try write($0) }
                    }
                }
            }
            try zip.finish(alwaysZip64: alwaysZip64)
        }
    }

    /// What is written is read: in every form, with names of every kind, contents of every size.
    @Test func roundTrip() throws {
        var random = SplitMix(state: 1)
        let sizes = [0, 1, 2, 63, 64, 65, 4095, 65_535, 65_536, 70_000, 140_000, 300_000]
        let records = zip(Self.names, sizes).map { name, size in
            // Half of it compresses well.
            (name: name, contents: (0..<size).map { $0 % 2 == 0 ? UInt8($0 / 512 % 256) : UInt8.random(in: 0...255, using: &random) })
        }
        for alignment in [1, 16, 64, 4096] {
            for (deflated, zip64From, always) in [
                (false, UInt32.max, false), (true, .max, false), (false, .max, true), (false, 0, false), (true, 1, false),
                (false, 50_000, true),
            ] {
                let form = "aligned to \(alignment), deflated \(deflated), zip64 from \(zip64From), always \(always)"
                let path = folder.file("a.zip")
                try Self.write(path, records, alignment: alignment, deflated: deflated, zip64From: zip64From, alwaysZip64: always)
                let file = try MappedFile(path)
                let archive = try ZipArchive(ByteRegion(file))
                #expect(ZipArchive.recognizes(ByteRegion(file)))
                #expect(archive.records.map { Array($0.name.utf8) } == records.map { Array($0.name.utf8) }, "\(form)")
                #expect(try Self.contents(archive) == records.map(\.contents), "\(form)")
                for (i, (name, bytes)) in records.enumerated() {
                    let record = try #require(archive.record(name))
                    #expect(record.index == i && record.size == bytes.count && record.isStored == !deflated, "\(form), '\(name)'")
                    guard !deflated else { continue }
                    // Stored contents are the mapped file's bytes.
                    let place = try archive.contents(of: record).bytes.baseAddress! - UnsafeMutableRawPointer(file.bytes.baseAddress!)
                    #expect((0...file.bytes.count).contains(place) && place % alignment == 0, "\(form), '\(name)' at \(place)")
                }
                #expect(archive.record("nothing") == nil && archive.record("folder") == nil)
                let again = folder.file("b.zip")
                try Self.write(again, records, alignment: alignment, deflated: deflated, zip64From: zip64From, alwaysZip64: always)
                #expect(bytes(ofFile: path) == bytes(ofFile: again), "\(form): equal contents give equal bytes")
            }
        }
    }

    @Test func thereMayBeNoRecord() throws {
        for always in [false, true] {
            try Self.write(folder.file("a.zip"), [], alwaysZip64: always)
            let archive = try ZipArchive(ByteRegion(MappedFile(folder.file("a.zip"))))
            #expect(archive.records.isEmpty && archive.record("") == nil)
        }
        #expect(ZipArchive.recognizes(region(ZipSample([]).bytes)))
        #expect(
            !ZipArchive.recognizes(region([])) && !ZipArchive.recognizes(region([0x50, 0x4B, 3]))
                && !ZipArchive.recognizes(region([1, 2, 3, 4])))
    }

    /// 70,000 records are more than the old end record can count. In quadratic time they would take minutes.
    @Test func manyRecords() throws {
        let names = (0..<70_000).map { "folder/\($0)" }
        try Self.write(folder.file("a.zip"), names.map { ($0, []) }, alignment: 1)
        let clock = ContinuousClock()
        let time = try clock.measure {
            let archive = try ZipArchive(ByteRegion(MappedFile(folder.file("a.zip"))))
            #expect(archive.records.count == 70_000)
            for (i, name) in names.enumerated() where i % 1000 == 0 { #expect(archive.record(name)?.index == i) }
        }
        #expect(time < .seconds(20))

        // 20,000 entries that share one header.
        var sample = ZipSample((0..<20_000).map { .init("n\($0)", []) })
        for i in sample.records.indices { sample.records[i].offset = 0 }
        let bytes = sample.bytes
        let refusing = clock.measure {
            let message = message { _ = try ZipArchive(region(bytes)) }
            #expect(message.contains("record 'n") && message.contains("it begins at byte 0, within record 'n"), "\(message)")
        }
        #expect(refusing < .seconds(20))
    }

    @Test func writerRefusesNames() {
        let path = folder.file("a.zip")
        #expect(
            message { try Self.write(path, [("é", []), ("e\u{301}", []), ("é", [])]) }
                == "\(path), record 'é': two records would have this name")
        #expect(message { try Self.write(path, [(String(repeating: "a", count: 65_536), [])]) }.contains("the name has 65536 bytes"))
        #expect(folder.names.isEmpty)
    }

    /// What other programs write, and what is harmless.
    @Test func formsOfOthersAreRead() throws {
        func field(_ kind: UInt16, _ numbers: [UInt64]) -> [UInt8] {
            var bytes: [UInt8] = []
            bytes.append(littleEndian: kind)
            bytes.append(littleEndian: UInt16(8 * numbers.count))
            for number in numbers { bytes.append(littleEndian: number) }
            return bytes
        }
        let changes: [(String, (inout ZipSample) -> Void)] = [
            ("as it is", { _ in }),
            ("a comment", { $0.comment = Array("a comment".utf8) }),
            ("the longest comment", { $0.comment = [UInt8](repeating: 0x50, count: 65_535) }),
            ("the signature in the comment", { $0.comment = [0x50, 0x4B, 5, 6, 1, 2, 3] }),
            ("an end record in the comment, whose own comment ends before", { $0.comment = ZipSample([]).bytes + [1] }),
            ("an end record in the comment, whose directory does not end there", { $0.comment = [1] + ZipSample([]).bytes }),
            ("comments of records", { $0.records[1].comment = Array("PK".utf8) }),
            (
                "sizes behind the contents (flag 3)",
                {
                    $0.records[0].flags = 8; $0.records[0].headerSize = 0
                }
            ),
            ("other sizes in the header", { $0.records[0].headerSize = 4000 }),
            (
                "extra fields",
                {
                    $0.records[0].headerExtra = field(7, [1]); $0.records[0].extra = field(9, [1, 2]) + field(8, [])
                }
            ),
            ("padding of three bytes", { $0.records[0].extra = [0, 0, 0] }),
            ("an unknown field of zip64 without need", { $0.records[0].extra = field(1, [77]) }),
            (
                "zip64 for the sizes",
                {
                    $0.records[0].size = .max; $0.records[0].storedSize = .max; $0.records[0].extra = field(1, [5, 5])
                }
            ),
            (
                "zip64 for the size alone",
                {
                    $0.records[0].size = .max; $0.records[0].extra = field(1, [5])
                }
            ),
            (
                "zip64 for the offset",
                {
                    $0.records[0].offset = .max; $0.records[0].extra = field(9, [1]) + field(1, [0])
                }
            ),
            ("zip64 at the end", { $0.zip64 = .init() }),
            (
                "zip64 at the end, no number before",
                {
                    $0.zip64 = .init(); $0.count = .max; $0.countHere = .max; $0.size = .max; $0.start = .max
                }
            ),
            (
                "zip64 with no disk",
                {
                    $0.zip64 = .init(); $0.zip64!.disks = 0
                }
            ),
            ("bytes before the first record", { $0.prefix = Array("#!/bin/sh".utf8) }),
            (
                "UTF-8 with its flag",
                {
                    $0.records[0].flags = 0x800; $0.records[0].name = Array("é".utf8)
                }
            ),
            ("UTF-8 without its flag", { $0.records[0].name = Array("é".utf8) }),
        ]
        for (what, change) in changes {
            let bytes = ZipSample.changed(change)
            let contents = Result { try Self.contents(ZipArchive(region(bytes))) }
            #expect((try? contents.get()) == [[1, 2, 3, 4, 5], Array("deflated".utf8), [9]], "\(what): \(contents)")
        }
    }

    /// Archives that lie, each with what the message must say.
    @Test func liesAreNamed() {
        func field(_ numbers: [UInt64], _ count: UInt16? = nil) -> [UInt8] {
            var bytes: [UInt8] = [1, 0]
            bytes.append(littleEndian: count ?? UInt16(8 * numbers.count))
            for number in numbers { bytes.append(littleEndian: number) }
            return bytes
        }
        let usual = ZipSample.usual.bytes
        let lies: [(String, [UInt8])] = [
            ("the file is empty", []),
            ("no zip archive", Array("version https://git-lfs.github.com/spec/v1\n".utf8)),
            ("byte 60: cut off", Array(usual[..<60])),
            ("byte \(usual.count - 22): cut off", Array(usual[..<(usual.count - 22)])),
            ("byte \(usual.count - 5): cut off", Array(usual[..<(usual.count - 5)])),
            ("byte \(usual.count + 3): cut off", Array(ZipSample.changed { $0.comment = [1, 2, 3, 4] }.dropLast())),
            ("byte \(usual.count): 1 bytes follow the archive", usual + [0]),
            ("central directory: the end record says", Array(usual.dropFirst(17))),
            ("central directory: the end record says", [1] + usual),
            ("central directory: the end record says", ZipSample.changed { $0.gap = [1] }),
            ("central directory: the end record says", ZipSample.changed { $0.size = .max }),
            (
                "central directory: 2 records should fill it",
                ZipSample.changed {
                    $0.count = 2; $0.countHere = 2
                }
            ),
            (
                "central directory: the entry of record 3",
                ZipSample.changed {
                    $0.count = 4; $0.countHere = 4; $0.records[0].comment = [UInt8](repeating: 1, count: 99)
                }
            ),
            (
                "too few for 4 records",
                ZipSample.changed {
                    $0.count = 4; $0.countHere = 4
                }
            ),
            ("several parts", ZipSample.changed { $0.disk = 1 }),
            ("several parts", ZipSample.changed { $0.countHere = 1 }),
            ("record 'x/a': it lies in another part", ZipSample.changed { $0.records[0].disk = 1 }),
            ("the end record of zip64 does not lie at byte", ZipSample.changed { $0.zip64 = .init(place: 1 << 40) }),
            ("the end record of zip64 does not lie at byte", ZipSample.changed { $0.zip64 = .init(place: .max) }),
            ("the end record of zip64 does not lie at byte 0", ZipSample.changed { $0.zip64 = .init(place: 0) }),
            ("the end record of zip64 does not end", ZipSample.changed { $0.zip64 = .init(size: 45) }),
            ("several parts", ZipSample.changed { $0.zip64 = .init(disks: 2) }),
            ("too few for", ZipSample.changed { $0.zip64 = .init(count: .max) }),
            ("central directory: the end record says", ZipSample.changed { $0.zip64 = .init(start: 1 << 63) }),
            ("3 records, the end record of zip64 says 2", ZipSample.changed { $0.zip64 = .init(count: 2) }),
            ("record 'x/a': two records have this name", ZipSample.changed { $0.records[2].name = Array("x/a".utf8) }),
            ("name of record 1 is not UTF-8", ZipSample.changed { $0.records[1].name = [0x80] }),
            ("record 'x/b': it begins at byte 20, within record 'x/a'", ZipSample.changed { $0.records[1].offset = 20 }),
            ("record 'x/b': it begins at byte", ZipSample.changed { $0.records[0].storedSize = 6 }),
            ("record 'x/c': its 2 bytes", ZipSample.changed { $0.records[2].storedSize = 2 }),
            ("record 'x/c': its 1 bytes", ZipSample.changed { $0.records[2].offset = .max }),
            (
                "record 'x/a': the zip64 field of its entry in the directory is too short",
                ZipSample.changed {
                    $0.records[0].size = .max; $0.records[0].storedSize = .max; $0.records[0].extra = field([5])
                }
            ),
            (
                "record 'x/a': its entry in the directory has two zip64 fields",
                ZipSample.changed { $0.records[0].extra = field([5]) + field([5]) }
            ),
            ("record 'x/a': the extra field of its entry", ZipSample.changed { $0.records[0].extra = field([5], 9) }),
            (
                "record 'x/a': its sizes or its offset",
                ZipSample.changed {
                    $0.records[0].size = .max; $0.records[0].extra = field([1 << 63])
                }
            ),
            ("it begins at byte 0, within record", ZipSample.changed { $0.records[1].offset = 0 }),
            // What is seen when the contents are asked for.
            (
                "record 'x/a': no header of a record lies at byte 1",
                ZipSample.changed {
                    $0.prefix = [0, 0, 0, 0, 0]; $0.records[0].offset = 1
                }
            ),
            (
                "record 'x/a': the header at byte 0, where the directory says, has another name",
                ZipSample.changed { $0.records[0].headerName = Array("x/z".utf8) }
            ),
            (
                "record 'x/a': 5 bytes should follow byte",
                ZipSample.changed {
                    $0.records[0].headerName = Array("x/a/".utf8); $0.records[0].contents.removeLast(); $0.records[0].storedSize = 5
                }
            ),
            (
                "record 'x/a': it is stored, says the directory; deflated, says its header",
                ZipSample.changed { $0.records[0].headerMethod = 8 }
            ),
            ("record 'x/a': it is encrypted", ZipSample.changed { $0.records[0].flags = 1 }),
            ("record 'x/a': it is encrypted", ZipSample.changed { $0.records[0].flags = 0x40 }),
            ("record 'x/a': it is packed by LZMA", ZipSample.changed { $0.records[0].method = 14 }),
            ("record 'x/a': it is packed by method 77", ZipSample.changed { $0.records[0].method = 77 }),
            (
                "record 'x/a': it is stored as it is, but has 5 bytes in the archive and 4 outside of it",
                ZipSample.changed { $0.records[0].size = 4 }
            ),
            ("record 'x/a': the checksum (CRC-32) does not match", ZipSample.changed { $0.records[0].crc ^= 1 }),
            ("record 'x/b': the checksum (CRC-32) does not match", ZipSample.changed { $0.records[1].crc ^= 1 }),
            ("record 'x/b': it unpacks to 8 bytes, the directory says 9", ZipSample.changed { $0.records[1].size = 9 }),
            ("record 'x/b': it unpacks to more than the 7 bytes", ZipSample.changed { $0.records[1].size = 7 }),
            ("record 'x/b': it unpacks to more than the 0 bytes", ZipSample.changed { $0.records[1].size = 0 }),
            ("record 'x/b': 13 deflated bytes cannot unpack to 4294967295", ZipSample.changed { $0.records[1].size = .max }),
            (
                "record 'x/b': 13 deflated bytes cannot unpack to 9223372036854775807",
                ZipSample.changed {
                    $0.records[1].size = .max
                    $0.records[1].extra = field([UInt64(Int.max)])
                }
            ),
            (
                "its 5 bytes, whose header is at byte 9223372036854775807",
                ZipSample.changed {
                    // The name is longer than all that lies before the directory.
                    $0.records[0].headerName = $0.records[0].name
                    $0.records[0].name = [UInt8](repeating: 0x62, count: 1000)
                    $0.records[0].offset = .max
                    $0.records[0].extra = field([UInt64(Int.max)])
                }
            ),
            (
                "record 'x/b': it begins at byte 38",
                ZipSample.changed {
                    $0.records[0].size = .max
                    $0.records[0].storedSize = .max
                    $0.records[0].offset = .max
                    $0.records[0].extra = field([UInt64(Int.max), UInt64(Int.max), 0])
                }
            ),
            (
                "record 'x/a': its 5 bytes, whose header is at byte 9223372036854775807",
                ZipSample.changed {
                    $0.records[0].offset = .max
                    $0.records[0].extra = field([UInt64(Int.max)])
                }
            ),
            ("record 'x/b': 2 bytes follow the end of its deflated bytes", ZipSample.changed { $0.records[1].contents += [0, 0] }),
            ("record 'x/b': the deflated bytes are cut off after 7 of 8", ZipSample.changed { $0.records[1].contents.removeLast() }),
            ("record 'x/b': the deflated bytes are cut off after 0 of 8", ZipSample.changed { $0.records[1].contents = [] }),
            ("of the deflated bytes is damaged (invalid", ZipSample.changed { $0.records[1].contents[0] = 7 }),
        ]
        for (reason, bytes) in lies {
            let path = folder.write(bytes, "lie.zip")
            let message = message { _ = try Self.read(path) }
            #expect(message.hasPrefix(path) && message.contains(reason), "'\(message)' does not say '\(reason)'")
        }
    }

    @Test func contentsMayBeLimited() throws {
        let archive = try ZipArchive(region(ZipSample.usual.bytes))
        #expect(try Self.contents(archive, limit: 8).count == 3)
        #expect(message { _ = try Self.contents(archive, limit: 7) } == "in memory, record 'x/b': it unpacks to 8 bytes, more than 7")
    }

    /// Each place of an archive holds each extreme number of each width: sums and differences of such numbers must not overflow.
    @Test func extremeNumbersAnywhere() async {
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder(), path = folder.file("a.zip")
            // One byte and one name of many.
            let records = [
                ("x/a", [1, 2, 3] as [UInt8]), (String(repeating: "b", count: 200), [UInt8](repeating: 7, count: 99)), ("", []),
            ]
            limitMemory(toMoreBytes: 256 << 20)
            for deflated in [false, true] {
                try ZipTests.write(path, records, alignment: 1, deflated: deflated, zip64From: 0)
                let valid = bytes(ofFile: path)
                let extremes = [
                    0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, UInt64(Int.max) - 100, UInt64(Int.max), 1 << 63, .max - 1, .max,
                ]
                for at in valid.indices {
                    for width in [2, 4, 8] where at + width <= valid.count {
                        for number in Set(extremes.map { $0 & (.max >> UInt64(64 - 8 * width)) }) {
                            var damaged = valid
                            for i in 0..<width { damaged[at + i] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(i))) }
                            _ = message {
                                let archive = try ZipArchive(region(damaged))
                                for record in archive.records { _ = try? archive.beginning(of: record, count: 10) }
                                _ = try ZipTests.contents(archive)
                            }
                        }
                    }
                }
            }
        }
    }

    @Test func damageNeverCrashes() async {
        await #expect(processExitsWith: .success) {
            fuzz(ZipSample.usual.bytes, mutations: 3000) { _ = try ZipTests.read($0) }
        }
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder(), path = folder.file("a.zip")
            try ZipTests.write(path, [("x/a", [1, 2, 3]), ("x/b", [UInt8](repeating: 7, count: 99))], deflated: true, zip64From: 10)
            fuzz(bytes(ofFile: path), mutations: 3000) { _ = try ZipTests.read($0) }
        }
    }
}
