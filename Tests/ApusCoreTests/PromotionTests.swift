import ApusCore
import TestSupport
import Testing

/// The result dtype of several operands follows one rule, PyTorch's, in all functions; and the values that follow from it.
@Suite struct PromotionTests {
    /// Reports the complaints of many calls as one issue.
    private func expectNone(_ complaints: [String], sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(
            complaints.isEmpty, Comment(rawValue: "\(complaints.count): \(complaints.prefix(12).joined(separator: "; "))"),
            sourceLocation: sourceLocation)
    }

    /// The dtype of a call's result; nil if it refuses.
    private func dtype(_ call: () -> Tensor) -> DType? { try? checked { call() }.dtype }

    // The answers of `torch.result_type` in PyTorch 2.13, with one letter for each dtype in the order of `DType`.
    static let letters = Array("buijklhxfd")
    /// Rows: a tensor with dimensions; columns: another one. Two scalar tensors have the same table.
    static let pairs = [
        "buijklhxfd", "uujjklhxfd", "ijijklhxfd", "jjjjklhxfd", "kkkkklhxfd", "llllllhxfd", "hhhhhhhffd", "xxxxxxfxfd", "fffffffffd",
        "dddddddddd",
    ]
    /// Columns: a scalar tensor.
    static let besideScalar = [
        "buijklhxfd", "uuuuuuhxfd", "iiiiiihxfd", "jjjjjjhxfd", "kkkkkkhxfd", "llllllhxfd", "hhhhhhhhhh", "xxxxxxxxxx", "ffffffffff",
        "dddddddddd",
    ]
    /// Columns: true, 1, 1.5. A scalar tensor has the same table.
    static let besideNumber = ["blf", "uuf", "iif", "jjf", "kkf", "llf", "hhh", "xxx", "fff", "ddd"]

    static func entry(_ table: [String], _ row: DType, _ column: Int) -> DType {
        DType.allCases[letters.firstIndex(of: Array(table[Int(row.rawValue)])[column])!]
    }

    /// The result dtype of a function, given the promoted dtype of its operands; nil: it refuses.
    enum Result: Sendable {
        case itself, notBool, float, bool, bits, integer

        func callAsFunction(_ promoted: DType) -> DType? {
            switch self {
            case .itself: promoted
            case .notBool: promoted == .bool ? nil : promoted
            case .float: promoted.isFloatingPoint ? promoted : .float32
            case .bool: .bool
            case .bits: promoted.isFloatingPoint ? nil : promoted
            case .integer: promoted.isInteger ? promoted : nil
            }
        }
    }

    static let functions: [(name: String, result: Result, call: @Sendable (Tensor, Tensor) -> Tensor)] = [
        ("add", .itself, { $0 + $1 }), ("mul", .itself, { $0 * $1 }), ("minimum", .itself, { $0.minimum($1) }),
        ("heaviside", .itself, { $0.heaviside($1) }), ("maximum", .itself, { $0.maximum($1) }),
        ("where", .itself, { Tensor.where(Tensor(true), $0, $1) }), ("clamp", .itself, { $0.clamp(min: $1) }),
        ("clamp both", .itself, { $0.clamp(min: $1, max: $1) }),
        ("add alpha", .itself, { $0.add($1, alpha: 2) }), ("addcmul", .itself, { $0.addcmul($1, $1) }),
        ("addcmul second", .itself, { $1.addcmul($1, $0) }), ("addcdiv", .float, { $0.addcdiv($1, $1) }),
        ("sub", .notBool, { $0 - $1 }), ("floorDivide", .notBool, { $0.floorDivide($1) }),
        ("truncDivide", .notBool, { $0.truncDivide($1) }), ("remainder", .notBool, { $0 % $1 }),
        ("fmod", .notBool, { $0.fmod($1) }), ("pow", .notBool, { $0.pow($1) }), ("div", .float, { $0 / $1 }),
        ("atan2", .float, { $0.atan2($1) }), ("hypot", .float, { $0.hypot($1) }),
        ("logaddexp", .float, { $0.logaddexp($1) }), ("logaddexp2", .float, { $0.logaddexp2($1) }),
        ("xlog1py", .float, { $0.xlog1py($1) }), ("fmax", .itself, { $0.fmax($1) }), ("fmin", .itself, { $0.fmin($1) }),
        ("gcd", .integer, { $0.gcd($1) }), ("lcm", .integer, { $0.lcm($1) }), ("sub alpha", .notBool, { $0.sub($1, alpha: 2) }),
        ("div trunc", .notBool, { $0.div($1, roundingMode: .trunc) }),
        ("copysign", .float, { $0.copysign($1) }), ("gammainc", .float, { $0.gammainc($1) }),
        ("eq", .bool, { $0.eq($1) }), ("lt", .bool, { $0.lt($1) }),
        ("isclose", .bool, { $0.isclose($1) }), ("logicalAnd", .bool, { $0.logicalAnd($1) }), ("and", .bits, { $0 & $1 }),
        ("or", .bits, { $0 | $1 }), ("xor", .bits, { $0 ^ $1 }), ("shift", .integer, { $0 << $1 }),
    ]

