/// The operations of a device, in families of kernels.
///
/// Every op of `Ops/` reaches the hardware through this protocol. A method takes a kind instead of there being one method per op: adding a
/// pointwise function is one line of a table (`CKernels/unary.def`, `binary.def`). Families with a default implementation
/// (`Backend+Defaults.swift`) are fused forms: a backend without one uses the composition of simpler families.
///
/// The contract of every method:
/// - The op has checked the arguments: shapes fit, dtypes are as documented here, tensors are on this device, and none is poisoned.
/// - Errors are thrown to the caller: no memory (with the bytes and the device), an index that is out of range, a driver's error. Nothing
///   below an op traps, calls `fail`, or continues without the memory it asked for. After an error `out` is undefined, and operands are
///   unchanged. A default method that changes several tensors may have changed some of them.
/// - Operands may have any strides (transposed, sliced, stride 0 from broadcasting) and may be empty. `out` has its final shape; it is
///   contiguous unless documented otherwise, and does not overlap an operand unless it is exactly the same view.
/// - Work is done in the order of the calls. A backend may return before the work is done (`synchronize` waits; so do reads by the host).
/// - Results have the same bits for any number of threads.
package protocol Backend: Sendable {
    /// The name in messages: `cpu`.
    var name: String { get }

    /// Allocates `byteCount` bytes, aligned to 16, or to 64 from 1 KB on; contents undefined. Throws with the byte count if there is no
    /// memory.
    func allocate(byteCount: Int) throws(OpError) -> UnsafeMutableRawPointer
    /// Frees a block from `allocate`.
    func deallocate(_ pointer: UnsafeMutableRawPointer, byteCount: Int)
    /// Waits until all work called so far is done. Throws errors that occurred in it: an index out of range, a driver's error.
    func synchronize() throws(OpError)
    /// Copies bytes of the host to `base` + `offset`, in order with the other work; returns when the source may change.
    func upload(_ source: UnsafeRawPointer, byteCount: Int, to base: UnsafeMutableRawPointer, at offset: Int) throws(OpError)
    /// Copies bytes at `base` + `offset` to the host; returns when all work called so far and the copy are done. Throws like `synchronize`.
    func download(_ base: UnsafeMutableRawPointer, at offset: Int, byteCount: Int, to target: UnsafeMutableRawPointer) throws(OpError)

    // MARK: Pointwise

    /// Whether the device has kernels for this dtype: some lack float64.
    func computes(_ dtype: DType) -> Bool

    /// `out[i] = kind(x[i])`, for the dtypes of the kind. x and out have the same dtype; predicates write bool.
    func unary(_ kind: UnaryKind, _ x: Tensor, _ p: KernelParameters, into out: Tensor) throws(OpError)
    /// `out[i] = kind(a[i], b[i])`, for the dtypes of the kind. a, b and out have the same shape (operands are already broadcast) and
    /// dtype.
    func binary(_ kind: BinaryKind, _ a: Tensor, _ b: Tensor, _ p: KernelParameters, into out: Tensor) throws(OpError)
    /// `out[i] = a[i] kind b[i]`. a and b have the same shape and dtype; out is bool.
    func compare(_ kind: CompareKind, _ a: Tensor, _ b: Tensor, into out: Tensor) throws(OpError)
    /// `out[i] = condition[i] ? a[i] : b[i]`. condition is bool; all have one shape.
    func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor, into out: Tensor) throws(OpError)
    /// `out[i] = x[i]` converted to out's dtype. out may have any strides without overlap.
    /// float → integer truncates toward zero, clamps to the range of the type, and converts NaN to 0; integer → integer keeps the low bits;
    /// anything → bool is `!= 0`; float64 → float16 and bfloat16 rounds to nearest even (through float32 as PyTorch does).
    func copy(_ x: Tensor, into out: Tensor) throws(OpError)
    /// `out[i] = value`, converted to out's dtype as `copy` converts. out may have any strides.
    func fill(_ out: Tensor, with value: Scalar) throws(OpError)

    /// `x[i] = mantissa[i]·2^exponent[i]` with ½ ≤ |mantissa| < 1; both are 0 for 0. A non-finite number is its own mantissa, with exponent
    /// 0. x and mantissa are contiguous, float32 or float64; exponent is int32.
    func frexp(_ x: Tensor, mantissa: Tensor, exponent: Tensor) throws(OpError)

    // MARK: Reductions

    /// Reduces over `dims` (sorted, without repeats). out has x's shape with 1 at each of `dims`.
    /// `sum`, `prod`, `mean`, `min`, `max`: x and out have the same dtype; `any`, `all`: out is bool, x of any dtype.
    /// float16 and bfloat16 accumulate in at least float32. An empty sum is 0, an empty product 1 (the op rejects empty min and max). NaN
    /// wins in min and max.
    func reduce(_ kind: ReduceKind, _ x: Tensor, dims: [Int], into out: Tensor) throws(OpError)
    /// The position (int64) and value of the first largest or smallest element along `dim`; NaN counts as both.
    /// Both outs have x's shape with 1 at `dim`.
    func argReduce(_ kind: ArgReduceKind, _ x: Tensor, dim: Int, indices: Tensor, values: Tensor) throws(OpError)
    /// Inclusive cumulative sum or product along `dim`.
    func scan(_ kind: ScanKind, _ x: Tensor, dim: Int, into out: Tensor) throws(OpError)
    /// `out[k] = a[k]·out[k − 1] + b[k]` along `dim`, with `out[0] = b[0]`. a, b and out are contiguous and have the same shape, float32 or
    /// float64.
    func linearScan(_ a: Tensor, _ b: Tensor, dim: Int, into out: Tensor) throws(OpError)
    /// Stable sort along `dim`; NaN counts as largest. `indices` is int64.
    func sort(_ x: Tensor, dim: Int, descending: Bool, values: Tensor, indices: Tensor) throws(OpError)

    // MARK: Products

    /// `out[b] = a[b] · b[b]` for each batch: a is [B, M, K], b [B, K, N], out [B, M, N] (contiguous); the batch of a or b may have stride 0.
    /// `bias`, if not nil, is [N] and is added to each row. Floats accumulate in at least float32; integers wrap.
    func matmul(_ a: Tensor, _ b: Tensor, bias: Tensor?, into out: Tensor) throws(OpError)

    // MARK: Convolution and pooling (1 to 3 spatial dimensions)

    /// Cross-correlation: x [N, C, *in], weight [O, C/groups, *kernel], bias [O] or nil, out [N, O, *out].
    func convolution(_ x: Tensor, _ weight: Tensor, bias: Tensor?, _ p: ConvolutionParameters, into out: Tensor) throws(OpError)
    /// The gradient of `convolution` with respect to x: grad [N, O, *out], out [N, C, *in]. Also the forward pass of a transposed convolution.
    func convolutionBackwardInput(_ grad: Tensor, _ weight: Tensor, _ p: ConvolutionParameters, into out: Tensor) throws(OpError)
    /// The gradient of `convolution` with respect to weight: out [O, C/groups, *kernel].
    func convolutionBackwardWeight(_ grad: Tensor, _ x: Tensor, _ p: ConvolutionParameters, into out: Tensor) throws(OpError)

    /// The largest element of each window; `indices` (int64) are positions in the flattened spatial plane of x. Padding counts as
    /// -infinity, NaN wins.
    /// x [N, C, *in], out and indices [N, C, *out].
    func maxPool(_ x: Tensor, _ p: PoolParameters, into out: Tensor, indices: Tensor) throws(OpError)
    /// The mean of each window.
    func averagePool(_ x: Tensor, _ p: PoolParameters, into out: Tensor) throws(OpError)
    /// The gradient of `averagePool` with respect to x. grad [N, C, *out], out [N, C, *in].
    func averagePoolBackward(_ grad: Tensor, _ p: PoolParameters, into out: Tensor) throws(OpError)

    // MARK: Indexing. Indices are int64. A negative or too large index throws, with its value and position, here or in the next
    // `synchronize`.

    /// `out[…, j, …] = x[…, index[j], …]` along `dim`; index is [J].
    func indexSelect(_ x: Tensor, dim: Int, _ index: Tensor, into out: Tensor) throws(OpError)
    /// `out[…, index[j], …] += source[…, j, …]` in order of j; repeated indices add up. out is contiguous and holds the initial values.
    func indexAdd(_ out: Tensor, dim: Int, _ index: Tensor, _ source: Tensor) throws(OpError)
    /// `out[i][j][k] = x[index[i][j][k]][j][k]` for dim 0, and so on (PyTorch's `gather`); index and out have the same shape.
    func gather(_ x: Tensor, dim: Int, _ index: Tensor, into out: Tensor) throws(OpError)
    /// `out[index[i][j][k]][j][k] kind= source[i][j][k]` for dim 0, in order (PyTorch's `scatter_reduce`); index and source have the same
    /// shape.
    func scatter(_ kind: ScatterKind, _ out: Tensor, dim: Int, _ index: Tensor, _ source: Tensor) throws(OpError)
    /// Row-major coordinates of the elements that are not zero, [count, rank], int64.
    func nonzero(_ x: Tensor) throws(OpError) -> Tensor

    // MARK: Random numbers

    /// Fills `out` (contiguous) from Philox 4x32-10 with key `seed` and counters from `offset` on; `Philox` documents which words an
    /// element uses.
    func random(_ kind: RandomKind, seed: UInt64, offset: UInt64, into out: Tensor) throws(OpError)

    // MARK: Fused forms, each with a default composition

    /// √Σx² over `dims`, also if squares overflow or underflow in the dtype. out has x's shape with 1 at each of `dims`; floats only.
    func euclideanNorm(_ x: Tensor, dims: [Int], into out: Tensor) throws(OpError)
    /// Softmax or log-softmax along `dim`.
    func softmax(_ x: Tensor, dim: Int, log: Bool, into out: Tensor) throws(OpError)
    /// The gradient of `softmax` from its output y: `y·(g − Σ g·y)`, for log-softmax `g − exp(y)·Σ g`.
    func softmaxBackward(_ grad: Tensor, _ y: Tensor, dim: Int, log: Bool, into out: Tensor) throws(OpError)
    /// Normalises each row of x [R, C] (contiguous): `(x − mean)·rstd·weight + bias`, rstd = 1/√(var + eps), biased variance. rstd is [R]
    /// and mean [2, R], both float32 (float64 for float64). The mean's first row is the rounded mean, the second its rounding error: far
    /// from zero the first alone may be off by as much as the elements differ. weight and bias are [C] or nil.
    func layerNorm(_ x: Tensor, weight: Tensor?, bias: Tensor?, eps: Double, into out: Tensor, mean: Tensor, rstd: Tensor) throws(OpError)
    /// The gradients of `layerNorm`; those not needed are nil.
    func layerNormBackward(
        _ grad: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, rstd: Tensor, gradX: Tensor?, gradWeight: Tensor?, gradBias: Tensor?)
        throws(OpError)
    /// Per-channel mean [2, C], in the form of `layerNorm`, and biased variance [C] of x [N, C, L] (contiguous), in float32 (float64 for
    /// float64).
    func channelStatistics(_ x: Tensor, mean: Tensor, variance: Tensor) throws(OpError)
    /// `(x − mean)·rstd·weight + bias` per channel of x [N, C, L]; mean is [2, C] from `channelStatistics`, or [C], taken as exact; rstd is
    /// [C], weight and bias [C] or nil.
    func channelNormalize(_ x: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor?, bias: Tensor?, into out: Tensor) throws(OpError)
    /// The gradients of normalisation by the batch's own statistics (`training`) or by fixed ones.
    func channelNormBackward(
        _ grad: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, rstd: Tensor, training: Bool, gradX: Tensor?, gradWeight: Tensor?,
        gradBias: Tensor?) throws(OpError)
    /// One step of a recurrent cell for a batch of N and H hidden units. `input` and `hidden` [N, G·H] are the products of input and hidden
    /// state with their weights, plus biases. `state` [N, H] is the previous cell state (LSTM) or hidden state (GRU). Writes the new hidden
    /// state to `out` [N, H], the new cell state to `cell`, and what the derivative needs to `gates`; kinds without these get nil. All are
    /// contiguous; `gates` may be the same view as `input` if both are [N, 4·H].
    func recurrentCell(
        _ kind: RecurrentKind, input: Tensor, hidden: Tensor, state: Tensor?, gates: Tensor?, cell: Tensor?, into out: Tensor)
        throws(OpError)
    /// The gradients of `input`, `hidden` (GRU only; for other kinds it equals that of `input`) and `state` (GRU) from that of `out`.
    /// `gradCell` (LSTM) holds the gradient of the new cell state and is replaced by that of the previous one. `cell` and `out` are what
    /// `recurrentCell` wrote.
    func recurrentCellBackward(
        _ kind: RecurrentKind, _ grad: Tensor, gates: Tensor?, state: Tensor?, cell: Tensor?, out: Tensor, gradCell: Tensor?,
        gradInput: Tensor, gradHidden: Tensor?, gradState: Tensor?) throws(OpError)

    // MARK: Optimizers

    /// Whether there is `optimizerStep`; where there is none, optimizers compute their rules with functions of tensors.
    var hasOptimizerStep: Bool { get }
    /// One step of an optimizer: for each i, updates `parameters[i]` and the states `state[s][i]` in place from `gradients[i]`. All are
    /// contiguous and of one dtype, float32 or float64. `state[s]` is empty where the rule, with these settings, has no state at place s.
    func optimizerStep(_ rule: OptimizerRule, parameters: [Tensor], gradients: [Tensor], state: [[Tensor]]) throws(OpError)
}

