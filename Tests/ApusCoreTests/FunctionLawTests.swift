import ApusCore
import ApusNN
import TestSupport
import Testing

/// Rules that hold for all functions alike, checked over all of them.
@Suite struct FunctionLawTests {
    /// A tensor without dimensions accepts the dims 0 and −1, as if it had one element in one dimension.
    @Test func `scalars have dimension 0`() {
        let s = Tensor(5.0)
        let i0 = Tensor(0), i1 = Tensor([0]), i2 = Tensor([0, 0]), none = Tensor([Int](), shape: [0])
        for dim in [0, -1] {
            func expect(_ name: String, _ call: @autoclosure () -> Tensor, _ shape: Shape, _ numbers: [Double]) {
                do {
                    let found = try checked { call() }
                    #expect(found.shape == shape && values(found) == numbers, "\(name) along \(dim): \(found.shape) \(values(found))")
                } catch { Issue.record("\(name) along \(dim): \(error)") }
            }
            func refuse(_ name: String, _ call: @autoclosure () -> Tensor) {
                #expect(throws: OpError.self, "\(name) along \(dim)") { try checked { call() } }
            }
            expect("indexSelect", s.indexSelect(dim: dim, i0), [], [5])
            expect("indexSelect", s.indexSelect(dim: dim, i1), [], [5])
            refuse("indexSelect of two", s.indexSelect(dim: dim, i2))
            refuse("indexSelect of none", s.indexSelect(dim: dim, none))
            refuse("indexSelect outside", s.indexSelect(dim: dim, Tensor([1])))
            for (index, value) in [(i0, 7.0), (i1, 7), (i2, 7), (none, 5)] {
                expect("indexFill", s.indexFill(dim: dim, index, 7), [], [value])
            }
            expect("indexAdd", s.indexAdd(dim: dim, i0, Tensor(2.0)), [], [7])
            expect("indexAdd", s.indexAdd(dim: dim, i1, Tensor(2.0)), [], [7])
            refuse("indexAdd of a vector", s.indexAdd(dim: dim, i1, Tensor([2.0])))
            expect("gather", s.gather(dim, i0), [], [5])
            expect("gather", s.gather(dim, i1), [1], [5])
            expect("gather", s.gather(dim, i2), [2], [5, 5])
            expect("gather", s.gather(dim, none), [0], [])
            expect("scatter", s.scatter(dim, i0, Tensor(2.0)), [], [2])
            expect("scatter", s.scatter(dim, i2, Tensor([2.0, 3.0])), [], [3])
            expect("scatter", s.scatter(dim, i1, 2.0), [], [2])
            expect("scatter", s.scatter(dim, none, Tensor.zeros([0])), [], [5])
            expect("scatterAdd", s.scatterAdd(dim, i2, Tensor([2.0, 3.0])), [], [10])
            expect("scatterReduce", s.scatterReduce(dim, i1, Tensor([2.0]), reduce: .prod), [], [10])
            for keepDim in [false, true] {
                for (name, pair) in [
                    ("kthvalue", s.kthvalue(1, dim: dim, keepDim: keepDim)), ("median", s.median(dim: dim, keepDim: keepDim)),
                    ("max", s.max(dim: dim, keepDim: keepDim)), ("min", s.min(dim: dim, keepDim: keepDim)),
                ] {
                    expect(name, pair.values, [], [5])
                    expect("\(name)'s place", pair.indices, [], [0])
                }
                expect("quantile", s.quantile(0.3, dim: dim, keepDim: keepDim), [], [5])
                expect("quantile", s.quantile(Tensor([0.5, 0.2]), dim: dim, keepDim: keepDim), [2], [5, 5])
                expect("argmax", s.argmax(dim: dim, keepDim: keepDim), [], [0])
                for (name, call) in [
                    ("sum", { $0.sum(dim: dim, keepDim: keepDim) }), ("mean", { $0.mean(dim: dim, keepDim: keepDim) }),
                    ("prod", { $0.prod(dim: dim, keepDim: keepDim) }), ("amax", { $0.amax(dim: [dim], keepDim: keepDim) }),
                    ("norm", { $0.norm(dim: dim, keepDim: keepDim) }), ("logsumexp", { $0.logsumexp(dim: dim, keepDim: keepDim) }),
                ] as [(String, (Tensor) -> Tensor)] { expect(name, call(s), [], [5]) }
                expect("var", s.var(dim: dim, correction: 0, keepDim: keepDim), [], [0])
                expect("std", s.std(dim: dim, correction: 0, keepDim: keepDim), [], [0])
                expect("all", s.all(dim: dim, keepDim: keepDim), [], [1])
                expect("any", s.any(dim: dim, keepDim: keepDim), [], [1])
            }
            refuse("kthvalue 2", s.kthvalue(2, dim: dim).values)
            expect("sort", s.sort(dim: dim).values, [], [5])
            expect("argsort", s.argsort(dim: dim), [], [0])
            expect("topk", s.topk(1, dim: dim).values, [], [5])
            expect("unfold 0", s.unfold(dim, 0, 1), [0], [])
            expect("unfold 1", s.unfold(dim, 1, 1), [1], [5])
            refuse("unfold 2", s.unfold(dim, 2, 1))
            expect("cumsum", s.cumsum(dim: dim), [], [5])
            expect("cumprod", s.cumprod(dim: dim), [], [5])
            expect("flip", s.flip(dim), [], [5])
            refuse("roll", s.roll(1, dim: dim))
            expect("softmax", s.softmax(dim: dim), [], [1])
            expect("logSoftmax", s.logSoftmax(dim: dim), [], [0])
            expect("squeeze", s.squeeze(dim), [], [5])
            expect("unsqueeze", s.unsqueeze(dim), [1], [5])
            expect("flatten", s.flatten(startDim: dim, endDim: dim), [1], [5])
            expect("movedim", s.movedim(dim, dim), [], [5])
            expect("transpose", s.transpose(dim, dim), [], [5])
            expect("stack", Tensor.stack([s, s], dim: dim), [2], [5, 5])
            expect("softmin", F.softmin(s, dim: dim), [], [1])
            expect("normalize", F.normalize(s, dim: dim), [], [1])
            expect("cosineSimilarity", F.cosineSimilarity(s, s, dim: dim), [], [1])
            expect("gumbelSoftmax", F.gumbelSoftmax(s, hard: true, dim: dim), [], [1])
            refuse("glu", F.glu(s, dim: dim))
            for (name, call) in [
                ("select", { $0.select(dim, 0) }), ("narrow", { $0.narrow(dim, 0, 1) }), ("split", { $0.split(1, dim: dim)[0] }),
                ("chunk", { $0.chunk(1, dim: dim)[0] }), ("unbind", { $0.unbind(dim: dim)[0] }),
                ("unflatten", { $0.unflatten(dim, [1]) }), ("repeatInterleave", { $0.repeatInterleave(2, dim: dim) }),
                ("unique", { $0.unique(dim: dim).values }), ("cat", { Tensor.cat([$0, $0], dim: dim) }),
            ] as [(String, (Tensor) -> Tensor)] { refuse(name, call(s)) }
        }
        // All functions refuse other dims.
        for (name, call) in [
            ("indexSelect", { $0.indexSelect(dim: 1, i1) }), ("indexFill", { $0.indexFill(dim: 1, i1, 7) }),
            ("gather", { $0.gather(1, none) }), ("scatter", { $0.scatter(-2, none, Tensor.zeros([0])) }),
            ("kthvalue", { $0.kthvalue(1, dim: 1).values }),
            ("median", { $0.median(dim: 1).values }), ("quantile", { $0.quantile(0.5, dim: 1) }), ("unfold", { $0.unfold(1, 1, 1) }),
            ("sum", { $0.sum(dim: 1) }), ("sort", { $0.sort(dim: -2).values }), ("softmax", { $0.softmax(dim: 1) }),
        ] as [(String, (Tensor) -> Tensor)] {
            #expect(throws: OpError.self, "\(name) of a scalar along another dim") { try checked { call(s) } }
        }
        // The scalar gets a gradient.
        let x = Tensor(5.0).requiresGrad_()
        let parts =
            x.indexSelect(dim: 0, i1) + x.indexFill(dim: 0, i1, 7) + x.indexAdd(dim: 0, i0, x) + x.kthvalue(1).values
            + x.median(dim: 0).values + x.quantile(0.5, dim: 0)
        (parts + x.unfold(0, 1, 1).sum() + x.gather(0, i2).sum()).backward()
        #expect(x.grad!.item() == 9)
    }

