import ApusCore
import ApusData
import ApusDistributed
import ApusFormats
import ApusNN
import ApusSystem
import ApusTraining
import ApusVision

extension Run {
    /// What a run begins with, or goes on from.
    struct Start {
        let checkpoint: Checkpoint?
        /// What that says of the run.
        let state: RunState?
        /// The options with which that was written.
        let known: RunOptions?
        /// The options with which the run continues.
        let options: RunOptions
        let pretrained: Pretrained?
        let found: LoadedData
    }

    /// What the options make of that.
    struct Built {
        let model: Module
        let summary: ModelSummary
        /// What was loaded of other weights, in words.
        let loaded: String?
        let device: Device
        let recipe: Recipe
        let loss: (Tensor, Tensor) -> Tensor
        let train, test: DataLoader<ImageData.Batch>
        let generator: Generator
    }

    /// Reads checkpoint and data, and compares them with the options.
    func begin() throws -> Start {
        let checkpoint = try Checkpoint.load(from: folder.path, in: group)
        return try group.all {
            let state = try checkpoint.map(state)
            let known = try state.flatMap(knownOptions)
            if let state { try checkOptions(state) }
            let new = try amended(checkpoint)
            _ = try RunOptions.device(options.device, in: group)
            let pretrained = try new.weights.map { path in
                try state?.pretrained.map { Pretrained(path, $0) } ?? Pretrained(path, model: new.model)
            }
            let found = try LoadedData(new, pretrained)
            if let before = state?.data { try checkData(before, found.data, new.data) }
            return Start(checkpoint: checkpoint, state: state, known: known, options: new, pretrained: pretrained, found: found)
        }
    }

    /// Makes the model, and what feeds it.
    func build(_ start: Start) throws -> Built {
        let device = try RunOptions.device(options.device, in: group)
        let generator = Generator(seed: options.seed)
        let loaderGenerator = Generator(seed: generator.drawSeed())
        let (data, recipe) = (start.found.data, Recipe(options))
        let (input, classes) = (data.train.input, data.train.classes)
        let model = try withGenerator(generator) {
            try ModelSource.make(
                options.model, table: options.modelTable, input: input, classes: classes.count,
                weights: start.checkpoint?["model"] ?? start.pretrained?.weights)
        }
        // What a checkpoint holds takes the place of all weights.
        var loaded = start.state?.loaded
        if let pretrained = start.pretrained, start.checkpoint == nil {
            loaded = try pretrained.load(into: model)
            if group.isFirst { note("\(loaded!)") }
        }
        model.to(device)
        if group.isFirst, let reason = group.hostMemoryReason(device) { note("gradients travel through host memory: \(reason)") }
        try recipe.freeze(model)
        let summary = try ModelSource.check(model, options.model, input: input, classes: classes.count, device: device)
        let train = try trainLoader(start.found, loaderGenerator).to(device)
        let tested = data.validation ?? data.test
        let threads = options.threads(sharing: group.localSize)
        let test = DataLoader(tested, batchSize: max(options.batchSize, 1000), workers: threads).to(device)
        if options.epochs * train.count == 1, group.isFirst {
            note(
                "the run takes a single step: its \(data.train.count) images are one batch, and it has one epoch; a smaller \(option: .batchSize) or more \(option: .epochs) make more of them"
            )
        }
        return Built(
            model: model, summary: summary, loaded: loaded, device: device, recipe: recipe,
            loss: recipe.loss(model, counts: data.train.counts, device: device), train: train, test: test, generator: generator)
    }

