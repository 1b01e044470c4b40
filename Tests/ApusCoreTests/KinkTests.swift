import ApusCore
import ApusNN
import Foundation
import TestSupport
import Testing

/// Values and gradients at kinks, ties, ends of domains and non-finite numbers, in float64, as `Tests/ApusCoreTests/record_kinks.py`
/// recorded them from PyTorch. If PyTorch's answer is neither a subgradient nor a limit, `better` has the right one, and the reason.
@Suite struct KinkTests {
    struct Answer: Decodable {
        let y: [Double]
        let g: [[Double]]
    }

    struct Kinks: Decodable {
        let numbers: [Double]
        let pairs, vectors: [[Double]]
        let unary, binary: [String: Answer]
        let vector: [String: [Answer?]]
    }

    static let recorded: Kinks = Recorded.load("kinks")

    // MARK: Functions of one number

    typealias Function = @Sendable (Tensor) -> Tensor
    static let functionsOfNumbers: [String: Function] = [
        "neg": { -$0 }, "abs": { $0.abs() }, "sign": { $0.sign() }, "square": { $0.square() }, "reciprocal": { $0.reciprocal() },
        "sqrt": { $0.sqrt() },
        "rsqrt": { $0.rsqrt() }, "exp": { $0.exp() }, "exp2": { $0.exp2() }, "expm1": { $0.expm1() }, "log": { $0.log() },
        "log2": { $0.log2() },
        "log10": { $0.log10() }, "log1p": { $0.log1p() }, "sin": { $0.sin() }, "cos": { $0.cos() }, "tan": { $0.tan() },
        "asin": { $0.asin() },
        "acos": { $0.acos() }, "atan": { $0.atan() }, "sinh": { $0.sinh() }, "cosh": { $0.cosh() }, "tanh": { $0.tanh() },
        "asinh": { $0.asinh() },
        "acosh": { $0.acosh() }, "atanh": { $0.atanh() }, "erf": { $0.erf() }, "erfc": { $0.erfc() }, "erfinv": { $0.erfinv() },
        "lgamma": { $0.lgamma() },
        "digamma": { $0.digamma() }, "floor": { $0.floor() }, "ceil": { $0.ceil() }, "round": { $0.round() }, "trunc": { $0.trunc() },
        "frac": { $0.frac() },
        "sigmoid": { $0.sigmoid() }, "relu": { $0.relu() }, "logSigmoid": { $0.logSigmoid() }, "softsign": { $0.softsign() },
        "mish": { $0.mish() },
        "silu": { $0.silu() }, "hardsigmoid": { $0.hardsigmoid() }, "hardswish": { $0.hardswish() }, "gelu": { $0.gelu() },
        "gelu tanh": { $0.gelu(approximate: .tanh) },
        "leakyRelu": { $0.leakyRelu(negativeSlope: 0.2) }, "elu": { $0.elu(alpha: 1.3) }, "selu": { F.selu($0) },
        "celu": { F.celu($0, alpha: 1.5) },
        "softplus": { $0.softplus(beta: 1.5, threshold: 20) }, "hardtanh": { $0.hardtanh() }, "relu6": { F.relu6($0) },
        "clamp": { $0.clamp(min: -1, max: 3) },
        "hardshrink": { $0.hardshrink() }, "softshrink": { $0.softshrink() }, "tanhshrink": { F.tanhshrink($0) },
        "threshold": { $0.threshold(0.5, 7) },
        "pow 0": { $0.pow(0) }, "pow 0.5": { $0.pow(0.5) }, "pow 1": { $0.pow(1) }, "pow 2": { $0.pow(2) }, "pow 3": { $0.pow(3) },
        "pow -1": { $0.pow(-1) },
        "pow 1.5": { $0.pow(1.5) }, "logit": { $0.logit() }, "logit eps": { $0.logit(eps: 0.1) }, "2 ** x": { Tensor.pow(2, $0) },
        "0 ** x": { Tensor.pow(0, $0) },
        "1 / x": { 1 / $0 }, "x / 0.5": { $0 / 0.5 }, "remainder 2": { $0.remainder(2) }, "fmod 2": { $0.fmod(2) },
    ]

