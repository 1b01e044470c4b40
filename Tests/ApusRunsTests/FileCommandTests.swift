import ApusCheckpoints
import ApusCore
import ApusNN
import ApusRuns
import Foundation
import TestSupport
import Testing
@testable import ApusFormats

/// `apus info FILE` and `apus convert`.
@Suite struct FileCommandTests {
    let folder = TemporaryFolder()

    private func run(_ arguments: String...) throws -> Command.Result { try Command.run(arguments, in: folder.path) }

    private func tensors() -> StateDict {
        StateDict([
            ("conv.weight", Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])),
            ("half", Tensor([1, .infinity, .nan, 3] as [Float]).to(.bfloat16)),
            ("count", Tensor(7)), ("empty", Tensor.zeros([0, 3])),
        ])
    }

    @Test func infoListsTensorsOfEveryFormat() throws {
        for name in ["a.safetensors", "a.pt", "a.npz"] {
            var state = tensors()
            if name == "a.npz" { state["half"] = state["half"]!.to(.float32) }
            try state.save(to: folder.file(name))
            let result = try run("info", name)
            #expect(result.status == 0 && result.errors == "")
            #expect(result.lines[0].contains("4 tensors with 9 elements"), "\(result.lines[0])")
            let row = try #require(result.lines.first { $0.hasPrefix("conv.weight") }).split(separator: " ")
            #expect(row[1...] == ["float32", "2×2", "2.5", "1.118"], "\(row)")
            #expect(result.lines.first { $0.hasPrefix("half") }!.hasSuffix("1 NaN, 1 inf"))
            let json = try run("info", "--json", name).lines.map { try JSON(parsing: String($0)) }
            let half = try #require(json.first { $0["tensor"]?.string == "half" })
            #expect(half["mean"]?.double == 2 && half["nan"]?.int == 1 && half["infinite"]?.int == 1 && half["shape"]?.array?.count == 1)
        }
        // What is not a tensor is listed too.
        try Checkpoint.save(["model": Linear(2, 2), "epoch": 3, "name": "run"], to: folder.file("run.pt"))
        let lines = try run("info", "run.pt").lines
        #expect(lines.contains("epoch: 3") && lines.contains("name: run"))
    }

    @Test func infoSaysWhatAFileIs() throws {
        for (bytes, words) in [
            (Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8), "Git LFS pointer"),
            (Array("<!DOCTYPE html><html>".utf8), "HTML"),
            ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "HDF5"), (Array("GGUF\u{3}".utf8), "GGUF"),
            ([0x08, 0x08, 0x12, 0x07] + Array("pytorch".utf8), "ONNX"), ([], "empty"), (Array("hello".utf8), "a text"),
            ([1, 2, 3], "no kind that Apus knows"),
            (Array("PK\u{5}\u{6}".utf8) + Array(repeating: 0, count: 18), "zip archive"),
        ] as [([UInt8], String)] {
            let name = folder.write(bytes)
            let result = try run("info", name)
            #expect(result.status == 0 && result.lines.first?.contains(words) == true, "\(words): \(result.lines) \(result.errors)")
        }
        #expect(try run("info", "absent").status == 1)
        // Damage is an error with the place.
        try tensors().save(to: folder.file("cut.pt"))
        let whole = try Data(contentsOf: URL(fileURLWithPath: folder.file("cut.pt")))
        try whole.prefix(whole.count - 30).write(to: URL(fileURLWithPath: folder.file("cut.pt")))
        let cut = try run("info", "cut.pt")
        #expect(cut.status == 1 && cut.errors.contains("cut.pt") && cut.errors.contains("cut off"), "\(cut.errors)")
    }

    @Test func convertKeepsWhatBothHave() throws {
        let state = tensors()
        try state.save(to: folder.file("a.safetensors"), metadata: ["format": "pt"])
        let toTorch = try run("convert", "a.safetensors", "a.pt")
        #expect(
            toTorch.status == 0 && toTorch.lines == ["format: left out: PyTorch has no place for the text 'pt'", "wrote a.pt: 4 tensors"],
            "\(toTorch.lines)")
        let toNumPy = try run("convert", "a.pt", "a.npz")
        #expect(toNumPy.lines == ["half: bfloat16 is written as float32, which has the same values", "wrote a.npz: 4 tensors"])
        for (key, tensor) in try StateDict.load(from: folder.file("a.npz")) {
            #expect("\(tensor.to(.float32))" == "\(state[key]!.to(.float32))", "\(key)")
        }
        // A checkpoint's numbers become metadata; its whole object stays one in PyTorch's format; a part is taken by its place.
        let model = Linear(2, 2)
        try Checkpoint.save(["model": model, "epoch": 3], to: folder.file("run.pt"))
        #expect(try run("convert", "run.pt", "run.safetensors").status == 0)
        let converted = try Safetensors(contentsOf: folder.file("run.safetensors"))
        #expect(converted.tensors.keys == ["model.weight", "model.bias"] && converted.metadata == ["epoch": "3"])
        #expect(try run("convert", "run.pt", "again.pth").status == 0)
        #expect(try PyTorchFile(folder.file("again.pth")).root["epoch"]?.int == 3)
        #expect(try run("convert", "--at", "model", "run.pt", "part.npz").status == 0)
        #expect(try StateDict.load(from: folder.file("part.npz"))["weight"]!.equal(model.weight))
        let wrong = try run("convert", "run.pt", "run.txt")
        #expect(wrong.status == 64 && wrong.errors.contains(".safetensors"))
        // Every ending that says a format gives a file of it; others are refused, and nothing is written under a wrong name.
        for (ending, format) in TensorFile.Format.endings where format != .npy {
            #expect(try run("convert", "--at", "model", "run.pt", "each\(ending)").status == 0, "\(ending)")
            #expect(try TensorFile(folder.file("each\(ending)")).format == format, "\(ending)")
        }
        #expect(try run("convert", "run.pt", "run.tar").status == 64)
        let nowhere = try run("convert", "--at", "absent", "run.pt", "x.npz")
        #expect(nowhere.status == 1 && nowhere.errors.contains("'absent'"))
    }

    /// Against the definition in float64, whatever the layout; what a broadcast view repeats counts as often.
    @Test func statistics() throws {
        let x = Tensor.arange(24).reshape([2, 3, 4]).to(.float32)
        for (tensor, name) in [
            (x, "plain"), (x.transpose(0, 2), "transposed"), (x[0..., 1..<3], "sliced"),
            (x[0..., 0..., 0..<1].expand([2, 3, 7]), "broadcast"), (x[1, 1, 1], "scalar"),
        ] {
            let values = tensor.reshape([-1]).array(Float.self).map(Double.init)
            let mean = values.reduce(0, +) / Double(values.count)
            let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
            let found = try TensorStatistics(tensor)
            #expect(abs(found.mean - mean) < 1e-12 && abs(found.deviation - deviation) < 1e-12 && found.nans == 0, "\(name)")
        }
        let bad = try TensorStatistics(Tensor([.nan, 1, .infinity] as [Float]).unsqueeze(1).expand([3, 4]))
        #expect(bad.nans == 4 && bad.infinities == 4 && bad.mean == 1 && bad.deviation == 0)
        #expect(try TensorStatistics(Tensor.zeros([0])).mean.isNaN)
    }
}
