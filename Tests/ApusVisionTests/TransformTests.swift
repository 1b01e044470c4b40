import ApusCore
import TestSupport
import Testing
@testable import ApusFormats
@testable import ApusNN
@testable import ApusVision

/// What torchvision makes of PIL's pictures (`record_transforms.py`).
@Suite struct TransformTests {
    static let recorded: JSON = Recorded.load("transforms")
    let tensors = Recorded.tensors("transforms")

    func picture(_ key: String) throws -> Picture {
        let values = try #require(tensors[key], "\(key)")
        return Picture(width: values.size(1), height: values.size(0), channels: values.size(2), pixels: values.array(UInt8.self))
    }

    /// How far values may be from the recorded ones. Blurring sums in another order, and the coefficients of a view are the solution of
    /// equations, which another solver has with other last bits.
    static let tolerances = ["blur": 1, "perspective": 1]

    @Test func functionsAreTorchvisions() throws {
        struct Case: Decodable { let picture: String, function: String, arguments: JSON, key: String }
        let cases: [Case] = Self.recorded.value("cases")
        #expect(cases.count > 3500)
        let pictures = try Dictionary(uniqueKeysWithValues: Set(cases.map(\.picture)).map { ($0, try picture("picture/\($0)")) })
        #expect(pictures.count == 20)
        for item in cases {
            let (made, expected) = (try apply(item.function, item.arguments, to: pictures[item.picture]!), try picture(item.key))
            guard (made.width, made.height, made.channels) == (expected.width, expected.height, expected.channels) else {
                Issue.record("\(item): \(made.width) × \(made.height) × \(made.channels)")
                continue
            }
            let worst = zip(made.pixels, expected.pixels).map { abs(Int($0) - Int($1)) }.max()!
            #expect(worst <= Self.tolerances[item.function] ?? 0, "\(item)")
        }
    }

    func apply(_ function: String, _ a: JSON, to picture: Picture) throws -> Picture {
        func pair(_ key: String) -> (Double, Double) {
            let values: [Double] = a.value(key)
            return (values[0], values[1])
        }
        var interpolation: Picture.Interpolation { Picture.Interpolation(rawValue: a.value("interpolation"))! }
        var fill: Picture.Fill { Picture.Fill(a.value("fill", as: [Int].self)) }
        var size: [Int] { a.value("size") }
        var center: Picture.Point? { a["center"] == .null ? nil : pair("center") }
        func points(_ key: String) -> [Picture.Point] { a.value(key, as: [[Double]].self).map { ($0[0], $0[1]) } }
        var factor: Double { a.value("factor") }
        switch function {
        case "resize": return picture.resized(width: size[1], height: size[0], interpolation: interpolation)
        case "resized_crop":
            let part = (
                top: a.value("top", as: Int.self), left: a.value("left", as: Int.self), height: a.value("height", as: Int.self),
                width: a.value("width", as: Int.self)
            )
            return picture.resized(part, width: size[1], height: size[0], interpolation: interpolation)
        case "center_crop": return picture.centerCropped(height: size[0], width: size[1])
        case "crop": return picture.cropped(top: a.value("top"), left: a.value("left"), height: a.value("height"), width: a.value("width"))
        case "pad":
            let sides: [Int] = a.value("padding")
            return picture.padded(
                left: sides[0], top: sides[1], right: sides[2], bottom: sides[3], fill: fill,
                mode: Picture.PaddingMode(rawValue: a.value("mode"))!)
        case "hflip": return picture.flipped(.horizontally)
        case "vflip": return picture.flipped(.vertically)
        case "invert": return picture.inverted()
        case "equalize": return picture.equalized()
        case "autocontrast": return picture.autocontrasted()
        case "rotate":
            return picture.rotated(
                by: a.value("angle"), interpolation: interpolation, expand: a.value("expand"), center: center,
                fill: fill)
        case "affine":
            return picture.affine(
                angle: a.value("angle"), translate: pair("translate"), scale: a.value("scale"), shear: pair("shear"),
                interpolation: interpolation, fill: fill, center: center)
        case "perspective": return picture.perspective(from: points("from"), to: points("to"), interpolation: interpolation, fill: fill)
        case "brightness": return picture.adjustingBrightness(factor)
        case "contrast": return picture.adjustingContrast(factor)
        case "saturation": return picture.adjustingSaturation(factor)
        case "sharpness": return picture.adjustingSharpness(factor)
        case "hue": return picture.adjustingHue(factor)
        case "grayscale": return picture.grayscale(channels: a.value("channels"))
        case "posterize": return picture.posterized(bits: a.value("bits"))
        case "solarize": return picture.solarized(threshold: a.value("threshold"))
        case "blur":
            let kernel: [Int] = a.value("kernel")
            return picture.blurred(kernel: (kernel[0], kernel[1]), sigma: pair("sigma"))
        default:
            let operation = try #require(AugmentOperation(rawValue: a.value("name")), "\(function)")
            return picture.applying(operation, magnitude: a.value("magnitude"), interpolation: interpolation, fill: fill)
        }
    }