    static let functionsOfPairs: [String: @Sendable (Tensor, Tensor) -> Tensor] = [
        "add": { $0 + $1 }, "sub": { $0 - $1 }, "mul": { $0 * $1 }, "div": { $0 / $1 }, "pow": { $0.pow($1) },
        "minimum": { $0.minimum($1) },
        "maximum": { $0.maximum($1) }, "remainder": { $0.remainder($1) }, "fmod": { $0.fmod($1) }, "atan2": { $0.atan2($1) },
        "hypot": { $0.hypot($1) },
        "logaddexp": { $0.logaddexp($1) }, "copysign": { $0.copysign($1) }, "xlogy": { $0.xlogy($1) }, "lerp": { $0.lerp($1, 1) },
        "lerp tensor": { $0.lerp($1, Tensor(0.25, dtype: .float64).to($0.device)) }, "clamp min": { $0.clamp(min: $1) },
        "clamp max": { $0.clamp(max: $1) },
        "where": { Tensor.where($0.gt($1), $0, $1) }, "floorDivide": { $0.floorDivide($1) }, "truncDivide": { $0.truncDivide($1) },
        "addScaled": { $0.add($1, alpha: 2) },
    ]

    static let functionsOfVectors: [String: Function] = [
        "sum": { $0.sum() }, "mean": { $0.mean() }, "prod": { $0.prod() }, "amax": { $0.amax() }, "amin": { $0.amin() },
        "max": { $0.max(dim: 0).values },
        "min": { $0.min(dim: 0).values }, "var": { $0.var() }, "std": { $0.std() }, "std biased": { $0.std(correction: 0) },
        "norm": { $0.norm() },
        "norm 0": { $0.norm(p: 0) }, "norm 1": { $0.norm(p: 1) }, "norm 3": { $0.norm(p: 3) }, "norm 1.5": { $0.norm(p: 1.5) },
        "norm 0.5": { $0.norm(p: 0.5) },
        "norm inf": { $0.norm(p: .infinity) }, "norm -inf": { $0.norm(p: -.infinity) }, "logsumexp": { $0.logsumexp(dim: 0) },
        "softmax": { $0.softmax(dim: 0) },
        "logSoftmax": { $0.logSoftmax(dim: 0) }, "cumsum": { $0.cumsum(dim: 0) }, "cumprod": { $0.cumprod(dim: 0) },
        "median": { $0.median() },
        "medianDim": { $0.median(dim: 0).values }, "sort": { $0.sort(dim: 0).values }, "topk": { $0.topk(1).values },
        "kthvalue": { $0.kthvalue(1).values },
        "normalize": { F.normalize($0, dim: 0) }, "normalize 3": { F.normalize($0, p: 3, dim: 0) },
        "normalize 1": { F.normalize($0, p: 1, dim: 0) },
        "pairwiseDistance": { F.pairwiseDistance($0, $0.detach().clone(), eps: 0) },
        "pairwiseDistance 3": { F.pairwiseDistance($0, $0.detach().clone(), p: 3, eps: 0) },
        "cosineSimilarity": { F.cosineSimilarity($0, Tensor.ones(like: $0), dim: 0) },
    ]

    // MARK: Where PyTorch is not right

    /// The elementwise gradients for each argument where PyTorch's are mathematically wrong; nil where they are right.
    static func better(_ name: String, _ at: [Double]) -> [Double]? {
        let (x, y) = (at[0], at.last!)
        switch name {
        // The angle at infinity is constant; the gradient of √(x² + y²) at the origin is the mean over all directions.
        case "atan2" where (x.isInfinite || y.isInfinite) && !x.isNaN && !y.isNaN: return [0, 0]
        case "hypot" where x == 0 && y == 0: return [0, 0]
        case "logaddexp" where x == y && x.isInfinite: return [0.5, 0.5]
        case "xlogy" where x == 0 && y == 0: return [0, 0]
        // NaN stays NaN, as in PyTorch's relu.
        case "elu", "celu", "selu": return x.isNaN ? [.nan] : nil
        case "softsign": return x.isInfinite ? [0] : nil
        // The limits of the derivatives.
        case "gelu", "gelu tanh", "silu", "mish": return x.isInfinite ? [x > 0 ? 1 : 0] : nil
        // PyTorch has 1 in its scalar loop and 0 in its vectorised one.
        case "hardtanh", "relu6", "hardshrink", "softshrink": return x.isNaN ? [1] : nil
        // PyTorch has 1/6 as a float32.
        case "hardsigmoid": return abs(x) < 3 ? [1.0 / 6] : nil
        // IEEE 754's power of −∞, which PyTorch uses only for tensors of exponents.
        case "pow 0.5": return x == -.infinity ? [0] : nil
        case "pow 1.5": return x == -.infinity ? [.infinity] : nil
        default: return nil
        }
    }

