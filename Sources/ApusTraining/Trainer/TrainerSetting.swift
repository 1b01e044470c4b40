import ApusFormats

/// A setting that a run's numbers depend on. A checkpoint says how each was, and a trainer that is set otherwise does not go on from it unless
/// the change is named: `try trainer.resume(train: train, changing: [.clipping])`.
///
/// Settings of optimizers, schedules and a scaler are not among them: their states hold them, and a resume takes them over.
public enum TrainerSetting: String, CaseIterable, Sendable {
    /// ``Trainer/accumulate``.
    case accumulate
    /// Whether there is a ``Trainer/weight`` of batches.
    case weight
    /// ``Trainer/clipping``.
    case clipping
    /// ``Trainer/autocast``.
    case autocast
    /// How ``Trainer/average(_:into:)`` averages; of a function of one's own, that it is one.
    case average
    /// When each ``Schedule`` takes its step, and what a plateau watches.
    case schedules
    /// ``Trainer/earlyStopping``.
    case earlyStopping
    /// ``Trainer/keepBest``.
    case keepBest
}

extension Trainer {
    /// How a setting is, as text that is the same for the same numbers.
    func text(of setting: TrainerSetting) -> String {
        let text: String? =
            switch setting {
            case .accumulate: "\(accumulate)"
            case .weight: weight.map { _ in "of its own" }
            case .clipping: clipping?.text
            case .autocast: autocast.map { "\($0)" }
            case .average: average?.text
            case .schedules: schedules.isEmpty ? nil : schedules.map(\.text).joined(separator: ", ")
            case .earlyStopping: earlyStopping?.text
            case .keepBest: keepBest?.text
            }
        return text ?? "none"
    }

    /// All settings as a checkpoint has them.
    var settings: [String: String] {
        Dictionary(uniqueKeysWithValues: TrainerSetting.allCases.map { ($0.rawValue, text(of: $0)) })
    }

    /// Throws unless the trainer is set as it was when `state` was written, but for `changing`. Checkpoints of earlier versions do not say.
    func checkSettings(_ state: TrainerState, changing: Set<TrainerSetting>, file: String) throws(FormatError) {
        let found = state.settings ?? [:]
        if let strange = found.keys.filter({ TrainerSetting(rawValue: $0) == nil }).min() {
            throw FormatError(
                file: file, place: .key(TrainerState.key), reason: "there is no setting '\(printable(strange))': written by a newer version"
            )
        }
        let different = TrainerSetting.allCases.filter { setting in
            !changing.contains(setting) && found[setting.rawValue].map { $0 != text(of: setting) } ?? false
        }
        guard !different.isEmpty else { return }
        let list = different.map { "\($0) is \(text(of: $0)), the checkpoint's run has \(printable(found[$0.rawValue]!))" }
        throw FormatError(
            file: file, place: .key(TrainerState.key),
            reason:
                "\(list.joined(separator: "; ")); set the trainer as it was, or say what is to change by changing: [\(different.map { ".\($0)" }.joined(separator: ", "))]"
        )
    }
}

extension Clipping {
    fileprivate var text: String {
        switch self {
        case .norm(let norm): "norm \(norm)"
        case .value(let value): "value \(value)"
        }
    }
}

extension Watched {
    fileprivate var text: String { "\(isLower ? "lowest" : "highest") \(name)" }
}

extension EarlyStopping {
    fileprivate var text: String { "\(watched.text), patience \(patience), minDelta \(minDelta)" }
}

extension Schedule {
    fileprivate var text: String {
        switch self {
        case .everyStep: "every step"
        case .everyEpoch: "every epoch"
        case .plateau(_, let watched): "plateau of \(watched.text)"
        }
    }
}
