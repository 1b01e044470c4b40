import ApusSystem

/// The kind of a file, by its contents: names lie, the first bytes of a format seldom do.
package enum FileKind: Equatable {
    case empty
    case safetensors
    /// Any zip: PyTorch's, NumPy's, or another program's.
    case zip
    case legacyPyTorch
    case pickle
    case tar
    case npy
    case gzip
    case events
    case picture(PictureHeader.Format)
    /// A format that Apus does not read: its name, and what to do.
    case foreign(name: String, remedy: String)
    case unknown

    package init(_ region: ByteRegion) {
        let bytes = UnsafeRawBufferPointer(region.bytes)
        func begins(_ text: String, at offset: Int = 0) -> Bool {
            bytes.count >= offset + text.utf8.count && bytes[offset..<(offset + text.utf8.count)].elementsEqual(text.utf8)
        }
        func begins(_ magic: [UInt8]) -> Bool { bytes.starts(with: magic) }
        self =
            if bytes.isEmpty {
                .empty
            } else if ZipArchive.recognizes(region) {
                .zip
            } else if LegacyPyTorch.recognizes(region) {
                .legacyPyTorch
            } else if begins([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]) {
                .npy
            } else if begins([0x1F, 0x8B]) {
                .gzip
            } else if let format = PictureHeader.Format(bytes) {
                .picture(format)
            } else if begins("version https://git-lfs") {
                .foreign(name: "a Git LFS pointer, not the file itself", remedy: "fetch it with `git lfs pull`")
            } else if begins([0x89, 0x48, 0x44, 0x46]) {
                .foreign(
                    name: "an HDF5 file (Keras, or PyTables)",
                    remedy: "read it with h5py and save its arrays with numpy.savez or safetensors")
            } else if begins("GGUF") {
                .foreign(name: "a GGUF file (llama.cpp)", remedy: "take the model's safetensors instead")
            } else if begins("RIFF") {
                .foreign(name: "a RIFF file (WAV or AVI)", remedy: "give a file of tensors")
            } else if let name = FileKind.foreignPicture(bytes) {
                .foreign(name: name, remedy: "give a file of tensors")
            } else if begins("%PDF") {
                .foreign(name: "a PDF", remedy: "give a file of tensors")
            } else if begins([0x7F, 0x45, 0x4C, 0x46]) {
                .foreign(name: "a program (ELF)", remedy: "give a file of tensors")
            } else if begins([0x04, 0, 0, 0, 0x01, 0, 0, 0]) || begins([0x03, 0, 0, 0, 0x01, 0, 0, 0])
                || begins([0x04, 0, 0, 0, 0x03, 0, 0, 0])
            {
                .foreign(name: "a Torch7 file (.t7)", remedy: "load it with torchfile in Python and save its arrays with torch.save")
            } else if begins("TFL3", at: 4) {
                .foreign(name: "a TensorFlow Lite model", remedy: "save the weights with numpy.savez")
            } else if begins("7z\u{BC}\u{AF}") || begins([0x37, 0x7A, 0xBC, 0xAF]) || begins([0xFD, 0x37, 0x7A, 0x58])
                || begins([0x28, 0xB5, 0x2F, 0xFD]) || begins("BZh")
            {
                .foreign(name: "a compressed archive", remedy: "unpack it first")
            } else if FileKind.isSafetensors(bytes) {
                .safetensors
            } else if FileKind.isEvents(region) {
                .events
            } else if TarPyTorch.recognizes(region) {
                .tar
            } else if bytes.count > 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) {
                .pickle
            } else if FileKind.isONNX(bytes) {
                .foreign(name: "an ONNX model", remedy: "save the weights from Python with safetensors or torch.save")
            } else if let text = FileKind.text(bytes) {
                text
            } else {
                .unknown
            }
    }

    private static func isSafetensors(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count > 9, bytes[8] == UInt8(ascii: "{") else { return false }
        return UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) <= UInt64(Safetensors.maximumHeader)
    }

    /// The name of a picture format that is not supported.
    private static func foreignPicture(_ bytes: UnsafeRawBufferPointer) -> String? {
        func begins(_ text: String, at offset: Int = 0) -> Bool { bytes.dropFirst(offset).starts(with: text.utf8) }
        if begins("GIF87a") || begins("GIF89a") { return "a GIF picture" }
        if begins("II*\0") || begins("MM\0*") { return "a TIFF picture" }
        // Two bytes alone could begin a text file; they are followed by the file's length and four zeros.
        if begins("BM"), bytes.dropFirst(6).starts(with: [0, 0, 0, 0]) { return "a BMP picture" }
        if begins("ftypavif", at: 4) { return "an AVIF picture" }
        if begins("ftyphei", at: 4) || begins("ftypmif1", at: 4) { return "a HEIC picture" }
        if begins("\0\0\0\u{C}jP  ") { return "a JPEG 2000 picture" }
        return nil
    }

    /// A record of an event file has its length, the checksum of the length, and an event that begins with the time.
    private static func isEvents(_ region: ByteRegion) -> Bool {
        guard region.count >= 16 else { return false }
        let length = UInt64(littleEndian: UnsafeRawBufferPointer(region.bytes).loadUnaligned(as: UInt64.self))
        return length > 0 && length < 1 << 20 && region.bytes[12] == 0x09 && region.count >= 12 + Int(length)
            && region.bytes[..<min(region.count, 64)].indices.contains { region.bytes[$0...].starts(with: "brain.Event".utf8) }
    }

    /// ONNX begins with its version as protobuf's first field; then come the producer, or the graph.
    private static func isONNX(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count > 8, bytes[0] == 0x08, bytes[1] > 0, bytes[1] < 0x20 else { return false }
        return [0x12, 0x1A, 0x22, 0x3A, 0x42, 0x28, 0x32].contains(bytes[2])
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> FileKind? {
        guard let start = String(validating: bytes.prefix(512).prefix { $0 < 0x80 }, as: UTF8.self),
            bytes.prefix(512).allSatisfy({ $0 >= 0x09 })
        else { return nil }
        let head = start.drop { $0.isWhitespace }.lowercased()
        if head.hasPrefix("<!doctype html") || head.hasPrefix("<html") {
            return .foreign(
                name: "an HTML page, perhaps that of a failed download", remedy: "look at it in a browser, and download the file itself")
        }
        if head.hasPrefix("<") { return .foreign(name: "an XML text", remedy: "give a file of tensors") }
        if head.hasPrefix("{") || head.hasPrefix("[") { return .foreign(name: "a JSON text", remedy: "give a file of tensors") }
        return .foreign(name: "a text", remedy: "give a file of tensors")
    }

    /// The file's kind in words, for messages.
    package var words: String {
        switch self {
        case .empty: "an empty file"
        case .safetensors: "a safetensors file"
        case .zip: "a zip archive"
        case .legacyPyTorch: "a PyTorch file"
        case .pickle: "a pickle of Python's, and none that torch.save has written"
        case .tar: "a PyTorch file of 2016 (a tar)"
        case .npy: "a NumPy array (.npy)"
        case .gzip: "a gzip file"
        case .events: "a TensorBoard log"
        case .picture(let format): "a \(format.rawValue) picture"
        case .foreign(let name, _): name
        case .unknown: "of no kind that Apus knows"
        }
    }

    /// The kind of the file, and what to do.
    package var description: String {
        if case .foreign(_, let remedy) = self { "\(words); \(remedy)" } else { words }
    }

    /// What a file without tensors for Apus is, for a zip by its records; nil for a file that has tensors, or would have if it were
    /// undamaged.
    package static func other(_ region: ByteRegion) -> String? {
        switch FileKind(region) {
        case .zip: (try? ZipArchive(region)).flatMap { archiveKind($0)?.description }
        case .safetensors, .legacyPyTorch, .tar, .npy: nil
        case let kind: kind.description
        }
    }

    /// The error for a file of another kind than expected: what it is, and what to do.
    package static func mistaken(_ region: ByteRegion, for wanted: String) -> FormatError {
        let kind = FileKind(region)
        if kind == .unknown, endsAsArchive(region) {
            // The zip reader's error says more.
            do throws(FormatError) { _ = try ZipArchive(region) } catch { return error }
        }
        return region.error(
            at: 0,
            "not a \(wanted): the file is \(other(region) ?? (kind == .zip ? "a PyTorch file; read it with PyTorchFile" : kind.description))"
        )
    }

    /// Whether the file ends with a zip's end record, even if its beginning is missing.
    private static func endsAsArchive(_ region: ByteRegion) -> Bool {
        region.count >= 22 && region.bytes[(region.count - 22)...].starts(with: [0x50, 0x4B, 0x05, 0x06])
    }

    /// Whether a zip is an archive of NumPy arrays. PyTorch's may contain other files as well.
    static func isNumPy(_ archive: ZipArchive) -> Bool {
        let names = archive.records.map(\.name)
        return names.contains { $0.hasSuffix(".npy") } && !names.contains { $0.hasSuffix("data.pkl") || $0.hasSuffix("archive_format") }
    }

    /// The kind of a zip without PyTorch's records; nil for PyTorch's own.
    private static func archiveKind(_ archive: ZipArchive) -> FileKind? {
        let names = archive.records.map(\.name)
        if names.contains(where: { $0.hasSuffix("data.pkl") || $0.hasSuffix("archive_format") }) { return nil }
        if names.contains(where: { $0.hasSuffix(".npy") }) {
            return .foreign(name: "a NumPy archive (.npz)", remedy: "read it with TensorFile")
        }
        if names.contains("[Content_Types].xml") { return .foreign(name: "an office document", remedy: "give a file of tensors") }
        if names.contains("model.weights.h5") {
            return .foreign(name: "a Keras model (.keras)", remedy: "save its arrays with numpy.savez")
        }
        if names.contains(where: { $0.hasSuffix("/serialized_state_dict.pt") || $0 == "serialized_state_dict.pt" }) {
            return .foreign(
                name: "a torch.export archive (.pt2) of PyTorch before 2.8", remedy: "save the module's state_dict() with torch.save")
        }
        return .foreign(name: "a zip archive of another kind", remedy: "unpack it")
    }
}
