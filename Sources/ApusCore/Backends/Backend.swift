/// What a device must be able to do, in families of kernels.
///
/// Every op of `Ops/` reaches the hardware through this protocol. A family takes a kind rather than having a method an op: adding a
/// pointwise function is one line of a table (`CKernels/unary.def`, `binary.def`). Families with a default implementation
/// (`Backend+Defaults.swift`) are fused forms: a backend that lacks one gets the composition of simpler families, never silence.
///
/// The contract of every method:
/// - Arguments have been checked by the op: shapes fit, dtypes are as said here, tensors are on this device, and none is a failed one.
/// - What goes wrong is thrown, to whoever called: no memory (with the bytes and the device), an index that only the data shows to be wrong,
///   a driver's error. Nothing below an op traps, calls `fail`, or goes on with memory that it did not get. After an error `out` means
///   nothing; what a method reads is as it was. A method of the defaults that changes several tensors may have changed some.
/// - Operands may have any strides (transposed, sliced, stride 0 from broadcasting) and be empty.
///   `out` has its final shape; it is contiguous unless said otherwise, and does not overlap an operand unless it is the very same view.
/// - Work is ordered as it was called. A backend may return before the work is done (`synchronize` waits; so do reads by the host).
/// - Results have the same bits whatever the number of threads.
package protocol Backend: Sendable {
    /// The name in messages: `cpu`.
    var name: String { get }

    /// `byteCount` bytes, aligned to 16, from 1 KB on to 64; contents undefined. Failing, it throws with the bytes asked for.
    func allocate(byteCount: Int) throws(OpError) -> UnsafeMutableRawPointer
    /// Takes back what `allocate` gave.
    func deallocate(_ pointer: UnsafeMutableRawPointer, byteCount: Int)
    /// Returns when all work called so far is done. Throws what it found wrong while it ran: an index out of range, a driver's error.
    func synchronize() throws(OpError)
    /// Copies bytes of the host to `base` + `offset`, in order with the work; returns when the source may change.
    func upload(_ source: UnsafeRawPointer, byteCount: Int, to base: UnsafeMutableRawPointer, at offset: Int) throws(OpError)
    /// Copies bytes at `base` + `offset` to the host; returns when all work called so far and the copy are done. Throws as `synchronize` does.
    func download(_ base: UnsafeMutableRawPointer, at offset: Int, byteCount: Int, to target: UnsafeMutableRawPointer) throws(OpError)

    // MARK: Pointwise

    /// Whether it has kernels for this dtype: some devices have none for float64.
    func computes(_ dtype: DType) -> Bool

    /// `out[i] = kind(x[i])`, for the dtypes that the kind has. x and out have the same dtype, except that predicates write bool.
    func unary(_ kind: UnaryKind, _ x: Tensor, _ p: KernelParameters, into out: Tensor) throws(OpError)
    /// `out[i] = kind(a[i], b[i])`, for the dtypes that the kind has. a, b and out have the same shape (operands are expanded views) and dtype.
    func binary(_ kind: BinaryKind, _ a: Tensor, _ b: Tensor, _ p: KernelParameters, into out: Tensor) throws(OpError)
    /// `out[i] = a[i] kind b[i]`. a and b have the same shape and dtype; out is bool.
    func compare(_ kind: CompareKind, _ a: Tensor, _ b: Tensor, into out: Tensor) throws(OpError)
    /// `out[i] = condition[i] ? a[i] : b[i]`. condition is bool; all have one shape.
    func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor, into out: Tensor) throws(OpError)
    /// `out[i] = x[i]` converted to out's dtype. out may have any strides without overlap.
    /// float → integer truncates toward zero, and is the nearest one of the type where none fits, NaN 0; integer → integer keeps the low bits; anything → bool is `!= 0`; float64 → float16 and bfloat16 rounds to nearest even (through float32 as PyTorch does).
    func copy(_ x: Tensor, into out: Tensor) throws(OpError)
    /// `out[i] = value`, converted to out's dtype as `copy` converts. out may have any strides.
    func fill(_ out: Tensor, with value: Scalar) throws(OpError)

    /// `x[i] = mantissa[i]·2^exponent[i]` with ½ ≤ |mantissa| < 1, both 0 where x is; what is not finite is its own mantissa, with the exponent 0.
    /// x is contiguous, float32 or float64, as is mantissa; exponent is int32.
    func frexp(_ x: Tensor, mantissa: Tensor, exponent: Tensor) throws(OpError)

    // MARK: Reductions

    /// Reduces over `dims` (sorted, without repeats). out has x's shape with 1 at each of `dims`.
    /// `sum`, `prod`, `mean`, `min`, `max`: x and out have the same dtype; `any`, `all`: out is bool, x of any dtype.
    /// float16 and bfloat16 accumulate in float32. An empty sum is 0, an empty product 1 (the op refuses empty min and max). NaN wins in min and max.
    func reduce(_ kind: ReduceKind, _ x: Tensor, dims: [Int], into out: Tensor) throws(OpError)
    /// The first position of the largest or smallest element along `dim` (NaN is largest and smallest), int64, and that element.
    /// Both outs have x's shape with 1 at `dim`.
    func argReduce(_ kind: ArgReduceKind, _ x: Tensor, dim: Int, indices: Tensor, values: Tensor) throws(OpError)
    /// Running sum or product (inclusive) along `dim`.
    func scan(_ kind: ScanKind, _ x: Tensor, dim: Int, into out: Tensor) throws(OpError)
    /// `out[k] = a[k]·out[k − 1] + b[k]` along `dim`, from `out[0] = b[0]`. a, b and out are contiguous, of one shape, float32 or float64.
    func linearScan(_ a: Tensor, _ b: Tensor, dim: Int, into out: Tensor) throws(OpError)
    /// Stable sort along `dim`; NaN counts as largest. `indices` is int64.
    func sort(_ x: Tensor, dim: Int, descending: Bool, values: Tensor, indices: Tensor) throws(OpError)

    // MARK: Products

    /// `out[b] = a[b] · b[b]` for each batch: a is [B, M, K], b [B, K, N], out [B, M, N] (contiguous); the batch of a or b may have stride 0.
    /// `bias`, where given, is [N], and is added to each row. Floats accumulate in at least float32; integers wrap.
    func matmul(_ a: Tensor, _ b: Tensor, bias: Tensor?, into out: Tensor) throws(OpError)

    // MARK: Convolution and pooling (1 to 3 spatial dimensions)

    /// Cross-correlation: x [N, C, *in], weight [O, C/groups, *kernel], bias [O] or nil, out [N, O, *out].
    func convolution(_ x: Tensor, _ weight: Tensor, bias: Tensor?, _ p: ConvolutionParameters, into out: Tensor) throws(OpError)
    /// The gradient of `convolution` with respect to x: grad [N, O, *out], out [N, C, *in]. Also the forward pass of a transposed convolution.
    func convolutionBackwardInput(_ grad: Tensor, _ weight: Tensor, _ p: ConvolutionParameters, into out: Tensor) throws(OpError)
    /// The gradient of `convolution` with respect to weight: out [O, C/groups, *kernel].
    func convolutionBackwardWeight(_ grad: Tensor, _ x: Tensor, _ p: ConvolutionParameters, into out: Tensor) throws(OpError)

    /// Largest element of each window; `indices` (int64) are positions within the flattened spatial plane of x. Padding counts as -infinity, NaN wins.
    /// x [N, C, *in], out and indices [N, C, *out].
    func maxPool(_ x: Tensor, _ p: PoolParameters, into out: Tensor, indices: Tensor) throws(OpError)
    /// Mean of each window.
    func averagePool(_ x: Tensor, _ p: PoolParameters, into out: Tensor) throws(OpError)
    /// The gradient of `averagePool` with respect to x. grad [N, C, *out], out [N, C, *in].
    func averagePoolBackward(_ grad: Tensor, _ p: PoolParameters, into out: Tensor) throws(OpError)

    // MARK: Indexing. Indices are int64; a negative or too large one is thrown, with its value and place, here or by the next `synchronize`.

    /// `out[…, j, …] = x[…, index[j], …]` at dimension `dim`; index is [J].
    func indexSelect(_ x: Tensor, dim: Int, _ index: Tensor, into out: Tensor) throws(OpError)
    /// `out[…, index[j], …] += source[…, j, …]`, in order of j: repeated indices add up. out is contiguous and holds the start values.
    func indexAdd(_ out: Tensor, dim: Int, _ index: Tensor, _ source: Tensor) throws(OpError)
    /// `out[i][j][k] = x[index[i][j][k]][j][k]` for dim 0, and so on (PyTorch's `gather`): index and out have one shape.
    func gather(_ x: Tensor, dim: Int, _ index: Tensor, into out: Tensor) throws(OpError)
    /// `out[index[i][j][k]][j][k] kind= source[i][j][k]` for dim 0, in order (PyTorch's `scatter_reduce`): index and source have one shape.
    func scatter(_ kind: ScatterKind, _ out: Tensor, dim: Int, _ index: Tensor, _ source: Tensor) throws(OpError)
    /// Row-major coordinates of the elements that are not zero, [count, rank], int64.
    func nonzero(_ x: Tensor) throws(OpError) -> Tensor

    // MARK: Random numbers

    /// Fills `out` (contiguous) from Philox 4x32-10 with key `seed` and counters from `offset` on; see `Philox` for which words an element takes.
    func random(_ kind: RandomKind, seed: UInt64, offset: UInt64, into out: Tensor) throws(OpError)

    // MARK: Fused forms, each with a default composition

    /// √Σx² over `dims`, where squares may leave the range of the dtype. out has x's shape with 1 at each of `dims`; floats.
    func euclideanNorm(_ x: Tensor, dims: [Int], into out: Tensor) throws(OpError)
    /// Softmax (or its logarithm) along `dim`.
    func softmax(_ x: Tensor, dim: Int, log: Bool, into out: Tensor) throws(OpError)
    /// Its gradient from the output y: softmax `y·(g − Σ g·y)`, logarithm `g − exp(y)·Σ g`.
    func softmaxBackward(_ grad: Tensor, _ y: Tensor, dim: Int, log: Bool, into out: Tensor) throws(OpError)
    /// Normalisation of each of R rows of length C of x [R, C] (contiguous): `(x − mean)·rstd·weight + bias`, rstd = 1/√(var + eps), biased variance.
    /// rstd is [R], mean [2, R], both float32 (float64 for float64): the mean rounded and, in the second row, what rounding leaves of it, since
    /// far from zero the first is wrong by as much as elements differ. weight and bias [C] or nil.
    func layerNorm(_ x: Tensor, weight: Tensor?, bias: Tensor?, eps: Double, into out: Tensor, mean: Tensor, rstd: Tensor) throws(OpError)
    /// Gradients of `layerNorm`; those not asked for are nil.
    func layerNormBackward(
        _ grad: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, rstd: Tensor, gradX: Tensor?, gradWeight: Tensor?, gradBias: Tensor?)
        throws(OpError)
    /// Per-channel mean [2, C], as `layerNorm` has it, and biased variance [C] of x [N, C, L] (contiguous), in float32 (float64 for float64).
    func channelStatistics(_ x: Tensor, mean: Tensor, variance: Tensor) throws(OpError)
    /// `(x − mean)·rstd·weight + bias` per channel of x [N, C, L]; mean [2, C] as `channelStatistics` has it, or [C] where it is
    /// exact, rstd [C], weight and bias [C] or nil.
    func channelNormalize(_ x: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor?, bias: Tensor?, into out: Tensor) throws(OpError)
    /// Gradients of normalisation by a batch's own statistics (`training`) or by fixed ones.
    func channelNormBackward(
        _ grad: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, rstd: Tensor, training: Bool, gradX: Tensor?, gradWeight: Tensor?,
        gradBias: Tensor?) throws(OpError)
    /// One step of a recurrent cell for a batch of N, H hidden units: `input` and `hidden` [N, G·H] are the products of input and hidden state,
    /// with their biases. `state` [N, H] is the cell state before (LSTM) or the hidden state before (GRU). Writes the hidden state after to `out`
    /// [N, H], the cell state after to `cell`, and what the derivative needs to `gates`; kinds without them get nil. All are contiguous;
    /// `gates` may be the very view of `input` where both are [N, 4·H].
    func recurrentCell(
        _ kind: RecurrentKind, input: Tensor, hidden: Tensor, state: Tensor?, gates: Tensor?, cell: Tensor?, into out: Tensor)
        throws(OpError)
    /// The gradients of `input`, `hidden` (GRU alone: elsewhere they are the same) and `state` (GRU) from that of `out`. `gradCell` (LSTM) holds
    /// the gradient of the cell state after, and is replaced by that before. `cell` and `out` are what `recurrentCell` wrote.
    func recurrentCellBackward(
        _ kind: RecurrentKind, _ grad: Tensor, gates: Tensor?, state: Tensor?, cell: Tensor?, out: Tensor, gradCell: Tensor?,
        gradInput: Tensor, gradHidden: Tensor?, gradState: Tensor?) throws(OpError)
    /// One optimizer step over tensors laid side by side: for each i, `parameters[i]` and `state[s][i]` are updated in place from `gradients[i]`.
    func optimizerStep(_ rule: OptimizerRule, parameters: [Tensor], gradients: [Tensor], state: [[Tensor]]) throws(OpError)
}

