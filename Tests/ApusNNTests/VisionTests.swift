import ApusCore
import ApusNN
import TestSupport
import Testing

/// Windows, shuffles and interpolation: answers recorded from PyTorch, derivatives, printed forms, errors.
@Suite struct VisionTests {
    @Test func windowsOfPyTorch() {
        let columns = F.unfold(wave([1, 2, 4, 5]), kernelSize: [2, 3], dilation: [2, 1], padding: [1, 0], stride: [2, 1])
        #expect(columns.shape == [1, 12, 6])
        expectClose(
            columns.narrow(1, 0, 3),
            [
                0.0, 0.0, 0.0, 0.9612752, 0.7965655, 0.5240443, 0.0, 0.0, 0.0, 0.7965655, 0.5240443, 0.1805963, 0.0, 0.0, 0.0, 0.5240443,
                0.1805963, -0.1872947,
            ], atol: 1e-7)
        expectClose(
            F.fold(wave([1, 4, 6]), [3, 4], kernelSize: 2),
            [
                0.0, 1.1581809, 1.1983323, 0.1805963, -0.0674322, 0.1813069, 0.218096, 0.0980413, -0.6692399, 0.6412221, 0.9661895,
                0.7924272,
            ], atol: 1e-7)
        expectClose(
            F.pixelShuffle(wave([1, 4, 2, 1]), 2), [0.0, 0.6742879, 0.9958808, 0.7965655, 0.3616154, 0.8956987, 0.9612752, 0.5240443],
            atol: 1e-7)
        expectClose(
            F.channelShuffle(wave([1, 4, 1, 2]), 2), [0.0, 0.3616154, 0.9958808, 0.9612752, 0.6742879, 0.8956987, 0.7965655, 0.5240443],
            atol: 1e-7)
        let x = wave([2, 3, 4, 6])
        expectEqual(F.pixelUnshuffle(F.pixelShuffle(wave([2, 8, 3, 2]), 2), 2), wave([2, 8, 3, 2]))
        // Windows without overlap cover each element once.
        expectEqual(F.fold(F.unfold(x, kernelSize: 2, stride: 2), [4, 6], kernelSize: 2, stride: 2), x)
    }

    @Test func interpolationOfPyTorch() {
        let y = wave([1, 1, 3, 4])
        func check(_ mode: InterpolationMode, _ expected: [Double]) {
            expectClose(F.interpolate(y, size: [4, 6], mode: mode).reshape(24).narrow(0, 0, 12), expected, atol: 1e-6, mode.rawValue)
        }
        check(.nearest, [0.0, 0.0, 0.3616154, 0.6742879, 0.6742879, 0.8956987, 0.0, 0.0, 0.3616154, 0.6742879, 0.6742879, 0.8956987])
        check(
            .nearestExact,
            [0.0, 0.3616154, 0.3616154, 0.6742879, 0.8956987, 0.8956987, 0.9958808, 0.9612752, 0.9612752, 0.7965655, 0.5240443, 0.5240443])
        check(
            .bilinear,
            [0.0, 0.1808077, 0.4137275, 0.6221758, 0.7849933, 0.8956987, 0.6224255, 0.6794142, 0.7387876, 0.7483266, 0.7070631, 0.6634147])
        check(
            .bicubic,
            [
                -0.1053406, 0.0910205, 0.3977649, 0.6001937, 0.8264685, 0.9446723, 0.714015, 0.7964605, 0.8894393, 0.9051072, 0.853384,
                0.7952857,
            ])
        check(
            .area,
            [0.0, 0.1808077, 0.3616154, 0.6742879, 0.7849933, 0.8956987, 0.4979404, 0.5796929, 0.6614453, 0.7354267, 0.7226491, 0.7098715])
        expectClose(
            F.interpolate(y, scaleFactor: [1.7, 0.6], mode: .bilinear, alignCorners: true),
            [0.0, 0.8956987, 0.4979404, 0.7098715, 0.9958808, 0.5240443, 0.5882386, -0.1383112, 0.1805963, -0.8006668], atol: 1e-6)
        expectClose(
            F.interpolate(y, scaleFactor: [1.7, 0.6], mode: .bilinear),
            [0.1205385, 0.6742879, 0.4508177, 0.7210411, 0.9589395, 0.7929691, 0.4666629, 0.055341, 0.057966, -0.5298361], atol: 1e-6)
        expectClose(
            F.interpolate(y, scaleFactor: [1.7, 0.6], mode: .bilinear, recomputeScaleFactor: true),
            [0.1808077, 0.7849933, 0.4999158, 0.7351179, 0.978578, 0.6603049, 0.3894217, -0.1350289, -0.0033492, -0.6652515], atol: 1e-6)
        expectClose(
            F.interpolate(y, size: [2, 3], mode: .bicubic, alignCorners: true),
            [0.0, 0.5310959, 0.8956987, 0.1805963, -0.3676648, -0.8006668], atol: 1e-6)
        expectClose(
            F.interpolate(y, size: [2, 3], mode: .bilinear, antialias: true),
            [0.4373651, 0.6533149, 0.7454724, 0.4134553, 0.1054918, -0.2224607], atol: 1e-6)
        expectClose(
            F.interpolate(y, size: [2, 3], mode: .bicubic, antialias: true),
            [0.4308651, 0.7005322, 0.8155595, 0.4569481, 0.0897879, -0.2971927], atol: 1e-6)
        expectClose(
            F.interpolate(wave([1, 1, 4]), size: 7, mode: .linear), [0.0, 0.1291484, 0.3357858, 0.5179517, 0.690103, 0.8166234, 0.8956987],
            atol: 1e-6)
        expectClose(
            F.interpolate(wave([1, 1, 2, 2, 2]), size: [3, 2, 3], mode: .trilinear).reshape(18).narrow(0, 0, 9),
            [
                0.0, 0.1808077, 0.3616154, 0.6742879, 0.7849933, 0.8956987, 0.4979404, 0.5796929, 0.6614453,
            ], atol: 1e-6)
    }

