import ApusCore
import ApusData
import ApusFormats
import ApusSystem

/// How the images of a folder without parts are dealt out among learning and testing.
enum Deal: Hashable {
    /// Every tenth of an order that is drawn from the seed: as runs of format 1 did. One more image deals all anew.
    case shuffled(seed: UInt64)
    /// Each image by itself: those are for testing whose ``hash(_:_:)`` is within the lowest tenth of all numbers, or not above what `raised` says of
    /// their class. Nil where that is to be found out: a class of ten images or more that would have none for testing has its lowest hash there.
    case byName(seed: UInt64, raised: [ByteKey: UInt64]?)

    private static let tenth = UInt64.max / 10

    /// Where an image belongs: made of the seed and the name of its file in the folder, so that it stays where it is when others come and go.
    static func hash(_ seed: UInt64, _ name: ArraySlice<UInt8>) -> UInt64 {
        var checksum = Checksum()
        withUnsafeBytes(of: seed.littleEndian) { checksum.update($0) }
        name.withUnsafeBytes { checksum.update($0) }
        return checksum.value
    }

    /// The numbers of the images to learn from and to test on, and the rule with its limit.
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
        // Many small classes: something is to be tested on.
        if raised.isEmpty, let least = lowest.min(), least > tenth { raised[classes[lowest.firstIndex(of: least)!]] = least }
        return raised
    }

    /// As the metadata of weights have it. Numbers of 64 bits are in quotes, since JSON's readers round them.
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
    /// How the run deals a folder's images out.
    var deal: Deal { format == 1 ? .shuffled(seed: seed) : .byName(seed: seed, raised: nil) }
}