/// Constants of a pointwise kernel, such as a slope; each kind says which it reads.
package struct KernelParameters: Sendable {
    /// What kernels of floats read.
    package let a, b, c: Double
    /// What kernels of integers read: the same numbers with all the bits that an int64 has, floats truncated.
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

package enum ReduceKind: Int32, Sendable, CaseIterable { case sum, mean, prod, min, max, any, all }
package enum ArgReduceKind: Int32, Sendable, CaseIterable { case max, min }
package enum ScanKind: Int32, Sendable, CaseIterable { case sum, prod }
package enum ScatterKind: Int32, Sendable, CaseIterable { case set, add, multiply, min, max }

package enum RandomKind: Sendable {
    /// [low, high), floats.
    case uniform(low: Double, high: Double)
    /// Floats.
    case normal(mean: Double, std: Double)
    /// `value` with probability p, else 0; floats.
    case bernoulli(p: Double, value: Double)
    /// low ..< high, integers.
    case integers(low: Int64, high: Int64)
}

package struct ConvolutionParameters: Sendable, Hashable {
    package var stride: [Int]
    /// Zeros on both sides of each spatial dimension.
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
        /// Window o covers positions o·stride − padding + i·dilation, i < kernel, clipped to the input.
        /// averagePool divides by the window's size: with `countIncludePad` the part within the padded input counts (PyTorch's rule with ceil mode),
        /// else the part within the input; `divisor` overrules both.
        case sliding(kernel: [Int], stride: [Int], padding: [Int], dilation: [Int], countIncludePad: Bool, divisor: Int?)
        /// Window o of n covers ⌊o·in/n⌋ ..< ⌈(o+1)·in/n⌉.
        case adaptive
    }
    package var windows: Windows
    package init(_ windows: Windows) { self.windows = windows }
}

