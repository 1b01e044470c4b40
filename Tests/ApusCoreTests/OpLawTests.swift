import ApusNN
import Foundation
import TestSupport
import Testing
@testable import ApusCore

/// Ops are values: they can be printed, compared and applied again.
@Suite struct OpLawTests {
    /// The ops that computed `x`, the last one first.
    static func ops(of x: Tensor) -> [any Op] {
        var (found, seen, waiting): ([any Op], Set<ObjectIdentifier>, [Node]) = ([], [], x.node.map { [$0] } ?? [])
        while let node = waiting.popLast() {
            guard seen.insert(ObjectIdentifier(node)).inserted else { continue }
            if let op = Mirror(reflecting: node).descendant("op") as? any Op { found.append(op) }
            waiting += node.edges.compactMap(\.node)
        }
        return found
    }

    /// The types in Sources that conform to `Op`: their names, and the text that follows.
    static func declarations() throws -> [(name: String, file: String, text: Substring)] {
        let files = FileManager.default.enumerator(at: inCheckout("../../Sources"), includingPropertiesForKeys: nil)
        let type = try Regex(
            "(?:struct|enum|class|extension) ([\\w.]+)(?:<[^>]*>)?: (?:[^{\n]*, )?Op(?:, [^{\n]*)?(?: where [^{\n]*)? \\{\n",
            as: (Substring, Substring).self)
        return try (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }.flatMap { file in
            let text = try String(contentsOf: file, encoding: .utf8)
            return text.matches(of: type).map { (String($0.output.1), file.lastPathComponent, text[$0.range.upperBound...]) }
        }
    }

    private typealias Call = (name: String, call: @Sendable ([Tensor]) -> Tensor, shapes: [Shape])
    private static let layers: [Call] = [
        ("linear", { F.linear($0[0], $0[1], $0[2]) }, [[2, 3], [4, 3], [4]]),
        ("conv2d", { F.conv2d($0[0], $0[1], padding: 1) }, [[1, 2, 5, 5], [3, 2, 3, 3]]),
        ("maxPool2d", { F.maxPool2d($0[0], kernelSize: 2) }, [[1, 2, 4, 4]]),
        ("avgPool2d", { F.avgPool2d($0[0], kernelSize: 2) }, [[1, 2, 4, 4]]),
        ("layerNorm", { F.layerNorm($0[0], [3], weight: $0[1]) }, [[2, 3], [3]]),
        ("batchNorm", { F.batchNorm($0[0], nil, nil, training: true) }, [[4, 3]]),
        ("crossEntropy", { F.crossEntropy($0[0], Tensor([0, 2])) }, [[2, 3]]),
        ("embedding", { F.embedding(Tensor([1, 0, 1]), $0[0]) }, [[2, 3]]),
        ("ctcLoss", { F.ctcLoss($0[0], Tensor([[1]]), inputLengths: [3], targetLengths: [1]) }, [[3, 1, 2]]),
        ("frexp", { $0[0].frexp().mantissa }, [[3]]),
    ]

    /// All rules, and all functions whose derivatives are tested.
    private static let calls: [Call] =
        DerivativeTests.unaryCases.map { c in (c.name, { c.f($0[0]) }, [[2, 3]]) }
        + DerivativeTests.broadcastCases.map { c in (c.name, { c.f($0[0], $0[1]) }, [[2, 1, 3], [2, 1]]) }
        + DerivativeTests.shapedCases.map { c in (c.name, { c.f($0[0]) }, [[2, 3, 4]]) }
        + DerivativeTests.statisticsCases.map { c in (c.name, { c.f($0[0]) }, [[2, 3, 4]]) }
        + (LinearAlgebraTests.cases + LinalgTests.cases).map { c in (c.name, { c.f($0[0], $0[1]) }, [[2, 3, 3], [3, 2]]) }
        + layers
        + UnaryRule.all.map { rule in (rule.name, { $0[0].unary(rule, KernelParameters(1, 2, 1)) }, [[2, 3]]) }
        + BinaryRule.all.map { rule in (rule.name, { Tensor.binary(rule, $0[0], $0[1], KernelParameters(1, 2, 1)) }, [[2, 3], [3]]) }

