import ApusCore
import ApusSystem
import Foundation
import TestSupport
import Testing
@testable import ApusFormats

/// Pictures of every kind that Pillow has read (`record_pictures.py`), and files that are none.
@Suite struct PictureTests {
    struct File: Decodable, Sendable {
        let file: String
        let reads: Bool
        var path: String { inCheckout("Recorded/pictures/\(file)").path }
        /// How far values may be from Pillow's, whose libjpeg-turbo and libwebp are newer.
        var tolerance: Int { file.hasPrefix("png") || file.contains("lossless") || file.contains("webp-exif") ? 0 : 2 }
    }

    static let files: [File] = Recorded.load("pictures")
    let recorded = Recorded.tensors("pictures")

    /// The largest difference between the picture and a recorded one, which has its channels last.
    private func difference(_ picture: Picture, _ key: String, _ comment: String) throws -> Int {
        let expected = try #require(recorded[key], "\(key)")
        #expect(Array(expected.shape) == [picture.height, picture.width] + (picture.channels == 1 ? [] : [3]), "\(comment)")
        return zip(picture.pixels, elements(expected, UInt8.self)).map { abs(Int($0) - Int($1)) }.max() ?? 0
    }

    @Test func pixelsArePillows() throws {
        let readable = Self.files.filter(\.reads)
        #expect(readable.count >= 48)
        for file in readable {
            for (mode, key) in [(Picture.Mode.rgb, "rgb"), (.gray, "gray")] {
                let picture = try Picture(contentsOf: file.path, mode: mode)
                let difference = try difference(picture, "\(file.file)/\(key)", file.file)
                #expect(difference <= file.tolerance, "\(file.file), \(key): \(difference)")
                // The header says the same without decoding.
                let header = try PictureHeader(contentsOf: RawPath(file.path))
                #expect(header.width == picture.width && header.height == picture.height, "\(file.file)")
            }
            let unchanged = try Picture(contentsOf: file.path)
            #expect(unchanged.channels == (file.file.contains("gray") ? 1 : 3), "\(file.file)")
        }
    }

    /// What the message must say of each file that is no picture, or a damaged one.
    static let faults = [
        "cut-jpeg.jpg": "the file ends in the middle of the picture", "cut-progressive.jpg": "the file ends in the middle of the picture",
        "cut-end.jpg": "the file ends in the middle of the picture", "cut-header.jpg": "the file ends in the middle of the picture",
        "cut-png.png": "the file ends in the middle of the image",
        "cut-webp.webp": "the file ends in the middle of the picture: it should have",
        "damaged-scan.jpg": "Corrupt JPEG data", "damaged-checksum.png": "byte ", "gif-as.png": "the file is a GIF picture",
        "page-as.jpg": "the file is an HTML page", "empty.png": "the file is an empty file", "animated.webp": "an animation",
        "bomb-60000.jpg": "60000 × 60000 pixels are more than the limit of 67108864", "bomb-8000.jpg": "8000 × 8000 pixels are more than",
        "bomb-60000.png": "60000 × 60000 pixels are more than the limit", "bomb-16383.webp": "16384 × 16384 pixels are more than the limit",
    ]

    @Test func whatIsWrongIsNamed() async throws {
        #expect(Set(Self.files.filter { !$0.reads }.map(\.file)) == Set(Self.faults.keys))
        for (name, fault) in Self.faults {
            let path = inCheckout("Recorded/pictures/\(name)").path
            let message = message { _ = try Picture(contentsOf: path) }
            #expect(message.hasPrefix(path) && message.contains(fault), "\(message)")
        }
        // The limit is the caller's.
        let path = try #require(Self.files.first).path
        #expect(message { _ = try Picture(contentsOf: path, maximumPixels: 850) }.contains("37 × 23 pixels are more than the limit of 850"))
        #expect(try Picture(contentsOf: path, maximumPixels: 851).width == 37)
    }

