import Apus
import ApusFormats
import ApusRuns
import ApusTraining
import ArgumentParser

/// The options of a run on the command line, group by group. What one means and whether its value is right is for ``RunOptions`` to say.
protocol TrainOptionGroup {
    /// Those that are given, by their keys in `options.json`.
    var given: [(key: RunOptions.Key, value: JSON?)] { get throws }
}

private let defaults = RunOptions()

private func help(_ text: String, _ fallback: Any? = nil, _ value: String) -> ArgumentHelp {
    ArgumentHelp(fallback.map { "\(text) (default: \($0))" } ?? text, valueName: value)
}

extension JSON {
    fileprivate init?(_ value: Int?) {
        guard let value else { return nil }
        self = .int(Int64(value))
    }
    fileprivate init?(_ value: Double?) {
        guard let value else { return nil }
        self = .double(value)
    }
    fileprivate init?(_ value: String?) {
        guard let value else { return nil }
        self = .string(value)
    }
    fileprivate init?(flag: Bool) {
        guard flag else { return nil }
        self = .bool(true)
    }
}

struct DataOptions: ParsableArguments, TrainOptionGroup {
    @Option(
        help: help(
            "\(DataSource.names.joined(separator: ", ")) or a folder of \(PictureHeader.Format.names) pictures.", defaults.data, "data"),
        completion: .directory)
    var data: String?

    @Option(
        help: help(
            "Height and width of the images, 128 or 96x128. (default: those of the data, the longer side at most 224, or what the weights are for)",
            nil, "size"))
    var imageSize: String?

    @Option(
        help: help(
            "This share of the images to learn from is set aside and evaluated on after each epoch, in place of the images for testing.", 0,
            "share"))
    var valSplit: Double?

    @Option(help: help("Threads that read and change images. (default: one for each core where that takes time)", nil, "n"))
    var workers: Int?

    @Option(
        help: help(
            """
            What becomes of pictures that cannot be read: stop ends the run, before it begins where their headers are wrong, else when they are \
            reached; skip looks through all pictures first, names the bad ones and goes on without them.
            """, defaults.onBadImage.rawValue, "skip|stop"), completion: .list(["skip", "stop"]))
    var onBadImage: String?

    @Flag(
        help:
            "Decode only as many pixels of large JPEGs as are needed: faster, and slightly other pixels. Those that --augment takes parts of are decoded in full."
    )
    var fastDecode = false

    var given: [(key: RunOptions.Key, value: JSON?)] {
        get throws {
            let size = try imageSize.map { text -> JSON in
                let parts = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
                guard (1...2).contains(parts.count), let height = parts[0], let width = parts.last! else {
                    throw ValidationError("--image-size is '\(printable(text))', it must be one number, or height and width as 96x128")
                }
                return [.int(Int64(height)), .int(Int64(width))]
            }
            return [
                (.data, JSON(data)), (.imageSize, size), (.valSplit, JSON(valSplit)), (.workers, JSON(workers)),
                (.onBadImage, JSON(onBadImage)), (.decoding, JSON(flag: fastDecode)),
            ]
        }
    }
}

struct ModelOptions: ParsableArguments, TrainOptionGroup {
    @Option(
        help: help(
            "\(ModelSource.names.joined(separator: ", ")) or a FILE.json that lists a Sequential's layers.", defaults.model, "model"),
        completion: .list(ModelSource.names))
    var model: String?

    @Option(
        help: help(
            """
            Weights to begin with, of torchvision's network or of another run: .pth, .pt, .safetensors. The last layer begins anew where the classes \
            differ. Images are brought to the size, colours and normalisation that the weights were learned with.
            """, nil, "file"), completion: .file())
    var weights: String?

    @Option(help: help("Parts of the model that keep their weights, as conv1,bn1,layer1.", nil, "paths"))
    var freeze: String?

    var given: [(key: RunOptions.Key, value: JSON?)] {
        get throws {
            [(.model, JSON(model)), (.weights, JSON(weights)), (.freeze, try freeze.map { .array(try paths($0)) })]
        }
    }

    private func paths(_ text: String) throws -> [JSON] {
        let names = text.split(separator: ",").map { $0.split(separator: " ").joined() }
        guard !names.isEmpty, !names.contains("") else {
            throw ValidationError("--freeze is '\(printable(text))', it must be paths as conv1,layer1")
        }
        return names.map { .string($0) }
    }
}

struct AugmentationOptions: ParsableArguments, TrainOptionGroup {
    @Option(
        help: help(
            """
            How images to learn from are changed at random: flip mirrors them; crop takes a part, too; trivial, randaugment and autoaugment \
            change colours and shape on top.
            """, defaults.augment.rawValue, Augmentation.names.replacing(", ", with: "|").replacing(" or ", with: "|")),
        completion: .list(Augmentation.allCases.map(\.rawValue)))
    var augment: String?

    @Option(
        help: help("A list of transforms by torchvision's names, in place of --augment.", nil, "file.json"),
        completion: .file(extensions: ["json"]))
    var transform: String?

    @Option(help: help("Mix pairs of images and their classes, by shares from Beta(α, α); 0.2 is common.", nil, "α"))
    var mixup: Double?

    @Option(help: help("Put a part of one image into another; 1 is common. With --mixup each batch gets one of both.", nil, "α"))
    var cutmix: Double?

    @Option(help: help("This share of each target goes to all classes alike; 0.1 is common.", 0, "share"))
    var labelSmoothing: Double?

