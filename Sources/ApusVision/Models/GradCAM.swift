import ApusCore
import ApusFormats
import ApusNN

/// Grad-CAM: a map of where in its input a network sees a class (Selvaraju et al., 2017, https://arxiv.org/abs/1610.02391), from the output
/// A of `layer` ([N, K, h, w]) and the score y of the class:
///
/// ```
/// Lᵢⱼ = max(Σₖ αₖ·Aₖᵢⱼ, 0), where αₖ = Σᵢⱼ ∂y/∂Aₖᵢⱼ / (h·w)
/// ```
/// - Parameters:
///   - model: a network that returns scores [N, classes]. Its mode is not changed; use evaluation mode (`eval()`) for a trained network.
///   - layer: a layer of the network, such as the last convolution; if it is called several times, the last call counts.
///   - input: a batch of inputs of the network.
///   - label: the class; by default the class with the highest score of each sample.
///
/// Returns L, [N, h, w], which for pictures is to be enlarged to the input's size. The gradients of parameters do not change. Traps if the
/// layer is not called, if its output does not have four dimensions, or if there is no such class.
public func gradCAM(_ model: Module, layer: Module, input: Tensor, class label: Int? = nil) -> Tensor {
    var seen: Tensor?
    // The graph begins at the layer's output, so that the layers before it and frozen parameters do not matter. The following layers get a
    // copy, which they may change in place.
    let hook = layer.registerForwardHook { _, _, outputs in
        let output = outputs[0].detach().requiresGrad_()
        seen = output
        return [output.clone()] + outputs.dropFirst()
    }
    defer { hook.remove() }
    return enableGrad {
        let scores = model(input)
        guard !scores.isPoisoned, let activation = seen else {
            return scores.isPoisoned ? scores : fail("gradCAM", "\(model.typeName) does not call the layer \(layer.typeName)")
        }
        guard activation.ndim == 4, scores.ndim == 2, label.map({ (0..<scores.size(1)).contains($0) }) ?? true else {
            return fail(
                "gradCAM",
                "the layer's output has shape \(activation.shape), the scores \(scores.shape)\(label.map { ", the class is \($0)" } ?? ""); wanted are [N, K, h, w] and [N, classes]"
            )
        }
        let chosen = label.map { scores.select(1, $0) } ?? scores.amax(dim: 1)
        let slope = grad(of: chosen.sum(), withRespectTo: activation)
        return noGrad { F.relu((slope.mean(dim: [2, 3], keepDim: true) * activation.detach()).sum(dim: 1)) }
    }
}

extension Picture {
    /// The picture in colour under a map of non-negative values [h, w], such as one of ``gradCAM(_:layer:input:class:)``. The map is
    /// enlarged bilinearly to the picture's size and drawn half transparent, from blue (0) over green to red (the largest value). A map of
    /// zeros is drawn blue everywhere.
    public func overlaid(with heat: Tensor) throws -> Picture {
        let map = try checked {
            noGrad {
                let largest = heat.amax()
                let shares = Tensor.where(largest.gt(0), heat / largest, heat * 0)
                return F.interpolate(shares[.newAxis, .newAxis].to(.cpu).to(.float32), size: [height, width], mode: .bilinear)
            }
        }.array(Float.self)
        var blended = converted(toChannels: 3).pixels
        for (i, share) in map.enumerated() {
            // Matplotlib's 'jet', piecewise linear: each channel rises, stays and falls.
            for (c, peak) in [0.75, 0.5, 0.25].enumerated() {
                let colour = 255 * min(max(1.5 - 4 * abs(share - Float(peak)), 0), 1)
                blended[3 * i + c] = UInt8((Float(blended[3 * i + c]) + colour) / 2)
            }
        }
        return Picture(width: width, height: height, channels: 3, pixels: blended)
    }
}