    @Test func `operands promote by one rule`() {
        var complaints: [String] = []
        func check(_ name: String, _ result: Result, _ promoted: DType, _ what: String, _ call: () -> Tensor) {
            let found = dtype(call)
            if found != result(promoted) {
                complaints.append(
                    "\(name) of \(what) is \(found.map { "\($0)" } ?? "refused"), expected \(result(promoted).map { "\($0)" } ?? "an error")"
                )
            }
        }
        for a in DType.allCases {
            for b in DType.allCases {
                let (x, y) = (Tensor.ones([2], dtype: a), Tensor.ones([2], dtype: b)),
                    (s, t) = (Tensor.ones([], dtype: a), Tensor.ones([], dtype: b))
                let (pair, beside) = (Self.entry(Self.pairs, a, Int(b.rawValue)), Self.entry(Self.besideScalar, a, Int(b.rawValue)))
                for (name, result, call) in Self.functions {
                    check(name, result, pair, "\(a) and \(b)") { call(x, y) }
                    check(name, result, pair, "scalars of \(a) and \(b)") { call(s, t) }
                    check(name, result, beside, "\(a) and a scalar of \(b)") { call(x, t) }
                    check(name, result, beside, "a scalar of \(b) and \(a)") { call(t, x) }
                }
                check("cat", .itself, pair, "\(a) and \(b)") { Tensor.cat([x, y]) }
                check("cat with nothing", .itself, pair, "\(a) and \(b)") { Tensor.cat([x, Tensor.zeros([0], dtype: b)]) }
                check("stack", .itself, pair, "scalars of \(a) and \(b)") { Tensor.stack([s, t]) }
                // Three operands: with two scalars, the dtype follows the one with dimensions.
                check("addcmul of scalars", .itself, beside, "\(a) and scalars of \(b)") { t.addcmul(x, t) }
                // Products require equal dtypes, and so does writing into another tensor.
                let same = a == b ? a : nil
                for (name, wanted, call) in [
                    ("matmul", a == .bool ? nil : same, { x.matmul(y) }),
                    ("addmm", a == .bool ? nil : same, { x.reshape(1, 2).addmm(y.reshape(1, 2), Tensor.ones([2, 2], dtype: b)) }),
                    ("scatter", same, { x.scatter(0, Tensor([0, 1]), y) }), ("indexAdd", same, { x.indexAdd(dim: 0, Tensor([0, 1]), y) }),
                    ("maskedFill", a, { x.maskedFill(x.eq(x), t) }),
                ] as [(String, DType?, () -> Tensor)] where dtype(call) != wanted {
                    complaints.append("\(name) of \(a) and \(b) is \(dtype(call).map { "\($0)" } ?? "refused")")
                }
            }
        }
        expectNone(complaints)
    }

