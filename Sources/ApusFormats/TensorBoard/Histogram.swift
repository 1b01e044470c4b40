/// How numbers are spread: how many lie in each of a row of buckets. Message `HistogramProto` of tensorflow/core/framework/summary.proto.
package struct Histogram: Equatable {
    package var minimum = 0.0
    package var maximum = 0.0
    package var count = 0.0
    package var sum = 0.0
    package var sumOfSquares = 0.0
    /// The upper limit of each bucket, which begins at the limit before.
    package var limits: [Double] = []
    /// How many numbers are in each bucket.
    package var counts: [Double] = []

    init() {}

    /// The histogram of finite `numbers`, as `numpy.histogram` and PyTorch's `make_histogram` have it: bucket `i` has the numbers from
    /// `edges[i]` up to, but without, `edges[i + 1]`, the last one its upper edge too. Empty buckets at both ends are left out, but for one
    /// before the first bucket with numbers, whose limit says where that begins.
    ///
    /// Numbers beyond the edges have a bucket of their own at that end (PyTorch leaves them out of the buckets).
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

    /// The number of the bucket that `number` is in, which is none of those beyond the edges.
    private static func bucket(of number: Double, _ edges: UnsafeBufferPointer<Double>) -> Int {
        // The first edge above the number.
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
    /// From −10²⁰ to 10²⁰, each 1.1 times as wide as its neighbour towards zero, where the smallest begin at 10⁻¹². The same for all steps
    /// of a tag.
    case tensorflow
    /// That many of the same width, from the smallest number to the largest.
    case equal(Int)
    /// Between these numbers, which must grow: [0, 1, 5] are two buckets.
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

    /// The edges for finite `numbers`; nil where these are no buckets.
    func edges(for numbers: [Double]) -> [Double]? {
        switch self {
        case .tensorflow: return HistogramBins.exponential
        case .edges(let edges):
            return edges.count >= 2 && edges.allSatisfy(\.isFinite) && zip(edges, edges.dropFirst()).allSatisfy { $0 < $1 } ? edges : nil
        case .equal(let count):
            guard (1...1 << 20).contains(count) else { return nil }
            var (low, high) = (numbers.min() ?? 0, numbers.max() ?? 0)
            if low == high { (low, high) = (low - 0.5, high + 0.5) }
            // Numbers may be too near one another for so many edges, and too far from one another for their difference.
            let width = high / Double(count) - low / Double(count)
            let edges = (0..<count).map { low + Double($0) * width } + [high]
            if zip(edges, edges.dropFirst()).allSatisfy({ $0 < $1 }) { return edges }
            return low < high ? [low, high] : low > 0 ? [low.nextDown, low] : [low, low.nextUp]
        }
    }
}
