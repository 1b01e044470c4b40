/// The index space of a kernel over views that are not all contiguous: the extents, and the strides of each view. Adjacent dimensions are
/// merged if all views allow it.
struct StridedSpace {
    private(set) var extents: [Int] = []
    /// The strides of each view.
    private(set) var strides: [[Int]]

    /// The maximum number of dimensions of a kernel, after merging.
    static let maximumRank = 12

    init(_ shape: Shape, _ views: [Shape]) throws(OpError) {
        strides = views.map { _ in [] }
        for d in shape.indices where shape[d] != 1 {
            let extent = shape[d]
            let mergesBefore = !extents.isEmpty && views.indices.allSatisfy { strides[$0].last! == views[$0][d] * extent }
            if mergesBefore {
                extents[extents.count - 1] *= extent
                for v in views.indices { strides[v][strides[v].count - 1] = views[v][d] }
            } else {
                extents.append(extent)
                for v in views.indices { strides[v].append(views[v][d]) }
            }
        }
        if extents.isEmpty {
            extents = [1]
            for v in views.indices { strides[v] = [0] }
        }
        guard extents.count <= StridedSpace.maximumRank else {
            throw OpError(
                "a tensor of shape \(shape) with these strides has more than \(StridedSpace.maximumRank) dimensions that lie apart; call contiguous() first"
            )
        }
    }

    var rank: Int { extents.count }
    var count: Int { extents.reduce(1, *) }

    /// Appends the bytes of the struct that `space.cl` declares.
    func append(to arguments: KernelArguments) {
        let filler = [Int64](repeating: 0, count: StridedSpace.maximumRank - rank)
        var numbers = [Int64(rank)] + extents.map(Int64.init) + filler
        for view in strides { numbers += view.map(Int64.init) + filler }
        numbers.withUnsafeBytes { arguments.append($0) }
    }
}
