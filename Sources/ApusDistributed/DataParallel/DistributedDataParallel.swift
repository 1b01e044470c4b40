import ApusCore
import ApusData
import ApusNN
import ApusOptim

/// A model that several processes train together: each rank computes the gradients of its part of every batch, and all ranks get the sum.
/// PyTorch: `nn.parallel.DistributedDataParallel`.
///
/// ```swift
/// let group = try ProcessGroup.world()
/// let model = try DistributedDataParallel(Net(), in: group, shards: 8)
/// let optimizer = Adam(model.parameters(), lr: 1e-3)
/// let train = try DataLoader(FashionMNIST(.train), batchSize: 512, shuffle: true).sharded(by: model)
/// for batch in train {
///     optimizer.zeroGrad()
///     let loss = model.backward(batch) { x, y in F.crossEntropy(model(x), y) }
///     optimizer.step()
/// }
/// ```
/// A batch is the global batch: 512 samples above, however many ranks there are, so that learning rates do not depend on their number. It
/// is cut into `shards`. Random numbers, batch statistics and gradients are computed per shard, and the gradients are added in an order
/// that depends only on the number of shards: with the same shards, 1, 2, 4 and 8 processes produce the same bytes. Each running statistic
/// becomes the mean over the shards.
///
/// In a loop without shards, such as one written for PyTorch, call ``backward(_:)`` in place of `loss.backward()`.
public final class DistributedDataParallel<Base: Module>: Module {
    /// The wrapped model. The names of its weights begin with `module.`, as in PyTorch.
    public let module: Base
    @Unregistered var reducer: GradientReducer

    /// How batches are cut, and which shards this rank computes.
    public var sharding: Sharding { reducer.sharding }
    /// The process group that trains the model.
    public var group: ProcessGroup { reducer.group }

    /// Lets the ranks of `group` train `module` together. All ranks start with the weights and buffers of rank 0.
    ///
    /// - Parameters:
    ///   - shards: how many shards a batch is cut into; by default one per rank. It must be the number of ranks times a power of two; a
    ///     group of one takes any number.
    ///   - bucketBytes: how many bytes of gradients are sent together; 5 MB by default. It does not change the result.
    ///
    /// Throws a ``DistributedError`` if the shards cannot be dealt to the ranks, or if the ranks have different models.
    public init(_ module: Base, in group: ProcessGroup, shards: Int? = nil, bucketBytes: Int? = nil) throws {
        self.module = module
        reducer = try GradientReducer(module, in: group, shards: shards, bucketBytes: bucketBytes)
        super.init()
        reducer.didStray = {
            fail(
                "DistributedDataParallel",
                "a gradient comes from loss.backward(), and would stay that of one process; call model.backward(loss), or model.backward(batch) with the shards of a batch"
            )
        }
    }

    public override func forward(_ x: Tensor) -> Tensor { module(x) }

    /// Computes the gradients of the mean of `loss` over the samples of `batch` on all ranks, and returns that mean.
    ///
    /// `loss` is called once for each shard of this rank and returns the mean over its samples. For a mean over something else than
    /// samples, `weight` returns how much of it a shard has: `weight: { tokens, _ in Double(tokens.ne(padding).sum().item()) }`. The
    /// all-reduce overlaps with the backward pass of the last shard. The new gradients replace existing ones; they are not added to them.
    ///
    /// Errors in the network and in `loss` trap, or make the enclosing `checked` scope throw.
    @discardableResult public func backward<Batch>(
        _ batch: ShardedBatch<Batch>, weight: ((Batch) throws -> Double)? = nil, _ loss: (Batch) throws -> Tensor
    ) -> Tensor { backward([batch], weight: weight, loss) }

    /// The same for several batches that make one update: gradient accumulation. The batches need not be in memory at the same time.
    @discardableResult public func backward<Batches: Sequence, Batch>(
        _ batches: Batches, weight: ((Batch) throws -> Double)? = nil, _ loss: (Batch) throws -> Tensor
    ) -> Tensor where Batches.Element == ShardedBatch<Batch> {
        do { return try run(Array(batches), weight, loss) } catch {
            return fail((error as? OpError) ?? OpError("\(error)", op: "DistributedDataParallel.backward"))
        }
    }