    /// The same for a vector.
    static func betterOfVector(_ name: String, _ x: [Double]) -> [Double]? {
        let places = x.indices.map(Double.init)
        switch name {
        // The product of the other factors, none of which is NaN.
        case "cumprod" where x == [1, .infinity, 2]: return [.infinity, 8, .infinity]
        case "cumprod" where x == [1, -.infinity, 2]: return [-.infinity, 8, -.infinity]
        case "cumprod" where x == [.infinity, .infinity]: return [.infinity, .infinity]
        case "cumprod" where x == [-.infinity, -.infinity]: return [-.infinity, -.infinity]
        case "cumprod" where x.count == 3 && x[0].isNaN: return [9, .nan, .nan]
        // The first of equal elements; PyTorch does not specify which.
        case "kthvalue" where Set(x).count < x.count && !x.contains { $0.isNaN }:
            return places.map { $0 == Double(x.firstIndex(of: x.min()!)!) ? 1 : 0 }
        case "logsumexp" where !x.isEmpty && x.allSatisfy { $0 == -.infinity }: return x.map { _ in 0 }
        // The squares exceed the range of float64.
        case "norm" where x.first == 1e200: return [0.7071067811865476, -0.7071067811865476]
        case "norm" where x.first == 3e-200: return [0.6, 0.8]
        case "norm 3" where x.first == 1e200: return [pow(0.5, 2.0 / 3), -pow(0.5, 2.0 / 3)]
        case "norm 3" where x.first == 3e-200: return [9 / pow(91, 2.0 / 3), 16 / pow(91, 2.0 / 3)]
        case "normalize 3" where x.first == 1e200: return [pow(0.5, 1.0 / 3) * 1.5e-200, pow(0.5, 1.0 / 3) * 1.5e-200]
        case "norm inf" where x.contains { $0.isNaN }, "norm -inf" where x.contains { $0.isNaN }: return x.map { _ in .nan }
        // As for cumprod: the product of the others.
        case "prod" where x.count == 3 && x[1].isInfinite: return [2 * x[1], 2, x[1]]
        case "prod" where x.count == 2 && x[0].isInfinite: return [x[1], x[0]]
        case "prod" where x.count == 1: return [1]
        case "prod" where x.count == 3 && x[0].isNaN: return [2, .nan, .nan]
        // The mean is infinite or NaN, so the change of the variance is unknown.
        case "var" where x.contains { $0.isInfinite } && x.count == 3, "var" where x.count == 1 && x[0].isNaN: return x.map { _ in .nan }
        default: return nil
        }
    }

    @Test func allAreThere() {
        #expect(Set(Self.functionsOfNumbers.keys) == Set(Self.recorded.unary.keys))
        #expect(Set(Self.functionsOfPairs.keys) == Set(Self.recorded.binary.keys))
        #expect(Set(Self.functionsOfVectors.keys) == Set(Self.recorded.vector.keys))
    }

    @Test(arguments: functionsOfNumbers.keys.sorted()) func unary(_ name: String) throws {
        let answer = try #require(Self.recorded.unary[name])
        check(name, [Self.recorded.numbers], answer, elementwise: true) { Self.functionsOfNumbers[name]!($0[0]) }
    }

