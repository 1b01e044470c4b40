import ApusSystem

/// Reads a pickle: the stack machine of Python's `pickletools`, protocols 0 to 5, which creates records where Python would call classes and
/// functions.
///
/// https://github.com/python/cpython/blob/main/Lib/pickletools.py
struct Unpickler {
    typealias Index = PickleHeap.Index

    var cursor: ByteCursor
    let heap: PickleHeap
    private var stack: [Index] = []
    private var marks: [Int] = []
    private var memo: [UInt32: Index] = [:]
    /// The longest name of a class or storage, in bytes; a pickle may use a name again and again.
    private static let longestName = 1 << 10
    /// The offset of the current opcode, for errors.
    private var start = 0
    var opcode: UInt8 = 0
    /// The indices of the storages seen so far, by key.
    private var storageNumbers: [ByteKey: Int] = [:]
    /// Tensors by persistent id, in tar files.
    var tensorsByKey: [ByteKey: Index] = [:]

    /// How many elements calls may still copy from their arguments: see `pay(for:)`.
    private var allowance: Int

    /// A reader of the pickle that begins at the cursor.
    init(_ cursor: ByteCursor, into heap: PickleHeap = PickleHeap()) {
        allowance = 4 * cursor.rest + (1 << 16)
        self.cursor = cursor
        self.heap = heap
    }

    /// An error at the current opcode.
    func wrong(_ reason: String) -> FormatError {
        cursor.region.error(at: start, "\(Unpickler.names[opcode] ?? "pickle"): \(reason)")
    }

    /// Reads one pickle and returns its object. Afterwards the cursor is after its STOP.
    mutating func load() throws(FormatError) -> Index {
        (stack, marks, memo) = ([], [], [:])
        let first = heap.nodes.count
        guard cursor.rest > 0 else { throw cursor.error("no pickle: no bytes") }
        while true {
            start = cursor.offset
            guard cursor.rest > 0 else { throw cursor.error("the pickle is cut off: STOP is missing") }
            opcode = cursor.region.bytes[cursor.offset]
            cursor.offset += 1
            if opcode == UInt8(ascii: ".") { break }
            try step()
        }
        let result = try pop()
        guard stack.isEmpty, marks.isEmpty else { throw wrong("\(stack.count + marks.count) objects are left on the stack") }
        if let (dictionary, key) = heap.finish(from: first) {
            let path = heap.path(dictionary), name = heap.name(ofKey: key) ?? "?"
            throw FormatError(
                file: cursor.region.file, place: .key(path.isEmpty ? name : "\(path).\(name)"),
                reason: "the name stands twice in its dictionary")
        }
        return result
    }

    // MARK: The stack

    mutating func push(_ kind: PickleHeap.Kind) { stack.append(heap.add(kind)) }

    private mutating func pop() throws(FormatError) -> Index {
        guard stack.count > (marks.last ?? 0) else { throw wrong("the stack is empty") }
        return stack.removeLast()
    }

    private func top() throws(FormatError) -> Index {
        guard stack.count > (marks.last ?? 0) else { throw wrong("the stack is empty") }
        return stack[stack.count - 1]
    }