    static let numberFunctions: [(name: String, result: Result, call: @Sendable (Tensor, Scalar) -> Tensor)] = [
        ("+", .itself, { $0 + $1 }), ("+ reversed", .itself, { $1 + $0 }), ("·", .itself, { $0 * $1 }),
        ("where", .itself, { Tensor.where(Tensor(true), $0, $1) }), ("where reversed", .itself, { Tensor.where(Tensor(true), $1, $0) }),
        ("−", .notBool, { $0 - $1 }), ("− reversed", .notBool, { $1 - $0 }), ("clamp min", .notBool, { $0.clamp(min: $1) }),
        ("clamp max", .notBool, { $0.clamp(max: $1) }), ("clamp", .notBool, { $0.clamp(min: $1, max: $1) }),
        ("pow", .notBool, { $0.pow($1) }), ("pow of a number", .notBool, { Tensor.pow($1, $0) }),
        ("floorDivide", .notBool, { $0.floorDivide($1) }), ("remainder", .notBool, { $0 % $1 }), ("fmod", .notBool, { $0.fmod($1) }),
        ("/", .float, { $0 / $1 }), ("/ reversed", .float, { $1 / $0 }), ("eq", .bool, { $0.eq($1) }), ("lt", .bool, { $0.lt($1) }),
    ]

    @Test func `numbers promote by one rule`() {
        var complaints: [String] = []
        for a in DType.allCases {
            for (column, number) in [Scalar.bool(true), .int(1), .double(1.5)].enumerated() {
                let promoted = Self.entry(Self.besideNumber, a, column)
                for (name, result, call) in Self.numberFunctions {
                    for x in [Tensor.ones([2], dtype: a), Tensor.ones([], dtype: a)] {
                        let found = dtype { call(x, number) }
                        if found != result(promoted) {
                            complaints.append("\(name) of \(a) \(x.shape) and \(number) is \(found.map { "\($0)" } ?? "refused")")
                        }
                    }
                }
                // Values assigned to a tensor are converted to its dtype.
                for x in [Tensor.ones([2], dtype: a), Tensor.ones([], dtype: a)] {
                    for result in [
                        x.maskedFill(x.eq(x), number), x.indexFill(dim: 0, Tensor([0]), number), x.scatter(0, Tensor([0]), number),
                        Tensor.full(like: x, number),
                    ] where result.dtype != a {
                        complaints.append("\(number) put into \(a) makes \(result.dtype)")
                    }
                }
            }
        }
        expectNone(complaints)
    }

