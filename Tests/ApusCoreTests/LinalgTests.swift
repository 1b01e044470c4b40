@testable import ApusCore
import TestSupport
import Testing

/// What LAPACK computes, and what follows from it: factors, equations, determinants, norms.
@Suite struct LinalgTests {
    /// Functions of square matrices a [*, 3, 3] and right sides b [3, 2].
    static let cases: [DerivativeTests.Case2] = [
        DerivativeTests.Case2(name: "inverse") { a, _ in spread(a).inverse() },
        DerivativeTests.Case2(name: "solve") { a, b in Linalg.solve(spread(a), b) },
        DerivativeTests.Case2(name: "solve from the right") { a, b in Linalg.solve(spread(a), b.mT.unsqueeze(0), left: false) },
        DerivativeTests.Case2(name: "solve for a vector") { a, b in Linalg.solve(spread(a), b.select(1, 0)) },
        DerivativeTests.Case2(name: "lu.l") { a, _ in Linalg.lu(spread(a).flip(-2)).l },
        DerivativeTests.Case2(name: "lu.u") { a, _ in Linalg.lu(spread(a).flip(-2)).u },
        DerivativeTests.Case2(name: "luFactor of tall ones") { a, _ in Linalg.luFactor(tall(a).flip(-2)).lu },
        DerivativeTests.Case2(name: "luFactor of wide ones") { a, _ in Linalg.luFactor(tall(a).mT.flip(-2)).lu },
        DerivativeTests.Case2(name: "luSolve") { a, b in
            let (lu, pivots) = Linalg.luFactor(spread(a).flip(-2))
            return Linalg.luSolve(lu, pivots, b)
        },
        DerivativeTests.Case2(name: "luSolve adjoint") { a, b in
            let (lu, pivots) = Linalg.luFactor(spread(a).flip(-2))
            return Linalg.luSolve(lu, pivots, b.mT, left: false) + Linalg.luSolve(lu, pivots, b, adjoint: true).mT
        },
        DerivativeTests.Case2(name: "det") { a, _ in a.det() },
        DerivativeTests.Case2(name: "slogdet") { a, _ in spread(a).slogdet().logabsdet },
        DerivativeTests.Case2(name: "logdet") { a, _ in spread(a).logdet() },
        DerivativeTests.Case2(name: "eigh.eigenvalues") { a, _ in Linalg.eigh(symmetric(a)).eigenvalues },
        DerivativeTests.Case2(name: "eigh.eigenvectors") { a, _ in Linalg.eigh(symmetric(a)).eigenvectors },
        DerivativeTests.Case2(name: "eigh") { a, _ in
            let (values, vectors) = Linalg.eigh(symmetric(a), uplo: .upper)
            return vectors * values.unsqueeze(-2)
        },
        DerivativeTests.Case2(name: "eigvalsh") { a, _ in Linalg.eigvalsh(symmetric(a)) },
        DerivativeTests.Case2(name: "svd.u") { a, _ in Linalg.svd(tall(a), fullMatrices: false).u },
        DerivativeTests.Case2(name: "svd.vh") { a, _ in Linalg.svd(tall(a).mT, fullMatrices: false).vh },
        DerivativeTests.Case2(name: "svd") { a, _ in
            let (u, s, vh) = Linalg.svd(spread(a))
            return u * s.unsqueeze(-2) + vh
        },
        DerivativeTests.Case2(name: "svd with all vectors") { a, _ in
            let (u, s, vh) = Linalg.svd(tall(a))
            return u.narrow(-1, 0, 2) * s.unsqueeze(-2) + vh.sum(dim: [-2, -1], keepDim: true)
        },
        DerivativeTests.Case2(name: "svdvals") { a, _ in Linalg.svdvals(tall(a)) },
        DerivativeTests.Case2(name: "qr.q") { a, _ in Linalg.qr(tall(a)).q },
        DerivativeTests.Case2(name: "qr.r") { a, _ in Linalg.qr(spread(a), mode: .complete).r },
        DerivativeTests.Case2(name: "qr of wide ones") { a, _ in
            let (q, r) = Linalg.qr(tall(a).mT)
            return q.matmul(r * r)
        },
        DerivativeTests.Case2(name: "pinv of tall ones") { a, _ in Linalg.pinv(tall(a)) },
        DerivativeTests.Case2(name: "pinv of wide ones") { a, _ in Linalg.pinv(tall(a).mT) },
        DerivativeTests.Case2(name: "pinv of symmetric ones") { a, _ in Linalg.pinv(symmetric(a), hermitian: true) },
        DerivativeTests.Case2(name: "lstsq") { a, b in Linalg.lstsq(tall(a), b).solution },
        DerivativeTests.Case2(name: "lstsq of wide ones") { a, b in
            Linalg.lstsq(tall(a).mT, b.narrow(0, 0, 2).narrow(1, 0, 1), driver: .gelsd).solution
        },
        DerivativeTests.Case2(name: "lstsq.residuals") { a, b in Linalg.lstsq(tall(a), b, driver: .gels).residuals },
        DerivativeTests.Case2(name: "householderProduct") { a, _ in
            Linalg.householderProduct(tall(a), a.select(-1, 2).narrow(-1, 0, 2))
        },
        DerivativeTests.Case2(name: "matrixExp") { a, _ in (2 * a).matrixExp() },
        DerivativeTests.Case2(name: "matrixPower") { a, _ in a.matrixPower(5) },
        DerivativeTests.Case2(name: "matrixPower of the inverse") { a, _ in spread(a).matrixPower(-2) },
        DerivativeTests.Case2(name: "cholesky upper") { a, _ in positive(a).cholesky(upper: true) },
        DerivativeTests.Case2(name: "choleskyInverse") { a, _ in spread(a).choleskyInverse() + spread(a).choleskyInverse(upper: true) },
        DerivativeTests.Case2(name: "choleskySolve") { a, b in b.choleskySolve(spread(a)) + b.choleskySolve(spread(a), upper: true) },
        DerivativeTests.Case2(name: "solveTriangular from the right") { a, b in spread(a).solveTriangular(b.mT, upper: true, left: false) },
        DerivativeTests.Case2(name: "solveTriangular unitriangular") { a, b in
            a.solveTriangular(b, upper: false, unitriangular: true) + a.solveTriangular(b, upper: true, unitriangular: true)
        },
        DerivativeTests.Case2(name: "ldlSolve") { a, b in
            let fixed = Tensor([2.0, 1, 0, 1, -3, 1, 0, 1, 4], shape: [3, 3], dtype: b.dtype, device: b.device)
            let (ld, pivots) = Linalg.ldlFactor(fixed)
            return Linalg.ldlSolve(ld, pivots, b) + 0 * a.sum()
        },
        DerivativeTests.Case2(name: "matrixNorm 2") { a, _ in Linalg.matrixNorm(spread(a), ord: 2) },
        DerivativeTests.Case2(name: "matrixNorm −2") { a, _ in Linalg.matrixNorm(spread(a), ord: -2) },
        DerivativeTests.Case2(name: "matrixNorm nuc") { a, _ in Linalg.matrixNorm(tall(a), ord: .nuc) },
        DerivativeTests.Case2(name: "matrixNorm 1") { a, _ in Linalg.matrixNorm(spread(a), ord: 1) },
        DerivativeTests.Case2(name: "cond") { a, _ in Linalg.cond(spread(a)) },
        DerivativeTests.Case2(name: "cond fro") { a, _ in Linalg.cond(spread(a), p: .fro) },
        DerivativeTests.Case2(name: "lobpcg") { a, _ in
            let start = Tensor.ones([2, 3, 1], dtype: a.dtype, device: a.device)
            let (values, vectors) = Tensor.lobpcg(symmetric(a), x: start, tol: 1e-13)
            return vectors * values.unsqueeze(-2)
        },
        DerivativeTests.Case2(name: "lobpcg of the smallest") { a, _ in
            Tensor.lobpcg(symmetric(a), tol: 1e-13, largest: false, method: .basic).eigenvalues
        },
        DerivativeTests.Case2(name: "svdLowrank") { a, _ in
            let (u, s, v) = Tensor.svdLowrank(tall(a), q: 2)
            return (u * s.square().unsqueeze(-2)).matmul(v.mT)
        },
        DerivativeTests.Case2(name: "svdLowrank without a matrix") { a, b in
            Tensor.svdLowrank(tall(a).mT, m: b.select(1, 0)).s
        },
        DerivativeTests.Case2(name: "pcaLowrank") { a, _ in Tensor.pcaLowrank(tall(a)).s },
        DerivativeTests.Case2(name: "tensorinv") { a, _ in Linalg.tensorinv(spread(a).select(0, 0).reshape(3, 3, 1), ind: 1) },
        DerivativeTests.Case2(name: "tensorsolve") { a, b in
            Linalg.tensorsolve(spread(a).select(0, 0).reshape(3, 1, 3), b.select(1, 0).reshape(3, 1))
        },
    ]