    @Test(arguments: functionsOfPairs.keys.sorted()) func binary(_ name: String) throws {
        let answer = try #require(Self.recorded.binary[name])
        check(name, Self.recorded.pairs, answer, elementwise: true) { Self.functionsOfPairs[name]!($0[0], $0[1]) }
    }

    @Test(arguments: functionsOfVectors.keys.sorted()) func vector(_ name: String) throws {
        for (x, answer) in zip(Self.recorded.vectors, try #require(Self.recorded.vector[name])) {
            guard let answer else { continue }
            check(name, [x], answer, elementwise: false) { Self.functionsOfVectors[name]!($0[0]) }
        }
    }

    func check(
        _ name: String, _ arguments: [[Double]], _ answer: Answer, elementwise: Bool, on device: Device = .cpu, _ f: ([Tensor]) -> Tensor
    ) {
        let leaves = arguments.map { Tensor($0, shape: [$0.count], dtype: .float64).to(device).requiresGrad_() }
        let y = f(leaves)
        let weights = elementwise ? Tensor.ones(like: y.detach()) : Tensor.arange(1, y.numel + 1).to(.float64).reshape(y.shape).to(device)
        y.backward(gradient: weights)
        let (values, gradients) = (y.detach().reshape(-1).array(Double.self), leaves.map { $0.grad!.array(Double.self) })
        var wrong: [String] = []
        if elementwise {
            for i in values.indices {
                let at = arguments.map { $0[i] }
                // PyTorch's √x in place of x^0.5.
                if !(name == "pow 0.5" && at[0] == -.infinity) { compare("value at \(at)", [values[i]], [answer.y[i]], &wrong) }
                compare("gradient at \(at)", gradients.map { $0[i] }, Self.better(name, at) ?? answer.g.map { $0[i] }, &wrong)
            }
        } else {
            // In PyTorch the norm of large numbers is infinite.
            let value =
                name == "normalize" && arguments[0].first == 1e200
                ? [0.7071067811865476, -0.7071067811865476]
                : name == "normalize 3" && arguments[0].first == 1e200 ? [pow(0.5, 1.0 / 3), -pow(0.5, 1.0 / 3)] : answer.y
            compare("value of \(arguments[0])", values, value, &wrong)
            compare(
                "gradient of \(arguments[0])", gradients[0], Self.betterOfVector(name, arguments[0]) ?? answer.g[0], &wrong)
        }
        for complaint in wrong { Issue.record("\(name) on \(device): \(complaint)") }
    }

    private func compare(_ what: String, _ got: [Double], _ wanted: [Double], _ wrong: inout [String]) {
        let equal =
            got.count == wanted.count
            && zip(got, wanted).allSatisfy { a, b in
                a == b || a.isNaN && b.isNaN || abs(a - b) <= 1e-9 * max(abs(a), abs(b)) + 1e-300 || abs(a - b) < 1e-14
            }
        if !equal { wrong.append("\(what) is \(got), not \(wanted)") }
    }
}

/// The same on the other devices and the reference.
@Suite struct KinkBackendTests {
    @Test(arguments: [.reference] + Device.tested.filter { $0 != .cpu && $0.backend.computes(.float64) }) func asOnTheProcessor(
        _ device: Device
    ) throws {
        let (tests, recorded) = (KinkTests(), KinkTests.recorded)
        for name in KinkTests.functionsOfNumbers.keys.sorted() {
            tests.check(name, [recorded.numbers], try #require(recorded.unary[name]), elementwise: true, on: device) {
                KinkTests.functionsOfNumbers[name]!($0[0])
            }
        }
        for name in KinkTests.functionsOfPairs.keys.sorted() {
            tests.check(name, recorded.pairs, try #require(recorded.binary[name]), elementwise: true, on: device) {
                KinkTests.functionsOfPairs[name]!($0[0], $0[1])
            }
        }
        for name in KinkTests.functionsOfVectors.keys.sorted() {
            for (x, answer) in zip(recorded.vectors, try #require(recorded.vector[name])) {
                guard let answer else { continue }
                tests.check(name, [x], answer, elementwise: false, on: device) { KinkTests.functionsOfVectors[name]!($0[0]) }
            }
        }
    }
}
