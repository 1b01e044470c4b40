import ApusCore
import ApusSystem

/// Why the arguments of a known function are invalid.
struct RebuildProblem: Error {
    let reason: String
}

/// Rebuilds objects from the calls by which PyTorch's, NumPy's and Python's classes are pickled.
extension Unpickler {
    /// The object that a call of `function` would return; nil for functions that the reader does not know.
    func rebuild(_ function: String, _ arguments: [Index]) throws(RebuildProblem) -> Index? {
        func need(_ count: Int) throws(RebuildProblem) {
            guard arguments.count >= count else {
                throw RebuildProblem(reason: "\(arguments.count) arguments, at least \(count) should stand here")
            }
        }
        switch function {
        case "torch._utils._rebuild_tensor":
            try need(4)
            return heap.add(.tensor(try tensor(arguments, requiresGrad: false)))
        case "torch._utils._rebuild_tensor_v2":
            try need(6)
            return heap.add(.tensor(try tensor(arguments, requiresGrad: flag(arguments[4]), metadata: arguments.dropFirst(6).first)))
        case "torch._utils._rebuild_tensor_v3":
            try need(7)
            guard case .dtype(let dtype) = heap[arguments[6]] else {
                throw RebuildProblem(reason: "\(heap.describe(arguments[6])) is no dtype")
            }
            return heap.add(
                .tensor(try tensor(arguments, requiresGrad: flag(arguments[4]), dtype: dtype, metadata: arguments.dropFirst(7).first)))
        case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
            try need(2)
            guard case .tensor(let number) = heap[arguments[0]] else {
                throw RebuildProblem(reason: "\(heap.describe(arguments[0])) is no tensor")
            }
            var tensor = heap.tensors[number]
            (tensor.isParameter, tensor.requiresGrad) = (true, flag(arguments[1]))
            return add(tensor)
        case "torch.nn.parameter.Parameter" where !arguments.isEmpty:
            // Files from before `_rebuild_parameter` call the class itself.
            guard case .tensor(let number) = heap[arguments[0]] else { return nil }
            var tensor = heap.tensors[number]
            (tensor.isParameter, tensor.requiresGrad) = (true, arguments.count < 2 || flag(arguments[1]))
            return add(tensor)
        case "torch._utils._rebuild_device_tensor_from_cpu_tensor":
            try need(4)
            guard case .tensor(let number) = heap[arguments[0]] else {
                throw RebuildProblem(reason: "\(heap.describe(arguments[0])) is no tensor")
            }
            var tensor = heap.tensors[number]
            tensor.requiresGrad = flag(arguments[3])
            return add(tensor)
        case "torch._utils._rebuild_device_tensor_from_numpy":
            try need(1)
            return arguments[0]
        case "torch._tensor._rebuild_from_type", "torch._tensor._rebuild_from_type_v2":
            // (function, class, arguments, state): a tensor of a subclass is read as a plain tensor.
            try need(3)
            guard case .global(let module, let name) = heap[arguments[0]], case .tuple(let inner) = heap[arguments[2]] else {
                throw RebuildProblem(reason: "no function and arguments")
            }
            guard "\(module).\(name)" != function else { throw RebuildProblem(reason: "a call within itself") }
            return try rebuild("\(module).\(name)", inner)
        case "torch._utils._rebuild_qtensor":
            try need(5)
            var tensor = heap.tensors[try self.tensor(arguments, requiresGrad: false)]
            tensor.unsupported = "it is quantized (\(tensor.dtype)); save its dequantize()"
            return add(tensor)
        case "torch._utils._rebuild_sparse_tensor", "torch._utils._rebuild_sparse_csr_tensor", "torch._utils._rebuild_nested_tensor",
            "torch._utils._rebuild_meta_tensor_no_storage", "torch._utils._rebuild_wrapper_subclass":
            return try layout(function, arguments)
        case "torch.serialization._get_layout":
            try need(1)
            return arguments[0]
        case "torch.Size":
            guard let first = arguments.first, let elements = heap.elements(first) else { return heap.add(.size([])) }
            return heap.add(.size(try elements.map { (element) throws(RebuildProblem) in try whole(element, "an extent") }))
        case "torch.device":
            try need(1)
            guard case .string(let kind) = heap[arguments[0]] else {
                throw RebuildProblem(reason: "\(heap.describe(arguments[0])) is no name of a device")
            }
            if arguments.count > 1, case .int(let number) = heap[arguments[1]] { return heap.add(.device("\(kind):\(number)")) }
            return heap.add(.device(kind))
        case "torch.jit._pickle.build_intlist", "torch.jit._pickle.build_doublelist", "torch.jit._pickle.build_boollist",
            "torch.jit._pickle.build_tensorlist", "torch.jit._pickle.restore_type_tag":
            try need(1)
            return arguments[0]

        case "collections.OrderedDict": return try dictionary(arguments.first, .ordered)
        case "collections.Counter": return try dictionary(arguments.first, .counter)
        case "collections.defaultdict": return try dictionary(arguments.count > 1 ? arguments[1] : nil, .defaulting)
        case "builtins.dict": return try dictionary(arguments.first, .plain)
        case "builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset":
            guard let first = arguments.first else {
                return heap.add(function == "builtins.list" ? .list([]) : function == "builtins.tuple" ? .tuple([]) : .set([]))
            }
            guard let elements = heap.elements(first) else { throw RebuildProblem(reason: "\(heap.describe(first)) is no list") }
            return heap.add(
                function == "builtins.list" ? .list(elements) : function == "builtins.tuple" ? .tuple(elements) : .set(elements))
        case "builtins.object" where arguments.isEmpty: return record("builtins.object", heap.add(.tuple([])))
        case "builtins.bytes", "builtins.bytearray": return try bytes(arguments, isMutable: function == "builtins.bytearray")
        case "_codecs.encode":
            try need(1)
            guard case .string(let text) = heap[arguments[0]] else {
                throw RebuildProblem(reason: "\(heap.describe(arguments[0])) is no text")
            }
            return heap.add(.bytes(try latin1(text), isMutable: false))
        case "builtins.complex":
            try need(2)
            return heap.add(.complex(try number(arguments[0]), try number(arguments[1])))

        case "copyreg._reconstructor", "copyreg.__newobj__":
            try need(1)
            guard case .global(let module, let name) = heap[arguments[0]] else {
                throw RebuildProblem(reason: "\(heap.describe(arguments[0])) is no class")
            }
            return record("\(module).\(name)", heap.add(.tuple(Array(arguments.dropFirst()))))
        case "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct":
            return record("numpy.ndarray", heap.add(.tuple(arguments)))
        case "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer":
            // (bytes, dtype, shape, order): converted to the state that `_reconstruct` has.
            try need(4)
            let isColumnMajor = if case .string("F") = heap[arguments[3]] { true } else { false }
            let state = heap.add(.tuple([heap.add(.int(1)), arguments[2], arguments[1], heap.add(.bool(isColumnMajor)), arguments[0]]))
            let array = record("numpy.ndarray", heap.add(.tuple([])))
            if case .record(let number) = heap[array] { heap.records[number].state = state }
            return array
        default: return nil
        }
    }

