import ApusCore
import Glibc
import TestSupport
import Testing
@testable import ApusFormats
@testable import ApusVision

/// The laws of transforms that draw.
@Suite struct RandomTransformTests {
    /// Pixels that do not repeat.
    func picture(_ width: Int, _ height: Int, _ channels: Int) -> Picture {
        var random = SplitMix(state: UInt64(width * 100 + height * 10 + channels))
        return Picture(
            width: width, height: height, channels: channels,
            pixels: (0..<width * height * channels).map { _ in UInt8(truncatingIfNeeded: random.next()) })
    }

    /// Each transform of the table, with arguments as a file gives them where it needs some.
    static let arguments: [String: String] = [
        "Resize": #""size": [5, 4]"#, "CenterCrop": #""size": 6"#, "Pad": #""padding": [1, 2], "padding_mode": "reflect""#,
        "RandomCrop": #""size": [3, 4], "padding": 1, "pad_if_needed": true"#, "RandomResizedCrop": #""size": [4, 6]"#,
        "RandomRotation": #""degrees": 180"#,
        "RandomAffine": #""degrees": 30, "translate": [0.3, 0.2], "scale": [0.5, 2], "shear": [-9, 9, -5, 5]"#,
        "ColorJitter": #""brightness": 0.4, "contrast": 0.3, "saturation": [0.2, 2], "hue": 0.3"#,
        "GaussianBlur": #""kernel_size": [3, 5]"#,
        "RandomAdjustSharpness": #""sharpness_factor": 2"#, "RandomPosterize": #""bits": 3"#, "RandomSolarize": #""threshold": 128"#,
        "Normalize": #""mean": [0.5], "std": [0.25]"#, "RandomApply": #""transforms": ["RandomInvert", "RandomVerticalFlip"]"#,
        "RandomChoice": #""transforms": ["RandomInvert", {"type": "Resize", "size": 3}], "p": [3, 1]"#,
        "RandomOrder": #""transforms": ["RandAugment", "RandomPerspective"]"#,
    ]

    func transform(_ name: String, _ more: String? = nil) throws -> Compose<Picture, Tensor> {
        let arguments = [more ?? Self.arguments[name]].compactMap(\.self).map { ", \($0)" }.joined()
        let step = #"{"type": "\#(name)"\#(arguments)}"#
        return try TransformFile.transforms(
            JSON(parsing: TransformTests.ofTensors.contains(name) ? "[\"ToTensor\", \(step)]" : "[\(step)]"), file: "file")
    }

