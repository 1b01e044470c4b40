import ApusCore
import ApusData
import ApusFormats
import ApusOptim
import ApusSystem
import ApusTraining
import ApusVision

/// A request that cannot be met, such as an unknown name or a folder that holds another run.
public struct RunError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was found, what was expected, and what to do.
    public let description: String
    /// An error with that description.
    public init(_ description: String) { self.description = description }
}

/// A name out of a short list, for the command line. An unknown name throws an error that lists them all.
package protocol NamedChoice: RawRepresentable, CaseIterable, Sendable where RawValue == String {
    /// What messages call such a name: `optimizer`.
    static var kind: String { get }
}

extension NamedChoice {
    /// The choice with that name.
    package static func named(_ name: String) throws -> Self {
        if let choice = Self(rawValue: name) { return choice }
        throw unknown(kind, name, Self.allCases.map(\.rawValue))
    }
}

func unknown(_ kind: String, _ name: String, _ names: [String]) -> RunError {
    let hint = nearest(to: name, in: names).map { "did you mean '\($0)'? " } ?? ""
    return RunError("there is no \(kind) '\(printable(name))'; \(hint)there are \(names.joined(separator: ", "))")
}

/// The optimizers of the command line.
public enum OptimizerChoice: String, NamedChoice {
    /// `Adam`, `AdamW`, `SGD` with momentum 0.9, `RMSprop`; other settings are PyTorch's defaults.
    case adam, adamw, sgd, rmsprop
    package static let kind = "optimizer"

    /// The learning rate if none is given: higher for schedules that lower it toward the end.
    func defaultRate(_ schedule: ScheduleChoice) -> Double {
        let anneals = schedule == .onecycle || schedule == .cosine
        return switch self {
        case .adam, .adamw: anneals ? 3e-3 : 1e-3
        case .sgd: anneals ? 0.1 : 0.05
        case .rmsprop: anneals ? 1e-3 : 5e-4
        }
    }

    package func make(_ parameters: [Parameter], lr: Double) -> Optimizer {
        switch self {
        case .adam: Adam(parameters, lr: lr)
        case .adamw: AdamW(parameters, lr: lr)
        case .sgd: SGD(parameters, lr: lr, momentum: 0.9)
        case .rmsprop: RMSprop(parameters, lr: lr)
        }
    }
}

/// The schedules of the command line. All but `step` change the learning rate after every batch.
public enum ScheduleChoice: String, NamedChoice {
    /// Up to the learning rate in the first 30 % of the run, then down to nearly 0 at its end.
    case onecycle
    /// Half a cosine from the learning rate down to 0.
    case cosine
    /// A tenth of the rate after each third of the epochs.
    case step
    /// A constant rate.
    case constant
    package static let kind = "schedule"

    /// Whether the rate changes after every step instead of after every epoch.
    var isEveryStep: Bool { self != .step }

    func paced(_ scheduler: LRScheduler?) -> Schedule? { scheduler.map { isEveryStep ? .everyStep($0) : .everyEpoch($0) } }

    func make(_ optimizer: Optimizer, lr: Double, epochs: Int, batches: Int) -> LRScheduler? {
        let steps = max(1, epochs * batches)
        return switch self {
        case .onecycle: OneCycleLR(optimizer, maxLR: lr, totalSteps: steps, cycleMomentum: !(optimizer is RMSprop))
        case .cosine: CosineAnnealingLR(optimizer, tMax: steps)
        case .step: StepLR(optimizer, stepSize: max(1, (epochs + 2) / 3))
        case .constant: nil
        }
    }
}

extension ImageFolder.OnBadImage: NamedChoice {
    package static let kind = "way with bad images"
}

/// All options of a run of `apus train`, stored as `options.json` in its folder.
public struct RunOptions: Hashable, Sendable {
    /// The name of a model, or the path of a FILE.json.
    public var model: String
    /// The contents of FILE.json, so that a run can be resumed after the file has changed; nil for a named model.
    public var modelTable: String?
    /// The name of a data set, or the absolute path of a folder of images, so that a run can be resumed from any working directory.
    public var data: String
    /// The number of epochs.
    public var epochs: Int
    /// The number of images per step.
    public var batchSize: Int
    /// The optimizer.
    public var optimizer: OptimizerChoice
    /// The learning rate; the maximum where the schedule changes it.
    public var lr: Double
    /// The schedule of the learning rate.
    public var schedule: ScheduleChoice
    /// The seed of all random numbers.
    public var seed: UInt64
    /// The name of the device.
    public var device: String
    /// The number of batches between checkpoints within an epoch; nil means every 15 seconds.
    public var checkpointEvery: Int?
    /// How the pictures of a folder are decoded.
    public var decoding: Picture.Decoding
    /// What becomes of a folder's pictures that cannot be read.
    public var onBadImage: ImageFolder.OnBadImage
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

