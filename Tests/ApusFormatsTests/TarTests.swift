import Testing
import TestSupport
@testable import ApusFormats

@Suite struct TarTests {
    let folder = TemporaryFolder()
    static let archive = tar([("a/", nil), ("a/one", [1, 2, 3]), ("a/empty", []), ("a/block", [UInt8](repeating: 7, count: 512))])

    /// Names and contents of all files; the file `skipping` is skipped without being read.
    static func files(_ path: String, skipping: String? = nil) throws -> [String: [UInt8]] {
        let reader = try TarReader(path)
        var files: [String: [UInt8]] = [:]
        while let (name, size) = try reader.next() {
            guard name != skipping else { continue }
            files[name] = try reader.contents()
            precondition(files[name]!.count == size)
        }
        return files
    }

    @Test func filesInOrder() throws {
        for contents in [TarTests.archive, gzip(TarTests.archive)] {
            let path = folder.write(contents)
            let files = try TarTests.files(path)
            #expect(files == ["a/one": [1, 2, 3], "a/empty": [], "a/block": [UInt8](repeating: 7, count: 512)])
            #expect(try TarTests.files(path, skipping: "a/one").keys.sorted() == ["a/block", "a/empty"])
        }
    }

    @Test func liesAreNamed() {
        func changed(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
            var bytes = TarTests.archive
            change(&bytes)
            return bytes
        }
        for (contents, reason) in [
            (changed { $0[512] ^= 1 }, "byte 512: no header of a tar archive: its checksum is wrong"),
            (changed { $0[512 + 150] = 0x39 }, "byte 512: no header of a tar archive"),
            (Array(TarTests.archive[..<1300]), "bytes should follow"),
            ([], "bytes should follow"),
        ] {
            let message = message { _ = try TarTests.files(folder.write(contents)) }
            #expect(message.hasPrefix(folder.path) && message.contains(reason), "\(message)")
        }
        // A size of 8 GiB − 1 with the right checksum.
        let huge = changed { bytes in
            for i in 0..<11 { bytes[512 + 124 + i] = 0x37 }
            for i in 148..<156 { bytes[512 + i] = 0x20 }
            let digits = Array(String(bytes[512..<1024].reduce(0) { $0 + Int($1) }, radix: 8).utf8)
            bytes.replaceSubrange((512 + 148)..<(512 + 148 + digits.count), with: digits)
        }
        #expect(message { _ = try TarTests.files(folder.write(huge)) }.contains("byte 636: 8589934591 bytes, more than the file can hold"))
    }

    @Test func damageNeverCrashes() async {
        await #expect(processExitsWith: .success) {
            // An archive is complete even without the zeros at its end.
            fuzz(TarTests.archive, mutations: 3000, truncationsThrow: false) { _ = try TarTests.files($0) }
        }
    }
}
