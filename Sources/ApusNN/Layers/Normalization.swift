import ApusCore

/// The base class of batch and instance normalisation: weight, bias, running statistics and the check of ranks. PyTorch: `_NormBase`.
open class RunningNorm: Module {
    /// The number of channels; 0 for a lazy layer before its first input.
    public final private(set) var numFeatures: Int
    /// Added to the variance, under the root.
    public final let eps: Double
    /// The weight of the newest batch in the running statistics. With nil batch normalisation averages over all batches, and instance
    /// normalisation leaves the statistics as they are.
    public package(set) final var momentum: Double?
    /// Whether there is a weight (and a bias).
    public final let affine: Bool
    /// Whether it keeps running statistics.
    public final let trackRunningStats: Bool
    /// Multiplies each channel, [numFeatures], at first 1; nil without `affine`.
    @exclusivity(unchecked) public final var weight: Parameter? {
        didSet { weight = assigned("weight", weight, for: oldValue, shape: [numFeatures]) }
    }
    /// Added to each channel, [numFeatures], at first 0; nil without `affine` or without a bias.
    @exclusivity(unchecked) public final var bias: Parameter? {
        didSet { bias = assigned("bias", bias, for: oldValue, shape: [numFeatures]) }
    }
    /// The running mean [numFeatures], at first 0; nil where none is kept.
    @exclusivity(unchecked) public final var runningMean: Buffer? {
        didSet { runningMean = assigned("runningMean", runningMean, for: oldValue, shape: [numFeatures]) }
    }
    /// The running unbiased variance [numFeatures], at first 1; nil where none is kept.
    @exclusivity(unchecked) public final var runningVar: Buffer? {
        didSet { runningVar = assigned("runningVar", runningVar, for: oldValue, shape: [numFeatures]) }
    }
    /// The number of batches that batch normalisation has seen in training, int64; instance normalisation leaves it at 0. nil where no
    /// running statistics are kept.
    public final let numBatchesTracked: Buffer?
    final private(set) var isLazy: Bool

    /// The numbers of dimensions that an input may have.
    class var ranks: ClosedRange<Int> { 2...8 }

    init(
        _ numFeatures: Int?, eps: Double, momentum: Double?, affine: Bool, trackRunningStats: Bool, bias: Bool, device: Device, dtype: DType
    ) {
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.trackRunningStats = trackRunningStats
        isLazy = numFeatures == nil
        var features = numFeatures ?? 0
        if let numFeatures, numFeatures <= 0 || numFeatures > Int(Int32.max) {
            fail("\(Self.self)", "numFeatures must be positive and at most \(Int32.max), it is \(numFeatures)")
            features = 1
        }
        self.numFeatures = features
        let shape: Shape = [features]
        weight = affine ? Parameter(Tensor.ones(shape, dtype: dtype, device: device)) : nil
        self.bias = affine && bias ? Parameter(Tensor.zeros(shape, dtype: dtype, device: device)) : nil
        runningMean = trackRunningStats ? Buffer(Tensor.zeros(shape, dtype: dtype, device: device)) : nil
        runningVar = trackRunningStats ? Buffer(Tensor.ones(shape, dtype: dtype, device: device)) : nil
        numBatchesTracked = trackRunningStats ? Buffer(Tensor.zeros([], dtype: .int64, device: device)) : nil
        super.init()
    }

    /// Sets the running mean to 0, the running variance to 1 and the number of batches to 0. PyTorch: `reset_running_stats()`.
    public final func resetRunningStats() {
        noGrad {
            runningMean?.zero_()
            runningVar?.fill_(1)
            numBatchesTracked?.zero_()
        }
    }

    /// Sets weight to 1 and bias to 0, and resets the running statistics. PyTorch: `reset_parameters()`.
    public final func resetParameters() {
        resetRunningStats()
        noGrad {
            weight?.fill_(1)
            bias?.zero_()
        }
    }

    /// Allocates the tensors of a lazy layer for that number of channels.
    final func materialize(channels: Int) {
        numFeatures = channels
        isLazy = false
        noGrad {
            for tensor in [weight, bias, runningMean, runningVar] as [Tensor?] {
                if let tensor { tensor.setData(Tensor.empty([channels], dtype: tensor.dtype, device: tensor.device)) }
            }
        }
        resetParameters()
    }

