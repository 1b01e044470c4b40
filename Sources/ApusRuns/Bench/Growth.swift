import ApusCore
import ApusData
import ApusNN
import Glibc

/// How time and memory grow with the size of the work: `apus bench growth`, which `scripts/bench/plot_growth.py` plots.
package enum Growth {
    /// One kind of work at several sizes.
    package struct Series: Sendable {
        /// The name of the work, and what its size counts.
        package var name, axis: String
        package var sizes: [Int]
        var make: @Sendable (Int) -> () throws -> Void
    }

    package struct Point {
        package var size: Int
        package var seconds: Double
        /// The peak memory beyond what was in use before, in bytes.
        package var bytes: Int
    }

    package static let all: [Series] = [
        Series(name: "mlp-batch", axis: "batch", sizes: (0...13).map { 1 << $0 }) { batch in
            Workloads.step(Workloads.mlp(), .randn([batch, 784]), .randint(10, [batch]))
        },
        Series(name: "mlp-width", axis: "width", sizes: (6...12).map { 1 << $0 }) { width in
            Workloads.step(Sequential(Linear(784, width), ReLU(), Linear(width, 10)), .randn([64, 784]), .randint(10, [64]))
        },
        Series(name: "conv-image", axis: "image height and width", sizes: (2...9).map { 1 << $0 }) { size in convolution(channels: 16, size)
        },
        Series(name: "conv-channels", axis: "channels", sizes: (0...9).map { 1 << $0 }) { channels in convolution(channels: channels, 28) },
        Series(name: "chain", axis: "ops", sizes: (0...6).flatMap { e in e == 6 ? [1_000_000] : [1, 3].map { $0 * power(10, e) } }) {
            count in
            let (a, b) = (Tensor.randn([8], requiresGrad: true), Tensor.randn([8]))
            return {
                var x = a
                for _ in 0..<count { x = x + b }
                x.sum().backward()
            }
        },
        Series(name: "loader", axis: "rows", sizes: (3...7).flatMap { e in e == 7 ? [10_000_000] : [1, 3].map { $0 * power(10, e) } }) {
            rows in
            let loader = DataLoader(TensorDataset(.randn([rows, 16]), .randint(10, [rows])), batchSize: 64, shuffle: true)
            return { for _ in loader {} }
        },
    ]

    private static func power(_ base: Int, _ exponent: Int) -> Int { (0..<exponent).reduce(1) { value, _ in value * base } }

    /// A training step of two convolutions on 8 images.
    private static func convolution(channels: Int, _ size: Int) -> () -> Void {
        let model = Sequential(
            Conv2d(3, channels, kernelSize: 3, padding: 1), ReLU(), Conv2d(channels, channels, kernelSize: 3, padding: 1),
            AdaptiveAvgPool2d(1), Flatten(), Linear(channels, 10))
        return Workloads.step(model, .randn([8, 3, size, size]), .randint(10, [8]))
    }

    /// The series and size named `growth/NAME/SIZE`.
    package static func named(_ name: String) -> (series: Series, size: Int)? {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "growth", let size = Int(parts[2]), let series = all.first(where: { $0.name == parts[1] }),
            series.sizes.contains(size)
        else { return nil }
        return (series, size)
    }

    /// Measures one size. Run it in a separate process, since memory of earlier work would count.
    package static func measure(_ series: Series, _ size: Int, seconds: Double) throws -> Point {
        let before = status("VmRSS:")
        let run = series.make(size)
        let median = try Workloads.measure(run, seconds: seconds, warmUp: 1, least: 3).median
        return Point(size: size, seconds: median, bytes: max(0, status("VmHWM:") - before))
    }

    /// A field of /proc/self/status, in bytes.
    private static func status(_ field: String) -> Int {
        guard let file = fopen("/proc/self/status", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.hasPrefix(field) else { continue }
            return (text.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
        }
        return 0
    }
}
