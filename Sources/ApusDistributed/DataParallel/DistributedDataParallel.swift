import ApusCore
import ApusData
import ApusNN
import ApusOptim

/// A model that several processes train together: each computes the gradients of a part of every batch, and all get their sum. PyTorch:
/// `nn.parallel.DistributedDataParallel`.
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
/// A batch is that of all processes: 512 samples above, however many there are, so that learning rates do not depend on their number. It is
/// cut into `shards`. Random numbers, batch statistics and gradients belong to a shard, and the gradients are added up in an order that the
/// number of shards alone decides: with the same shards, 1, 2, 4 or 8 processes end with the same bytes. Running statistics are the mean of
/// what the shards have made of them.
///
/// Where the loop has no shards, as one written for PyTorch, ``backward(_:)`` takes the place of `loss.backward()`.
public final class DistributedDataParallel<Base: Module>: Module {
    /// The model itself. Its weights have the names that begin with `module.`, as in PyTorch.
    public let module: Base
    @Unregistered var reducer: GradientReducer

    /// How batches are cut, and which parts this process computes.
    public var sharding: Sharding { reducer.sharding }
    /// The processes.
    public var group: ProcessGroup { reducer.group }

    /// Lets the processes of `group` train `module`. All get the weights of the first.
    ///
    /// - Parameters:
    ///   - shards: how many shards a batch is cut into, by default one for each process: a multiple of the number of processes by a power of
    ///     two, and any number for one process.
    ///   - bucketBytes: how many bytes of gradients travel together, by default 5 MB. It changes no bits.
    ///
    /// Throws a ``DistributedError`` where the shards cannot be dealt out, or where the processes have different models.
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

    /// Computes the gradients of the mean of `loss` over the samples of `batch`, those of other processes too, and returns that mean.
    ///
    /// `loss` is called for each shard of this process, and returns the mean over its samples. Where the mean is to be over something else,
    /// `weight` says how much of it a shard has: `weight: { tokens, _ in Double(tokens.ne(padding).sum().item()) }`. The sum over processes
    /// goes on beside the last shard's backward pass. Gradients are added to none that there are: they replace them.
    ///
    /// Errors of the network and of `loss` end the program, or fail the `checked` scope.
    @discardableResult public func backward<Batch>(
        _ batch: ShardedBatch<Batch>, weight: ((Batch) throws -> Double)? = nil, _ loss: (Batch) throws -> Tensor
    ) -> Tensor { backward([batch], weight: weight, loss) }

    /// The same for several batches as one, which need not be in memory at once: accumulated gradients.
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

    /// Computes the gradients of the mean of `loss` over processes. For loops in which each process has its own samples, as many as the
    /// others: with a ``DistributedSampler``, say. PyTorch: `loss.backward()` of a model in `DistributedDataParallel`.
    ///
    /// Traps where there are more shards than processes, since the loop would have to run for each of them.
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
    /// Scales the gradients of `optimizer` so that their norm as one long vector is at most `maxNorm`, and returns the norm before. It is the
    /// same for any number of processes, also where they share the optimizer's steps. PyTorch: `nn.utils.clip_grad_norm_`.
    @discardableResult public func clipGradNorm_(_ optimizer: Optimizer, maxNorm: Double) throws -> Double {
        try reducer.clipGradNorm(optimizer, maxNorm: maxNorm)
    }
}

extension Optimizer {
    /// Shares its steps among the processes of `model`: each updates its part of the parameters and keeps the state of that part alone, so that
    /// of Adam's two moments each process has 1/n. As many bytes travel as before, and the parameters are the same.
    /// PyTorch: `ZeroRedundancyOptimizer`.
    ///
    /// ```swift
    /// let optimizer = try Adam(model.parameters(), lr: 1e-3).sharded(by: model)
    /// ```
    /// Gradients are in `grad` no more, since each process has a part of them; clip them by ``DistributedDataParallel/clipGradNorm_(_:maxNorm:)``.
    /// All processes call `stateDict()`, and all get the whole state. Throws where the rule needs whole parameters (Adafactor, Muon, LBFGS), or
    /// where it has taken steps.
    @discardableResult public func sharded<Base: Module>(by model: DistributedDataParallel<Base>) throws -> Self {
        try model.reducer.shareSteps(of: self)
        return self
    }
}

extension DataLoader {
    /// A loader of the same batches, cut into the model's shards, of which this process reads its own. All processes have the order of the
    /// first.
    public func sharded<Base: Module>(by model: DistributedDataParallel<Base>) -> DataLoader<ShardedBatch<Batch>> {
        sharded(model.sharding, in: model.group)
    }

    /// The same with a cut, and who shares it.
    package func sharded(_ sharding: Sharding, in group: ProcessGroup) -> DataLoader<ShardedBatch<Batch>> {
        sharded(sharding) { seed in try group.startAllGather(words: [seed]).wait()[0][0] }
    }
}