    /// Files that promise more pixels than they can hold are refused without the memory for them.
    @Test func bombsTakeNoMemory() async {
        await #expect(processExitsWith: .success) {
            limitMemory(toMoreBytes: 16 << 20)
            for file in PictureTests.files where file.file.hasPrefix("bomb") {
                precondition(message { _ = try Picture(contentsOf: file.path) }.contains("pixels are more than"))
            }
        }
    }

    // MARK: Fewer pixels

    @Test func scaledPixelsArePillows() throws {
        var count = 0
        for key in recorded.keys where key.last!.isNumber {
            let (name, eighths) = (String(key.dropLast(2)), Int(key.suffix(1))!)
            let region = ByteRegion(try MappedFile(inCheckout("Recorded/pictures/\(name)").path))
            let picture = try PictureHeader(region).decode(region, eighths).converted(toChannels: 3)
            #expect(try difference(picture, key, key) <= 2, "\(key)")
            count += 1
        }
        #expect(count == 15)
    }

    /// The fewest eighths of both sides that are at least what is wanted, turned or not; other files and wishes beyond are decoded in full.
    @Test func asManyPixelsAsAreWanted() throws {
        for (name, width, height) in [
            ("jpeg-420.jpg", 37, 23), ("jpeg-exif-6.jpg", 23, 37), ("jpeg-gray.jpg", 37, 23), ("jpeg-ycck.jpg", 37, 23),
        ] {
            for wanted in [(1, 1), (3, 5), (9, 10), (10, 5), (12, 12), (5, 19), (20, 20), (23, 37), (100, 100)] {
                let picture = try Picture(contentsOf: inCheckout("Recorded/pictures/\(name)").path, scaledToAtLeast: (wanted.0, wanted.1))
                func size(_ eighths: Int) -> (width: Int, height: Int) { ((width * eighths + 7) / 8, (height * eighths + 7) / 8) }
                let eighths = (1...8).first { size($0).width >= wanted.1 && size($0).height >= wanted.0 } ?? 8
                #expect((picture.width, picture.height) == size(eighths), "\(name), \(wanted)")
            }
        }
        let png = inCheckout("Recorded/pictures/png-rgba.png").path
        #expect(try Picture(contentsOf: png, scaledToAtLeast: (1, 1)) == Picture(contentsOf: png))
    }

    /// In every scale the picture is the whole one in another size.
    @Test func everyScaleIsTheSamePicture() throws {
        let side = 160
        let region = ByteRegion(try MappedFile(inCheckout("Recorded/pictures/jpeg-large.jpg").path))
        let header = try PictureHeader(region)
        let whole = try header.decode(region, 8)
        #expect(whole.width == side && whole.height == side)
        for eighths in 1..<8 {
            let scaled = try header.decode(region, eighths)
            let resized = whole.resized(width: scaled.width, height: scaled.height)
            let sum = zip(scaled.pixels, resized.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
            #expect(Double(sum) / Double(scaled.pixels.count) < 4, "\(eighths): \(Double(sum) / Double(scaled.pixels.count))")
        }
    }

    // MARK: Turning

    /// The eight orientations are the symmetries of a rectangle: turned and turned back, and mirrored twice.
    @Test func turningIsUndone() {
        let picture = Picture(width: 3, height: 2, channels: 3, pixels: Array(0..<18))
        for orientation in Orientation.allCases {
            let back: Orientation =
                switch orientation {
                case .clockwise: .counterclockwise
                case .counterclockwise: .clockwise
                default: orientation
                }
            #expect(picture.turned(orientation).turned(back) == picture, "\(orientation)")
        }
        #expect(Set(Orientation.allCases.map { picture.turned($0) }).count == 8)
    }

    /// EXIF data that lie are as good as none.
    @Test func orientationsThatLie() throws {
        let whole: [UInt8] = Array("Exif\0\0II".utf8) + [42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]
        func read(_ bytes: [UInt8]) -> Orientation {
            let owner = UnpackedBytes(count: bytes.count + 1)!
            owner.bytes.copyBytes(from: bytes)
            return Orientation(exif: ByteRegion(.init(rebasing: owner.bytes[..<bytes.count]), owner: owner, file: "", record: nil))
        }
        #expect(read(whole) == .clockwise && read(Array(whole.dropFirst(6))) == .clockwise)
        for count in 0..<26 { #expect(read(Array(whole[..<count])) == .asStored, "\(count)") }
        for at in whole.indices {
            for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
                var other = whole
                other[at] = value
                _ = read(other)
            }
        }
    }

    @Test func damageNeverCrashes() async {
        await #expect(processExitsWith: .success) {
            for name in [
                "jpeg-420.jpg", "jpeg-progressive.jpg", "jpeg-restart-blocks.jpg", "jpeg-exif-cmyk.jpeg", "png-exif-6.png",
                "webp-lossy-alpha.webp", "webp-exif-7.webp",
            ] {
                // Half of them are decoded in part.
                let size: (Int, Int)? = name.contains("-restart") || name.contains("cmyk") ? (3, 5) : nil
                fuzz(bytes(ofFile: inCheckout("Recorded/pictures/\(name)").path), mutations: 300) {
                    _ = try Picture(contentsOf: $0, scaledToAtLeast: size)
                }
            }
        }
    }
}
