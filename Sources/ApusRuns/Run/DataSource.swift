import ApusCore
import ApusData
import ApusFormats
import ApusSystem
import ApusTraining
import ApusVision
import Glibc

/// The channels and the size that a run wants of its images; nil for those of the data.
struct InputRequest {
    var channels: Int?
    /// Height and width.
    var size: [Int]?
}

/// The data of a run.
public struct RunData {
    /// The images for training and for testing.
    public internal(set) var train, test: ImageData
    /// Those of the images to learn from that were set aside to evaluate on after each epoch; nil where those for testing are.
    public internal(set) var validation: ImageData?
    /// How a folder's images were split into both; nil where the data set itself has two parts.
    let deal: Deal?
    /// What a folder's pictures are; nil for a named data set.
    public let pictures: PictureFacts?
    /// The number of other files among the images, by kind.
    public let leftOut: [(kind: String, count: Int)]
    /// The bad pictures that were left out, and what is wrong with each.
    public let skipped: [(path: String, error: any Error)]

    init(
        train: ImageData, test: ImageData, deal: Deal?, pictures: PictureFacts?, leftOut: [(kind: String, count: Int)],
        skipped: [(path: String, error: any Error)]
    ) {
        (self.train, self.test, self.deal, self.pictures, self.leftOut, self.skipped) = (train, test, deal, pictures, leftOut, skipped)
    }

    package var fingerprint: JSON {
        guard let validation else { return ["train": train.fingerprint, "test": test.fingerprint] }
        return ["train": train.fingerprint, "test": test.fingerprint, "validation": validation.fingerprint]
    }
}

/// The source of a run's images: a named data set, or a folder.
public enum DataSource {
    private static let sets: [(name: String, load: @Sendable (Split) throws -> any LabelledImages)] = [
        ("fashion-mnist", { try FashionMNIST($0) }), ("mnist", { try MNIST($0) }), ("kmnist", { try KMNIST($0) }),
        ("cifar-10", { try CIFAR10($0) }),
    ]

    /// The names of the known data sets.
    public static let names = sets.map(\.name)

    /// Images of a folder are shrunk until the longer side has at most this many pixels.
    static let maximumSide = 224

    /// The images of `name` for training and testing.
    ///
    /// A folder has subfolders `train` and `test` (or `val`, `validation`, `valid`) with a folder of pictures for each class. Or it has
    /// only the folders of the classes; then about a tenth of the images, chosen by their names and the run's seed, are for testing (at
    /// least one of a class of ten or more). All images get the size of the first one, and are in colour if one of them is.
    static func load(
        _ name: String, _ deal: Deal, decoding: Picture.Decoding = .full, onBadImage: ImageFolder.OnBadImage = .stop,
        _ wanted: InputRequest = InputRequest()
    ) throws -> RunData {
        guard names.contains(name) else { return try ImageSource(name, decoding: decoding, onBadImage: onBadImage).load(deal, wanted) }
        return RunData(
            train: try named(name, .train, wanted), test: try named(name, .test, wanted), deal: nil, pictures: nil, leftOut: [], skipped: []
        )
    }

    static func named(_ name: String, _ split: Split, _ wanted: InputRequest = InputRequest()) throws -> ImageData {
        func erased(_ data: some LabelledImages) throws -> ImageData {
            var counts = [Int](repeating: 0, count: data.classes.count)
            for label in data.labels.array(Int.self) { counts[label] += 1 }
            let size = wanted.size ?? [data.images.size(2), data.images.size(3)]
            let data = ImageData(data, classes: data.classes, input: [wanted.channels ?? data.images.size(1)] + size, counts: counts)
            guard data.count > 0 else { throw RunError("\(name) has no images") }
            return data
        }
        guard let set = sets.first(where: { $0.name == name }) else { throw unknown("data set", name, names) }
        return try erased(set.load(split))
    }