/// Constants of a pointwise kernel, such as a slope; each kind documents which it uses.
package struct KernelParameters: Sendable {
    /// Read by kernels of floats.
    package let a, b, c: Double
    /// Read by kernels of integers: the same numbers as exact int64, with floats truncated.
    package let integers: (a: Int64, b: Int64, c: Int64)

    package init(_ a: Double = 0, _ b: Double = 0, _ c: Double = 0) {
        self.init(.double(a), .double(b), .double(c))
    }

    package init(_ a: Scalar, _ b: Scalar = .int(0), _ c: Scalar = .int(0)) {
        (self.a, self.b, self.c) = (a.doubleValue, b.doubleValue, c.doubleValue)
        integers = (a.int64Value, b.int64Value, c.int64Value)
    }
}

extension KernelParameters: Equatable {
    package static func == (x: KernelParameters, y: KernelParameters) -> Bool {
        (x.a, x.b, x.c) == (y.a, y.b, y.c) && x.integers == y.integers
    }
}

package enum RandomKind: Sendable {
    /// [low, high), floats.
    case uniform(low: Double, high: Double)
    /// Floats.
    case normal(mean: Double, std: Double)
    /// `value` with probability p, else 0; floats.
    case bernoulli(p: Double, value: Double)
    /// low ..< high, integers.
    case integers(low: Int64, high: Int64)

    package var distribution: RandomDistribution {
        switch self {
        case .uniform: .uniform
        case .normal: .normal
        case .bernoulli: .bernoulli
        case .integers: .integers
        }
    }
}

package struct ConvolutionParameters: Sendable, Hashable {
    package var stride: [Int]
    /// Zeros on each side of each spatial dimension.
    package var padding: [Int]
    package var dilation: [Int]
    package var groups: Int
    package init(stride: [Int], padding: [Int], dilation: [Int], groups: Int) {
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
    }
}

package struct PoolParameters: Sendable, Hashable {
    package enum Windows: Sendable, Hashable {
        /// Window o covers positions o·stride − padding + i·dilation for i < kernel, clipped to the input. averagePool divides by the
        /// number of positions within the padded input (`countIncludePad`, with PyTorch's rule for ceil mode) or within the input;
        /// `divisor` overrides both.
        case sliding(kernel: [Int], stride: [Int], padding: [Int], dilation: [Int], countIncludePad: Bool, divisor: Int?)
        /// Window o of n covers ⌊o·in/n⌋ ..< ⌈(o+1)·in/n⌉.
        case adaptive
    }
    package var windows: Windows
    package init(_ windows: Windows) { self.windows = windows }
}
