import ApusCore
import ApusData
import ApusNN
import ApusOptim

/// Sums the gradients of a model over the shards of a batch, whichever rank computes which shard. PyTorch: the `Reducer` of
/// `DistributedDataParallel`.
///
/// An update consists of ``begin(_:)``, ``learn(_:isLast:isSingle:_:)`` for each shard of each batch, and ``finish(losses:)``, after which
/// all ranks have the same gradients. Buckets of gradients are exchanged while the backward pass of the last shard continues, in the same
/// order on all ranks: that of the parameters, reversed.
package final class GradientReducer {
    /// Bucket sizes. With 5 MB most of the exchange overlaps with computation; with 25 MB half as much does.
    private static let bucketBytes = 5 << 20
    private static let firstBucketBytes = 1 << 20

    package let group: ProcessGroup
    package let sharding: Sharding
    private let model: Module
    private let bytes: Int
    private(set) var parameters: [Parameter] = []
    private var numbers: [ObjectIdentifier: Int] = [:]
    private var hooks: [HookHandle] = []
    private(set) var buckets: [GradientBucket] = []
    /// For each parameter, its bucket and its range there.
    private var places: [(bucket: Int, range: Range<Int>)] = []
    /// The NCCL communicator for each device of the parameters; nil if their gradients go through host memory.
    private var communicators: [Device: Communicator?] = [:]
    private let statistics: SharedStatistics
    /// The update in progress; nil between updates.
    private var update: Update?
    private var step: UInt64 = 0
    /// The parameters that got gradients in the last update.
    private var reached: Set<ObjectIdentifier> = []
    /// The partition for shared optimizer steps; nil if each rank takes whole steps.
    private var parts: StepParts?
    /// Called when a parameter gets a gradient outside of an update.
    package var didStray: () -> Void = {}

    /// The state of one update.
    private final class Update {
        /// For each parameter, the sum over the shards before `nextShard`.
        var sums: [TreeSum]
        var nextShard: Int
        /// For each shard, the parameters' gradients in the batches before the last one.
        var earlier: [Int: [Tensor?]] = [:]
        /// For each parameter, whether its sum is in its bucket, and whether any shard of this rank had a gradient for it.
        var isPlaced: [Bool], isThere: [Bool]
        var nextBucket = 0
        var shard: ShardUnderWay?
        /// The first error in a gradient hook, which cannot throw.
        var failure: (any Error)?
        let exchange: Work<[[UInt64]]>

        init(parameters count: Int, firstShard: Int, _ exchange: Work<[[UInt64]]>) {
            (sums, nextShard, self.exchange) = (Array(repeating: TreeSum(), count: count), firstShard, exchange)
            isPlaced = Array(repeating: false, count: count)
            isThere = isPlaced
        }
    }

    /// A shard whose gradients are being computed.
    private struct ShardUnderWay {
        let number: Int
        var gradients: [Tensor?]
        /// Whether each gradient goes into its bucket as soon as it arrives, since nothing will be added to it.
        let isFinal: Bool
    }

    /// What the ranks tell each other with each update.
    package struct Signals: OptionSet, Sendable {
        package let rawValue: UInt64
        package init(rawValue: UInt64) { self.rawValue = rawValue }
        /// Training is to stop.
        package static let stop = Signals(rawValue: 1)
        /// A checkpoint is to be written.
        package static let checkpoint = Signals(rawValue: 2)
    }

    /// A reducer for `model`, whose batches have `shards` shards, by default one per rank. Copies the weights and buffers of rank 0 to all
    /// ranks.
    ///
    /// Throws if the shards cannot be dealt to the ranks, or if the ranks have different models.
    package init(_ model: Module, in group: ProcessGroup, shards: Int? = nil, bucketBytes: Int? = nil) throws {
        (self.model, self.group, bytes) = (model, group, bucketBytes ?? Self.bucketBytes)
        sharding = try Sharding(dealing: shards ?? group.size, in: group)
        statistics = SharedStatistics(model, sharding)
        if sharding.own.count > 1, model.modules().contains(where: { ($0 as? BatchNorm)?.sumOverProcesses != nil }) {
            throw group.error(
                "dealing shards",
                "the model has batch normalisation over all processes, and \(sharding.count) shards for \(group.size) processes; a process has the statistics of one shard at a time: take \(group.size) shards, or BatchNorm"
            )
        }
        let devices = Self.devices(of: tensorsByName(model).map(\.tensor))
        try group.agree(
            on: tensorsByName(model).map { name, tensor in
                "\(name) is \(tensor.dtype) \(tensor.shape)\(devices.count > 1 ? " on device \(devices.firstIndex(of: tensor.device)!) of the model" : "")"
            }, "the model")
        try group.synchronize(model)
        try prepare()
    }

    deinit { for hook in hooks { hook.remove() } }

    /// The distinct devices of the tensors, in order of first occurrence.
    private static func devices(of tensors: [Tensor]) -> [Device] {
        tensors.reduce(into: []) { if !$0.contains($1.device) { $0.append($1.device) } }
    }

    // MARK: Before an update

    /// Begins an update. All ranks call this, even those without samples. Every rank receives the `signals` of all.
    package func begin(_ signals: Signals = []) throws {
        try prepare()
        group.place("step \(step)")
        for bucket in buckets { bucket.begin() }
        // Gradients of the last update may be views of the buckets' memory, which this update overwrites.
        for parameter in parameters { parameter.grad = nil }
        update = Update(
            parameters: parameters.count, firstShard: sharding.own.lowerBound, group.startAllGather(words: [step, signals.rawValue]))
        statistics.begin()
    }

    private func underWay() throws -> Update {
        guard let update else { throw group.error("backward", "no update has begun") }
        return update
    }

    /// Builds buckets and hooks for the parameters that now require gradients, unless they are the same as in the last update.
    private func prepare() throws {
        let now = model.parameters().filter(\.requiresGrad)
        if now.count == parameters.count, zip(now, parameters).allSatisfy({ $0 === $1 }) { return }
        if parts != nil, !parameters.isEmpty {
            throw group.error(
                "backward",
                "other parameters require gradients than when the steps of the optimizer were shared; freeze and unfreeze before that")
        }
        parameters = now
        for device in Self.devices(of: now) where communicators[device] == nil {
            communicators[device] = .some(try group.communicator(on: device))
        }
        numbers = Dictionary(uniqueKeysWithValues: now.enumerated().map { (ObjectIdentifier($1), $0) })
        buckets = GradientBucket.buckets(
            parameters, bytes: bytes, firstBytes: Self.firstBucketBytes, processes: group.size,
            communicators: communicators.compactMapValues { $0 })
        places = Array(repeating: (0, 0..<0), count: parameters.count)
        for (number, bucket) in buckets.enumerated() {
            for member in bucket.members { places[member.number] = (number, member.range) }
        }
        for hook in hooks { hook.remove() }
        hooks = parameters.enumerated().map { number, parameter in
            parameter.registerPostAccumulateGradHook { [weak self] _ in self?.take(number) }
        }
    }

    /// Lets the ranks share the steps of `optimizer`: each keeps the state of a part of the parameters. Throws if its rule needs whole
    /// parameters, or if it has already taken steps.
    package func shareSteps(of optimizer: Optimizer) throws {
        try prepare()
        let parts = self.parts ?? StepParts(self)
        if let problem = optimizer.share(parts) { throw group.error("sharing steps", problem) }
        self.parts = parts
    }

    /// The index of a parameter in `parameters`; nil if it does not require gradients.
    func number(of parameter: Tensor) -> Int? { numbers[ObjectIdentifier(parameter)] }

    /// The elements of a parameter that lie in this rank's chunk of its bucket.
    func ownRange(_ number: Int) -> Range<Int> {
        let (bucket, range) = places[number]
        let chunk = buckets[bucket].chunk
        let own = (group.rank * chunk..<(group.rank + 1) * chunk).clamped(to: range)
        return (own.lowerBound - range.lowerBound)..<(own.upperBound - range.lowerBound)
    }

    // MARK: A shard

    /// Computes the gradients of a shard: `body` runs with the shard's random numbers and with the running statistics from before the
    /// update. In the last batch of an update (`isLast`) the shard is added to the sums. If `body` has a single backward pass (`isSingle`),
    /// the gradients of the last shard are exchanged while that pass continues. `isBackwardAlone` says that the forward pass ran before the
    /// update.
    package func learn<Batch, Value>(
        _ shard: ShardedBatch<Batch>.Shard, isLast: Bool, isSingle: Bool, isBackwardAlone: Bool = false, _ body: (Batch) throws -> Value
    ) throws -> Value {
        let update = try underWay()
        update.shard = ShardUnderWay(
            number: shard.number, gradients: Array(repeating: nil, count: parameters.count),
            isFinal: isLast && isSingle && shard.number == sharding.own.upperBound - 1)
        defer { update.shard = nil }
        let value = try statistics.ofShard(shard.number, sinceUpdate: isBackwardAlone) {
            try shard.generator.map { try withGenerator(Generator(at: $0)) { try body(shard.batch) } } ?? body(shard.batch)
        }
        try throwFailure()
        if let failure = update.failure { throw failure }
        if isLast { try add(shard.number, to: update) } else { try keep(shard.number, in: update) }
        return value
    }

    /// Takes the gradient that a backward pass has just accumulated in a parameter.
    private func take(_ number: Int) {
        guard let update, update.shard != nil else { return didStray() }
        let parameter = parameters[number]
        do {
            guard var gradient = parameter.grad else { return }
            parameter.grad = nil
            let dtype = parameter.dtype.computeType
            gradient = try checked { noGrad { gradient.dtype == dtype ? gradient.detach() : gradient.to(dtype) } }
            guard update.isPlaced[number] == false else {
                throw OpError(
                    "parameter \(number) of shape \(parameter.shape) gets a second gradient in the last shard, after the sum of the first has left",
                    op: "backward")
            }
            let sum = try added(update.shard!.gradients[number].take(), gradient)
            update.shard!.gradients[number] = sum
            if update.shard!.isFinal {
                try add(number, of: update.shard!.number, to: update)
                try place(number, update)
            }
        } catch {
            update.failure = update.failure ?? error
        }
    }

    /// Keeps the gradients of a shard; those of its later batches are added to them.
    private func keep(_ shard: Int, in update: Update) throws {
        var sums = update.earlier.removeValue(forKey: shard) ?? Array(repeating: nil, count: parameters.count)
        for number in parameters.indices { sums[number] = try added(sums[number].take(), update.shard!.gradients[number].take()) }
        update.earlier[shard] = sums
    }

    /// Adds the gradients of a shard to the sums over shards.
    private func add(_ shard: Int, to update: Update) throws {
        for number in parameters.indices where !update.isPlaced[number] { try add(number, of: shard, to: update) }
        update.nextShard = shard + 1
    }

    private func add(_ number: Int, of shard: Int, to update: Update) throws {
        let (earlier, now) = (update.earlier[shard]?[number].take(), update.shard?.gradients[number].take())
        try update.sums[number].add(try added(earlier, now ?? nil))
    }

    /// Puts the sum over this rank's shards into the parameter's bucket, and starts the exchange of full buckets in order.
    private func place(_ number: Int, _ update: Update) throws {
        let (bucket, range) = places[number]
        let sum = try update.sums[number].take()
        try buckets[bucket].put(sum, range)
        (update.isPlaced[number], update.isThere[number]) = (true, sum != nil)
        while update.nextBucket < buckets.count, buckets[update.nextBucket].isFull {
            try buckets[update.nextBucket].start(group, inChunks: parts != nil)
            update.nextBucket += 1
        }
    }

    // MARK: After the last shard

    /// Waits for the sums, and sets gradients and running statistics. A parameter that no shard of any rank has used gets no gradient.
    /// `losses` are the shards' losses, each multiplied by its share. If the shares do not add up to 1, pass them as `shares`: gradients
    /// and loss are divided by their sum. Returns the signals of all ranks, and the loss.
    package func finish(losses: [Int: Double] = [:], shares: [Int: Double]? = nil) throws -> (signals: Signals, loss: Double) {
        // If the last batch has fewer samples than shards, `learn` was not called for some of this rank's shards.
        let ended = try underWay()
        for shard in ended.nextShard..<sharding.own.upperBound { try add(shard, to: ended) }
        for number in parameters.indices.reversed() where !ended.isPlaced[number] { try place(number, ended) }
        update = nil
        group.place("step \(step), the sum of the gradients")
        let said = try ended.exchange.wait()
        if let other = said.firstIndex(where: { $0[0] != step }) {
            throw group.error("backward", "rank \(other) is in step \(said[other][0]), this one in step \(step)")
        }
        let isThere = try group.anyProcess(ended.isThere + statistics.hasChanged)
        var (loss, share) = try statistics.finish(losses, shares ?? [:], changed: Array(isThere[parameters.count...]), in: group)
        reached = Set(parameters.indices.lazy.filter { isThere[$0] }.map { [parameters] in ObjectIdentifier(parameters[$0]) })
        for bucket in buckets { try bucket.finish() }
        if shares != nil {
            guard share > 0, share.isFinite else { throw group.error("backward", "the weights of all shards add up to \(share)") }
            loss /= share
            for bucket in buckets { try bucket.divide(by: share) }
        }
        if let parts {
            try parts.take { isThere[$0] ? try gradient($0, $1) : nil }
        } else {
            for (number, parameter) in parameters.enumerated() where isThere[number] {
                parameter.grad = try checked { try noGrad { try gradient(number, 0..<parameter.numel).view(parameter.shape) } }
            }
        }
        step += 1
        group.place("between step \(step - 1) and step \(step)")
        let signals = Signals(said.map { Signals(rawValue: $0[1]) })
        return (signals, loss)
    }

    /// Whether any parameter of the optimizer got a gradient in the last update, on any rank: a rank without samples got none itself.
    package func hasReached(_ optimizer: Optimizer) -> Bool {
        optimizer.paramGroups.contains { $0.parameters.contains { reached.contains(ObjectIdentifier($0)) } }
    }

    /// The sum for some elements of a parameter: a view of the bucket if dtype and device agree, else a copy.
    private func gradient(_ number: Int, _ elements: Range<Int>) throws -> Tensor {
        let (parameter, (bucket, range)) = (parameters[number], places[number])
        let from = range.lowerBound + elements.lowerBound
        return try checked { noGrad { buckets[bucket][from..<(from + elements.count)].to(parameter.device).to(parameter.dtype) } }
    }
}

/// A model's parameters and buffers by name.
func tensorsByName(_ model: Module) -> [(name: String, tensor: Tensor)] {
    model.namedParameters().map { ($0.name, $0.parameter) } + model.namedBuffers().map { ($0.name, $0.buffer) }
}
