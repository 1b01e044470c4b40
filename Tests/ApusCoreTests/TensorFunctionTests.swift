import ApusCore
import Foundation
import TestSupport
import Testing

@Suite("Each pointwise method and product has a function beside it") struct TensorFunctionTests {
    private let unary: [(String, (Tensor) -> Tensor, (Tensor) -> Tensor)] = [
        ("exp", Tensor.exp, { $0.exp() }), ("log", Tensor.log, { $0.log() }), ("sqrt", Tensor.sqrt, { $0.sqrt() }),
        ("abs", Tensor.abs, { $0.abs() }), ("relu", Tensor.relu, { $0.relu() }), ("isnan", Tensor.isnan, { $0.isnan() }),
        ("hardshrink", { Tensor.hardshrink($0) }, { $0.hardshrink() }), ("0.3", { Tensor.hardshrink($0, 0.3) }, { $0.hardshrink(0.3) }),
        ("logit", { Tensor.logit($0, eps: 0.1) }, { $0.logit(eps: 0.1) }),
        ("polygamma", { Tensor.polygamma(2, $0) }, { $0.polygamma(2) }), ("clamp", { Tensor.clamp($0, min: 0) }, { $0.clamp(min: 0) }),
        ("add", { Tensor.add($0, 2) }, { $0 + 2 }), ("pow", { Tensor.pow($0, 2) }, { $0.pow(2) }),
        ("base", { Tensor.pow(2, $0) }, { 2 ** $0 }), ("eq", { Tensor.eq($0, 0.5) }, { $0 == 0.5 }),
        ("nanToNum", { Tensor.nanToNum($0) }, { $0.nanToNum() }), ("nan", { Tensor.nanToNum($0, nan: 1, neginf: 2) }, { $0 }),
        ("sinc", Tensor.sinc, { $0.sinc() }), ("decimals", { Tensor.round($0 / 3, decimals: 1) }, { ($0 / 3).round(decimals: 1) }),
        ("clampMin", { Tensor.clampMin($0, 0.5) }, { $0.clamp(min: 0.5) }),
        ("erfcx", Tensor.erfcx, { $0.erfcx() }), ("zeta", { Tensor.zeta($0 + 1, 2) }, { ($0 + 1).zeta(2) }),
        ("number", { Tensor.zeta(2, $0) }, { Tensor.full([2, 2], 2.0).zeta($0) }),
        ("order", { Tensor.legendrePolynomialP($0, 3) }, { (5 * $0.pow(3) - 3 * $0) / 2 }),
    ]

    private let binary: [(String, (Tensor, Tensor) -> Tensor, (Tensor, Tensor) -> Tensor)] = [
        ("sub", { Tensor.sub($0, $1) }, { $0 - $1 }), ("div", { Tensor.div($0, $1) }, { $0 / $1 }),
        ("add", { Tensor.add($0, $1, alpha: 3) }, { $0 + 3 * $1 }), ("pow", { Tensor.pow($0, $1) }, { $0.pow($1) }),
        ("atan2", { Tensor.atan2($0, $1) }, { $0.atan2($1) }), ("gammainc", { Tensor.gammainc($0, $1) }, { $0.gammainc($1) }),
        ("maximum", { Tensor.maximum($0, $1) }, { Tensor.where($0 > $1, $0, $1) }),
        ("max", { Tensor.max($0, $1) }, { Tensor.where($0 > $1, $0, $1) }),
        ("min", { Tensor.min($0, $1) }, { Tensor.where($0 < $1, $0, $1) }),
        ("methods", { $0.max($1) - $0.min($1) }, { ($0 - $1).abs() }),
        ("lerp", { Tensor.lerp($0, $1, 0.3) }, { $0.lerp($1, 0.3) }), ("lt", { Tensor.lt($0, $1) }, { $0 < $1 }),
        ("mm", { Tensor.mm($0, $1) }, { $0.matmul($1) }), ("matmul", { Tensor.matmul($0, $1) }, { $0.matmul($1) }),
        ("bmm", { Tensor.bmm($0.unsqueeze(0), $1.unsqueeze(0)) }, { $0.matmul($1).unsqueeze(0) }),
        ("mv", { Tensor.mv($0, $1[0]) }, { $0.matmul($1[0]) }), ("dot", { Tensor.dot($0[1], $1[0]) }, { ($0[1] * $1[0]).sum() }),
        ("addmm", { Tensor.addmm($0, $0, $1, alpha: 2) }, { $0 + 2 * $0.matmul($1) }),
        ("sub", { Tensor.sub($0, $1, alpha: 3) }, { $0.add($1, alpha: -3) }), ("fmax", { Tensor.fmax($0, $1) }, { $0.maximum($1) }),
        ("floor", { Tensor.div($0, $1, roundingMode: .floor) }, { $0.floorDivide($1) }),
        ("ldexp", { Tensor.ldexp($0, $1) }, { $0.mul(Tensor.pow(2, $1)) }),
    ]

