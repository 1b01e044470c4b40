import ApusCore
import ApusSystem

/// Writes objects as a pickle of protocol 2 with the opcodes and names that `torch.load(weights_only=True)` accepts.
struct Pickler {
    private typealias Index = PickleHeap.Index

    private(set) var bytes: [UInt8] = [0x80, 2]
    /// The tensors' storages, in the order of their records.
    private(set) var storages: WrittenStorages
    private let heap: PickleHeap
    private let file: String
    private var objects: [Index: Int] = [:]
    private var texts: [ByteKey: Int] = [:]
    private var names: [String: Int] = [:]
    private var memoCount = 0

    /// Tasks still to do, in reverse order. An explicit stack instead of recursion, since objects may be nested to any depth.
    private enum Task {
        case object(Index)
        case opcodes([UInt8])
        case memorize(Index)
    }
    private var tasks: [Task] = []

    /// Pickles an object. Throws a ``FormatError`` for objects that only Python could rebuild.
    init(_ object: PyTorchObject, file: String) throws {
        heap = object.contents.heap
        self.file = file
        storages = WrittenStorages(file: file)
        // All tensors are added first, since a storage's record covers what any of them reaches.
        for number in heap.nodes.indices {
            if case .tensor = heap.nodes[number].kind {
                try storages.add(Index(number), wrong(Index(number)), try object.contents.tensor(Index(number)))
            }
        }
        tasks = [.object(object.index)]
        while let task = tasks.popLast() {
            switch task {
            case .object(let index): try write(index)
            case .opcodes(let opcodes): bytes += opcodes
            case .memorize(let index): memorize(index)
            }
        }
        bytes.append(UInt8(ascii: "."))
    }

    private func wrong(_ index: Index) -> (String) -> FormatError {
        { [heap, file] reason in
            let path = heap.path(index)
            return FormatError(file: file, place: .key(path.isEmpty ? "tensor" : path), reason: reason)
        }
    }

    // MARK: Opcodes

    private mutating func op(_ opcode: Character) { bytes.append(opcode.asciiValue!) }

    private mutating func put<Number: FixedWidthInteger>(_ number: Number) { withUnsafeBytes(of: number.littleEndian) { bytes += $0 } }

    private mutating func store() -> Int {
        let number = memoCount
        memoCount += 1
        if number < 256 {
            bytes += [UInt8(ascii: "q"), UInt8(number)]
        } else {
            op("r")
            put(UInt32(number))
        }
        return number
    }

    private mutating func recall(_ number: Int) {
        if number < 256 {
            bytes += [UInt8(ascii: "h"), UInt8(number)]
        } else {
            op("j")
            put(UInt32(number))
        }
    }

    private mutating func memorize(_ index: Index) { objects[index] = store() }

    private mutating func name(_ module: String, _ name: String) {
        let text = "\(module)\n\(name)\n"
        if let known = names[text] { return recall(known) }
        op("c")
        bytes += text.utf8
        names[text] = store()
    }

    private mutating func text(_ text: String) {
        if let known = texts[ByteKey(text)] { return recall(known) }
        op("X")
        put(UInt32(text.utf8.count))
        bytes += text.utf8
        texts[ByteKey(text)] = store()
    }

    private mutating func int(_ value: Int) {
        if let byte = UInt8(exactly: value) {
            bytes += [UInt8(ascii: "K"), byte]
        } else if let short = UInt16(exactly: value) {
            op("M")
            put(short)
        } else if let word = Int32(exactly: value) {
            op("J")
            put(word)
        } else {
            bytes += [0x8A, 8]
            put(value)
        }
    }

    private mutating func float(_ value: Double) {
        op("G")
        put(value.bitPattern.byteSwapped)
    }

    private mutating func ints(_ values: [Int]) {
        op("(")
        for value in values { int(value) }
        op("t")
    }

    private mutating func flag(_ value: Bool) { bytes.append(value ? 0x88 : 0x89) }

    // MARK: Objects

