import ApusCore
import ApusFormats
import ApusNN
import ApusOptim

/// A value that can be stored in a checkpoint: a part of a run, a number, string or tensor, or a collection of them.
public protocol CheckpointValue {
    /// The value in PyTorch's representation.
    func checkpointed() throws -> PyTorchObject
}

/// A part of a run that can be restored from a checkpoint.
public protocol CheckpointPart: AnyObject, CheckpointValue {
    /// Restores the state that ``CheckpointValue/checkpointed()`` or PyTorch's `state_dict()` of the same class has returned. If it does
    /// not fit, throws an error that says why, and changes nothing.
    func restore(_ saved: PyTorchObject) throws
}

/// A part of the library's own, which reads and checks a saved state before it changes.
protocol ReadPart: CheckpointPart {
    /// Nothing changes before what it returns is called.
    func restoring(_ saved: PyTorchObject) throws -> () throws -> Void
    /// What puts it back to how it is now.
    func undoing() throws -> () throws -> Void
}

extension CheckpointPart {
    /// The same of any part, by its own state.
    func undoing() throws -> () throws -> Void {
        let state = try checkpointed().withTensorsCopied()
        return { [self] in try restore(state) }
    }
}

extension Module: CheckpointPart, ReadPart {
    /// Parameters and persistent buffers by name. PyTorch: `model.state_dict()`.
    public final func checkpointed() throws -> PyTorchObject { PyTorchObject(stateDict()) }

    public final func restore(_ saved: PyTorchObject) throws { try restoring(saved)() }

    final func restoring(_ saved: PyTorchObject) throws -> () throws -> Void { try loading(saved.stateDict()).load }
}

extension Optimizer: CheckpointPart, ReadPart {
    /// `state` and `param_groups`. PyTorch: `optimizer.state_dict()`.
    public final func checkpointed() throws -> PyTorchObject {
        // PyTorch's SparseAdam alone counts steps by an integer.
        PyTorchObject(stateDict(), countsAreTensors: !(self is SparseAdam))
    }

    /// Settings that a group of the file lacks, as files of earlier versions of PyTorch do, keep their values. Settings that only choose an
    /// implementation in PyTorch are ignored (`foreach`, `fused`, `capturable`, `differentiable`). A parameter that the file does not name
    /// has had no step: so PyTorch says it.
    public final func restore(_ saved: PyTorchObject) throws { try restoring(saved)() }

    final func restoring(_ saved: PyTorchObject) throws -> () throws -> Void {
        var state = try OptimizerState(saved, of: "\(type(of: self))")
        let groups = saved["param_groups"]?.count ?? 0
        for (key, value) in stateDict().values where state.values[key] == nil {
            let parts = key.split(separator: ".", maxSplits: 2)
            guard parts[0] == "param_groups", let group = Int(parts[1]), group < groups else { continue }
            if parts[2] != "params" && parts[2] != "initial_lr" { state.values[key] = value }
        }
        return try loading(completed(state))
    }
}

extension LRScheduler: CheckpointPart, ReadPart {
    /// PyTorch: `scheduler.state_dict()`.
    public final func checkpointed() throws -> PyTorchObject { ScheduleObject.object(stateDict()) }

    /// Settings that the file lacks keep their values, such as those that PyTorch stores in the optimizer's groups.
    public final func restore(_ saved: PyTorchObject) throws { try restoring(saved)() }

    final func restoring(_ saved: PyTorchObject) throws -> () throws -> Void {
        try loading(ScheduleObject.state(saved, like: stateDict(), of: "\(type(of: self))"))
    }
}

extension ReduceLROnPlateau: CheckpointPart, ReadPart {
    /// PyTorch: `scheduler.state_dict()`.
    public func checkpointed() throws -> PyTorchObject { ScheduleObject.object(stateDict()) }

    public func restore(_ saved: PyTorchObject) throws { try restoring(saved)() }

    func restoring(_ saved: PyTorchObject) throws -> () throws -> Void {
        try loading(ScheduleObject.state(saved, like: stateDict(), of: "ReduceLROnPlateau"))
    }
}

extension GradScaler: CheckpointPart, ReadPart {
    /// PyTorch: `scaler.state_dict()`.
    public func checkpointed() throws -> PyTorchObject { ScheduleObject.object(stateDict()) }

    public func restore(_ saved: PyTorchObject) throws { try restoring(saved)() }

    func restoring(_ saved: PyTorchObject) throws -> () throws -> Void {
        try loading(ScheduleObject.state(saved, like: stateDict(), of: "GradScaler"))
    }
}

extension Generator: CheckpointPart, ReadPart {
    /// Seed and counter. They cannot be exchanged with PyTorch, whose generators are different.
    public func checkpointed() throws -> PyTorchObject {
        ["seed": PyTorchObject("\(state.seed)"), "offset": PyTorchObject("\(state.offset)")]
    }

    public func restore(_ saved: PyTorchObject) throws { try restoring(saved)() }

    func restoring(_ saved: PyTorchObject) throws -> () throws -> Void {
        guard let seed = saved["seed"]?.string.flatMap({ UInt64($0) }), let offset = saved["offset"]?.string.flatMap({ UInt64($0) }) else {
            throw CheckpointError(part: "Generator", reason: "no seed and offset but \(saved): not the state of a generator of Apus")
        }
        return { [self] in state = State(seed: seed, offset: offset) }
    }
}

/// Thrown if a saved part does not fit the object that it is loaded into.
public struct CheckpointError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The class of the object.
    public let part: String
    /// What does not fit.
    public let reason: String

    public var description: String { "\(part): \(reason)" }
}

// MARK: Values

extension Int: CheckpointValue { public func checkpointed() -> PyTorchObject { PyTorchObject(self) } }
extension Double: CheckpointValue { public func checkpointed() -> PyTorchObject { PyTorchObject(self) } }
extension Float: CheckpointValue { public func checkpointed() -> PyTorchObject { PyTorchObject(Double(self)) } }
extension Bool: CheckpointValue { public func checkpointed() -> PyTorchObject { PyTorchObject(self) } }
extension String: CheckpointValue { public func checkpointed() -> PyTorchObject { PyTorchObject(self) } }
extension Tensor: CheckpointValue { public func checkpointed() -> PyTorchObject { .tensor(detach()) } }
extension StateDict: CheckpointValue { public func checkpointed() -> PyTorchObject { PyTorchObject(self) } }
extension PyTorchObject: CheckpointValue { public func checkpointed() -> PyTorchObject { self } }

extension Array: CheckpointValue where Element: CheckpointValue {
    public func checkpointed() throws -> PyTorchObject { .list(try map { try $0.checkpointed() }) }
}

extension Dictionary: CheckpointValue where Key == String, Value: CheckpointValue {
    /// Sorted by key, since a dictionary has no order.
    public func checkpointed() throws -> PyTorchObject {
        .dictionary(try sorted { $0.key < $1.key }.map { (key: PyTorchObject($0.key), value: try $0.value.checkpointed()) })
    }
}