    // MARK: Tensors

    private func add(_ tensor: PickledTensor) -> Index {
        heap.tensors.append(tensor)
        return heap.add(.tensor(heap.tensors.count - 1))
    }

    /// A tensor of (storage, offset, size, stride). Invalid numbers are reported later, when its name is known.
    private func tensor(
        _ arguments: [Index], requiresGrad: Bool, dtype: String? = nil, metadata: Index? = nil
    ) throws(RebuildProblem) -> Int {
        guard case .storage(let number) = heap[arguments[0]] else {
            throw RebuildProblem(reason: "a storage should stand here, not \(heap.describe(arguments[0]))")
        }
        var tensor = PickledTensor(storage: number, dtype: dtype ?? heap.storages[number].elementType, requiresGrad: requiresGrad)
        if let metadata, case .dictionary(let items, _) = heap[metadata] {
            for at in stride(from: 0, to: items.count, by: 2) where heap.name(ofKey: items[at]) == "neg" {
                tensor.isNegated = flag(items[at + 1])
            }
        }
        do throws(RebuildProblem) {
            tensor.offset = try whole(arguments[1], "an offset")
            tensor.shape = try extents(arguments[2], "an extent")
            tensor.strides = try extents(arguments[3], "a stride")
            guard tensor.shape.count == tensor.strides.count else {
                throw RebuildProblem(reason: "\(tensor.shape.count) extents and \(tensor.strides.count) strides")
            }
        } catch { tensor.problem = error.reason }
        heap.tensors.append(tensor)
        return heap.tensors.count - 1
    }

