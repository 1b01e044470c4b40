import ApusSystem

/// Walks a tree of objects and lists its leaves with their paths. The tensors of modules have the names of PyTorch's `state_dict()`.
struct Flattening {
    private(set) var leaves: [(name: String, object: PyTorchObject)] = []
    /// Containers that contain themselves, with the path at which they do: `_parent` in many classes.
    private(set) var cycles: [(name: String, object: PyTorchObject)] = []
    private let contents: PyTorchContents
    private let file: String
    /// The parts of records by their numbers, cached since many paths may lead to one record and finding its parts is slow.
    private var partsOfRecords: [Int: [(String, PickleHeap.Index)]] = [:]

    private var heap: PickleHeap { contents.heap }

    /// An object to visit, its name, and how deep it is.
    private struct Visit {
        let index: PickleHeap.Index
        let name: String
        let depth: Int
        /// Whether all parts of the object have been visited.
        var isLeft = false
    }

    /// Lists that hold each other have more paths than can be listed, and their long names more bytes than the file.
    private static let mostPaths = 1 << 20, mostBytes = 1 << 26
    /// The largest average number of paths per object, for files with more than a few objects.
    private static let mostPathsToOne = 16
    private static let deepest = 1000

    init(_ root: PyTorchObject, file: String) throws(FormatError) {
        contents = root.contents
        self.file = file
        var pending = [Visit(index: root.index, name: "", depth: 0)]
        var (count, bytes) = (1, 0)
        let mostPaths = min(Flattening.mostPaths, Flattening.mostPathsToOne * contents.heap.nodes.count + (1 << 12))
        // The objects that contain the current one.
        var within: Set<PickleHeap.Index> = []
        while let visit = pending.popLast() {
            if visit.isLeft {
                within.remove(visit.index)
                continue
            }
            guard let parts = parts(visit) else {
                leaves.append((visit.name.isEmpty ? "tensor" : visit.name, PyTorchObject(contents: contents, index: visit.index)))
                continue
            }
            guard visit.depth < Flattening.deepest else {
                throw wrong("'\(printable(String(visit.name.prefix(40))))…': objects are nested more than \(Flattening.deepest) deep")
            }
            guard within.insert(visit.index).inserted else {
                cycles.append((visit.name, PyTorchObject(contents: contents, index: visit.index)))
                continue
            }
            pending.append(Visit(index: visit.index, name: "", depth: visit.depth, isLeft: true))
            // Counted before they are visited: a list may contain itself a thousand times.
            count += parts.count
            for (name, index) in parts.reversed() {
                bytes += visit.name.utf8.count + name.utf8.count
                guard count <= mostPaths, bytes <= Flattening.mostBytes else {
                    throw wrong(
                        "more than \(mostPaths) paths lead to its objects, or too long ones: lists that hold each other or themselves")
                }
                pending.append(
                    Visit(
                        index: index, name: name.isEmpty ? visit.name : visit.name.isEmpty ? name : "\(visit.name).\(name)",
                        depth: visit.depth + 1))
            }
        }
    }

    /// Keeps only names that begin with `prefix`, and removes it from them.
    mutating func keep(beginningWith prefix: String) {
        func kept(_ all: [(name: String, object: PyTorchObject)]) -> [(name: String, object: PyTorchObject)] {
            all.compactMap { name, object in name.after(prefix).map { (name: $0, object: object) } }
        }
        (leaves, cycles) = (kept(leaves), kept(cycles))
    }

    private func wrong(_ reason: String) -> FormatError {
        FormatError(file: file, place: contents.record.map { .record($0, offset: nil) }, reason: reason)
    }

    /// The parts of an object, by name; nil for a leaf.
    private mutating func parts(_ visit: Visit) -> [(String, PickleHeap.Index)]? {
        switch heap[visit.index] {
        case .list(let elements), .tuple(let elements), .set(let elements):
            return elements.enumerated().map { ("\($0.offset)", $0.element) }
        case .dictionary(let items, _): return named(items)
        case .record(let number):
            let record = heap.records[number]
            if NumPyRecord.isArray(heap, visit.index) || NumPyRecord.scalar(heap, visit.index) != nil { return nil }
            if let known = partsOfRecords[number] { return known }
            let parts = module(record) ?? (plain(record) + named(record.hasKeys ? record.items : []))
            partsOfRecords[number] = parts
            return parts
        default: return nil
        }
    }

    private func named(_ items: [PickleHeap.Index]) -> [(String, PickleHeap.Index)] {
        stride(from: 0, to: items.count, by: 2).map { (heap.name(ofKey: items[$0]) ?? heap.describe(items[$0]), items[$0 + 1]) }
    }

    private func plain(_ record: PickleHeap.Record) -> [(String, PickleHeap.Index)] {
        var elements = record.hasKeys ? [] : record.items.enumerated().map { ("\($0.offset)", $0.element) }
        // The elements of a named tuple are its arguments.
        if record.state == nil, record.items.isEmpty {
            elements = (heap.elements(record.arguments) ?? []).enumerated().map { ("\($0.offset)", $0.element) }
        }
        guard let state = record.state else { return elements }
        if case .dictionary(let items, _) = heap[state] { return named(items) + elements }
        return [("", state)] + elements
    }

    /// A module's parameters, persistent buffers and submodules; nil if the record is not a module.
    private func module(_ record: PickleHeap.Record) -> [(String, PickleHeap.Index)]? {
        guard let state = record.state, case .dictionary(let attributes, _) = heap[state] else { return nil }
        if let tensors = contents.scriptTensors, let own = tensors[record.className] {
            let values = own.compactMap { name in heap.value(state, .string(ByteKey(name))).map { (name, $0) } }
            return (values + named(attributes).filter { isModule($0.1) }).filter { !isNone($0.1) }
        }
        func attribute(_ name: String) -> PickleHeap.Index? { heap.value(state, .string(ByteKey(name))) }
        guard let modules = attribute("_modules"), let parameters = attribute("_parameters") else { return nil }
        let transient = Set(
            attribute("_non_persistent_buffers_set").flatMap { heap.elements($0) }?.compactMap { heap.name(ofKey: $0) } ?? [])
        func entries(_ index: PickleHeap.Index?) -> [(String, PickleHeap.Index)] {
            guard let index, case .dictionary(let items, _) = heap[index] else { return [] }
            return named(items).filter { !isNone($0.1) }
        }
        return entries(parameters) + entries(attribute("_buffers")).filter { !transient.contains($0.0) } + entries(modules)
    }

    private func isModule(_ index: PickleHeap.Index) -> Bool {
        guard case .record(let number) = heap[index] else { return false }
        return contents.scriptTensors?[heap.records[number].className] != nil
    }

    private func isNone(_ index: PickleHeap.Index) -> Bool { if case .none = heap[index] { true } else { false } }
}
