import ApusCore
import ApusNN
import TestSupport
import Testing

/// The mean of any number of equal values is that value within 2 units in the last place of the type: in every pool, `interpolate`,
/// embedding bags and the statistics of normalisation, on every device.
@Suite struct LongSumBackendTests {
    static let lengths = [1, 2, 3, 7, 30, 64, 1000, 1025, 1 << 14, 1 << 20]

    /// The longest windows that are practical on a device: the reference is slow.
    private func lengths(_ device: Device) -> [Int] { Self.lengths.filter { device == .reference ? $0 <= 1 << 12 : true } }

    /// Every float type, but only two on devices that compile kernels for each.
    private func dtypes(_ device: Device) -> [DType] { device.sharesHostMemory ? DType.floats : [.float32, .float16] }

    /// Expects all elements to be `value` within 2 units of their type.
    private func expectConstant(_ found: Tensor, _ value: Double, ulps: Double = 2, _ what: String) {
        let wanted = values(Tensor([value], dtype: .float64).to(found.dtype))[0]
        let unit = found.dtype.epsilon * wanted.magnitude
        for number in values(found) where !((number - wanted).magnitude <= ulps * unit) {
            Issue.record(
                "\(what) of \(found.dtype) on \(found.device): \(number), expected \(wanted) (\((number - wanted).magnitude / unit) units)")
            return
        }
    }

    /// Plain float64 sums consist of partial sums of 1024 elements, which are kept in float64.
    private func sums(_ dtype: DType) -> Double { dtype == .float64 ? 32 : 2 }

    /// [1, 1, …] with `count` elements and `spatial` dimensions.
    private func picture(_ count: Int, _ spatial: Int, _ dtype: DType, _ device: Device) -> Tensor {
        var (extents, left) = ([Int](repeating: 1, count: spatial), count)
        for d in extents.indices {
            while extents[d] * extents[d] < count && left % 2 == 0 && d + 1 < spatial {
                extents[d] *= 2
                left /= 2
            }
        }
        extents[spatial - 1] = left
        return Tensor.full(Shape([1, 1] + extents), 100.1, dtype: dtype, device: device)
    }

    @Test(arguments: Device.testedAndReference) func pools(_ device: Device) {
        for dtype in dtypes(device) {
            for count in lengths(device) where count < 1 << 20 || dtype == .float32 || dtype == .float64 && device == .cpu {
                let what = "the mean of \(count)"
                let line = picture(count, 1, dtype, device), plane = picture(count, 2, dtype, device),
                    volume = picture(count, 3, dtype, device)
                expectConstant(F.avgPool1d(line, kernelSize: count), 100.1, what)
                expectConstant(F.avgPool2d(plane, kernelSize: Array(plane.shape.dropFirst(2))), 100.1, what)
                expectConstant(F.avgPool3d(volume, kernelSize: Array(volume.shape.dropFirst(2))), 100.1, what)
                expectConstant(F.adaptiveAvgPool1d(line, 1), 100.1, "adaptive, \(what)")
                expectConstant(F.adaptiveAvgPool2d(plane, 1), 100.1, "adaptive, \(what)")
                expectConstant(F.adaptiveAvgPool3d(volume, 1), 100.1, "adaptive, \(what)")
                expectConstant(F.interpolate(plane, size: 1, mode: .area), 100.1, "area, \(what)")
                expectConstant(line.mean(), 100.1, ulps: sums(dtype), "mean, \(what)")
                // (n·100.1²)^½ / √n; the power and the root are rounded too.
                let norm = F.lpPool1d(line, 2, kernelSize: count)
                expectConstant(
                    norm.to(.float64) / Double(count).squareRoot(), values(line)[0], ulps: 6 * dtype.epsilon / DType.float64.epsilon,
                    "lpPool, \(what)")
            }
        }
    }

    /// With momentum 1 the running statistics equal the batch's.
    @Test(arguments: Device.testedAndReference) func statistics(_ device: Device) {
        for dtype in dtypes(device) {
            for count in lengths(device) where count > 1 && (count < 1 << 20 || dtype == .float32) {
                for shape in [[count, 1, 1], [1, 1, count], [2, 1, count / 2]] where shape.reduce(1, *) > 1 {
                    let x = Tensor.full(Shape(shape), 100.1, dtype: dtype, device: device)
                    let (mean, variance) = (Tensor.zeros([1], device: device), Tensor.ones([1], device: device))
                    let y = F.batchNorm(x, mean, variance, training: true, momentum: 1)
                    expectConstant(mean, values(Tensor([100.1]).to(dtype))[0], "running mean of \(dtype) \(shape)")
                    expectConstant(variance + 1, 1, "running variance of \(shape)")
                    expectConstant(y + 1, 1, "batchNorm of \(shape)")
                }
                let row = Tensor.full([1, count], 100.1, dtype: dtype, device: device)
                expectConstant(F.layerNorm(row, [count]) + 1, 1, "layerNorm of \(count)")
                expectConstant(F.rmsNorm(row, [count], eps: 0), 1, ulps: 2 * sums(dtype), "rmsNorm of \(count)")
            }
        }
    }

