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
    /// Throws a `FormatError` with file and name if a part is missing or does not fit; then no part has changed.
    @discardableResult public static func load(
        _ path: String, into parts: KeyValuePairs<String, any CheckpointPart>
    ) throws -> PyTorchObject {
        let root = try PyTorchFile(path).root
        for (name, _) in parts where root[name] == nil {
            let names = root.items.prefix(10).compactMap { $0.key.string }.joined(separator: ", ")
            throw FormatError(
                file: path, place: .key(name), reason: "there is none; the file has \(names.isEmpty ? root.description : names)")
        }
        func naming<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
            do { return try body() } catch { throw FormatError(file: path, place: .key(name), reason: "\(error)") }
        }
        var loads: [(name: String, load: () throws -> Void)] = []
        for (name, part) in parts {
            guard let part = part as? any ReadPart else { continue }
            var saved = root[name]!
            if let schedule = part as? LRScheduler, let optimizer = parts.first(where: { $0.value === schedule.optimizer }) {
                saved = ScheduleObject.schedule(saved, with: root[optimizer.key]!, like: schedule.stateDict())
            }
            loads.append((name, try naming(name) { try part.restoring(saved) }))
        }
        // Parts of the caller's own change as they are read: their previous states are restored if a later one does not fit.
        var before: [(part: any CheckpointPart, state: PyTorchObject)] = []
        for (name, part) in parts where !(part is any ReadPart) {
            do {
                try naming(name) {
                    before.append((part, try part.checkpointed().withTensorsCopied()))
                    try part.restore(root[name]!)
                }
            } catch {
                for (part, state) in before.reversed() { try part.restore(state) }
                throw error
            }
        }
        for (name, load) in loads { try naming(name, load) }
        return root
    }
}
