import ApusCore
import ApusData
import ApusNN
import ApusOptim
import ApusSystem
import Glibc
import TestSupport
import Testing
@testable import ApusFormats
@testable import ApusTraining

/// What a trainer and a model write to TensorBoard.
@Suite struct TensorBoardTests {
    let folder = TemporaryFolder()
    private let x = Tensor.randn([20, 5], generator: Generator(seed: 1))
    private let y = Tensor.randn([20, 2], generator: Generator(seed: 2))

    private var loader: DataLoader<(Tensor, Tensor)> { DataLoader(TensorDataset(x, y), batchSize: 4) }

    private func makeTrainer(_ checkpoints: String? = nil) -> SupervisedTrainer {
        let model = withGenerator(Generator(seed: 3)) { Sequential(Linear(5, 4), Dropout(0.2), Linear(4, 2)) }
        let trainer = Trainer(model: model, optimizer: SGD(model.parameters(), lr: 0.05), generator: Generator(seed: 4)) {
            F.mseLoss($0, $1)
        }
        trainer.measure("mae") { MeanAbsoluteError($0, $1) }
        if let checkpoints { trainer.checkpoints = .init(folder: checkpoints) }
        return trainer
    }

    /// All points of a tag, after what a file hides is left out.
    private func points(_ tag: String, _ log: String) throws -> [Int64: Float] {
        var points: [Int64: Float] = [:]
        for event in try events(log) {
            if case .session(status: 1) = event.content { points = points.filter { $0.key < event.step } }
            guard case .summary(let values) = event.content else { continue }
            for value in values where value.tag == tag {
                guard case .scalar(let number) = value.content else { continue }
                #expect(points[event.step] == nil, "\(tag) has two points at step \(event.step)")
                points[event.step] = number
            }
        }
        return points
    }

    private func events(_ log: String) throws -> [TensorBoardEvent] {
        let names = try #require(try Folder.names(in: log)).filter { $0.contains("tfevents") }
        func number(_ name: String) -> Int { Int(name.split(separator: ".").last!)! }
        return try names.sorted { number($0) < number($1) }.flatMap { try EventFile(contentsOf: "\(log)/\($0)").events }
    }

    @Test func curvesOfATraining() throws {
        let log = folder.file("log")
        let trainer = makeTrainer()
        trainer.observers = [TensorBoardObserver(try SummaryWriter(log), every: 2, histograms: trainer.model)]
        var losses: [Double] = []
        let totals = Totals()
        trainer.observers.append(totals)
        try trainer.fit(loader, test: loader, epochs: 3)
        losses = totals.losses

        // Fifteen steps of four samples each; a point is the mean over the steps since the last one, across an epoch's end too.
        let steps = try points("loss/step", log)
        #expect(steps.keys.sorted() == [2, 4, 6, 8, 10, 12, 14])
        for (step, loss) in steps {
            let mean = (losses[Int(step) - 2] + losses[Int(step) - 1]) / 2
            #expect(abs(Double(loss) - mean) < 1e-5 * mean, "step \(step)")
        }
        #expect(try points("learning_rate", log) == Dictionary(uniqueKeysWithValues: steps.keys.map { ($0, 0.05) }))
        #expect(try points("mae/step", log).count == 7)
        for (part, measured) in [("train", trainer.history.map(\.train)), ("test", trainer.history.map { $0.test! })] {
            for (tag, values) in [("loss", measured.map(\.loss)), ("mae", measured.map { $0["mae"]! })] {
                let found = try points("\(tag)/\(part)", log)
                #expect(found.keys.sorted() == [5, 10, 15] && found.sorted { $0.key < $1.key }.map(\.value) == values.map { Float($0) })
            }
        }
        #expect(try points("samples_per_second", log).count == 3)
        let tags = try events(log).flatMap { event -> [String] in
            guard case .summary(let values) = event.content else { return [] }
            return values.filter { if case .histogram = $0.content { true } else { false } }.map(\.tag)
        }
        #expect(tags.prefix(4) == ["weights/0.weight", "weights/0.bias", "weights/2.weight", "weights/2.bias"] && tags.count == 12)
    }

    /// The loss of each batch.
    private final class Totals: TrainingObserver {
        var losses: [Double] = []
        private var before = 0.0
        func didTrain(_ progress: TrainingProgress) {
            if progress.batch == 1 { before = 0 }
            losses.append((progress.measurements.lossTotal - before) / 4)
            before = progress.measurements.lossTotal
        }
    }

    private final class StopAt: TrainingObserver {
        let batch: Int
        let flag: StopFlag
        init(_ batch: Int, _ flag: StopFlag) { (self.batch, self.flag) = (batch, flag) }
        func didTrain(_ progress: TrainingProgress) { if progress.step == batch { flag.set() } }
    }

