import ApusCore
import ApusNN
import TestSupport
import Testing

/// Convolutions and transposed convolutions, with the gradients of all inputs, against the definition, for every combination of small
/// extents, kernels, strides, paddings, dilations, output paddings and groups. The numbers are small integers, so that all sums are exact.
@Suite struct ConvolutionDefinitionTests {
    @Test func everyLine() {
        var count = 0
        Geometry.eachLine { geometry in
            count += 1
            geometry.check(.float64, .cpu)
            if count % 7 == 0 { geometry.check(.float32, .cpu) }
        }
        #expect(count > 4000)
    }

    @Test func sampledPlanes() {
        var random = Draws(state: 5)
        for _ in 0..<400 { Geometry.drawn(2, &random).check(.float64, .cpu) }
    }

    /// PyTorch's numbers.
    @Test func outputPaddingBeyondTheStride() {
        let x = Tensor([[[1.0, 2]]]), weight = Tensor([[[1.0, 10]]])
        expectEqual(F.convTranspose1d(x, weight, padding: 1, outputPadding: 1, dilation: 2), Tensor([[[2.0, 10, 20]]]))
        expectEqual(
            F.convTranspose1d(Tensor([[[1.0]]]), Tensor([[[1.0, 10]]]), padding: 2, outputPadding: 3, dilation: 4),
            Tensor([[[0.0, 0, 10, 0]]]))
        expectThrows("outputPadding") { F.convTranspose1d(x, weight, stride: 2, outputPadding: 3, dilation: 3) }
    }
}

/// The same for a few of them, on every device.
@Suite struct ConvolutionDefinitionBackendTests {
    @Test(arguments: Device.testedAndReference) func lines(_ device: Device) {
        var count = 0
        Geometry.eachLine { geometry in
            count += 1
            if count % 97 == 0 { geometry.check(.float32, device) }
        }
        var random = Draws(state: 6)
        for _ in 0..<20 { Geometry.drawn(2, &random).check(.float32, device) }
        for _ in 0..<8 { Geometry.drawn(2, &random).checkIntegers(device) }
    }
}

func expectThrows(_ part: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () -> Tensor) {
    do {
        let found = try checked { body() }
        Issue.record("no error about \(part), but \(found.shape)", sourceLocation: sourceLocation)
    } catch {
        #expect("\(error)".contains(part), "\(error)", sourceLocation: sourceLocation)
    }
}

/// Small pseudo-random numbers.
struct Draws {
    var state: UInt64
    mutating func next(_ range: ClosedRange<Int>) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return range.lowerBound + Int((state >> 33) % UInt64(range.count))
    }
}

/// One convolution, in both directions, by its definition.
private struct Geometry: CustomStringConvertible {
    var input, kernel, stride, padding, dilation, outputPadding: [Int]
    var groups: Int
    var isTransposed: Bool

    static let channelsOfGroup = (in: 1, out: 2), batch = 2

    var description: String {
        "\(isTransposed ? "convTranspose" : "conv") of \(input), kernel \(kernel), stride \(stride), padding \(padding), dilation \(dilation), outputPadding \(outputPadding), groups \(groups)"
    }

