import ApusData
import ApusFormats
import ApusTraining
import ApusVision

/// What the pictures of a folder are before they are brought to one size.
public struct PictureFacts: Sendable {
    /// Width and height of a picture.
    public struct Size: Hashable, Sendable {
        /// In pixels.
        public let width, height: Int
        var text: String { "\(width) × \(height)" }
        var json: JSON { [.int(Int64(width)), .int(Int64(height))] }
    }

    /// The sizes of those with the fewest and the most pixels.
    public let smallest, largest: Size
    /// The number of gray ones, and of those in colour.
    public let gray, coloured: Int
    /// The number of those in each format.
    let formats: [(name: String, count: Int)]

    /// Those of all pictures of the folders, of which there is at least one.
    init(_ folders: [ImageFolder]) {
        let headers = folders.flatMap(\.headers)
        let sizes = headers.map { Size(width: $0.width, height: $0.height) }
        smallest = sizes.min { $0.width * $0.height < $1.width * $1.height }!
        largest = sizes.max { $0.width * $0.height < $1.width * $1.height }!
        gray = headers.count { $0.channels == 1 }
        coloured = headers.count - gray
        formats = PictureHeader.Format.allCases.map { format in (format.rawValue, headers.count { $0.format == format }) }.filter {
            $0.1 > 0
        }
    }

    /// `pictures of 4 × 4 to 640 × 480 pixels, 12 gray and 24 in colour; 30 PNG, 6 JPEG`.
    var text: String {
        let sizes = smallest == largest ? smallest.text : "\(smallest.text) to \(largest.text)"
        let colours =
            coloured == 0 ? "all gray" : gray == 0 ? "all in colour" : "\(Text.grouped(gray)) gray and \(Text.grouped(coloured)) in colour"
        return "pictures of \(sizes) pixels, \(colours); \(formats.map { "\(Text.grouped($0.count)) \($0.name)" }.joined(separator: ", "))"
    }

    var json: JSON {
        [
            "smallest": smallest.json, "largest": largest.json, "gray": .int(Int64(gray)), "coloured": .int(Int64(coloured)),
            "formats": .object(formats.map { .init($0.name, .int(Int64($0.count))) }),
        ]
    }
}

/// What is said of pictures that were skipped: how many, and of the first twenty what is wrong.
func skippedNotes(_ skipped: [(path: String, error: any Error)]) -> [String] {
    if skipped.isEmpty { return [] }
    let count = skipped.count == 1 ? "1 picture that cannot be read is" : "\(Text.grouped(skipped.count)) pictures that cannot be read are"
    return ["\(count) skipped:"] + skipped.prefix(20).map { "  \($0.error)" }
        + (skipped.count > 20 ? ["  and \(Text.grouped(skipped.count - 20)) more"] : [])
}
