import ApusCore
import ApusSystem

/// A hyper-parameter of a run: a number, string or Bool.
public protocol HyperParameter {
    /// The value to write.
    var _hyperParameter: HyperParameterValue { get }
}

/// The value of a hyper-parameter as it is written.
public enum HyperParameterValue: Hashable, Sendable {
    case number(Double)
    case text(String)
    case bool(Bool)
}

extension Double: HyperParameter { public var _hyperParameter: HyperParameterValue { .number(self) } }
extension Float: HyperParameter { public var _hyperParameter: HyperParameterValue { .number(Double(self)) } }
extension Int: HyperParameter { public var _hyperParameter: HyperParameterValue { .number(Double(self)) } }
extension String: HyperParameter { public var _hyperParameter: HyperParameterValue { .text(self) } }
extension Bool: HyperParameter { public var _hyperParameter: HyperParameterValue { .bool(self) } }

/// A node of a graph that ``SummaryWriter/addGraph(_:walltime:)`` writes.
public struct GraphNode: Hashable, Sendable {
    /// A unique name. Its components, separated by `/`, are the boxes that contain the node: `net/encoder/fc1`.
    public var name: String
    /// The operation: `Linear`, `relu`.
    public var op: String
    /// The names of the nodes whose results are its inputs.
    public var inputs: [String]
    /// The shapes of its results.
    public var shapes: [Shape]
    /// The settings, shown beside the node.
    public var attributes: String

    /// A node with its inputs and settings.
    public init(_ name: String, op: String, inputs: [String] = [], shapes: [Shape] = [], attributes: String = "") {
        (self.name, self.op, self.inputs, self.shapes, self.attributes) = (name, op, inputs, shapes, attributes)
    }
}

extension SummaryWriter {
    /// Writes the hyper-parameters and the final metrics of a run, for TensorBoard's HPARAMS table. They become a run of their own in the
    /// folder `runName`, by default named by the time; `.` is the writer's own folder.
    ///
    /// Bools are written as such; PyTorch writes them as the numbers 0 and 1.
    ///
    /// - Parameter hparamDomainDiscrete: the values that a hyper-parameter may have, for the table's filters.
    public func addHparams(
        _ hparamDict: [String: any HyperParameter], _ metricDict: [String: any SummaryScalar],
        hparamDomainDiscrete: [String: [any HyperParameter]] = [:], runName: String? = nil, globalStep: Int? = nil
    ) throws {
        let metrics = try metricDict.sorted { ByteKey($0.key) < ByteKey($1.key) }.map { ($0.key, try $0.value._summaryNumber()) }
        let begun = try Hparams(hparamDict, domains: hparamDomainDiscrete, metrics: metrics.map(\.0)).begin
        let run = try SummaryWriter("\(logDir)/\(runName ?? "\(secondsSince1970())")")
        for value in begun + [Hparams.end(succeeded: true)] { try run.write(.summary([value]), globalStep, nil) }
        for (name, number) in metrics { try run.addScalar(name, number, globalStep: globalStep) }
        try run.close()
    }

    /// Writes the hyper-parameters of the writer's own run at its start. The table shows the curves named in `metrics` beside them.
    package func beginRun(_ parameters: [String: any HyperParameter], metrics: [String]) throws {
        for value in try Hparams(parameters, domains: [:], metrics: metrics).begin { try write(.summary([value]), nil, nil) }
    }

    /// Writes the end of a run that ``beginRun(_:metrics:)`` has begun.
    package func endRun(succeeded: Bool) throws { try write(.summary([Hparams.end(succeeded: succeeded)]), nil, nil) }

    /// Writes a graph. A run shows one graph, the last.
    ///
    /// Throws an `OpError` if two nodes have the same name, or if an input names no node.
    public func addGraph(_ nodes: [GraphNode], walltime: Double? = nil) throws {
        let names = Set(nodes.map { ByteKey($0.name) })
        guard names.count == nodes.count else { throw OpError("two nodes have the same name", op: "addGraph") }
        for node in nodes {
            for input in node.inputs where !names.contains(ByteKey(input)) {
                throw OpError("node '\(node.name)' takes the result of '\(input)', which is none", op: "addGraph")
            }
        }
        try write(.graph(GraphNode.encoded(nodes)), nil, walltime)
    }
}

