import ApusCore
import ApusData
import ApusFormats
import ApusSystem
import ApusVision

/// How a folder's images are split into training and testing where the folder has no parts.
enum Deal: Hashable {
    /// A tenth of a random order drawn from the seed, as in runs of format 1. One more image changes the whole split.
    case shuffled(seed: UInt64)
    /// Each image separately: it is for testing if its ``hash(_:_:)`` is within the lowest tenth of all hashes, or at most the limit of its
    /// class in `raised`. nil where the limits are still to be computed: a class of ten images or more without any for testing gets its
    /// lowest hash as limit.
    case byName(seed: UInt64, raised: [ByteKey: UInt64]?)

    private static let tenth = UInt64.max / 10

    /// A hash of the seed and the image's path in the folder, so that an image stays in its part when others are added or removed.
    static func hash(_ seed: UInt64, _ name: ArraySlice<UInt8>) -> UInt64 {
        var checksum = Checksum()
        withUnsafeBytes(of: seed.littleEndian) { checksum.update($0) }
        name.withUnsafeBytes { checksum.update($0) }
        return checksum.value
    }

    /// The indices of the images for training and for testing, and the rule with its limits.
    func out(_ folder: ImageFolder) -> (train: [Int], test: [Int], deal: Deal) {
        switch self {
        case .shuffled(let seed):
            let order = Tensor.randperm(folder.count, generator: Generator(seed: seed)).array(Int.self)
            let count = folder.count / 10
            return (order[count...].sorted(), order[..<count].sorted(), self)
        case .byName(let seed, let given):
            let hashes = (0..<folder.count).map { Deal.hash(seed, folder.name($0)) }
            let classes = folder.classes.map(ByteKey.init)
            let raised = given ?? Deal.raised(hashes, folder.files.map(\.label), classes)
            func isForTesting(_ i: Int) -> Bool { hashes[i] <= max(Deal.tenth, raised[classes[folder.files[i].label]] ?? 0) }
            return (hashes.indices.filter { !isForTesting($0) }, hashes.indices.filter(isForTesting), .byName(seed: seed, raised: raised))
        }
    }

    private static func raised(_ hashes: [UInt64], _ labels: [Int], _ classes: [ByteKey]) -> [ByteKey: UInt64] {
        var (counts, lowest) = ([Int](repeating: 0, count: classes.count), [UInt64](repeating: .max, count: classes.count))
        for (hash, label) in zip(hashes, labels) {
            counts[label] += 1
            lowest[label] = min(lowest[label], hash)
        }
        var raised: [ByteKey: UInt64] = [:]
        for i in classes.indices where counts[i] >= 10 && lowest[i] > tenth { raised[classes[i]] = lowest[i] }
        // With small classes only, at least one image must be for testing.
        if raised.isEmpty, let least = lowest.min(), least > tenth { raised[classes[lowest.firstIndex(of: least)!]] = least }
        return raised
    }

    /// The rule as the weights' metadata store it. 64-bit numbers are strings, since JSON readers may round them.
    var json: JSON {
        switch self {
        case .shuffled(let seed): ["rule": "shuffled", "seed": .string(String(seed))]
        case .byName(let seed, let raised):
            [
                "rule": "by name", "seed": .string(String(seed)),
                "raised": .object((raised ?? [:]).sorted { $0.key < $1.key }.map { .init($0.key.name, .string(String($0.value))) }),
            ]
        }
    }

    init?(json: JSON) {
        guard let seed = json["seed"]?.string.flatMap({ UInt64($0) }) else { return nil }
        switch json["rule"]?.string {
        case "shuffled": self = .shuffled(seed: seed)
        case "by name":
            var raised: [ByteKey: UInt64] = [:]
            for member in json["raised"]?.members ?? [] { raised[ByteKey(member.key)] = member.value.string.flatMap { UInt64($0) } }
            self = .byName(seed: seed, raised: raised)
        default: return nil
        }
    }
}

extension RunOptions {
    /// How the run splits a folder's images.
    var deal: Deal { format == 1 ? .shuffled(seed: seed) : .byName(seed: seed, raised: nil) }
}