    @Test func `values after promotion`() {
        let i = Tensor([1, 2, 3])
        expectEqual(i.clamp(max: 2.5), Tensor([1, 2, 2.5]))
        expectEqual(i.clamp(min: 1.5, max: 2), Tensor([1.5, 2, 2]))
        expectEqual(i.clamp(min: -Double.infinity), Tensor([1.0, 2, 3]))
        expectEqual(i.to(.int8).clamp(min: -300, max: 300), i.to(.int8))
        expectEqual(Tensor([true, false]).clamp(max: 2), Tensor([1, 0]))
        #expect((try? checked { i.clone().clamp_(max: 2.5) }) == nil)
        // Functions that keep integers in PyTorch truncate fractional arguments.
        expectEqual(i.hardtanh(minVal: -1.5, maxVal: 2.5), Tensor([1, 2, 2]))
        expectEqual(i.threshold(1, 5), Tensor([5, 2, 3]))
        expectEqual(Tensor([-2, -1, 0, 1]).threshold(-1.5, 5.5), Tensor([5, -1, 0, 1]))
        expectEqual(Tensor([UInt8(1), 2, 3]).threshold(1, 300), Tensor([UInt8(255), 2, 3]))
        expectClose(Tensor([0, 1]).logit(eps: 0.1), [-2.1972246, 2.1972246])
        expectEqual(Tensor([1, 2]).maskedFill(Tensor([true, false]), 2.5), Tensor([2, 2]))
        expectEqual(Tensor([true, false]).maskedFill(Tensor([true, true]), 2.5), Tensor([true, true]))
        expectEqual(Tensor([1, 2]).indexFill(dim: 0, Tensor([0]), 2.5), Tensor([2, 2]))
        expectEqual(Tensor([true, false]).sign(), Tensor([true, false]))
        expectEqual(Tensor([true, false]).square(), Tensor([1, 0]))
        expectEqual(Tensor([true, false]).pow(2), Tensor([1, 0]))
        // Promotion precedes multiplication, so that nothing wraps or overflows.
        let large = Tensor([100, 100]).to(.int8), half = Tensor([300.0, 600]).half()
        expectEqual(Tensor([1, 2]).addcmul(large, large), Tensor([10_001, 10_002]))
        expectEqual(Tensor([1.0, 2]).addcmul(half, half), Tensor([90_001.0, 360_002]))
        expectClose(Tensor([1.0, 2]).addcdiv(Tensor([10.0, 20]).half(), Tensor([3.0, 6]).half()), [4.3333330, 5.3333330])
        expectEqual(Tensor([1, 2]).addcmul(Tensor([1, 2]), Tensor(2.5)), Tensor([3.5, 7]))
        #expect((try? checked { Tensor([1]).add(Tensor([1]), alpha: 2.5) }) == nil)
        // Divisors outside the range of the dtype, as numbers and as a tensor.
        let bytes = Tensor([UInt8(0), 100, 255])
        for n in [256, 300, 1 << 40] {
            expectEqual(bytes % n, bytes)
            expectEqual(bytes.fmod(n), bytes)
            expectEqual(bytes.floorDivide(n), Tensor([UInt8(0), 0, 0]))
        }
        expectEqual(Tensor([Int8(-100), 100]).fmod(300), Tensor([Int8(-100), 100]))
        expectEqual(Tensor([Int8(-100), 100]).floorDivide(300), Tensor([Int8(-1), 0]))
        #expect((try? checked { bytes % Tensor(256) }) == nil)
        // Comparisons with numbers outside the range of the dtype.
        for dtype in DType.integers where dtype != .int64 {
            for (number, above) in [(Int64(1) << 40 + 44, false), (-1 - Int64(1) << 40, true), (dtype == .uint8 ? -1 : Int64.min, true)] {
                let x = Tensor([44, 2, 127], dtype: dtype), yes = [above, above, above], no = [!above, !above, !above]
                for (name, found, expected) in [
                    ("gt", x.gt(number), yes), ("ge", x .>= number, yes), ("lt", x.lt(number), no), ("le", x .<= number, no),
                    ("eq", x.eq(number), [false, false, false]), ("ne", x.ne(number), [true, true, true]),
                ] { #expect(found.array(Bool.self) == expected, "\(name)(\(number)) of \(dtype)") }
            }
        }
        expectEqual(Tensor([true, false]).add(Tensor([true, true]), alpha: 0), Tensor([true, false]))
    }

    @Test func `sums with products of integers stay integers`() {
        for dtype in DType.integers {
            let a = Tensor([1, 2, 3, 4], shape: [2, 2], dtype: dtype)
            func expect(_ result: Tensor, _ numbers: [Int64]) { expectEqual(result, Tensor(numbers, shape: result.shape, dtype: dtype)) }
            expect(a.addmm(a, a), [8, 12, 18, 26])
            expect(a.addmm(a, a, beta: 2, alpha: 3), [23, 34, 51, 74])
            expect(a.addmm(a, a, beta: 2.0, alpha: 3.0), [23, 34, 51, 74])
            expect(a.addmm(a, a, beta: 2.5, alpha: 1), [9, 14, 21, 30])
            expect(a.addmm(a, a, beta: 0, alpha: 1), [7, 10, 15, 22])
            let batch = a.unsqueeze(0)
            expect(batch.baddbmm(batch, batch, beta: 2, alpha: 3), [23, 34, 51, 74])
            expect(Tensor([1, 2], dtype: dtype).addmm(a, a), [8, 12, 16, 24])
        }
        let odd = Int64(1) << 53 + 1
        #expect(integers(Tensor([[1]]).addmm(Tensor([[1]]), Tensor([[1]]), beta: odd, alpha: odd)) == [2 * odd])
        // With β = 0 the summand is ignored.
        let x = Tensor([1.0, 2, 3, 4], shape: [2, 2]), nothing = Tensor.full([2, 2], Double.nan).requiresGrad_()
        let y = nothing.addmm(x, x, beta: 0)
        expectClose(y, [7, 10, 15, 22])
        y.sum().backward()
        expectClose(nothing.grad!, [0, 0, 0, 0])
        expectClose(nothing.detach().unsqueeze(0).baddbmm(x.unsqueeze(0), x.unsqueeze(0), beta: 0), [7, 10, 15, 22])
        #expect((try? checked { Tensor.ones([3, 2, 2]).addmm(x, x) }) == nil)
    }
}
