import ApusCore

extension Database {
    private static func window(_ c: Call, _ make: (Int, Bool, DType) -> Tensor) throws -> Tensor {
        try make(c.int(0), c.bool("sym", or: true), c.dtype("dtype") ?? .float32)
    }

    /// Functions that make tensors.
    static let created: [String: One] = [
        "arange": { c in
            let dtype = try c.dtype("dtype")
            let (first, step) = (try c.scalar(0), try c.scalar(2, or: .int(1)))
            let (start, end) = c.has(1, "end") ? (first, try c.scalar(1, "end")) : (.int(0), first)
            if case (.int(let start), .int(let end), .int(let step)) = (start, end, step) {
                return Tensor.arange(Int(start), Int(end), Int(step), dtype: dtype ?? .int64)
            }
            return Tensor.arange(start.doubleValue, end.doubleValue, step.doubleValue, dtype: dtype ?? .float32)
        },
        "linspace": { c in try Tensor.linspace(c.double(0), c.double(1), c.int(2), dtype: c.dtype("dtype") ?? .float32) },
        "logspace": { c in
            try Tensor.logspace(c.double(0), c.double(1), c.int(2), base: c.double(3, or: 10), dtype: c.dtype("dtype") ?? .float32)
        },
        "eye": { c in try Tensor.eye(c.int(0), c.optionalInt(1), dtype: c.dtype("dtype") ?? .float32) },
        "zeros": { c in try Tensor.zeros(c.shape(0), dtype: c.dtype("dtype") ?? .float32) },
        "ones": { c in try Tensor.ones(c.shape(0), dtype: c.dtype("dtype") ?? .float32) },
        "full": { c in try Tensor.full(c.shape(0), c.scalar(1), dtype: c.dtype("dtype")) },
        "scalar_tensor": { c in try Tensor(c.int(0), dtype: c.dtype("dtype") ?? .float32) },
        "zeros_like": { c in try Tensor.zeros(like: c.x, dtype: c.dtype("dtype")) },
        "ones_like": { c in try Tensor.ones(like: c.x, dtype: c.dtype("dtype")) },
        "full_like": { c in try Tensor.full(like: c.x, c.scalar(1), dtype: c.dtype("dtype")) },
        "new_zeros": { c in try c.x.newZeros(c.shape(1), dtype: c.dtype("dtype")) },
        "new_ones": { c in try c.x.newOnes(c.shape(1), dtype: c.dtype("dtype")) },
        "new_full": { c in try c.x.newFull(c.shape(1), c.scalar(2), dtype: c.dtype("dtype")) },
        "tril_indices": { c in
            try Tensor.trilIndices(c.int(0), c.int(1), offset: c.int(2, or: 0), dtype: c.dtype("dtype") ?? .int64)
        },
        "triu_indices": { c in
            try Tensor.triuIndices(c.int(0), c.int(1), offset: c.int(2, or: 0), dtype: c.dtype("dtype") ?? .int64)
        },
        "signal.windows.hamming": { try window($0) { SignalWindows.hamming($0, sym: $1, dtype: $2) } },
        "signal.windows.hann": { try window($0) { SignalWindows.hann($0, sym: $1, dtype: $2) } },
        "signal.windows.bartlett": { try window($0) { SignalWindows.bartlett($0, sym: $1, dtype: $2) } },
        "signal.windows.blackman": { try window($0) { SignalWindows.blackman($0, sym: $1, dtype: $2) } },
        "signal.windows.cosine": { try window($0) { SignalWindows.cosine($0, sym: $1, dtype: $2) } },
        "signal.windows.nuttall": { try window($0) { SignalWindows.nuttall($0, sym: $1, dtype: $2) } },
        "signal.windows.exponential": { c in
            let (center, tau) = (try c.optionalDouble("center"), try c.double("tau", or: 1))
            return try window(c) { SignalWindows.exponential($0, center: center, tau: tau, sym: $1, dtype: $2) }
        },
        "signal.windows.gaussian": { c in
            let std = try c.double("std", or: 1)
            return try window(c) { SignalWindows.gaussian($0, std: std, sym: $1, dtype: $2) }
        },
        "signal.windows.kaiser": { c in
            let beta = try c.double("beta", or: 12)
            return try window(c) { SignalWindows.kaiser($0, beta: beta, sym: $1, dtype: $2) }
        },
        "signal.windows.general_cosine": { c in
            let a = try c.doubles("a")
            return try window(c) { SignalWindows.generalCosine($0, a, sym: $1, dtype: $2) }
        },
        "signal.windows.general_hamming": { c in
            let alpha = try c.double("alpha", or: 0.54)
            return try window(c) { SignalWindows.generalHamming($0, alpha: alpha, sym: $1, dtype: $2) }
        },
    ]
}
