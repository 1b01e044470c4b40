import ApusCore
import ApusData
import ApusFormats
import ApusVision

/// Labelled pictures from any source, in the size and colours of a run.
public struct ImageData: PictureDataset {
    /// The names of the classes, by class index.
    public let classes: [String]
    /// Channels, height and width of the images.
    public let input: [Int]
    /// The number of images of each class.
    public let counts: [Int]
    /// A hash of the names of all images that does not depend on their order; nil where they have no names.
    let digest: UInt64?
    public var transform: Compose<Picture, Tensor>? { didSet { base.setTransform(transform) } }
    private var base: any Source
    private let indices: [Int]?

    /// The pictures of `base`, or those at `indices`, with `input.first` channels (1 or 3).
    public init(
        _ base: some PictureDataset, indices: [Int]? = nil, classes: [String], input: [Int], counts: [Int] = []
    ) { self.init(base, indices, classes, input, counts, nil) }

    init(_ base: some PictureDataset, _ indices: [Int]?, _ classes: [String], _ input: [Int], _ counts: [Int], _ digest: UInt64?) {
        (self.base, self.indices, self.classes, self.input, self.counts) = (Erased(data: base), indices, classes, input, counts)
        self.digest = digest
        transform = base.transform
    }

    public var count: Int { indices?.count ?? base.count }

    private func place(_ index: Int) throws -> Int {
        guard index >= 0, index < count else { throw DataError(index: index, underlying: NoSuchSample(count: count)) }
        return indices?[index] ?? index
    }

    public func picture(at index: Int) throws -> Picture { try base.picture(at: place(index)).converted(toChannels: input[0]) }
    public func label(at index: Int) throws -> Int { try base.label(at: place(index)) }
    /// The path of an image's file; nil where the images have none.
    func file(at index: Int) throws -> String? { try base.file(at: place(index)) }

    public func batch(at indices: [Int]) throws -> (Tensor, Tensor) {
        guard transform == nil, isReady else { return try batchOneByOne(at: indices) }
        return try base.batch(at: indices.map(place))
    }

    /// Whether the images lie in memory in the size and colours of `input`.
    var isReady: Bool { base.shape == input }

    /// Those of these images at `chosen`, of which `counts` are of each class. The names are those of all.
    func chosen(_ chosen: [Int], _ counts: [Int]) throws -> ImageData {
        ImageData(erased: base, try chosen.map(place), classes, input, counts, digest, transform)
    }

    /// The same images with class indices for `classes`; `numbers` maps the old indices to the new.
    func numbered(_ numbers: [Int], _ classes: [String]) -> ImageData {
        var counts = [Int](repeating: 0, count: classes.count)
        for (old, new) in numbers.enumerated() where self.counts.indices.contains(old) { counts[new] += self.counts[old] }
        return ImageData(erased: Numbered(base: base, numbers: numbers), indices, classes, input, counts, digest, transform)
    }

    private init(
        erased base: any Source, _ indices: [Int]?, _ classes: [String], _ input: [Int], _ counts: [Int], _ digest: UInt64?,
        _ transform: Compose<Picture, Tensor>? = nil
    ) {
        (self.base, self.indices, self.classes, self.input, self.counts) = (base, indices, classes, input, counts)
        (self.digest, self.transform) = (digest, transform)
    }

    /// A description that a run stores, to notice when it is continued with other data.
    package var fingerprint: JSON {
        var members: [JSON.Member] = [
            .init("count", .int(Int64(count))), .init("classes", .array(classes.map { .string($0) })),
            .init("input", .array(input.map { .int(Int64($0)) })),
        ]
        if !counts.isEmpty { members.append(.init("counts", .array(counts.map { .int(Int64($0)) }))) }
        if let digest { members.append(.init("names", .string(String(digest, radix: 16)))) }
        return .object(members)
    }
}

/// A data set of pictures whose type is not known.
private protocol Source {
    var count: Int { get }
    /// Channels, height and width of all pictures; nil where they lie in files.
    var shape: [Int]? { get }
    mutating func setTransform(_ transform: Compose<Picture, Tensor>?)
    func picture(at index: Int) throws -> Picture
    func label(at index: Int) throws -> Int
    /// The path of a picture; nil where pictures lie in memory.
    func file(at index: Int) -> String?
    func batch(at indices: [Int]) throws -> (Tensor, Tensor)
}

private struct Erased<Data: PictureDataset>: Source {
    var data: Data
    var count: Int { data.count }
    var shape: [Int]? { (data as? any LabelledImages).map { [$0.images.size(1), $0.images.size(2), $0.images.size(3)] } }
    mutating func setTransform(_ transform: Compose<Picture, Tensor>?) { data.transform = transform }
    func picture(at index: Int) throws -> Picture { try data.picture(at: index) }
    func label(at index: Int) throws -> Int { try data.label(at: index) }
    func file(at index: Int) -> String? { (data as? ImageFolder)?.files[index].path }
    func batch(at indices: [Int]) throws -> (Tensor, Tensor) { try data.batch(at: indices) }
}

private struct Numbered: Source {
    var base: any Source
    let numbers: [Int]
    var count: Int { base.count }
    var shape: [Int]? { base.shape }
    mutating func setTransform(_ transform: Compose<Picture, Tensor>?) { base.setTransform(transform) }
    func picture(at index: Int) throws -> Picture { try base.picture(at: index) }
    func label(at index: Int) throws -> Int { numbers[try base.label(at: index)] }
    func file(at index: Int) -> String? { base.file(at: index) }
    func batch(at indices: [Int]) throws -> (Tensor, Tensor) {
        let (images, labels) = try base.batch(at: indices)
        return (images, Tensor(labels.array(Int.self).map { numbers[$0] }))
    }
}
