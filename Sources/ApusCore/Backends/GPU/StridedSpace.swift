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

    /// C source that turns the row-major index `i` into offsets: the struct `name` with extents and strides, and the function
    /// `places_name`, which adds each view's offset to `at`. The rank is a kernel argument, so that one kernel serves all ranks.
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

    /// Integer division in 32 bits if both operands fit, since 64-bit division takes many instructions on a device.
    static let division = "#define DIVIDE(a, b) (((u64)(a) | (u64)(b)) >> 31 ? (a) / (b) : (i64)((u32)(a) / (u32)(b)))\n"

    /// Appends the struct's bytes.
    func append(to arguments: KernelArguments) {
        let filler = [Int64](repeating: 0, count: StridedSpace.maximumRank - rank)
        var numbers = [Int64(rank)] + extents.map(Int64.init) + filler
        for view in strides { numbers += view.map(Int64.init) + filler }
        numbers.withUnsafeBytes { arguments.append($0) }
    }
}
