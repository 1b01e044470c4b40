import ApusCheckpoints
import ApusCore
import ApusFormats
import ApusNN
import ApusOptim
import TestSupport
import Testing

@Suite struct LoadingWeightsTests {
    let folder = TemporaryFolder()

    private func network() -> Sequential {
        Sequential([("conv", Conv2d(1, 4, 3)), ("bn", BatchNorm2d(4)), ("flat", Flatten()), ("fc", Linear(16, 3))])
    }

    private func same(_ a: Module, _ b: Module) -> Bool {
        zip(a.stateDict(), b.stateDict()).allSatisfy { $0.key == $1.key && $0.value.equal($1.value) }
    }

    /// The weights of a checkpoint, wherever they are in it and whatever its names begin with, in every format.
    @Test(arguments: ["pt", "pth.tar", "safetensors", "npz"]) func weightsFromEveryFormat(_ ending: String) throws {
        let (model, other) = (network(), network())
        let path = folder.file("weights.\(ending)")
        try model.stateDict().save(to: path)
        let report = try other.loadStateDict(from: path)
        #expect(same(model, other) && report.loaded == 9)
        #expect(report.renamed.isEmpty && report.missing.isEmpty && report.leftOver.isEmpty)
        // Behind a prefix and with another name, in a part of the file.
        var nested = StateDict()
        for (key, tensor) in model.stateDict() {
            nested["model.module.\(key.hasPrefix("fc.") ? "head." + key.dropFirst(3) : key)"] = tensor
        }
        try nested.save(to: path)
        let third = network()
        let full = try third.loadStateDict(from: path, at: "model", dropping: "module.", renaming: ["head.": "fc."])
        #expect(same(model, third) && full.loaded == 9 && full.renamed.count == 9)
        #expect(full.description.hasPrefix("loaded 9 tensors; 9 renamed (module.conv.weight → conv.weight"))
    }

    @Test func nothingIsSkippedWithoutAWord() throws {
        let model = network()
        let before = StateDict(model.stateDict().map { ($0.key, $0.value.clone()) })
        let path = folder.file("weights.pt")
        var state = StateDict()
        for (key, tensor) in model.stateDict() where !key.hasPrefix("bn.") { state["module.\(key)"] = tensor + 1 }
        state["module.extra"] = Tensor.ones([1])
        try state.save(to: path)
        func refused(_ wanted: String..., by body: () throws -> Void) {
            let text = message(body)
            for part in wanted { #expect(text.contains(part), "\(part) is not in: \(text)") }
            #expect(model.stateDict().allSatisfy { $0.value.equal(before[$0.key]!) })
        }
        refused(path, "missing keys: conv.weight", "dropping: \"module.\"") { try model.loadStateDict(from: path) }
        refused("missing keys: bn.weight", "unexpected keys: extra") { try model.loadStateDict(from: path, dropping: "module.") }
        refused("no name begins with the prefix 'model.'", "module.conv.weight") { try model.loadStateDict(from: path, dropping: "model.") }
        refused("no name begins with the renaming's 'head.'") {
            try model.loadStateDict(from: path, dropping: "module.", renaming: ["head.": "fc."])
        }
        refused("'state_dict'", "there is nothing") { try model.loadStateDict(from: path, at: "state_dict") }
        refused("none of its tensors is for this Sequential") { try model.loadStateDict(from: path, strict: false) }
        refused("two tensors are called 'fc.weight'") {
            try model.loadStateDict(from: path, dropping: "module.", renaming: ["conv.weight": "fc.weight"], strict: false)
        }
        let report = try model.loadStateDict(from: path, dropping: "module.", strict: false)
        #expect(report.loaded == 4 && report.missing.count == 5 && report.leftOver == ["extra"])
        #expect(model.stateDict()["conv.weight"]!.equal(before["conv.weight"]! + 1))
    }

    /// A part that does not fit leaves all parts as they were.
    @Test func aCheckpointIsLoadedAsAWholeOrNotAtAll() throws {
        let path = folder.file("run.pt")
        let model = network(), optimizer = Adam(model.parameters(), lr: 0.1), schedule = StepLR(optimizer, 3)
        let average = AveragedModel(model), scaler = GradScaler(), generator = Generator(seed: 5)
        func train(_ model: Module, _ optimizer: Optimizer, _ schedule: LRScheduler) {
            optimizer.zeroGrad()
            model(Tensor.ones([2, 1, 4, 4])).sum().backward()
            optimizer.step()
            schedule.step()
        }
        for _ in 0..<4 { train(model, optimizer, schedule) }
        average.updateParameters(model)
        _ = generator.next()
        try Checkpoint.save(
            [
                "model": model, "optimizer": optimizer, "schedule": schedule, "average": average, "scaler": scaler, "generator": generator,
                "epoch": 4,
                "rate": 0.5, "name": "run", "done": false, "losses": [0.5, 0.25], "best": ["accuracy": 0.9],
            ], to: path)
        let other = network(), otherOptimizer = Adam(other.parameters(), lr: 0.2), otherSchedule = StepLR(otherOptimizer, 5)
        let otherAverage = AveragedModel(other), otherScaler = GradScaler(initScale: 2), otherGenerator = Generator(seed: 1)
        let untouched = network()
        try untouched.loadStateDict(other.stateDict())
        // The optimizer's state does not fit one with momentum alone: nothing has changed, the model neither.
        let wrong = SGD(other.parameters(), lr: 1)
        let error = message { _ = try Checkpoint.load(path, into: ["model": other, "optimizer": wrong]) }
        #expect(error.contains("\(path), 'optimizer': SGD"), "\(error)")
        #expect(same(other, untouched))
        #expect(
            message { _ = try Checkpoint.load(path, into: ["model": other, "optim": otherOptimizer]) }.contains(
                "'optim': there is none; the file has model, optimizer"))
        let saved = try Checkpoint.load(
            path,
            into: [
                "model": other, "optimizer": otherOptimizer, "schedule": otherSchedule, "average": otherAverage, "scaler": otherScaler,
                "generator": otherGenerator,
            ])
        #expect(
            same(model, other) && same(average, otherAverage) && otherGenerator.state == generator.state
                && otherScaler.stateDict() == scaler.stateDict())
        #expect(otherSchedule.stateDict() == schedule.stateDict() && otherOptimizer.stateDict().values == optimizer.stateDict().values)
        #expect(saved["epoch"]?.int == 4 && saved["rate"]?.double == 0.5 && saved["name"]?.string == "run" && saved["done"]?.bool == false)
        #expect(saved["losses"]?[1]?.double == 0.25 && saved["best"]?["accuracy"]?.double == 0.9)
        train(model, optimizer, schedule)
        train(other, otherOptimizer, otherSchedule)
        #expect(same(model, other))
    }

    /// Tied weights are one storage in the file.
    @Test func tiedWeightsAreWrittenOnce() throws {
        let path = folder.file("tied.pt")
        let weight = Tensor.ones([100, 100])
        try StateDict([("a", weight), ("b", weight), ("c", weight.transpose(0, 1))]).save(to: path)
        let read = try StateDict.load(from: path)
        noGrad { read["a"]!.add_(1) }
        #expect(read["b"]![0, 0].item() as Double == 2 && read["c"]![0, 0].item() as Double == 2)
        #expect(try PyTorchFile(path).root["a"]?.shape == [100, 100])
    }
}