extension GraphNode {
    /// Message `GraphDef` of tensorflow/core/framework/graph.proto.
    static func encoded(_ nodes: [GraphNode]) -> [UInt8] {
        var graph = ProtobufWriter()
        for node in nodes {
            graph.message(1) { message in
                message.text(1, node.name)
                message.text(2, node.op)
                for input in node.inputs { message.text(3, input) }
                if !node.attributes.isEmpty {
                    message.attribute("attr") { $0.text(2, node.attributes) }
                }
                if !node.shapes.isEmpty {
                    message.attribute("_output_shapes") { value in
                        value.message(1) { list in for shape in node.shapes { list.message(7) { $0.shape(shape) } } }
                    }
                }
            }
        }
        // The version of the format that PyTorch writes.
        graph.message(4) { $0.integer(1, 22) }
        return graph.bytes
    }

    /// Parses the output of ``encoded(_:)``, without shapes and attributes.
    package static func decoded(_ graph: ByteRegion) throws(FormatError) -> [GraphNode] {
        var nodes: [GraphNode] = []
        try graph.fields { field throws(FormatError) in
            guard field.number == 1 else { return }
            var node = GraphNode("", op: "")
            try field.fields("node") { field throws(FormatError) in
                switch field.number {
                case 1: node.name = try field.text("name")
                case 2: node.op = try field.text("op")
                case 3: node.inputs.append(try field.text("input"))
                default: break
                }
            }
            nodes.append(node)
        }
        return nodes
    }
}

extension ProtobufWriter {
    /// An entry in a node's map of attributes.
    fileprivate mutating func attribute(_ name: String, _ value: (inout ProtobufWriter) -> Void) {
        message(5) { entry in
            entry.text(1, name)
            entry.message(2, value)
        }
    }
}

/// The messages of TensorBoard's HPARAMS plugin. tensorboard/plugins/hparams/plugin_data.proto and api.proto.
private struct Hparams {
    /// The messages at the start of a run: the experiment's description, and the run's values.
    let begin: [SummaryValue]

    init(_ parameters: [String: any HyperParameter], domains: [String: [any HyperParameter]], metrics: [String]) throws(OpError) {
        let domains = domains.mapValues { $0.map(\._hyperParameter) }
        for (name, values) in domains {
            guard let kind = parameters[name]?._hyperParameter.kind, values.allSatisfy({ $0.kind == kind }) else {
                throw OpError("the values that '\(name)' may have are of another kind, or it is no hyper-parameter", op: "addHparams")
            }
        }
        let sorted = parameters.sorted { ByteKey($0.key) < ByteKey($1.key) }.map { ($0.key, $0.value._hyperParameter) }
        var experiment = ProtobufWriter()
        experiment.message(2) { message in
            for (name, value) in sorted {
                message.message(4) { info in
                    info.text(1, name)
                    info.integer(4, value.kind)
                    if let domain = domains[name] {
                        info.message(5) { list in for value in domain { list.message(1, value.write) } }
                    }
                }
            }
            for metric in metrics { message.message(5) { info in info.message(1) { $0.text(2, metric) } } }
        }
        var start = ProtobufWriter()
        start.message(3) { message in
            for (name, value) in sorted {
                message.message(1) { entry in
                    entry.text(1, name)
                    entry.message(2, value.write)
                }
            }
        }
        begin = [
            SummaryValue("_hparams_/experiment", nil, plugin: "hparams", pluginContent: experiment.bytes),
            SummaryValue("_hparams_/session_start_info", nil, plugin: "hparams", pluginContent: start.bytes),
        ]
    }

    /// The message at the end of a run: `STATUS_SUCCESS` or `STATUS_FAILURE`.
    static func end(succeeded: Bool) -> SummaryValue {
        var end = ProtobufWriter()
        end.message(4) { $0.integer(1, succeeded ? 1 : 2) }
        return SummaryValue("_hparams_/session_end_info", nil, plugin: "hparams", pluginContent: end.bytes)
    }
}

extension HyperParameterValue {
    /// `DATA_TYPE_STRING`, `DATA_TYPE_BOOL` or `DATA_TYPE_FLOAT64`.
    fileprivate var kind: Int64 {
        switch self {
        case .text: 1
        case .bool: 2
        case .number: 3
        }
    }

    /// Message `google.protobuf.Value`.
    fileprivate func write(_ message: inout ProtobufWriter) {
        switch self {
        case .number(let value): message.double(2, value)
        case .text(let value): message.text(3, value)
        case .bool(let value): message.integer(4, value ? 1 : 0)
        }
    }
}