    @Test(arguments: Device.testedAndReference) func bags(_ device: Device) {
        for dtype in dtypes(device) {
            for count in [1, 3, 1000, 1 << 13] {
                let rows = Tensor.full([3, 2], 100.1, dtype: dtype, device: device)
                let bag = Tensor.zeros([1, count], dtype: .int64, device: device)
                expectConstant(F.embeddingBag(bag, rows), 100.1, "the mean of a bag of \(count)")
            }
        }
    }

    /// Gradients summed over overlapping windows, or over the outputs that one element contributes to.
    @Test(arguments: Device.testedAndReference) func gradients(_ device: Device) {
        let few = device == .reference
        for dtype in dtypes(device) {
            for width in [2, 3, 100, few ? 200 : 1024] {
                let x = Tensor.zeros([1, 1, 3 * width], dtype: dtype, device: device).requiresGrad_()
                F.avgPool1d(x, kernelSize: width, stride: 1).backward(
                    gradient: Tensor.full([1, 1, 2 * width + 1], 100.1, dtype: dtype, device: device))
                expectConstant(x.grad![0, 0].narrow(0, width, width), 100.1, "the gradient of avgPool1d by \(width)")
            }
            // What adds up is a number of the type whatever the count.
            for count in [2, 512, few ? 1024 : 1 << 16] {
                let share = dtype == .float16 ? 1.0 / 512 : 100.1
                let each = Tensor.full([1, 1, count], share, dtype: dtype, device: device), total = values(each)[0] * Double(count)
                let x = Tensor.zeros([1, 1, 1], dtype: dtype, device: device).requiresGrad_()
                F.interpolate(x, size: count, mode: .linear).backward(gradient: each)
                expectConstant(x.grad!, total, "the gradient of interpolate to \(count)")
                let table = Tensor.zeros([1, 1], dtype: dtype, device: device).requiresGrad_()
                F.embedding(Tensor.zeros([count], dtype: .int64, device: device), table).backward(gradient: each.reshape([count, 1]))
                expectConstant(table.grad!, total, "the gradient of embedding, \(count) times")
                let image = Tensor.zeros([1, 1, 1, 1], dtype: dtype, device: device).requiresGrad_()
                F.gridSample(image, Tensor.zeros([1, 1, count, 2], dtype: dtype, device: device), mode: .nearest).backward(
                    gradient: each.unsqueeze(0))
                // float64 is scattered element by element.
                expectConstant(
                    image.grad!, total, ulps: dtype == .float64 ? 2 + Double(count) / 8 : 2, "the gradient of gridSample, \(count) places")
                let bias = Tensor.zeros([1], dtype: dtype, device: device).requiresGrad_()
                F.conv1d(
                    Tensor.zeros([1, 1, count], dtype: dtype, device: device), Tensor.ones([1, 1, 1], dtype: dtype, device: device), bias
                ).backward(gradient: each)
                expectConstant(bias.grad!, total, ulps: sums(dtype), "the gradient of a convolution's bias over \(count)")
            }
        }
    }

    /// The gradient of a normalisation's weight is a sum over all rows.
    @Test(arguments: Device.testedAndReference) func parametersOfManyRows(_ device: Device) {
        let rows = device == .reference ? 1 << 8 : 1 << 15
        // Each normalised row is −1, 1, so that the gradients are ∓ Σ g and Σ g.
        let x = Tensor([[-1.0, 1.0]], dtype: .float32).to(device).expand(rows, 2)
        let (weight, bias) = (Tensor.ones([2], device: device).requiresGrad_(), Tensor.zeros([2], device: device).requiresGrad_())
        F.layerNorm(x, [2], weight: weight, bias: bias, eps: 1e-12).backward(gradient: Tensor.full([rows, 2], 100.1, device: device))
        expectConstant(bias.grad!, values(Tensor([100.1]))[0] * Double(rows), "the gradient of a bias over \(rows) rows")
        expectConstant(weight.grad!.abs(), values(Tensor([100.1]))[0] * Double(rows), ulps: 3, "the gradient of a weight over \(rows) rows")
    }
}