    /// Stopped anywhere, or killed some steps after its last checkpoint, and resumed: one point for each step, those of a run that went through.
    @Test(arguments: [1, 4, 5, 7, 10]) func aResumedTrainingGoesOn(_ stop: Int) throws {
        func train(_ log: String, checkpoints: String? = nil, stop: Int? = nil) throws {
            let trainer = makeTrainer(checkpoints)
            trainer.observers = [TensorBoardObserver(try SummaryWriter(log), every: 1, stop: trainer.stop)]
            if let stop { trainer.observers.append(StopAt(stop, trainer.stop)) }
            if checkpoints != nil { try trainer.resume(train: loader) }
            try trainer.fit(loader, test: loader, epochs: 3)
        }
        let (whole, parts, run) = (folder.file("whole"), folder.file("parts"), folder.file("run"))
        folder.write([], "run/.keep")
        try train(whole)
        try train(parts, checkpoints: run, stop: stop)
        // What a killed process has written after its last checkpoint.
        let late = try SummaryWriter(parts)
        for step in (stop + 1)...(stop + 3) { try late.addScalar("loss/step", -1, step) }
        try train(parts, checkpoints: run)
        for tag in ["loss/step", "mae/step", "learning_rate", "loss/train", "loss/test", "mae/train", "mae/test"] {
            let (a, b) = (try points(tag, whole), try points(tag, parts))
            #expect(a.keys.sorted() == b.keys.sorted(), "\(tag)")
            for (step, value) in a { #expect(abs(value - b[step]!) < 1e-5 * max(1, abs(value)), "\(tag) at step \(step)") }
        }
    }

    /// A log that cannot be written is said, and stops the training where that is wanted.
    @Test func aLogThatCannotBeWritten() throws {
        for stops in [true, false] {
            let log = folder.file("gone-\(stops)")
            let writer = try SummaryWriter(log)
            try writer.close()
            // The folder makes way for a file: a new event file cannot be begun.
            for name in try #require(try Folder.names(in: log)) { #expect(unlink("\(log)/\(name)") == 0) }
            #expect(rmdir(log) == 0)
            folder.write([1], "gone-\(stops)")
            let trainer = makeTrainer()
            let observer = TensorBoardObserver(writer, stop: stops ? trainer.stop : nil)
            trainer.observers = [observer]
            #expect(try trainer.fit(loader, epochs: 1) == (stops ? .stopped : .finished))
            #expect("\(try #require(observer.error))".contains(log))
        }
    }

    /// Steps with and without their label, numbers of all kinds, hyper-parameters from variables: as programs of PyTorch have them.
    @Test func callsAsTheyAreUsuallyWritten() throws {
        let log = folder.file("calls")
        let writer = try SummaryWriter(log)
        let loss = Tensor([1.0, 2]).mean()
        let (step, lr, name, correct, total) = (3, 0.1, "adam", 3, 7)
        let model = Sequential(Linear(2, 2), ReLU())
        try writer.addScalar("loss", loss.item(), step)
        try writer.addScalar("loss", loss, globalStep: step)
        try writer.addScalar("loss", loss.detach(), step * 2 + 1)
        try writer.addScalar("accuracy", 100 * Double(correct) / Double(total), step)
        try writer.addScalar("steps", step * 2, step)
        try writer.addScalars("losses", ["train": loss.item(), "test": 2.0], step)
        try writer.addScalars("losses", ["train": loss, "test": 2], globalStep: step)
        for (name, parameter) in model.namedParameters() { try writer.addHistogram(name, parameter, step) }
        try writer.addHistogram("x", x, step, bins: .equal(10))
        try writer.addImage("image", Tensor.rand(3, 8, 8), step)
        try writer.addImage("image", Tensor.rand(8, 8, 3), step, dataformats: "HWC")
        try writer.addImages("images", Tensor.rand(4, 1, 8, 8), step)
        try writer.addText("text", "**bold**", step)
        try writer.addHparams(["lr": lr, "opt": name, "n": step, "nesterov": true], ["hparam/loss": loss.item()])
        try writer.addGraph(model, Tensor.ones(1, 2))
        try writer.close()
        #expect(try events(log).count == 14)
        #expect(try points("steps", log) == [3: 6] && points("accuracy", log) == [3: Float(300.0 / 7)])
    }

    // MARK: Graphs

    private final class Block: Module {
        let convs = [Conv2d(2, 2, 3, padding: 1), Conv2d(2, 2, 3, padding: 1)]
        let norm = BatchNorm2d(2)
        override func forward(_ x: Tensor) -> Tensor { (norm(convs[1](convs[0](x).relu())) + x).relu() }
    }

    private final class Net: Module {
        let stem = Sequential(Conv2d(1, 2, 3, padding: 1), ReLU())
        let block = Block()
        let drop = Dropout(0.5)
        let same = Identity()
        let fc = Linear(2, 3)
        override func forward(_ x: Tensor) -> Tensor {
            let y = block(block(stem(x)))
            return fc(same(drop(y.mean(dim: [2, 3])))) + Tensor.ones(3)
        }
    }

    private func graph(_ model: Module, _ write: (SummaryWriter) throws -> Void) throws -> [GraphNode] {
        let log = folder.file("graph-\(model.typeName)")
        try write(try SummaryWriter(log))
        for event in try events(log) {
            guard case .graph(let bytes) = event.content else { continue }
            let unpacked = UnpackedBytes(count: bytes.count)!
            bytes.withUnsafeBytes { unpacked.bytes.copyMemory(from: $0) }
            return try GraphNode.decoded(ByteRegion(unpacked.bytes, owner: unpacked, file: log, record: nil))
        }
        return []
    }

    @Test func aModelsGraph() throws {
        let model = Net()
        model.block.norm.eval()
        let buffers = model.buffers().map { $0.clone() }
        let nodes = try graph(model) { try $0.addGraph(model, Tensor.ones(1, 1, 4, 4)) }
        let lines = nodes.map { "\($0.name) = \($0.op)(\($0.inputs.joined(separator: ", ")))" }
        #expect(
            lines == [
                "input = Input()",
                "stem/Conv2d[0] = Conv2d(input)", "stem/ReLU[1] = ReLU(stem/Conv2d[0])",
                "block/convs/Conv2d[0] = Conv2d(stem/ReLU[1])", "block/relu = relu(block/convs/Conv2d[0])",
                "block/convs/Conv2d[1] = Conv2d(block/relu)", "block/norm = BatchNorm2d(block/convs/Conv2d[1])",
                "block/add = add(block/norm, stem/ReLU[1])", "block/relu_1 = relu(block/add)",
                "block/convs/Conv2d[0]_1 = Conv2d(block/relu_1)", "block/relu_2 = relu(block/convs/Conv2d[0]_1)",
                "block/convs/Conv2d[1]_1 = Conv2d(block/relu_2)", "block/norm_1 = BatchNorm2d(block/convs/Conv2d[1]_1)",
                "block/add_1 = add(block/norm_1, block/relu_1)", "block/relu_3 = relu(block/add_1)",
                "mean = mean(block/relu_3)", "reshape = reshape(mean)", "drop = Dropout(reshape)", "same = Identity(drop)",
                "fc = Linear(same)",
                "constant = Constant()", "expand = expand(constant)", "add = add(fc, expand)", "output = Output(add)",
            ], "\(lines.joined(separator: "\n"))")
        // The model is as it was.
        #expect(model.training && model.drop.training && !model.block.norm.training)
        #expect(zip(model.buffers(), buffers).allSatisfy { $0.equal($1) })
    }