    @Test func derivatives() {
        checkGradients([wave([1, 2, 3, 4])], "unfold") { F.unfold($0[0], kernelSize: 2, padding: 1) }
        checkGradients([wave([1, 4, 6])], "fold") { F.fold($0[0], [3, 4], kernelSize: 2) }
        checkGradients([wave([1, 1, 3, 4])], "bicubic") { F.interpolate($0[0], size: [4, 3], mode: .bicubic) }
        checkGradients([wave([1, 1, 3, 4])], "antialias") { F.interpolate($0[0], size: [2, 3], mode: .bilinear, antialias: true) }
    }

    @Test func layersPrintAsPyTorchDoes() {
        #expect("\(Upsample(scaleFactor: 2))" == "Upsample(scale_factor=2.0, mode='nearest')")
        #expect("\(Upsample(scaleFactor: [2, 3.5]))" == "Upsample(scale_factor=(2.0, 3.5), mode='nearest')")
        #expect("\(Upsample(size: [2, 3], mode: .bilinear, alignCorners: true))" == "Upsample(size=(2, 3), mode='bilinear')")
        #expect("\(UpsamplingBilinear2d(size: 3))" == "UpsamplingBilinear2d(size=3, mode='bilinear')")
        #expect("\(UpsamplingNearest2d(scaleFactor: 2))" == "UpsamplingNearest2d(scale_factor=2.0, mode='nearest')")
        #expect("\(Fold([4, 5], kernelSize: [2, 2]))" == "Fold(output_size=(4, 5), kernel_size=(2, 2), dilation=1, padding=0, stride=1)")
        #expect("\(Unfold(kernelSize: 3, padding: 1))" == "Unfold(kernel_size=3, dilation=1, padding=1, stride=1)")
        #expect("\(PixelShuffle(3))" == "PixelShuffle(upscale_factor=3)")
        #expect("\(PixelUnshuffle(2))" == "PixelUnshuffle(downscale_factor=2)")
        #expect("\(ChannelShuffle(2))" == "ChannelShuffle(groups=2)")
        #expect(Upsample(scaleFactor: 2)(Tensor.ones([1, 1, 2, 3])).shape == [1, 1, 4, 6])
    }

    @Test func badArgumentsAreNamed() {
        let x = Tensor.ones([1, 3, 4, 6])
        #expect(message { F.unfold(x, kernelSize: 5) }.contains("do not fit into [4, 6]"))
        #expect(message { F.fold(Tensor.ones([1, 4, 5]), [3, 4], kernelSize: 2) }.contains("has 5 windows, outputSize [3, 4] has 2 by 3"))
        #expect(message { F.pixelShuffle(x, 2) }.contains("channels that 2² divides"))
        #expect(message { F.channelShuffle(x, 2) }.contains("groups (2)"))
        #expect(message { F.interpolate(x, size: 2, scaleFactor: [2]) }.contains("one of size and scaleFactor"))
        #expect(message { F.interpolate(x, size: 2, mode: .trilinear) }.contains("mode trilinear is for inputs with 5 dimensions"))
        #expect(message { F.interpolate(x, size: 2, alignCorners: true) }.contains("alignCorners has no meaning"))
        #expect(message { F.interpolate(x, size: 0) }.contains("extents must lie in"))
    }
}