    /// Calling a function twice makes equal ops and equal bits. Ops print their attributes: ops of one type are equal if they print alike.
    @Test func opsAreValues() {
        var kinds: [String: [any Op]] = [:]
        for (name, call, shapes) in Self.calls {
            func run() -> Tensor {
                // Functions that accept only integers have no graph.
                let inputs = shapes.enumerated().map { DerivativeTests.numbers($1, from: 0.1, to: 0.9, phase: Double($0)).requiresGrad_() }
                return (try? checked { withGenerator(Generator(seed: 1)) { call(inputs) } }) ?? Tensor.zeros([])
            }
            let (once, twice) = (run(), run())
            #expect(once.shape == twice.shape && once.detach().bytes() == twice.detach().bytes(), "\(name)")
            let (first, second) = (Self.ops(of: once), Self.ops(of: twice))
            #expect(first.count == second.count && zip(first, second).allSatisfy { $0.isEqual(to: $1) }, "\(name): \(first) and \(second)")
            for op in first { kinds["\(type(of: op))", default: []].append(op) }
        }
        for (kind, ops) in kinds {
            let alike = Dictionary(grouping: ops) { "\($0)" }
            for (printed, ops) in alike {
                #expect(printed.hasPrefix("\(kind)(") && ops.allSatisfy { $0.isEqual(to: ops[0]) }, "\(printed)")
            }
            for (printed, ops) in alike {
                let twins = alike.filter { $0.key != printed && $0.value[0].isEqual(to: ops[0]) }
                #expect(twins.isEmpty, "\(printed) equals \(twins.keys)")
            }
        }
        #expect(kinds.count > 35, "\(kinds.keys.sorted())")
        #expect(Set((kinds["Unary"] ?? []).map { "\($0)" }).count > 40)
    }

    /// An op knows nothing of the batch that it was made for: applied to another one, it gives what the function gives of it.
    @Test func opsOfAnyBatch() {
        func again<O: Op>(_ op: O, _ inputs: [Tensor]) -> Tensor {
            let outputs = apply(op, Inputs(inputs))
            return outputs as? Tensor ?? (outputs as! [Tensor])[0]
        }
        let weight = DerivativeTests.numbers([2, 2, 3, 3])
        let calls: [(String, (Tensor) -> Tensor, [Tensor])] = [
            ("conv2d", { F.conv2d($0, weight, stride: 2) }, [weight]),
            ("convTranspose2d", { F.convTranspose2d($0, weight, stride: 2, outputPadding: 1) }, [weight]),
            ("maxPool2d", { F.maxPool2d($0, kernelSize: 2) }, []), ("avgPool2d", { F.avgPool2d($0, kernelSize: 3, stride: 2) }, []),
            ("adaptiveAvgPool2d", { F.adaptiveAvgPool2d($0, 3) }, []),
            ("maxPool1d", { F.maxPool1d($0.flatten(startDim: 2), kernelSize: 3) }, []),
        ]
        for (name, call, more) in calls {
            let op = Self.ops(of: call(DerivativeTests.numbers([2, 2, 6, 6]).requiresGrad_()))[0]
            let x = DerivativeTests.numbers([5, 2, 6, 6], phase: 1)
            expectEqual(again(op, [name == "maxPool1d" ? x.flatten(startDim: 2) : x] + more), call(x), "\(name)")
            // So do the ops of its gradient. That of a transposed convolution is a convolution.
            if name == "convTranspose2d" { continue }
            let leaf = DerivativeTests.numbers([2, 2, 6, 6]).requiresGrad_()
            let gradient = grad(of: call(leaf).square().sum(), withRespectTo: [leaf], createGraph: true)[0]
            for inner in Self.ops(of: gradient) where ["averagePoolBackward", "convolutionBackwardInput"].contains(inner.name) {
                let wanted = x.clone().requiresGrad_()
                call(wanted).square().sum().backward()
                expectEqual(again(inner, [call(x) * 2] + more), wanted.grad!, "\(inner.name)")
            }
        }
    }

    /// Functions with many steps make equally many ops for any number of steps.
    @Test func graphsThatDoNotGrow() {
        func names(_ x: Tensor) -> [String] { Self.ops(of: x).map(\.name) }
        let losses = [3, 30].map { frames in
            let x = Tensor.zeros([frames, 1, 2]).requiresGrad_()
            return names(F.ctcLoss(x, Tensor([[1]]), inputLengths: [frames], targetLengths: [1]))
        }
        #expect(losses[0] == losses[1] && losses[0].count { $0 == "ctcLoss" } == 1, "\(losses)")
        let weights = [3, 12].map { names(Parametrizations.orthogonal(Linear($0, $0), orthogonalMap: .householder).weight * 1) }
        #expect(weights[0] == weights[1] && weights[0].count { $0 == "solveTriangular" } == 1, "\(weights)")
    }
}

extension Op {
    fileprivate func isEqual(to other: any Op) -> Bool { (other as? Self) == self }
}
