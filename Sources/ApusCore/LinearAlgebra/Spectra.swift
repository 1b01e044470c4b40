import CDrivers

/// The eigenvalues of symmetric matrices [*, n, n] in ascending order, [*, n], and eigenvectors as columns [*, n, n]. The sign of each
/// vector is such that its first element with at least half the magnitude of its largest is positive.
///
/// Derivative: the symmetric part of V·(diag(λ̄) + (VᵀV̄)ᵢⱼ/(λⱼ − λᵢ) off the diagonal)·Vᵀ; with a gradient of vectors it is infinite for
/// equal eigenvalues.
struct SymmetricEigen: Op {
    /// Whether the upper half of the matrix is read instead of the lower one.
    let upper: Bool
    /// Whether eigenvectors are computed; without them there is no derivative.
    let hasVectors: Bool

    var name: String { "eigh" }
    var outputCount: Int { hasVectors ? 2 : 1 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let a = inputs[0]
        try a.requireSquare()
        try a.requireLAPACKNumbers()
        let lapack = try LAPACK.functions(a.dtype)
        let matrices = try HostMatrices(copying: a)
        let n = matrices.rows
        let upper = upper
        try matrices.requireFinite { row, column in upper ? row <= column : row >= column }
        let values = try Tensor.uninitialized(Shape(matrices.batch + [n]), a.dtype, .cpu)
        let info = try Tensor.uninitialized(matrices.batch, .int32, .cpu)
        defer { withExtendedLifetime(info) {} }
        func requireConvergence(_ i: Int, _ converges: Bool) throws(OpError) {
            guard converges else { throw OpError("\(HostLU.place(i, of: matrices.batch))the iteration for eigenvalues does not converge") }
        }
        if hasVectors && n >= LargeMatrices.smallest && LargeMatrices.joinsHalves(lapack) {
            let large = try LargeMatrices(a.dtype)
            try LargeMatrices.forEach(matrices.count) { (i) throws(OpError) in
                try requireConvergence(i, large.eigen(matrices[i], n, upper: upper, values: values.pointer + i * n * a.dtype.size))
            }
        } else if matrices.memory.numel > 0 {
            let (task, half, failures) = (hasVectors ? "V" : "N", upper ? "U" : "L", info.hostIntegers)
            func call(
                _ i: Int, _ numbers: UnsafeMutableRawPointer, _ size: Int, _ integers: UnsafeMutablePointer<Int32>, _ count: Int,
                _ failure: UnsafeMutablePointer<Int32>
            ) {
                var (order, leading, size, count) = (Int32(n), matrices.leading, Int32(size), Int32(count))
                lapack.syevd(
                    task, half, &order, matrices[i], &leading, values.pointer + i * n * a.dtype.size, numbers, &size, integers, &count,
                    failure, 1, 1)
            }
            let work = try Workspace.asked(a.dtype) { call(0, $0, -1, $1, -1, failures) }
            try work.forEach(matrices.count, a.dtype) { i, numbers, integers in
                call(i, numbers, work.numbers, integers, work.integers, failures + i)
            }
            for i in 0..<matrices.count { try requireConvergence(i, failures[i] == 0) }
        }
        if hasVectors { matrices.fixSigns() }
        var outputs = [try values.moved(to: a.device)]
        if hasVectors { outputs.append(try matrices.tensor(on: a.device)) }
        for (i, output) in outputs.enumerated() { saved.keepOutput(output, index: i) }
        return outputs
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) -> Gradients {
        let (values, vectors) = (context.saved[0], context.saved[1])
        guard let gradVectors = grads[1] else {
            return [(vectors * grads[0]!.unsqueeze(-2)).matmul(vectors.mT)]
        }
        let within = SymmetricEigen.gradientWithin(values, grads[0], vectors.mT.matmul(gradVectors))
        return [vectors.matmul(within + within.mT).matmul(vectors.mT) / 2]
    }

    /// diag(λ̄) + (UᵀŪ)∘F, where `products` is UᵀŪ: the gradient in the basis of the eigenvectors.
    static func gradientWithin(_ values: Tensor, _ gradValues: Tensor?, _ products: Tensor) -> Tensor {
        let isDiagonal = products.identity.to(.bool)
        let gaps = Tensor.where(isDiagonal, 1.0, values.unsqueeze(-2) - values.unsqueeze(-1))
        let diagonal = gradValues?.unsqueeze(-1) ?? Tensor.zeros([], dtype: values.dtype, device: values.device)
        return Tensor.where(isDiagonal, diagonal, products / gaps)
    }
}

/// A = U·diag(S)·Vᵀ for matrices [*, m, n]: U [*, m, k], S [*, k] in descending order and Vᵀ [*, k, n] with k = min(m, n), or all of U [*,
/// m, m] and Vᵀ [*, n, n]; or only S. The first element of each column of U with at least half the magnitude of its largest is positive.
///
/// Derivative (Townsend, "Differentiating the singular value decomposition", 2016), with F = 1/(sⱼ² − sᵢ²) outside the diagonal and skew X
/// = X − Xᵀ: Ā = U·((skew(UᵀŪ)∘F)·S + S·(skew(VᵀV̄)∘F) + diag(S̄))·Vᵀ + (I − UUᵀ)·Ū·S⁻¹·Vᵀ + U·S⁻¹·V̄ᵀ·(I − VVᵀ). With gradients of U or V
/// it is infinite for equal singular values. Vectors beyond the first k may be any basis of the rest; their gradients are ignored.
private struct SingularValues: Op {
    enum Results { case valuesAlone, reduced, full }
    let results: Results

