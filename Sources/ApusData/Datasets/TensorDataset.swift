import ApusCore

/// Tensors whose first dimension counts samples: sample i is element i of each. PyTorch: `torch.utils.data.TensorDataset`.
///
/// `TensorDataset(images, labels)[3]` is a pair, `TensorDataset(x)[3]` a tensor, and `TensorDataset([a, b, c, d])[3]` an array of four. A
/// batch takes one `indexSelect` per tensor.
public struct TensorDataset<Sample>: Dataset {
    public typealias Batch = Sample
    /// The tensors that hold the samples.
    public let tensors: [Tensor]
    public let count: Int
    private let pack: ([Tensor]) -> Sample
    private let unpack: (Sample) -> [Tensor]

    private init(_ tensors: [Tensor], pack: @escaping ([Tensor]) -> Sample, unpack: @escaping (Sample) -> [Tensor]) {
        count = tensors.first.map { $0.ndim == 0 ? 0 : $0.size(0) } ?? 0
        if tensors.isEmpty {
            fail("TensorDataset", "there are no tensors")
        } else if tensors.contains(where: { $0.ndim == 0 || $0.size(0) != tensors[0].size(0) }) {
            fail(
                "TensorDataset",
                "the tensors' first dimensions, which count samples, must be equal; the shapes are \(tensors.map { "\($0.shape)" }.joined(separator: ", "))"
            )
        }
        self.tensors = tensors
        self.pack = pack
        self.unpack = unpack
    }

    /// Each sample is an element of the tensor.
    public init(_ x: Tensor) where Sample == Tensor {
        self.init([x], pack: { $0[0] }, unpack: { [$0] })
    }

    /// Each sample is a pair of elements.
    public init(_ x: Tensor, _ y: Tensor) where Sample == (Tensor, Tensor) {
        self.init([x, y], pack: { ($0[0], $0[1]) }, unpack: { [$0.0, $0.1] })
    }

    /// Each sample is a triple of elements.
    public init(_ x: Tensor, _ y: Tensor, _ z: Tensor) where Sample == (Tensor, Tensor, Tensor) {
        self.init([x, y, z], pack: { ($0[0], $0[1], $0[2]) }, unpack: { [$0.0, $0.1, $0.2] })
    }

    /// Each sample is an array with one element of each tensor.
    public init(_ tensors: [Tensor]) where Sample == [Tensor] {
        self.init(tensors, pack: { $0 }, unpack: { $0 })
    }

    /// Views of element `index` of each tensor.
    public subscript(index: Int) -> Sample {
        pack(tensors.map { $0.select(0, index) })
    }

    public func collate(_ samples: [Sample]) throws -> Sample {
        let columns = samples.map(unpack)
        return pack(try tensors.indices.map { t in try stacked(columns.map { $0[t] }) })
    }

    public func batch(at indices: [Int]) throws -> Sample {
        let index = try sampleIndex(indices, count: count)
        return pack(tensors.map { $0.indexSelect(dim: 0, index) })
    }
}

/// Sample indices as an int64 vector. Throws an error that names the first outside `0 ..< count`.
package func sampleIndex(_ indices: [Int], count: Int) throws -> Tensor {
    if let bad = indices.first(where: { $0 < 0 || $0 >= count }) { throw DataError(index: bad, underlying: NoSuchSample(count: count)) }
    return Tensor(indices, shape: [indices.count])
}

package struct NoSuchSample: Error, CustomStringConvertible {
    private let count: Int
    package init(count: Int) { self.count = count }
    package var description: String { "the data set has \(count) samples" }
}
