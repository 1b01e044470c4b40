import ApusCore
import ApusNN

/// The layers of a model with their output shapes, numbers of parameters and multiply-adds. PyTorch: the package torchinfo.
public struct ModelSummary: Sendable {
    /// A layer, or a container of layers.
    public struct Row: Sendable {
        /// `conv1 (Conv2d)`; for the model itself only its type's name.
        public var title: String
        /// The number of containers around it.
        public var depth: Int
        /// The shape of each output of its last call; empty if it was not called.
        public var outputs: [Shape]
        /// The number of values in its own parameters, without those of its submodules; a shared parameter counts at its first use.
        public var parameters: Int
        /// Multiply-adds of its own matrix products and convolutions, without those of its submodules.
        public var multiplyAdds: Int

        package var outputText: String { outputs.map { "\($0)" }.joined(separator: ", ") }
        package var parametersText: String { parameters == 0 ? "-" : Text.grouped(parameters) }
        package var multiplyAddsText: String { multiplyAdds == 0 ? "-" : Text.grouped(multiplyAdds) }
    }

    /// The model, then its layers, each before its submodules.
    public var rows: [Row]
    /// The shape of the input.
    public var input: Shape
    /// The number of values in all parameters.
    public var parameters: Int
    /// The number of values in parameters that require a gradient.
    public var trainable: Int
    /// Multiply-adds of all products and convolutions for that input.
    public var multiplyAdds: Int
    /// The bytes of all parameters.
    public var parameterBytes: Int
    /// The shape of the output for that input.
    public var output: Shape

    /// Runs `model` once on zeros of shape `input`, in evaluation mode and without a graph. Throws an `OpError` if they do not fit.
    public init(_ model: Module, input: some Collection<Int>, device: Device = .cpu) throws {
        let input = Shape(input)
        let named = model.namedModules()
        var outputs: [ObjectIdentifier: [Shape]] = [:]
        let handles = named.map { entry in
            entry.module.registerForwardHook { module, _, result in
                outputs[ObjectIdentifier(module)] = result.map(\.shape)
                return nil
            }
        }
        defer { for handle in handles { handle.remove() } }
        let counter = MultiplyAdds()
        let wasTraining = model.training
        model.eval()
        defer { if wasTraining { model.train() } }
        output = try Context.observed(by: counter) { try checked { inferenceMode { model(Tensor.zeros(input, device: device)).shape } } }

        var counted: Set<ObjectIdentifier> = []
        var ancestors: [String] = []
        (rows, self.input, parameters, trainable, multiplyAdds, parameterBytes) = ([], input, 0, 0, 0, 0)
        for (name, module) in named {
            while let last = ancestors.last, !last.isEmpty, !name.hasPrefix(last + ".") { ancestors.removeLast() }
            let short = ancestors.last.map { $0.isEmpty ? name : String(name.dropFirst($0.count + 1)) } ?? name
            var own = 0
            for (_, parameter) in module.namedParameters(recurse: false) where counted.insert(ObjectIdentifier(parameter)).inserted {
                own += parameter.numel
                parameterBytes += parameter.numel * parameter.dtype.size
                if parameter.requiresGrad { trainable += parameter.numel }
            }
            let adds = counter.counts[ObjectIdentifier(module)] ?? 0
            rows.append(
                Row(
                    title: name.isEmpty ? module.typeName : "\(short) (\(module.typeName))", depth: ancestors.count,
                    outputs: outputs[ObjectIdentifier(module)] ?? [], parameters: own, multiplyAdds: adds))
            parameters += own
            multiplyAdds += adds
            ancestors.append(name)
        }
    }

    /// A table for the terminal.
    public func text(unicode: Bool = true) -> String {
        let titles = rows.map { String(repeating: "  ", count: $0.depth) + $0.title }
        let cells =
            [["layer", "output shape", "parameters", "multiply-adds"]]
            + zip(titles, rows).map { [$0, $1.outputText, $1.parametersText, $1.multiplyAddsText] }
        let rule = Table.rule(cells, unicode)
        var lines = Table.lines(cells, right: [2, 3])
        lines.insert(rule, at: 1)
        lines += [
            rule, "input           \(input)",
            "parameters      \(Text.grouped(parameters)) (\(Text.bytes(parameterBytes)))"
                + (trainable == parameters ? "" : ", \(Text.grouped(trainable)) of them trainable"),
            "multiply-adds   \(Text.grouped(multiplyAdds))",
        ]
        return lines.joined(separator: "\n")
    }
}

extension ModelSummary: CustomStringConvertible {
    /// The table.
    public var description: String { text() }
}

/// Counts the multiply-adds of every op for the innermost called module.
private final class MultiplyAdds: Observer {
    var counts: [ObjectIdentifier: Int] = [:]

    func didRun(_ name: String, inputs: [Tensor], outputs: [Tensor]) {
        guard let module = Context.current.modules.last, inputs.count >= 2,
            let count = outputs.first.flatMap({ MultiplyAdds.count(name, inputs, $0) })
        else { return }
        counts[ObjectIdentifier(module.takeUnretainedValue()), default: 0] += count
    }

    /// In a product each output element sums over the columns of the left operand. In a convolution each output element (in a transposed
    /// one each input element) takes as many multiply-adds as one channel has weights.
    static func count(_ name: String, _ inputs: [Tensor], _ output: Tensor) -> Int? {
        let name = name.lowercased()
        if name.hasPrefix("conv") {
            let (x, weight) = (inputs[0], inputs[1])
            guard weight.ndim >= 3, weight.size(0) > 0 else { return nil }
            return (name.contains("transpose") ? x.numel : output.numel) * (weight.numel / weight.size(0))
        }
        guard ["matmul", "linear", "bmm", "addmm"].contains(name), inputs[0].ndim >= 1 else { return nil }
        return output.numel * inputs[0].size(-1)
    }
}