    var name: String { "svd" }
    var outputCount: Int { results == .valuesAlone ? 1 : 3 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let a = inputs[0]
        try a.requireMatrices()
        try a.requireLAPACKNumbers()
        let lapack = try LAPACK.functions(a.dtype)
        let matrices = try HostMatrices(copying: a)
        try matrices.requireFinite()
        let (m, n, batch) = (matrices.rows, matrices.columns, matrices.batch)
        let k = min(m, n)
        let s = try Tensor.uninitialized(Shape(batch + [k]), a.dtype, .cpu)
        let (full, alone) = (results == .full, results == .valuesAlone)
        let u = try HostMatrices(alone ? [0] : batch, rows: m, columns: full ? m : k, a.dtype)
        let vh = try HostMatrices(alone ? [0] : batch, rows: full ? n : k, columns: n, a.dtype)
        let info = try Tensor.uninitialized(batch, .int32, .cpu)
        defer { withExtendedLifetime(info) {} }
        func requireConvergence(_ i: Int, _ converges: Bool) throws(OpError) {
            guard converges else { throw OpError("\(HostLU.place(i, of: batch))the iteration for singular values does not converge") }
        }
        if !alone && LargeMatrices.isLarge(m, n) {
            let large = try LargeMatrices(a.dtype)
            try LargeMatrices.forEach(matrices.count) { (i) throws(OpError) in
                try requireConvergence(
                    i,
                    large.singular(
                        matrices[i], m, n, values: s.pointer + i * k * a.dtype.size, u: (u[i], u.columns), vh: (vh[i], vh.rows)))
            }
            withExtendedLifetime(matrices) {}
            u.fixSigns(with: vh)
        } else if k > 0 && matrices.count > 0 {
            let (task, failures) = (alone ? "N" : full ? "A" : "S", info.hostIntegers)
            // Without vectors LAPACK does not access their memory.
            func call(
                _ i: Int, _ numbers: UnsafeMutableRawPointer, _ size: Int, _ integers: UnsafeMutablePointer<Int32>,
                _ failure: UnsafeMutablePointer<Int32>
            ) {
                var (rows, columns, leading, size) = (Int32(m), Int32(n), matrices.leading, Int32(size))
                var (leadingOfU, leadingOfVh) = (u.leading, vh.leading)
                lapack.gesdd(
                    task, &rows, &columns, matrices[i], &leading, s.pointer + i * k * a.dtype.size, alone ? numbers : u[i], &leadingOfU,
                    alone ? numbers : vh[i], &leadingOfVh, numbers, &size, integers, failure, 1)
            }
            var work = Workspace(integers: 8 * k)
            let integers = try Tensor.uninitialized([8 * k], .int32, .cpu)
            work.numbers = try Workspace.asked(a.dtype) { numbers, _ in call(0, numbers, -1, integers.hostIntegers, failures) }.numbers
            let size = work.numbers
            try work.forEach(matrices.count, a.dtype) { i, numbers, integers in call(i, numbers, size, integers, failures + i) }
            for i in 0..<matrices.count { try requireConvergence(i, failures[i] == 0) }
            if !alone { u.fixSigns(with: vh) }
        } else if full {
            try u.setIdentity()
            try vh.setIdentity()
        }
        let values = try s.moved(to: a.device)
        if alone { return [values] }
        let outputs = [try u.tensor(on: a.device), values, try vh.tensor(on: a.device)]
        for (i, output) in outputs.enumerated() { saved.keepOutput(output, index: i) }
        return outputs
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) -> Gradients {
        let s = context.saved[1]
        let k = s.shape[-1]
        let (u, vh) = (context.saved[0].narrow(-1, 0, k), context.saved[2].narrow(-2, 0, k))
        let (gradU, gradVh) = (grads[0]?.narrow(-1, 0, k), grads[2]?.narrow(-2, 0, k))
        if gradU == nil && gradVh == nil { return [(u * grads[1]!.unsqueeze(-2)).matmul(vh)] }
        let (row, column) = (s.unsqueeze(-2), s.unsqueeze(-1))
        let gaps = (row - column) * (row + column) + s.identity
        func turned(_ x: Tensor) -> Tensor { (x - x.mT) / gaps }
        var inner = grads[1]?.diagonalMatrices ?? Tensor.zeros([k, k], dtype: s.dtype, device: s.device)
        if let gradU { inner = inner + turned(u.mT.matmul(gradU)) * row }
        if let gradVh { inner = inner + turned(vh.matmul(gradVh.mT)) * column }
        var gradA = u.matmul(inner).matmul(vh)
        if let gradU, u.shape[-2] > k {
            let scaled = gradU / row
            gradA = gradA + (scaled - u.matmul(u.mT.matmul(scaled))).matmul(vh)
        }
        if let gradVh, vh.shape[-1] > k {
            let scaled = gradVh / column
            gradA = gradA + u.matmul(scaled - scaled.matmul(vh.mT).matmul(vh))
        }
        return [gradA]
    }
}

