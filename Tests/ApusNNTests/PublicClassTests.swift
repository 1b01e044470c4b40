import ApusCore
import ApusNN
import Foundation
import TestSupport
import Testing

/// A public class of modules that can be made computes something: base classes too, or their initialisers are not public.
@Suite struct PublicClassTests {
    /// What stands for no computation of one's own, and why.
    private static let others: [String: String] = [
        "Sequential": "its layers'", "ModuleList": "holds layers", "ModuleDict": "holds layers", "ParameterList": "holds parameters",
        "ParameterDict": "holds parameters", "ParametrizationList": "is made by Parametrize.register",
        "AveragedModel": "its model's, in AveragedModelTests", "TransformerEncoder": "its layers', in TransformerStackTests",
        "TransformerDecoder": "its layers', in TransformerStackTests",
    ]

    /// A base class beside the class for one number of spatial dimensions, to which it must be equal.
    private struct Pair {
        let name: String
        let base: (_ spatial: Int) -> (Tensor) -> Tensor
        let fixed: (_ spatial: Int) -> (Tensor) -> Tensor
        var spatial = 1...3

        init<Base: Module>(_ base: Base.Type, _ make: @escaping ([Int]) -> Base, _ fixed: [() -> Module], spatial: ClosedRange<Int> = 1...3)
        {
            name = "\(base)"
            self.spatial = spatial
            self.base = { n in
                let module = make(Array(repeating: 2, count: n))
                return { x in module(x) }
            }
            self.fixed = { n in
                let module = fixed[n - spatial.lowerBound]()
                return { x in module(x) }
            }
        }

        init(_ name: String, _ base: @escaping (Int) -> (Tensor) -> Tensor, _ fixed: @escaping (Int) -> (Tensor) -> Tensor) {
            (self.name, self.base, self.fixed) = (name, base, fixed)
        }
    }

    private static var pairs: [Pair] {
        [
            Pair(MaxPool.self, { MaxPool($0) }, [{ MaxPool1d(2) }, { MaxPool2d(2) }, { MaxPool3d(2) }]),
            Pair(AvgPool.self, { AvgPool($0) }, [{ AvgPool1d(2) }, { AvgPool2d(2) }, { AvgPool3d(2) }]),
            Pair(
                AdaptiveAvgPool.self, { AdaptiveAvgPool($0) },
                [{ AdaptiveAvgPool1d(2) }, { AdaptiveAvgPool2d(2) }, { AdaptiveAvgPool3d(2) }]),
            Pair(
                AdaptiveMaxPool.self, { AdaptiveMaxPool($0) },
                [{ AdaptiveMaxPool1d(2) }, { AdaptiveMaxPool2d(2) }, { AdaptiveMaxPool3d(2) }]),
            Pair(LPPool.self, { LPPool(2, $0) }, [{ LPPool1d(2, 2) }, { LPPool2d(2, 2) }, { LPPool3d(2, 2) }]),
            Pair(
                FractionalMaxPool.self, { FractionalMaxPool($0, outputSize: 3) },
                [{ FractionalMaxPool2d(2, outputSize: 3) }, { FractionalMaxPool3d(2, outputSize: 3) }], spatial: 2...3),
            Pair(ZeroPad.self, { ZeroPad($0 + $0) }, [{ ZeroPad1d(2) }, { ZeroPad2d(2) }, { ZeroPad3d(2) }]),
            Pair(
                ConstantPad.self, { ConstantPad($0 + $0, 3) }, [{ ConstantPad1d(2, 3) }, { ConstantPad2d(2, 3) }, { ConstantPad3d(2, 3) }]),
            Pair(ReflectionPad.self, { ReflectionPad($0 + $0) }, [{ ReflectionPad1d(2) }, { ReflectionPad2d(2) }, { ReflectionPad3d(2) }]),
            Pair(
                ReplicationPad.self, { ReplicationPad($0 + $0) },
                [{ ReplicationPad1d(2) }, { ReplicationPad2d(2) }, { ReplicationPad3d(2) }]),
            Pair(CircularPad.self, { CircularPad($0 + $0) }, [{ CircularPad1d(2) }, { CircularPad2d(2) }, { CircularPad3d(2) }]),
            Pair(
                Convolution.self, { Convolution(3, 2, $0, padding: .same) },
                [{ Conv1d(3, 2, 2, padding: .same) }, { Conv2d(3, 2, 2, padding: .same) }, { Conv3d(3, 2, 2, padding: .same) }]),
            Pair(
                ConvolutionTranspose.self, { ConvolutionTranspose(3, 2, $0) },
                [{ ConvTranspose1d(3, 2, 2) }, { ConvTranspose2d(3, 2, 2) }, { ConvTranspose3d(3, 2, 2) }]),
            Pair(
                LazyConvolution.self, { LazyConvolution(2, $0) }, [{ LazyConv1d(2, 2) }, { LazyConv2d(2, 2) }, { LazyConv3d(2, 2) }]),
            Pair(
                LazyConvolutionTranspose.self, { LazyConvolutionTranspose(2, $0) },
                [{ LazyConvTranspose1d(2, 2) }, { LazyConvTranspose2d(2, 2) }, { LazyConvTranspose3d(2, 2) }]),
            Pair(BatchNorm.self, { _ in BatchNorm(3) }, [{ BatchNorm1d(3) }, { BatchNorm2d(3) }, { BatchNorm3d(3) }]),
            Pair(LazyBatchNorm.self, { _ in LazyBatchNorm() }, [{ LazyBatchNorm1d() }, { LazyBatchNorm2d() }, { LazyBatchNorm3d() }]),
            Pair(InstanceNorm.self, { _ in InstanceNorm(3) }, [{ InstanceNorm1d(3) }, { InstanceNorm2d(3) }, { InstanceNorm3d(3) }]),
            Pair(
                LazyInstanceNorm.self, { _ in LazyInstanceNorm() },
                [{ LazyInstanceNorm1d() }, { LazyInstanceNorm2d() }, { LazyInstanceNorm3d() }]),
            Pair(DropoutLayer.self, { _ in DropoutLayer(0.5) }, [{ Dropout(0.5) }, { Dropout(0.5) }, { Dropout(0.5) }]),
            Pair(
                "MaxUnpool",
                { n in { x in unpooled(x, MaxPool(Array(repeating: 2, count: n)), MaxUnpool(Array(repeating: 2, count: n))) } },
                { n in
                    { x in
                        switch n {
                        case 1: unpooled(x, MaxPool1d(2), MaxUnpool1d(2))
                        case 2: unpooled(x, MaxPool2d(2), MaxUnpool2d(2))
                        default: unpooled(x, MaxPool3d(2), MaxUnpool3d(2))
                        }
                    }
                }),
        ]
    }

