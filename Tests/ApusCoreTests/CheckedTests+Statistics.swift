import ApusCore
import TestSupport
import Testing

extension CheckedTests {
    private static let matrix = Shape([2, 3])

    /// What wrong calls of statistics, searching, differences and products say.
    static let statisticsWrongs: [Wrong] = [
        Wrong("bincount of floats", "bincount", "float32") { _ = Tensor.zeros([3]).bincount() },
        Wrong("bincount below 0", "bincount", "-2") { _ = Tensor([1, -2]).bincount() },
        Wrong("bincount's weights", "bincount", "[2]", "[3]") { _ = Tensor([1, 0, 2]).bincount(weights: Tensor.zeros([2])) },
        Wrong("bincount beyond memory", "memory") { _ = Tensor([Int.max]).bincount() },
        Wrong("bucketize", "bucketize", "[2, 3]") { _ = Tensor.bucketize(1.0, Tensor.zeros(matrix)) },
        Wrong("searchsorted", "searchsorted", "[3, 2]", "[2, 3]") { _ = Tensor.searchsorted(Tensor.zeros(matrix), Tensor.zeros([3, 2])) },
        Wrong("searchsorted in a scalar", "searchsorted", "dimension") { _ = Tensor.searchsorted(Tensor(1.0), Tensor(1.0)) },
        Wrong("searchsorted's sorter", "searchsorted", "int64", "[2]") {
            _ = Tensor.searchsorted(Tensor.zeros([3]), Tensor(1.0), sorter: Tensor([0, 1]))
        },
        Wrong("a sorter beyond", "5", "3") { _ = Tensor.searchsorted(Tensor.zeros([3]), Tensor(1.0), sorter: Tensor([0, 1, 5])) },
        Wrong("cdist's columns", "cdist", "[2, 3]", "[2, 4]") { _ = Tensor.cdist(Tensor.zeros(matrix), Tensor.zeros([2, 4])) },
        Wrong("cdist of integers", "cdist", "int64") { _ = Tensor.cdist(Tensor([[1]]), Tensor([[1]])) },
        Wrong("cdist's order", "cdist", "-1") { _ = Tensor.cdist(Tensor.zeros(matrix), Tensor.zeros(matrix), p: -1) },
        Wrong("cov of three dimensions", "cov", "[1, 2, 3]") { _ = Tensor.zeros([1, 2, 3]).cov() },
        Wrong("cov's fweights", "cov", "fweights", "float32") { _ = Tensor.zeros(matrix).cov(fweights: Tensor.ones([3])) },
        Wrong("cov's aweights", "cov", "aweights", "negative") { _ = Tensor.zeros(matrix).cov(aweights: Tensor([1, -1, 1.5])) },
        Wrong("cov without weight", "cov", "add up to 0") { _ = Tensor.zeros(matrix).cov(fweights: Tensor([0, 0, 0])) },
        Wrong("corrcoef of bool", "corrcoef", "bool") { _ = Tensor([true, false]).corrcoef() },
        Wrong("cross", "cross", "[2, 4]") { _ = Tensor.zeros([2, 4]).cross(Tensor.zeros([2, 4])) },
        Wrong("cross along 2", "cross", "dim 0") { _ = Tensor.zeros(matrix).cross(Tensor.zeros(matrix), dim: 0) },
        Wrong("cummax", "cummax", "dim 2") { _ = Tensor.zeros(matrix).cummax(dim: 2) },
        Wrong("logcumsumexp of integers", "logcumsumexp", "to(.float32)") { _ = Tensor([1, 2]).logcumsumexp(dim: 0) },
        Wrong("diff of a scalar", "diff", "scalar") { _ = Tensor(1.0).diff() },
        Wrong("diff less than never", "diff", "-1") { _ = Tensor.zeros([3]).diff(n: -1) },
        Wrong("gradient of few", "gradient", "[2, 3]", "3 elements") { _ = Tensor.gradient(Tensor.zeros(matrix), dim: 0, edgeOrder: 2) },
        Wrong("gradient's edges", "gradient", "3") { _ = Tensor.gradient(Tensor.zeros(matrix), edgeOrder: 3) },
        Wrong("gradient's spacings", "gradient", "1 spacings", "2 dims") { _ = Tensor.gradient(Tensor.zeros(matrix), spacing: [1.0]) },
        Wrong("gradient's coordinates", "gradient", "[2]", "3 places") {
            _ = Tensor.gradient(Tensor.zeros(matrix), spacing: [Tensor.zeros([2])], dim: [1])[0]
        },
        Wrong("trapezoid", "trapezoid", "4 coordinates", "3 values") { _ = Tensor.trapezoid(Tensor.zeros(matrix), Tensor.zeros([4])) },
        Wrong("cumulativeTrapezoid of bool", "cumulativeTrapezoid", "bool") { _ = Tensor.cumulativeTrapezoid(Tensor([true, false])) },
        Wrong("histc of integers", "histc", "int64") { _ = Tensor([1, 2]).histc() },
        Wrong("histc of nan", "histc", "nan") { _ = Tensor([Double.nan]).histc() },
        Wrong("histc's range", "histc", "2.0", "1.0") { _ = Tensor.zeros([3]).histc(min: 2, max: 1) },
        Wrong("histogram's weights", "histogram", "[2]", "[3]") { _ = Tensor.zeros([3]).histogram(2, weight: Tensor.zeros([2])) },
        Wrong("histogram's edges", "histogram", "[1]") { _ = Tensor.zeros([3]).histogram(Tensor.zeros([1])) },
        Wrong("histogramdd's bins", "histogramdd", "2 numbers", "3 coordinates") { _ = Tensor.histogramdd(Tensor.zeros(matrix), [4, 4]) },
        Wrong("inner", "inner", "[3]", "[2]") { _ = Tensor.zeros([3]).inner(Tensor.zeros([2])) },
        Wrong("mode of nothing", "mode", "[0]") { _ = Tensor.zeros([0]).mode() },
        Wrong("nanmean of integers", "nanmean", "int64") { _ = Tensor([1, 2]).nanmean() },
        Wrong("nanquantile's q", "nanquantile", "1.5") { _ = Tensor.zeros([3]).nanquantile(1.5) },
        Wrong("nanquantile of nothing", "nanquantile", "[0]") { _ = Tensor.zeros([0]).nanquantile(0.5) },
        Wrong("renorm of a vector", "renorm", "[3]") { _ = Tensor.zeros([3]).renorm(2, dim: 0, 1) },
        Wrong("renorm's order", "renorm", "0.0") { _ = Tensor.zeros(matrix).renorm(0, dim: 0, 1) },
        Wrong("tensordot", "tensordot", "[2, 3]", "[4, 2]") { _ = Tensor.tensordot(Tensor.zeros(matrix), Tensor.zeros([4, 2]), dims: 1) },
        Wrong("tensordot twice", "tensordot", "[0, -2]") {
            _ = Tensor.tensordot(Tensor.zeros(matrix), Tensor.zeros(matrix), dims: ([0, -2], [0, 1]))
        },
        Wrong("uniqueConsecutive", "uniqueConsecutive", "dim 2") { _ = Tensor.zeros(matrix).uniqueConsecutive(dim: 2) },
        Wrong("vdot", "vdot", "[2, 3]") { _ = Tensor.zeros(matrix).vdot(Tensor.zeros([3])) },
        Wrong("vecdot", "vecdot", "int64") { _ = Tensor([1, 2]).vecdot(Tensor([1, 2])) },
        Wrong("addbmm", "addbmm", "[2, 3, 4]") { _ = Tensor.zeros([1]).addbmm(Tensor.zeros([2, 3, 4]), Tensor.zeros([2, 3, 4])) },
        Wrong("addmv", "[2, 3]", "[2]") { _ = Tensor.zeros([1]).addmv(Tensor.zeros(matrix), Tensor.zeros([2])) },
        Wrong("addr", "addr", "[2, 3]", "[3, 3]") { _ = Tensor.zeros(matrix).addr(Tensor.zeros([3]), Tensor.zeros([3])) },
        Wrong("multiDot of one", "multiDot", "two") { _ = Tensor.multiDot([Tensor.zeros(matrix)]) },
        Wrong("multiDot", "multiDot", "0 and 1", "[2, 3]") { _ = Tensor.multiDot([Tensor.zeros(matrix), Tensor.zeros(matrix)]) },
        Wrong("multiDot of cubes", "multiDot", "tensor 1", "[1, 1, 1]") {
            _ = Tensor.multiDot([Tensor.zeros([1]), Tensor.zeros([1, 1, 1])])
        },
        Wrong("matrixPower", "matrixPower", "[2, 3]") { _ = Tensor.zeros(matrix).matrixPower(2) },
        Wrong("segmentReduce", "segmentReduce", "[1, 1]", "3 elements") {
            _ = Tensor.segmentReduce(Tensor.zeros([3]), .sum, lengths: Tensor([1, 1]))
        },
        Wrong("segmentReduce below 0", "segmentReduce", "-1") {
            _ = Tensor.segmentReduce(Tensor.zeros([3]), .max, lengths: Tensor([4, -1]))
        },
        Wrong("segmentReduce's offsets", "segmentReduce", "begin with 0") {
            _ = Tensor.segmentReduce(Tensor.zeros([3]), .max, offsets: Tensor([1, 3]))
        },
        Wrong("segmentReduce's last offset", "segmentReduce", "3 elements") {
            _ = Tensor.segmentReduce(Tensor.zeros([3]), .max, offsets: Tensor([0, 2]))
        },
        Wrong("segmentReduce's lengths", "segmentReduce", "float32") {
            _ = Tensor.segmentReduce(Tensor.zeros([3]), .max, lengths: Tensor([3.0]))
        },
        Wrong("normal", "normal", "negative") { _ = Tensor.normal(mean: Tensor([0.0]), std: Tensor([-1.0])) },
        Wrong("normal's shapes", "normal", "[2]", "[3]") { _ = Tensor.normal(mean: Tensor.zeros([2]), std: Tensor.ones([3])) },
        Wrong("poisson", "poisson", "negative") { _ = Tensor.poisson(Tensor([1.0, -1])) },
        Wrong("binomial", "binomial", "int64") { _ = Tensor.binomial(Tensor([3]), Tensor([0.5])) },
    ]

    @Test(arguments: statisticsWrongs) func statistics(_ wrong: Wrong) { message(wrong) }
}
