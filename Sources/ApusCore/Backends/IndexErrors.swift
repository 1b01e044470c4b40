extension OpError {
    /// The error of every backend for an index out of range, with its value and its position in the index tensor.
    package static func indexOutOfRange(_ value: Int64, at place: [Int], dim: Int, extent: Int) -> OpError {
        let position = place.isEmpty ? "" : " at \(place)"
        let range = extent == 0 ? "it has no elements" : "indices run from 0 to \(extent - 1)"
        return OpError("index \(value)\(position) is out of range for dimension \(dim) of size \(extent): \(range)")
    }
}
