import ApusSystem

/// What is wrong with a package that should be made: the name, the folder, the checkout.
public struct PackageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was found, what was wanted, and what to do.
    public let description: String
}

/// A Swift package with a network, data, a training loop and tests, which depends on Apus: what `apus new` makes.
public struct PackageTemplate: Sendable {
    /// Where the package finds Apus.
    public enum Source: Hashable, Sendable {
        /// A checkout on this machine.
        case path(String)
        /// A repository; its branch `main`, since SwiftPM takes the C kernels' flags from branches only, not from versions.
        case url(String)
    }

    /// The package's, the program's and the module's name.
    public let name: String
    /// Where it finds Apus.
    public let source: Source

    /// The checkout that this program was built from, if it is still there.
    public static var checkout: String? {
        var path = #filePath
        for _ in 0..<4 { path = AtomicFile.split(path).folder }
        return Folder.exists("\(path)/Package.swift") && Folder.exists("\(path)/Sources/Apus") ? path : nil
    }

    /// Throws `PackageError` where `name` is no name of a Swift module or is one of Apus's own, or where there is no checkout of Apus at a path.
    public init(name: String, source: Source) throws {
        let isName =
            name.utf8.first.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 } ?? false
            && name.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "_") || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
                    || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
            }
        guard isName else {
            throw PackageError(
                description: "'\(name)' is no name of a Swift module: a letter, then letters, digits and underscores, such as MyNetwork")
        }
        guard !name.hasPrefix("Apus"), !Self.taken.contains(name) else {
            throw PackageError(description: "there is a module '\(name)' already; take another name, such as My\(name)")
        }
        if case .path(let path) = source, !Folder.exists("\(path)/Sources/Apus") {
            throw PackageError(description: "there is no checkout of Apus at \(path): it has no Sources/Apus")
        }
        self.name = name
        if case .path(let path) = source { self.source = .path(DataSource.absolute(path)) } else { self.source = source }
    }

    /// Names that the files of the package use for something else.
    private static let taken: Set<String> = [
        "Swift", "Foundation", "Glibc", "Testing", "XCTest", "Dispatch", "Module", "Network", "Spirals", "Training", "Tensor", "main",
    ]

    /// Paths within the package, and contents.
    public var files: [(path: String, text: String)] {
        [
            ("Package.swift", manifest), (".gitignore", ".build/\n*.safetensors\n"), ("README.md", readme),
            ("Sources/\(name)/Network.swift", Self.network), ("Sources/\(name)/Spirals.swift", Self.data),
            ("Sources/\(name)/Training.swift", training), ("Tests/\(name)Tests/NetworkTests.swift", tests),
        ]
    }

    /// Writes the package into `folder`, which must not be there, or be empty. Throws `PackageError` and the system's errors; what is in
    /// another folder's way is left as it is.
    public func write(to folder: String) throws {
        if let names = try Folder.names(in: folder), !names.isEmpty {
            throw PackageError(description: "\(folder) is not empty: it has \(names.prefix(3).joined(separator: ", "))")
        }
        for (path, text) in files {
            try Folder.make(AtomicFile.split("\(folder)/\(path)").folder)
            try AtomicFile.write(text, to: "\(folder)/\(path)")
        }
    }

    private var dependency: String {
        switch source {
        case .path(let path): ".package(name: \"apus\", path: \(Self.literal(path)))"
        case .url(let url): ".package(url: \(Self.literal(url)), branch: \"main\")"
        }
    }

    /// As a string literal of Swift.
    private static func literal(_ text: String) -> String {
        "\"" + text.map { $0 == "\\" || $0 == "\"" ? "\\\($0)" : String($0) }.joined() + "\""
    }

    /// The name by which products of the dependency are asked for: the last component of the URL.
    private var identity: String {
        guard case .url(let url) = source else { return "apus" }
        let last = url.split(separator: "/").last.map(String.init) ?? url
        return last.hasSuffix(".git") ? String(last.dropLast(4)) : last
    }
}