    /// The name of a data set unchanged; for an existing folder its absolute path without links.
    static func absolute(_ name: String) -> String {
        guard !names.contains(name), let path = realpath(name, nil) else { return name }
        defer { free(path) }
        // A path that is not UTF-8 cannot be stored; use the given name.
        return String(validatingCString: path) ?? name
    }

    /// Throws if `name` is neither a data set nor a folder; called before a run's folder is created.
    public static func check(_ name: String) throws {
        guard !names.contains(name) else { return }
        var status = stat()
        guard stat(name, &status) == 0 else {
            let hint = nearest(to: name, in: names).map { "did you mean '\($0)'? " } ?? ""
            throw RunError(
                "there is neither a data set nor a folder '\(printable(name))'; \(hint)the data sets are \(names.joined(separator: ", "))")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw RunError("\(name) is a file; data is a folder of images or one of \(names.joined(separator: ", "))")
        }
    }

    /// Whether a data set's files exist where they are looked for and can be read.
    package static func isPresent(_ name: String) -> Bool { names.contains(name) && (try? named(name, .test)) != nil }
}

extension RunData {
    /// What was found, in lines: how many images of which classes, what was left out, what looks like a mistake. How many images each class has is
    /// said of folders only: a data set that has a name always has the same.
    package func notes(of name: String) -> [String] {
        let (channels, height, width) = (train.input[0], train.input[1], train.input[2])
        let aside = validation.map { "\(Text.grouped($0.count)) to evaluate on after each epoch, " } ?? ""
        var text =
            "\(Text.grouped(train.count)) images to learn from, \(aside)\(Text.grouped(test.count)) to test on, \(width) × \(height), \(channels == 1 ? "gray" : "in colour")"
        if DataSource.names.contains(name) {
            text += ", \(Text.grouped(train.classes.count)) classes"
        } else if train.classes.count <= 20 {
            text +=
                ": "
                + train.classes.indices.map { "\(printable(train.classes[$0])) \(train.counts[$0]) + \(test.counts[$0])" }.joined(
                    separator: ", ")
        } else {
            text += ", \(Text.grouped(train.classes.count)) classes of \(train.counts.min() ?? 0) to \(train.counts.max() ?? 0)"
        }
        var notes = [text]
        if let pictures { notes.append(pictures.text) }
        notes += skippedNotes(skipped)
        if !leftOut.isEmpty {
            notes.append(
                "left out of \(name): \(leftOut.map { "\(Text.grouped($0.count)) \(printable($0.kind))" }.joined(separator: ", ")); only \(PictureHeader.Format.names) pictures in the classes' folders are read"
            )
        }
        if train.classes.count == 1 {
            notes.append(
                "there is one class only, \(printable(train.classes[0])): nothing is to be told apart; each class needs a folder of its own in \(name)"
            )
        }
        for (part, purpose) in [(train, "to learn from"), (test, "to test on")] {
            let missing = part.classes.indices.filter { part.counts[$0] == 0 }
            if !missing.isEmpty {
                notes.append(
                    "no image \(purpose) is of \(missing.prefix(10).map { printable(part.classes[$0]) }.joined(separator: ", "))\(missing.count > 10 ? " and \(missing.count - 10) other classes" : "")"
                )
            }
        }
        return notes
    }

    /// The same as JSON.
    package var json: JSON {
        let members: JSON = [
            "event": "data", "train": .int(Int64(train.count)), "test": .int(Int64(test.count)),
            "input": .array(train.input.map { .int(Int64($0)) }),
            "classes": .array(
                train.classes.indices.map {
                    ["class": .string(train.classes[$0]), "train": .int(Int64(train.counts[$0])), "test": .int(Int64(test.counts[$0]))]
                }),
            "left_out": .array(leftOut.map { ["kind": .string($0.kind), "files": .int(Int64($0.count))] }),
            "validation": .int(Int64(validation?.count ?? 0)),
            "skipped": .array(skipped.map { ["file": .string($0.path), "reason": .string("\($0.error)")] }),
        ]
        guard let pictures, case .object(let found) = members else { return members }
        return .object(found + [.init("pictures", pictures.json)])
    }
}