    private static func unpooled(_ x: Tensor, _ pool: MaxPool, _ unpool: MaxUnpool) -> Tensor {
        let (values, indices) = pool.withIndices(x)
        return unpool(values, indices)
    }

    @Test func `each base class is its class for one number of dimensions`() {
        for pair in Self.pairs {
            for n in pair.spatial {
                let x = withGenerator(Generator(seed: 7)) { Tensor.randn([2, 3] + Array(repeating: 6, count: n)) }
                let (found, wanted) = (
                    withGenerator(Generator(seed: 8)) { pair.base(n)(x) }, withGenerator(Generator(seed: 8)) { pair.fixed(n)(x) }
                )
                #expect(found.equal(wanted), "\(pair.name) of \(n) dimensions")
            }
        }
        #expect(message { _ = MaxPool([2, 2, 2, 2]) }.contains("4 spatial dimensions; 1 to 3 are possible"))
        #expect(message { _ = FractionalMaxPool(2, outputSize: 3) }.contains("1 spatial dimensions; 2 to 3 are possible"))
        #expect(message { _ = ZeroPad([1, 1, 1]) }.contains("padding [1, 1, 1] has 3 numbers"))
        #expect(message { _ = InstanceNorm(3)(Tensor.ones([2, 3])) }.contains("3 to 8 dimensions"))
        #expect(ZeroPad([1, 1, 2, 2]).description == "ZeroPad((1, 1, 2, 2))" && MaxPool([2, 2]).spatial == 2)
    }

    @Test func `every public class of modules computes`() throws {
        let classes = try Self.classes()
        #expect(classes.count > 150)
        let explained = Set(ModuleTable.names).union(Self.pairs.map(\.name)).union(Self.others.keys)
        let open = classes.values.filter { canBeMade($0.name, classes) }.map(\.name)
        #expect(Set(open).subtracting(explained) == [])
        #expect(explained.subtracting(classes.keys) == [])
        #expect(!open.contains("Loss") && !open.contains("Recurrent") && open.contains("LSTM"))
    }

    private struct Class {
        let name, above: String
        var hasInitialisers = false
        var hasPublicInitialisers = false
    }

    /// The public classes of `Sources/ApusNN` below `Module`, with what the bodies and extensions say of initialisers.
    private static func classes() throws -> [String: Class] {
        let folder = inCheckout("../../Sources/ApusNN")
        var found: [String: Class] = [:]
        var initialisers: [String: (any: Bool, open: Bool)] = [:]
        for case let file as URL in FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)!
        where file.pathExtension == "swift" {
            var owner = ""
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                if let match = line.firstMatch(of: /^(?:public|open) (?:final )?class (\w+)(?:<.*?>)?: (\w+)/) {
                    owner = String(match.1)
                    found[owner] = Class(name: owner, above: String(match.2))
                } else if let match = line.firstMatch(of: /^(?:private |final )*(?:extension|class|struct|enum) (\w+)/) {
                    owner = String(match.1)
                } else if let match = line.firstMatch(of: /^    ((?:\w+ )*)init[(<]/) {
                    initialisers[owner, default: (false, false)].any = true
                    if match.1.contains("public") { initialisers[owner]!.open = true }
                }
            }
        }
        for (name, says) in initialisers {
            found[name]?.hasInitialisers = says.any
            found[name]?.hasPublicInitialisers = says.open
        }
        return found.filter { isModule($0.key, found) }
    }

    private static func isModule(_ name: String, _ classes: [String: Class]) -> Bool {
        guard let above = classes[name]?.above else { return false }
        return above == "Module" || isModule(above, classes)
    }

    /// A class without initialisers of its own has those above it.
    private func canBeMade(_ name: String, _ classes: [String: Class]) -> Bool {
        guard let this = classes[name] else { return name == "Module" }
        return this.hasInitialisers ? this.hasPublicInitialisers : canBeMade(this.above, classes)
    }
}
