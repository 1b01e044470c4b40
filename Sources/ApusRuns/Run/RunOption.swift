import ApusFormats
import ApusTraining

extension RunOptions {
    /// The options of a run: properties of that name, which `options.json` and files of options name by the raw value.
    public enum Key: String, CaseIterable, Sendable {
        case model, data, epochs
        case batchSize = "batch_size"
        case optimizer, lr, schedule, seed, device
        case checkpointEvery = "checkpoint_every"
        case decoding = "fast_decode"
        case onBadImage = "on_bad_image"
        case workers
        case imageSize = "image_size"
        case valSplit = "val_split"
        case weights, freeze, augment, transform, mixup, cutmix, accumulate
        case lrFind = "lr_find"
        case weightDecay = "weight_decay"
        case momentum, betas
        case clipNorm = "clip_norm"
        case labelSmoothing = "label_smoothing"
        case classWeights = "class_weights"
        case ema, precision
        case earlyStop = "early_stop"
        case keep, shards

        /// How the option is read and written.
        var option: RunOption {
            switch self {
            case .model: .init(rawValue, \.model)
            case .data: .init(rawValue, \.data)
            case .epochs: .init(rawValue, \.epochs)
            case .batchSize: .init(rawValue, \.batchSize)
            case .optimizer: .init(rawValue, \.optimizer)
            case .lr: .init(rawValue, \.lr)
            case .schedule: .init(rawValue, \.schedule)
            case .seed: .init(rawValue, \.seed)
            case .device: .init(rawValue, \.device)
            case .checkpointEvery: .init(rawValue, \.checkpointEvery)
            case .decoding: .init(rawValue, \.fastDecode)
            case .onBadImage: .init(rawValue, \.onBadImage)
            case .workers: .init(rawValue, \.workers)
            case .imageSize: .init(rawValue, \.imageSize)
            case .valSplit: .init(rawValue, \.valSplit)
            case .weights: .init(rawValue, \.weights)
            case .freeze: .init(rawValue, \.freeze)
            case .augment: .init(rawValue, \.augment)
            case .transform: .init(rawValue, \.transform)
            case .mixup: .init(rawValue, \.mixup)
            case .cutmix: .init(rawValue, \.cutmix)
            case .accumulate: .init(rawValue, \.accumulate)
            case .lrFind: .init(rawValue, \.lrFind)
            case .weightDecay: .init(rawValue, \.weightDecay)
            case .momentum: .init(rawValue, \.momentum)
            case .betas: .init(rawValue, \.betas)
            case .clipNorm: .init(rawValue, \.clipNorm)
            case .labelSmoothing: .init(rawValue, \.labelSmoothing)
            case .classWeights: .init(rawValue, \.classWeights)
            case .ema: .init(rawValue, \.ema)
            case .precision: .init(rawValue, \.precision)
            case .earlyStop: .init(rawValue, \.earlyStop)
            case .keep: .init(rawValue, \.keep)
            case .shards: .init(rawValue, \.shards)
            }
        }
    }
}

/// One option of a run: its name in `options.json`, and its property.
struct RunOption: Sendable {
    /// The name.
    let key: String
    let read: @Sendable (inout RunOptions, JSON) throws -> Void
    let json: @Sendable (RunOptions) -> JSON?

    init<Value: RunValue>(_ key: String, _ property: WritableKeyPath<RunOptions, Value> & Sendable) {
        self.key = key
        read = { options, json in
            guard let value = try Value(option: json) else { throw RunError("\(json.kind), where \(Value.wanted) is wanted") }
            options[keyPath: property] = value
        }
        json = { $0[keyPath: property].option }
    }
}

/// What an option's value may be.
package protocol RunValue: SendableMetatype {
    /// `a whole number`
    static var wanted: String { get }
    /// nil for a value of another kind. Throws for a name that there is not.
    init?(option: JSON) throws
    /// nil where nothing is written.
    var option: JSON? { get }
}

extension String: RunValue {
    package static var wanted: String { "a name" }
    package init?(option: JSON) {
        guard let text = option.string else { return nil }
        self = text
    }
    package var option: JSON? { .string(self) }
}

extension Int: RunValue {
    package static var wanted: String { "a whole number" }
    package init?(option: JSON) {
        guard let number = option.int else { return nil }
        self = number
    }
    package var option: JSON? { .int(Int64(self)) }
}

extension UInt64: RunValue {
    package static var wanted: String { "a whole number in quotes" }
    /// 64 bits are text, since readers of JSON may round numbers.
    package init?(option: JSON) {
        guard let number = option.string.flatMap({ UInt64($0) }) ?? option.int.flatMap({ UInt64(exactly: $0) }) else { return nil }
        self = number
    }
    package var option: JSON? { .string("\(self)") }
}

extension Double: RunValue {
    package static var wanted: String { "a number" }
    package init?(option: JSON) {
        guard let number = option.double else { return nil }
        self = number
    }
    package var option: JSON? { .double(self) }
}

extension Bool: RunValue {
    package static var wanted: String { "true or false" }
    package init?(option: JSON) {
        guard let value = option.bool else { return nil }
        self = value
    }
    package var option: JSON? { .bool(self) }
}

extension Array: RunValue where Element: RunValue {
    package static var wanted: String { "a list" }
    package init?(option: JSON) throws {
        guard let items = option.array else { return nil }
        self = try items.map { item in
            guard let value = try Element(option: item) else { throw RunError("\(item.kind) in a list, where \(Element.wanted) is wanted") }
            return value
        }
    }
    package var option: JSON? { .array(compactMap(\.option)) }
}

extension Optional: RunValue where Wrapped: RunValue {
    package static var wanted: String { Wrapped.wanted }
    package init?(option: JSON) throws {
        if option == .null {
            self = .none
            return
        }
        guard let value = try Wrapped(option: option) else { return nil }
        self = .some(value)
    }
    package var option: JSON? { flatMap(\.option) }
}

extension RunValue where Self: NamedChoice {
    package static var wanted: String { "a name" }
    package init?(option: JSON) throws {
        guard let name = option.string else { return nil }
        self = try .named(name)
    }
    package var option: JSON? { .string(rawValue) }
}
