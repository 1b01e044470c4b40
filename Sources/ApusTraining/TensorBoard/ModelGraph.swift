import ApusCore
import ApusFormats
import ApusNN
import ApusSystem

extension SummaryWriter {
    /// The graph of `model` as a call with `inputToModel` runs it, in evaluation mode and without gradients.
    ///
    /// A layer is a node, named by its path and of its class's name as `op`; a module with modules in it is a box. What such a module computes
    /// by itself are nodes of the ops. A number in a path gets its class: `features/Conv2d[0]`. Edges are tensors, from what made them to
    /// what takes them; parameters are not drawn. A layer that is called several times is as many nodes.
    ///
    /// Throws an `OpError` if the two do not fit.
    public func addGraph(_ model: Module, _ inputToModel: Tensor, walltime: Double? = nil) throws {
        try addGraph(model, inputs: [inputToModel], walltime: walltime) { _ = model(inputToModel) }
    }

    /// The graph of a model that takes several inputs, or others than tensors: `try writer.addGraph(model, inputs: [x, mask]) { _ = model(x, mask: mask) }`.
    public func addGraph(_ model: Module, inputs: [Tensor], walltime: Double? = nil, call: () throws -> Void) throws {
        let modules = model.namedModules()
        let recorder = GraphRecorder(model, modules, inputs)
        let modes = modules.map { ($0.module, $0.module.training) }
        let handles = modules.map { $0.module.registerForwardHook { recorder.didCall($0, $1, $2) } }
        model.eval()
        defer {
            for (module, training) in modes { module.training = training }
            for handle in handles { handle.remove() }
        }
        // Random numbers of its own, so that a training that is looked at stays what it is.
        try withGenerator(Generator(seed: 0)) { try Context.observed(by: recorder) { try checked { try inferenceMode { try call() } } } }
        try addGraph(recorder.finish(), walltime: walltime)
    }
}

/// Makes nodes of what a call runs.
private final class GraphRecorder: Observer {
    private var nodes: [GraphNode] = []
    private var names: Set<String> = []

    /// The called modules, innermost last, with the node that a layer is.
    private var calls: [(module: AnyObject, node: Int?)] = []
    /// What has begun and not ended; an op within another is a part of it.
    private var open: [Kind] = []
    private enum Kind { case module, op, other }

    private let model: Module
    /// The names of boxes and layers by module.
    private var paths: [ObjectIdentifier: String] = [:]
    private var layers: Set<ObjectIdentifier> = []
    private var outputs: [Tensor] = []

    /// The node that made a tensor, by the tensor or, where it was made or changed by something unseen, by its storage.
    private var makers: [ObjectIdentifier: Int] = [:]
    private var storages: [ObjectIdentifier: Int] = [:]
    /// Storages of parameters and buffers.
    private let parameters: Set<ObjectIdentifier>
    /// All tensors seen, so that no identity comes twice.
    private var kept: [Tensor] = []

    init(_ model: Module, _ modules: [(name: String, module: Module)], _ inputs: [Tensor]) {
        self.model = model
        parameters = Set((model.parameters() as [Tensor] + model.buffers()).map { ObjectIdentifier($0.storage) })
        var byName: [ByteKey: String] = [:]
        for (name, module) in modules {
            var parts = name.split(separator: ".").map(String.init)
            if let last = parts.last, Int(last) != nil { parts[parts.count - 1] = "\(module.typeName)[\(last)]" }
            // The nearest module around it has its class in its path already.
            let around = parts.indices.dropFirst().last { byName[ByteKey(name.split(separator: ".")[..<$0].joined(separator: "."))] != nil }
            if let around {
                parts.replaceSubrange(..<around, with: [byName[ByteKey(name.split(separator: ".")[..<around].joined(separator: "."))]!])
            }
            let path = parts.joined(separator: "/")
            byName[ByteKey(name)] = path
            paths[ObjectIdentifier(module)] = path
            if module.children().isEmpty { layers.insert(ObjectIdentifier(module)) }
        }
        for input in inputs { made(input, by: add("input", op: "Input", shapes: [input.shape])) }
    }

