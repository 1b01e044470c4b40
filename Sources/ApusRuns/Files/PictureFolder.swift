import ApusFormats
import ApusSystem

/// A folder of pictures that are made of others, by their names.
package final class PictureFolder {
    private let path: String
    private var taken: Set<ByteKey> = []

    /// Makes the folder where there is none.
    package init(_ path: String) throws {
        self.path = path
        try Folder.make(path)
    }

    /// Writes a picture as PNG, by the name `name` of the one that it is made of, which may be a path: `cats/a.jpg` as `cats/a.png`; a name that was
    /// taken before gets a number, `cats/a-2.png`. Throws `FileError` where it cannot be written.
    package func write(_ picture: Picture, of name: String) throws {
        let (folder, file) = AtomicFile.split("\(path)/\(name)")
        let base = "\(folder)/\(stem(file))"
        var (target, number) = ("\(base).png", 1)
        while !taken.insert(ByteKey(target)).inserted {
            number += 1
            target = "\(base)-\(number).png"
        }
        try Folder.make(folder)
        try picture.write(to: target)
    }

    /// A name without its ending.
    private func stem(_ name: String) -> String {
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return name }
        return String(name[..<dot])
    }
}
