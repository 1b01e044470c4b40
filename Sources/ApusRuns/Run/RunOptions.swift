import ApusCore
import ApusData
import ApusDistributed
import ApusFormats
import ApusOptim
import ApusSystem
import ApusTraining
import ApusVision

/// All options of a run of `apus train`, stored as `options.json` in its folder.
public struct RunOptions: Hashable, Sendable {
    // MARK: Data

    /// The name of a data set, or the absolute path of a folder of images, so that a run can be resumed from any working directory.
    public var data = "fashion-mnist"
    /// The share of the images to learn from that is set aside to evaluate on after each epoch; 0 for none, then the images for testing are.
    public var valSplit = 0.0
    /// Height and width of the images; nil for those of the data, or of the network that weights come from.
    public var imageSize: [Int]?
    /// How the pictures of a folder are decoded.
    public var decoding = Picture.Decoding.full
    /// What becomes of a folder's pictures that cannot be read.
    public var onBadImage = ImageFolder.OnBadImage.stop
    /// The number of threads that read and change images; nil for as many as the processor has cores where a folder is read or images are
    /// changed, else 1. The weights do not depend on it.
    public var workers: Int?

    // MARK: Model

    /// The name of a model, or the path of a FILE.json.
    public var model = "mlp"
    /// The contents of FILE.json, so that a run can be resumed after the file has changed; nil for a named model.
    public internal(set) var modelTable: String?
    /// A file of weights to begin with; nil to begin with random ones.
    public var weights: String?
    /// The parts of the model that do not learn, by their paths.
    public var freeze: [String] = []

    // MARK: Augmentation

    /// How images to learn from are changed.
    public var augment = Augmentation.none
    /// A FILE.json that lists transforms, in place of `augment`; nil for none.
    public var transform: String?
    /// The contents of that file.
    public internal(set) var transformTable: String?
    /// α of MixUp; nil for none.
    public var mixup: Double?
    /// α of CutMix; nil for none. With both, each batch gets one of them.
    public var cutmix: Double?

    // MARK: Optimization

    /// The number of epochs.
    public var epochs = 5
    /// The number of images of a batch.
    public var batchSize = 64
    /// How many shards a batch is cut into, which several processes share; nil for one. Random numbers of the network, batch statistics and
    /// gradients belong to shards, so that the weights depend on their number, and not on that of processes.
    public var shards: Int?
    /// The number of batches whose gradients are added up before a step.
    public var accumulate = 1
    /// The optimizer.
    public var optimizer = OptimizerChoice.adam
    /// The learning rate; the maximum where the schedule changes it. nil for what suits optimizer and schedule, or is found by `lrFind`.
    public var lr: Double?
    /// The schedule of the learning rate.
    public var schedule = ScheduleChoice.onecycle
    /// Whether learning rates are tried before the run begins, and the best one is taken where none is given.
    public var lrFind = false
    /// λ of the decay of weights; nil for the optimizer's own.
    public var weightDecay: Double?
    /// The momentum; nil for the optimizer's own (0.9 of `sgd`).
    public var momentum: Double?
    /// The two decay rates of Adam and its kin; nil for the optimizer's own.
    public var betas: [Double]?
    /// The largest norm that the gradients of a step may have; nil for any.
    public var clipNorm: Double?
    /// The share of each target that goes to all classes alike.
    public var labelSmoothing = 0.0
    /// How the classes weigh in the loss.
    public var classWeights = ClassWeights.none
    /// The decay of a running average of the weights, which is evaluated and kept; nil for none.
    public var ema: Double?
    /// What training computes with.
    public var precision = Precision.float32
    /// The run ends after this many epochs in a row without a better accuracy; nil for never.
    public var earlyStop: Int?

    // MARK: The run

    /// Which weights are kept.
    public var keep = KeptWeights.last
    /// The seed of all random numbers.
    public var seed: UInt64 = 0
    /// The name of the device.
    public var device = "\(Device.best)"
    /// The number of batches between checkpoints within an epoch; nil means every 15 seconds.
    public var checkpointEvery: Int?

