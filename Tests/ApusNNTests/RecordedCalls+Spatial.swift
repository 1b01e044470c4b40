import ApusCore
import ApusNN

extension RecordedCalls {
    static func spatial() -> [String: RecordedCall] {
        var calls: [String: RecordedCall] = [:]
        for n in 1...3 { addShared(n, to: &calls) }
        addOneDimension(to: &calls)
        addTwoDimensions(to: &calls)
        addThreeDimensions(to: &calls)
        calls["pixel_shuffle"] = { [F.pixelShuffle($0[0], 2)] }
        calls["pixel_unshuffle"] = { [F.pixelUnshuffle($0[0], 2)] }
        calls["channel_shuffle"] = { [F.channelShuffle($0[0], 2)] }
        calls["native_channel_shuffle"] = { [F.channelShuffle($0[0], 2)] }
        calls["unfold"] = { [F.unfold($0[0], kernelSize: [2, 3], padding: [1, 0], stride: 2)] }
        calls["fold"] = { [F.fold($0[0], [6, 5], kernelSize: 2, padding: 1, stride: [2, 1])] }
        return calls
    }

    /// Adds the functions whose names contain no number of dimensions.
    private static func addShared(_ n: Int, to calls: inout [String: RecordedCall]) {
        let amounts = Array([[Int]](repeating: [1, 2], count: n).joined()), cut = Array([[Int]](repeating: [-1, 2], count: n).joined())
        for (name, mode) in [("constant", PadMode.constant), ("reflect", .reflect), ("replicate", .replicate), ("circular", .circular)] {
            calls["pad/\(name) \(n)"] = { [F.pad($0[0], amounts, mode: mode)] }
        }
        calls["pad/cut \(n)"] = { [F.pad($0[0], cut, value: 0.7)] }
        calls["instance_norm/\(n)"] = { [F.instanceNorm($0[0], weight: $0[1], bias: $0[2], eps: 1e-3)] }
        calls["batch_norm/\(n)"] = { [F.batchNorm($0[0], nil, nil, weight: $0[1], bias: $0[2], training: true, eps: 1e-3)] }
        calls["batch_norm/running \(n)"] = { [F.batchNorm($0[0], $0[1], $0[2])] }
        calls["local_response_norm/\(n)"] = { [F.localResponseNorm($0[0], 2, alpha: 0.5, beta: 0.6, k: 0.8)] }
        calls["group_norm/\(n)"] = { [F.groupNorm($0[0], 2, weight: $0[1], bias: $0[2])] }
    }

    private static func pair(_ both: (values: Tensor, indices: Tensor)) -> [Tensor] { [both.values, both.indices] }

    private static func addOneDimension(to calls: inout [String: RecordedCall]) {
        calls["max_pool1d"] = { [F.maxPool1d($0[0], kernelSize: 3, stride: 2, padding: 1, ceilMode: true)] }
        calls["max_pool1d_with_indices"] = { pair(F.maxPool1dWithIndices($0[0], kernelSize: 2, stride: 1, dilation: 2)) }
        calls["max_unpool1d"] = { x in
            let (values, indices) = F.maxPool1dWithIndices(x[0], kernelSize: 2)
            return [F.maxUnpool1d(values, indices, kernelSize: 2, outputSize: Array(x[0].shape.dropFirst(2)))]
        }
        calls["avg_pool1d"] = { [F.avgPool1d($0[0], kernelSize: 3, stride: 2, padding: 1, ceilMode: true, countIncludePad: false)] }
        calls["adaptive_avg_pool1d"] = { [F.adaptiveAvgPool1d($0[0], 3)] }
        calls["adaptive_max_pool1d"] = { [F.adaptiveMaxPool1d($0[0], 3)] }
        calls["adaptive_max_pool1d_with_indices"] = { pair(F.adaptiveMaxPool1dWithIndices($0[0], 2)) }
        calls["lp_pool1d"] = { [F.lpPool1d($0[0].abs() + 0.1, 3, kernelSize: 2, stride: 1)] }
        calls["conv1d"] = { [F.conv1d($0[0], $0[1], $0[2], stride: 2, padding: 1, groups: 2)] }
        calls["conv1d/same"] = { [F.conv1d($0[0], $0[1], padding: .same, dilation: 2)] }
        calls["conv_transpose1d"] = { [F.convTranspose1d($0[0], $0[1], $0[2], stride: 2, padding: 1, outputPadding: 1, groups: 2)] }
        calls["dropout1d/off"] = { [F.dropout1d($0[0], training: false)] }
    }

