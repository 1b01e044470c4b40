import ApusCore
import ApusOptim
import TestSupport
import Testing

@Suite("Backends: steps of rows") struct RowBackendTests {
    @Test(arguments: Device.tested.filter { $0 != .cpu }, [DType.float32, .bfloat16]) func rowsByThemselves(
        _ device: Device, _ dtype: DType
    ) {
        RowTests.check(on: device, dtype)
    }
}

/// Steps with sparse gradients: rules of single elements change the rows that a gradient has, and no other.
@Suite struct RowTests {
    typealias Maker = @Sendable ([Tensor]) -> Optimizer

    static let makers: [(String, Maker)] = [
        ("Adam", { Adam($0, lr: 0.05, betas: (0.8, 0.9)) }), ("AMSGrad", { Adam($0, lr: 0.05, amsgrad: true, maximize: true) }),
        ("AdamW", { AdamW($0, lr: 0.05, weightDecay: 0) }), ("RMSprop", { RMSprop($0, lr: 0.05, momentum: 0.5, centered: true) }),
        ("Adadelta", { Adadelta($0) }), ("Adagrad", { Adagrad($0, lr: 0.05) }), ("Adamax", { Adamax($0, lr: 0.05) }),
        ("NAdam", { NAdam($0, lr: 0.05) }), ("RAdam", { RAdam($0, lr: 0.05) }), ("Rprop", { Rprop($0) }),
        ("Lion", { Lion($0, lr: 0.05) }), ("SGD", { SGD($0, lr: 0.05, maximize: true) }),
    ]

    /// Those rows become what a dense step makes of a table of them alone, states too; all others keep their bits.
    @Test(arguments: [Device.cpu, .reference], [DType.float64, .float16]) func rowsByThemselves(_ device: Device, _ dtype: DType) {
        Self.check(on: device, dtype)
    }

    static func check(on device: Device, _ dtype: DType) {
        let rows = [4, 1, 2]
        for (name, make) in Self.makers {
            for isTransposed in [false, true] {
                let start = Recorded.numbers([6, 3], 5).to(dtype).to(device)
                let table = (isTransposed ? start.t().contiguous().t() : start.clone()).detach().requiresGrad_()
                let few = start.indexSelect(dim: 0, Tensor(rows).to(device)).requiresGrad_()
                let (sparse, dense) = (make([table]), make([few]))
                for step in 0..<4 {
                    let gradient = Recorded.numbers([3, 3], 11 * step).to(dtype).to(device)
                    few.grad = gradient
                    table.grad = Tensor.sparseRows(Tensor(rows).to(device), gradient, shape: [6, 3])
                    sparse.step()
                    dense.step()
                }
                func compare(_ found: Tensor, _ wanted: Tensor, _ untouched: (Int) -> [Double], _ what: String) {
                    let place = "\(name) \(what), \(dtype) on \(device), transposed \(isTransposed)"
                    guard found.shape == table.shape else { return expectClose(found, wanted, place) }
                    let (found, unit) = (found.detach(), max(found.dtype.epsilon, dtype.epsilon))
                    for row in 0..<6 {
                        if let i = rows.firstIndex(of: row) {
                            expectClose(found[row], wanted.detach()[i], rtol: 16 * unit, atol: 16 * unit, "\(place), row \(row)")
                        } else {
                            #expect(values(found[row]) == untouched(row), "\(place), row \(row)")
                        }
                    }
                }
                compare(table, few, { values(start[$0]) }, "parameter")
                let (kept, wanted) = (sparse.stateDict(), dense.stateDict())
                #expect(kept.tensors.keys == wanted.tensors.keys && kept.values == wanted.values)
                for (key, tensor) in kept.tensors {
                    // Only the step sizes of Rprop do not begin with 0.
                    let first = values(Tensor.full([3], key.hasSuffix("step_size") ? 0.01 : 0, dtype: tensor.dtype))
                    compare(tensor, wanted.tensors[key]!, { _ in first }, key)
                }
            }
        }
    }

    /// What Adam makes of rows is PyTorch's `SparseAdam`.
    @Test func adamIsSparseAdam() {
        let (first, evaluateFirst) = Recorded.problem("embedded"), (second, evaluateSecond) = Recorded.problem("embedded")
        let (adam, wanted) = (Adam(first, lr: 0.05, betas: (0.8, 0.95)), SparseAdam(second, lr: 0.05, betas: (0.8, 0.95)))
        for step in 0..<20 {
            adam.step(evaluateFirst)
            wanted.step(evaluateSecond)
            // SparseAdam's eps is below another root.
            expectClose(first[0].detach(), second[0].detach(), rtol: 1e-5, atol: 1e-5, "step \(step)")
        }
    }

    /// Where a step would change other rows too, it is refused, and nothing has changed.
    @Test func whatChangesAllRows() {
        let refusing: [(String, Maker)] = [
            ("decay", { Adam($0, weightDecay: 0.1) }), ("decay", { AdamW($0) }), ("decay", { NAdam($0, weightDecay: 0.1) }),
            ("decay", { RAdam($0, weightDecay: 0.1, decoupledWeightDecay: true) }), ("decay", { Lion($0, weightDecay: 0.1) }),
            ("decay", { RMSprop($0, weightDecay: 0.1) }), ("decay", { Adagrad($0, weightDecay: 0.1) }),
            ("decay", { SGD($0, weightDecay: 0.1) }), ("momentum", { SGD($0, momentum: 0.9) }), ("average", { ASGD($0) }),
            ("matrix", { Muon($0) }), ("matrix", { Adafactor($0) }),
        ]
        for (why, make) in refusing {
            let table = Tensor.ones([4, 2], requiresGrad: true)
            let optimizer = make([table])
            table.grad = Tensor.sparseRows(Tensor([2, 0]), Tensor([[1.0, -3], [0, 5]]), shape: [4, 2])
            let text = message { optimizer.step() }
            #expect(text.contains("has a sparse gradient, which \(type(of: optimizer)) with these settings"), "\(why): \(text)")
            #expect(values(table) == Array(repeating: 1, count: 8) && optimizer.stateDict().tensors.isEmpty)
        }
    }
}
