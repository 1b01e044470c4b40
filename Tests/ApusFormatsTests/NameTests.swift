import ApusSystem
import TestSupport
import Testing
@testable import ApusCore
@testable import ApusFormats

/// Names from outside are compared by bytes: Swift's strings compare by Unicode equivalence, and prefixes by whole characters.
@Suite struct NameTests {
    /// Names that Swift's strings confuse with each other, or with a prefix or suffix.
    static let names = [
        "\u{E9}", "e\u{301}", "K", "\u{212A}", "\u{C5}", "A\u{30A}", "\u{212B}", "\u{1E69}", "s\u{323}\u{307}", "s\u{307}\u{323}",
        "\u{AC00}", "\u{1100}\u{1161}",
        "\u{301}", "\u{301}e", "a\r\n", "a\r", "\u{1F1E9}\u{1F1EA}", "\u{1F1E9}", "a;", "a\u{37E}", "\u{200D}x", "\u{FE0F}", "", " ",
    ]

    @Test func stateDictsTellThemApart() {
        var state = StateDict()
        for (i, name) in Self.names.enumerated() { state[name] = Tensor([i]) }
        #expect(state.count == Self.names.count)
        for (i, name) in Self.names.enumerated() { #expect(state[name]?.item(Int.self) == i, "\(i)") }
        // Keys that begin with a prefix and a dot, even if a combining character follows the dot.
        let nested = StateDict(
            Self.names.enumerated().map { ("encoder.\($1)", Tensor([$0])) } + Self.names.map { ("\($0).x", Tensor([0])) })
        let section = nested.section("encoder")
        #expect(section.keys.map { Array($0.utf8) } == Self.names.map { Array($0.utf8) })
        for (i, name) in Self.names.enumerated() where name != "" {
            #expect(StateDict(Self.names.enumerated().map { ("\($1).w", Tensor([$0])) }).section(name)["w"]?.item(Int.self) == i, "\(i)")
        }
        for name in Self.names.shuffled() { state[name] = nil }
        #expect(state.isEmpty)
    }

    @Test func filesTellThemApart() throws {
        let folder = TemporaryFolder()
        let path = folder.file("a.safetensors")
        var metadata = Metadata()
        for (i, name) in Self.names.enumerated() { metadata[name] = "\(i)" }
        #expect(metadata.count == Self.names.count && metadata.keys.count == Self.names.count)
        let state = StateDict(Self.names.enumerated().map { ($1, Tensor([$0])) })
        try state.save(to: path, metadata: metadata)
        let read = try Safetensors(contentsOf: path)
        #expect(read.tensors.keys.map { Array($0.utf8) } == Self.names.map { Array($0.utf8) })
        #expect(read.metadata == metadata)
        for (i, name) in Self.names.enumerated() { #expect(read.metadata[name] == "\(i)" && read.tensors[name]?.item(Int.self) == i) }
        // Equal contents give equal bytes, whatever the order of the metadata.
        var reversed = Metadata()
        for (i, name) in Self.names.enumerated().reversed() { reversed[name] = "\(i)" }
        try state.save(to: folder.file("b.safetensors"), metadata: reversed)
        #expect(bytes(ofFile: path) == bytes(ofFile: folder.file("b.safetensors")))
        metadata.removeValue(forKey: "\u{E9}")
        #expect(metadata["\u{E9}"] == nil && metadata["e\u{301}"] == "1")
    }

    @Test func checkpointsTellThemApart() throws {
        let folder = TemporaryFolder()
        var checkpoint = Checkpoint()
        for (i, section) in Self.names.enumerated() {
            checkpoint[section] = StateDict(Self.names.enumerated().map { ($1, Tensor([100 * i + $0])) })
            checkpoint.metadata[section] = "\(i)"
        }
        try checkpoint.save(in: folder.path)
        let read = try #require(try Checkpoint.load(from: folder.path))
        #expect(read.sectionNames.map { Array($0.utf8) } == Self.names.map { Array($0.utf8) })
        for (i, section) in Self.names.enumerated() {
            for (j, name) in Self.names.enumerated() { #expect(read[section]?[name]?.item(Int.self) == 100 * i + j, "\(i) \(j)") }
            #expect(read.metadata[section] == "\(i)")
        }
        checkpoint["\u{E9}"] = nil
        #expect(checkpoint["e\u{301}"] != nil && checkpoint.sectionNames.count == Self.names.count - 1)
    }

    @Test func objectsTellThemApart() throws {
        let object = JSON.object(Self.names.enumerated().map { .init($1, .int(Int64($0))) })
        let read = try JSON(parsing: object.text)
        for (i, name) in Self.names.enumerated() { #expect(read[name] == .int(Int64(i)), "\(i)") }
        #expect(throws: JSONError.self) { try JSON(parsing: "{\"e\u{301}\":1,\"e\u{301}\":2}") }
    }

    @Test func pathsKeepTheirBytes() throws {
        for bytes in [[0x63, 0xE9], [0xFF], [0xC3, 0xA9], [0x61, 0xE2, 0x82], [0xED, 0xA0, 0x80, 0x41]] as [[UInt8]] {
            #expect(RawPath(bytes: bytes).bytes == bytes)
            #expect(
                RawPath.text(bytes).utf8.filter { $0 == 0x5C }.count
                    == (String(validating: bytes, as: UTF8.self) == nil ? bytes.filter { $0 >= 0x80 }.count : 0))
        }
        #expect(RawPath.text([0x63, 0xE9, 0x20, 0xC3, 0xA9]) == "c\\xE9 \u{E9}")
    }
}