    private static func addTwoDimensions(to calls: inout [String: RecordedCall]) {
        calls["max_pool2d"] = { [F.maxPool2d($0[0], kernelSize: 3, stride: 2, padding: 1, ceilMode: true)] }
        calls["max_pool2d_with_indices"] = { pair(F.maxPool2dWithIndices($0[0], kernelSize: 2, stride: 1, dilation: 2)) }
        calls["max_unpool2d"] = { x in
            let (values, indices) = F.maxPool2dWithIndices(x[0], kernelSize: 2)
            return [F.maxUnpool2d(values, indices, kernelSize: 2, outputSize: Array(x[0].shape.dropFirst(2)))]
        }
        calls["avg_pool2d"] = { [F.avgPool2d($0[0], kernelSize: 3, stride: 2, padding: 1, ceilMode: true, countIncludePad: false)] }
        calls["avg_pool2d/divisor"] = { [F.avgPool2d($0[0], kernelSize: 2, divisorOverride: 3)] }
        calls["fractional_max_pool2d"] = { [F.fractionalMaxPool2d($0[0], kernelSize: 2, outputSize: 2, randomSamples: $0[1])] }
        calls["fractional_max_pool2d_with_indices"] = {
            pair(F.fractionalMaxPool2dWithIndices($0[0], kernelSize: 2, outputRatio: [0.5, 0.5], randomSamples: $0[1]))
        }
        calls["adaptive_avg_pool2d"] = { [F.adaptiveAvgPool2d($0[0], 3)] }
        calls["adaptive_max_pool2d"] = { [F.adaptiveMaxPool2d($0[0], 3)] }
        calls["adaptive_max_pool2d_with_indices"] = { pair(F.adaptiveMaxPool2dWithIndices($0[0], 2)) }
        calls["lp_pool2d"] = { [F.lpPool2d($0[0].abs() + 0.1, 3, kernelSize: 2, stride: 1)] }
        calls["conv2d"] = { [F.conv2d($0[0], $0[1], $0[2], stride: 2, padding: 1, groups: 2)] }
        calls["conv2d/same"] = { [F.conv2d($0[0], $0[1], padding: .same, dilation: 2)] }
        calls["conv_transpose2d"] = { [F.convTranspose2d($0[0], $0[1], $0[2], stride: 2, padding: 1, outputPadding: 1, groups: 2)] }
        calls["dropout2d/off"] = { [F.dropout2d($0[0], training: false)] }
    }

    private static func addThreeDimensions(to calls: inout [String: RecordedCall]) {
        calls["max_pool3d"] = { [F.maxPool3d($0[0], kernelSize: 3, stride: 2, padding: 1, ceilMode: true)] }
        calls["max_pool3d_with_indices"] = { pair(F.maxPool3dWithIndices($0[0], kernelSize: 2, stride: 1, dilation: 2)) }
        calls["max_unpool3d"] = { x in
            let (values, indices) = F.maxPool3dWithIndices(x[0], kernelSize: 2)
            return [F.maxUnpool3d(values, indices, kernelSize: 2, outputSize: Array(x[0].shape.dropFirst(2)))]
        }
        calls["avg_pool3d"] = { [F.avgPool3d($0[0], kernelSize: 3, stride: 2, padding: 1, ceilMode: true, countIncludePad: false)] }
        calls["avg_pool3d/divisor"] = { [F.avgPool3d($0[0], kernelSize: 2, divisorOverride: 3)] }
        calls["fractional_max_pool3d"] = { [F.fractionalMaxPool3d($0[0], kernelSize: 2, outputSize: 2, randomSamples: $0[1])] }
        calls["fractional_max_pool3d_with_indices"] = {
            pair(F.fractionalMaxPool3dWithIndices($0[0], kernelSize: 2, outputRatio: [0.5, 0.5, 0.5], randomSamples: $0[1]))
        }
        calls["adaptive_avg_pool3d"] = { [F.adaptiveAvgPool3d($0[0], 3)] }
        calls["adaptive_max_pool3d"] = { [F.adaptiveMaxPool3d($0[0], 3)] }
        calls["adaptive_max_pool3d_with_indices"] = { pair(F.adaptiveMaxPool3dWithIndices($0[0], 2)) }
        calls["lp_pool3d"] = { [F.lpPool3d($0[0].abs() + 0.1, 3, kernelSize: 2, stride: 1)] }
        calls["conv3d"] = { [F.conv3d($0[0], $0[1], $0[2], stride: 2, padding: 1, groups: 2)] }
        calls["conv3d/same"] = { [F.conv3d($0[0], $0[1], padding: .same, dilation: 2)] }
        calls["conv_transpose3d"] = { [F.convTranspose3d($0[0], $0[1], $0[2], stride: 2, padding: 1, outputPadding: 1, groups: 2)] }
        calls["dropout3d/off"] = { [F.dropout3d($0[0], training: false)] }
    }

    static func interpolation() -> [String: RecordedCall] {
        var calls: [String: RecordedCall] = [:]
        for mode in InterpolationMode.allCases {
            for n in 1...3 {
                if [InterpolationMode.linear: 1, .bilinear: 2, .bicubic: 2, .trilinear: 3][mode, default: n] != n { continue }
                let name = "interpolate/\(mode.rawValue) \(n)"
                calls["\(name) size"] = { [F.interpolate($0[0], size: Array([3, 8, 7].prefix(n)), mode: mode)] }
                calls["\(name) factor"] = { [F.interpolate($0[0], scaleFactor: 1.7, mode: mode)] }
                calls["\(name) recomputed"] = {
                    [F.interpolate($0[0], scaleFactor: Array([0.6, 1.7, 2.3].prefix(n)), mode: mode, recomputeScaleFactor: true)]
                }
                guard [InterpolationMode.linear, .bilinear, .bicubic, .trilinear].contains(mode) else { continue }
                calls["\(name) corners"] = {
                    [F.interpolate($0[0], scaleFactor: Array([2.0, 0.7, 1.3].prefix(n)), mode: mode, alignCorners: true)]
                }
            }
        }
        for mode in [InterpolationMode.bilinear, .bicubic] {
            for (end, corners) in [("False", false), ("True", true)] {
                calls["interpolate/\(mode.rawValue) antialias \(end)"] = {
                    [F.interpolate($0[0], size: [3, 9], mode: mode, alignCorners: corners, antialias: true)]
                }
            }
        }
        calls["upsample"] = { [F.interpolate($0[0], scaleFactor: 2)] }
        calls["upsample_nearest"] = { [F.interpolate($0[0], scaleFactor: 2)] }
        calls["upsample_bilinear"] = { [F.interpolate($0[0], size: [7, 8], mode: .bilinear, alignCorners: true)] }
        return calls
    }
}
