import ArgumentParser

/// The shape of an image on the command line: channels, height and width, such as `3x32x32`.
struct ImageShape: ExpressibleByArgument, CustomStringConvertible {
    let sizes: [Int]

    init(sizes: [Int]) { self.sizes = sizes }

    init?(argument: String) {
        let sizes = argument.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard sizes.count == 3, sizes.allSatisfy((1...65_536).contains), sizes.reduce(1, *) <= 1 << 28 else { return nil }
        self.sizes = sizes
    }

    var description: String { sizes.map { "\($0)" }.joined(separator: "x") }
    var defaultValueDescription: String { description }
}