    @Test func theyGiveWhatTheMethodsGive() {
        let x = Tensor([[0.25, 0.5], [0.75, 2]]), y = Tensor([[0.5, 0.25], [1.5, 1]])
        for (name, function, method) in unary { expectClose(function(x), method(x), "\(name)") }
        for (name, function, method) in binary { expectClose(function(x, y), method(x, y), "\(name)") }
        #expect(Tensor.equal(x, x) && Tensor.allclose(x, x + 0.1, atol: 0.2) && !Tensor.allclose(x, y))
        let many: [Tensor] = [x, y].map(Tensor.exp)
        expectClose(many[1], y.exp())
    }

    /// `Tests/ApusCoreTests/tensor-functions` writes the file; this finds the methods in its own way.
    @Test func theFileAgreesWithTheMethods() throws {
        let script = try String(contentsOf: inCheckout("tensor-functions"), encoding: .utf8)
        let listed = try #require(script.firstMatch(of: /WITHOUT_FUNCTION = \{([^}]*)\}/))
        let withoutFunction = Set(listed.1.matches(of: /"(\w+)"/).map { String($0.1) })
        #expect(withoutFunction.count > 10)
        func names(_ file: String) throws -> [String] {
            let text = try String(contentsOf: inCheckout("../../Sources/ApusCore/Ops/\(file).swift"), encoding: .utf8)
                .replacing("@_disfavoredOverload ", with: "")
            return text.split(separator: "\n").filter { $0.contains(") -> Tensor {") || $0.contains(") -> Bool {") }.compactMap { line in
                guard line.hasPrefix("    public final func ") || line.hasPrefix("    package final func ") else { return nil }
                let name = String(line.split(separator: " ")[3].prefix { $0 != "(" && $0 != "<" })
                return withoutFunction.contains(name) ? nil : name
            }
        }
        let methods = try ["Unary", "Binary", "Comparison", "Bounds", "Composed", "SpecialFunctions", "Products"].flatMap {
            try names($0)
        }
        let text = try ["TensorFunctions", "TensorFunctions+Special"].map {
            try String(contentsOf: inCheckout("../../Sources/ApusCore/Ops/\($0).swift"), encoding: .utf8)
        }.joined()
        let remedy = "run Tests/ApusCoreTests/tensor-functions"
        var counts: [String: Int] = [:]
        for name in methods { counts[name, default: 0] += 1 }
        // Without their own arguments, and with each as the first.
        for (name, arguments) in ["hardshrink": 1, "logit": 1, "nanToNum": 3] { counts[name, default: 0] += arguments }
        for (name, count) in counts {
            #expect(text.components(separatedBy: "static func \(name)(").count - 1 == count, "\(name): \(remedy)")
        }
        #expect(text.components(separatedBy: "static func ").count - 1 == counts.values.reduce(0, +), "\(remedy)")
        // Each rule of the tables with a method.
        let missing = (UnaryRule.all.map(\.name) + BinaryRule.all.map(\.name)).filter {
            methods.contains($0) && !text.contains("func \($0)(")
        }
        #expect(counts.count > 80 && missing == [])
    }
}

