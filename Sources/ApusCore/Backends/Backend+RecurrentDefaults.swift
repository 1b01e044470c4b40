// Recurrent cells as compositions of the simple families.

extension Backend {
    package func recurrentCell(_ kind: RecurrentKind, input: Tensor, hidden: Tensor, state: Tensor?, gates: Tensor?, cell: Tensor?, into out: Tensor) {
        guard out.numel > 0 else { return }
        let compose = Composition(self, like: out)
        let units = out.shape[1]
        let (x, y) = (compose.cast(input), compose.cast(hidden))
        func sum(_ i: Int) -> Tensor { compose(.add, compose.columns(x, i, units), compose.columns(y, i, units)) }
        switch kind {
        case .lstm:
            let (i, f, g, o) = (compose(.sigmoid, sum(0)), compose(.sigmoid, sum(1)), compose(.tanh, sum(2)), compose(.sigmoid, sum(3)))
            let next = compose(.add, compose(.mul, f, compose.cast(state!)), compose(.mul, i, g))
            for (place, gate) in [i, f, g, o].enumerated() { copy(gate, into: compose.columns(gates!, place, units)) }
            copy(next, into: cell!)
            copy(compose(.mul, o, compose(.tanh, next)), into: out)
        case .gru:
            let (r, z, fromHidden) = (compose(.sigmoid, sum(0)), compose(.sigmoid, sum(1)), compose.columns(y, 2, units))
            let n = compose(.tanh, compose(.add, compose.columns(x, 2, units), compose(.mul, r, fromHidden)))
            let next = compose(.add, n, compose(.mul, z, compose(.sub, compose.cast(state!), n)))
            for (place, kept) in [r, z, n, fromHidden].enumerated() { copy(kept, into: compose.columns(gates!, place, units)) }
            copy(next, into: out)
        case .tanh: copy(compose(.tanh, sum(0)), into: out)
        case .relu: copy(compose(.relu, sum(0)), into: out)
        }
    }

    package func recurrentCellBackward(
        _ kind: RecurrentKind, _ grad: Tensor, gates: Tensor?, state: Tensor?, cell: Tensor?, out: Tensor, gradCell: Tensor?, gradInput: Tensor, gradHidden: Tensor?, gradState: Tensor?
    ) {
        guard out.numel > 0 else { return }
        let compose = Composition(self, like: out)
        let units = out.shape[1]
        let g = compose.cast(grad)
        func kept(_ i: Int) -> Tensor { compose.columns(compose.cast(gates!), i, units) }
        func product(_ factors: Tensor...) -> Tensor { factors.dropFirst().reduce(factors[0]) { compose(.mul, $0, $1) } }
        switch kind {
        case .lstm:
            let (i, f, candidate, o, t) = (kept(0), kept(1), kept(2), kept(3), compose(.tanh, compose.cast(cell!)))
            let d = compose(.add, compose.cast(gradCell!), compose(.tanhGrad, compose(.mul, g, o), t))
            let parts = [
                compose(.sigmoidGrad, product(d, candidate), i), compose(.sigmoidGrad, product(d, compose.cast(state!)), f),
                compose(.tanhGrad, product(d, i), candidate), compose(.sigmoidGrad, product(g, t), o),
            ]
            for (place, part) in parts.enumerated() { copy(part, into: compose.columns(gradInput, place, units)) }
            copy(product(d, f), into: gradCell!)
        case .gru:
            let (r, z, n, fromHidden) = (kept(0), kept(1), kept(2), kept(3))
            let dn = compose(.tanhGrad, product(g, compose(.affine, z, KernelParameters(-1, 1))), n)
            let dz = compose(.sigmoidGrad, product(g, compose(.sub, compose.cast(state!), n)), z)
            let dr = compose(.sigmoidGrad, product(dn, fromHidden), r)
            for (place, part) in [dr, dz, dn].enumerated() { copy(part, into: compose.columns(gradInput, place, units)) }
            for (place, part) in [dr, dz, product(dn, r)].enumerated() { copy(part, into: compose.columns(gradHidden!, place, units)) }
            copy(product(g, z), into: gradState!)
        case .tanh: copy(compose(.tanhGrad, g, compose.cast(out)), into: gradInput)
        case .relu: copy(compose(.reluGrad, g, compose.cast(out)), into: gradInput)
        }
    }
}