    static func eachLine(_ body: (Geometry) -> Void) {
        var turn = 0
        for n in 1...4 {
            for k in 1...4 {
                for s in 1...4 {
                    for p in 0...3 {
                        for d in 1...4 {
                            for op in 0..<max(s, d) {
                                turn += 1
                                body(
                                    Geometry(
                                        input: [n], kernel: [k], stride: [s], padding: [p], dilation: [d], outputPadding: [op],
                                        groups: 1 + turn % 4, isTransposed: true))
                                if op == 0 {
                                    body(
                                        Geometry(
                                            input: [n + p], kernel: [k], stride: [s], padding: [p], dilation: [d], outputPadding: [0],
                                            groups: 1 + turn % 4, isTransposed: false))
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    static func drawn(_ spatial: Int, _ random: inout Draws) -> Geometry {
        func each(_ range: ClosedRange<Int>) -> [Int] { (0..<spatial).map { _ in random.next(range) } }
        var g = Geometry(
            input: each(1...5), kernel: each(1...4), stride: each(1...4), padding: each(0...3), dilation: each(1...4), outputPadding: [],
            groups: random.next(1...3),
            isTransposed: random.next(0...1) == 1)
        g.outputPadding = zip(g.stride, g.dilation).map { g.isTransposed ? random.next(0...max($0, $1) - 1) : 0 }
        return g
    }

    /// The extents of the output.
    var output: [Int] {
        input.indices.map { d in
            let reach = dilation[d] * (kernel[d] - 1)
            if isTransposed { return (input[d] - 1) * stride[d] - 2 * padding[d] + reach + outputPadding[d] + 1 }
            let room = input[d] + 2 * padding[d] - reach - 1
            return room < 0 ? 0 : room / stride[d] + 1
        }
    }

    private func numbers(_ count: Int, _ seed: UInt64) -> [Int] {
        var random = Draws(state: seed)
        return (0..<count).map { _ in random.next(-4...4) }
    }

    func call(_ x: Tensor, _ w: Tensor, _ b: Tensor?) -> Tensor {
        switch (input.count, isTransposed) {
        case (1, false): F.conv1d(x, w, b, stride: stride, padding: padding, dilation: dilation, groups: groups)
        case (1, true):
            F.convTranspose1d(x, w, b, stride: stride, padding: padding, outputPadding: outputPadding, groups: groups, dilation: dilation)
        case (_, false): F.conv2d(x, w, b, stride: stride, padding: padding, dilation: dilation, groups: groups)
        case (_, true):
            F.convTranspose2d(x, w, b, stride: stride, padding: padding, outputPadding: outputPadding, groups: groups, dilation: dilation)
        }
    }

    private var shapes: (x: Shape, w: Shape, y: Shape) {
        let (c, o) = (Geometry.channelsOfGroup.in, Geometry.channelsOfGroup.out)
        return (
            Shape([Geometry.batch, groups * c] + input), Shape((isTransposed ? [groups * c, o] : [groups * o, c]) + kernel),
            Shape([Geometry.batch, groups * o] + output)
        )
    }

    /// y, and the gradients of x and w of Σ y·g, by a plain loop over all products.
    private func definition(_ x: [Int], _ w: [Int], _ g: [Int]) -> (y: [Int], gx: [Int], gw: [Int]) {
        let (c, o) = (Geometry.channelsOfGroup.in, Geometry.channelsOfGroup.out)
        let (inPlane, outPlane, taps) = (input.reduce(1, *), output.reduce(1, *), kernel.reduce(1, *))
        var (y, gx, gw) = ([Int](repeating: 0, count: g.count), [Int](repeating: 0, count: x.count), [Int](repeating: 0, count: w.count))
        // Pairs of places that meet under a tap: transposed, an input's place i goes to i·stride − padding + k·dilation; else an output's comes from there.
        var meets: [(i: Int, o: Int, k: Int)] = []
        let (walked, met) = isTransposed ? (input, output) : (output, input)
        for place in 0..<walked.reduce(1, *) {
            for k in 0..<taps {
                var (at, rest, tapRest, step, isInside) = (0, place, k, 1, true)
                for d in input.indices.reversed() {
                    let p = rest % walked[d] * stride[d] - padding[d] + tapRest % kernel[d] * dilation[d]
                    rest /= walked[d]
                    tapRest /= kernel[d]
                    isInside = isInside && p >= 0 && p < met[d]
                    at += p * step
                    step *= met[d]
                }
                if isInside { meets.append(isTransposed ? (place, at, k) : (at, place, k)) }
            }
        }
        for n in 0..<Geometry.batch {
            for group in 0..<groups {
                for a in 0..<c {
                    for b in 0..<o {
                        let xs = (n * groups * c + group * c + a) * inPlane, ys = (n * groups * o + group * o + b) * outPlane
                        let ws = (isTransposed ? (group * c + a) * o + b : (group * o + b) * c + a) * taps
                        for m in meets {
                            y[ys + m.o] += x[xs + m.i] * w[ws + m.k]
                            gx[xs + m.i] += g[ys + m.o] * w[ws + m.k]
                            gw[ws + m.k] += g[ys + m.o] * x[xs + m.i]
                        }
                    }
                }
            }
        }
        return (y, gx, gw)
    }

    func check(_ dtype: DType, _ device: Device) {
        guard output.allSatisfy({ $0 > 0 }) else {
            let x = Tensor.zeros(shapes.x, dtype: dtype, device: device), w = Tensor.zeros(shapes.w, dtype: dtype, device: device)
            return expectThrows(isTransposed ? "less padding" : "smaller kernel") { call(x, w, nil) }
        }
        let (x, w, g) = (numbers(shapes.x.numel, 1), numbers(shapes.w.numel, 2), numbers(shapes.y.numel, 3))
        let outChannels = shapes.y[1], plane = output.reduce(1, *)
        let expected = definition(x, w, g)
        func tensor(_ numbers: [Int], _ shape: Shape) -> Tensor { Tensor(numbers.map(Double.init), shape: shape, dtype: dtype).to(device) }
        let bias = numbers(outChannels, 4)
        let (tx, tw, tb) = (
            tensor(x, shapes.x).requiresGrad_(), tensor(w, shapes.w).requiresGrad_(), tensor(bias, [outChannels]).requiresGrad_()
        )
        let y = call(tx, tw, tb)
        (y * tensor(g, shapes.y)).sum().backward()
        func same(_ found: Tensor?, _ wanted: [Int], _ what: String) {
            guard let found else {
                Issue.record("\(self): \(what) is missing")
                return
            }
            let numbers = values(found)
            if numbers != wanted.map(Double.init) {
                Issue.record("\(dtype) on \(device), \(self): \(what) is \(numbers), expected \(wanted)")
            }
        }
        #expect(y.shape == shapes.y)
        same(y, expected.y.enumerated().map { $1 + bias[$0 / plane % outChannels] }, "the output")
        same(tx.grad, expected.gx, "the gradient of x")
        same(tw.grad, expected.gw, "the gradient of the weight")
        same(
            tb.grad, (0..<outChannels).map { c in g.indices.reduce(0) { $1 / plane % outChannels == c ? $0 + g[$1] : $0 } },
            "the gradient of the bias")
    }

    /// Integers wrap.
    func checkIntegers(_ device: Device) {
        guard output.allSatisfy({ $0 > 0 }) else { return }
        let (x, w) = (numbers(shapes.x.numel, 1).map { $0 * 50 }, numbers(shapes.w.numel, 2))
        let wide = definition(x, w, numbers(shapes.y.numel, 3)).y
        for dtype in [DType.uint8, .int8, .int16, .int32, .int64] {
            func tensor(_ numbers: [Int], _ shape: Shape) -> Tensor {
                Tensor(numbers.map(Int64.init), shape: shape, dtype: .int64).to(dtype).to(device)
            }
            expectEqual(
                call(tensor(x, shapes.x), tensor(w, shapes.w), nil).to(.cpu),
                Tensor(wide.map(Int64.init), shape: shapes.y, dtype: .int64).to(dtype), "\(dtype) on \(device), \(self)")
        }
    }
}