    final func checkRank(_ x: Tensor) throws(OpError) {
        let ranks = Self.ranks
        guard ranks.contains(x.ndim) else {
            let wanted =
                ranks.count == 1
                ? "\(ranks.lowerBound)" : "\(ranks.lowerBound) \(ranks.count == 2 ? "or" : "to") \(ranks.upperBound)"
            throw OpError("expects an input with \(wanted) dimensions, this one has shape \(x.shape)")
        }
    }

    // PyTorch prints the arguments in another order than its signature has.
    open override var extraRepr: String {
        reprList(
            "\(numFeatures)", "eps=\(repr(eps))", "momentum=\(repr(momentum))", "affine=\(repr(affine))", "bias=\(repr(bias != nil))",
            "track_running_stats=\(repr(trackRunningStats))")
    }
}

// MARK: - Batch normalisation (Ioffe and Szegedy, 2015)

/// The base class of BatchNorm1d, BatchNorm2d and BatchNorm3d: normalises each channel by the mean and variance of the batch.
///
/// y = (x − mean)/√(var + eps)·weight + bias. In training mean and (biased) variance are the batch's, and the running ones follow its mean
/// and unbiased variance; in evaluation the running ones are used. Without `trackRunningStats` the batch's are always used. A call that
/// uses the batch's traps where a channel has a single value.
open class BatchNorm: RunningNorm {
    /// Sums a tensor over the processes that share a batch, with a derivative; nil where the batch is that of this process alone.
    @Unregistered package final var sumOverProcesses: ((Tensor) -> Tensor)?

    /// - Parameters:
    ///   - momentum: the weight of a batch in the running statistics; nil averages over all batches.
    ///   - affine: whether there is a weight, and with `bias` a bias.
    public init(
        _ numFeatures: Int, eps: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true, trackRunningStats: Bool = true,
        bias: Bool = true,
        device: Device = .cpu, dtype: DType = .float32
    ) {
        super.init(
            numFeatures, eps: eps, momentum: momentum, affine: affine, trackRunningStats: trackRunningStats, bias: bias, device: device,
            dtype: dtype)
    }

    /// Without the number of features, which the first input sets.
    init(lazy: Void, eps: Double, momentum: Double?, affine: Bool, trackRunningStats: Bool, bias: Bool, device: Device, dtype: DType) {
        super.init(
            nil, eps: eps, momentum: momentum, affine: affine, trackRunningStats: trackRunningStats, bias: bias, device: device,
            dtype: dtype)
    }

    open override func forward(_ x: Tensor) -> Tensor {
        composite(typeName, x) { () throws(OpError) in
            try checkRank(x)
            if isLazy { materialize(channels: x.shape[1]) }
            var factor = momentum ?? 0
            if training, !isRecomputing, let numBatchesTracked {
                noGrad { _ = numBatchesTracked.add_(1) }
                if momentum == nil { factor = 1 / numBatchesTracked.item() }
            }
            let usesBatch = training || !trackRunningStats
            if usesBatch, let sumOverProcesses {
                return F.batchNorm(
                    x, runningMean, runningVar, weight: weight, bias: bias, momentum: factor, eps: eps, overProcesses: sumOverProcesses)
            }
            return F.batchNorm(
                x, training || trackRunningStats ? runningMean : nil, training || trackRunningStats ? runningVar : nil, weight: weight,
                bias: bias,
                training: usesBatch, momentum: factor, eps: eps)
        }
    }

    static let signature = Signature(
        .int("num_features"), .double("eps", 1e-5), .optionalDouble("momentum", 0.1), .bool("affine", true),
        .bool("track_running_stats", true),
        .bool("bias", true).byName, .device, .dtype)
}

/// Batch normalisation of [N, C] or [N, C, L]. PyTorch: `nn.BatchNorm1d`.
open class BatchNorm1d: BatchNorm, DeclaredModule {
    override class var ranks: ClosedRange<Int> { 2...3 }
    static let arguments = signature.makes(BatchNorm1d.init)
}
/// Batch normalisation of images [N, C, H, W]. PyTorch: `nn.BatchNorm2d`.
open class BatchNorm2d: BatchNorm, DeclaredModule {
    override class var ranks: ClosedRange<Int> { 4...4 }
    static let arguments = signature.makes(BatchNorm2d.init)
}
/// Batch normalisation of volumes [N, C, D, H, W]. PyTorch: `nn.BatchNorm3d`.
open class BatchNorm3d: BatchNorm, DeclaredModule {
    override class var ranks: ClosedRange<Int> { 5...5 }
    static let arguments = signature.makes(BatchNorm3d.init)
}

