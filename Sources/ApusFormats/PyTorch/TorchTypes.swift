import ApusCore

/// PyTorch's element types: their names and sizes, and which of them Apus has.
enum TorchTypes {
    /// All types by PyTorch's name, with the element size in bytes.
    private static let sizes: [String: Int] = [
        "bool": 1, "uint8": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8, "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8,
        "uint16": 2, "uint32": 4, "uint64": 8, "complex32": 4, "complex64": 8, "complex128": 16, "float8_e4m3fn": 1, "float8_e4m3fnuz": 1,
        "float8_e5m2": 1, "float8_e5m2fnuz": 1, "float8_e8m0fnu": 1, "float4_e2m1fn_x2": 1, "qint8": 1, "quint8": 1, "qint32": 4,
        "quint4x2": 1,
        "quint2x4": 1, "bits8": 1, "bits16": 2, "bits1x8": 1, "bits2x4": 1, "bits4x2": 1,
    ]
    private static let aliases: [String: String] = [
        "half": "float16", "float": "float32", "double": "float64", "short": "int16", "int": "int32", "long": "int64",
        "cfloat": "complex64",
        "cdouble": "complex128", "chalf": "complex32",
    ]
    private static let storages: [String: String] = [
        "BoolStorage": "bool", "ByteStorage": "uint8", "CharStorage": "int8", "ShortStorage": "int16", "IntStorage": "int32",
        "LongStorage": "int64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16", "FloatStorage": "float32",
        "DoubleStorage": "float64",
        "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128", "QInt8Storage": "qint8", "QUInt8Storage": "quint8",
        "QInt32Storage": "qint32", "QUInt4x2Storage": "quint4x2", "QUInt2x4Storage": "quint2x4",
    ]

    /// The element size in bytes of the type with this name; nil if there is none.
    static func size(_ name: String) -> Int? { sizes[name] }

    /// The element type of a storage class: `torch.FloatStorage`, `torch.cuda.HalfStorage`, or an untyped one, which counts bytes.
    static func element(_ type: PickleHeap.Kind) -> (name: String, size: Int)? {
        guard case .global(let module, let name) = type, module == "torch" || module.hasPrefix("torch.") else { return nil }
        if name == "UntypedStorage" || name == "TypedStorage" || name == "_UntypedStorage" { return ("untyped", 1) }
        return storages[name].map { ($0, sizes[$0]!) }
    }

    /// The storage class for tensors of a dtype.
    static func storageClass(_ dtype: DType) -> String { storages.first { $0.value == dtype.description }!.key }

    /// Apus' dtype with this name; nil if there is none.
    static func dtype(_ name: String) -> DType? { DType(aliases[name] ?? name) }

    /// The dtype with this number in the schema of `torch.export` and in `torch.jit`'s pickles.
    static func exported(_ number: Int) -> String? {
        let names = [
            "", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex32", "complex64", "complex128", "bool",
            "bfloat16",
        ]
        return number > 0 && number < names.count ? names[number] : nil
    }
}
