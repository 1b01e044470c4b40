/// A number or setting of a schedule under the name that its state has for it, PyTorch's. A step reads the property; names are for states alone.
struct StateEntry {
    let name: String
    let value: OptionValue
    /// Takes over a value of the same kind; false where it is not one.
    fileprivate let set: (OptionValue) -> Bool
    fileprivate let choices: [String]
    fileprivate let isOfAnyLength: Bool

    private init<Owner: AnyObject, Value>(
        _ name: String, _ owner: Owner, _ property: ReferenceWritableKeyPath<Owner, Value>, _ form: OptionForm<Value>,
        isOfAnyLength: Bool = false
    ) {
        (self.name, self.isOfAnyLength) = (name, isOfAnyLength)
        value = form.option(owner[keyPath: property])
        choices = form.choices
        set = { option in
            guard let value = form.value(option) else { return false }
            owner[keyPath: property] = value
            return true
        }
    }

    init<Owner: AnyObject>(_ name: String, _ owner: Owner, _ property: ReferenceWritableKeyPath<Owner, Bool>) {
        self.init(name, owner, property, .bool)
    }

    init<Owner: AnyObject>(_ name: String, _ owner: Owner, _ property: ReferenceWritableKeyPath<Owner, Int>) {
        self.init(name, owner, property, .int)
    }

    init<Owner: AnyObject>(_ name: String, _ owner: Owner, _ property: ReferenceWritableKeyPath<Owner, Double>) {
        self.init(name, owner, property, .double)
    }

    init<Owner: AnyObject, Value: SettingValue>(_ name: String, _ owner: Owner, _ property: ReferenceWritableKeyPath<Owner, Value>) {
        self.init(name, owner, property, .choice)
    }

    /// One number for each group, where nothing else is said.
    init<Owner: AnyObject>(
        _ name: String, _ owner: Owner, _ property: ReferenceWritableKeyPath<Owner, [Double]>, isOfAnyLength: Bool = false
    ) {
        self.init(name, owner, property, .list, isOfAnyLength: isOfAnyLength)
    }

    /// What `text` spells, as a value for this; what is wrong with it otherwise.
    fileprivate func read(_ text: String?) -> Result<OptionValue, Problem> {
        guard let text else { return .failure(Problem("\(name) is missing")) }
        guard let read = OptionValue(text, like: value) else {
            return .failure(Problem("\(name) is '\(text)', which is not like \(value.text)"))
        }
        if !choices.isEmpty && !choices.contains(text) {
            return .failure(Problem("\(name) is '\(text)'; there are \(choices.joined(separator: ", "))"))
        }
        if case (.list(let found), .list(let wanted)) = (read, value), !isOfAnyLength, found.count != wanted.count {
            return .failure(Problem("\(name) has \(found.count) numbers for \(wanted.count) groups"))
        }
        return .success(read)
    }

    fileprivate struct Problem: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }
}

extension [StateEntry] {
    /// By name; numbers are spelt so that they come back to the same bits.
    var state: [String: String] { Dictionary(uniqueKeysWithValues: map { ($0.name, $0.value.text) }) }

    /// Reads a state. Throws an `OptimizerStateError` that names everything that differs, `problem` with all of it taken over among them.
    /// Nothing has changed before what it returns is called.
    func loading(_ state: [String: String], of owner: String, problem: () -> String?) throws -> () -> Void {
        var problems: [String] = []
        var read: [OptionValue] = []
        for entry in self {
            switch entry.read(state[entry.name]) {
            case .success(let value): read.append(value)
            case .failure(let problem): problems.append(problem.text)
            }
        }
        let names = Set(map(\.name))
        problems += state.keys.filter { !names.contains($0) }.sorted().map { "\($0) is not one of its settings" }
        if problems.isEmpty {
            let refused = zip(self, read).filter { !$0.set($1) }.map { "\($0.name) is '\($1.text)', which is not like \($0.value.text)" }
            problems += refused.isEmpty ? problem().map { [$0] } ?? [] : refused
            for entry in self { _ = entry.set(entry.value) }
        }
        guard problems.isEmpty else { throw OptimizerStateError(owner: owner, problems: problems) }
        return { [read] in for (entry, value) in zip(self, read) { _ = entry.set(value) } }
    }
}