    /// An index without elements may have any shape, as in PyTorch: nothing is read or written.
    @Test func `empty indices`() {
        let x = Tensor((0..<6).map(Double.init), shape: [2, 3]).requiresGrad_()
        for shape in [[0], [0, 3], [2, 0], [1, 0, 2], [0, 5], [5, 0]] as [Shape] {
            let none = Tensor.zeros(shape, dtype: .int64), source = Tensor.zeros(shape)
            for dim in [0, 1] {
                #expect(x.gather(dim, none).shape == shape)
                for y in [
                    x.scatter(dim, none, source), x.scatter(dim, none, 1.0), x.scatterAdd(dim, none, source),
                    x.scatterReduce(dim, none, source, reduce: .amax),
                ] { expectEqual(y, x) }
                (x.gather(dim, none).sum() + x.scatter(dim, none, source).sum()).backward()
            }
        }
        expectClose(x.grad!, [Double](repeating: 12, count: 6))
        expectEqual(x.indexSelect(dim: 1, Tensor.zeros([0], dtype: .int64)), Tensor.zeros([2, 0]))
        #expect(throws: OpError.self) { try checked { x.indexSelect(dim: 0, Tensor.zeros([0, 3], dtype: .int64)) } }
        #expect(throws: OpError.self) { try checked { x.indexFill(dim: 0, Tensor([[0]]), 1) } }
    }

