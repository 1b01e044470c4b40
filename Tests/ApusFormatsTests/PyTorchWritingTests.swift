import ApusSystem
import TestSupport
import Testing
@testable import ApusCore
@testable import ApusFormats

@Suite struct PyTorchWritingTests {
    let folder = TemporaryFolder()

    /// What was read from PyTorch's files and written again is read as the same.
    @Test(arguments: Interop.names("pt/cases")) func whatWasReadIsWrittenAgain(_ name: String) throws {
        let recorded = Interop.description("pt/cases/\(name)")
        let file = try PyTorchFile(Interop.path("pt/cases/\(recorded["file"]!.string!)"))
        let path = folder.file("again.pt")
        let error = message { try file.root.save(to: path) }
        guard error.isEmpty else {
            // Objects of classes, and tensors that Apus lacks: refused by name.
            #expect(
                (error.contains("cannot be written") || error.contains("Apus has no dtype") || error.contains("layout")), "\(error)")
            #expect(
                [
                    "zip_foreign_complex", "zip_foreign_unsigned", "zip_numpy_array", "zip_sparse", "zip_whole_own_module",
                    "torchscript_scripted", "torchscript_frozen",
                ].contains(name))
            return
        }
        let again = try PyTorchFile(path).root
        let tensors = try StateDict.load(from: Interop.path("pt/cases/\(name).safetensors"))
        var problems = again.differences(from: recorded["tree"]!, tensors)
        // A default dictionary comes back as a plain one, with the same contents.
        if name == "zip_defaultdict" { problems.removeAll { $0.contains("default") } }
        #expect(problems.isEmpty, "\(problems.prefix(5).joined(separator: "\n"))")
        // Equal contents give equal bytes.
        let first = try bytes(of: path)
        try file.root.save(to: path)
        #expect(try bytes(of: path) == first)
    }

    private func bytes(of path: String) throws -> [UInt8] { try ByteRegion(MappedFile(path)).withBytes { Array($0) } }

    /// Every dtype, shape and layout comes back; views of one memory share it, and of a large one only what is reached is written.
    @Test func tensorsOfEveryKind() throws {
        let path = folder.file("all.pt")
        for dtype in DType.allCases {
            let base = Tensor.arange(24).reshape([2, 3, 4]).to(dtype == .bool ? .int32 : dtype)
            let x = dtype == .bool ? base % 2 .== 1 : base
            let all: [(String, Tensor)] = [
                ("plain", x), ("transposed", x.transpose(0, 2)), ("sliced", x.transpose(1, 2)[0..., 1..<3]), ("row", x[1]),
                ("broadcast", x[0..., 0..., 0..<1].expand([2, 3, 5])), ("scalar", x[1, 1, 1]), ("empty", x[0..<0]), ("other", x.clone()),
            ]
            try PyTorchObject(StateDict(all)).save(to: path)
            let read = try PyTorchFile(path).stateDict()
            for (name, tensor) in all {
                let found = read[name]!
                #expect(found.dtype == dtype && found.shape == tensor.shape, "\(name)")
                #expect(ApusFormatsTests.bytes(of: found) == ApusFormatsTests.bytes(of: tensor), "\(dtype) \(name)")
                if found.numel > 0 && name != "other" { #expect(found.storage === read["plain"]!.storage, "\(dtype) \(name)") }
            }
            #expect(read["other"]!.storage !== read["plain"]!.storage)
        }
        let large = Tensor.zeros([1_000_000])
        try PyTorchObject(StateDict([("part", large[10..<20])])).save(to: path)
        #expect(try bytes(of: path).count < 2000)
    }

    @Test func valuesAreWrittenAsPythonHasThem() throws {
        let path = folder.file("values.pt")
        let shared: PyTorchObject = ["a": 1, "b": [true, .null, 2.5, "ü\n", 300, 70_000, -1, 5_000_000_000]]
        let object: PyTorchObject = [
            "epoch": 3, "twice": .list([shared, shared]), "tuple": .tuple([1, 2]), "names": ["x", "x"], "empty": [:], 7: "number",
            "none": .null,
            "w": .tensor(Tensor.ones([2]), isParameter: true),
        ]
        try object.save(to: path)
        let root = try PyTorchFile(path).root
        #expect(root["epoch"]?.int == 3)
        #expect(root[path: "twice.1.b.7"]?.int == 5_000_000_000)
        #expect(root[path: "twice.0.b.3"]?.string == "ü\n")
        #expect(root[path: "twice.0.b.1"]?.kind == .null)
        #expect(root["tuple"]?.kind == .tuple && root["tuple"]?.count == 2)
        #expect(root[7]?.string == "number" && root["empty"]?.count == 0)
        #expect(root["w"]?.isParameter == true)
        #expect(root["absent"] == nil && root[path: "twice.5"] == nil)
    }
}