    /// Matrices whose eigenvalues and singular values are far from each other and from 0.
    private static func spread(_ a: Tensor) -> Tensor {
        let n = a.shape[-1]
        return 0.3 * a + Tensor((1...n).map { Double($0 * $0) }, shape: [n], dtype: a.dtype, device: a.device).diagonalMatrices
    }
    private static func tall(_ a: Tensor) -> Tensor { spread(a).narrow(-1, 0, a.shape[-1] - 1) }
    private static func positive(_ a: Tensor) -> Tensor {
        let s = spread(a)
        return s.matmul(s.mT) + Tensor.eye(a.shape[-1], dtype: a.dtype, device: a.device)
    }
    private static func symmetric(_ a: Tensor) -> Tensor { spread(a + a.mT) }

    @Test(arguments: cases) func derivatives(_ c: DerivativeTests.Case2) {
        let inputs = [DerivativeTests.numbers([2, 3, 3]), DerivativeTests.numbers([3, 2], phase: 5)]
        checkGradients(inputs, c.name) { c.f($0[0], $0[1]) + 0 * $0[1].sum() }
    }

    // MARK: Residuals

    static let shapes: [Shape] = [
        [1, 1], [3, 3], [5, 3], [3, 5], [2, 4, 4], [2, 3, 4, 2], [40, 40], [70, 30], [0, 0], [0, 3, 3], [2, 0, 3], [3, 0],
    ]