    private func run<Batch>(
        _ batches: [ShardedBatch<Batch>], _ weight: ((Batch) throws -> Double)?, _ loss: (Batch) throws -> Tensor
    ) throws -> Tensor {
        guard let last = batches.indices.last else { throw OpError("there are no batches", op: "DistributedDataParallel.backward") }
        if let batch = batches.first(where: { $0.sharding != sharding }) {
            throw OpError(
                "a batch is cut into \(batch.sharding.count) shards of which \(batch.sharding.own) are this process's, the model has \(sharding.count) and \(sharding.own); take a loader that is .sharded(by: model)",
                op: "DistributedDataParallel.backward")
        }
        let all = Double(batches.reduce(0) { $0 + $1.samples })
        try reducer.begin()
        var (losses, shares): ([Int: Double], [Int: Double]) = ([:], [:])
        for (number, batch) in batches.enumerated() {
            for shard in batch.shards {
                let share = try (weight.map { weight in try noGrad { try weight(shard.batch) } } ?? Double(shard.samples)) / all
                let own = try reducer.learn(shard, isLast: number == last, isSingle: true) { samples in
                    let own = try loss(samples) * share
                    own.backward()
                    return own.detach()
                }
                losses[shard.number, default: 0] += own.item()
                shares[shard.number, default: 0] += share
            }
        }
        return Tensor(Float(try reducer.finish(losses: losses, shares: weight == nil ? nil : shares).loss))
    }

    /// Computes the gradients of the mean of `loss` over the ranks, for loops in which each rank reads its own samples, the same number on
    /// every rank: with a ``DistributedSampler``, for example. PyTorch: `loss.backward()` of a model in `DistributedDataParallel`.
    ///
    /// Traps if a rank has more than one shard, since one loss is the loss of one shard.
    public func backward(_ loss: Tensor) {
        guard sharding.own.count == 1 else {
            fail(
                "DistributedDataParallel.backward",
                "the model has \(sharding.count) shards for \(group.size) processes, and one loss is that of one shard; call model.backward(batch) with a loader that is .sharded(by: model)"
            )
            return
        }
        do {
            try reducer.begin()
            let shard = ShardedBatch<Tensor>.Shard(number: sharding.own.lowerBound, batch: loss, samples: 1, generator: nil)
            try reducer.learn(shard, isLast: true, isSingle: true, isBackwardAlone: true) { ($0 / Double(group.size)).backward() }
            _ = try reducer.finish()
        } catch {
            fail((error as? OpError) ?? OpError("\(error)", op: "DistributedDataParallel.backward"))
        }
    }
}

extension DistributedDataParallel {
    /// Scales the gradients of `optimizer` so that their norm, taken as one long vector, is at most `maxNorm`; returns the norm before
    /// scaling. The result is the same for any number of ranks, also when they share the optimizer's steps. PyTorch:
    /// `nn.utils.clip_grad_norm_`.
    @discardableResult public func clipGradNorm_(_ optimizer: Optimizer, maxNorm: Double) throws -> Double {
        try reducer.clipGradNorm(optimizer, maxNorm: maxNorm)
    }
}

extension Optimizer {
    /// Shares the steps of this optimizer among the ranks of `model`: each rank updates its part of the parameters and keeps only the state
    /// of that part, 1/n of Adam's moments, for example. The communication volume and the resulting parameters are the same as without.
    /// PyTorch: `ZeroRedundancyOptimizer`.
    ///
    /// ```swift
    /// let optimizer = try Adam(model.parameters(), lr: 1e-3).sharded(by: model)
    /// ```
    /// Afterwards `grad` is nil, since each rank has a part of the gradients; clip them by
    /// ``DistributedDataParallel/clipGradNorm_(_:maxNorm:)``. All ranks must call `stateDict()` together; each gets the whole state. Throws
    /// if the rule needs whole parameters (Adafactor, Muon, LBFGS), or if the optimizer has already taken steps.
    @discardableResult public func sharded<Base: Module>(by model: DistributedDataParallel<Base>) throws -> Self {
        try model.reducer.shareSteps(of: self)
        return self
    }
}

extension DataLoader {
    /// A loader of the same batches, cut into the model's shards; this rank reads only its own. All ranks follow the order that rank 0
    /// draws.
    public func sharded<Base: Module>(by model: DistributedDataParallel<Base>) -> DataLoader<ShardedBatch<Batch>> {
        sharded(model.sharding, in: model.group)
    }

    /// The same for a given sharding and process group.
    package func sharded(_ sharding: Sharding, in group: ProcessGroup) -> DataLoader<ShardedBatch<Batch>> {
        sharded(sharding) { seed in try group.startAllGather(words: [seed]).wait()[0][0] }
    }
}
