import ApusCore
import ApusData
import ApusNN

/// The buffers of a model that its forward pass changes, such as the running statistics of batch normalisation.
///
/// Each shard starts from their values before the update, or from those that it left in an earlier batch of the update. After the update
/// they are the mean over the shards.
final class SharedStatistics {
    private let model: Module
    private let sharding: Sharding
    private var buffers: [Tensor] = []
    /// Their values before the update, from which each shard starts.
    private var before: [Tensor] = []
    /// Their versions when the last update ended.
    private var settled: [Int] = []
    /// For each shard, the new values of the buffers that it changed, in float64.
    private var made: [Int: [Tensor?]] = [:]
    /// For each buffer, whether a shard of this rank has changed it.
    private(set) var hasChanged: [Bool] = []

    init(_ model: Module, _ sharding: Sharding) {
        (self.model, self.sharding) = (model, sharding)
        settled = model.buffers().map(\.storage.version)
    }

    /// Begins an update.
    func begin() {
        buffers = model.buffers()
        hasChanged = Array(repeating: false, count: buffers.count)
        made = [:]
        before = noGrad { buffers.map { $0.detach().clone() } }
    }

    /// Runs `body` for a shard and records the buffers that it changed; with `sinceUpdate`, those that were changed since the last update.
    func ofShard<Value>(_ shard: Int, sinceUpdate: Bool, _ body: () throws -> Value) throws -> Value {
        if sharding.own.count > 1 { try restore(shard) }
        let versions = sinceUpdate && settled.count == buffers.count ? settled : buffers.map(\.storage.version)
        let value = try body()
        let changed = buffers.indices.map { buffers[$0].storage.version != versions[$0] }
        let earlier = made[shard]
        made[shard] = try checked {
            noGrad {
                buffers.indices.map { i in changed[i] ? buffers[i].detach().clone().to(.cpu).to(.float64) : earlier?[i] }
            }
        }
        for i in buffers.indices where changed[i] { hasChanged[i] = true }
        return value
    }

    private func restore(_ shard: Int) throws {
        for i in buffers.indices where hasChanged[i] { try set(buffers[i], (made[shard]?[i]).map { $0.to(buffers[i].dtype) } ?? before[i]) }
    }

    private func set(_ buffer: Tensor, _ value: Tensor) throws { try checked { noGrad { _ = buffer.detach().copy_(value) } } }

    /// Sets the buffers that any rank has changed (`changed`) to the mean over all shards. Returns the sums of `losses` and `shares`, which
    /// are sent in the same message.
    func finish(
        _ losses: [Int: Double], _ shares: [Int: Double], changed: [Bool], in group: ProcessGroup
    ) throws -> (loss: Double, share: Double) {
        var sum = TreeSum()
        for shard in sharding.own {
            try sum.add(try made[shard].map { try numbers($0, losses[shard] ?? 0, shares[shard] ?? 0, changed) })
        }
        let shared = zip(buffers, changed).filter { $1 }.map(\.0)
        let count = shared.reduce(3) { $0 + $1.numel }
        let total = try sum.take() ?? Tensor.full([count], -0.0, dtype: .float64)
        try group.startSum(total.pointer, count: count, .float64).wait()
        let shards = total[2].item()
        var place = 3
        for buffer in shared {
            let mean = try checked { noGrad { total.narrow(dim: 0, place, buffer.numel).view(buffer.shape) / shards } }
            try set(buffer, mean.to(buffer.dtype))
            place += buffer.numel
        }
        settled = buffers.map(\.storage.version)
        return (total[0].item(), total[1].item())
    }

    /// One vector: the shard's loss, its share, 1 to count the shard, and its buffers.
    private func numbers(_ made: [Tensor?], _ loss: Double, _ share: Double, _ changed: [Bool]) throws -> Tensor {
        try checked {
            noGrad {
                let own = buffers.indices.filter { changed[$0] }.map { i in
                    (made[i] ?? before[i].to(.cpu).to(.float64)).reshape(-1)
                }
                return Tensor.cat([Tensor([loss, share, 1], dtype: .float64)] + own)
            }
        }
    }
}
