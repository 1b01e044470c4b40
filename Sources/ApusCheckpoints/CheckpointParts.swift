import ApusCore
import ApusFormats
import ApusNN
import ApusOptim

/// What a checkpoint can hold: a part of a run, a number, text, tensor, or several of them.
public protocol CheckpointValue {
    /// The value as it is written, in PyTorch's spelling.
    func checkpointed() throws -> PyTorchObject
}

/// A part of a run, which a checkpoint brings back to where it was.
public protocol CheckpointPart: AnyObject, CheckpointValue {
    /// Takes over what ``CheckpointValue/checkpointed()`` gave, or what PyTorch's `state_dict()` of the same class did. Throws what differs; then nothing has changed.
    func restore(_ saved: PyTorchObject) throws
}

extension Module: CheckpointPart {
    /// Parameters and persistent buffers by name. PyTorch: `model.state_dict()`.
    public final func checkpointed() throws -> PyTorchObject { PyTorchObject(stateDict()) }

    public final func restore(_ saved: PyTorchObject) throws { try loadStateDict(saved.stateDict()) }
}

extension Optimizer: CheckpointPart {
    /// `state` and `param_groups`. PyTorch: `optimizer.state_dict()`.
    public final func checkpointed() throws -> PyTorchObject { PyTorchObject(stateDict()) }

    /// Settings that the file lacks, as those of PyTorch's earlier versions do, stay as they are; so do those that say how PyTorch computes and not what
    /// (`foreach`, `fused`, `capturable`, `differentiable`).
    public final func restore(_ saved: PyTorchObject) throws {
        var state = try OptimizerState(saved, of: "\(type(of: self))")
        for (key, value) in stateDict().values
        where state.values[key] == nil && key.hasPrefix("param_groups.") && !key.hasSuffix(".initial_lr") {
            state.values[key] = value
        }
        try loadStateDict(state)
    }
}

extension LRScheduler: CheckpointPart {
    /// PyTorch: `scheduler.state_dict()`.
    public final func checkpointed() throws -> PyTorchObject { ScheduleObject.object(stateDict()) }

    /// Settings that the file lacks, as PyTorch's do where they are in the optimizer's groups, stay as they are.
    public final func restore(_ saved: PyTorchObject) throws {
        try loadStateDict(ScheduleObject.state(saved, like: stateDict(), of: "\(type(of: self))"))
    }
}

extension ReduceLROnPlateau: CheckpointPart {
    /// PyTorch: `scheduler.state_dict()`.
    public func checkpointed() throws -> PyTorchObject { ScheduleObject.object(stateDict()) }

    public func restore(_ saved: PyTorchObject) throws {
        try loadStateDict(ScheduleObject.state(saved, like: stateDict(), of: "ReduceLROnPlateau"))
    }
}

extension GradScaler: CheckpointPart {
    /// PyTorch: `scaler.state_dict()`.
    public func checkpointed() throws -> PyTorchObject { ScheduleObject.object(stateDict()) }

    public func restore(_ saved: PyTorchObject) throws {
        try loadStateDict(ScheduleObject.state(saved, like: stateDict(), of: "GradScaler"))
    }
}

extension Generator: CheckpointPart {
    /// Seed and place of the counter. PyTorch's generators are others: their states cannot be exchanged.
    public func checkpointed() throws -> PyTorchObject {
        ["seed": PyTorchObject("\(state.seed)"), "offset": PyTorchObject("\(state.offset)")]
    }

    public func restore(_ saved: PyTorchObject) throws {
        guard let seed = saved["seed"]?.string.flatMap({ UInt64($0) }), let offset = saved["offset"]?.string.flatMap({ UInt64($0) }) else {
            throw CheckpointError(part: "Generator", reason: "no seed and offset but \(saved): not the state of a generator of Apus")
        }
        state = State(seed: seed, offset: offset)
    }
}

/// A saved part is not one of the object that it is loaded into.
public struct CheckpointError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The class of the object.
    public let part: String
    /// What was found.
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
    /// In the order of the keys, since a dictionary has none.
    public func checkpointed() throws -> PyTorchObject {
        .dictionary(try sorted { $0.key < $1.key }.map { (key: PyTorchObject($0.key), value: try $0.value.checkpointed()) })
    }
}
