import ApusCore
import Foundation
import TestSupport
import Testing
@testable import ApusFormats

/// 2 × 3 uint8 in IDX, plain and as compressed by `gzip`.
let smallIDX: [UInt8] = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255]
let smallIDXGzipped = base64("H4sIAAAAAAACA2Ng4GBiYGAAYWZGJmYW1v8A8N5fIRIAAAA=")

@Suite struct IDXTests {
    let folder = TemporaryFolder()

    @Test func plainAndGzipped() throws {
        for contents in [smallIDX, smallIDXGzipped] {
            let tensor = try IDX.load(folder.write(contents))
            #expect(tensor.shape == [2, 3] && elements(tensor, UInt8.self) == [1, 2, 3, 4, 5, 255])
        }
    }

    @Test func wideElementsAreBigEndian() throws {
        #expect(try elements(IDX.load(folder.write([0, 0, 0x0B, 1, 0, 0, 0, 1, 0xFF, 0xFE])), Int16.self) == [-2])
        #expect(try elements(IDX.load(folder.write([0, 0, 0x0C, 1, 0, 0, 0, 1, 0, 0, 1, 0])), Int32.self) == [256])
        #expect(try elements(IDX.load(folder.write([0, 0, 0x0D, 1, 0, 0, 0, 1, 0x3F, 0xC0, 0, 0])), Float.self) == [1.5])
        #expect(try elements(IDX.load(folder.write([0, 0, 0x0E, 1, 0, 0, 0, 1, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0])), Double.self) == [1.5])
        #expect(try IDX.load(folder.write([0, 0, 8, 1, 0, 0, 0, 0])).shape == [0])
    }

    @Test func liesAreNamed() {
        for (contents, reason) in [
            ([1] + smallIDX.dropFirst(), "byte 0: an IDX file begins with 0, 0"),
            ([0, 0, 7] + smallIDX.dropFirst(3), "byte 0: an IDX file begins"),
            ([0, 0, 8, 0] + smallIDX.dropFirst(4), "byte 3: 0 dimensions"),
            ([0, 0, 8, 200] + smallIDX.dropFirst(4), "byte 3: 200 dimensions"),
            ([0, 0, 8, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "byte 8: the extents have more elements than 64 bits"),
            ([0, 0, 8, 2, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF], "more than the file can hold"),
            ([0, 0, 8, 3, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 2], "64 bits"),
            (Array(smallIDX.dropLast()), "more than the file can hold"),
            (smallIDX + [0], "1 bytes follow where the file should end"),
            (Array(smallIDXGzipped.dropLast()), "the gzip file is cut off"),
            (smallIDXGzipped + smallIDXGzipped, "holds more than its header says"),
            (smallIDXGzipped + [1, 2, 3], "the gzip file is damaged"),
            ([0x1F, 0x8B], "the gzip file is cut off"),
            ([], "the file ends"),
        ] as [([UInt8], String)] {
            let message = message { _ = try IDX.load(folder.write(contents)) }
            #expect(message.hasPrefix(folder.path) && message.contains(reason), "\(message)")
        }
        var wrongCRC = smallIDXGzipped
        wrongCRC[wrongCRC.count - 8] ^= 1
        #expect(message { _ = try IDX.load(folder.write(wrongCRC)) }.contains("incorrect data check"))
    }

    @Test func zerosMayPadAGzipFile() throws {
        #expect(try IDX.load(folder.write(smallIDXGzipped + [0, 0, 0])).shape == [2, 3])
    }

    @Test func damageNeverCrashes() async {
        await #expect(processExitsWith: .success) {
            fuzz(smallIDX, mutations: 3000) { _ = try IDX.load($0) }
        }
        await #expect(processExitsWith: .success) {
            fuzz(smallIDXGzipped, mutations: 5000) { _ = try IDX.load($0) }
        }
    }
}
