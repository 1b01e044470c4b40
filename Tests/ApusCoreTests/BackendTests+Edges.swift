import ApusCore
import TestSupport
import Testing

/// Functions with bounds and thresholds at their kinks and for NaN: values and gradients equal PyTorch 2.13's.
@Suite("Backends: edges") struct EdgeBackendTests {
    struct Answer: Sendable {
        let name: String
        let values: [Double]
        let gradients: [Double]
        let function: @Sendable (Tensor) -> Tensor

        init(_ name: String, _ values: [Double], _ gradients: [Double], _ function: @escaping @Sendable (Tensor) -> Tensor) {
            (self.name, self.values, self.gradients, self.function) = (name, values, gradients, function)
        }
    }

    /// A scalar tensor of x's dtype and device.
    private static func scalar(_ x: Tensor, _ number: Double) -> Tensor { Tensor.full([], number, dtype: x.dtype, device: x.device) }

    static let inputs: [Double] = [-2, -1, -0.5, 0, 0.5, 1, 2, 3, 6, 7, .nan, .infinity, -.infinity]
    static let answers: [Answer] = [
        Answer(
            "clamp", [-1, -1, -0.5, 0, 0.5, 1, 2, 2, 2, 2, .nan, 2, -1],
            [0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
        ) { $0.clamp(min: -1, max: 2) },
        Answer(
            "clamp min", [-1, -1, -0.5, 0, 0.5, 1, 2, 3, 6, 7, .nan, .infinity, -1],
            [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0]
        ) { $0.clamp(min: -1) },
        Answer(
            "clamp max", [-2, -1, -0.5, 0, 0.5, 1, 2, 2, 2, 2, .nan, 2, -.infinity],
            [1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1]
        ) { $0.clamp(max: 2) },
        Answer(
            "clamp crossed", [-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, .nan, -1, -1],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        ) { $0.clamp(min: 2, max: -1) },
        Answer(
            "clamp min NaN", [.nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        ) { $0.clamp(min: Double.nan, max: 2) },
        Answer(
            "clamp tensors", [-1, -1, -0.5, 0, 0.5, 1, 2, 2, 2, 2, .nan, 2, -1],
            [0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
        ) { $0.clamp(min: scalar($0, -1), max: scalar($0, 2)) },
        Answer(
            "clamp min tensor", [-1, -1, -0.5, 0, 0.5, 1, 2, 3, 6, 7, .nan, .infinity, -1],
            [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0]
        ) { $0.clamp(min: scalar($0, -1)) },
        Answer(
            "clamp max tensor", [-2, -1, -0.5, 0, 0.5, 1, 2, 2, 2, 2, .nan, 2, -.infinity],
            [1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1]
        ) { $0.clamp(max: scalar($0, 2)) },
        Answer(
            "clamp tensors crossed", [-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, .nan, -1, -1],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        ) { $0.clamp(min: scalar($0, 2), max: scalar($0, -1)) },
        Answer(
            "clamp min tensor NaN", [.nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        ) { $0.clamp(min: scalar($0, .nan), max: scalar($0, 2)) },
        Answer(
            "hardtanh", [-1, -1, -0.5, 0, 0.5, 1, 2, 2, 2, 2, .nan, 2, -1],
            [0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0]
        ) { $0.hardtanh(minVal: -1, maxVal: 2) },
        Answer(
            "relu6", [0, 0, 0, 0, 0.5, 1, 2, 3, 6, 6, .nan, 6, 0],
            [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 0, 0]
        ) { $0.hardtanh(minVal: 0, maxVal: 6) },
        Answer(
            "relu", [0, 0, 0, 0, 0.5, 1, 2, 3, 6, 7, .nan, .infinity, 0],
            [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0]
        ) { $0.relu() },
        Answer(
            "hardshrink", [-2, -1, 0, 0, 0, 1, 2, 3, 6, 7, .nan, .infinity, -.infinity],
            [1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
        ) { $0.hardshrink() },
        Answer(
            "hardshrink 0", [-2, -1, -0.5, 0, 0.5, 1, 2, 3, 6, 7, .nan, .infinity, -.infinity],
            [1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1]
        ) { $0.hardshrink(0) },
        Answer(
            "hardshrink below 0", [-2, -1, -0.5, 0, 0.5, 1, 2, 3, 6, 7, .nan, .infinity, -.infinity],
            [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
        ) { $0.hardshrink(-1) },
        Answer(
            "softshrink", [-1.5, -0.5, 0, 0, 0, 0.5, 1.5, 2.5, 5.5, 6.5, .nan, .infinity, -.infinity],
            [1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
        ) { $0.softshrink() },
        Answer(
            "tanhshrink",
            [
                -1.035972, -0.2384058, -0.03788283, 0, 0.03788283, 0.2384058, 1.035972, 2.004945, 5.000012, 6.000002, .nan, .infinity,
                -.infinity,
            ],
            [0.9293492, 0.5800257, 0.2135523, 0, 0.2135523, 0.5800257, 0.9293492, 0.990134, 0.9999754, 0.9999967, .nan, 1, 1]
        ) { $0 - $0.tanh() },
        Answer(
            "leakyRelu", [-0.02, -0.01, -0.005, 0, 0.5, 1, 2, 3, 6, 7, .nan, .infinity, -.infinity],
            [0.01, 0.01, 0.01, 0.01, 1, 1, 1, 1, 1, 1, 0.01, 1, 0.01]
        ) { $0.leakyRelu() },
        Answer(
            "threshold", [5, 5, 5, 5, 5, 5, 2, 3, 6, 7, .nan, .infinity, 5],
            [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0]
        ) { $0.threshold(1, 5) },
        Answer(
            "maximum", [2, 2, 2, 2, 2, 2, 2, 3, 6, 7, .nan, .infinity, 2],
            [0, 0, 0, 0, 0, 0, 0.5, 1, 1, 1, 1, 1, 0]
        ) { $0.maximum(scalar($0, 2)) },
        Answer(
            "minimum", [-2, -1, -0.5, 0, 0.5, 1, 2, 2, 2, 2, .nan, 2, -.infinity],
            [1, 1, 1, 1, 1, 1, 0.5, 0, 0, 0, 1, 0, 1]
        ) { $0.minimum(scalar($0, 2)) },
        Answer(
            "maximum NaN", [.nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan],
            [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
        ) { $0.maximum(scalar($0, .nan)) },
        Answer(
            "minimum NaN", [.nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan, .nan],
            [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
        ) { $0.minimum(scalar($0, .nan)) },
        Answer(
            "hardsigmoid", [0.1666667, 0.3333333, 0.4166667, 0.5, 0.5833333, 0.6666667, 0.8333333, 1, 1, 1, .nan, 1, 0],
            [0.1666667, 0.1666667, 0.1666667, 0.1666667, 0.1666667, 0.1666667, 0.1666667, 0, 0, 0, 0, 0, 0]
        ) { $0.hardsigmoid() },
        Answer(
            "abs", [2, 1, 0.5, 0, 0.5, 1, 2, 3, 6, 7, .nan, .infinity, .infinity],
            [-1, -1, -1, 0, 1, 1, 1, 1, 1, 1, 0, 1, -1]
        ) { $0.abs() },
        Answer(
            "sign", [-1, -1, -1, 0, 1, 1, 1, 1, 1, 1, 0, 1, -1],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        ) { $0.sign() },
    ]

    @Test(arguments: BackendTests.devices + [.reference]) func answers(_ device: Device) {
        for dtype in device.sharesHostMemory ? [DType.float32, .float64] : [.float32] {
            for answer in Self.answers {
                let x = Tensor(Self.inputs, dtype: dtype, device: device).requiresGrad_()
                let y = answer.function(x)
                y.sum().backward()
                expectClose(y, answer.values, rtol: 1e-6, atol: 1e-6, "\(answer.name) of \(dtype) on \(device)")
                expectClose(x.grad!, answer.gradients, rtol: 1e-6, atol: 1e-6, "gradient of \(answer.name) of \(dtype) on \(device)")
            }
        }
    }

    /// Where the result is a bound, that bound gets the gradient instead of x, also if the bounds are equal or in the wrong order.
    @Test(arguments: BackendTests.devices + [.reference]) func `gradients of bounds`(_ device: Device) {
        func gradients(_ x: [Double], _ low: Double?, _ high: Double?) -> [[Double]] {
            let x = Tensor(x, dtype: .float32, device: device).requiresGrad_()
            let low = low.map { Tensor.full(like: x, $0).requiresGrad_() }, high = high.map { Tensor.full(like: x, $0).requiresGrad_() }
            x.clamp(min: low, max: high).sum().backward()
            return [x, low, high].compactMap { $0 }.map { values($0.grad!) }
        }
        #expect(gradients([-2, -1, 0, 2, 3, .nan], -1, 2) == [[0, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0]])
        #expect(gradients([0, 1, 2, 3, 1.5], 2, 1) == [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
        #expect(gradients([0, 1, 2], 1, 1) == [[0, 1, 0], [1, 0, 0], [0, 0, 1]])
        #expect(gradients([-2, -1, 3], -1, nil) == [[0, 1, 1], [1, 0, 0]])
        #expect(gradients([-2, 2, 3], nil, 2) == [[1, 1, 0], [0, 0, 1]])
    }

    /// Equal operands of a maximum or minimum share the gradient; where the result is NaN, both get all of it.
    @Test(arguments: BackendTests.devices + [.reference]) func `gradients of extremes`(_ device: Device) {
        for (function, answers) in [
            (Tensor.maximum, [[0.5, 0, 1, 1, 1, 1], [0.5, 1, 0, 1, 1, 1]]),
            (Tensor.minimum, [[0.5, 1, 0, 1, 1, 1], [0.5, 0, 1, 1, 1, 1]]),
        ] as [((Tensor) -> (Tensor) -> Tensor, [[Double]])] {
            let a = Tensor([1, 1, 2, .nan, 1, .nan], dtype: .float32, device: device).requiresGrad_()
            let b = Tensor([1, 2, 1, 1, .nan, .nan], dtype: .float32, device: device).requiresGrad_()
            function(a)(b).sum().backward()
            #expect([values(a.grad!), values(b.grad!)] == answers)
        }
    }
}