    @Test func magnitudesAreTorchvisions() {
        struct Magnitudes: Decodable {
            let policy: String, operation: String, bins: Int, height: Int, width: Int, signed: Bool, values: [Double]
        }
        let all: [Magnitudes] = Self.recorded.value("magnitudes")
        #expect(all.count > 200)
        for item in all {
            let space: AugmentSpace =
                switch item.policy {
                case "RandAugment": .randAugment
                case "AutoAugment": .autoAugment
                case "TrivialAugmentWide": .trivialAugment
                default: .augMix
                }
            let operation = AugmentOperation(rawValue: item.operation)!
            #expect(space.operations.contains(operation) && operation.isSigned == item.signed, "\(item)")
            for (bin, value) in item.values.enumerated() {
                let own = space.magnitude(operation, bin: bin, of: item.bins, height: item.height, width: item.width)
                #expect(abs(own - value) <= 1e-6 * max(abs(value), 1), "\(item), \(bin): \(own)")
            }
        }
        let drawn = all.filter { $0.policy == "AugMix" }.map(\.operation)
        #expect(Set(AugmentSpace.augMix.operations.map(\.rawValue)) == Set(drawn + ["AutoContrast", "Equalize"]))
    }

    /// Made of a file's arguments, printed as torchvision prints it, but for brackets, decimal points and what pictures of bytes do not have.
    @Test func printedAsInTorchvision() throws {
        struct Printed: Decodable { let type: String, arguments: JSON, text: String }
        func plain(_ text: String) -> String {
            var text = text
            for (old, new) in [
                (", antialias=True", ""), (", inplace=False", ""), ("AutoAugmentPolicy.IMAGENET", "imagenet"),
                ("AutoAugmentPolicy.SVHN", "svhn"),
                (",)", "]"), ("(", "["), (")", "]"), (".0,", ","), (".0]", "]"),
            ] { text = text.split(separator: old, omittingEmptySubsequences: false).joined(separator: new) }
            return text
        }
        let printed: [Printed] = Self.recorded.value("printed")
        for item in printed {
            guard case .object(let members) = item.arguments else { throw FormatError(file: "transforms.json", reason: "no object") }
            let steps = try TransformFile.transforms(
                .array(
                    (TransformTests.ofTensors.contains(item.type) ? [.string("ToTensor")] : []) + [
                        .object([.init("type", .string(item.type))] + members)
                    ]),
                file: "file"
            ).steps
            let text = steps.map { "\($0)" }.first { $0.hasPrefix(item.type) }!
            #expect(plain(text) == plain(item.text))
        }
        #expect(Set(printed.map(\.type)).union(["ToTensor"] + TransformTable.containers) == Set(TransformTable.names))
    }

    @Test func pairsAreTorchvisions() {
        struct Step: Decodable { let operation: String, p: Double, bin: Int }
        struct Pair: Decodable { let policy: String, steps: [Step] }
        let recorded: [Pair] = Self.recorded.value("pairs")
        #expect(recorded.count == 75)
        for policy in AutoAugment.Policy.allCases {
            let wanted = recorded.filter { $0.policy == policy.rawValue }.map { $0.steps.map { "\($0.operation) \($0.p) \($0.bin)" } }
            let own = policy.pairs.map { pair in [pair.0, pair.1].map { "\($0.operation.rawValue) \($0.p) \($0.bin)" } }
            #expect(own == wanted, "\(policy)")
        }
    }

