import Apus
import Foundation

/// Compares modules with PyTorch's recorded answers: each case is built from PyTorch's names and arguments, given the recorded state,
/// called, and compared in output, buffers, printed form, keys and gradients. A case that must fail passes if Apus reports the error.
package struct ConformanceRunner {
    /// The device on which modules run.
    package let device: Device
    /// The only class to run; nil for all.
    package let only: String?

    package init(device: Device = .cpu, only: String? = nil) {
        self.device = device
        self.only = only
    }

    package struct Result {
        package let module: String
        package let key: String
        /// What differed; nil if the case passed.
        package let complaint: String?
        /// Whether nothing could be compared.
        package var isExcused = false
    }

    /// Runs every case under `folder` (one folder per class), ordered by name, and passes each result to `report` at once.
    package func run(_ folder: String, report: (Result) -> Void) throws {
        for module in try modules(folder) {
            for item in try Case.read("\(folder)/\(module)") {
                report(Result(module: item.module, key: item.key, complaint: withGenerator(Generator(seed: 0)) { complaint(item) }))
            }
        }
    }

    /// The classes that have cases under `folder`, ordered by name.
    func modules(_ folder: String) throws -> [String] {
        let modules = try FileManager.default.contentsOfDirectory(atPath: folder).sorted().filter {
            FileManager.default.fileExists(atPath: "\(folder)/\($0)/cases.json") && (only == nil || only == $0)
        }
        if modules.isEmpty { throw CaseFileError(description: "\(folder) has no folder \(only ?? "of a module") with a file cases.json") }
        return modules
    }

    private func complaint(_ item: Case) -> String? {
        switch item.answer {
        case .output(let repr, let output, let cotangents, let after):
            do {
                return try wrongAnswer(item, repr, output, cotangents, after)
            } catch {
                return "\(error)"
            }
        case .error(let onConstruct): return missedError(item, onConstruct)
        }
    }

    /// Errors that the constructor may report although PyTorch raises them only in the forward pass: parts of the class name and the
    /// message, and why.
    static let refusedEarlier: [(module: String, message: String, why: String)] = [
        (
            "GRUCell", "argument 'bias'",
            "PyTorch takes any value for a condition, and here the string that is meant for RNNCell's nonlinearity"
        ),
        ("RNNCell", "argument 'bias'", "the same"),
        ("Pad1d", "argument 'padding'", "a list of another length is wrong for every input"),
        ("Pad2d", "argument 'padding'", "the same"),
        ("Pad3d", "argument 'padding'", "the same"),
        ("LazyConv", "must lie in 1 ...", "a window without elements, or one that does not move, is wrong for every input"),
        ("Loss", "argument 'reduction'", "an enumeration has no other values"),
    ]

    /// nil if Apus reports an error for the case: in the constructor if PyTorch's does, else in the forward pass.
    private func missedError(_ item: Case, _ onConstruct: Bool) -> String? {
        let module: Module
        do {
            module = try build(item)
        } catch let error as TableError where error.isUnknownName {
            return "\(error)"
        } catch let error as StateDictError {
            return "\(error)"
        } catch {
            if onConstruct || Self.refusedEarlier.contains(where: { item.module.contains($0.module) && "\(error)".contains($0.message) }) {
                return nil
            }
            return "the constructor refuses what the forward pass must: \(error)"
        }
        if onConstruct { return "was built: \(module)" }
        do {
            let output = try ModuleTable.call(
                item.module, module, item.inputs.map { $0.moved(to: device) },
                item.namedInputs.map { ($0.name, $0.value.moved(to: device)) })
            return "gave \(output.summary) where PyTorch raises an error"
        } catch let error as TableError {
            return "\(error), where the forward pass must fail"
        } catch {
            return nil
        }
    }

    func build(_ item: Case) throws -> Module {
        let module = try ModuleTable.make(item.module, item.arguments.map(\.copied), item.namedArguments.map { ($0.name, $0.value.copied) })
        module.to(device)
        // A lazy layer that fails before it knows its shapes has no state.
        if !item.state.isEmpty || !item.module.hasPrefix("Lazy") { try module.loadStateDict(item.state) }
        return module.train(item.training)
    }

    private func wrongAnswer(_ item: Case, _ repr: String, _ output: Argument, _ cotangents: Argument, _ after: StateDict) throws -> String?
    {
        let tolerance = Tolerance(module: item.module)
        let module = try build(item)
        if module.stateDict().keys != item.state.keys { return "keys \(module.stateDict().keys) instead of \(item.state.keys)" }
        let (answer, leaves) = try called(item, module)
        if let complaint = difference(answer, output, tolerance, "output") { return complaint }
        // Printed after the call, as in the recording, where a lazy module has become an ordinary one.
        if module.description != repr { return "prints\n\(module)\ninstead of\n\(repr)" }
        let state = module.stateDict()
        for (name, expected) in after {
            guard let buffer = state[name] else { return "has no buffer '\(name)'" }
            if let complaint = difference(buffer, expected, tolerance) { return "buffer \(name) \(complaint)" }
        }
        try runBackward(answer, cotangents)
        for (name, expected) in item.gradients {
            guard let tensor = leaves[name] else { return "there is no leaf '\(name)'" }
            guard let gradient = tensor.grad else { return "no gradient of \(name)" }
            if let complaint = difference(gradient, expected, tolerance) { return "gradient of \(name) \(complaint)" }
        }
        return nil
    }

    /// The module's output for the inputs of the case, and the leaves with recorded gradients, by name. `dtype` converts the inputs.
    func called(_ item: Case, _ module: Module, _ dtype: DType? = nil) throws -> (answer: Argument, leaves: [String: Tensor]) {
        let wanted = Set(item.gradients.map(\.leaf))
        var leaves: [String: Tensor] = [:]
        func leaf(_ value: Argument, _ name: String) -> Argument {
            let value = value.moved(to: device).converted(to: dtype)
            if wanted.contains("input/\(name)"), case .tensor(let tensor) = value { leaves["input/\(name)"] = tensor.requiresGrad_() }
            return value
        }
        let inputs = item.inputs.enumerated().map { leaf($0.element, "\($0.offset)") }
        let named = item.namedInputs.map { ($0.name, leaf($0.value, $0.name)) }
        for (name, parameter) in module.namedParameters() { leaves["state/\(name)"] = parameter }
        return (try ModuleTable.call(item.module, module, inputs, named), leaves)
    }

    /// Runs backward from the recorded cotangents, if there are any.
    func runBackward(_ answer: Argument, _ cotangents: Argument, _ dtype: DType? = nil) throws {
        try checked {
            var terms: [Tensor] = []
            collect(answer, cotangents.moved(to: device).converted(to: dtype), into: &terms)
            guard let first = terms.first else { return }
            terms.dropFirst().reduce(first, +).backward()
        }
    }

    /// (output · cotangent).sum() of each output.
    private func collect(_ output: Argument, _ cotangent: Argument, into terms: inout [Tensor]) {
        switch (output, cotangent) {
        case (.tensor(let y), .tensor(let c)) where y.requiresGrad: terms.append((y * c).sum())
        case (.list(let outputs), .list(let cotangents)):
            for (y, c) in zip(outputs, cotangents) { collect(y, c, into: &terms) }
        default: break
        }
    }
}

extension Argument {
    /// A copy with its own tensors, since the files' tensors are mapped and a module may change its arguments.
    var copied: Argument { moved(to: .cpu) }

    fileprivate func moved(to device: Device) -> Argument {
        switch self {
        case .tensor(let tensor): .tensor(noGrad { tensor.device == device ? tensor.clone() : tensor.to(device) })
        case .list(let values): .list(values.map { $0.moved(to: device) })
        default: self
        }
    }

    /// Converts floating-point tensors to `dtype`, if it is given.
    func converted(to dtype: DType?) -> Argument {
        switch (self, dtype) {
        case (.tensor(let tensor), let dtype?) where tensor.dtype.isFloatingPoint: .tensor(noGrad { tensor.detach().to(dtype) })
        case (.list(let values), .some): .list(values.map { $0.converted(to: dtype) })
        default: self
        }
    }
}