extension HostMatrices {
    /// Flips the signs of columns such that the first element of each with at least half the magnitude of its largest is positive, and
    /// those of the rows of `partner` with them: LAPACK leaves the sign open, and this one does not depend on how it computes.
    fileprivate func fixSigns(with partner: HostMatrices? = nil) {
        func fix<Element: BinaryFloatingPoint>(_: Element.Type) {
            let partners = partner?.rows ?? 0
            for i in 0..<count {
                let numbers = self[i].assumingMemoryBound(to: Element.self)
                let others = partner.map { $0[i].assumingMemoryBound(to: Element.self) }
                for column in 0..<columns {
                    let vector = UnsafeMutableBufferPointer(start: numbers + column * rows, count: rows)
                    let largest = vector.reduce(0) { Swift.max($0, $1.magnitude) }
                    guard let leading = vector.first(where: { $0.magnitude >= largest / 2 }), leading < 0 else { continue }
                    for row in 0..<rows { vector[row].negate() }
                    guard let others, let partner, column < partners else { continue }
                    for place in 0..<partner.columns { others[place * partners + column].negate() }
                }
                guard let others, let partner, columns < partners else { continue }
                // Vectors without a partner.
                for row in columns..<partners {
                    let places = stride(from: row, to: partners * partner.columns, by: partners)
                    let largest = places.reduce(0) { Swift.max($0, others[$1].magnitude) }
                    guard let leading = places.first(where: { others[$0].magnitude >= largest / 2 }), others[leading] < 0 else { continue }
                    for place in places { others[place].negate() }
                }
            }
        }
        if dtype == .float64 { fix(Double.self) } else { fix(Float.self) }
    }

    fileprivate func setIdentity() throws(OpError) {
        let identity = try Tensor.eye(rows, dtype: dtype).usable()
        try Device.cpu.backend.copy(identity.expanded(memory.shape), into: memory)
    }
}

extension Linalg {
    /// A half of a symmetric matrix, including its diagonal.
    public enum Triangle: Sendable { case lower, upper }

    /// The eigenvalues of symmetric matrices [*, n, n] in ascending order, [*, n], and eigenvectors of length 1 as columns [*, n, n]. Only
    /// the half `uplo` of a matrix is read.
    ///
    /// Vectors are determined up to their sign, those of equal eigenvalues up to a basis: the first element of each with at least half the
    /// magnitude of its largest is positive. The gradient through vectors is infinite or NaN if eigenvalues are equal. Traps for NaN and
    /// infinities.
    public static func eigh(_ a: Tensor, uplo: Triangle = .lower) -> (eigenvalues: Tensor, eigenvectors: Tensor) {
        let found = apply(SymmetricEigen(upper: uplo == .upper, hasVectors: true), Inputs(a))
        return (found[0], found[1])
    }

    /// The eigenvalues of symmetric matrices [*, n, n] in ascending order, [*, n]. Only the half `uplo` of a matrix is read. Traps for NaN
    /// and infinities.
    public static func eigvalsh(_ a: Tensor, uplo: Triangle = .lower) -> Tensor {
        apply(SymmetricEigen(upper: uplo == .upper, hasVectors: a.mayBeRecorded), Inputs(a))[0]
    }

    /// A = U·diag(S)·Vᵀ for matrices [*, m, n]: orthonormal columns U [*, m, m], singular values S [*, k] in descending order, k = min(m,
    /// n), and orthonormal rows Vᵀ [*, n, n]; without `fullMatrices` U is [*, m, k] and Vᵀ [*, k, n].
    ///
    /// Vectors are determined up to a common sign, those of equal values up to a basis: the first element of each column of U with at least
    /// half the magnitude of its largest is positive. The gradient through vectors is infinite or NaN if singular values are equal or 0;
    /// gradients of vectors beyond the first k are ignored. Traps for NaN and infinities.
    public static func svd(_ a: Tensor, fullMatrices: Bool = true) -> (u: Tensor, s: Tensor, vh: Tensor) {
        let found = apply(SingularValues(results: fullMatrices ? .full : .reduced), Inputs(a))
        return (found[0], found[1], found[2])
    }

    /// The singular values of matrices [*, m, n] in descending order, [*, min(m, n)]. Traps for NaN and infinities.
    public static func svdvals(_ a: Tensor) -> Tensor {
        let found = apply(SingularValues(results: a.mayBeRecorded ? .reduced : .valuesAlone), Inputs(a))
        return found.count == 1 ? found[0] : found[1]
    }
}

extension Tensor {
    /// Whether an op on this tensor may be recorded, and then needs the factors that its derivative uses.
    fileprivate final var mayBeRecorded: Bool { isGradEnabled && (requiresGrad || form != nil) }
}
