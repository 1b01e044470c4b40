import ApusCore
import Foundation
import TestSupport
import Testing

/// Functions with every dtype: each backend computes the dtypes that a function accepts, as the reference does; others are reported as
/// errors. A missing kernel ends the program, and so this test. (`BackendTests+Rules.swift` tests the pointwise ones.)
@Suite("Backends: dtypes") struct DTypeBackendTests {
    /// The dtypes to test. Devices compile a kernel for each, so they get a few here, and the others in the tests of the families.
    private static func dtypes(_ device: Device, few: [DType] = [.bool, .uint8, .float16]) -> [DType] {
        device.sharesHostMemory ? DType.allCases : few
    }

    /// Numbers that every dtype can represent, some of them outside a function's domain.
    private static func numbers(_ dtype: DType, _ device: Device) -> Tensor {
        let fractions = [0, 0.25, 0.5, 0.75, 1, 2, 3]
        return moved(reference(dtype.isFloatingPoint ? fractions : fractions.map { ($0 * 2).rounded(.down) }, [7], dtype), to: device)
    }

    /// Expects the reference's result on the device; with `expected` nil, an error on both.
    private static func expect(_ expected: DType?, _ device: Device, _ tolerance: Tolerance, _ what: String, _ call: (Device) -> Tensor) {
        var results: [Tensor] = []
        for place in [Device.reference, device] {
            do {
                let result = try checked { call(place) }
                #expect(expected != nil, "\(what) on \(place) is not refused")
                #expect(result.dtype == expected, "\(what) on \(place)")
                results.append(result)
            } catch {
                #expect(expected == nil && error is OpError, "\(what) on \(place): \(error)")
            }
        }
        if results.count == 2 {
            BackendTests.complain(tolerance.difference(Twin(reference: results[0], tested: results[1])), "\(what) on \(device)")
        }
    }

    /// The other families, by functions that use them, and the dtypes that each accepts.
    enum Takes: Sendable { case all, noBool, floats, integers }
    static let functions: [(name: String, takes: Takes, result: DType?, call: @Sendable (Tensor) -> Tensor)] = [
        ("sum", .all, nil, { $0.sum(dtype: $0.dtype) }), ("prod", .all, nil, { $0.prod(dtype: $0.dtype) }),
        ("amin", .all, nil, { $0.amin() }), ("amax", .all, nil, { $0.amax(dim: [0]) }),
        ("min", .all, nil, { $0.min(dim: 0).values }), ("max", .all, .int64, { $0.max(dim: 0).indices }),
        ("any", .all, .bool, { $0.any() }), ("all", .all, .bool, { $0.all(dim: 0) }),
        ("mean", .floats, nil, { $0.mean() }), ("argmax", .all, .int64, { $0.argmax() }), ("argmin", .all, .int64, { $0.argmin(dim: 0) }),
        ("cumsum", .all, nil, { $0.cumsum(dim: 0, dtype: $0.dtype) }), ("cumprod", .all, nil, { $0.cumprod(dim: 0, dtype: $0.dtype) }),
        ("sort", .all, nil, { $0.sort(descending: true).values }), ("argsort", .all, .int64, { $0.argsort() }),
        ("topk", .all, nil, { $0.topk(2).values }), ("kthvalue", .all, nil, { $0.kthvalue(2).values }),
        ("median", .all, nil, { $0.median() }), ("unique", .all, nil, { $0.unique().values }),
        ("quantile", .floats, nil, { $0.quantile(0.3) }), ("nonzero", .all, .int64, { $0.nonzero() }),
        ("eq", .all, .bool, { $0.eq($0.flip(0)) }), ("lt", .all, .bool, { $0.lt($0.flip(0)) }),
        ("where", .all, nil, { Tensor.where($0.gt($0.flip(0)), $0, $0.flip(0)) }),
        ("maskedFill", .all, nil, { $0.maskedFill($0.ne(0), 1) }), ("maskedSelect", .all, nil, { $0.maskedSelect($0.ne(0)) }),
        ("cat", .all, nil, { Tensor.cat([$0, $0.flip(0)]) }),
        ("indexSelect", .all, nil, { $0.indexSelect(dim: 0, places($0)) }),
        ("indexAdd", .all, nil, { $0.indexAdd(dim: 0, places($0), $0.narrow(0, 0, 3)) }),
        ("indexFill", .all, nil, { $0.indexFill(dim: 0, places($0), 1) }),
        ("gather", .all, nil, { $0.gather(0, places($0)) }), ("scatter", .all, nil, { $0.scatter(0, places($0), $0.narrow(0, 4, 3)) }),
        ("scatterAdd", .all, nil, { $0.scatterAdd(0, places($0), $0) }),
        ("scatter prod", .all, nil, { $0.scatterReduce(0, places($0), $0, reduce: .prod) }),
        ("scatter amin", .all, nil, { $0.scatterReduce(0, places($0), $0, reduce: .amin) }),
        ("scatter amax", .all, nil, { $0.scatterReduce(0, places($0), $0, reduce: .amax) }), ("matmul", .noBool, nil, { $0.matmul($0) }),
        ("outer", .all, nil, { $0.outer($0) }),
        ("softmax", .floats, nil, { $0.softmax(dim: 0) }), ("logSoftmax", .floats, nil, { $0.logSoftmax(dim: 0) }),
        ("clamp", .noBool, nil, { $0.clamp(min: 1, max: 2) }),
        ("clamp by tensors", .all, nil, { $0.clamp(min: $0.flip(0), max: $0.roll(1)) }), ("sign", .all, nil, { $0.sign() }),
        ("threshold", .noBool, nil, { $0.threshold(1, 3) }),
        ("hardtanh", .noBool, nil, { $0.hardtanh() }), ("pad", .all, nil, { $0.pad([1, 2], value: 1) }),
        ("roll", .all, nil, { $0.roll(2, dim: 0) }), ("addcmul", .all, nil, { $0.addcmul($0, $0, value: 2) }),
        ("add alpha", .all, nil, { $0.add($0, alpha: 3) }), ("full", .all, nil, { Tensor.full(like: $0, 1.5) }),
        ("tril", .all, nil, { $0.outer($0).tril() }), ("isclose", .all, .bool, { $0.isclose($0.flip(0), atol: 1) }),
        ("shift", .integers, nil, { $0 << $0 }), ("norm", .floats, nil, { $0.norm() }),
        ("einsum", .noBool, nil, { Tensor.einsum("i,i->", $0, $0) }),
    ]
    private static func places(_ x: Tensor) -> Tensor { Tensor([5, 0, 5], device: x.device) }

