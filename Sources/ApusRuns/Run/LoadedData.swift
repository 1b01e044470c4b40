import ApusCore
import ApusData
import ApusFormats
import ApusVision
import Glibc

/// The images of a run with what is made of them.
struct LoadedData {
    var data: RunData
    let transforms: RunTransforms

    /// What the options name, in the size and colours that they and the weights to begin with ask for.
    init(_ options: RunOptions, _ pretrained: Pretrained?) throws {
        var wanted = pretrained?.request ?? InputRequest()
        if let size = options.imageSize { wanted.size = size }
        data = try DataSource.load(options.data, options.deal, decoding: options.decoding, onBadImage: options.onBadImage, wanted)
        if options.valSplit > 0 { try data.setAside(options.valSplit, seed: options.seed) }
        transforms = try RunTransforms(options, input: data.train.input, pretrained?.normalization)
        data.train = transforms.training(data.train)
        data.test = transforms.test.applied(to: data.test)
        data.validation = data.validation.map(transforms.test.applied)
        if let file = options.transform { try checkShape(file) }
    }

    /// Throws unless the transforms in `file` make images of the run's shape.
    private func checkShape(_ file: String) throws {
        let image: Tensor
        do { image = try withGenerator(Generator(seed: 0)) { try checked { try data.train[0].0 } } } catch {
            throw RunError("the transforms in \(file) do not take the run's first image: \(error)")
        }
        guard Array(image.shape) == data.train.input else {
            throw RunError(
                "the transforms in \(file) make images of shape \(image.shape), the run has \(Shape(data.train.input)); let them make that shape (Resize to both sides, Grayscale), or give \(option: .imageSize)"
            )
        }
    }
}

extension RunData {
    /// Sets aside that share of the images to learn from, of each class, to evaluate on after each epoch. Which ones, the seed says.
    fileprivate mutating func setAside(_ share: Double, seed: UInt64) throws {
        // Other random numbers than the run's.
        let order = Tensor.randperm(train.count, generator: Generator(seed: seed &+ 0x7661_6C)).array(Int.self)
        let labels = try order.map { try train.label(at: $0) }
        // One image of a class at least is for learning.
        var left = train.counts.map { min(Int((Double($0) * share).rounded()), max(0, $0 - 1)) }
        let asideCounts = left
        var (kept, aside): ([Int], [Int]) = ([], [])
        for (index, label) in zip(order, labels) {
            if left[label] > 0 {
                left[label] -= 1
                aside.append(index)
            } else {
                kept.append(index)
            }
        }
        guard !kept.isEmpty, !aside.isEmpty else {
            throw RunError(
                "\(option: .valSplit) \(share) leaves \(kept.count) images to learn from and sets \(aside.count) aside; both must be at least 1"
            )
        }
        validation = try train.chosen(aside.sorted(), asideCounts)
        train = try train.chosen(kept.sorted(), zip(train.counts, asideCounts).map { $0 - $1 })
    }
}

extension RunOptions {
    /// The number of threads that make batches: as many as there are cores where that takes time, for `processes` of this host together.
    func threads(sharing processes: Int) -> Int {
        workers
            ?? (DataSource.names.contains(data) && augment == .none && transform == nil && weights == nil
                ? 1 : max(1, min(16, sysconf(Int32(_SC_NPROCESSORS_ONLN)) / processes)))
    }
}