    // MARK: Meaningless calls

    @Test func refusals() {
        let x = Tensor([1.0, 2]), mask = Tensor([true, false])
        for (name, call) in [
            ("a negative rtol", { x.isclose(x, rtol: -1) }), ("a negative atol", { x.isclose(x, atol: -1) }),
            ("a NaN tolerance", { x.isclose(x, rtol: .nan) }), ("allclose", { Tensor(x.allclose(x, atol: -1e-9)) }),
            ("a fill value with a dimension", { x.maskedFill(mask, Tensor([1.0])) }), ("no shifts", { x.roll([], dims: []) }),
            ("no shifts for a dim", { x.roll([], dims: [0]) }), ("two shifts without dims", { x.roll([1, 1], dims: []) }),
            ("a diagonal of 1 × 3", { Tensor.einsum("ii->i", Tensor.ones([1, 3])) }),
            ("a diagonal of 3 × 1", { Tensor.einsum("ii->i", Tensor.ones([3, 1])) }),
            ("a trace of 1 × 3", { Tensor.einsum("ii", Tensor.ones([1, 3])) }),
            ("a diagonal of 0 × 1", { Tensor.einsum("ii->i", Tensor.ones([0, 1])) }),
            ("an index that is a matrix", { x.indexSelect(dim: 0, Tensor([[0]])) }),
            ("integers that uint8 has not", { Tensor.randint(300, [2], dtype: .uint8) }),
            ("negative bytes", { Tensor.randint(-1, 5, [2], dtype: .uint8) }),
            ("integers that float16 has not", { Tensor.randint(70_000, [2], dtype: .float16) }),
        ] as [(String, () -> Tensor)] {
            #expect(throws: OpError.self, Comment(rawValue: name)) { try checked { call() } }
        }
        expectEqual(x.roll([1], dims: []), Tensor([2.0, 1]))
        // A label whose extents differ broadcasts the extent 1.
        expectEqual(Tensor.einsum("ii,i->i", Tensor.ones([1, 1]), Tensor.ones([3])), Tensor.ones([3]))
        expectEqual(Tensor.einsum("ii,ii->i", Tensor.ones([1, 1]), Tensor.ones([3, 3])), Tensor.ones([3]))
        expectEqual(Tensor.einsum("iij->j", Tensor.ones([2, 2, 1])), Tensor([2.0]))
    }