    private mutating func write(_ index: Index) throws {
        if let known = objects[index] { return recall(known) }
        switch heap[index] {
        case .none: op("N")
        case .bool(let value): flag(value)
        case .int(let value): int(value)
        case .bigInteger(let digits): try long(digits, index)
        case .float(let value): float(value)
        case .string(let value): text(value)
        case .complex(let real, let imaginary):
            name("__builtin__", "complex")
            float(real)
            float(imaginary)
            bytes += [0x86, UInt8(ascii: "R")]
        case .bytes(let value, let isMutable): write(value, isMutable: isMutable)
        case .size(let extents):
            name("torch", "Size")
            ints(extents)
            bytes += [0x85, UInt8(ascii: "R")]
        case .device(let value):
            name("torch", "device")
            text(value)
            bytes += [0x85, UInt8(ascii: "R")]
        case .dtype(let value): name("torch", value)
        case .tensor(let number): try write(number, index)
        case .list(let elements):
            op("]")
            memorize(index)
            add(elements, "e")
        case .tuple(let elements):
            op("(")
            tasks += [.memorize(index), .opcodes([UInt8(ascii: "t")])]
            tasks += elements.reversed().map { .object($0) }
        case .set(let elements):
            name("__builtin__", "set")
            op("]")
            tasks += [.memorize(index), .opcodes([0x85, UInt8(ascii: "R")])]
            add(elements, "e")
        case .dictionary(let items, let kind): write(items, kind, index)
        case .record, .global, .storage:
            throw wrong(index)(
                "\(heap.describe(index)) cannot be written: only Python could make it again; write its tensors, numbers and texts")
        }
    }

    /// MARK, the elements, and the opcode that adds them to the object on the stack.
    private mutating func add(_ elements: [Index], _ opcode: Character) {
        guard !elements.isEmpty else { return }
        op("(")
        tasks.append(.opcodes([opcode.asciiValue!]))
        tasks += elements.reversed().map { .object($0) }
    }

    private mutating func write(_ items: [Index], _ kind: PickleHeap.DictionaryKind, _ index: Index) {
        switch kind {
        case .plain, .defaulting:
            op("}")
            memorize(index)
            add(items, "u")
        case .ordered:
            name("collections", "OrderedDict")
            bytes += [UInt8(ascii: ")"), UInt8(ascii: "R")]
            memorize(index)
            if let attributes = heap.attributes[index] { tasks += [.opcodes([UInt8(ascii: "b")]), .object(attributes)] }
            add(items, "u")
        case .counter:
            name("collections", "Counter")
            op("}")
            tasks += [.memorize(index), .opcodes([0x85, UInt8(ascii: "R")])]
            add(items, "u")
        }
    }

    /// Protocol 2 has no opcode for bytes: they are written as Latin-1 text, which a call encodes again.
    private mutating func write(_ value: [UInt8], isMutable: Bool) {
        name(isMutable ? "__builtin__" : "_codecs", isMutable ? "bytearray" : "encode")
        text(String(String.UnicodeScalarView(value.map { Unicode.Scalar($0) })))
        text("latin1")
        bytes += [0x86, UInt8(ascii: "R")]
    }

    /// An integer beyond 64 bits, in two's complement.
    private mutating func long(_ digits: String, _ index: Index) throws {
        let isNegative = digits.utf8.first == UInt8(ascii: "-")
        var magnitude: [UInt8] = [0]
        for digit in digits.utf8 where (0x30...0x39).contains(digit) {
            var carry = UInt16(digit - 0x30)
            for i in magnitude.indices {
                let value = UInt16(magnitude[i]) * 10 + carry
                (magnitude[i], carry) = (UInt8(truncatingIfNeeded: value), value >> 8)
            }
            if carry > 0 { magnitude.append(UInt8(carry)) }
        }
        magnitude.append(0)
        if isNegative {
            var carry: UInt16 = 1
            for i in magnitude.indices {
                let sum = UInt16(~magnitude[i]) + carry
                (magnitude[i], carry) = (UInt8(truncatingIfNeeded: sum), sum >> 8)
            }
        }
        guard magnitude.count <= 255 else {
            throw wrong(index)("a number of \(digits.utf8.count) digits; weights_only=True reads at most 600")
        }
        bytes += [0x8A, UInt8(magnitude.count)] + magnitude
    }

    private mutating func write(_ number: Int, _ index: Index) throws {
        let described = heap.tensors[number]
        let place = storages.place(of: index)
        if described.isParameter {
            name("torch._utils", "_rebuild_parameter")
            op("(")
        }
        name("torch._utils", "_rebuild_tensor_v2")
        op("(")
        op("(")
        text("storage")
        name("torch", TorchTypes.storageClass(place.dtype))
        text("\(place.record)")
        text("cpu")
        int(place.count)
        op("t")
        op("Q")
        int(place.offset)
        ints(place.shape)
        ints(place.strides)
        flag(described.requiresGrad && !described.isParameter)
        noHooks()
        op("t")
        op("R")
        if described.isParameter {
            flag(described.requiresGrad)
            noHooks()
            op("t")
            op("R")
        }
        memorize(index)
    }