@Suite("A number stands where a tensor may in the named methods") struct NumberOperandTests {
    private let forms: [(String, (Tensor, Double) -> Tensor, (Tensor, Tensor) -> Tensor)] = [
        ("add", { $0.add($1) }, { $0.add($1) }), ("sub", { $0.sub($1) }, { $0.sub($1) }), ("mul", { $0.mul($1) }, { $0.mul($1) }),
        ("div", { $0.div($1) }, { $0.div($1) }), ("maximum", { $0.maximum($1) }, { $0.maximum($1) }),
        ("minimum", { $0.minimum($1) }, { $0.minimum($1) }), ("atan2", { $0.atan2($1) }, { $0.atan2($1) }),
        ("hypot", { $0.hypot($1) }, { $0.hypot($1) }), ("logaddexp", { $0.logaddexp($1) }, { $0.logaddexp($1) }),
        ("copysign", { $0.copysign($1) }, { $0.copysign($1) }), ("heaviside", { $0.heaviside($1) }, { $0.heaviside($1) }),
        ("gammainc", { $0.abs().gammainc($1) }, { $0.abs().gammainc($1) }), ("xlogy", { $0.xlogy($1) }, { $0.xlogy($1) }),
        ("gammaincc", { $0.abs().gammaincc($1) }, { $0.abs().gammaincc($1) }),
        ("chebyshevPolynomialU", { $0.chebyshevPolynomialU($1) }, { $0.chebyshevPolynomialU($1) }),
        ("fmax", { $0.fmax($1) }, { $0.fmax($1) }), ("fmin", { $0.fmin($1) }, { $0.fmin($1) }),
        ("logaddexp2", { $0.logaddexp2($1) }, { $0.logaddexp2($1) }), ("ldexp", { $0.ldexp($1) }, { $0.ldexp($1) }),
        ("xlog1py", { $0.abs().xlog1py($1) }, { $0.abs().xlog1py($1) }),
        ("add alpha", { $0.add($1, alpha: 3) }, { $0.add($1, alpha: 3) }),
        ("sub alpha", { $0.sub($1, alpha: 3) }, { $0.sub($1, alpha: 3) }),
        ("clampMin", { $0.clampMin($1) }, { $0.clampMin($1) }), ("clampMax", { $0.clampMax($1) }, { $0.clampMax($1) }),
    ]

    @Test func theResultIsThatOfATensor() {
        let x = Tensor([-2.0, 0, 0.5, 3])
        for (name, number, tensor) in forms {
            for value in [0.5, 2] {
                expectClose(number(x, value), tensor(x, Tensor.full([4], value)), "\(name) \(value)")
                // Numbers do not decide the float type, as with operators.
                let half = number(x.to(.float16), value)
                #expect(half.dtype == .float16, "\(name)")
            }
        }
    }

    @Test func aNumberStandsFirst() {
        let x = Tensor([0.3, 0.7, 2.5]), n = Tensor([1, 3, 7]), two = Tensor.full([3], 2.0)
        let pairs: [(String, Tensor, Tensor)] = [
            ("floorDivide", Tensor.floorDivide(2, x), two.floorDivide(x)), ("remainder", Tensor.remainder(2, x), two.remainder(x)),
            ("xlogy", Tensor.xlogy(2, x), two.xlogy(x)), ("xlog1py", Tensor.xlog1py(2, x), two.xlog1py(x)),
            ("floatPower", Tensor.floatPower(2, x), Tensor.pow(2, x.to(.float64))), ("zeta", Tensor.zeta(2, x), two.zeta(x)),
            ("polynomials", Tensor.hermitePolynomialH(0.5, n), Tensor.full([3], 0.5).hermitePolynomialH(n)),
            ("integers", Tensor.floorDivide(-9, n), Tensor([-9, -3, -2])), ("rest", Tensor.remainder(-9, n), Tensor([0, 0, 5])),
        ]
        for (name, number, tensor) in pairs {
            #expect(number.dtype == tensor.dtype, "\(name)")
            expectClose(number, tensor, "\(name)")
        }
        #expect(Tensor.remainder(2, x.half()).dtype == .float16 && Tensor.xlogy(2, n).dtype == .float32)
    }

    @Test func integersPromoteAsWithOperators() {
        let n = Tensor([1, 2, 255], dtype: .uint8)
        #expect(n.add(1).dtype == .uint8 && n.add(0.5).dtype == .float32 && n.div(2).dtype == .float32)
        #expect(n.sub(1).array(Int.self) == [0, 1, 254] && n.mul(2).array(Int.self) == [2, 4, 254])
        #expect(n.maximum(2).array(Int.self) == [2, 2, 255] && n.maximum(2).dtype == .uint8 && n.minimum(1.5).dtype == .float32)
        // 300 would be 44 in uint8.
        #expect(n.minimum(300).array(Int.self) == [1, 2, 255] && n.maximum(300).array(Int.self) == [255, 255, 255])
        #expect(n.maximum(-1).array(Int.self) == [1, 2, 255])
        #expect(n.fmin(300).array(Int.self) == [1, 2, 255] && n.fmax(300).array(Int.self) == [255, 255, 255] && n.fmax(2).dtype == .uint8)
    }
}
