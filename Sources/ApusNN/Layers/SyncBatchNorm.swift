import ApusCore

/// A name that models written for several processes use. PyTorch: `nn.SyncBatchNorm`.
///
/// Apus runs in one process, so that there is nobody to exchange statistics with: making one is an error that says so. In one process PyTorch's
/// computes what `BatchNorm1d`, `BatchNorm2d` and `BatchNorm3d` compute, with the same keys.
public final class SyncBatchNorm: BatchNorm, DeclaredModule {
    /// Traps: there are no processes to synchronise.
    public override init(
        _ numFeatures: Int, eps: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true, trackRunningStats: Bool = true,
        bias: Bool = true,
        device: Device = .cpu, dtype: DType = .float32
    ) {
        fail(
            "SyncBatchNorm",
            "there are no processes to synchronise: Apus runs in one; use BatchNorm1d, BatchNorm2d or BatchNorm3d, which compute the same there"
        )
        super.init(
            numFeatures, eps: eps, momentum: momentum, affine: affine, trackRunningStats: trackRunningStats, bias: bias, device: device,
            dtype: dtype)
    }

    static let arguments = Signature(
        .int("num_features"), .double("eps", 1e-5), .optionalDouble("momentum", 0.1), .bool("affine", true),
        .bool("track_running_stats", true),
        .noneOnly("process_group", "there are no processes"), .bool("bias", true).byName, .device, .dtype
    ).makes { SyncBatchNorm($0, eps: $1, momentum: $2, affine: $3, trackRunningStats: $4, bias: $6, device: $7, dtype: $8) }
}
