import ApusCore
import ApusNN

/// Batch normalisation by the statistics of the batches of all processes. PyTorch: `nn.SyncBatchNorm`.
///
/// Of inputs [N, C, …] on each process, each channel is normalised by mean and variance over the N of all. It has the keys of the other
/// batch normalisations. In evaluation, and for one process, it is one of them.
///
/// The processes must run the same layers in the same order. Statistics are those of as many shards as there are processes: a model with
/// several shards a process is refused by ``DistributedDataParallel``.
public final class SyncBatchNorm: BatchNorm {
    /// As `BatchNorm`, for the processes of `group`.
    public init(
        _ numFeatures: Int, eps: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true, trackRunningStats: Bool = true,
        bias: Bool = true, in group: ProcessGroup, device: Device = .cpu, dtype: DType = .float32
    ) {
        super.init(
            numFeatures, eps: eps, momentum: momentum, affine: affine, trackRunningStats: trackRunningStats, bias: bias, device: device,
            dtype: dtype)
        share(group)
    }

    /// Makes every batch normalisation in `model` one over the processes of `group`. The layers stay the same objects.
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

/// The sum of a tensor over processes. A part of the loss of each process may depend on it, so that its gradient is the sum of theirs.
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
