import ApusCore
import ApusFormats
import ApusOptim

extension Checkpoint {
    /// Writes a whole run to one file, as `torch.save({...}, path)` does; PyTorch can load it and continue the run.
    ///
    /// ```swift
    /// try Checkpoint.save([
    ///     "model_state_dict": model, "optimizer_state_dict": optimizer, "scheduler_state_dict": schedule,
    ///     "generator": Generator.current, "epoch": epoch, "losses": losses,
    /// ], to: "run.pt")
    /// ```
    /// Each part is written as PyTorch's `state_dict()` of the same class, but for `Generator` and `LBFGS`, whose states are Apus' own; the
    /// names are yours. The file is replaced atomically: if the process or the machine dies, the last complete checkpoint is still there.
    public static func save(_ parts: KeyValuePairs<String, any CheckpointValue>, to path: String) throws {
        var items: [(key: PyTorchObject, value: PyTorchObject)] = []
        for (name, part) in parts {
            var saved = try part.checkpointed()
            if let optimizer = part as? Optimizer {
                let schedules = parts.compactMap { ($0.value as? LRScheduler).flatMap { $0.optimizer === optimizer ? $0 : nil } }
                saved = ScheduleObject.groups(saved, with: schedules)
            }
            items.append((key: PyTorchObject(name), value: saved))
        }
        try PyTorchObject.dictionary(items).save(to: path)
    }

    /// Restores the parts of a run from a file that Apus or PyTorch has written. Returns the whole contents of the file, for entries that
    /// are not parts:
    ///
    /// ```swift
    /// let saved = try Checkpoint.load("run.pt", into: ["model_state_dict": model, "optimizer_state_dict": optimizer])
    /// let epoch = saved["epoch"]?.int ?? 0
    /// ```
    /// Parts are restored in the order in which they are listed: a part of your own may rely on those before it, and give those after it
    /// their form.
    ///
    /// Throws a `FormatError` with file and name if a part is missing or does not fit; then no part has changed. Where there are parts of
    /// your own, which change as they are read, the parts before the one that does not fit are put back.
    @discardableResult public static func load(
        _ path: String, into parts: KeyValuePairs<String, any CheckpointPart>
    ) throws -> PyTorchObject {
        let root = try PyTorchFile(path).root
        for (name, _) in parts where root[name] == nil {
            let names = root.items.prefix(10).compactMap { $0.key.string }.joined(separator: ", ")
            throw FormatError(
                file: path, place: .key(name), reason: "there is none; the file has \(names.isEmpty ? root.description : names)")
        }
        func saved(_ name: String, _ part: any CheckpointPart) -> PyTorchObject {
            guard let schedule = part as? LRScheduler, let optimizer = parts.first(where: { $0.value === schedule.optimizer }) else {
                return root[name]!
            }
            return ScheduleObject.schedule(root[name]!, with: root[optimizer.key]!, like: schedule.stateDict())
        }
        func wrong(_ name: String, _ reason: String) -> FormatError { FormatError(file: path, place: .key(name), reason: reason) }
        let known = parts.compactMap { name, part in (part as? any ReadPart).map { (name, $0) } }
        guard known.count == parts.count else {
            // How to put back the parts that have changed.
            var undoing: [(name: String, undo: () throws -> Void)] = []
            for (name, part) in parts {
                do {
                    undoing.append((name, try (part as? any ReadPart)?.undoing() ?? part.undoing()))
                    try part.restore(saved(name, part))
                } catch {
                    var reason = "\(error)"
                    for (name, undo) in undoing.reversed() {
                        do { try undo() } catch { reason += "; '\(name)' does not take back the state that it had: \(error)" }
                    }
                    throw wrong(name, reason)
                }
            }
            return root
        }
        // All are read before one changes.
        var loads: [(name: String, load: () throws -> Void)] = []
        for (name, part) in known {
            do { loads.append((name, try part.restoring(saved(name, part)))) } catch { throw wrong(name, "\(error)") }
        }
        for (name, load) in loads {
            do { try load() } catch { throw wrong(name, "\(error)") }
        }
        return root
    }
}
