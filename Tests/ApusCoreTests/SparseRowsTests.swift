import ApusCore
import Testing

/// Gradients that contain only the nonzero rows.
@Suite struct SparseRowsTests {
    private var sparse: Tensor {
        Tensor.sparseRows(Tensor([2, 0, 2]), Tensor([[1, 2], [3, 4], [10, 20]] as [[Float]]), shape: [4, 2])
    }
    private let dense: [Float] = [3, 4, 0, 0, 11, 22, 0, 0]

    @Test func `looks like the dense tensor`() {
        let x = sparse
        #expect(x.isSparse && x.shape == [4, 2] && x.dtype == .float32)
        #expect(x.toDense().array(Float.self) == dense)
        #expect(x.isSparse, "toDense is a copy")
        let once = x.coalesce()
        #expect(once.sparseRows?.indices.array(Int.self) == [0, 2])
        #expect(once.sparseRows?.values.array(Float.self) == [3, 4, 11, 22])
    }

    @Test func `becomes dense when something reads its elements`() {
        let x = sparse
        #expect((x * 2).array(Float.self) == dense.map { $0 * 2 })
        #expect(!x.isSparse)
        let y = sparse
        y.mul_(3)
        #expect(y.array(Float.self) == dense.map { $0 * 3 })
        #expect(y.detach().array(Float.self) == dense.map { $0 * 3 })
    }

    @Test func `wrong rows are refused`() {
        let error = #expect(throws: OpError.self) { try checked { Tensor.sparseRows(Tensor([4]), Tensor.ones([1, 2]), shape: [4, 2]) } }
        #expect(error?.description.contains("index 4 is out of range for 4 rows") == true)
        #expect(throws: OpError.self) { try checked { Tensor.sparseRows(Tensor([0, 1]), Tensor.ones([1, 2]), shape: [4, 2]) } }
        #expect(throws: OpError.self) { try checked { Tensor.sparseRows(Tensor([0.5]), Tensor.ones([1, 2]), shape: [4, 2]) } }
    }
}
