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
        sumOverProcesses = group.size > 1 ? { SumOverProcesses(group: group)($0)[0] } : nil
    }
}

/// The sum of a tensor over ranks. Each rank's loss may depend on it, so its gradient is the sum of the ranks' gradients.
struct SumOverProcesses: DifferentiableFunction {
    let group: ProcessGroup

    func forward(_ inputs: [Tensor], _ context: FunctionContext) -> [Tensor] { [summed(inputs[0])] }

    func backward(_ gradients: [Tensor], _ context: FunctionContext) -> [Tensor?] { [summed(gradients[0])] }

    private func summed(_ tensor: Tensor) -> Tensor {
        let sum = tensor.detach().clone()
        do { try group.allReduce(sum) } catch { return fail(OpError("\(error)", op: name)) }
        return sum
    }
}