    /// The format of `options.json`. In format 1 a folder's images were split by a random order drawn from the seed, and all got the
    /// channels of the first one; in format 2 they are split by their names, and all are in colour if one of them is.
    package private(set) var format = 2
    /// The options that were replaced when the run was resumed, in order.
    package private(set) var former: [Former] = []

    /// Options that were valid until a step.
    package struct Former: Hashable, Sendable {
        package var untilStep: Int
        package var epochs: Int
        package var data: String
    }

    /// The defaults: an MLP on Fashion-MNIST, 5 epochs of batches of 64 with Adam and a one-cycle schedule.
    public init() {}

    /// Options with defaults. Throws where one is wrong.
    public init(
        model: String = "mlp", data: String = "fashion-mnist", epochs: Int = 5, batchSize: Int = 64, optimizer: OptimizerChoice = .adam,
        lr: Double? = nil, schedule: ScheduleChoice = .onecycle, seed: UInt64 = 0, device: String = "\(Device.best)",
        checkpointEvery: Int? = nil, decoding: Picture.Decoding = .full, onBadImage: ImageFolder.OnBadImage = .stop
    ) throws {
        (self.model, self.data, self.epochs, self.batchSize, self.optimizer) = (model, data, epochs, batchSize, optimizer)
        (self.lr, self.schedule, self.seed, self.device) = (lr, schedule, seed, device)
        (self.checkpointEvery, self.decoding, self.onBadImage) = (checkpointEvery, decoding, onBadImage)
        try resolve()
    }

    /// Every option, in the order in which they are written.
    static let table = Key.allCases.map(\.option)

    /// What is written beside the options: the contents of files that they name.
    private static let contents: [RunOption] = [.init("model_table", \.modelTable), .init("transform_table", \.transformTable)]

    /// ``decoding`` as `options.json` has it.
    var fastDecode: Bool {
        get { decoding == .scaled }
        set { decoding = newValue ? .scaled : .full }
    }

    /// The learning rate, whether given or not. A rate that is found takes its place.
    package var rate: Double { lr ?? optimizer.defaultRate(schedule) }

    /// What the images are called that are evaluated on after each epoch: `test`, or `val`.
    package var evaluated: String { valSplit > 0 ? "val" : "test" }

    /// Makes all that the options leave open certain for a run that so many processes begin, reads the files they name and checks all that
    /// can be checked before data is read.
    package mutating func resolve(processes: Int = 1) throws {
        data = DataSource.absolute(data)
        if let weights { self.weights = DataSource.absolute(weights) }
        if modelTable == nil { modelTable = try ModelSource.table(model) }
        if let transform, transformTable == nil { transformTable = try LayerFile.contents(transform, "transforms") }
        if lr == nil, !lrFind { lr = rate }
        if shards == nil, processes > 1 { shards = processes }
        try validate { RunError("\(option: $0) \($1)") }
        if let problem = Sharding.problem(dealing: shards ?? 1, to: processes) { throw RunError("\(option: .shards): \(problem)") }
        // Batches that are whole.
        if shards == 1 { shards = nil }
    }

    /// Throws unless the run in `folder` has the number of shards that is asked for, and so many processes can share them.
    package func checkShards(of folder: RunFolder, asked: Int?, processes: Int) throws {
        let run = "the run in \(folder.path)"
        if let asked, asked != shards ?? 1 {
            throw RunError(
                "\(run) has \(shards.map { "batches of \($0) shards" } ?? "whole batches"), and \(option: .shards) \(asked) would make other weights of it; leave \(option: .shards) out"
            )
        }
        guard let problem = Sharding.problem(dealing: shards ?? 1, to: processes) else { return }
        throw RunError(
            shards == nil
                ? "\(run) has whole batches, which one process computes; a new run with \(option: .shards) \(processes) takes up to \(processes) processes"
                : "\(run): \(problem)")
    }
}

// MARK: Checks