    /// Adds a node with that name, or with a number behind it where the name is taken; returns its index.
    private func add(_ name: String, op: String, inputs: [Int] = [], shapes: [Shape] = [], attributes: String = "") -> Int {
        var (unique, number) = (name, 1)
        while !names.insert(unique).inserted {
            unique = "\(name)_\(number)"
            number += 1
        }
        nodes.append(GraphNode(unique, op: op, inputs: inputs.map { nodes[$0].name }, shapes: shapes, attributes: attributes))
        return nodes.count - 1
    }

    private func made(_ tensor: Tensor, by node: Int) {
        kept.append(tensor)
        makers[ObjectIdentifier(tensor)] = node
        storages[ObjectIdentifier(tensor.storage)] = node
    }

    private func isParameter(_ tensor: Tensor) -> Bool { parameters.contains(ObjectIdentifier(tensor.storage)) }

    private func maker(of tensor: Tensor) -> Int? {
        isParameter(tensor) ? nil : makers[ObjectIdentifier(tensor)] ?? storages[ObjectIdentifier(tensor.storage)]
    }

    /// The box of the innermost call, with `/` behind it.
    private var scope: String {
        guard let inner = calls.last?.module else { return "" }
        let path = paths[ObjectIdentifier(inner)] ?? (inner as? Module)?.typeName ?? ""
        return path.isEmpty ? "" : path + "/"
    }

    /// Whether the model is being called: what else the caller computes, or a first call tries out, is not of the model.
    private var isInside: Bool { calls.contains { $0.module === model } }

    /// The node of the layer that is being called; nil outside of layers.
    private var layer: Int? { calls.lazy.compactMap(\.node).first }

    /// Adds edges from what made `tensors` to `node`.
    private func connect(_ tensors: [Tensor], to node: Int) {
        for tensor in tensors {
            guard let maker = maker(of: tensor), maker != node, !nodes[node].inputs.contains(nodes[maker].name) else { continue }
            nodes[node].inputs.append(nodes[maker].name)
        }
    }

    func willBegin(_ activity: Activity) {
        switch activity {
        case .module(let module):
            var node: Int?
            let id = ObjectIdentifier(module)
            if module === model || isInside, layer == nil, layers.contains(id), let module = module as? Module, let path = paths[id] {
                node = add(path.isEmpty ? module.typeName : path, op: module.typeName, attributes: module.extraRepr)
            }
            calls.append((module, node))
            open.append(.module)
        case .op: open.append(.op)
        case .derivative, .step: open.append(.other)
        }
    }

    func didEnd() { if open.removeLast() == .module { calls.removeLast() } }

    func didRun(_ name: String, inputs: [Tensor], outputs: [Tensor]) {
        guard isInside, open.count(where: { $0 == .op }) == 1 else { return }
        if let layer {
            connect(inputs, to: layer)
            for output in outputs { made(output, by: layer) }
            return
        }
        // Tensors made of nothing that was seen are constants.
        for input in inputs where maker(of: input) == nil && !isParameter(input) {
            made(input, by: add(scope + "constant", op: "Constant", shapes: [input.shape]))
        }
        let node = add(scope + name, op: name, shapes: outputs.map(\.shape))
        connect(inputs, to: node)
        for output in outputs { made(output, by: node) }
    }

    /// The hook of a module: a layer's inputs and outputs, also where it runs no op.
    func didCall(_ module: Module, _ inputs: [Tensor], _ outputs: [Tensor]) {
        if module === model { self.outputs = outputs }
        guard let call = calls.last, call.module === module, let node = call.node else { return }
        connect(inputs, to: node)
        nodes[node].shapes = outputs.map(\.shape)
        for output in outputs where !isParameter(output) { made(output, by: node) }
    }

    /// All nodes, the outputs among them.
    func finish() -> [GraphNode] {
        for output in outputs { connect([output], to: add("output", op: "Output", shapes: [output.shape])) }
        return nodes
    }
}