/// The base class of LazyBatchNorm1d, LazyBatchNorm2d and LazyBatchNorm3d: they take the number of channels from their first input.
open class LazyBatchNorm: BatchNorm {
    /// As `BatchNorm`, without the number of features.
    public init(
        eps: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true, trackRunningStats: Bool = true, bias: Bool = true,
        device: Device = .cpu,
        dtype: DType = .float32
    ) {
        super.init(
            lazy: (), eps: eps, momentum: momentum, affine: affine, trackRunningStats: trackRunningStats, bias: bias, device: device,
            dtype: dtype)
    }
    public final override var typeName: String { isLazy ? super.typeName : String(super.typeName.dropFirst("Lazy".count)) }

    static let lazySignature = Signature(
        .double("eps", 1e-5), .optionalDouble("momentum", 0.1), .bool("affine", true), .bool("track_running_stats", true),
        .bool("bias", true).byName, .device, .dtype)
}

/// `BatchNorm1d` whose number of channels comes from the first input. PyTorch: `nn.LazyBatchNorm1d`.
public final class LazyBatchNorm1d: LazyBatchNorm, DeclaredModule {
    override class var ranks: ClosedRange<Int> { 2...3 }
    static let arguments = lazySignature.makes(LazyBatchNorm1d.init)
}
/// `BatchNorm2d` whose number of channels comes from the first input. PyTorch: `nn.LazyBatchNorm2d`.
public final class LazyBatchNorm2d: LazyBatchNorm, DeclaredModule {
    override class var ranks: ClosedRange<Int> { 4...4 }
    static let arguments = lazySignature.makes(LazyBatchNorm2d.init)
}
/// `BatchNorm3d` whose number of channels comes from the first input. PyTorch: `nn.LazyBatchNorm3d`.
public final class LazyBatchNorm3d: LazyBatchNorm, DeclaredModule {
    override class var ranks: ClosedRange<Int> { 5...5 }
    static let arguments = lazySignature.makes(LazyBatchNorm3d.init)
}

// MARK: - Instance normalisation (Ulyanov et al., 2016)

/// The base class of InstanceNorm1d, InstanceNorm2d and InstanceNorm3d: normalises each channel of each sample by its own statistics.
///
/// The formula is that of ``BatchNorm``. With `trackRunningStats` evaluation uses the running statistics; otherwise the sample's own are
/// always used, and a call traps where a channel of a sample has a single value. The base class itself takes batches alone, [N, C, …] with
/// one spatial dimension or more.
open class InstanceNorm: RunningNorm {
    override class var ranks: ClosedRange<Int> { 3...8 }

    /// As `BatchNorm`, but `affine` and `trackRunningStats` are off by default, and momentum nil leaves the running statistics unchanged.
    public init(
        _ numFeatures: Int, eps: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = false, trackRunningStats: Bool = false,
        bias: Bool = true,
        device: Device = .cpu, dtype: DType = .float32
    ) {
        super.init(
            numFeatures, eps: eps, momentum: momentum, affine: affine, trackRunningStats: trackRunningStats, bias: bias, device: device,
            dtype: dtype)
    }

    /// Without the number of features, which the first input sets.
    init(lazy: Void, eps: Double, momentum: Double?, affine: Bool, trackRunningStats: Bool, bias: Bool, device: Device, dtype: DType) {
        super.init(
            nil, eps: eps, momentum: momentum, affine: affine, trackRunningStats: trackRunningStats, bias: bias, device: device,
            dtype: dtype)
    }