extension PackageTemplate {
    private var manifest: String {
        """
        // swift-tools-version: 6.2
        import PackageDescription

        let package = Package(
            name: "\(name)",
            dependencies: [\(dependency)],
            targets: [
                .executableTarget(
                    name: "\(name)",
                    dependencies: [.product(name: "Apus", package: \(Self.literal(identity)))],
                    // A slip in a long expression ends in half a second instead of twenty.
                    swiftSettings: [.unsafeFlags(["-Xfrontend", "-solver-scope-threshold=20000"])]),
                .testTarget(name: "\(name)Tests", dependencies: ["\(name)"]),
            ],
            swiftLanguageModes: [.v6]
        )

        """
    }

    private var readme: String {
        """
        # \(name)

        ```sh
        swift run -c release    # trains, evaluates, saves the weights to \(name).safetensors
        swift test              # the tests of the network
        ```

        - `Sources/\(name)/Network.swift`: the network
        - `Sources/\(name)/Spirals.swift`: the data
        - `Sources/\(name)/Training.swift`: the training loop, where the program begins

        """
    }

    private static let network = """
        import Apus

        /// Two hidden layers for points in the plane. The names of the properties are the keys of its weights.
        final class Network: Module {
            let hidden1 = Linear(2, 64)
            let hidden2 = Linear(64, 64)
            let output = Linear(64, 3)

            override func forward(_ x: Tensor) -> Tensor {
                output(F.relu(hidden2(F.relu(hidden1(x)))))
            }
        }

        """

    private static let data = """
        import Apus

        /// Points on three spirals in the plane, with noise: [count, 2] and the number of the spiral, [count].
        func spirals(_ count: Int, seed: UInt64) -> TensorDataset<(Tensor, Tensor)> {
            withGenerator(Generator(seed: seed)) {
                let label = Tensor.randint(3, [count])
                let radius = Tensor.rand([count])
                let angle = radius * 4 + label * 2.1 + Tensor.randn([count]) * 0.15
                let points = Tensor.stack([radius * angle.cos(), radius * angle.sin()], dim: 1)
                return TensorDataset(points, label)
            }
        }

        """

    private var training: String { Self.training.replacing("NAME", with: name) }

    private static let training = """
        import Apus

        @main struct Training {
            static func main() throws {
                manualSeed(0)
                let device = Device.best
                let train = DataLoader(spirals(6000, seed: 1), batchSize: 64, shuffle: true)
                let test = DataLoader(spirals(1000, seed: 2), batchSize: 500)
                let model = Network().to(device)
                let optimizer = Adam(model.parameters(), lr: 3e-3)

                for epoch in 1...10 {
                    model.train()
                    for (points, labels) in train {
                        let loss = F.crossEntropy(model(points.to(device)), labels.to(device))
                        optimizer.zeroGrad()
                        loss.backward()
                        optimizer.step()
                    }
                    print("epoch \\(epoch): \\(accuracy(model, test, device))")
                }
                try model.stateDict().save(to: "NAME.safetensors")
            }
        }

        /// The share of samples whose highest score is that of their label.
        func accuracy(_ model: Network, _ data: DataLoader<(Tensor, Tensor)>, _ device: Device) -> Double {
            model.eval()
            var right = 0.0, count = 0
            noGrad {
                for (points, labels) in data {
                    right += (model(points.to(device)).argmax(dim: 1) == labels.to(device)).sum().item()
                    count += labels.numel
                }
            }
            return right / Double(count)
        }

        """

    private var tests: String {
        """
        import Apus
        import Testing

        @testable import \(name)

        @Suite struct NetworkTests {
            @Test func threeScoresForEachPoint() {
                #expect(Network()(Tensor.zeros([5, 2])).shape == [5, 3])
            }

            @Test func oneBatchIsLearntByHeart() {
                manualSeed(0)
                let model = Network()
                let optimizer = Adam(model.parameters(), lr: 1e-2)
                let data = spirals(30, seed: 3)
                let (points, labels) = (data.tensors[0], data.tensors[1])
                var loss = Tensor(0)
                for _ in 0..<300 {
                    loss = F.crossEntropy(model(points), labels)
                    optimizer.zeroGrad()
                    loss.backward()
                    optimizer.step()
                }
                #expect(loss.item() < 0.1)
            }
        }

        """
    }
}
