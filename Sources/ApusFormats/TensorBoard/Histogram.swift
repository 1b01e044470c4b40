/// A histogram: how many numbers fall into each bucket. Message `HistogramProto` of tensorflow/core/framework/summary.proto.
package struct Histogram: Equatable {
    package var minimum = 0.0
    package var maximum = 0.0
    package var count = 0.0
    package var sum = 0.0
    package var sumOfSquares = 0.0
    /// The upper limit of each bucket; its lower limit is the one before.
    package var limits: [Double] = []
    /// The number of values in each bucket.
    package var counts: [Double] = []

    init() {}

    /// The histogram of finite `numbers`, as computed by `numpy.histogram` and PyTorch's `make_histogram`: bucket `i` has the numbers from
    /// `edges[i]` up to but not including `edges[i + 1]`; the last one includes its upper edge. Empty buckets at both ends are left out,
    /// except for one before the first non-empty bucket, whose limit is that bucket's lower edge.
    ///
    /// Numbers outside the edges go into an additional bucket at that end (PyTorch leaves them out).
    init(_ numbers: [Double], edges given: [Double]) {
        guard let first = numbers.first else {
            (limits, counts) = ([0], [0])
            return
        }
        (minimum, maximum, count) = (first, first, Double(numbers.count))
        for number in numbers {
            minimum = min(minimum, number)
            maximum = max(maximum, number)
            sum += number
            sumOfSquares += number * number
        }
        var edges = given
        if minimum < edges[0] { edges.insert(minimum, at: 0) }
        if maximum > edges[edges.count - 1] { edges.append(maximum) }
        var all = [Double](repeating: 0, count: edges.count - 1)
        edges.withUnsafeBufferPointer { edges in
            for number in numbers { all[Histogram.bucket(of: number, edges)] += 1 }
        }
        let start = all.firstIndex { $0 > 0 }!, end = all.lastIndex { $0 > 0 }!
        counts = [0] + all[start...end]
        limits = Array(edges[start...(end + 1)])
    }

    /// The index of the bucket of `number`, which must lie within the edges.
    private static func bucket(of number: Double, _ edges: UnsafeBufferPointer<Double>) -> Int {
        // Binary search for the first edge above the number.
        var (low, high) = (0, edges.count)
        while low < high {
            let middle = (low + high) / 2
            if edges[middle] <= number { low = middle + 1 } else { high = middle }
        }
        return min(low, edges.count - 1) - 1
    }
}

/// The buckets of a histogram. PyTorch: the argument `bins` of `add_histogram`.
public enum HistogramBins: Hashable, Sendable {
    /// From −10²⁰ to 10²⁰, each bucket 1.1 times as wide as its neighbour towards zero; the smallest begin at 10⁻¹². The same for all steps
    /// of a tag.
    case tensorflow
    /// This many buckets of equal width, from the smallest number to the largest.
    case equal(Int)
    /// Buckets between these numbers, which must increase: [0, 1, 5] are two buckets.
    case edges([Double])

    /// 1 549 edges.
    private static let exponential: [Double] = {
        var (positive, edge) = ([Double](), 1e-12)
        while edge < 1e20 {
            positive.append(edge)
            edge *= 1.1
        }
        return positive.reversed().map { -$0 } + [0] + positive
    }()

    /// The edges for finite `numbers`; nil if there are no valid buckets.
    func edges(for numbers: [Double]) -> [Double]? {
        switch self {
        case .tensorflow: return HistogramBins.exponential
        case .edges(let edges):
            return edges.count >= 2 && edges.allSatisfy(\.isFinite) && zip(edges, edges.dropFirst()).allSatisfy { $0 < $1 } ? edges : nil
        case .equal(let count):
            guard (1...1 << 20).contains(count) else { return nil }
            var (low, high) = (numbers.min() ?? 0, numbers.max() ?? 0)
            if low == high { (low, high) = (low - 0.5, high + 0.5) }
            // Numbers may be too close to each other for this many distinct edges, or so far apart that their difference overflows.
            let width = high / Double(count) - low / Double(count)
            let edges = (0..<count).map { low + Double($0) * width } + [high]
            if zip(edges, edges.dropFirst()).allSatisfy({ $0 < $1 }) { return edges }
            return low < high ? [low, high] : low > 0 ? [low.nextDown, low] : [low, low.nextUp]
        }
    }
}