/// Recurrent cells. x and y are the products of input and hidden state, cut into the kind's gates.
package enum RecurrentKind: Int32, Sendable, CaseIterable {
    /// i = σ(xᵢ + yᵢ), f = σ(x_f + y_f), g = tanh(x_g + y_g), o = σ(xₒ + yₒ); c′ = f·c + i·g, h′ = o·tanh c′. `gates` keeps i, f, g, o.
    case lstm
    /// r = σ(xᵣ + yᵣ), z = σ(x_z + y_z), n = tanh(xₙ + r·yₙ); h′ = n + z·(h − n). `gates` keeps r, z, n, yₙ.
    case gru
    /// h′ = tanh(x + y)
    case tanh
    /// h′ = max(x + y, 0)
    case relu

    /// How many gates the products have.
    package var gates: Int { self == .lstm ? 4 : self == .gru ? 3 : 1 }
    /// How many numbers a hidden unit keeps for the derivative.
    package var kept: Int { self == .lstm || self == .gru ? 4 : 0 }
}

/// The update rule of an optimizer, with the numbers of this step. Weight decay `decay` is added to the gradient unless said otherwise;
/// with `maximize` the gradient is negated first.
package enum OptimizerRule: Sendable {
    /// state: [momentum buffers] where momentum ≠ 0. `first`: buffers take the gradient itself.
    case sgd(lr: Double, momentum: Double, dampening: Double, decay: Double, nesterov: Bool, maximize: Bool, first: Bool)
    /// state: [exp_avg, exp_avg_sq] and, with amsgrad, [max_exp_avg_sq]. `decoupled`: AdamW, p ← p·(1 − lr·decay) first. In step t
    /// `correction1` is 1 − β₁ᵗ, `correction2` 1 − β₂ᵗ.
    case adam(
        lr: Double, beta1: Double, beta2: Double, eps: Double, decay: Double, amsgrad: Bool, decoupled: Bool, maximize: Bool,
        correction1: Double, correction2: Double)
    /// state: [square_avg], then [momentum_buffer] where momentum ≠ 0, then [grad_avg] where centered.
    case rmsprop(lr: Double, alpha: Double, eps: Double, decay: Double, momentum: Double, centered: Bool, maximize: Bool)
}
