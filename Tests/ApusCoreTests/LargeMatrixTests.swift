import TestSupport
import Testing
@testable import ApusCore

/// Decompositions of matrices large enough for `LargeMatrices`, whose steps are ours: products and lengths in float64, in units of n·ε.
@Suite struct LargeMatrixTests {
    /// What the joining of halves has branches for: nothing that couples, one or two roots, equal ones, and magnitudes beyond squares.
    static let kinds = [
        "random", "identity", "diagonal", "blocks", "rank 1", "rank 2", "two values", "graded", "neighbours", "zero", "tiny", "huge",
    ]

    static func symmetric(_ kind: String, _ n: Int, _ dtype: DType) -> Tensor {
        let a = Tensor.randn([n, n], dtype: dtype, generator: Generator(seed: UInt64(n)))
        let random = a + a.mT
        let positions = Tensor.arange(n, dtype: dtype)
        switch kind {
        case "identity": return Tensor.eye(n, dtype: dtype) * 3
        case "diagonal": return (positions * 0.37).sin().diag()
        case "blocks":
            return Tensor.blockDiag(
                random.narrow(0, 0, n / 2).narrow(1, 0, n / 2), random.narrow(0, n / 2, n - n / 2).narrow(1, n / 2, n - n / 2))
        case "rank 1": return a[0].outer(a[0])
        case "rank 2": return a[0].outer(a[0]) - a[1].outer(a[1])
        case "two values":
            let q = Linalg.qr(a).q
            return (q * Tensor.where(positions.lt(n / 3), Tensor(1.0, dtype: dtype), Tensor(-2.0, dtype: dtype))).matmul(q.mT)
        case "graded": return random * (positions.outer(positions) / Double(n * n) * -20).exp()
        case "neighbours":
            return (positions - Double(n / 2)).abs().diag() + Tensor.ones([n - 1], dtype: dtype).diag(1)
                + Tensor.ones([n - 1], dtype: dtype).diag(-1)
        case "zero": return Tensor.zeros([n, n], dtype: dtype)
        case "tiny": return random * (dtype == .float32 ? 1e-36 : 1e-300)
        case "huge": return random * (dtype == .float32 ? 1e36 : 1e300)
        default: return random
        }
    }

    /// The largest element of |found − wanted|, in units of n·ε times the largest of `wanted`, or of `size`.
    static func units(_ found: Tensor, _ wanted: Tensor, _ dtype: DType, size: Double? = nil) -> Double {
        let largest = size ?? max(wanted.abs().max().item(), Double.leastNormalMagnitude)
        // Squares of what is beyond them: divided first.
        let difference = (found / largest - wanted / largest).abs().max().item()
        return difference.isNaN ? .infinity : difference / (Double(wanted.shape[-1]) * dtype.epsilon)
    }

    @Test(arguments: kinds, [DType.float32, .float64]) func eigenvectors(_ kind: String, _ dtype: DType) {
        for (n, uplo) in [(128, Linalg.Triangle.lower), (129, .upper), (257, .lower), (300, .upper)] {
            let a = Self.symmetric(kind, n, dtype)
            // The other half is not read.
            let nothing = Tensor.full(like: a, Double.nan)
            let read = uplo == .lower ? a.tril() + nothing.triu(1) : a.triu() + nothing.tril(-1)
            let (values, vectors) = Linalg.eigh(read, uplo: uplo)
            let wide = vectors.double(), exact = a.double()
            let product = (wide * values.double().unsqueeze(-2)).matmul(wide.mT)
            #expect(Self.units(product, exact, dtype) <= 30, "V·Λ·Vᵀ of \(kind), \(n)")
            #expect(Self.units(wide.mT.matmul(wide), Tensor.eye(n, dtype: .float64), dtype) <= 30, "VᵀV of \(kind), \(n)")
            #expect(values.diff().ge(0).all().item(Bool.self), "the order of \(kind), \(n)")
            let alone = Linalg.eigvalsh(read, uplo: uplo).double()
            #expect(
                Self.units(values.double(), alone, dtype, size: max(exact.abs().max().item() * Double(n), 1e-307)) <= 30, "\(kind), \(n)")
        }
    }

    @Test(arguments: ["random", "identity", "rank 1", "zero", "graded", "tiny", "huge"], [DType.float32, .float64])
    func singularVectors(_ kind: String, _ dtype: DType) {
        // Around the limit beyond which another way is taken.
        for (m, n) in [(128, 128), (200, 131), (131, 200), (234, 128), (235, 128), (128, 234)] {
            let a = Self.symmetric(kind, max(m, n), dtype).narrow(0, 0, m).narrow(1, 0, n).contiguous()
            let (k, exact) = (min(m, n), a.double())
            for full in [false, true] {
                let (u, s, vh) = Linalg.svd(a, fullMatrices: full)
                #expect(u.shape == [m, full ? m : k] && vh.shape == [full ? n : k, n])
                let product = (u.narrow(-1, 0, k).double() * s.double()).matmul(vh.narrow(-2, 0, k).double())
                #expect(Self.units(product, exact, dtype) <= 30, "U·S·Vᵀ of \(kind), \(m) × \(n)")
                for (name, q) in [("UᵀU", u.double()), ("VᵀV", vh.mT.double())] {
                    #expect(
                        Self.units(q.mT.matmul(q), Tensor.eye(q.shape[-1], dtype: .float64), dtype) <= 30, "\(name) of \(kind), \(m) × \(n)"
                    )
                }
                #expect(s.ge(0).all().item(Bool.self) && s.diff().le(0).all().item(Bool.self), "the order of \(kind), \(m) × \(n)")
            }
        }
    }

    @Test(arguments: [1, 127, 128, 129, 300]) func rightSides(_ count: Int) {
        let generator = Generator(seed: 7)
        let a = Tensor.randn([2, 30, 30], dtype: .float64, generator: generator) + Tensor.eye(30, dtype: .float64) * 9
        let b = Tensor.randn([3, 1, 30, count], dtype: .float64, generator: generator)
        let found = Linalg.solve(a, b)
        expectClose(a.matmul(found), b.expand(3, 2, 30, count), rtol: 1e-12, atol: 1e-12)
        // A column alone gives what it gives among others.
        expectClose(Linalg.solve(a, b.narrow(-1, count - 1, 1)), found.narrow(-1, count - 1, 1), rtol: 1e-12, atol: 1e-12)
    }

    @Test func batchesAreMatricesOneByOne() {
        let a = Tensor.randn([3, 140, 140], generator: Generator(seed: 8))
        let (values, vectors) = Linalg.eigh(a + a.mT)
        let (u, s, vh) = Linalg.svd(a)
        for i in 0..<3 {
            let one = Linalg.eigh(a[i] + a[i].mT), other = Linalg.svd(a[i])
            expectEqual(values[i], one.eigenvalues)
            expectEqual(vectors[i], one.eigenvectors)
            for (whole, part) in zip([u, s, vh], [other.u, other.s, other.vh]) { expectEqual(whole[i], part) }
        }
    }
}
