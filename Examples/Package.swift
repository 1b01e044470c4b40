// swift-tools-version: 6.2
import PackageDescription

// A package as a user's would be: it knows the product `Apus` and nothing else.
let package = Package(
    name: "examples",
    dependencies: [.package(name: "apus", path: "..")],
    targets: ["Seed", "Serving", "ActorTraining", "CharTransformer", "ResNet", "WordLanguages", "Regression", "Segmentation", "GAN"].map {
        .executableTarget(name: $0, dependencies: [.product(name: "Apus", package: "apus")])
    },
    swiftLanguageModes: [.v6]
)