    /// |found − wanted| is at most 30·n·ε of the largest element of `wanted`, or of 1.
    private func close(_ found: Tensor, _ wanted: Tensor, _ n: Int, _ dtype: DType, _ what: String) {
        let (ours, theirs) = (values(found), values(wanted.expand(found.shape)))
        let size = theirs.reduce(1.0) { max($0, abs($1)) }
        let worst = zip(ours, theirs).reduce(0.0) { max($0, $1.0.isNaN ? .infinity : abs($1.0 - $1.1)) }
        let unit = Double(max(n, 1)) * dtype.epsilon * size
        #expect(worst <= 30 * unit, "\(what) of \(found.shape), \(dtype): \(worst / unit) units")
    }

    private func matrices(_ shape: Shape, _ dtype: DType, seed: UInt64 = 3) -> Tensor {
        var samples = Samples(seed: seed)
        return samples.tensor(shape, dtype, in: -1...1).to(.cpu)
    }

    @Test(arguments: [DType.float32, .float64]) func factorsMultiplyToTheMatrices(_ dtype: DType) {
        for shape in Self.shapes {
            let a = matrices(shape, dtype)
            let exact = a.to(.float64)
            let (m, n) = (shape[-2], shape[-1])
            let (k, most) = (min(m, n), max(m, n))
            func unit(_ columns: Tensor, _ what: String) {
                let wide = columns.to(.float64)
                close(wide.mT.matmul(wide), Tensor.eye(columns.shape[-1], dtype: .float64), most, dtype, what)
            }
            let (p, l, u) = Linalg.lu(a)
            #expect(p.shape[-1] == m && l.shape[-1] == k && u.shape[-2] == k && p.dtype == dtype)
            close(p.to(.float64).matmul(l.to(.float64)).matmul(u.to(.float64)), exact, most, dtype, "P·L·U")
            #expect(l.triu(1).equal(Tensor.zeros(like: l)) && u.tril(-1).equal(Tensor.zeros(like: u)))
            #expect(p.sum(dim: -1).eq(1).all().item(Bool.self) && p.sum(dim: -2).eq(1).all().item(Bool.self))
            for mode in [Linalg.QRMode.reduced, .complete] {
                let (q, r) = Linalg.qr(a, mode: mode)
                #expect(q.shape[-1] == (mode == .reduced ? k : m) && r.shape[-2] == q.shape[-1] && r.shape[-1] == n)
                close(q.to(.float64).matmul(r.to(.float64)), exact, most, dtype, "Q·R \(mode)")
                unit(q, "QᵀQ \(mode)")
                #expect(r.tril(-1).equal(Tensor.zeros(like: r)))
                if mode == .reduced {
                    let alone = Linalg.qr(a, mode: .r)
                    #expect(alone.r.equal(r) && alone.q.shape == [0])
                }
            }
            for full in [false, true] {
                let (u, s, vh) = Linalg.svd(a, fullMatrices: full)
                #expect(u.shape[-1] == (full ? m : k) && vh.shape[-2] == (full ? n : k) && s.shape[-1] == k)
                let left = u.narrow(-1, 0, k).to(.float64) * s.to(.float64).unsqueeze(-2)
                close(left.matmul(vh.narrow(-2, 0, k).to(.float64)), exact, most, dtype, "U·S·Vᵀ, full \(full)")
                unit(u, "UᵀU, full \(full)")
                unit(vh.mT, "VᵀV, full \(full)")
                #expect(s.ge(0).all().item(Bool.self))
                if k > 1 { #expect(s.narrow(-1, 0, k - 1).ge(s.narrow(-1, 1, k - 1)).all().item(Bool.self)) }
                close(Linalg.svdvals(a), s, most, dtype, "svdvals")
            }
            let inverse = Linalg.pinv(a).to(.float64)
            close(exact.matmul(inverse).matmul(exact), exact, 20 * most, dtype, "A·A⁺·A")
            guard m == n else { continue }
            let symmetric = a + a.mT
            for uplo in [Linalg.Triangle.lower, .upper] {
                // The other half is not read.
                let half = uplo == .lower ? symmetric.tril() : symmetric.triu()
                let nothing = Tensor.full(like: a, Double.nan)
                let read = half + (uplo == .lower ? nothing.triu(1) : nothing.tril(-1))
                let (values, vectors) = Linalg.eigh(read, uplo: uplo)
                let wide = vectors.to(.float64)
                close((wide * values.to(.float64).unsqueeze(-2)).matmul(wide.mT), symmetric.to(.float64), n, dtype, "V·Λ·Vᵀ \(uplo)")
                unit(vectors, "eigenvectors \(uplo)")
                if n > 1 { #expect(values.narrow(-1, 0, n - 1).le(values.narrow(-1, 1, n - 1)).all().item(Bool.self)) }
                close(Linalg.eigvalsh(read, uplo: uplo), values, n, dtype, "eigvalsh \(uplo)")
            }
        }
    }

    /// Equations, inverses and determinants of matrices whose condition is small.
    @Test(arguments: [DType.float32, .float64]) func equations(_ dtype: DType) {
        for (shape, right) in [
            ([1, 1], [1, 1]), ([3, 3], [3, 2]), ([2, 1, 4, 4], [3, 4, 2]), ([5, 5], [2, 5, 1]), ([40, 40], [40, 7]), ([0, 0], [0, 2]),
            ([2, 0, 0], [0, 1]), ([0, 3, 3], [3, 1]), ([3, 3], [3, 0]),
        ] as [(Shape, Shape)] {
            let n = shape[-1]
            let a = matrices(shape, dtype) + 2 * Double(max(n, 1)).squareRoot() * Tensor.eye(n, dtype: dtype)
            let b = matrices(right, dtype, seed: 4)
            let (exact, sides) = (a.to(.float64), b.to(.float64))
            func solves(_ x: Tensor, _ matrix: Tensor, _ what: String) {
                #expect(x.dtype == dtype)
                close(matrix.matmul(x.to(.float64)), sides, n, dtype, "\(what) \(shape) \(right)")
            }
            solves(Linalg.solve(a, b), exact, "solve")
            solves(Linalg.solve(a.mT, b.mT, left: false).mT, exact, "solve from the right")
            let (lu, pivots) = Linalg.luFactor(a)
            #expect(pivots.dtype == .int32 && pivots.shape == Shape(shape.dropLast()))
            solves(Linalg.luSolve(lu, pivots, b), exact, "luSolve")
            solves(Linalg.luSolve(lu, pivots, b, adjoint: true), exact.mT, "luSolve adjoint")
            let symmetric = a + a.mT
            let (ld, exchanges) = Linalg.ldlFactor(symmetric)
            solves(Linalg.ldlSolve(ld, exchanges, b), symmetric.to(.float64), "ldlSolve")
            #expect(ld.triu(1).equal(Tensor.zeros(like: ld)))
            close(exact.matmul(a.inverse().to(.float64)), Tensor.eye(n, dtype: .float64), n, dtype, "inverse")
            let (sign, logarithm) = a.slogdet()
            close(sign.to(.float64) * logarithm.to(.float64).exp(), a.to(.float64).det(), 10 * n, dtype, "slogdet")
            // Of 40 rows it is beyond float32.
            if n < 40 { close(a.det(), a.to(.float64).det(), 10 * n, dtype, "det") }
            let (info, count) = (Linalg.solveEx(a, b).info, Shape(shape.dropLast(2)))
            #expect(info.dtype == .int32 && info.shape == count && info.eq(0).all().item(Bool.self))
        }
    }

    /// Least squares: the residual is orthogonal to the columns, and of several solutions the shortest is found.
    @Test(arguments: [DType.float32, .float64]) func leastSquares(_ dtype: DType) {
        for driver in [Linalg.LeastSquaresDriver.gels, .gelsy, .gelsd, .gelss] {
            for shape in [[5, 3], [3, 5], [2, 4, 4], [2, 6, 2], [0, 3], [3, 0], [0, 4, 2]] as [Shape] {
                let (m, n) = (shape[-2], shape[-1])
                let a = matrices(shape, dtype) + Tensor.eye(m, n, dtype: dtype) * 2
                let b = matrices(Shape(shape.dropLast() + [2]), dtype, seed: 8)
                let (x, residuals, rank, values) = Linalg.lstsq(a, b, driver: driver)
                let (exact, wide) = (a.to(.float64), x.to(.float64))
                let rest = exact.matmul(wide) - b.to(.float64)
                #expect(x.shape == Shape(shape.dropLast(2) + [n, 2]) && x.dtype == dtype)
                close(exact.mT.matmul(rest), Tensor.zeros([], dtype: .float64), max(m, n), dtype, "Aᵀ·(A·X − B), \(driver)")
                if m < n { close(wide, Linalg.pinv(exact).matmul(b.to(.float64)), n, dtype, "the shortest, \(driver)") }
                let batch = Shape(shape.dropLast(2))
                #expect(rank.shape == (driver == .gels ? [0] : batch) && (driver == .gels || rank.eq(min(m, n)).all().item(Bool.self)))
                #expect(values.shape == (driver == .gelsd || driver == .gelss ? Shape(batch + [min(m, n)]) : [0]))
                if m > n && driver != .gelsy {
                    close(residuals, rest.square().sum(dim: -2), m, dtype, "residuals, \(driver)")
                } else {
                    #expect(residuals.shape == [0])
                }
            }
        }
        let lacking = Tensor([1.0, 2, 2, 4, 3, 6], shape: [3, 2], dtype: dtype)
        let b = Tensor([1.0, 2, 2], dtype: dtype)
        for driver in [Linalg.LeastSquaresDriver.gelsy, .gelsd, .gelss] {
            let found = Linalg.lstsq(lacking, b, driver: driver)
            #expect(found.rank.item(Int.self) == 1 && found.residuals.shape == [0] && found.solution.shape == [2])
            close(found.solution, Linalg.pinv(lacking).matmul(b), 3, dtype, "\(driver) of a matrix without full rank")
        }
        #expect(Linalg.matrixRank(lacking).item(Int.self) == 1 && Linalg.matrixRank(lacking, atol: 100).item(Int.self) == 0)
    }

    /// Hilbert's matrix of 8 rows, whose condition is 10¹⁰: the residual stays small, and so do the factors'.
    @Test func nearlySingular() {
        let n = 8
        let hilbert = Tensor((0..<n * n).map { 1 / Double($0 / n + $0 % n + 1) }, shape: [n, n], dtype: .float64)
        let b = hilbert.sum(dim: 1)
        close(hilbert.matmul(Linalg.solve(hilbert, b)), b, n, .float64, "solve")
        let cond = Linalg.cond(hilbert).item()
        #expect(abs(cond / 1.52575755e10 - 1) < 1e-4, "\(cond)")
        #expect(Linalg.matrixRank(hilbert).item(Int.self) == 8 && Linalg.matrixRank(hilbert, rtol: 1e-7).item(Int.self) == 6)
    }

    /// Equal eigenvalues: vectors are some basis, the gradient of the values is right, that of the vectors is not finite.
    @Test func equalEigenvalues() {
        let a = (2 * Tensor.eye(3, dtype: .float64)).requiresGrad_()
        let (values, vectors) = Linalg.eigh(a)
        expectClose(values, [2, 2, 2])
        close(vectors.detach().mT.matmul(vectors.detach()), Tensor.eye(3, dtype: .float64), 3, .float64, "basis")
        values.sum().backward()
        expectClose(a.grad!, Tensor.eye(3, dtype: .float64))
        a.grad = nil
        (Linalg.eigh(a).eigenvectors * Tensor.arange(9).reshape(3, 3).to(.float64)).sum().backward()
        #expect(!a.grad!.isfinite().all().item(Bool.self))
        expectClose(Linalg.svdvals(Tensor.eye(3)), [1, 1, 1])
    }

    @Test func signsAreFixed() {
        for dtype in [DType.float32, .float64] {
            for shape in [[3, 3], [4, 3], [3, 5]] as [Shape] {
                let a = matrices(shape, dtype, seed: 12)
                let (u, s, vh) = Linalg.svd(a), negated = Linalg.svd(-a)
                close(negated.s, s, 3, dtype, "values")
                close(negated.u, u, 3, dtype, "vectors")
                close(vh.narrow(-2, 0, 3), -negated.vh.narrow(-2, 0, 3), 3, dtype, "the other sign")
                for vectors in [u] + (shape[0] == shape[1] ? [Linalg.eigh(a + a.mT).eigenvectors] : []) {
                    for column in vectors.mT.unbind() {
                        let numbers = values(column)
                        let largest = numbers.map(abs).max()!
                        let leading = numbers.first(where: { abs($0) >= largest / 2 })!
                        #expect(leading > 0)
                    }
                }
            }
        }
    }

    // MARK: Determinants and functions

    /// The gradient at singular matrices is the matrix of cofactors.
    @Test func determinantsOfSingularMatrices() {
        let a = Tensor([[1.0, 1, 1, 1], [2, 1, 0, 3], [0, 0, 0, 0]], dtype: .float64).reshape(3, 2, 2).requiresGrad_()
        a.det().sum().backward()
        expectClose(a.det(), [0, 6, 0], rtol: 1e-14, atol: 1e-14)
        expectClose(a.grad!, [1, -1, -1, 1, 3, 0, -1, 2, 0, 0, 0, 0], rtol: 1e-14, atol: 1e-14)
        // At a singular matrix too the gradient can be differentiated.
        let x = Tensor([[1.0, 2, 0], [0, 3, 1], [1, 5, 1]], dtype: .float64)
        checkGradients([Tensor.stack([x, x + Tensor.eye(3, dtype: .float64)])], rtol: 1e-5, atol: 1e-6, "det") { $0[0].det() }
        let (sign, logarithm) = Tensor([[1.0, 2], [2, 4]]).slogdet()
        #expect(sign.item() == 0 && logarithm.item() == -.infinity)
        #expect(Tensor([[-1.0]]).logdet().item().isNaN)
    }

    @Test func exponentials() {
        // A rotation by 10 radians, far from the series.
        let turn = Tensor([[0.0, -10], [10, 0]], dtype: .float64).matrixExp()
        expectClose(turn, [-0.8390715290764524, 0.5440211108893698, -0.5440211108893698, -0.8390715290764524], rtol: 1e-13, atol: 1e-13)
        // In a batch each is scaled by itself.
        let a = matrices([3, 4, 4], .float32)
        let factors = Tensor([0.001, 1.0, 40], shape: [3, 1, 1])
        let (found, exact) = ((a * factors).matrixExp(), (a.to(.float64) * factors).matrixExp())
        for (i, tolerance) in [3e-7, 3e-6].enumerated() {
            expectClose(found[i], exact[i], rtol: tolerance, atol: tolerance, checkDType: false)
        }
        #expect(Tensor([[Double.infinity]]).matrixExp().item().isNaN && Tensor.zeros([2, 0, 0]).matrixExp().shape == [2, 0, 0])
        expectClose(Tensor.eye(2, dtype: .float16).matrixExp(), [2.718281828, 0, 0, 2.718281828])
        // Large gradients take no digits.
        let x = a[0].detach().requiresGrad_(), y = a[0].detach().requiresGrad_()
        x.matrixExp().sum().backward()
        (y.matrixExp() * 1e9).sum().backward()
        expectClose(y.grad! / 1e9, x.grad!, rtol: 1e-5, atol: 1e-5)
    }

    @Test func powers() {
        let a = Tensor([[1, 1], [1, 0]])
        #expect(a.matrixPower(10).array(Int.self) == [89, 55, 55, 34] && a.matrixPower(0).array(Int.self) == [1, 0, 0, 1])
        let x = Tensor([[2.0, 1], [1, 1]], dtype: .float64)
        expectClose(x.matrixPower(-2).matmul(x).matmul(x), Tensor.eye(2, dtype: .float64))
        #expect(x.matrixPower(1).equal(x))
    }

    @Test func unsolvableOnesThatNobodyAskedAbout() {
        let singular = Tensor([[1.0, 2], [2, 4]])
        #expect(Linalg.invEx(singular).info.item(Int.self) == 2 && Linalg.luFactorEx(singular).info.item(Int.self) == 2)
        #expect(Linalg.solveEx(singular, Tensor.ones([2])).info.item(Int.self) == 2)
        #expect(Linalg.ldlFactorEx(singular).info.item(Int.self) == 2 && Linalg.ldlFactorEx(Tensor.eye(2)).info.item(Int.self) == 0)
        let both = Linalg.choleskyEx(Tensor.stack([Tensor.eye(2), -Tensor.eye(2)]))
        #expect(both.info.array(Int.self) == [0, 1] && both.l[0].equal(Tensor.eye(2)) && both.l[1].isnan().all().item(Bool.self))
        #expect(Linalg.cond(singular, p: 1).item() == .infinity && Linalg.cond(Tensor.zeros([2, 0, 0])).shape == [2])
    }

    /// A device's matrices come back to it, and what is computed equals the processor's bits.
    @Test(arguments: BackendTests.devices) func devices(_ device: Device) {
        let a = Self.spread(matrices([2, 3, 3], .float32)), b = matrices([3, 2], .float32, seed: 2)
        // lobpcg of 3 × 3 matrices has nothing left to search after a step or two, which float32 does not always see.
        for c in Self.cases where !c.name.contains("lobpcg") {
            let (there, here) = (c.f(a.to(device), b.to(device)), c.f(a, b))
            #expect(there.device == device, "\(c.name)")
            close(there.to(.cpu), here, 30, .float32, "\(c.name) on \(device)")
        }
    }
}
