import ApusCore
import Glibc
import TestSupport
import Testing

/// What calls of linear algebra say that cannot be answered.
@Suite struct LinalgErrorTests {
    static let wrongs: [CheckedTests.Wrong] = {
        typealias Wrong = CheckedTests.Wrong
        let singular = [[1.0, 2], [2, 4]]
        return [
            Wrong("singular", "inv", "element (2, 2) of U is zero", "no inverse") { _ = Tensor(singular).inverse() },
            Wrong("singular in a batch", "inv", "matrix 1 of the batch") {
                _ = Linalg.inv(Tensor.stack([Tensor.eye(2), Tensor(singular)]))
            },
            Wrong("singular equation", "solve", "(2, 2)", "no single solution") { _ = Linalg.solve(Tensor(singular), Tensor.ones([2])) },
            Wrong("singular factors", "luFactor", "(2, 2)", "luFactorEx") { _ = Linalg.luFactor(Tensor(singular)) },
            Wrong("singular, checked", "inv", "(2, 2)") { _ = Linalg.invEx(Tensor(singular), checkErrors: true) },
            Wrong("singular D", "ldlFactor", "(2, 2)") { _ = Linalg.ldlFactor(Tensor(singular)) },
            Wrong("not positive definite", "cholesky", "2 × 2") { _ = Linalg.choleskyEx(Tensor([[1.0, 2], [2, 1]]), checkErrors: true) },
            Wrong("not square", "inv", "square", "[2, 3]") { _ = Tensor.ones([2, 3]).inverse() },
            Wrong("no matrix", "svd", "[3]") { _ = Linalg.svd(Tensor.ones([3])) },
            Wrong("integers", "det", "int64", "to(.float32)") { _ = Tensor([[1]]).det() },
            Wrong("half", "qr", "float16", "to(.float32)") { _ = Linalg.qr(Tensor.eye(2, dtype: .float16)) },
            Wrong("dtypes", "solve", "float32 and float64") { _ = Linalg.solve(Tensor.eye(2), Tensor.ones([2, 1], dtype: .float64)) },
            Wrong("rows", "solve", "[2, 2]", "[3, 1]") { _ = Linalg.solve(Tensor.eye(2), Tensor.ones([3, 1])) },
            Wrong("batches", "solve", "broadcast") { _ = Linalg.solve(Tensor.eye(2).expand(2, 2, 2), Tensor.ones([3, 2, 1])) },
            Wrong("vector from the right", "solve", "left: true") { _ = Linalg.solve(Tensor.eye(2), Tensor.ones([2]), left: false) },
            Wrong("NaN", "svd", "NaN") { _ = Linalg.svd(Tensor([[1.0, .nan]])) },
            Wrong("infinity", "eigh", "infinite") { _ = Linalg.eigvalsh(Tensor([[Double.infinity]])) },
            Wrong("pivots", "luSolve", "pivot 3", "1 … 2") {
                _ = Linalg.luSolve(Tensor.eye(2), Tensor([3, 1], dtype: .int32), Tensor.ones([2, 1]))
            },
            Wrong("pivots' dtype", "luSolve", "int64") { _ = Linalg.luSolve(Tensor.eye(2), Tensor([1, 2]), Tensor.ones([2, 1])) },
            Wrong("pivots of blocks", "ldlSolve", "pivot -2") {
                _ = Linalg.ldlSolve(Tensor.eye(2), Tensor([1, -2], dtype: .int32), Tensor.ones([2, 1]))
            },
            Wrong("no full rank", "lstsq", "full rank", "gels") {
                _ = Linalg.lstsq(Tensor([[1.0, 0], [1, 0], [1, 0]]), Tensor.ones([3, 1]), driver: .gels)
            },
            Wrong("least squares' rows", "lstsq", "[3, 2]", "[2, 1]") { _ = Linalg.lstsq(Tensor.ones([3, 2]), Tensor.ones([2, 1])) },
            Wrong("gradient of R alone", "qr", ".reduced") {
                let a = Tensor.eye(2).requiresGrad_()
                Linalg.qr(a, mode: .r).r.sum().backward()
            },
            Wrong("gradient of all of Q", "qr", "complete", "(3)") {
                let a = Tensor.eye(3, 2).requiresGrad_()
                Linalg.qr(a, mode: .complete).q.sum().backward()
            },
            Wrong("gradient of L·D·Lᵀ", "ldlFactor", "no derivative") {
                let a = Tensor.eye(2).requiresGrad_()
                Linalg.ldlFactor(a).ld.sum().backward()
            },
            Wrong("reflections", "householderProduct", "[2, 3]") { _ = Linalg.householderProduct(Tensor.ones([2, 3]), Tensor.ones([2])) },
            Wrong("order", "matrixNorm", "order 3") { _ = Linalg.matrixNorm(Tensor.eye(2), ord: 3) },
            Wrong("order of a vector", "norm", "norm of matrices") { _ = Linalg.norm(Tensor.ones([2]), ord: .nuc) },
            Wrong("dims", "matrixNorm", "twice") { _ = Linalg.matrixNorm(Tensor.eye(2), dim: [0, -2]) },
            Wrong("norm without dim", "norm", "[2, 2, 2]", "say dim") { _ = Linalg.norm(Tensor.ones([2, 2, 2]), ord: 1) },
            Wrong("exponential", "matrixExp", "square") { _ = Tensor.ones([2, 3]).matrixExp() },
            Wrong("power", "inv", "int64") { _ = Tensor([[1, 1], [0, 1]]).matrixPower(-1) },
            Wrong("rows for lobpcg", "lobpcg", "2 rows", "Linalg.eigh") { _ = Tensor.lobpcg(Tensor.eye(2)) },
            Wrong("pairs for lobpcg", "lobpcg", "2 pairs", "1 vectors") { _ = Tensor.lobpcg(Tensor.eye(6), k: 2, x: Tensor.ones([6, 1])) },
            Wrong("lobpcg's x", "lobpcg", "[5, 1]", "[6, 1]") { _ = Tensor.lobpcg(Tensor.eye(6), x: Tensor.ones([5, 1])) },
            Wrong("lobpcg's b", "lobpcg", "[3, 3]", "[6, 6]") { _ = Tensor.lobpcg(Tensor.eye(6), b: Tensor.eye(3)) },
            Wrong("lobpcg's iK", "lobpcg", "[3, 3]", "[6, 6]") { _ = Tensor.lobpcg(Tensor.eye(6), iK: Tensor.eye(3)) },
            Wrong("gradient of lobpcg with b", "lobpcg", "no derivative with B") {
                let a = Tensor.eye(6).requiresGrad_()
                Tensor.lobpcg(a, b: Tensor.eye(6)).eigenvalues.sum().backward()
            },
            Wrong("svdLowrank's q", "svdLowrank", "-1") { _ = Tensor.svdLowrank(Tensor.eye(3), q: -1) },
            Wrong("svdLowrank's m", "svdLowrank", "[2]", "[3, 3]") { _ = Tensor.svdLowrank(Tensor.eye(3), m: Tensor.ones([2])) },
            Wrong("svdLowrank of integers", "svdLowrank", "int64") { _ = Tensor.svdLowrank(Tensor([[1]])) },
            Wrong("pcaLowrank's q", "pcaLowrank", "3", "[2, 4]") { _ = Tensor.pcaLowrank(Tensor.ones([2, 4]), q: 3) },
            Wrong("tensorinv", "tensorinv", "6", "4") { _ = Linalg.tensorinv(Tensor.ones([2, 3, 4])) },
            Wrong("tensorsolve", "tensorsolve", "2 equations") { _ = Linalg.tensorsolve(Tensor.ones([2, 3]), Tensor.ones([2])) },
        ]
    }()

