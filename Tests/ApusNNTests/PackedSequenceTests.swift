import ApusCore
import ApusNN
import TestSupport
import Testing

/// Packed sequences of different lengths. The expected numbers are PyTorch 2.13's.
@Suite struct PackedSequenceTests {
    private let padded = Tensor.arange(24, dtype: .float32).reshape(4, 3, 2)

    @Test func `packing and padding are inverse`() {
        let packed = packPaddedSequence(padded, lengths: [2, 4, 1], enforceSorted: false)
        #expect(packed.batchSizes == [3, 2, 1, 1])
        #expect(packed.sortedIndices?.array(Int.self) == [1, 0, 2])
        #expect(packed.unsortedIndices?.array(Int.self) == [1, 0, 2])
        #expect(packed.data.array(Float.self) == [2, 3, 0, 1, 4, 5, 8, 9, 6, 7, 14, 15, 20, 21])
        let (output, lengths) = padPackedSequence(packed, paddingValue: -1, totalLength: 5)
        #expect(lengths == [2, 4, 1] && output.shape == [5, 3, 2])
        #expect(output[.all, 0].array(Float.self) == [0, 1, 6, 7, -1, -1, -1, -1, -1, -1])
        #expect(output[.all, 1].array(Float.self) == [2, 3, 8, 9, 14, 15, 20, 21, -1, -1])
        let (turned, _) = padPackedSequence(packed, batchFirst: true)
        #expect(turned.shape == [3, 4, 2] && turned[1].array(Float.self) == [2, 3, 8, 9, 14, 15, 20, 21])
    }

    @Test func `lists of sequences`() {
        let sequences = [Tensor([1, 2] as [Float]), Tensor([3, 4, 5] as [Float]), Tensor([6] as [Float])]
        #expect(padSequence(sequences, batchFirst: true).array(Float.self) == [1, 2, 0, 3, 4, 5, 6, 0, 0])
        #expect(
            padSequence(sequences, batchFirst: true, paddingValue: 9, paddingSide: .left).array(Float.self) == [9, 1, 2, 3, 4, 5, 9, 9, 6])
        #expect(padSequence(sequences).shape == [3, 3])
        let packed = packSequence(sequences, enforceSorted: false)
        #expect(packed.data.array(Float.self) == [3, 1, 6, 4, 2, 5])
        #expect(
            unpadSequence(padPackedSequence(packed).output, lengths: [2, 3, 1]).map { $0.array(Float.self) } == [[1, 2], [3, 4, 5], [6]])
    }

    /// A run over packed sequences equals a run over each sequence alone, in values and gradients.
    @Test(arguments: [false, true]) func `layers read each sequence by itself`(_ bidirectional: Bool) {
        let lengths = [2, 4, 1, 4]
        withGenerator(Generator(seed: 3)) {
            let x = Tensor.randn([4, 4, 3], dtype: .float64).requiresGrad_()
            let lstm = LSTM(3, 5, numLayers: 2, bidirectional: bidirectional, projSize: 2, dtype: .float64)
            let gru = GRU(3, 5, numLayers: 2, bidirectional: bidirectional, dtype: .float64)
            let directions = bidirectional ? 2 : 1
            let start = Tensor.randn([2 * directions, 4, 5], dtype: .float64).requiresGrad_()

            let packed = packPaddedSequence(x, lengths: lengths, enforceSorted: false)
            let (a, (h, c)) = lstm(packed)
            let (b, last) = gru(packed, start)
            let (one, two) = (padPackedSequence(a).output, padPackedSequence(b).output)
            (one.sin().sum() + two.sin().sum() + h.cos().sum() + c.sin().sum() + last.cos().sum()).backward()
            let parameters = lstm.parameters() + gru.parameters() + [x, start]
            let gradients = parameters.map { $0.grad! }
            for p in parameters { p.grad = nil }

            var total = Tensor.zeros([], dtype: .float64)
            for (n, length) in lengths.enumerated() {
                let sequence = x.narrow(1, n, 1).narrow(0, 0, length)
                let (a, (h1, c1)) = lstm(sequence)
                let (b, last1) = gru(sequence, start.narrow(1, n, 1).contiguous())
                expectClose(one.narrow(1, n, 1).narrow(0, 0, length), a)
                expectClose(two.narrow(1, n, 1).narrow(0, 0, length), b)
                #expect(length == 4 || one.narrow(1, n, 1).narrow(0, length, 4 - length).abs().sum().item() == 0)
                for (whole, single) in [(h, h1), (c, c1), (last, last1)] { expectClose(whole.narrow(1, n, 1), single) }
                total = total + a.sin().sum() + b.sin().sum() + h1.cos().sum() + c1.sin().sum() + last1.cos().sum()
            }
            total.backward()
            for (i, p) in parameters.enumerated() { expectClose(gradients[i], p.grad!, rtol: 1e-9, atol: 1e-11, "gradient \(i)") }
        }
    }

    @Test func `wrong lengths are refused`() {
        #expect(message { _ = packPaddedSequence(padded, lengths: [1, 2, 3]) }.contains("do not descend"))
        #expect(message { _ = packPaddedSequence(padded, lengths: [5, 2, 1]) }.contains("length 5 of sequence 0"))
        #expect(message { _ = packPaddedSequence(padded, lengths: [2, 0, 0]) }.contains("length 0 of sequence 1"))
        #expect(message { _ = packPaddedSequence(padded, lengths: [2, 1]) }.contains("2 lengths are given for 3 sequences"))
        #expect(
            message { _ = padPackedSequence(packPaddedSequence(padded, lengths: [3, 2, 1]), totalLength: 2) }.contains(
                "shorter than the longest"))
        #expect(message { _ = padSequence([Tensor.ones([2, 3]), Tensor.ones([2, 4])]) }.contains("sequence 1"))
    }
}
