/// The index space of a kernel over views that are not all contiguous: extents, and for each view its strides, with neighbouring dimensions
/// merged where all views allow it.
struct StridedSpace {
    private(set) var extents: [Int] = []
    /// For each view, its stride in each dimension.
    private(set) var strides: [[Int]]

    /// How many dimensions a kernel can walk, after merging.
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

    /// C that turns the row-major index `i` into offsets: the struct `name` of extents and strides, and the function `places_name`
    /// that adds each view's offset to `at`. The rank is a number that the kernel is given, so that one kernel serves all.
    static func source(_ name: String, views: Int) -> String {
        """
        typedef struct { i64 rank; i64 extents[\(maximumRank)]; i64 strides[\(views)][\(maximumRank)]; } \(name);
        FUNCTION void places_\(name)(i64 i, const \(name) *space, i64 *at) {
            for (int d = (int)space->rank - 1; d >= 0; d--) {
                i64 rest = d == 0 ? 0 : DIVIDE(i, space->extents[d]);
                i64 here = i - rest * space->extents[d];
                for (int v = 0; v < \(views); v++) at[v] += here * space->strides[v][d];
                i = rest;
            }
        }

        """
    }

    /// Integer division, by 32 bits where both fit: a device's 64-bit division is many instructions.
    static let division = "#define DIVIDE(a, b) (((u64)(a) | (u64)(b)) >> 31 ? (a) / (b) : (i64)((u32)(a) / (u32)(b)))\n"

    /// The struct's bytes.
    func append(to arguments: KernelArguments) {
        let filler = [Int64](repeating: 0, count: StridedSpace.maximumRank - rank)
        var numbers = [Int64(rank)] + extents.map(Int64.init) + filler
        for view in strides { numbers += view.map(Int64.init) + filler }
        numbers.withUnsafeBytes { arguments.append($0) }
    }
}