    /// Options with defaults: 5 epochs of batches of 64 with Adam and a one-cycle schedule.
    public init(
        model: String = "mlp", data: String = "fashion-mnist", epochs: Int = 5, batchSize: Int = 64, optimizer: OptimizerChoice = .adam,
        lr: Double? = nil,
        schedule: ScheduleChoice = .onecycle, seed: UInt64 = 0, device: String = "\(Device.best)", checkpointEvery: Int? = nil,
        decoding: Picture.Decoding = .full, onBadImage: ImageFolder.OnBadImage = .stop
    ) throws {
        self.model = model
        self.data = DataSource.absolute(data)
        self.epochs = epochs
        self.batchSize = batchSize
        self.optimizer = optimizer
        self.schedule = schedule
        self.lr = lr ?? optimizer.defaultRate(schedule)
        self.seed = seed
        self.device = device
        self.checkpointEvery = checkpointEvery
        self.decoding = decoding
        self.onBadImage = onBadImage
        modelTable = try ModelSource.table(model)
        try validate { RunError("\($0) \($1)") }
    }

    /// Checks everything that can be checked before data is read.
    private func validate(_ error: (_ option: String, _ problem: String) -> any Error) throws {
        guard (1...1_000_000).contains(epochs) else { throw error("epochs", "is \(epochs), it must be from 1 to 1000000") }
        guard (1...1_000_000).contains(batchSize) else { throw error("batch-size", "is \(batchSize), it must be from 1 to 1000000") }
        guard lr.isFinite, lr >= 0 else { throw error("lr", "is \(lr), it must be a number of at least 0") }
        if let checkpointEvery, checkpointEvery < 1 { throw error("checkpoint-every", "is \(checkpointEvery), it must be at least 1") }
        if DataSource.names.contains(data) {
            let reason = "is for folders of pictures, and \(data) is a data set"
            if decoding == .scaled { throw error("fast-decode", reason) }
            if onBadImage == .skip { throw error("on-bad-image", reason) }
        }
        _ = try RunOptions.device(device)
    }

    /// The device with that name; throws if it is not available.
    package static func device(_ name: String) throws -> Device {
        guard let device = Device(name) else { throw unknown("device", name, Device.all.map(\.description)) }
        if let reason = device.unavailableReason { throw RunError("--device \(device) is not available: \(reason)") }
        return device
    }

    /// The options as in `options.json`.
    package var json: JSON {
        var members: [JSON.Member] = [
            .init("format", .int(Int64(format))), .init("model", .string(model)), .init("data", .string(data)),
            .init("epochs", .int(Int64(epochs))), .init("batch_size", .int(Int64(batchSize))),
            .init("optimizer", .string(optimizer.rawValue)), .init("lr", .double(lr)), .init("schedule", .string(schedule.rawValue)),
            .init("seed", .string(String(seed))),
            .init("device", .string(device)),
        ]
        if let checkpointEvery { members.append(.init("checkpoint_every", .int(Int64(checkpointEvery)))) }
        if decoding == .scaled { members.append(.init("fast_decode", .bool(true))) }
        if onBadImage != .stop { members.append(.init("on_bad_image", .string(onBadImage.rawValue))) }
        if let modelTable { members.append(.init("model_table", .string(modelTable))) }
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

    /// The options in `json`; `path` names the file in messages.
    init(json: JSON, file path: String) throws {
        func wrong(_ key: String, _ reason: String) -> FormatError { FormatError(file: path, place: .key(key), reason: reason) }
        func required<Value>(_ key: String, _ what: String, _ read: (JSON) -> Value?) throws -> Value {
            guard let value = json[key] else { throw wrong(key, "missing: the file is not the options of a run") }
            guard let read = read(value) else { throw wrong(key, "\(value.kind), where \(what) is wanted") }
            return read
        }
        func choice<Choice: NamedChoice>(_ key: String, _ type: Choice.Type) throws -> Choice {
            let name = try required(key, "a name") { $0.string }
            do { return try Choice.named(name) } catch { throw wrong(key, "\(error)") }
        }
        format = try required("format", "1 or 2") { $0.int }
        guard format == 1 || format == 2 else { throw wrong("format", "written by a newer version") }
        model = try required("model", "a name") { $0.string }
        data = try required("data", "a name") { $0.string }
        epochs = try required("epochs", "a whole number") { $0.int }
        batchSize = try required("batch_size", "a whole number") { $0.int }
        optimizer = try choice("optimizer", OptimizerChoice.self)
        lr = try required("lr", "a number") { $0.double }
        schedule = try choice("schedule", ScheduleChoice.self)
        seed = try required("seed", "a whole number in quotes") { $0.string.flatMap { UInt64($0) } }
        device = try required("device", "a name") { $0.string }
        checkpointEvery = json["checkpoint_every"]?.int
        decoding = try json["fast_decode"] == nil || !required("fast_decode", "true or false") { $0.bool } ? .full : .scaled
        onBadImage = try json["on_bad_image"] == nil ? .stop : choice("on_bad_image", ImageFolder.OnBadImage.self)
        modelTable = json["model_table"]?.string
        former = try (json["former"]?.array ?? []).map { item in
            guard let step = item["until_step"]?.int, let epochs = item["epochs"]?.int, let data = item["data"]?.string else {
                throw wrong("former", "not a list of steps, epochs and data")
            }
            return Former(untilStep: step, epochs: epochs, data: data)
        }
        try validate { wrong($0.split(separator: "-").joined(separator: "_"), $1) }
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
