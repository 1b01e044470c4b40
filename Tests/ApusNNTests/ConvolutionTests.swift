import ApusCore
import ApusNN
import TestSupport
import Testing

/// Convolutions: answers recorded from PyTorch, first and second derivatives against finite differences, printed forms, errors.
@Suite struct ConvolutionTests {
    @Test func answersOfPyTorch() {
        let strided = F.conv2d(
            wave([1, 2, 5, 4]), wave([4, 1, 3, 2]) * 1.5, wave([4]), stride: [2, 1], padding: 1, dilation: [1, 2], groups: 2)
        #expect(strided.shape == [1, 4, 3, 4])
        expectClose(
            strided.narrow(1, 0, 2),
            [
                1.8719227, 3.5421841, 3.7607632, 1.8719227, -1.1652705, -2.8229895, -3.4326122, -1.8693492, -0.5306853, -0.3491349,
                0.5565598, 0.372167,
                -0.8944692, -1.5759761, -1.1854192, -0.0887975, 2.3651438, 4.2129934, 3.6910592, 1.8792961, -0.4226238, -1.690472,
                -1.5426113, -0.6052846,
            ], atol: 1e-7)
        // With an even kernel the padding is asymmetric.
        expectClose(
            F.conv1d(wave([1, 1, 5]), wave([1, 1, 4]), padding: .same), [0.8477917, 1.387706, 1.7398009, 0.9954089, 0.3601259], atol: 1e-7)
        let transposed = F.convTranspose2d(
            wave([1, 2, 2, 3]), wave([2, 1, 3, 2]), wave([2]), stride: 2, padding: 1, outputPadding: 1, groups: 2)
        #expect(transposed.shape == [1, 2, 4, 5])
        expectClose(
            transposed.select(1, 0),
            [
                0.0, 0.2438329, 0.3238985, 0.4546642, 0.6039588, 0.3238985, 0.3601259, 0.7077378, 0.6715104, 0.9957882,
                0.8022761, 0.6715104, 0.8920092, 0.6481762, 0.8610129, 0.8610129, 0.9917787, 0.9573156, 0.9573156, 0.92405,
            ], atol: 1e-7)
        // Output padding above the stride, which dilation allows: those positions lie under no kernel.
        expectClose(
            F.convTranspose1d(wave([1, 1, 3]), wave([1, 1, 2]), stride: 1, outputPadding: 2, dilation: 3),
            [0, 0, 0, 0, 0.1307657, 0.2438329, 0, 0], atol: 1e-7)
    }

    @Test func unbatchedInputsAndEmptyBatches() {
        let (x, w) = (wave([2, 6]), wave([3, 2, 2]))
        expectClose(F.conv1d(x, w), F.conv1d(x.unsqueeze(0), w).squeeze(0))
        #expect(F.conv1d(Tensor.zeros([0, 2, 6], dtype: .float64), w).shape == [0, 3, 5])
        #expect(F.convTranspose1d(Tensor.zeros([0, 3, 6], dtype: .float64), w).shape == [0, 2, 7])
    }

    @Test func derivatives() {
        checkGradients([wave([2, 2, 5]), wave([4, 1, 3]), wave([4])], "grouped") {
            F.conv1d($0[0], $0[1], $0[2], stride: 2, padding: 1, groups: 2)
        }
        checkGradients([wave([1, 2, 4, 3]), wave([2, 2, 2, 2])], "dilated") { F.conv2d($0[0], $0[1], padding: [2, 1], dilation: [2, 1]) }
        checkGradients([wave([1, 1, 2, 3, 2]), wave([1, 1, 2, 2, 1])], "volumes") { F.conv3d($0[0], $0[1]) }
        checkGradients([wave([1, 2, 3]), wave([2, 1, 3]), wave([2])], "transposed") {
            F.convTranspose1d($0[0], $0[1], $0[2], stride: 3, padding: 1, outputPadding: 1, groups: 2)
        }
        checkGradients([wave([1, 1, 3]), wave([1, 1, 2])], "transposed, padded beyond the stride") {
            F.convTranspose1d($0[0], $0[1], stride: 1, outputPadding: 2, dilation: 3)
        }
    }