    @Test func graphsOfOtherShapes() throws {
        // A layer alone; layers within that have layers of their own; several inputs.
        let linear = Linear(3, 2)
        let alone = try graph(linear) { try $0.addGraph(linear, Tensor.ones(1, 3)) }.map(\.name)
        #expect(alone == ["input", "Linear", "output"])
        let encoder = TransformerEncoderLayer(4, 2, dimFeedforward: 8, batchFirst: true)
        let nodes = try graph(encoder) { try $0.addGraph(encoder, Tensor.ones(1, 5, 4)) }
        let names = Set(nodes.map(\.name))
        #expect(names.isSuperset(of: ["linear1", "linear2", "norm1", "norm2", "output"]))
        #expect(nodes.allSatisfy { $0.inputs.allSatisfy(names.contains) })
        // Every node but inputs and constants is reached from the input.
        var reached: Set<String> = ["input"]
        for node in nodes where node.inputs.contains(where: reached.contains) { reached.insert(node.name) }
        #expect(nodes.filter { !reached.contains($0.name) }.allSatisfy { $0.op == "Constant" || $0.inputs.isEmpty }, "\(nodes)")
        #expect(reached.contains("output"))
        let bilinear = Bilinear(2, 3, 4)
        let (a, b) = (Tensor.ones(1, 2), Tensor.ones(1, 3))
        let pair = try graph(bilinear) { try $0.addGraph(bilinear, inputs: [a, b]) { _ = bilinear(a, b) } }
        #expect(pair.map(\.name) == ["input", "input_1", "Bilinear", "output"] && pair[2].inputs == ["input", "input_1"])
        #expect(message { try SummaryWriter(folder.file("x")).addGraph(linear, Tensor.ones(1, 4)) }.contains("linear"))
    }

    /// A graph that is drawn in the middle of a training changes none of its numbers.
    @Test func drawingAGraphChangesNothing() throws {
        func train(_ observers: (SupervisedTrainer) -> [any TrainingObserver]) throws -> [Tensor] {
            let trainer = makeTrainer()
            trainer.observers = observers(trainer)
            try trainer.fit(loader, epochs: 2)
            return trainer.model.parameters()
        }
        final class Draws: TrainingObserver {
            let draw: () throws -> Void
            init(_ draw: @escaping () throws -> Void) { self.draw = draw }
            func didTrain(_ progress: TrainingProgress) { #expect(throws: Never.self) { try draw() } }
        }
        let writer = try SummaryWriter(folder.file("drawn"))
        let plain = try train { _ in [] }
        let drawn = try train { trainer in [Draws { try writer.addGraph(trainer.model, x) }] }
        #expect(zip(plain, drawn).allSatisfy { $0.equal($1) })
    }
}
