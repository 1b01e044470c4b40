import ApusCore

// Default implementations of `collate`. The first four apply to every sample whose parts are `Collatable`, and suffice if the type of the
// batch is known: if the sample has one part, if the batch has the sample's own type (tensors give tensors), or if `typealias Batch` names
// it. For other tuples the compiler cannot infer `Batch` from a generic function, hence one function for each common tuple.

extension Dataset where Sample: Collatable {
    /// Collates the samples as their type says (``Collatable``).
    public func collate(_ samples: [Sample]) throws -> Sample.Collated { try defaultCollate(samples) }
}

extension Dataset {
    /// Collates the samples part by part.
    public func collate<A: Collatable, B: Collatable>(_ samples: [(A, B)]) throws -> (A.Collated, B.Collated) where Sample == (A, B) {
        try defaultCollate(samples)
    }

    /// Collates the samples part by part.
    public func collate<A: Collatable, B: Collatable, C: Collatable>(
        _ samples: [(A, B, C)]
    ) throws -> (A.Collated, B.Collated, C.Collated) where Sample == (A, B, C) {
        try defaultCollate(samples)
    }

    /// Collates the samples part by part.
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