    @Test(arguments: wrongs) func message(_ wrong: CheckedTests.Wrong) {
        let error = #expect(throws: OpError.self) { try checked { wrong.run() } }
        for part in wrong.mentions { #expect(error?.description.contains(part) == true, "\(error?.description ?? "") lacks \(part)") }
    }

    /// Without LAPACK only what needs it fails. The library is opened once, so this has its own process.
    @Test func withoutLAPACKTheMessageSaysWhatToInstall() async {
        await #expect(processExitsWith: .success) {
            setenv("APUS_LAPACK", "/nowhere", 1)
            let error = #expect(throws: OpError.self) { try checked { Tensor.eye(2).inverse() } }
            for part in ["inv", "/nowhere", "libopenblas0-pthread", "liblapack3", "APUS_LAPACK"] {
                #expect(error?.description.contains(part) == true, "\(error?.description ?? "") lacks \(part)")
            }
            #expect(Tensor.eye(2).cholesky().sum().item() == 2 && Tensor.zeros([2, 2]).matrixExp().sum().item() == 2)
        }
    }

    /// A library that is none of LAPACK's is refused by the function that it lacks.
    @Test func aLibraryWithoutTheFunctionsIsNamed() async {
        await #expect(processExitsWith: .success) {
            setenv("APUS_LAPACK", "libm.so.6", 1)
            let error = #expect(throws: OpError.self) { try checked { Linalg.svdvals(Tensor.eye(2)) } }
            #expect(error?.description.contains("it has no function sgetrf_") == true, "\(error?.description ?? "")")
        }
    }
}
