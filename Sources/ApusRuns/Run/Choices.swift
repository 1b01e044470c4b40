import ApusCore
import ApusFormats
import ApusOptim
import ApusSystem
import ApusTraining
import ApusVision

/// A name out of a short list, for the command line. An unknown name throws an error that lists them all.
package protocol NamedChoice: RunValue, RawRepresentable, CaseIterable, Sendable where RawValue == String {
    /// What messages call such a name: `optimizer`.
    static var kind: String { get }
}

extension NamedChoice {
    /// The choice with that name.
    package static func named(_ name: String) throws -> Self {
        if let choice = Self(rawValue: name) { return choice }
        throw unknown(kind, name, Self.allCases.map(\.rawValue))
    }

    /// Their names in a line of help: `adam, adamw or sgd`.
    package static var names: String {
        let names = allCases.map(\.rawValue)
        return names.count < 2 ? names.joined() : names.dropLast().joined(separator: ", ") + " or " + names.last!
    }
}

func unknown(_ kind: String, _ name: String, _ names: [String]) -> RunError {
    let hint = nearest(to: name, in: names).map { "did you mean '\($0)'? " } ?? ""
    return RunError("there is no \(kind) '\(printable(name))'; \(hint)there are \(names.joined(separator: ", "))")
}

/// The optimizers of the command line: those of `torch.optim` that take a step from gradients alone, and `Lion`. Settings that no option
/// names are PyTorch's defaults, but for the momentum of `sgd`.
public enum OptimizerChoice: String, NamedChoice {
    /// The class of that name.
    case adam, adamw, nadam, radam, adamax, sgd, rmsprop, adagrad, adadelta, adafactor, lion, rprop, asgd
    package static let kind = "optimizer"

    /// The learning rate if none is given: higher for schedules that lower it toward the end.
    func defaultRate(_ schedule: ScheduleChoice) -> Double {
        let anneals = schedule == .onecycle || schedule == .cosine
        return switch self {
        case .adam, .adamw, .nadam, .radam: anneals ? 3e-3 : 1e-3
        case .adamax: anneals ? 6e-3 : 2e-3
        case .sgd: anneals ? 0.1 : 0.05
        case .rmsprop: anneals ? 1e-3 : 5e-4
        case .lion: anneals ? 3e-4 : 1e-4
        case .adadelta: 1
        case .adagrad, .adafactor, .rprop, .asgd: 1e-2
        }
    }

    package func make(_ parameters: [Parameter], lr: Double) -> Optimizer {
        switch self {
        case .adam: Adam(parameters, lr: lr)
        case .adamw: AdamW(parameters, lr: lr)
        case .nadam: NAdam(parameters, lr: lr)
        case .radam: RAdam(parameters, lr: lr)
        case .adamax: Adamax(parameters, lr: lr)
        case .sgd: SGD(parameters, lr: lr, momentum: 0.9)
        case .rmsprop: RMSprop(parameters, lr: lr)
        case .adagrad: Adagrad(parameters, lr: lr)
        case .adadelta: Adadelta(parameters, lr: lr)
        case .adafactor: Adafactor(parameters, lr: lr)
        case .lion: Lion(parameters, lr: lr)
        case .rprop: Rprop(parameters, lr: lr)
        case .asgd: ASGD(parameters, lr: lr)
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

    /// `steps` is the number of steps of an epoch. `keepsMomentum` where momentum or betas were given: `onecycle` would change them.
    func make(_ optimizer: Optimizer, lr: Double, epochs: Int, steps: Int, keepsMomentum: Bool) -> LRScheduler? {
        let total = max(1, epochs * steps)
        // Of the optimizers that have neither momentum nor betas there is nothing to cycle.
        let group = optimizer.paramGroups[0]
        let hasMomentum = group[option: "betas"] != nil || (group[option: "momentum"]?.number ?? 0) > 0
        return switch self {
        case .onecycle: OneCycleLR(optimizer, maxLR: lr, totalSteps: total, cycleMomentum: hasMomentum && !keepsMomentum)
        case .cosine: CosineAnnealingLR(optimizer, tMax: total)
        case .step: StepLR(optimizer, stepSize: max(1, (epochs + 2) / 3))
        case .constant: nil
        }
    }
}

/// How pictures to learn from are changed at random.
public enum Augmentation: String, NamedChoice {
    /// Not at all.
    case none
    /// Mirrored left to right, half of them.
    case flip
    /// And cropped: a random part brought to size (`RandomResizedCrop`), or of images of at most 64 pixels, shifted by up to an eighth.
    case crop
    /// And changed by one of 14 kinds (`TrivialAugmentWide`).
    case trivial
    /// And changed by two of 14 kinds (`RandAugment`).
    case randaugment
    /// And changed by the policy that was found for ImageNet (`AutoAugment`).
    case autoaugment
    package static let kind = "augmentation"
}

/// What training computes with.
public enum Precision: String, NamedChoice {
    /// In float32, or where it is safe in a shorter type; float16 with a loss scaler.
    case float32, bfloat16, float16
    package static let kind = "precision"

    /// The dtype of `autocast`; nil for none.
    var dtype: DType? {
        switch self {
        case .float32: nil
        case .bfloat16: .bfloat16
        case .float16: .float16
        }
    }
}

/// Which weights a run leaves.
public enum KeptWeights: String, NamedChoice {
    /// Those of the epoch with the highest accuracy on the images that are evaluated after each, those at the end, or both in two files.
    case best, last, both
    package static let kind = "choice of weights"
}

/// How the classes weigh in the loss.
public enum ClassWeights: String, NamedChoice {
    /// All alike.
    case none
    /// By N / (classes · images of the class), so that rare classes count as much as frequent ones.
    case balanced
    package static let kind = "way to weigh classes"
}

extension ImageFolder.OnBadImage: NamedChoice {
    package static let kind = "way with bad images"
}
