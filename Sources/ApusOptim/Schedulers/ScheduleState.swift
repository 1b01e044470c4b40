/// A number or setting of a schedule or scaler under the name that its state has for it, PyTorch's. A step reads the property; names are for
/// states alone.
struct StateEntry {
    var name: String
    let value: OptionValue
    /// Takes over a value of the same kind.
    fileprivate let set: (OptionValue) -> Void
    fileprivate let isOfKind: (OptionValue) -> Bool
    fileprivate let choices: [String]
    fileprivate let isOfAnyLength: Bool

    private init<Owner: AnyObject, Value>(
        _ name: String, _ owner: Owner, _ property: ReferenceWritableKeyPath<Owner, Value>, _ form: OptionForm<Value>,
        isOfAnyLength: Bool = false
    ) {
        (self.name, self.isOfAnyLength) = (name, isOfAnyLength)
        value = form.option(owner[keyPath: property])
        choices = form.choices
        isOfKind = { form.value($0) != nil }
        set = { option in
            if let value = form.value(option) { owner[keyPath: property] = value }
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

    /// `found` as a value for this; what is wrong with it otherwise. `groups`: how many groups the optimizer has.
    fileprivate func read(_ found: OptionValue?, groups: Int) -> Result<OptionValue, Problem> {
        guard let found else { return .failure(Problem("\(name) is missing")) }
        guard let read = found.read(like: value), isOfKind(read) else {
            let wanted = choices.isEmpty ? ", which is not like \(value.text)" : "; there are \(choices.joined(separator: ", "))"
            return .failure(Problem("\(name) is '\(found.text)'\(wanted)"))
        }
        if let numbers = read.numbers, !isOfAnyLength, numbers.count != groups {
            return .failure(Problem("\(name) has \(numbers.count) numbers for \(groups) groups"))
        }
        return .success(read)
    }

    fileprivate struct Problem: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }
}

extension [StateEntry] {
    var state: [String: OptionValue] { Dictionary(uniqueKeysWithValues: map { ($0.name, $0.value) }) }

    /// Sets all to what they were when they were asked for.
    func restore() { for entry in self { entry.set(entry.value) } }

    /// Reads a state in which lists have a number for each of `groups` groups. Throws an `OptimizerStateError` that names everything that
    /// differs, `problem` with all of it taken over among them. Nothing has changed before what it returns is called.
    func loading(
        _ state: [String: OptionValue], of owner: String, groups: Int = 0, problem: () -> String?
    ) throws -> () -> Void {
        var problems: [String] = []
        var read: [OptionValue] = []
        for entry in self {
            switch entry.read(state[entry.name], groups: groups) {
            case .success(let value): read.append(value)
            case .failure(let problem): problems.append(problem.text)
            }
        }
        let names = Set(map(\.name))
        problems += state.keys.filter { !names.contains($0) }.sorted().map { "\($0) is not one of its settings" }
        if problems.isEmpty {
            for (entry, value) in zip(self, read) { entry.set(value) }
            if let problem = problem() { problems.append(problem) }
            restore()
        }
        guard problems.isEmpty else { throw OptimizerStateError(owner: owner, problems: problems) }
        return { [read] in for (entry, value) in zip(self, read) { entry.set(value) } }
    }
}
