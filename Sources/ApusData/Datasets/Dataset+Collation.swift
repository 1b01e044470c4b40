import ApusCore

// What makes batches of samples that need no function for it. The first four match every sample whose parts are `Collatable`, and suffice
// where the batch is known: it is that of one part, has the sample's own type (tensors give tensors), or is named by `typealias Batch`. Of
// other tuples the compiler infers no batch from a generic function, hence one function for each that is common.

extension Dataset where Sample: Collatable {
    /// The samples' own way of being put together.
    public func collate(_ samples: [Sample]) throws -> Sample.Collated { try defaultCollate(samples) }
}

extension Dataset {
    /// The first parts together and the second parts together.
    public func collate<A: Collatable, B: Collatable>(_ samples: [(A, B)]) throws -> (A.Collated, B.Collated) where Sample == (A, B) {
        try defaultCollate(samples)
    }

    /// The first, the second and the third parts together.
    public func collate<A: Collatable, B: Collatable, C: Collatable>(
        _ samples: [(A, B, C)]
    ) throws -> (A.Collated, B.Collated, C.Collated) where Sample == (A, B, C) {
        try defaultCollate(samples)
    }

    /// The four parts together.
    public func collate<A: Collatable, B: Collatable, C: Collatable, D: Collatable>(
        _ samples: [(A, B, C, D)]
    ) throws -> (A.Collated, B.Collated, C.Collated, D.Collated) where Sample == (A, B, C, D) {
        try defaultCollate(samples)
    }
}

extension Dataset where Sample == (Tensor, Int) {
    public func collate(_ samples: [(Tensor, Int)]) throws -> (Tensor, Tensor) { try defaultCollate(samples) }
}
extension Dataset where Sample == (Tensor, Float) {
    public func collate(_ samples: [(Tensor, Float)]) throws -> (Tensor, Tensor) { try defaultCollate(samples) }
}
extension Dataset where Sample == (Tensor, Double) {
    public func collate(_ samples: [(Tensor, Double)]) throws -> (Tensor, Tensor) { try defaultCollate(samples) }
}
extension Dataset where Sample == (Tensor, Bool) {
    public func collate(_ samples: [(Tensor, Bool)]) throws -> (Tensor, Tensor) { try defaultCollate(samples) }
}
extension Dataset where Sample == (Tensor, String) {
    public func collate(_ samples: [(Tensor, String)]) throws -> (Tensor, [String]) { try defaultCollate(samples) }
}
extension Dataset where Sample == (String, Int) {
    public func collate(_ samples: [(String, Int)]) throws -> ([String], Tensor) { try defaultCollate(samples) }
}
extension Dataset where Sample == (String, Tensor) {
    public func collate(_ samples: [(String, Tensor)]) throws -> ([String], Tensor) { try defaultCollate(samples) }
}
extension Dataset where Sample == (String, String) {
    public func collate(_ samples: [(String, String)]) throws -> ([String], [String]) { try defaultCollate(samples) }
}
extension Dataset where Sample == (Int, Int) {
    public func collate(_ samples: [(Int, Int)]) throws -> (Tensor, Tensor) { try defaultCollate(samples) }
}
extension Dataset where Sample == (Float, Float) {
    public func collate(_ samples: [(Float, Float)]) throws -> (Tensor, Tensor) { try defaultCollate(samples) }
}
extension Dataset where Sample == (Double, Double) {
    public func collate(_ samples: [(Double, Double)]) throws -> (Tensor, Tensor) { try defaultCollate(samples) }
}
extension Dataset where Sample == ([String: Tensor], Int) {
    public func collate(_ samples: [([String: Tensor], Int)]) throws -> ([String: Tensor], Tensor) { try defaultCollate(samples) }
}
extension Dataset where Sample == (Tensor, Tensor, Int) {
    public func collate(_ samples: [(Tensor, Tensor, Int)]) throws -> (Tensor, Tensor, Tensor) { try defaultCollate(samples) }
}
extension Dataset where Sample == (Tensor, Int, Int) {
    public func collate(_ samples: [(Tensor, Int, Int)]) throws -> (Tensor, Tensor, Tensor) { try defaultCollate(samples) }
}
extension Dataset where Sample == (Tensor, Int, String) {
    public func collate(_ samples: [(Tensor, Int, String)]) throws -> (Tensor, Tensor, [String]) { try defaultCollate(samples) }
}