    /// Pictures of any size and colour are taken; the numbers are the generator's alone, so that the same state gives the same bytes, whatever
    /// else draws, and another state other ones.
    @Test func everyTransformOfTheTable() throws {
        for name in TransformTable.names {
            let transform = try transform(name)
            for (width, height) in [(1, 1), (1, 7), (6, 1), (2, 3), (19, 17)] {
                for channels in [1, 3] {
                    let picture = picture(width, height, channels)
                    var results: Set<[Float]> = []
                    for seed in 0..<24 {
                        let generator = Generator(seed: seed)
                        let made = transform.apply(picture, using: generator)
                        #expect(made.ndim == 3 && (made.size(0) == channels || name == "Grayscale"), "\(name)")
                        if seed % 8 == 0 {
                            // A default generator of its own, since other tests draw from the process-wide one.
                            let unused = Generator(seed: 5)
                            let again = withGenerator(unused) { transform.apply(picture, using: Generator(seed: seed)) }
                            #expect(again.shape == made.shape && again.array(Float.self) == made.array(Float.self), "\(name)")
                            #expect(unused.state.offset == 0, "\(name)")
                        }
                        results.insert(made.array(Float.self) + Array(made.shape).map { Float($0) })
                    }
                    let draws = !["Resize", "CenterCrop", "Pad", "Grayscale", "Normalize", "ToTensor"].contains(name)
                    if (width, height, channels) == (19, 17, 3) { #expect(draws ? results.count > 1 : results.count == 1, "\(name)") }
                }
            }
        }
    }

    /// `p` is how often the picture changes.
    @Test func probabilitiesAreKept() throws {
        let picture = picture(4, 3, 3)
        let plain = ToTensor()(picture).array(Float.self)
        for (name, more) in [
            ("RandomHorizontalFlip", ""), ("RandomVerticalFlip", ""), ("RandomInvert", ""), ("RandomGrayscale", ""),
            ("RandomSolarize", #", "threshold": 100"#), ("RandomPosterize", #", "bits": 2"#),
            ("RandomAdjustSharpness", #", "sharpness_factor": 3"#),
            ("RandomApply", #", "transforms": [{"type": "RandomInvert", "p": 1}]"#),
            ("RandomErasing", #", "scale": [0.2, 0.3], "ratio": [1, 1]"#),
        ] {
            for p in [0, 0.3, 0.9, 1] {
                let transform = try transform(name, "\"p\": \(p)\(more)")
                let generator = Generator(seed: 3)
                let count = 400
                let changed = (0..<count).count { _ in transform.apply(picture, using: generator).array(Float.self) != plain }
                // Four deviations of a binomial distribution.
                #expect(
                    abs(Double(changed) / Double(count) - p) <= 4 * (p * (1 - p) / Double(count)).squareRoot(), "\(name), \(p): \(changed)")
            }
        }
    }

    /// 2,000 draws: none outside of the range, and the mean of an even distribution in it.
    func expectEven(_ range: ClosedRange<Double>, _ name: String, _ draw: () -> Double) {
        let draws = (0..<2000).map { _ in draw() }
        let width = range.upperBound - range.lowerBound
        #expect(draws.allSatisfy { range.contains($0) }, "\(name): \(draws.min()!) to \(draws.max()!)")
        let mean = draws.reduce(0, +) / 2000
        #expect(abs(mean - (range.lowerBound + range.upperBound) / 2) <= 4 * width / (12.0 * 2000).squareRoot(), "\(name): \(mean)")
        #expect(draws.max()! - draws.min()! > 0.98 * width, "\(name)")
    }

    @Test func drawsAreEven() {
        let generator = Generator(seed: 1)
        expectEven(-3...5, "uniform") { generator.uniform(-3...5) }
        expectEven(0...99, "integer") { Double(generator.integer(0..<100)) }
        // Whole pixels of a large picture, so that rounding does not matter.
        let crop = RandomResizedCrop(8)
        var parts = (0..<2000).map { _ in crop.part(height: 4000, width: 5000, generator) }
        parts += (0..<2000).map { _ in crop.part(height: 5000, width: 4000, generator) }
        #expect(parts.allSatisfy { $0.top >= 0 && $0.left >= 0 })
        let areas = parts.map { Double($0.height * $0.width) / 2e7 }
        #expect(areas.min()! > 0.0799 && areas.max()! <= 1 && areas.min()! < 0.09)
        // Small parts always fit, so that their form is as it is drawn.
        var small = RandomResizedCrop(8, scale: 0.1...0.2)
        expectEven(log(0.75) - 0.001...log(4 / 3.0) + 0.001, "form") {
            let part = small.part(height: 4000, width: 4000, generator)
            return log(Double(part.width) / Double(part.height))
        }
        small = RandomResizedCrop(8, scale: 0.25...0.25, ratio: 1...1)
        expectEven(0...2000, "place") { Double(small.part(height: 4000, width: 4000, generator).left) }
        let erasing = RandomErasing(scale: 0.1...0.3, ratio: 0.5...2)
        expectEven(0.0999...0.3001, "erased") {
            let part = erasing.part(height: 4000, width: 4000, generator)!
            return Double(part.height * part.width) / 1.6e7
        }
        let perspective = RandomPerspective(distortionScale: 0.5)
        for corner in 0..<4 {
            let last = corner == 1 || corner == 2
            expectEven(last ? 749...999 : 0...250, "corner \(corner)") {
                perspective.points(height: 400, width: 1000, generator).to[corner].x
            }
        }
    }

    /// A part that cannot be had is the largest in the middle that has the form.
    @Test func narrowPictures() {
        let crop = RandomResizedCrop(4)
        for seed in 0..<20 {
            #expect(crop.part(height: 3000, width: 10, Generator(seed: seed)) == (1493, 0, 13, 10))
            #expect(crop.part(height: 10, width: 3000, Generator(seed: seed)) == (0, 1493, 10, 13))
        }
        #expect(crop.part(height: 1, width: 1, Generator(seed: 0)) == (0, 0, 1, 1))
    }

    /// A picture whose values are where they are from shows where a crop begins.
    @Test func cropsComeFromEverywhere() {
        let picture = Picture(width: 16, height: 16, channels: 1, pixels: Array(0...255))
        let generator = Generator(seed: 0)
        let crops = (0..<2000).map { _ in RandomCrop([5, 7]).apply(picture, using: generator) }
        #expect(crops.allSatisfy { $0.height == 5 && $0.width == 7 })
        let firsts = crops.map { Int($0.pixels[0]) }
        #expect(Set(firsts.map { $0 / 16 }) == Set(0...11) && Set(firsts.map { $0 % 16 }) == Set(0...9))
        #expect(crops.allSatisfy { $0.pixels[8] == $0.pixels[0] + 17 })
        let padded = RandomCrop(20, padding: 2, fill: 9, paddingMode: .constant).apply(picture, using: generator)
        #expect(padded == picture.padded(left: 2, top: 2, right: 2, bottom: 2, fill: 9))
    }

    @Test func choicesAreWeighted() {
        let generator = Generator(seed: 0)
        let picture = picture(3, 3, 1)
        let choice = RandomChoice([RandomInvert(p: 1), RandomInvert(p: 0), Resize(1)], p: [2, 1, 0])
        let changed = (0..<2000).map { _ in choice.apply(picture, using: generator) }
        #expect(changed.allSatisfy { $0.width == 3 })
        #expect(abs(Double(changed.count { $0 != picture }) / 2000 - 2 / 3.0) < 0.05)
        let order = RandomOrder([Pad(1), Resize([2, 2])])
        let sizes = (0..<2000).map { _ in order.apply(picture, using: generator).width }
        #expect(Set(sizes) == [2, 4] && abs(Double(sizes.count { $0 == 2 }) / 2000 - 0.5) < 0.05)
    }

    // MARK: Batches

    /// λ x + (1 − λ) roll(x) with one λ for pictures and labels, which has Beta's moments.
    @Test func mixUp() {
        let images = Tensor.rand(3, 2, 4, 5, generator: Generator(seed: 2)), labels = Tensor([2, 0, 3] as [Int64], shape: [3])
        for alpha in [0.05, 0.4, 1, 3] {
            let generator = Generator(seed: 1), mixUp = MixUp(alpha: alpha, numClasses: 4)
            var shares: [Double] = []
            for i in 0..<1000 {
                let (mixed, probabilities) = mixUp.apply(images, labels, using: generator)
                let share = probabilities[0, 2].item(Double.self)
                shares.append(share)
                if i % 50 > 0 { continue }
                expectClose(mixed, images * share + images.roll(1, dim: 0) * (1 - share), atol: 1e-6)
                let second = [share, 0, 1 - share, 0], third = [1 - share, 0, 0, share]
                expectClose(probabilities[1...], Tensor((second + third).map { Float($0) }, shape: [2, 4]), atol: 1e-6)
            }
            let mean = shares.reduce(0, +) / 1000, variance = shares.map { ($0 - 0.5) * ($0 - 0.5) }.reduce(0, +) / 1000
            #expect(abs(mean - 0.5) < 0.06, "\(alpha)")
            // Beta's variance is 1 / (4 (2α + 1)).
            #expect(abs(variance * 4 * (2 * alpha + 1) - 1) < 0.15, "\(alpha): \(variance)")
        }
    }

    /// Each value is the picture's own or that of the one before, in one rectangle; labels have its share.
    @Test func cutMix() {
        let images = Tensor([0, 1, 2, 3] as [Float], shape: [4, 1, 1, 1]).expand(4, 1, 6, 8).contiguous()
        let generator = Generator(seed: 1)
        var shares: Set<Int> = []
        for _ in 0..<300 {
            let (mixed, probabilities) = CutMix(numClasses: 4).apply(images, Tensor([0, 1, 2, 3] as [Int64], shape: [4]), using: generator)
            let values = mixed.array(Float.self)
            let other = (0..<48).map { values[48 + $0] == 0 }
            #expect((0..<48).allSatisfy { values[48 + $0] == (other[$0] ? 0 : 1) && values[$0] == (other[$0] ? 3 : 0) })
            let places = (0..<48).filter { other[$0] }
            let (rows, columns) = (Set(places.map { $0 / 8 }), Set(places.map { $0 % 8 }))
            #expect(places.count == rows.count * columns.count)
            let share = Double(48 - places.count) / 48
            #expect(
                abs(probabilities[1, 1].item(Double.self) - share) < 1e-6 && abs(probabilities[1, 0].item(Double.self) - 1 + share) < 1e-6)
            shares.insert(places.count)
        }
        #expect(shares.count > 10)
    }

    @Test func probabilitiesAreMixedToo() throws {
        let images = Tensor.zeros(2, 1, 2, 2), labels = Tensor([0.5, 0.5, 0, 1] as [Float], shape: [2, 2])
        let (_, mixed) = MixUp().apply(images, labels, using: Generator(seed: 0))
        expectClose(mixed.sum(dim: 1), Tensor.ones(2), atol: 1e-6)
        for (labels, reason) in [
            (Tensor([0, 1] as [Int64], shape: [2]), "for which numClasses is needed"), (Tensor([0] as [Int64], shape: [1]), "wanted are"),
        ] {
            #expect(message { try checked { MixUp().apply(images, labels, using: .current).images } }.contains(reason))
        }
    }
}