    @Option(
        help: help("balanced lets rare classes count as much as frequent ones.", defaults.classWeights.rawValue, "none|balanced"),
        completion: .list(ClassWeights.allCases.map(\.rawValue)))
    var classWeights: String?

    var given: [(key: RunOptions.Key, value: JSON?)] {
        [
            (.augment, JSON(augment)), (.transform, JSON(transform)), (.mixup, JSON(mixup)), (.cutmix, JSON(cutmix)),
            (.labelSmoothing, JSON(labelSmoothing)), (.classWeights, JSON(classWeights)),
        ]
    }
}

struct OptimizationOptions: ParsableArguments, TrainOptionGroup {
    @Option(help: help("How often each image is learned from.", defaults.epochs, "n"))
    var epochs: Int?

    @Option(help: help("Images of a batch.", defaults.batchSize, "n"))
    var batchSize: Int?

    @Option(help: help("Batches whose gradients are added up for a step.", defaults.accumulate, "n"))
    var accumulate: Int?

    @Option(
        help: help("\(OptimizerChoice.names); sgd with momentum 0.9.", defaults.optimizer.rawValue, "optimizer"),
        completion: .list(OptimizerChoice.allCases.map(\.rawValue)))
    var optimizer: String?

    @Option(
        help: help(
            "The learning rate; the highest one where the schedule changes it. (default: what suits optimizer and schedule)", nil, "rate"))
    var lr: Double?

    @Flag(help: "Try learning rates first; the report has the curve, and the run takes the suggested rate where --lr gives none.")
    var lrFind = false

    @Option(
        help: help("onecycle, cosine, step (a tenth after each third) or constant.", defaults.schedule.rawValue, "schedule"),
        completion: .list(ScheduleChoice.allCases.map(\.rawValue)))
    var schedule: String?

    @Option(help: help("How much weights decay. (default: the optimizer's own)", nil, "λ"))
    var weightDecay: Double?

    @Option(help: help("The optimizer's momentum.", nil, "μ"))
    var momentum: Double?

    @Option(help: help("The two decay rates of Adam and its kin, as 0.9,0.999.", nil, "β1,β2"))
    var betas: String?

    @Option(help: help("Gradients are scaled down to this norm where theirs is larger.", nil, "norm"))
    var clipNorm: Double?

    @Option(help: help("Evaluate and keep a running average of the weights; 0.999 is common.", nil, "decay"))
    var ema: Double?

    @Option(
        help: help("float32, bfloat16 or float16 (with a loss scaler).", defaults.precision.rawValue, "dtype"),
        completion: .list(Precision.allCases.map(\.rawValue)))
    var precision: String?

    @Option(help: help("End after this many epochs in a row without a better accuracy.", nil, "n"))
    var earlyStop: Int?

    var given: [(key: RunOptions.Key, value: JSON?)] {
        get throws {
            let pair = try betas.map { text -> JSON in
                let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
                guard numbers.count == 2, let first = numbers[0], let second = numbers[1] else {
                    throw ValidationError("--betas is '\(printable(text))', it must be two numbers as 0.9,0.999")
                }
                return [.double(first), .double(second)]
            }
            return [
                (.epochs, JSON(epochs)), (.batchSize, JSON(batchSize)), (.accumulate, JSON(accumulate)), (.optimizer, JSON(optimizer)),
                (.lr, JSON(lr)), (.lrFind, JSON(flag: lrFind)), (.schedule, JSON(schedule)), (.weightDecay, JSON(weightDecay)),
                (.momentum, JSON(momentum)), (.betas, pair), (.clipNorm, JSON(clipNorm)), (.ema, JSON(ema)),
                (.precision, JSON(precision)), (.earlyStop, JSON(earlyStop)),
            ]
        }
    }
}

struct RunningOptions: ParsableArguments, TrainOptionGroup {
    @Option(
        help: help(
            "The weights to keep: those of the epoch with the best accuracy, those at the end, or both in two files.",
            defaults.keep.rawValue, "best|last|both"), completion: .list(KeptWeights.allCases.map(\.rawValue)))
    var keep: String?

    @Option(help: help("Where all random numbers come from.", defaults.seed, "n"))
    var seed: UInt64?

    @Option(
        help: help("Where it is computed; `apus info` lists the devices.", Device.best, "device"),
        completion: .list(Device.all.map(\.description)))
    var device: String?

    @Option(help: help("Steps between two checkpoints within an epoch. (default: every 15 seconds)", nil, "n"))
    var checkpointEvery: Int?

    var given: [(key: RunOptions.Key, value: JSON?)] {
        [
            (.keep, JSON(keep)), (.seed, seed.map { .string("\($0)") }), (.device, JSON(device)),
            (.checkpointEvery, JSON(checkpointEvery)),
        ]
    }
}

struct SharingOptions: ParsableArguments, TrainOptionGroup {
    @Option(
        help: help(
            "Share the training among so many processes, which MPI's mpirun or mpiexec starts. A batch is that of all together.", nil, "n"))
    var processes: Int?

    @Option(
        help: help("A file that lists the hosts they run on, as mpirun reads it. (default: this one)", nil, "file"), completion: .file())
    var hosts: String?

    @Option(help: help("Start again from the last checkpoint where a process dies, so many times at most.", 0, "n"))
    var restarts: Int?

    @Option(
        help: help(
            """
            Parts of a batch, which the processes share: the weights depend on their number, and not on how many processes there are. (default: the \
            number of processes that the run begins with)
            """, nil, "k"))
    var shards: Int?

    var given: [(key: RunOptions.Key, value: JSON?)] { [(.shards, JSON(shards))] }
}
