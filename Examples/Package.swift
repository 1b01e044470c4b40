// swift-tools-version: 6.2
import PackageDescription

// A package like a user's: it depends only on the product `Apus`.
let package = Package(
    name: "examples",
    dependencies: [.package(name: "apus", path: "..")],
    targets: [
        "Seed", "Serving", "ActorTraining", "CharTransformer", "ResNet", "WordLanguages", "Regression", "Segmentation", "GAN",
        "Distributed",
    ].map {
        .executableTarget(name: $0, dependencies: [.product(name: "Apus", package: "apus")])
    },
    swiftLanguageModes: [.v6]
)