    private mutating func noHooks() {
        name("collections", "OrderedDict")
        bytes += [UInt8(ascii: ")"), UInt8(ascii: "R")]
    }
}

/// The storages to write, each once: tensors that share memory share a record, which covers only the elements that they reach.
struct WrittenStorages {
    /// A tensor within a record; sizes and offsets in elements.
    struct Place {
        var record: Int
        var dtype: DType
        var count: Int
        var offset: Int
        var shape: [Int]
        var strides: [Int]
    }

    private struct Identity: Hashable {
        var storage: ObjectIdentifier
        var dtype: DType
    }
    private struct Memory {
        /// Keeps the storage alive.
        var tensor: Tensor
        /// The elements that tensors reach.
        var range: Range<Int>
    }

    private let file: String
    private var tensors: [PickleHeap.Index: Tensor] = [:]
    private var records: [Identity: Int] = [:]
    private var memories: [Memory] = []
    /// Host copies of tensors on a device, by storage and view.
    private var fetched: [Identity: [(view: Tensor, host: Tensor)]] = [:]

    init(file: String) { self.file = file }

    /// Adds a tensor; `wrong` makes errors about it.
    mutating func add(_ index: PickleHeap.Index, _ wrong: (String) -> FormatError, _ tensor: Tensor) throws {
        if tensor.isPoisoned { throw wrong("the tensor is the result of an op that failed") }
        let host = try onHost(try tensor.usable())
        tensors[index] = host
        let last = zip(host.shape, host.strides).reduce(host.offset) { $0 + max($1.0 - 1, 0) * $1.1 }
        let range = host.numel == 0 ? host.offset..<host.offset : host.offset..<(last + 1)
        let identity = Identity(storage: ObjectIdentifier(host.storage), dtype: host.dtype)
        if let number = records[identity] {
            let known = memories[number].range
            memories[number].range =
                known.isEmpty
                ? range : range.isEmpty ? known : min(known.lowerBound, range.lowerBound)..<max(known.upperBound, range.upperBound)
        } else {
            records[identity] = memories.count
            memories.append(Memory(tensor: host, range: range))
        }
    }

    private mutating func onHost(_ tensor: Tensor) throws -> Tensor {
        if tensor.device.sharesHostMemory { return tensor }
        let identity = Identity(storage: ObjectIdentifier(tensor.storage), dtype: tensor.dtype)
        if let known = fetched[identity]?.first(where: {
            $0.view.offset == tensor.offset && $0.view.shape == tensor.shape && $0.view.strides == tensor.strides
        }) {
            return known.host
        }
        let host = try tensor.hostData()
        fetched[identity, default: []].append((tensor, host))
        return host
    }

    func place(of index: PickleHeap.Index) -> Place {
        let tensor = tensors[index]!
        let record = records[Identity(storage: ObjectIdentifier(tensor.storage), dtype: tensor.dtype)]!
        let range = memories[record].range
        return Place(
            record: record, dtype: tensor.dtype, count: range.count, offset: tensor.numel == 0 ? 0 : tensor.offset - range.lowerBound,
            shape: Array(tensor.shape), strides: Array(tensor.strides))
    }

    /// Calls `body` with the bytes of each record, in order.
    func forEach(_ body: (Int, UnsafeRawBufferPointer) throws -> Void) rethrows {
        for (number, memory) in memories.enumerated() {
            let size = memory.tensor.dtype.size
            try withExtendedLifetime(memory.tensor) {
                try body(
                    number,
                    UnsafeRawBufferPointer(
                        start: memory.tensor.storage.base + memory.range.lowerBound * size, count: memory.range.count * size))
            }
        }
    }
}

extension PyTorchObject {
    /// Writes a file that `torch.load` can read, also with `weights_only=True` and `mmap=True`. Writing is atomic, and equal contents give
    /// equal bytes.
    ///
    /// Tensors that share memory, tied weights above all, share a storage in the file. Tensors on a device are written as CPU tensors.
    /// Throws a ``FormatError`` for records and names, which only Python could rebuild. PyTorch: `torch.save`.
    public func save(to path: String) throws {
        let pickle = try Pickler(self, file: path)
        try AtomicFile.write(to: path) { writer in
            var zip = ZipWriter(writer)
            try zip.add("archive/data.pkl", pickle.bytes)
            try zip.add("archive/byteorder", Array("little".utf8))
            try pickle.storages.forEach { number, bytes in
                try zip.add("archive/data/\(number)") { write in try write(bytes) }
            }
            try zip.add("archive/version", Array("3\n".utf8))
            try zip.finish(alwaysZip64: true)
        }
    }
}