    @Test func `closeness of integers`() {
        for dtype in DType.integers where dtype != .int8 {
            let (a, b) = (Tensor([100, 200], dtype: dtype), Tensor([101, 204], dtype: dtype))
            for (x, y) in [(a, b), (b, a)] {
                expectEqual(x.isclose(y, rtol: 0.01), Tensor([true, false]))
                expectEqual(x.isclose(y, rtol: 0, atol: 1.5), Tensor([true, false]))
                #expect(x.allclose(y, atol: 5) && !x.allclose(y, atol: 3))
            }
        }
        expectEqual(
            Tensor([Int64.min, .max, 1 << 62]).isclose(Tensor([Int64.max, .min, 1 << 62 + 1]), rtol: 0, atol: 5),
            Tensor([false, false, true]))
        expectEqual(Tensor([1 << 62]).isclose(Tensor([1 << 62 + 1]), rtol: 0, atol: 0), Tensor([false]))
        let (x, y) = (
            Tensor([Double.infinity, .infinity, 1, .nan, -.infinity]), Tensor([Double.infinity, 1, .infinity, .nan, -.infinity])
        )
        expectEqual(x.isclose(y, rtol: .infinity), Tensor([true, false, false, false, true]))
        expectEqual(x.isclose(y, equalNan: true), Tensor([true, false, false, true, true]))
    }

    /// Counts are not in the elements' dtype: a 16-bit type cannot represent 70,000, nor every integer above 2,048.
    @Test func `counts beside half types`() {
        let n = 70_000
        for dtype in [DType.float16, .bfloat16] {
            let step = dtype == .float16 ? 0x1p-11 : 0x1p-8
            let x = Tensor.ones([n], dtype: dtype).requiresGrad_()
            x.mean().backward()
            expectClose(x.grad![0], [1 / Double(n)], rtol: dtype == .float16 ? 5e-3 : step, atol: 0, "mean, \(dtype)")
            for (name, f) in [("amax", { $0.amax() }), ("median", { $0.median() })] as [(String, (Tensor) -> Tensor)] {
                let x = Tensor.ones([n], dtype: dtype).requiresGrad_()
                (f(x) * 1024).backward()
                expectClose(x.grad![7], [1024 / Double(n)], rtol: step, atol: 0, "\(name), \(dtype)")
            }
            expectClose(Tensor([1.0, 60_000], dtype: dtype) / 70_000, [1 / 70_000, 6.0 / 7], rtol: 5e-3, atol: 0, "a quotient, \(dtype)")
            // Indices among 5,000 elements, all of them different.
            let sorted = Tensor.arange(5000, dtype: .float32)
            let halves = (sorted / 1024).to(dtype)
            for q in [0.2, 0.7, 0.9998, 1] {
                let place = q * 4999
                let (low, high) = (values(halves[Int(place)])[0], values(halves[Int(place.rounded(.up))])[0])
                expectClose(
                    halves.quantile(q), [low + (high - low) * (place - place.rounded(.down))], rtol: step, atol: 0,
                    "quantile \(q), \(dtype)")
            }
            let several = Tensor([0.25, 1.0], dtype: dtype)
            expectClose(
                halves.quantile(several, dim: 0), [(values(halves[1249])[0] + 3 * values(halves[1250])[0]) / 4, values(halves[4999])[0]],
                rtol: step, atol: 0, "quantiles, \(dtype)")
        }
        let sorted = Tensor.arange(100_001, dtype: .float32)
        for q in [0.7, 0.123456789, 0.99999] {
            expectClose(sorted.quantile(q), [q * 100_000], rtol: 1e-7, atol: 0, "quantile \(q) of 100,001 elements")
        }
    }

    // MARK: Gradients that are shared

    @Test func `the median's gradient is shared by equals`() {
        for (numbers, gradient) in [
            ([1, 2, 2, 3], [0, 0.5, 0.5, 0]), ([2, 2, 2], [1.0 / 3, 1.0 / 3, 1.0 / 3]), ([1, .nan, .nan, 2], [0, 0.5, 0.5, 0]),
            ([3, 1, 2], [0, 0, 1]), ([1, 1, 2, 2], [0.5, 0.5, 0, 0]),
        ] as [([Double], [Double])] {
            let x = Tensor(numbers).requiresGrad_()
            x.median().backward()
            expectClose(x.grad!, gradient, "median of \(numbers)")
            let y = Tensor(numbers).requiresGrad_()
            y.median(dim: 0).values.backward()
            #expect(values(y.grad!).sorted() == [Double](repeating: 0, count: numbers.count - 1) + [1])
        }
    }
}
