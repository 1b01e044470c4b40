extension Func {
    /// How random functions behave inside `vmap`.
    public enum Randomness: Sendable {
        /// They fail.
        case error
        /// Each slice draws its own numbers.
        case different
        /// All slices draw the same numbers.
        case same
    }

    /// Applies `f` to each slice of a tensor along `inDim` and stacks the results along `outDim`. PyTorch: `torch.func.vmap`.
    ///
    /// `f` gets tensors without that dimension and is called once per slice, so that transforms and control flow inside it work as for one
    /// sample. Traps if `inDim` does not exist, there are no slices, or the results differ in shape.
    public static func vmap(
        inDim: Int = 0, outDim: Int = 0, randomness: Randomness = .error, _ f: @escaping (Tensor) -> Tensor
    ) -> (Tensor) -> Tensor {
        let many = vmap(inDims: [inDim], outDims: [outDim], randomness: randomness) { [f($0[0])] }
        return { many([$0])[0] }
    }

    /// The same for two arguments; an argument whose dimension is nil is passed to each call whole.
    public static func vmap(
        inDims: (Int?, Int?) = (0, 0), outDim: Int = 0, randomness: Randomness = .error, _ f: @escaping (Tensor, Tensor) -> Tensor
    ) -> (Tensor, Tensor) -> Tensor {
        let many = vmap(inDims: [inDims.0, inDims.1], outDims: [outDim], randomness: randomness) { [f($0[0], $0[1])] }
        return { many([$0, $1])[0] }
    }

    /// The same for three arguments; an argument whose dimension is nil is passed to each call whole.
    public static func vmap(
        inDims: (Int?, Int?, Int?) = (0, 0, 0), outDim: Int = 0, randomness: Randomness = .error,
        _ f: @escaping (Tensor, Tensor, Tensor) -> Tensor
    ) -> (Tensor, Tensor, Tensor) -> Tensor {
        let many = vmap(inDims: [inDims.0, inDims.1, inDims.2], outDims: [outDim], randomness: randomness) { [f($0[0], $0[1], $0[2])] }
        return { many([$0, $1, $2])[0] }
    }

    /// The same for any number of arguments and results. `inDims` has one entry per argument, nil to pass it whole; `outDims` has one per
    /// result (missing ones are 0).
    public static func vmap(
        inDims: [Int?], outDims: [Int] = [], randomness: Randomness = .error, _ f: @escaping ([Tensor]) -> [Tensor]
    ) -> ([Tensor]) -> [Tensor] {
        { inputs in
            func failed(_ message: String) -> [Tensor] { [fail("vmap", message)] }
            if let poisoned = inputs.first(where: \.isPoisoned) { return [poisoned] }
            guard inDims.count == inputs.count else { return failed("got \(inputs.count) arguments for \(inDims.count) inDims") }
            var count: Int?
            for (i, (x, dim)) in zip(inputs, inDims).enumerated() {
                guard let dim else { continue }
                guard dim >= -x.ndim && dim < x.ndim else { return failed("argument \(i) of shape \(x.shape) has no dimension \(dim)") }
                if let count, count != x.shape[dim] {
                    return failed("argument \(i) has \(x.shape[dim]) slices along dimension \(dim), those before have \(count)")
                }
                count = x.shape[dim]
            }
            guard let count else { return failed("no argument is sliced; give one of them a dimension") }
            guard count > 0 else {
                return failed("there are no slices: a dimension of \(inputs.map(\.shape)) has extent 0, so the results' shapes are unknown")
            }

            let start = Generator.current
            let state = start.state
            var results: [[Tensor]] = []
            for i in 0..<count {
                let slices = zip(inputs, inDims).map { x, dim in dim.map { x.select($0, i) } ?? x }
                switch randomness {
                case .different: results.append(f(slices))
                case .same:
                    let copy = Generator(seed: state.seed)
                    copy.state = state
                    results.append(withGenerator(copy) { f(slices) })
                    if i == count - 1 { start.state = copy.state }
                case .error:
                    // A separate generator, whose offset shows whether it was used.
                    let watched = Generator(seed: state.seed)
                    results.append(withGenerator(watched) { f(slices) })
                    if watched.state.offset != 0 { return failed("a random function was called; pass randomness: .different or .same") }
                }
            }
            return results[0].indices.map { r in
                let parts = results.map { $0[r] }
                let dim = r < outDims.count ? outDims[r] : 0
                guard parts.allSatisfy({ $0.shape == parts[0].shape || $0.isPoisoned }) else {
                    return fail("vmap", "result \(r) differs in shape from slice to slice")
                }
                return Tensor.stack(parts, dim: dim)
            }
        }
    }
}