    open override func forward(_ x: Tensor) -> Tensor {
        composite(typeName, x) { () throws(OpError) in
            try checkRank(x)
            // A class for one number of spatial dimensions takes one sample too, which has one dimension less than a batch.
            let isBatched = Self.ranks.count > 2 || x.ndim == Self.ranks.upperBound
            let batch = isBatched ? x : x.unsqueeze(0)
            if isLazy { materialize(channels: batch.shape[1]) }
            if affine && batch.shape[1] != numFeatures {
                throw OpError("input of shape \(x.shape) has \(batch.shape[1]) channels, but numFeatures is \(numFeatures)")
            }
            let out = F.instanceNorm(
                batch, runningMean: runningMean, runningVar: runningVar, weight: weight, bias: bias,
                useInputStats: training || !trackRunningStats,
                momentum: momentum ?? 0, eps: eps)
            return isBatched ? out : out.squeeze(0)
        }
    }

    static let signature = Signature(
        .int("num_features"), .double("eps", 1e-5), .optionalDouble("momentum", 0.1), .bool("affine", false),
        .bool("track_running_stats", false),
        .bool("bias", true).byName, .device, .dtype)
}

/// Instance normalisation of [N, C, L] or [C, L]. PyTorch: `nn.InstanceNorm1d`.
open class InstanceNorm1d: InstanceNorm, DeclaredModule {
    override class var ranks: ClosedRange<Int> { 2...3 }
    static let arguments = signature.makes(InstanceNorm1d.init)
}
/// Instance normalisation of images [N, C, H, W] or [C, H, W]. PyTorch: `nn.InstanceNorm2d`.
open class InstanceNorm2d: InstanceNorm, DeclaredModule {
    override class var ranks: ClosedRange<Int> { 3...4 }
    static let arguments = signature.makes(InstanceNorm2d.init)
}
/// Instance normalisation of volumes [N, C, D, H, W] or [C, D, H, W]. PyTorch: `nn.InstanceNorm3d`.
open class InstanceNorm3d: InstanceNorm, DeclaredModule {
    override class var ranks: ClosedRange<Int> { 4...5 }
    static let arguments = signature.makes(InstanceNorm3d.init)
}

/// The base class of LazyInstanceNorm1d, LazyInstanceNorm2d and LazyInstanceNorm3d, which take the number of channels from the first input.
open class LazyInstanceNorm: InstanceNorm {
    /// As `InstanceNorm`, without the number of features; as in PyTorch, `affine` and `trackRunningStats` are on by default.
    public init(
        eps: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true, trackRunningStats: Bool = true, bias: Bool = true,
        device: Device = .cpu,
        dtype: DType = .float32
    ) {
        super.init(
            lazy: (), eps: eps, momentum: momentum, affine: affine, trackRunningStats: trackRunningStats, bias: bias, device: device,
            dtype: dtype)
    }
    public final override var typeName: String { isLazy ? super.typeName : String(super.typeName.dropFirst("Lazy".count)) }

    static let lazySignature = Signature(
        .double("eps", 1e-5), .optionalDouble("momentum", 0.1), .bool("affine", true), .bool("track_running_stats", true),
        .bool("bias", true).byName, .device, .dtype)
}

/// `InstanceNorm1d` whose number of channels comes from the first input. PyTorch: `nn.LazyInstanceNorm1d`.
public final class LazyInstanceNorm1d: LazyInstanceNorm, DeclaredModule {
    override class var ranks: ClosedRange<Int> { 2...3 }
    static let arguments = lazySignature.makes(LazyInstanceNorm1d.init)
}
/// `InstanceNorm2d` whose number of channels comes from the first input. PyTorch: `nn.LazyInstanceNorm2d`.
public final class LazyInstanceNorm2d: LazyInstanceNorm, DeclaredModule {
    override class var ranks: ClosedRange<Int> { 3...4 }
    static let arguments = lazySignature.makes(LazyInstanceNorm2d.init)
}
/// `InstanceNorm3d` whose number of channels comes from the first input. PyTorch: `nn.LazyInstanceNorm3d`.
public final class LazyInstanceNorm3d: LazyInstanceNorm, DeclaredModule {
    override class var ranks: ClosedRange<Int> { 4...5 }
    static let arguments = lazySignature.makes(LazyInstanceNorm3d.init)
}

extension RunningNorm: LazyModule {
    final func channels(_ key: String, _ shape: Shape) -> Int? { shape.count == 1 ? shape[0] : nil }
    final func shape(_ key: String, channels: Int) -> Shape { key == "num_batches_tracked" ? [] : [channels] }
}