extension RunOptions {
    /// Throws what `error` makes of an option and of what is wrong with it.
    private func validate(_ error: (_ option: Key, _ problem: RunMessage) -> any Error) throws {
        func check<Value>(_ option: Key, _ value: Value?, _ wanted: String, _ isRight: (Value) -> Bool) throws {
            if let value, !isRight(value) { throw error(option, "is \(value), it must be \(wanted)") }
        }
        let counts = 1...1_000_000
        try check(.epochs, epochs, "from 1 to 1000000", counts.contains)
        try check(.batchSize, batchSize, "from 1 to 1000000", counts.contains)
        try check(.shards, shards, "from 1 to 65536") { (1...65536).contains($0) }
        try check(.accumulate, accumulate, "from 1 to 1000000", counts.contains)
        try check(.lr, lr, "a number of at least 0") { $0.isFinite && $0 >= 0 }
        try check(.checkpointEvery, checkpointEvery, "at least 1") { $0 >= 1 }
        try check(.workers, workers, "from 1 to 256") { (1...256).contains($0) }
        try check(.earlyStop, earlyStop, "at least 1") { $0 >= 1 }
        try check(.valSplit, valSplit, "at least 0 and less than 1") { $0 >= 0 && $0 < 1 }
        try check(.labelSmoothing, labelSmoothing, "at least 0 and less than 1") { $0 >= 0 && $0 < 1 }
        try check(.ema, ema, "more than 0 and less than 1") { $0 > 0 && $0 < 1 }
        try check(.clipNorm, clipNorm, "a number above 0") { $0.isFinite && $0 > 0 }
        try check(.mixup, mixup, "a number above 0") { $0.isFinite && $0 > 0 }
        try check(.cutmix, cutmix, "a number above 0") { $0.isFinite && $0 > 0 }
        try check(.weightDecay, weightDecay, "a number of at least 0") { $0.isFinite && $0 >= 0 }
        try check(.momentum, momentum, "at least 0 and less than 1") { $0 >= 0 && $0 < 1 }
        try check(.betas, betas, "two numbers, each at least 0 and less than 1") { $0.count == 2 && $0.allSatisfy { $0 >= 0 && $0 < 1 } }
        try check(.imageSize, imageSize, "height and width, from 1 to 8192") {
            $0.count == 2 && $0.allSatisfy { (1...8192).contains($0) }
        }
        if DataSource.names.contains(data) {
            let reason: RunMessage = "is for folders of pictures, and \(data) is a data set"
            if decoding == .scaled { throw error(.decoding, reason) }
            if onBadImage == .skip { throw error(.onBadImage, reason) }
        }
        if transform != nil, augment != .none {
            throw error(.augment, "is \(augment.rawValue), and \(option: .transform) names a file; give one of both")
        }
        do { try Recipe.checkSettings(of: self) } catch let problem { throw error(problem.option, problem.text) }
        _ = try RunOptions.device(device)
    }

    /// The device with that name, of NVIDIA devices this process's (``ProcessGroup/device(from:)``); throws if it is not available.
    package static func device(_ name: String, in group: ProcessGroup? = nil) throws -> Device {
        guard let first = Device(name) else { throw unknown("device", name, Device.all.map(\.description)) }
        let device = group?.device(from: first) ?? first
        if let reason = device.unavailableReason {
            let own =
                device == first ? "" : "each of the \(group!.localSize) processes on \(group!.host) takes its own, this one \(device): "
            throw RunError("\(option: .device) \(first) is not available: \(own)\(reason)")
        }
        return device
    }
}

// MARK: As JSON

extension RunOptions {
    /// The options as in `options.json`.
    package var json: JSON {
        var members: [JSON.Member] = [.init("format", .int(Int64(format)))]
        for option in RunOptions.table + RunOptions.contents {
            if let value = option.json(self) { members.append(.init(option.key, value)) }
        }
        if !former.isEmpty {
            members.append(
                .init(
                    "former",
                    .array(
                        former.map {
                            ["until_step": .int(Int64($0.untilStep)), "epochs": .int(Int64($0.epochs)), "data": .string($0.data)]
                        })))
        }
        return .object(members)
    }

    /// The options in the file at `path`. Throws a `FormatError` that names a missing or invalid key.
    package init(contentsOf path: String) throws { try self.init(json: JSON(contentsOf: path), file: path) }

