import ApusCore
import ApusSystem
import Foundation
import TestSupport
import Testing
@testable import ApusFormats

@Suite struct PNGTests {
    let folder = TemporaryFolder()

    @Test(arguments: PNGFixtures.all.indices)
    func everyKindOfFileIsRead(index: Int) throws {
        let fixture = PNGFixtures.all[index]
        let image = try Picture(contentsOf: folder.write(base64(fixture.file)))
        #expect(image.width == fixture.width && image.height == fixture.height && image.channels == fixture.channels)
        #expect(image.pixels == base64(fixture.pixels), "\(fixture.name)")
    }

    @Test func modesConvert() throws {
        let files = Dictionary(uniqueKeysWithValues: PNGFixtures.all.map { ($0.name, $0) })
        let rgb = folder.write(base64(files["rgb8"]!.file), "rgb")
        #expect(try Picture(contentsOf: rgb, mode: .gray).pixels == base64(PNGFixtures.luma))
        #expect(try Picture(contentsOf: rgb, mode: .rgb).pixels == base64(files["rgb8"]!.pixels))
        let gray = folder.write(base64(files["grayAlpha8"]!.file), "gray")
        #expect(try Picture(contentsOf: gray, mode: .gray).pixels == base64(files["grayAlpha8"]!.pixels))
        #expect(try Picture(contentsOf: gray, mode: .rgb).pixels == base64(files["grayAlpha8"]!.pixels).flatMap { [$0, $0, $0] })
    }

    @Test func tensorsHaveChannelsFirst() throws {
        let image = Picture(width: 2, height: 1, channels: 3, pixels: [1, 2, 3, 4, 5, 6])
        let tensor = try image.tensor()
        #expect(tensor.shape == [3, 1, 2] && elements(tensor, UInt8.self) == [1, 4, 2, 5, 3, 6])
    }

    @Test(arguments: [1, 3])
    func whatIsWrittenIsReadBack(channels: Int) throws {
        let pixels = (0..<(13 * 9 * channels)).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        let image = Picture(width: 13, height: 9, channels: channels, pixels: pixels)
        try image.write(to: folder.file("a.png"))
        #expect(try Picture(contentsOf: folder.file("a.png")) == image)
    }

    @Test func resizingIsPillows() throws {
        let rgb = PNGFixtures.all.first { $0.name == "rgb8" }!
        let image = Picture(width: rgb.width, height: rgb.height, channels: 3, pixels: base64(rgb.pixels))
        for (width, height, pixels) in PNGFixtures.resized {
            #expect(image.resized(width: width, height: height).pixels == base64(pixels), "\(width) × \(height)")
        }
        #expect(image.resized(width: image.width, height: image.height) == image)
    }

    /// A PNG with this header and almost nothing else.
    func header(width: UInt32, height: UInt32) -> [UInt8] {
        var file = base64(PNGFixtures.all[0].file)
        for i in 0..<4 {
            file[16 + i] = UInt8(truncatingIfNeeded: width >> (24 - 8 * i))
            file[20 + i] = UInt8(truncatingIfNeeded: height >> (24 - 8 * i))
        }
        // CRC-32 of the chunk, bit by bit.
        var crc = ~UInt32(0)
        for byte in file[12..<29] {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        for i in 0..<4 { file[29 + i] = UInt8(truncatingIfNeeded: ~crc >> (24 - 8 * i)) }
        return file
    }

    @Test func lyingSizesAreRefusedBeforeAnythingIsAllocated() {
        let huge = message { _ = try Picture(contentsOf: folder.write(header(width: 0x7FFF_FFFF, height: 0x7FFF_FFFF))) }
        #expect(huge.contains("byte 16") && huge.contains("more than the limit"), "\(huge)")
        let large = message { _ = try Picture(contentsOf: folder.write(header(width: 8000, height: 8000))) }
        #expect(large.contains("more than 106 bytes can hold"), "\(large)")
        let none = message { _ = try Picture(contentsOf: folder.write(header(width: 0, height: 5))) }
        #expect(none.contains(folder.path), "\(none)")
        let small = message { _ = try Picture(contentsOf: folder.write(header(width: 8, height: 5))) }
        #expect(small.contains(folder.path), "\(small)")
        let limit = message { _ = try Picture(contentsOf: folder.write(base64(PNGFixtures.all[0].file)), maximumPixels: 34) }
        #expect(limit.contains("7 × 5 pixels are more than the limit of 34"), "\(limit)")
    }

    @Test func otherFilesAreRefused() {
        #expect(message { _ = try Picture(contentsOf: folder.write([])) }.contains("the file is an empty file"))
        #expect(
            message { _ = try Picture(contentsOf: folder.write(Array("GIF89a..".utf8))) }.contains("the file is a GIF picture"))
        #expect(throws: FileError.self) { _ = try Picture(contentsOf: "/nowhere.png") }
    }

    @Test func damageNeverCrashes() async {
        await #expect(processExitsWith: .success) {
            for fixture in PNGFixtures.all {
                fuzz(base64(fixture.file), mutations: 400) { _ = try Picture(contentsOf: $0) }
            }
        }
    }
}
