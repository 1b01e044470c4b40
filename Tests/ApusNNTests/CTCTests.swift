import ApusCore
import ApusNN
import Foundation
import TestSupport
import Testing

/// The CTC loss against its definition.
@Suite struct CTCTests {
    /// Minus the logarithm of the sum over all labellings of the frames that spell the target, as a plain loop.
    private static func byDefinition(_ logProbs: [[Double]], _ target: [Int], blank: Int) -> Double {
        let classes = logProbs.first?.count ?? 1
        var total = 0.0
        for way in 0..<Int(pow(Double(classes), Double(logProbs.count))) {
            var (rest, last, spelt, logarithm): (Int, Int?, [Int], Double) = (way, nil, [], 0)
            for frame in logProbs {
                let symbol = rest % classes
                rest /= classes
                logarithm += frame[symbol]
                if symbol != last && symbol != blank { spelt.append(symbol) }
                last = symbol
            }
            if spelt == target { total += exp(logarithm) }
        }
        return -log(total)
    }

    private static func scores(_ shape: Shape, seed: UInt64 = 1) -> Tensor {
        withGenerator(Generator(seed: seed)) { Tensor.randn(shape, dtype: .float64) }
    }

    /// Targets that repeat a symbol, are empty, fill all frames, or do not fit; shorter sequences, and sequences without frames.
    private static let targets: [(symbols: [Int], frames: Int)] = [
        ([1], 5), ([1, 1], 5), ([1, 2, 1], 5), ([2, 2, 1], 4), ([1, 2], 2), ([1, 1], 2), ([], 3), ([], 0), ([2], 0), ([1, 2, 1, 2, 1], 5),
        ([2], 1), ([1], 3),
    ]

    @Test(arguments: [0, 2]) func lossesAreTheDefinition(blank: Int) {
        let targets = Self.targets.map { $0.symbols.map { $0 == blank ? 0 : $0 } }
        let lengths = Self.targets.map(\.frames)
        let x = Self.scores([5, targets.count, 3]).logSoftmax(dim: 2)
        let losses = F.ctcLoss(
            x, Tensor(targets.flatMap { $0 }), inputLengths: lengths, targetLengths: targets.map(\.count), blank: blank, reduction: .none)
        for (n, target) in targets.enumerated() {
            let frames = (0..<lengths[n]).map { values(x.select(0, $0).select(0, n)) }
            let (loss, wanted) = (values(losses)[n], Self.byDefinition(frames, target, blank: blank))
            #expect(
                loss == wanted || abs(loss - wanted) < 1e-12 * max(abs(wanted), 1),
                "\(target) in \(frames.count) frames: \(loss), not \(wanted)")
        }
    }

    /// Through `logSoftmax` the gradient is that of the loss itself: first and second derivatives, all lengths in one batch.
    @Test func derivatives() {
        let fitting = Self.targets.filter { $0.frames > 0 && $0.symbols != [1, 1] || $0.frames == 5 }
        checkGradients([Self.scores([5, fitting.count, 3])], "ctcLoss") {
            F.ctcLoss(
                $0[0].logSoftmax(dim: 2), Tensor(fitting.flatMap(\.symbols)), inputLengths: fitting.map(\.frames),
                targetLengths: fitting.map(\.symbols.count), reduction: .none)
        }
    }

    /// Nothing overflows over many frames: the gradient sums to zero over the classes of each frame.
    @Test(arguments: [DType.float32, .float64]) func longSequences(_ dtype: DType) {
        func gradients(_ frames: Int) -> [Tensor] {
            let x = Self.scores([frames, 2, 6]).to(dtype).requiresGrad_()
            let targets = Tensor((0..<120).map { 1 + $0 % 5 }).reshape(2, 60)
            let loss = F.ctcLoss(x.logSoftmax(dim: 2), targets, inputLengths: [frames, 130], targetLengths: [60, 60], reduction: .sum)
            let first = grad(of: [loss], withRespectTo: [x], createGraph: true)[0]!
            return [loss, first, grad(of: [(first * Self.scores(first.shape, seed: 2).to(dtype)).sum()], withRespectTo: [x])[0]!]
        }
        for frames in [130, 900] {
            let found = gradients(frames).map { $0.detach().to(.float64) }
            #expect(found[0].item() > 0 && found[0].item().isFinite)
            for gradient in found.dropFirst() {
                #expect(values(gradient).allSatisfy { $0.isFinite } && gradient.abs().max().item() > 1e-3, "\(frames) frames")
                #expect(gradient.sum(dim: 2).abs().max().item() < (dtype == .float64 ? 1e-9 : 1e-3), "\(frames) frames of \(dtype)")
            }
        }
    }

    /// Losses and gradients on every device equal those in float64 on the CPU.
    @Test(arguments: Device.tested) func devices(_ device: Device) {
        func run(_ device: Device, _ dtype: DType) -> [Tensor] {
            let x = Self.scores([7, 3, 4]).to(dtype).to(device).requiresGrad_()
            let loss = F.ctcLoss(
                x.logSoftmax(dim: 2), Tensor([1, 2, 2, 3, 1]).to(device), inputLengths: [7, 4, 2], targetLengths: [3, 2, 0])
            loss.backward()
            return [loss.detach(), x.grad!].map { $0.to(.cpu).to(.float64) }
        }
        for dtype in [DType.float32, .float16] {
            let (rtol, atol) = dtype == .float32 ? (1e-5, 1e-6) : (0.01, 2e-3)
            for (a, b) in zip(run(device, dtype), run(.cpu, .float64)) { expectClose(a, b, rtol: rtol, atol: atol, "\(dtype)") }
        }
    }

    @Test func batchesWithoutSequences() {
        let x = Tensor.zeros([4, 0, 3]).requiresGrad_()
        let loss = F.ctcLoss(
            x.logSoftmax(dim: 2), Tensor([Int](), shape: [0]), inputLengths: [Int](), targetLengths: [Int](), reduction: .sum)
        loss.backward()
        #expect(loss.item() == 0 && x.grad?.shape == x.shape)
        let silent = F.ctcLoss(Tensor.zeros([0, 2, 3]), Tensor([1]), inputLengths: [0, 0], targetLengths: [0, 1], reduction: .none)
        #expect(values(silent) == [0, .infinity])
    }
}