    @Test func layersPrintAsPyTorchDoes() {
        #expect("\(Conv2d(4, 5, kernelSize: 3))" == "Conv2d(4, 5, kernel_size=(3, 3), stride=(1, 1))")
        #expect(
            "\(Conv1d(4, 6, kernelSize: 3, stride: 2, padding: 1, dilation: 2, groups: 2, bias: false, paddingMode: .reflect))"
                == "Conv1d(4, 6, kernel_size=(3,), stride=(2,), padding=(1,), dilation=(2,), groups=2, bias=False, padding_mode=reflect)")
        #expect("\(Conv2d(1, 1, kernelSize: [3, 5], padding: .same))" == "Conv2d(1, 1, kernel_size=(3, 5), stride=(1, 1), padding=same)")
        #expect(
            "\(ConvTranspose2d(4, 5, kernelSize: 3, stride: 2, padding: [1, 0], outputPadding: 1))"
                == "ConvTranspose2d(4, 5, kernel_size=(3, 3), stride=(2, 2), padding=(1, 0), output_padding=(1, 1))")
        let lazy = LazyConv1d(5, kernelSize: 3)
        #expect("\(lazy)" == "LazyConv1d(0, 5, kernel_size=(3,), stride=(1,))")
        #expect(lazy(Tensor.ones([2, 4, 8])).shape == [2, 5, 6])
        #expect("\(lazy)" == "Conv1d(4, 5, kernel_size=(3,), stride=(1,))")
        #expect(lazy.weight.shape == [5, 4, 3])
    }

    @Test func layersComputeWhatFunctionsDo() {
        withGenerator(Generator(seed: 1)) {
            let x = Tensor.randn([2, 4, 7, 6])
            let same = Conv2d(4, 6, kernelSize: [3, 4], padding: .same, groups: 2)
            #expect(same(x).shape == [2, 6, 7, 6])
            expectEqual(same(x), F.conv2d(x, same.weight, same.bias, padding: .same, groups: 2))
            let circular = Conv2d(4, 3, kernelSize: 3, padding: [1, 2], paddingMode: .circular)
            expectEqual(circular(x), F.conv2d(F.pad(x, [2, 2, 1, 1], mode: .circular), circular.weight, circular.bias))
            let transposed = ConvTranspose2d(4, 3, kernelSize: 3, stride: 2, padding: 1)
            #expect(transposed(x).shape == [2, 3, 13, 11])
            #expect(transposed(x, outputSize: [14, 12]).shape == [2, 3, 14, 12])
            // Uniform in ±1/√(fan in).
            let bound = 1 / Double(2 * 3 * 4).squareRoot()
            #expect(same.weight.abs().max().item() <= bound && same.weight.abs().max().item() > 0.9 * bound)
        }
    }

    @Test func badArgumentsAreNamed() {
        let x = Tensor.ones([2, 3, 8, 8])
        #expect(message { F.conv2d(x, Tensor.ones([4, 2, 3, 3])) }.contains("input of shape [2, 3, 8, 8] has 3 channels"))
        #expect(message { F.conv2d(x, Tensor.ones([4, 3, 9, 3])) }.contains("9 > 8"))
        #expect(message { F.conv2d(Tensor.ones([2, 2, 3, 8, 8]), Tensor.ones([4, 3, 3, 3])) }.contains("4 (a batch of these)"))
        #expect(message { F.conv2d(x, Tensor.ones([4, 3, 3, 3]), stride: 0) }.contains("stride [0, 0]"))
        #expect(message { F.conv2d(x, Tensor.ones([4, 3, 3, 3]), stride: 2, padding: .same) }.contains("padding same needs stride 1"))
        #expect(message { F.conv2d(x, Tensor.ones([4, 3, 3, 3]), Tensor.ones([5])) }.contains("bias of shape [5]"))
        #expect(message { F.conv2d(x, Tensor.ones([4, 3, 3, 3], dtype: .float64)) }.contains("the weight float64"))
        #expect(message { F.conv2d(x, Tensor.ones([4, 3, 3, 3]), padding: 1 << 40) }.contains("padding"))
        #expect(message { F.convTranspose2d(x, Tensor.ones([3, 4, 3, 3]), outputPadding: 1) }.contains("outputPadding [1, 1]"))
        #expect(message { Conv2d(3, 4, kernelSize: 3, groups: 2)(x) }.contains("outChannels") == false)
        #expect(
            message { Conv2d(3, 4, kernelSize: 3, groups: 2)(x) }.contains(
                "inChannels must be positive and divisible by groups (2), it is 3"))
        #expect(message { Conv2d(3, 4, kernelSize: [3, 3, 3])(x) }.contains("kernelSize [3, 3, 3] has 3 numbers"))
    }
}