    @Test func sizesAreTorchvisions() {
        struct Size: Decodable { let height: Int, width: Int, size: [Int]?, most: Int?, made: [Int] }
        let recorded: [Size] = Self.recorded.value("sizes")
        #expect(recorded.count > 50)
        for item in recorded {
            let resize = item.size.map { Resize(Extents($0), maxSize: item.most) } ?? Resize(maxSize: item.most!)
            let made = resize.firstSize(height: item.height, width: item.width)!
            #expect([made.height, made.width] == item.made, "\(item)")
        }
        #expect(
            Compose {
                Resize(4); CenterCrop(3); ToTensor()
            }.firstSize(height: 8, width: 16)! == (4, 8))
        #expect(
            Compose {
                RandomResizedCrop(4); ToTensor()
            }.firstSize(height: 8, width: 16) == nil)
    }

    /// What is wrong with a list of transforms, and where.
    @Test func wrongListsAreNamed() throws {
        for (list, reason) in [
            ("3", "list.json: a number, where a list of transforms is wanted"),
            (#"["Resise"]"#, "list.json, '0': there is no transform 'Resise'"),
            (#"["Resize"]"#, "neither size nor maxSize is given"), (#"[{"size": 3}]"#, "'type' is missing"),
            (#"[{"type": "Resize", "size": 3, "colour": 1}]"#, "there is no argument 'colour'"),
            (
                #"[{"type": "Resize", "size": "3"}]"#,
                "argument 'size' must be an integer or a list of integers or None, it is the string '3'"
            ),
            (#"["ToTensor", "RandomInvert"]"#, "list.json, '1': it takes a picture"),
            (#"["RandomErasing"]"#, "list.json, '0': it takes a tensor"),
            (#"["RandomApply"]"#, "argument 'transforms' is missing"),
            (
                #"[{"type": "RandomOrder", "transforms": ["RandomInvert", "ToTensor"]}]"#,
                "list.json, '0.transforms.1': 'RandomOrder' holds transforms of pictures"
            ),
            (#"[{"type": "RandomHorizontalFlip", "p": 1.5}]"#, "p is 1.5"),
            (
                #"[{"type": "RandomResizedCrop", "size": 3, "antialias": false}]"#,
                "must be True, since pictures of bytes are always resized with it"
            ),
            (#"[{"type": "RandomRotation", "degrees": [3, 1]}]"#, "must be a number or a list [min, max]"),
            (#"[{"type": "Pad", "padding": 1000000000000}]"#, "numbers from 0 to 65536"),
            (#"[{"type": "Pad", "padding": 1, "fill": 256}]"#, "must be a number from 0 to 255, or a list of three"),
        ] {
            let message = message { _ = try TransformFile.transforms(JSON(parsing: list), file: "list.json") }
            #expect(message.contains(reason), "\(list): \(message)")
        }
    }

    /// Nothing that a file can say crashes later.
    @Test func extremesAreTaken() throws {
        for list in [
            #"[{"type": "RandomRotation", "degrees": [-1e308, 1e308], "expand": true}]"#,
            #"[{"type": "RandomAffine", "degrees": 1e308, "scale": [1e-300, 1e300], "shear": [-1e308, 1e308, 0, 90]}]"#,
            #"[{"type": "RandomAffine", "degrees": 0, "scale": [1e-5, 1e-4], "shear": [89, 90]}]"#,
            #"[{"type": "RandomResizedCrop", "size": 2, "scale": [0, 1e308], "ratio": [1e-300, 1e300]}]"#,
            #"[{"type": "ColorJitter", "brightness": 1e308, "contrast": [1e30, 1e308], "saturation": 1e308, "hue": 0.5}]"#,
            #"[{"type": "RandomSolarize", "threshold": -1e308, "p": 1}, {"type": "RandomAdjustSharpness", "sharpness_factor": 1e308, "p": 1}]"#,
            #"[{"type": "GaussianBlur", "kernel_size": 201, "sigma": [1e-300, 1e300]}]"#,
        ] {
            for interpolation in ["nearest", "bilinear", "bicubic"] {
                let turns = list.contains("Rotation") || list.contains("Affine")
                let text = turns ? list.dropLast(2) + ", \"interpolation\": \"\(interpolation)\"}]" : list[...]
                let transform = try TransformFile.transforms(JSON(parsing: String(text)), file: "list.json")
                for (width, height, channels) in [(1, 1, 1), (5, 3, 3), (2, 9, 1)] {
                    let picture = Picture(
                        width: width, height: height, channels: channels, pixels: [UInt8](repeating: 200, count: width * height * channels))
                    for seed in 0..<10 { #expect(transform.apply(picture, using: Generator(seed: seed)).numel > 0) }
                }
            }
        }
    }

    static let ofTensors = ["Normalize", "RandomErasing"]
}