    @Test(arguments: BackendTests.devices) func functions(_ device: Device) {
        for (name, takes, result, call) in Self.functions {
            for dtype in Self.dtypes(device, few: [.bool]) {
                let isTaken =
                    switch takes {
                    case .all: true
                    case .noBool: dtype != .bool || name == "clamp"
                    case .floats: dtype.isFloatingPoint
                    case .integers: dtype.isInteger
                    }
                // A bool together with an integer bound is promoted to int64.
                let expected = result ?? (dtype == .bool && name == "clamp" ? .int64 : dtype)
                Self.expect(isTaken ? expected : nil, device, .formula, "\(name) of \(dtype)") { call(Self.numbers(dtype, $0)) }
            }
        }
    }

    /// Conversions between all dtypes, also of numbers out of range: float to integer truncates or saturates, and NaN becomes 0;
    /// an integer keeps its low bits.
    @Test(arguments: BackendTests.devices) func conversions(_ device: Device) {
        let numbers: [Double] = [
            3e9, -3e9, 1e20, -1e20, .nan, .infinity, -.infinity, 300, -1, 256.7, 2_147_483_647.5, -2_147_483_648.5, 127.9, -128.9, 255.9,
            -0.9, 0.9, 32_768, -32_769, 0x1p63, -0x1p63, 0x1p53, 5e4,
        ]
        for to in Self.dtypes(device, few: [.bool, .uint8, .int32]) where !to.isFloatingPoint {
            let (low, high): (Int64, Int64) =
                to == .bool ? (0, 1) : to == .uint8 ? (0, 255) : (-1 << (8 * to.size - 1), ~(-1 << (8 * to.size - 1)))
            func nearest(_ x: Double) -> Int64 {
                if to == .bool { return x == 0 ? 0 : 1 }
                return x.isNaN ? 0 : x <= Double(low) ? low : x >= Double(high) ? high : Int64(x)
            }
            for from in DType.floats
            where device.sharesHostMemory || from == .float32 || from == .float16 || from == .float64 && device.facts?.hasFloat64 == true {
                let x = moved(reference(numbers, [numbers.count], from), to: device)
                let expected = values(x).map(nearest)
                #expect(integers(x.to(to)) == expected, "\(from) to \(to) on \(device)")
                if device.sharesHostMemory || from == .float32 {
                    #expect(
                        integers(x.unsqueeze(1).expand(numbers.count, 2).t().to(to)[1]) == expected,
                        "\(from) to \(to) by strides on \(device)")
                }
            }
            for number in device.sharesHostMemory ? numbers : [3e9, -1, .nan] {
                let expected = [Int64](repeating: nearest(number), count: 3)
                #expect(integers(Tensor.full([3], number, dtype: to, device: device)) == expected, "full(\(number)) of \(to) on \(device)")
                #expect(
                    integers(Tensor([number, number, number], dtype: to, device: device)) == expected,
                    "Tensor(\(number)) of \(to) on \(device)")
                let x = Tensor.zeros([3], dtype: to, device: device)
                x.fill_(number)
                #expect(integers(x) == expected, "fill_(\(number)) of \(to) on \(device)")
                #expect(integers(x.maskedFill(x.eq(x), number)) == expected, "maskedFill(\(number)) of \(to) on \(device)")
            }
            // Integers keep their low bits, in scalar and in vector code.
            if to != .bool {
                for number in [Int64(300), -1, 1 << 40 + 7, .max, .min] {
                    let expected = [integers(reference([number], [1], to))[0]]
                    #expect(
                        integers(Tensor([number], dtype: to, device: device)) == expected
                            && integers(Tensor.full([1], number, dtype: to, device: device)) == expected, "\(number) to \(to)")
                }
            }
        }
        for number in numbers where number.isNaN || number != 5e4 {
            let x = Tensor([number], dtype: .float32, device: device)
            let float = Double(Float(number))
            #expect(x.array(Int.self)[0] == (float.isNaN ? 0 : float >= 0x1p63 ? .max : float < -0x1p63 ? .min : Int(float)))
            #expect(x.array(UInt8.self)[0] == (float.isNaN ? 0 : UInt8(max(0, min(255, float)))))
            #expect(x.array(Int32.self)[0] == (float.isNaN ? 0 : Int32(max(-0x1p31, min(0x1p31 - 1, float)))))
        }
    }

    /// Integers beyond 2⁵³, which Double cannot represent: every function of an integer tensor and an integer is exact.
    @Test(arguments: BackendTests.devices) func `integers keep all their bits`(_ device: Device) {
        let odd: Int64 = 1 << 53 + 1, large: Int64 = .max - 2
        let x = Tensor([Int64(3), -5, odd, 1 << 60 + 1], shape: [4], device: device)
        let numbers = integers(x)
        func expect(_ result: Tensor, _ what: String, _ expected: (Int64) -> Int64) {
            #expect(integers(result) == numbers.map(expected), "\(what) on \(device)")
        }
        for n in [odd, -odd, large] {
            let ones = Tensor.ones(like: x)
            expect(x.add(ones, alpha: n), "add alpha \(n)") { $0 &+ n }
            expect(x.clone().add_(ones, alpha: n), "add_ alpha \(n)") { $0 &+ n }
            expect(x + n, "x + \(n)") { $0 &+ n }
            expect(x - n, "x − \(n)") { $0 &- n }
            expect(n - x, "\(n) − x") { n &- $0 }
            expect(x * n, "x · \(n)") { $0 &* n }
            expect(x.clamp(min: n), "clamp min \(n)") { max($0, n) }
            expect(x.clamp(max: n), "clamp max \(n)") { min($0, n) }
            expect(x.clone().clamp_(min: 4, max: n), "clamp_ \(n)") { min(max($0, 4), n) }
            expect(x.remainder(n), "remainder \(n)") {
                let r = $0 % n; return r != 0 && (r < 0) != (n < 0) ? r + n : r
            }
            expect(x.maskedFill(x.eq(3), n), "maskedFill \(n)") { $0 == 3 ? n : $0 }
            expect(Tensor.full(like: x, n), "full \(n)") { _ in n }
            expect(x.eq(n), "eq \(n)") { $0 == n ? 1 : 0 }
            expect(x.gt(n - 1), "gt \(n - 1)") { $0 > n - 1 ? 1 : 0 }
            expect(Tensor.where(x.lt(0), x, n), "where \(n)") { $0 < 0 ? $0 : n }
            expect(x.addcmul(ones, ones, value: n), "addcmul \(n)") { $0 &+ n }
        }
        expect(x.pow(3), "pow 3") { $0 &* $0 &* $0 }
    }
}