    private func extents(_ index: Index, _ what: String) throws(RebuildProblem) -> [Int] {
        if case .size(let extents) = heap[index] { return extents }
        guard let elements = heap.elements(index) else {
            throw RebuildProblem(reason: "\(heap.describe(index)), where a tuple should stand")
        }
        var result: [Int] = []
        for element in elements { result.append(try whole(element, what)) }
        return result
    }

    private func whole(_ index: Index, _ what: String) throws(RebuildProblem) -> Int {
        guard case .int(let number) = heap[index], number >= 0 else { throw RebuildProblem(reason: "\(what) of \(heap.describe(index))") }
        return number
    }

    /// A tensor of another layout, which is reported when it is asked for.
    private func layout(_ function: String, _ arguments: [Index]) throws(RebuildProblem) -> Index {
        var tensor = PickledTensor(storage: nil, dtype: "unknown")
        switch function {
        case "torch._utils._rebuild_sparse_tensor", "torch._utils._rebuild_sparse_csr_tensor":
            guard arguments.count >= 2, let parts = heap.elements(arguments[1]) else { throw RebuildProblem(reason: "no layout and parts") }
            let name = heap.name(ofKey: arguments[0]).map { $0.after("torch.") ?? $0 } ?? "sparse"
            for part in parts {
                if case .tensor(let number) = heap[part] { tensor.dtype = heap.tensors[number].dtype }
                if case .size(let extents) = heap[part] { tensor.shape = extents }
            }
            tensor.unsupported = "its layout is \(name); save its to_dense()"
        case "torch._utils._rebuild_meta_tensor_no_storage":
            if case .dtype(let dtype)? = arguments.first.map({ heap[$0] }) { tensor.dtype = dtype }
            if arguments.count > 1 { tensor.shape = try extents(arguments[1], "an extent") }
            tensor.unsupported = "it is on the device meta and has no values"
        case "torch._utils._rebuild_nested_tensor": tensor.unsupported = "it is a nested tensor; save the tensors of its unbind()"
        default: tensor.unsupported = "it is of a class that wraps other tensors; save a plain tensor"
        }
        return add(tensor)
    }

    // MARK: Plain values

    private func flag(_ index: Index) -> Bool {
        if case .bool(true) = heap[index] { true } else { false }
    }

    private func number(_ index: Index) throws(RebuildProblem) -> Double {
        switch heap[index] {
        case .float(let number): number
        case .int(let number): Double(number)
        default: throw RebuildProblem(reason: "\(heap.describe(index)) is no number")
        }
    }

    /// A dictionary: empty, a copy of another, or of pairs.
    private func dictionary(_ source: Index?, _ kind: PickleHeap.DictionaryKind) throws(RebuildProblem) -> Index {
        guard let source else { return heap.add(.dictionary([], kind)) }
        if case .dictionary(let items, _) = heap[source] { return heap.add(.dictionary(items, kind)) }
        guard let pairs = heap.elements(source) else { throw RebuildProblem(reason: "\(heap.describe(source)) has no keys and values") }
        var items: [Index] = []
        for pair in pairs {
            guard let two = heap.elements(pair), two.count == 2 else {
                throw RebuildProblem(reason: "\(heap.describe(pair)) is no key and value")
            }
            items += two
        }
        return heap.add(.dictionary(items, kind))
    }

    private func bytes(_ arguments: [Index], isMutable: Bool) throws(RebuildProblem) -> Index {
        guard let first = arguments.first else { return heap.add(.bytes([], isMutable: isMutable)) }
        switch heap[first] {
        case .bytes(let bytes, _): return heap.add(.bytes(bytes, isMutable: isMutable))
        case .string(let text): return heap.add(.bytes(try latin1(text), isMutable: isMutable))
        default:
            // bytes(number) would allocate that many bytes.
            guard let elements = heap.elements(first) else {
                throw RebuildProblem(reason: "\(heap.describe(first)), where bytes or a text should stand")
            }
            var bytes: [UInt8] = []
            for element in elements {
                guard let byte = UInt8(exactly: try whole(element, "a byte")) else {
                    throw RebuildProblem(reason: "a byte of \(heap.describe(element))")
                }
                bytes.append(byte)
            }
            return heap.add(.bytes(bytes, isMutable: isMutable))
        }
    }

    /// Decodes bytes that protocol 2 writes as text.
    private func latin1(_ text: String) throws(RebuildProblem) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            guard scalar.value < 256 else {
                throw RebuildProblem(reason: "a text with characters beyond Latin-1, where bytes should stand")
            }
            bytes.append(UInt8(scalar.value))
        }
        return bytes
    }
}