    private mutating func popToMark() throws(FormatError) -> [Index] {
        guard let mark = marks.popLast() else { throw wrong("no MARK before it") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    // MARK: Opcodes

    private mutating func step() throws(FormatError) {
        switch opcode {
        case 0x28: marks.append(stack.count)
        case 0x30: // POP
            if stack.count == marks.last { marks.removeLast() } else { _ = try pop() }
        case 0x31: _ = try popToMark()
        case 0x32: stack.append(try top())
        case 0x80:
            let version = try cursor.integer(UInt8.self, "PROTO")
            guard version <= 5 else { throw wrong("protocol \(version); 5 is the newest") }
        case 0x95: _ = try cursor.integer(UInt64.self, "FRAME")

        case 0x4E: push(.none)
        case 0x88: push(.bool(true))
        case 0x89: push(.bool(false))
        case 0x49, 0x4C: try pushDecimal()
        case 0x4A: push(.int(Int(try cursor.integer(Int32.self, "BININT"))))
        case 0x4B: push(.int(Int(try cursor.integer(UInt8.self, "BININT1"))))
        case 0x4D: push(.int(Int(try cursor.integer(UInt16.self, "BININT2"))))
        case 0x8A: try pushLong(Int(try cursor.integer(UInt8.self, "LONG1")))
        case 0x8B: try pushLong(Int(try cursor.integer(Int32.self, "LONG4")))
        case 0x46:
            let text = String(decoding: try cursor.line("FLOAT"), as: UTF8.self)
            guard let number = Double(text) else { throw wrong("'\(printable(text))' is no number") }
            push(.float(number))
        case 0x47:
            let bits = try cursor.integer(UInt64.self, "BINFLOAT")
            push(.float(Double(bitPattern: bits.byteSwapped)))

        case 0x53: push(text(try quoted()))
        case 0x54: push(text(try piece(Int32.self)))
        case 0x55: push(text(try piece(UInt8.self)))
        case 0x56: push(.string(try rawUnicode()))
        case 0x58: push(.string(try unicode(try length(UInt32.self))))
        case 0x8C: push(.string(try unicode(try length(UInt8.self))))
        case 0x8D: push(.string(try unicode(try length(UInt64.self))))
        case 0x42: push(.bytes(try piece(UInt32.self), isMutable: false))
        case 0x43: push(.bytes(try piece(UInt8.self), isMutable: false))
        case 0x8E: push(.bytes(try piece(UInt64.self), isMutable: false))
        case 0x96: push(.bytes(try piece(UInt64.self), isMutable: true))

        case 0x5D: push(.list([]))
        case 0x29: push(.tuple([]))
        case 0x7D: push(.dictionary([], .plain))
        case 0x8F: push(.set([]))
        case 0x6C: push(.list(try popToMark()))
        case 0x74: push(.tuple(try popToMark()))
        case 0x85, 0x86, 0x87:
            var elements: [Index] = []
            for _ in 0...(opcode - 0x85) { elements.append(try pop()) }
            push(.tuple(elements.reversed()))
        case 0x64:
            let items = try popToMark()
            push(.dictionary([], .plain))
            try set(items, in: try top())
        case 0x91: push(.set(try popToMark()))
        case 0x61:
            let element = try pop()
            try append([element], to: try top())
        case 0x65, 0x90:
            let elements = try popToMark()
            try append(elements, to: try top())
        case 0x73:
            let value = try pop()
            let key = try pop()
            try set([key, value], in: try top())
        case 0x75:
            let items = try popToMark()
            try set(items, in: try top())

        case 0x70: memo[try decimalIndex()] = try top()
        case 0x71: memo[UInt32(try cursor.integer(UInt8.self, "BINPUT"))] = try top()
        case 0x72: memo[try cursor.integer(UInt32.self, "LONG_BINPUT")] = try top()
        case 0x94: memo[UInt32(memo.count)] = try top()
        case 0x67: try recall(try decimalIndex())
        case 0x68: try recall(UInt32(try cursor.integer(UInt8.self, "BINGET")))
        case 0x6A: try recall(try cursor.integer(UInt32.self, "LONG_BINGET"))

        case 0x63:
            let module = try line(), name = try line()
            try pushGlobal(module, name)
        case 0x93:
            let name = try pop(), module = try pop()
            guard case .string(let module) = heap[module], case .string(let name) = heap[name] else {
                throw wrong("module and name are no strings")
            }
            try pushGlobal(module, name)
        case 0x52:
            let arguments = try pop(), function = try pop()
            stack.append(try call(function, arguments))
        case 0x81:
            let arguments = try pop(), type = try pop()
            stack.append(try make(type, arguments))
        case 0x92:
            let keywords = try pop(), arguments = try pop(), type = try pop()
            let record = try make(type, arguments)
            if case .record(let number) = heap[record] { heap.records[number].state = keywords }
            stack.append(record)
        case 0x69:
            let module = try line(), name = try line()
            let arguments = heap.add(.tuple(try popToMark()))
            try pushGlobal(module, name)
            stack.append(try make(try pop(), arguments))
        case 0x6F:
            let all = try popToMark()
            guard let type = all.first else { throw wrong("no class") }
            stack.append(try make(type, heap.add(.tuple(Array(all.dropFirst())))))
        case 0x62:
            let state = try pop()
            try build(try top(), state)
        case 0x51: stack.append(try persistent(try pop()))
        case 0x50: throw wrong("a persistent id as text: no file of PyTorch has one")
        case 0x82, 0x83, 0x84: throw wrong("an entry of Python's extension registry, which a file of its own cannot have")
        case 0x97, 0x98: throw wrong("a buffer outside of the pickle, which a file cannot have")
        default:
            throw cursor.region.error(at: start, "byte 0x\(String(opcode, radix: 16, uppercase: true)) is no opcode of a pickle")
        }
    }

    // MARK: Containers

    private mutating func recall(_ index: UInt32) throws(FormatError) {
        guard let object = memo[index] else { throw wrong("number \(index) of the memo was never stored") }
        stack.append(object)
    }

    private func append(_ elements: [Index], to container: Index) throws(FormatError) {
        switch heap[container] {
        case .list(var list):
            heap[container] = .none
            list += elements
            heap[container] = .list(list)
        case .set(var set):
            heap[container] = .none
            set += elements
            heap[container] = .set(set)
        case .record(let number):
            guard !heap.records[number].hasKeys else { throw wrong("an object with keys, to which it appends") }
            heap.records[number].items += elements
        default: throw wrong("what it appends to is neither a list nor a set")
        }
    }

    private func set(_ items: [Index], in container: Index) throws(FormatError) {
        guard items.count % 2 == 0 else { throw wrong("a key without a value") }
        for at in stride(from: 0, to: items.count, by: 2) where !isHashable(items[at]) {
            throw wrong("a list, set or dictionary as a key")
        }
        switch heap[container] {
        case .dictionary(var all, let kind):
            heap[container] = .none
            all += items
            heap[container] = .dictionary(all, kind)
        case .record(let number):
            guard heap.records[number].hasKeys || heap.records[number].items.isEmpty else {
                throw wrong("an object with elements, of which it sets one by key")
            }
            heap.records[number].items += items
            heap.records[number].hasKeys = true
        default: throw wrong("what it sets a value in is no dictionary")
        }
    }

    private func isHashable(_ key: Index) -> Bool {
        switch heap[key] {
        case .list, .set, .dictionary: false
        case .bytes(_, let isMutable): !isMutable
        default: true
        }
    }

    /// BUILD: sets the state of an object. It is kept but not interpreted.
    private mutating func build(_ object: Index, _ state: Index) throws(FormatError) {
        if case .record(let number) = heap[object] {
            heap.records[number].state = state
        } else {
            heap.attributes[object] = state
        }
    }

    // MARK: Names and what would be calls

    private mutating func pushGlobal(_ module: String, _ name: String) throws(FormatError) {
        guard module.utf8.count + name.utf8.count <= Unpickler.longestName else {
            throw wrong("a name of \(module.utf8.count + name.utf8.count) bytes; the limit is \(Unpickler.longestName)")
        }
        let modern = PickleNames.modern(module: module)
        if PickleNames.isRefused(module: modern, name: name) {
            throw cursor.region.error(
                at: start,
                "\(Unpickler.names[opcode]!) \(printable("\(modern).\(name)")): a file of weights has no use for this name; nothing was run, and nothing of the file was taken"
            )
        }
        if modern == "torch", TorchTypes.size(name) != nil { return push(.dtype(name)) }
        push(.global(module: modern, name: name))
    }

    /// Creates a record of an unknown class.
    private mutating func make(_ type: Index, _ arguments: Index) throws(FormatError) -> Index {
        guard case .global(let module, let name) = heap[type] else {
            throw wrong("what it would make is no class but \(heap.describe(type))")
        }
        guard case .tuple = heap[arguments] else { throw wrong("the arguments of \(module).\(name) are no tuple") }
        if module == "collections", name == "OrderedDict" || name == "Counter" || name == "defaultdict" { return try call(type, arguments) }
        if module == "builtins", name == "object" || name == "dict" || name == "list" || name == "set" { return try call(type, arguments) }
        return record("\(module).\(name)", arguments)
    }

    func record(_ className: String, _ arguments: Index) -> Index {
        heap.records.append(PickleHeap.Record(className: className, arguments: arguments))
        return heap.add(.record(heap.records.count - 1))
    }

    /// Limits what calls copy. With three bytes a pickle can call a function with an existing argument of any size; all calls together may
    /// copy about as many elements as the pickle's bytes could have encoded.
    private mutating func pay(for arguments: [Index]) throws(FormatError) {
        for argument in arguments {
            let count =
                switch heap[argument] {
                case .list(let elements), .tuple(let elements), .set(let elements), .dictionary(let elements, _): elements.count
                case .string(let text): text.utf8.count
                case .bytes(let bytes, _): bytes.count
                default: 0
                }
            allowance -= count + 1
        }
        guard allowance >= 0 else { throw wrong("calls with more arguments than a pickle of this size can hold: the same ones many times") }
    }

    private mutating func call(_ function: Index, _ arguments: Index) throws(FormatError) -> Index {
        guard case .global(let module, let name) = heap[function] else {
            throw wrong("what it would call is no name but \(heap.describe(function))")
        }
        guard case .tuple(let list) = heap[arguments] else { throw wrong("the arguments of \(module).\(name) are no tuple") }
        let place = "\(module).\(name)"
        try pay(for: list)
        // An attribute of an object or a class is a method or a value; an attribute of a module may be anything.
        if place == "builtins.getattr", let first = list.first, case .global(_, let owner) = heap[first], PickleNames.isSmall(owner) {
            throw cursor.region.error(
                at: start,
                "REDUCE of GLOBAL builtins.getattr on \(heap.describe(first)): a file of weights has no use for it; nothing was run")
        }
        do throws(RebuildProblem) {
            if let made = try rebuild(place, list) { return made }
        } catch { throw wrong("\(place): \(error.reason)") }
        guard !PickleNames.isFunction(module: module, name: name) else {
            throw cursor.region.error(
                at: start,
                "REDUCE of GLOBAL \(printable(place)): the pickle would call this function; nothing was run, and nothing of the file was taken"
            )
        }
        return record(place, arguments)
    }

    /// BINPERSID: a storage, or in files before 1.6 also the class of a module.
    private mutating func persistent(_ id: Index) throws(FormatError) -> Index {
        if !tensorsByKey.isEmpty, let key = heap.name(ofKey: id) {
            guard let tensor = tensorsByKey[ByteKey(key)] else { throw wrong("no tensor has the key '\(printable(key))'") }
            return tensor
        }
        guard case .tuple(let parts) = heap[id], let first = parts.first, case .string(let tag) = heap[first] else {
            throw wrong("persistent id: a tuple that begins with a text should stand here, not \(heap.describe(id))")
        }
        if tag == "module", parts.count >= 2 { return parts[1] }
        guard tag == "storage", parts.count >= 5 else {
            throw wrong("persistent id of '\(printable(tag))' with \(parts.count) parts is none of PyTorch's")
        }
        guard let type = TorchTypes.element(heap[parts[1]]) else {
            throw wrong("persistent id: \(heap.describe(parts[1])) is no type of storages")
        }
        guard let key = heap.name(ofKey: parts[2]), key.utf8.count <= Unpickler.longestName else {
            throw wrong("persistent id: the storage's key is no text, or too long")
        }
        guard case .int(let count) = heap[parts[4]] else {
            throw wrong("persistent id: the number of elements of storage '\(printable(key))' is no whole number")
        }
        var view: (key: String, offset: Int, count: Int)?
        if parts.count > 5, case .tuple(let metadata) = heap[parts[5]] {
            guard metadata.count == 3, let viewKey = heap.name(ofKey: metadata[0]), case .int(let offset) = heap[metadata[1]],
                case .int(let size) = heap[metadata[2]]
            else { throw wrong("persistent id: the view of storage '\(printable(key))' is not key, offset and size") }
            view = (viewKey, offset, size)
        }
        let identity = ByteKey("\(type.name)|\(count)|\(view.map { "\($0.offset),\($0.count),\($0.key)" } ?? "")|\(key)")
        if let known = storageNumbers[identity] { return heap.add(.storage(known)) }
        heap.storages.append(PickledStorage(key: key, elementType: type.name, elementSize: type.size, count: count, view: view))
        storageNumbers[identity] = heap.storages.count - 1
        return heap.add(.storage(heap.storages.count - 1))
    }
}
