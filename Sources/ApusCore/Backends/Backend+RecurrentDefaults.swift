// Recurrent cells as compositions of the simple families.

extension Backend {
    package func recurrentCell(
        _ kind: RecurrentKind, input: Tensor, hidden: Tensor, state: Tensor?, gates: Tensor?, cell: Tensor?, into out: Tensor
    ) throws(OpError) {
        guard out.numel > 0 else { return }
        let compose = Composition(self, like: out)
        let units = out.shape[1]
        let (x, y) = try (compose.cast(input), compose.cast(hidden))
        func sum(_ i: Int) throws(OpError) -> Tensor { try compose(.add, compose.columns(x, i, units), compose.columns(y, i, units)) }
        switch kind {
        case .lstm:
            let (i, f, g, o) = try (compose(.sigmoid, sum(0)), compose(.sigmoid, sum(1)), compose(.tanh, sum(2)), compose(.sigmoid, sum(3)))
            let next = try compose(.add, compose(.mul, f, compose.cast(state!)), compose(.mul, i, g))
            for (place, gate) in [i, f, g, o].enumerated() { try copy(gate, into: compose.columns(gates!, place, units)) }
            try copy(next, into: cell!)
            try copy(compose(.mul, o, compose(.tanh, next)), into: out)
        case .gru:
            let (r, z, fromHidden) = try (compose(.sigmoid, sum(0)), compose(.sigmoid, sum(1)), compose.columns(y, 2, units))
            let n = try compose(.tanh, compose(.add, compose.columns(x, 2, units), compose(.mul, r, fromHidden)))
            let next = try compose(.add, n, compose(.mul, z, compose(.sub, compose.cast(state!), n)))
            for (place, kept) in [r, z, n, fromHidden].enumerated() { try copy(kept, into: compose.columns(gates!, place, units)) }
            try copy(next, into: out)
        case .tanh: try copy(compose(.tanh, sum(0)), into: out)
        case .relu: try copy(compose(.relu, sum(0)), into: out)
        }
    }

    package func recurrentCellBackward(
        _ kind: RecurrentKind, _ grad: Tensor, gates: Tensor?, state: Tensor?, cell: Tensor?, out: Tensor, gradCell: Tensor?,
        gradInput: Tensor, gradHidden: Tensor?, gradState: Tensor?
    ) throws(OpError) {
        guard out.numel > 0 else { return }
        let compose = Composition(self, like: out)
        let units = out.shape[1]
        let g = try compose.cast(grad)
        func kept(_ i: Int) throws(OpError) -> Tensor { try compose.columns(compose.cast(gates!), i, units) }
        func product(_ factors: Tensor...) throws(OpError) -> Tensor {
            var result = factors[0]
            for factor in factors.dropFirst() { result = try compose(.mul, result, factor) }
            return result
        }
        switch kind {
        case .lstm:
            let (i, f, candidate, o, t) = try (kept(0), kept(1), kept(2), kept(3), compose(.tanh, compose.cast(cell!)))
            let d = try compose(.add, compose.cast(gradCell!), compose(.tanhGrad, compose(.mul, g, o), t))
            let parts = try [
                compose(.sigmoidGrad, product(d, candidate), i), compose(.sigmoidGrad, product(d, compose.cast(state!)), f),
                compose(.tanhGrad, product(d, i), candidate), compose(.sigmoidGrad, product(g, t), o),
            ]
            for (place, part) in parts.enumerated() { try copy(part, into: compose.columns(gradInput, place, units)) }
            try copy(product(d, f), into: gradCell!)
        case .gru:
            let (r, z, n, fromHidden) = try (kept(0), kept(1), kept(2), kept(3))
            let dn = try compose(.tanhGrad, product(g, compose(.affine, z, KernelParameters(-1, 1))), n)
            let dz = try compose(.sigmoidGrad, product(g, compose(.sub, compose.cast(state!), n)), z)
            let dr = try compose(.sigmoidGrad, product(dn, fromHidden), r)
            for (place, part) in [dr, dz, dn].enumerated() { try copy(part, into: compose.columns(gradInput, place, units)) }
            for (place, part) in try [dr, dz, product(dn, r)].enumerated() {
                try copy(part, into: compose.columns(gradHidden!, place, units))
            }
            try copy(product(g, z), into: gradState!)
        case .tanh: try copy(compose(.tanhGrad, g, compose.cast(out)), into: gradInput)
        case .relu: try copy(compose(.reluGrad, g, compose.cast(out)), into: gradInput)
        }
    }
}
