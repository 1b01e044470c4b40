import ApusCore
import ApusNN
import TestSupport
import Testing

/// Padding: answers recorded from PyTorch, derivatives, printed forms, errors.
@Suite struct PaddingTests {
    @Test func answersOfPyTorch() {
        let x = wave([1, 2, 3])
        expectClose(F.pad(x, [2, 1], mode: .circular).select(1, 0), [0.3616154, 0.6742879, 0.0, 0.3616154, 0.6742879, 0.0], atol: 1e-7)
        expectClose(
            F.pad(x, [2, 1], mode: .reflect).select(1, 0), [0.6742879, 0.3616154, 0.0, 0.3616154, 0.6742879, 0.3616154], atol: 1e-7)
        expectClose(F.pad(x, [2, 1], mode: .replicate).select(1, 0), [0.0, 0.0, 0.0, 0.3616154, 0.6742879, 0.6742879], atol: 1e-7)
        expectClose(F.pad(x, [-1, 1], value: 7).select(1, 0), [0.3616154, 0.6742879, 7], atol: 1e-7)
    }

    @Test func derivatives() {
        for mode in PadMode.allCases {
            checkGradients([wave([1, 1, 3, 4])], mode.rawValue) { F.pad($0[0], [1, 2, 2, 1], mode: mode) }
        }
    }

    @Test func layers() {
        let x = wave([1, 2, 3, 4])
        expectEqual(ReflectionPad2d(1)(x), F.pad(x, [1, 1, 1, 1], mode: .reflect))
        expectEqual(CircularPad2d([2, 3, 2, 2])(x), F.pad(x, [2, 3, 2, 2], mode: .circular))
        expectEqual(ConstantPad1d(1, 3.5)(x), F.pad(x, [1, 1], value: 3.5))
        #expect("\(ConstantPad2d(1, 3))" == "ConstantPad2d(padding=(1, 1, 1, 1), value=3)")
        #expect("\(ConstantPad1d([1, 2], 0.5))" == "ConstantPad1d(padding=(1, 2), value=0.5)")
        #expect("\(ZeroPad3d(1))" == "ZeroPad3d((1, 1, 1, 1, 1, 1))")
        #expect("\(ReplicationPad1d([3, 1]))" == "ReplicationPad1d((3, 1))")
    }

    @Test func badArgumentsAreNamed() {
        #expect(message { ReflectionPad1d(3)(wave([1, 2, 3])) }.contains("must be smaller than the extent 3"))
        #expect(message { CircularPad1d(4)(wave([1, 2, 3])) }.contains("wraps more than once"))
        #expect(message { ReflectionPad1d(1)(wave([1, 1, 2, 3])) }.contains("expects an input with 2 or 3 dimensions"))
        #expect(message { CircularPad2d(1)(wave([2, 3])) }.contains("expects an input with 3 or 4 dimensions"))
        #expect(message { ZeroPad2d([1, 2, 3])(wave([1, 1, 2, 3])) }.contains("padding [1, 2, 3] has 3 numbers"))
        #expect(message { ZeroPad1d(-2)(wave([1, 1, 3])) }.contains("leaves less than nothing"))
    }
}
