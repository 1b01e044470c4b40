import ApusCore
import ApusNN

/// Batch normalisation with statistics over the batches of all ranks. PyTorch: `nn.SyncBatchNorm`.
///
/// The input on each rank is [N, C, …]; each channel is normalised by the mean and variance over the N of all ranks. State keys are those
/// of `BatchNorm`. In evaluation, and in a group of one, it behaves like `BatchNorm`.
///
/// All ranks must run the same layers in the same order. Statistics are per shard, one shard on each rank at a time:
/// ``DistributedDataParallel`` refuses a model with several shards per rank.
public final class SyncBatchNorm: BatchNorm {
    /// Arguments as for `BatchNorm`; `group` has the ranks whose batches are normalised together.
    public init(
        _ numFeatures: Int, eps: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true, trackRunningStats: Bool = true,
        bias: Bool = true, in group: ProcessGroup, device: Device = .cpu, dtype: DType = .float32
    ) {
        super.init(
            numFeatures, eps: eps, momentum: momentum, affine: affine, trackRunningStats: trackRunningStats, bias: bias, device: device,
            dtype: dtype)
        share(group)
    }

    /// Makes every batch normalisation in `model` compute its statistics over the ranks of `group`. The layers stay the same objects.
    /// PyTorch: `nn.SyncBatchNorm.convert_sync_batchnorm`.
    @discardableResult public static func convert<Model: Module>(_ model: Model, in group: ProcessGroup) -> Model {
        for case let layer as BatchNorm in [model] + model.modules() { layer.share(group) }
        return model
    }
}

extension BatchNorm {
    fileprivate func share(_ group: ProcessGroup) {
        sumOverProcesses = group.size > 1 ? { ApusCore.apply(SumOverProcesses(group: group), Inputs($0)) } : nil
    }
}

/// The sum of a tensor over ranks. Each rank's loss may depend on it, so its gradient is the sum of the ranks' gradients.
private struct SumOverProcesses: Op {
    let group: ProcessGroup

    var name: String { "sumOverProcesses" }

    static func == (a: SumOverProcesses, b: SumOverProcesses) -> Bool { a.group === b.group }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let sum = inputs[0].detach().clone()
        do { try group.allReduce(sum) } catch { throw OpError("\(error)") }
        return sum
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients { [apply(self, Inputs(grad))] }
}
