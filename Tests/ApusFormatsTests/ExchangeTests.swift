import ApusSystem
import Foundation
import TestSupport
import Testing
@testable import ApusCore
@testable import ApusFormats

/// Files exchanged with the programs that define their formats: `scripts/check/files` has Python write some into the folder `theirs`, runs
/// this suite, which reads them and writes the folder `ours`, and has Python read those.
///
/// A file has its values beside it, with `.safetensors` after its name. What a format is, is its ending.
@Suite(.enabled(if: environment("APUS_TEST_FILES") != nil, "scripts/check/files runs it")) struct ExchangeTests {
    let folder = environment("APUS_TEST_FILES")!

    /// The tensors of a file.
    func read(_ path: String) throws -> StateDict {
        switch (path as NSString).pathExtension {
        case "npy": return ["array": try Tensor(npy: path)]
        case "npz": return try StateDict.load(npz: path)
        case "pt": return try PyTorchFile(path).stateDict()
        case "zip":
            let archive = try ZipArchive(ByteRegion(MappedFile(path)))
            var tensors = StateDict()
            for record in archive.records where !record.name.hasSuffix("/") {
                let contents = try archive.contents(of: record)
                try archive.checkCRC(record, contents)
                tensors[record.name] = try contents.tensor([contents.count], .uint8)
            }
            return tensors
        default: fatalError("\(path): no such format")
        }
    }

    /// Writes the tensors; the name of the file says what is special about it.
    func write(_ tensors: StateDict, _ path: String) throws {
        switch (path as NSString).pathExtension {
        case "npy": try tensors["array"]!.save(npy: path)
        case "pt": try tensors.save(to: path)
        case "npz": try tensors.save(npz: path, compressed: path.hasSuffix("compressed.npz"))
        case "zip":
            try AtomicFile.write(to: path) { writer in
                var zip = ZipWriter(writer, zip64From: path.hasSuffix("64.zip") ? 0 : .max)
                for (name, tensor) in tensors {
                    try zip.add(name, deflated: path.hasSuffix("deflated.zip")) { write in try withHostBytes(of: tensor, write) }
                }
                try zip.finish()
            }
        default: fatalError("\(path): no such format")
        }
        try tensors.save(to: path + ".safetensors")
    }

    @Test func theirsAreRead() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/theirs").filter { !$0.hasSuffix(".safetensors") }
            .sorted()
        #expect(!names.isEmpty)
        for name in names {
            let path = "\(folder)/theirs/\(name)"
            let (found, expected) = try (read(path), StateDict.load(from: path + ".safetensors"))
            #expect(found.count == expected.count, "\(name)")
            for (key, tensor) in expected { NpyTests.expectSame(found[key], tensor, "\(name), \(key)") }
        }
    }

    @Test func oursAreWritten() throws {
        let folder = folder + "/ours"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var random = SplitMix(state: 4)
        var all = StateDict()
        for dtype in NpyTests.dtypes {
            for shape in NpyTests.shapes {
                let x = Layout.transposed.lay(NpyTests.random(shape, dtype, &random))
                all["\(dtype)/\(all.count) é"] = x
                try write(["array": x], "\(folder)/\(dtype)-\(all.count).npy")
            }
        }
        for name in ["stored.npz", "compressed.npz"] { try write(all, folder + "/" + name) }
        // Several views of each memory.
        for (name, tensor) in all {
            all[name + "/row"] = tensor.ndim > 0 && tensor.size(0) > 0 ? tensor[0] : nil
            all[name + "/again"] = tensor
        }
        try write(all, folder + "/views.pt")
        var files = StateDict()
        for (i, name) in ["a", "b/c", "é", "../up", "/absolute"].enumerated() {
            files[name] = NpyTests.random([Int([0, 1, 100, 70_000, 200_000][i])], .uint8, &random)
        }
        for name in ["stored.zip", "deflated.zip", "zip64.zip"] { try write(files, folder + "/" + name) }
    }
}
