import ApusCore
import ApusNN
import TestSupport
import Testing

/// Pools: answers recorded from PyTorch, derivatives, printed forms, errors.
@Suite struct PoolingTests {
    @Test func answersOfPyTorch() {
        let x = wave([1, 1, 5, 5])
        let (values, indices) = F.maxPool2dWithIndices(x, kernelSize: 3, stride: 2, padding: 1, ceilMode: true)
        expectClose(
            values, [0.9612752, 0.8956987, 0.9958808, 0.9612752, 0.7965655, 0.6793047, 0.9964756, 0.9964756, 0.7924272], atol: 1e-7)
        #expect(indices.array(Int.self) == [5, 3, 4, 5, 6, 19, 21, 21, 23])
        expectClose(
            F.avgPool2d(x, kernelSize: 3, stride: 2, padding: 1, ceilMode: true),
            [0.2354951, 0.3814231, 0.2094312, -0.0663506, -0.13759, -0.0941467, 0.0967434, 0.3075332, 0.2619912], atol: 1e-7)
        expectClose(
            F.avgPool2d(x, kernelSize: 3, stride: 2, padding: 1, ceilMode: true, countIncludePad: false),
            [0.529864, 0.5721347, 0.4712203, -0.0995259, -0.13759, -0.1412201, 0.2176726, 0.4612999, 0.5894801], atol: 1e-7)
        expectClose(
            F.adaptiveAvgPool2d(wave([1, 1, 5, 4]), [3, 2]), [0.5796929, 0.7226491, -0.0013189, -0.2619634, -0.5767024, -0.1286556],
            atol: 1e-7)
        expectClose(F.lpPool1d(wave([1, 1, 6]).abs(), 3, kernelSize: 2), [0.3616154, 1.0083213, 1.2333164], atol: 1e-7)
        #expect(F.adaptiveAvgPool2d(Tensor.ones([2, 3, 5, 4]), [2, nil]).shape == [2, 3, 2, 4])
    }

    @Test func derivatives() {
        checkGradients([wave([1, 2, 5, 4])], "max") { F.maxPool2d($0[0], kernelSize: [2, 3], stride: 1, padding: 1) }
        checkGradients([wave([1, 2, 5])], "adaptive max") { F.adaptiveMaxPool1d($0[0], 3) }
        checkGradients([wave([1, 2, 5, 4])], "average") { F.avgPool2d($0[0], kernelSize: 2, stride: 1, padding: 1, countIncludePad: false) }
        checkGradients([wave([2, 4, 3, 2])], "adaptive average") { F.adaptiveAvgPool3d($0[0], [2, 3, 1]) }
        checkGradients([wave([1, 2, 6]).abs() + 0.5], "power") { F.lpPool1d($0[0], 3, kernelSize: 2) }
        let (_, indices) = F.maxPool1dWithIndices(wave([1, 2, 6]), kernelSize: 2)
        checkGradients([wave([1, 2, 3]), indices], "unpool") { F.maxUnpool1d($0[0], $0[1], kernelSize: 2) }
    }

    @Test func unpoolingPutsMaximaBack() {
        let x = wave([1, 1, 4, 6])
        let pool = MaxPool2d(kernelSize: 2, returnIndices: true)
        let (values, indices) = pool.withIndices(x)
        let back = MaxUnpool2d(kernelSize: 2)(values, indices)
        expectEqual(F.maxPool2d(back.maskedFill(back.eq(0), -9), kernelSize: 2), values)
        #expect(back.ne(0).sum().item() == 6)
        #expect(MaxUnpool2d(kernelSize: 2)(values, indices, outputSize: [5, 7]).shape == [1, 1, 5, 7])
    }

    @Test func layersPrintAsPyTorchDoes() {
        #expect("\(MaxPool2d(kernelSize: 2))" == "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)")
        #expect(
            "\(MaxPool2d(kernelSize: [3, 3], stride: [2, 2], padding: [1, 1]))"
                == "MaxPool2d(kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), dilation=1, ceil_mode=False)")
        #expect("\(AvgPool1d(kernelSize: 2))" == "AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))")
        #expect("\(AvgPool2d(kernelSize: [2, 2]))" == "AvgPool2d(kernel_size=(2, 2), stride=(2, 2), padding=0)")
        #expect("\(AdaptiveAvgPool2d(3))" == "AdaptiveAvgPool2d(output_size=3)")
        #expect("\(AdaptiveAvgPool2d([3, nil]))" == "AdaptiveAvgPool2d(output_size=(3, None))")
        #expect("\(LPPool2d(1.5, kernelSize: 2))" == "LPPool2d(norm_type=1.5, kernel_size=2, stride=None, ceil_mode=False)")
        #expect("\(LPPool1d(2, kernelSize: 2, stride: 3))" == "LPPool1d(norm_type=2, kernel_size=2, stride=3, ceil_mode=False)")
        #expect("\(MaxUnpool2d(kernelSize: 2))" == "MaxUnpool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))")
    }

    @Test func badArgumentsAreNamed() {
        let x = Tensor.ones([2, 3, 8, 8])
        #expect(message { F.maxPool2d(x.unsqueeze(0), kernelSize: 2) }.contains("input of shape [1, 2, 3, 8, 8] has 5 dimensions"))
        #expect(message { F.maxPool2d(x, kernelSize: 2, padding: 2) }.contains("padding [2, 2] may be at most half"))
        #expect(message { F.maxPool2d(x, kernelSize: 9) }.contains("larger than the input's extents [8, 8]"))
        #expect(message { F.avgPool2d(x, kernelSize: 2, divisorOverride: 0) }.contains("divisorOverride"))
        #expect(message { F.avgPool2d(x, kernelSize: 2, stride: 0) }.contains("stride [0, 0]"))
        #expect(message { F.adaptiveAvgPool2d(x, [2, 2, 2]) }.contains("outputSize (2, 2, 2)"))
        #expect(message { F.maxUnpool2d(x, Tensor.full([2, 3, 8, 8], 256), kernelSize: 2) }.contains("256"))
        #expect(
            message { F.maxUnpool2d(x, Tensor.zeros([2, 3, 8, 8], dtype: .int64), kernelSize: 2, outputSize: [20, 20]) }.contains(
                "outputSize [20, 20]"))
    }
}
