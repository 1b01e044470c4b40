import ApusCore
import ApusFormats
import ApusNN

/// Where in its input a network sees a class (Selvaraju et al., 2017, https://arxiv.org/abs/1610.02391), by the output A of `layer`
/// ([N, K, h, w]) and the score y of the class:
///
/// ```
/// Lᵢⱼ = max(Σₖ αₖ·Aₖᵢⱼ, 0), where αₖ = Σᵢⱼ ∂y/∂Aₖᵢⱼ / (h·w)
/// ```
/// - Parameters:
///   - model: gives scores [N, classes]. It stays in its mode; what a trained network sees, it tells in evaluation mode (`eval()`).
///   - layer: one of its layers, such as the last convolution; where it is called several times, the last call counts.
///   - input: a batch, as the network takes it.
///   - label: the class; by default for each sample the one with the highest score.
///
/// Returns L, [N, h, w], for pictures to be enlarged to the input's size. Gradients of parameters stay as they are. Traps where the layer is not called,
/// its output has not four dimensions, or the class is none.
public func gradCAM(_ model: Module, layer: Module, input: Tensor, class label: Int? = nil) -> Tensor {
    var seen: Tensor?
    // The graph begins at the layer's output, so that neither the layers before it nor frozen parameters matter. What goes on is a copy, which layers
    // may change in place.
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
    /// The picture in colour under a map of heat ([h, w], none negative), such as one of ``gradCAM(_:layer:input:class:)``: enlarged bilinearly to the
    /// picture's size, from blue (0) over green to red (the largest), half transparent. A map of zeros leaves the picture's colours, darkened by blue.
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
            // Matplotlib's 'jet', in straight lines: each colour rises, stays and falls.
            for (c, peak) in [0.75, 0.5, 0.25].enumerated() {
                let colour = 255 * min(max(1.5 - 4 * abs(share - Float(peak)), 0), 1)
                blended[3 * i + c] = UInt8((Float(blended[3 * i + c]) + colour) / 2)
            }
        }
        return Picture(width: width, height: height, channels: 3, pixels: blended)
    }
}