    /// The options of a run; `path` names the file in messages.
    init(json: JSON, file path: String) throws {
        for key in ["format", "model", "data", "epochs", "batch_size", "optimizer", "lr", "schedule", "seed", "device"]
        where json[key] == nil && !(key == "lr" && json["lr_find"] == true) {
            throw FormatError(file: path, place: .key(key), reason: "missing: the file is not the options of a run")
        }
        try self.init(json: json, path)
        former = try (json["former"]?.array ?? []).map { item in
            guard let step = item["until_step"]?.int, let epochs = item["epochs"]?.int, let data = item["data"]?.string else {
                throw FormatError(file: path, place: .key("former"), reason: "not a list of steps, epochs and data")
            }
            return Former(untilStep: step, epochs: epochs, data: data)
        }
        try validate { FormatError(file: path, place: .key($0.rawValue), reason: "\($1)") }
    }

    /// Options of which some are given, in `json`.
    package init(given json: JSON, file path: String) throws {
        guard json.members != nil else { throw FormatError(file: path, reason: "\(json.kind), where an object of options is wanted") }
        try self.init(json: json, path)
    }

    private init(json: JSON, _ path: String) throws {
        self.init()
        for member in json.members ?? [] {
            func wrong(_ reason: String) -> FormatError { FormatError(file: path, place: .key(member.key), reason: reason) }
            switch member.key {
            case "format":
                guard let number = member.value.int, number == 1 || number == 2 else { throw wrong("written by a newer version") }
                format = number
            case "former": break
            case let key:
                let options = RunOptions.table + RunOptions.contents
                guard let option = options.first(where: { $0.key == key }) else {
                    throw wrong("\(unknown("option", key, RunOptions.table.map(\.key)))")
                }
                do { try option.read(&self, member.value) } catch { throw wrong("\(error)") }
            }
        }
    }

    /// These options with those that are given one by one, by their keys.
    package mutating func take(_ given: [(key: Key, value: JSON)]) throws {
        let keys = given.map(\.key)
        // A rate that suited other settings was not chosen.
        if !keys.contains(.lr), lr == optimizer.defaultRate(schedule), !Set(keys).isDisjoint(with: [.optimizer, .schedule, .lrFind]) {
            lr = nil
        }
        // One of both says how images are changed.
        if keys.contains(.augment) { (transform, transformTable) = (nil, nil) }
        if keys.contains(.transform), !keys.contains(.augment) { augment = .none }
        for (key, value) in given {
            // Another file takes the place of what the first one held.
            if key == .model { modelTable = nil }
            if key == .transform { transformTable = nil }
            do { try key.option.read(&self, value) } catch let error as RunError {
                throw error.description.hasPrefix("there is no") ? error : RunError("\(option: key): \(error)")
            }
        }
    }
}

// MARK: Changed options

extension RunOptions {
    /// The same options with other epochs or data from step `step` on.
    func amended(epochs: Int?, data: String?, at step: Int) -> RunOptions {
        var new = self
        if let epochs { new.epochs = epochs }
        if let data { new.data = DataSource.absolute(data) }
        guard new != self else { return self }
        new.former.append(Former(untilStep: step, epochs: self.epochs, data: self.data))
        return new
    }

    /// All versions of the options, from the first to the current one.
    var versions: [RunOptions] {
        var versions = [self]
        for i in former.indices.reversed() {
            var earlier = versions[0]
            (earlier.epochs, earlier.data) = (former[i].epochs, former[i].data)
            earlier.former.removeLast()
            versions.insert(earlier, at: 0)
        }
        return versions
    }

    /// Where these options differ from `other`, in words.
    func differences(from other: RunOptions) -> [String] {
        func members(_ options: RunOptions) -> [JSON.Member] { options.json.members ?? [] }
        let names = members(self).map(\.key) + members(other).map(\.key).filter { json[$0] == nil }
        return names.compactMap { name in
            let (now, before) = (json[name], other.json[name])
            if now?.text.isSame(as: before?.text ?? "") == true { return nil }
            return "\(name) is \(now?.text ?? "not there"), the run began with \(before?.text ?? "none")"
        }
    }
}
