// swift-tools-version: 6.2
import PackageDescription

/// The floors of the house: every target names the targets it stands on, so a dependency that points up does not compile.
/// `docs/architecture.md` says what belongs where, and why each outside dependency is there.
let package = Package(
    name: "apus",
    products: [
        .library(name: "Apus", targets: ["Apus"]),
        .library(name: "ApusRuns", targets: ["ApusRuns"]),
        // The parts of `Apus`, for who wants less of it.
        .library(name: "ApusSystem", targets: ["ApusSystem"]),
        .library(name: "ApusCore", targets: ["ApusCore"]),
        .library(name: "ApusNN", targets: ["ApusNN"]),
        .library(name: "ApusOptim", targets: ["ApusOptim"]),
        .library(name: "ApusDistributions", targets: ["ApusDistributions"]),
        .library(name: "ApusFormats", targets: ["ApusFormats"]),
        .library(name: "ApusData", targets: ["ApusData"]),
        .library(name: "ApusCheckpoints", targets: ["ApusCheckpoints"]),
        .library(name: "ApusDistributed", targets: ["ApusDistributed"]),
        .library(name: "ApusTraining", targets: ["ApusTraining"]),
        .library(name: "ApusVision", targets: ["ApusVision"]),
        .executable(name: "apus", targets: ["ApusCommand"]),
        .executable(name: "apus-conformance", targets: ["ApusConformance"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        // A plugin of the package manager, for scripts/docs; no target stands on it.
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
    ],
    targets: [
        // Floor 0: C. System libraries are linked by name in the module maps; Debian ships no pkg-config file for oneDNN.
        .target(
            name: "COneDNN", dependencies: ["CKernels"], cSettings: [.unsafeFlags(["-O3"])],
            linkerSettings: [.linkedLibrary("dnnl"), .linkedLibrary("gomp")]),
        .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])], linkerSettings: [.linkedLibrary("m")]),
        .target(name: "CContext"),
        .target(name: "CDrivers"),
        .target(name: "CDeviceKernels", exclude: ["kernels"]),
        .systemLibrary(name: "CZlib"),
        .target(name: "CSystem"),
        .target(name: "CFormats", linkerSettings: [.linkedLibrary("png16"), .linkedLibrary("jpeg"), .linkedLibrary("webp")]),

        // Floor 1: files, folders and names as the operating system has them.
        .target(name: "ApusSystem", dependencies: ["CSystem"]),

        // Floor 2: tensors, automatic differentiation, backends.
        .target(name: "ApusCore", dependencies: ["ApusSystem", "COneDNN", "CKernels", "CContext", "CDrivers", "CDeviceKernels"]),

        // Floor 3: what is built from tensors.
        .target(
            name: "ApusNN",
            dependencies: ["ApusSystem", "ApusCore", "CContext", .product(name: "OrderedCollections", package: "swift-collections")]),
        .target(name: "ApusOptim", dependencies: ["ApusSystem", "ApusCore"]),
        .target(name: "ApusDistributions", dependencies: ["ApusCore"]),
        .target(name: "ApusFormats", dependencies: ["ApusSystem", "ApusCore", "CKernels", "CZlib", "CFormats"]),
        .target(name: "ApusData", dependencies: ["ApusSystem", "ApusCore", "ApusFormats", "CKernels"]),

        // Floor 4: several processes that train together.
        .target(
            name: "ApusDistributed",
            dependencies: ["ApusSystem", "ApusCore", "ApusNN", "ApusOptim", "ApusData", "CDrivers", "CKernels"]),

        // Floor 4: whole runs in files.
        .target(name: "ApusCheckpoints", dependencies: ["ApusSystem", "ApusCore", "ApusNN", "ApusOptim", "ApusFormats"]),

        // Floor 5: the training loop for those who want one; pictures, and networks for them.
        .target(
            name: "ApusTraining",
            dependencies: ["ApusSystem", "ApusCore", "ApusNN", "ApusOptim", "ApusData", "ApusDistributed", "ApusFormats"]),
        .target(
            name: "ApusVision",
            dependencies: ["ApusSystem", "ApusCore", "ApusNN", "ApusOptim", "ApusData", "ApusFormats", "ApusCheckpoints", "CKernels"]),

        // Floor 6: `import Apus`.
        .target(
            name: "Apus",
            dependencies: [
                "ApusSystem", "ApusCore", "ApusNN", "ApusOptim", "ApusDistributions", "ApusData", "ApusFormats", "ApusCheckpoints",
                "ApusDistributed", "ApusTraining", "ApusVision",
            ]),

        // Floors 6 and 7: what the command line's runs are made of, for programs too; the command line.
        .target(
            name: "ApusRuns",
            dependencies: [
                "ApusSystem", "ApusCore", "ApusNN", "ApusOptim", "ApusData", "ApusDistributed", "ApusFormats", "ApusCheckpoints",
                "ApusTraining", "ApusVision",
            ]),
        .executableTarget(
            name: "ApusCommand",
            dependencies: [
                "ApusSystem", "ApusCore", "ApusFormats", "ApusDistributed", "ApusTraining", "Apus", "ApusRuns",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .target(name: "ConformanceRunner", dependencies: ["Apus"]),
        .executableTarget(
            name: "ApusConformance",
            dependencies: ["Apus", "ConformanceRunner", .product(name: "ArgumentParser", package: "swift-argument-parser")]),

        // Tests: one target per library target, which names what its files import; what holds for `import Apus` itself is in the last two.
        .target(name: "TestSupport", dependencies: ["ApusSystem", "ApusCore", "ApusFormats", "CKernels"], path: "Tests/TestSupport"),
        .testTarget(name: "ApusSystemTests", dependencies: ["ApusSystem", "ApusCore", "ApusFormats", "TestSupport"]),
        .testTarget(
            name: "ApusCoreTests",
            dependencies: [
                "ApusSystem", "ApusCore", "ApusNN", "ApusOptim", "ApusDistributions", "ApusFormats", "ApusTraining", "CKernels",
                "TestSupport",
            ],
            exclude: [
                "Recorded", "record_kinks.py", "record_linalg.py", "record_ops.py", "record_pointwise.py", "record_shapes.py",
                "record_special.py", "record_wide.py", "record_statistics.py", "record_various.py", "tensor-functions", "Database/Recorded",
                "Database/record_database.py",
            ]),
        .testTarget(
            name: "ApusNNTests",
            dependencies: [
                "ApusCore", "ApusNN", "ApusOptim", "ApusDistributions", "ApusFormats", "CKernels", "TestSupport",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            exclude: ["Recorded", "record_calls.py", "record_functions.py", "record_signatures.py"]),
        .testTarget(
            name: "ApusOptimTests",
            dependencies: ["ApusCore", "ApusNN", "ApusOptim", "ApusFormats", "ApusData", "ApusCheckpoints", "ApusTraining", "TestSupport"],
            exclude: ["Recorded", "record_autocast.py", "record_optim.py"]),
        .testTarget(
            name: "ApusDistributionsTests", dependencies: ["ApusCore", "ApusDistributions", "ApusFormats", "TestSupport"],
            exclude: ["Recorded", "record_distributions.py"]),
        .testTarget(
            name: "ApusFormatsTests", dependencies: ["ApusSystem", "ApusCore", "ApusNN", "ApusFormats", "TestSupport"],
            exclude: ["Interop", "Recorded", "record_pictures.py", "record_tensorboard.py"]),
        .testTarget(
            name: "ApusCheckpointsTests",
            dependencies: ["ApusSystem", "ApusCore", "ApusNN", "ApusOptim", "ApusFormats", "ApusCheckpoints", "TestSupport"],
            exclude: ["Recorded", "record_runs.py", "record_states.py"]),
        .testTarget(name: "ApusDataTests", dependencies: ["ApusCore", "ApusFormats", "ApusData", "TestSupport"]),
        .testTarget(
            name: "ApusDistributedTests",
            dependencies: [
                "ApusSystem", "ApusCore", "ApusNN", "ApusOptim", "ApusData", "ApusDistributed", "ApusTraining", "CDrivers", "CKernels",
                "DistributedProgram", "TestSupport",
            ]),
        .executableTarget(
            name: "DistributedProgram", dependencies: ["ApusSystem", "ApusCore", "ApusNN", "ApusOptim", "ApusData", "ApusDistributed"],
            path: "Tests/DistributedProgram"),
        .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
        .testTarget(
            name: "ApusTrainingTests",
            dependencies: [
                "ApusSystem", "ApusCore", "ApusNN", "ApusOptim", "ApusFormats", "ApusData", "ApusTraining", "ApusVision", "TestSupport",
                "AllocationCounter", .product(name: "OrderedCollections", package: "swift-collections"),
            ]),
        .testTarget(
            name: "ApusVisionTests",
            dependencies: [
                "ApusCore", "ApusNN", "ApusOptim", "ApusFormats", "ApusData", "ApusCheckpoints", "ApusVision", "TestSupport",
            ],
            exclude: ["Recorded", "record_models.py", "record_transforms.py"]),
        .testTarget(
            name: "ApusRunsTests",
            dependencies: [
                "ApusSystem", "ApusCore", "ApusNN", "ApusOptim", "ApusFormats", "ApusData", "ApusDistributed", "ApusCheckpoints",
                "ApusTraining", "ApusVision", "ApusRuns", "ApusCommand", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], exclude: ["Recorded"]),
        .testTarget(
            name: "CoverageTests", dependencies: ["Apus"],
            exclude: [
                "coverage", "coverage_arguments.py", "coverage_library.py", "coverage_names.py", "coverage_nn.py", "coverage_symbols.py",
                "coverage_tensor.py", "labels",
            ]),
        .testTarget(
            name: "ConformanceTests", dependencies: ["Apus", "ConformanceRunner", "TestSupport"],
            exclude: ["layer_cases.py", "record_layers.py"], resources: [.copy("cases"), .copy("errors"), .copy("forms"), .copy("half")]),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu17
)