    /// The images to learn from, in batches.
    func trainLoader(_ found: LoadedData, _ generator: Generator) throws -> DataLoader<ImageData.Batch> {
        let loader = DataLoader(
            found.data.train, batchSize: options.batchSize, shuffle: true, generator: generator,
            workers: options.threads(sharing: group.localSize))
        let classes = found.data.train.classes.count
        switch (options.mixup, options.cutmix) {
        case (nil, nil): return loader
        case (let alpha?, nil):
            let mix = MixUp(alpha: alpha, numClasses: classes)
            return loader.mapBatches { mix.apply($0, $1, using: .current) }
        case (nil, let alpha?):
            let cut = CutMix(alpha: alpha, numClasses: classes)
            return loader.mapBatches { cut.apply($0, $1, using: .current) }
        case (let mixing?, let cutting?):
            let (mix, cut) = (MixUp(alpha: mixing, numClasses: classes), CutMix(alpha: cutting, numClasses: classes))
            return loader.mapBatches { images, labels in
                var generator = Generator.current
                return Bool.random(using: &generator)
                    ? mix.apply(images, labels, using: generator) : cut.apply(images, labels, using: generator)
            }
        }
    }

    /// What a checkpoint of this run says of it.
    func state(_ checkpoint: Checkpoint) throws -> RunState { try RunState(checkpoint, file: Checkpoint.newest(in: folder.path)) }

    /// The options with which a checkpoint was written; nil for checkpoints of earlier versions, which lack them.
    private func knownOptions(_ state: RunState) throws -> RunOptions? {
        try state.options.map { try RunOptions(json: $0, file: Checkpoint.newest(in: folder.path)) }
    }

    /// Throws unless `options.json` equals the options with which a checkpoint was written, or follows from them by amendments.
    func checkOptions(_ state: RunState) throws {
        guard let known = try knownOptions(state) else { return }
        let versions = options.versions
        guard !versions.contains(known) else { return }
        let last = versions.last { $0.former.count == known.former.count } ?? options
        throw RunError(
            "\(folder.options) was changed: \(last.differences(from: known).joined(separator: "; ")). Put that back, or begin a new run; a run that is gone on with takes other \(option: .epochs) and \(option: .data)"
        )
    }

    /// The options with which the run continues.
    private func amended(_ checkpoint: Checkpoint?) throws -> RunOptions {
        let state = try checkpoint.map { try TrainerState($0, file: Checkpoint.newest(in: folder.path)) }
        let (step, done, isUnderWay) = (state?.step ?? 0, state?.history.count ?? 0, state?.partial != nil)
        if let epochs = wanted.epochs, epochs != options.epochs, epochs < done + (isUnderWay ? 1 : 0) || epochs < 1 {
            throw RunError(
                "\(option: .epochs) \(epochs) is less than the run in \(folder.path) has done: \(done)\(isUnderWay ? ", and a part of the next" : "")"
            )
        }
        return options.amended(epochs: wanted.epochs, data: wanted.data, at: step)
    }

    /// Throws if the data differ from those of before, since the run would end with other weights than an uninterrupted one.
    private func checkData(_ before: JSON, _ data: RunData, _ name: String) throws {
        guard let difference = difference(of: data, from: before) else { return }
        throw RunError(
            "\(name) is not the data that the run in \(folder.path) began with: \(difference); put that back, or begin a new run")
    }

    /// The first difference of data from those of before, in words; nil if they are the same.
    func difference(of data: RunData, from before: JSON) -> String? {
        let found = data.fingerprint
        func differs(_ part: String, _ key: String) -> String? {
            // Checkpoints of earlier versions have fewer keys.
            guard let (old, new) = before[part]?[key].flatMap({ old in found[part]?[key].map { (old, $0) } }),
                !old.text.isSame(as: new.text)
            else { return nil }
            return key == "names" ? "as many \(part) images, but of other names" : "\(part) \(key) \(new.text), the run has \(old.text)"
        }
        return ["train", "test"].lazy.flatMap { part in
            ["count", "classes", "input", "counts", "names"].compactMap { differs(part, $0) }
        }.first
    }
}

extension ProcessGroup {
    /// What the first process makes, on all; see ``first(_:)``.
    func fromFirst(_ body: () throws -> JSON) throws -> JSON {
        if size == 1 { return try body() }
        return try JSON(parsing: String(decoding: first { Array(try body().text.utf8) }, as: UTF8.self))
    }

    /// Does what the first process alone has to do.
    func onFirst(_ body: () throws -> Void) throws {
        _ = try first {
            try body()
            return []
        }
    }
}
