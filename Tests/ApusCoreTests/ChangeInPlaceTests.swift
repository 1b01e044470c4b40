import ApusCore
import TestSupport
import Testing

/// In-place changes: the values written, and the gradients.
@Suite struct ChangeInPlaceTests {
    // MARK: Compound assignment

    /// `x[…] op= y` changes that part of x, whether the subscript returns a view or a copy, as `x[…] = x[…] op y` does.
    @Test func compoundAssignmentOfParts() {
        let x = Tensor.zeros([4])
        x[[0, 2]] += 1
        x[x.eq(0)] -= 5
        expectClose(x, [1, -5, 1, -5])

        let value = Tensor([2.0, 4.0])
        let mask = Tensor([false, true, false, true])
        let forms: [(String, (Tensor) -> Void, (Tensor) -> Void)] = [
            ("list += number", { $0[[1, 3]] += 2 }, { $0[[1, 3]] = $0[[1, 3]] + 2 }),
            ("list -= number", { $0[[1, 3]] -= 2 }, { $0[[1, 3]] = $0[[1, 3]] - 2 }),
            ("list *= number", { $0[[1, 3]] *= 2 }, { $0[[1, 3]] = $0[[1, 3]] * 2 }),
            ("list /= number", { $0[[1, 3]] /= 2 }, { $0[[1, 3]] = $0[[1, 3]] / 2 }),
            ("list %= number", { $0[[1, 3]] %= 2 }, { $0[[1, 3]] = $0[[1, 3]] % 2 }),
            ("list += tensor", { $0[[1, 3]] += value }, { $0[[1, 3]] = $0[[1, 3]] + value }),
            ("list -= tensor", { $0[[1, 3]] -= value }, { $0[[1, 3]] = $0[[1, 3]] - value }),
            ("list *= tensor", { $0[[1, 3]] *= value }, { $0[[1, 3]] = $0[[1, 3]] * value }),
            ("list /= tensor", { $0[[1, 3]] /= value }, { $0[[1, 3]] = $0[[1, 3]] / value }),
            ("list %= tensor", { $0[[1, 3]] %= value }, { $0[[1, 3]] = $0[[1, 3]] % value }),
            ("indices += number", { $0[Tensor([0, -1])] += 2 }, { $0[Tensor([0, -1])] = $0[Tensor([0, -1])] + 2 }),
            ("mask -= tensor", { $0[mask] -= value }, { $0[mask] = $0[mask] - value }),
            ("mask *= number", { $0[mask] *= 3 }, { $0[mask] = $0[mask] * 3 }),
            ("integer += number", { $0[1] += 2 }, { $0[1] = $0[1] + 2 }),
            ("range *= tensor", { $0[1..<3] *= value }, { $0[1..<3] = $0[1..<3] * value }),
            (
                "step /= number", { $0[stride(from: 0, to: 4, by: 2)] /= 4 },
                { $0[stride(from: 0, to: 4, by: 2)] = $0[stride(from: 0, to: 4, by: 2)] / 4 }
            ),
            ("all -= number", { $0[.all] -= 1 }, { $0[.all] = $0[.all] - 1 }),
            ("ellipsis %= number", { $0[.ellipsis] %= 3 }, { $0[.ellipsis] = $0[.ellipsis] % 3 }),
        ]
        for (name, compound, spelt) in forms {
            let (a, b) = (Tensor([1.0, 7, 5, 9]), Tensor([1.0, 7, 5, 9]))
            compound(a)
            spelt(b)
            expectClose(a, b, name)
            #expect(!a.equal(Tensor([1.0, 7, 5, 9])), "\(name) does nothing")
            // Gradients too, for a tensor with a history.
            let (p, q) = (Tensor([1.0, 7, 5, 9], requiresGrad: true), Tensor([1.0, 7, 5, 9], requiresGrad: true))
            let (c, d) = (p * 1, q * 1)
            compound(c)
            spelt(d)
            (c * Tensor([1.0, 2, 3, 4])).sum().backward()
            (d * Tensor([1.0, 2, 3, 4])).sum().backward()
            expectClose(p.grad!, q.grad!, "gradient of \(name)")
        }
        let ofIntegers: [(String, (Tensor) -> Void, [Int])] = [
            ("&=", { $0[[0, 1]] &= Tensor([6, 6]) }, [4, 2, 7]), ("|=", { $0[[0, 1]] |= Tensor([8, 8]) }, [13, 11, 7]),
            ("^=", { $0[[0, 1]] ^= Tensor([1, 1]) }, [4, 2, 7]),
            ("<<=", { $0[[0, 1]] <<= Tensor([1, 2]) }, [10, 12, 7]), (">>=", { $0[[0, 1]] >>= Tensor([1, 1]) }, [2, 1, 7]),
            ("%=", { $0[[0, 1]] %= 2 }, [1, 1, 7]),
        ]
        for (name, compound, wanted) in ofIntegers {
            let x = Tensor([5, 3, 7])
            compound(x)
            #expect(x.array(Int.self) == wanted, "\(name)")
        }
    }

    /// With variables, constants, array elements, loop variables and properties, the tensor itself is changed.
    @Test func compoundAssignmentKeepsTheTensor() {
        final class Holder {
            var variable = Tensor.zeros([2])
            let constant = Tensor.zeros([2])
            var optional: Tensor? = Tensor.zeros([2])
        }
        let constant = Tensor.zeros([2])
        var variable = Tensor.zeros([2])
        let other = variable
        let holder = Holder()
        let (first, second, third) = (holder.variable, holder.constant, holder.optional!)
        var list = [Tensor.zeros([2])]
        let inList = list[0]
        constant += 1
        variable += 1
        holder.variable += 1
        holder.constant += 1
        holder.optional! += 1
        list[0] += 1
        for x in [constant, inList] { x *= 3 }
        let all: [(Tensor, Double)] = [(constant, 3), (other, 1), (first, 1), (second, 1), (third, 1), (inList, 3)]
        for (x, wanted) in all { expectClose(x, [wanted, wanted]) }
        #expect(variable === other && holder.variable === first && holder.optional === third && list[0] === inList)
    }

    // MARK: Overwritten values

    /// Values overwritten with constants have the gradient zero, in the tensor itself and in views made before.
    @Test func overwrittenValuesHaveNoGradient() {
        let writes: [(String, (Tensor) -> Void)] = [
            ("fill_", { $0.fill_(0.25) }), ("zero_", { $0.zero_() }), ("copy_", { $0.copy_(Tensor.ones([2, 3])) }),
            ("subscript", { $0[.all] = Tensor.ones([2, 3]) }),
            ("number", { $0[.all] = 3 }), ("maskedFill_", { $0.maskedFill_(Tensor.ones([2, 3], dtype: .bool), 1.0) }),
        ]
        for (name, write) in writes {
            for viewFirst in [false, true] {
                let x = Tensor.ones([2, 3], requiresGrad: true)
                let y = x * 3
                let v = viewFirst ? y[0] : y
                write(y)
                v.sum().backward()
                expectClose(x.grad ?? Tensor.ones([2, 3]), Tensor.zeros([2, 3]), "\(name), \(viewFirst ? "seen by a view" : "itself")")
            }
        }
        // Values computed afterwards count.
        let x = Tensor.ones([3], requiresGrad: true)
        let y = x * 3
        let v = y[0..<2]
        y.zero_()
        y += x * 2
        v.sum().backward()
        expectClose(x.grad!, [2, 2, 0])
    }

    // MARK: Kept gradients

    /// The retained gradient is the result of all hooks, whenever they were added; after an in-place change, that of the new value.
    @Test func keptGradientsComeLast() {
        let x = Tensor([1.0, 2], requiresGrad: true)
        let y = x * 3
        y.retainGrad()
        y.registerHook { $0 * 10 }
        y.sum().backward()
        expectClose(y.grad!, [10, 10])
        expectClose(x.grad!, [30, 30])

        let z = Tensor([1.0, 2], requiresGrad: true)
        let w = z * 3
        w.retainGrad()
        w.registerHook { $0 * 100 } // A hook on the value before the change.
        w.mul_(5)
        (w * 2).sum().backward()
        expectClose(w.grad!, [2, 2])
        expectClose(z.grad!, [3000, 3000])

        // The gradient of a view whose base is changed.
        let a = Tensor([1.0, 2], requiresGrad: true)
        let b = a * 1
        let v = b[0..<1]
        v.retainGrad()
        b.mul_(7)
        (v * 2).sum().backward()
        expectClose(v.grad!, [2])
        expectClose(a.grad!, [14, 0])
    }

    // MARK: Repeated places

    /// If several elements are written to one position, the last is kept, and it alone gets a gradient.
    @Test func losersGetNoGradient() {
        let sets: [(String, (Tensor, Tensor) -> Void)] = [
            ("subscript", { x, s in x[[2, 0, 2, 2]] = s }), ("scatter_", { x, s in x.scatter_(0, Tensor([2, 0, 2, 2]), s) }),
        ]
        for (name, set) in sets {
            let (start, source) = (Tensor([1.0, 2, 3], requiresGrad: true), Tensor([4.0, 5, 6, 7], requiresGrad: true))
            let x = start * 1
            set(x, source)
            expectClose(x.detach(), [5, 2, 7])
            (x * Tensor([1.0, 10, 100])).sum().backward()
            expectClose(source.grad!, [0, 1, 0, 100], name)
            expectClose(start.grad!, [0, 10, 0], name)
        }
        checkGradients([DerivativeTests.numbers([3, 4]), DerivativeTests.numbers([3, 5], phase: 7)]) {
            $0[0].scatter(1, Tensor([[0, 1, 0, 3, 3], [2, 2, 2, 2, 2], [0, 1, 2, 3, 0]]), $0[1]).square()
        }
    }

    /// Elements that share memory cannot be written, since the result and the gradient would be ambiguous.
    @Test func sharedMemoryIsNotWritten() {
        let x = Tensor.zeros([12])
        let views: [(String, Tensor, shares: Bool)] = [
            ("expanded", x[0..<1].expand(5), true), ("windows", x.unfold(0, 3, 2), true),
            ("overlapping", x.asStrided([3, 3], [2, 1]), true),
            ("apart", x.unfold(0, 3, 3), false), ("with gaps", x.asStrided([3, 2], [4, 1]), false),
            ("transposed", x.reshape(3, 4).t(), false),
            ("interleaved", x.asStrided([3, 2], [2, 3]), false), ("empty", x.asStrided([0, 3], [0, 1]), false),
        ]
        for (name, view, shares) in views {
            var message = ""
            do { try checked { _ = view.fill_(1) } } catch { message = "\(error)" }
            #expect(message.contains("share memory") == shares, "\(name): \(message)")
        }
    }

    // MARK: Programs

    /// Random programs of views, in-place changes and ordinary ops: their gradients equal finite differences.
    @Test(arguments: 0..<80) func randomPrograms(_ seed: Int) {
        let inputs = [DerivativeTests.numbers([3, 4], phase: Double(seed)), DerivativeTests.numbers([4], phase: Double(seed) + 5)]
        var written = Program(seed: UInt64(seed))
        _ = written.run(inputs[0], inputs[1])
        checkGradients(inputs, second: false, "program \(seed): \(written.lines.joined(separator: "; "))") { inputs in
            var program = Program(seed: UInt64(seed))
            return program.run(inputs[0], inputs[1])
        }
    }

    /// A program, determined by the seed; `lines` lists its steps.
    private struct Program {
        private var state: UInt64
        private var tensors: [Tensor] = []
        private(set) var lines: [String] = []

        init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678_9ABC_DEF1 }

        private mutating func pick(_ n: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state >> 33) % n
        }

        mutating func run(_ x: Tensor, _ y: Tensor) -> Tensor {
            tensors = [x * 1.5, y * 0.5]
            for _ in 0..<(6 + pick(8)) {
                let (at, other) = (pick(tensors.count), pick(tensors.count))
                let made = pick(2) == 0
                let (line, result) = made ? view(tensors[at]) : change(tensors[at], tensors[other])
                if let result { tensors.append(result) }
                lines.append((result != nil ? "t\(tensors.count - 1) = " : "") + "t\(at)\(line.replacing("OTHER", with: "t\(other)"))")
            }
            // The weighted sum of the squares of all results, so that every value matters.
            var total = Tensor.zeros([], dtype: .float64)
            for (i, t) in tensors.enumerated() {
                let weights = Tensor((0..<t.numel).map { 0.3 + Double(($0 * 7 + i * 3) % 11) / 10 }, shape: t.shape, dtype: .float64)
                total = total + (t.clone().square() * weights).sum() + (t * weights).sum()
            }
            return total
        }

        private mutating func view(_ t: Tensor) -> (String, Tensor?) {
            guard t.ndim > 0, t.numel > 1 else { return (".reshape([-1])", t.reshape([-1])) }
            let dim = pick(t.ndim)
            switch pick(7) {
            case 0:
                let i = pick(t.shape[dim])
                return (".select(\(dim), \(i))", t.select(dim, i))
            case 1:
                let n = 1 + pick(t.shape[dim])
                return (".narrow(\(dim), 0, \(n))", t.narrow(dim, 0, n))
            case 2 where t.ndim > 1: return (".transpose(0, 1)", t.transpose(0, 1))
            case 3 where t.isContiguous: return (".reshape([-1])", t.reshape([-1]))
            case 4: return ("[..., ::2]", t[.ellipsis, stride(from: 0, to: t.shape[-1], by: 2)])
            case 5 where t.ndim > 1: return (".diagonal()", t.diagonal())
            case 6 where t.isContiguous: return (".asStrided([\(t.numel / 2)], [2])", t.asStrided([t.numel / 2], [2]))
            default: return (".unsqueeze(\(dim))", t.unsqueeze(dim))
            }
        }

        private mutating func change(_ t: Tensor, _ other: Tensor) -> (String, Tensor?) {
            let fits = Shape.broadcast(other.shape, t.shape) == t.shape
            switch pick(11) {
            case 0:
                t.mul_(0.5)
                return (".mul_(0.5)", nil)
            case 1:
                t += 0.25
                return (" += 0.25", nil)
            case 2:
                t.fill_(0.5)
                return (".fill_(0.5)", nil)
            case 3:
                t.zero_()
                return (".zero_()", nil)
            case 4 where fits:
                t.copy_(other.clone())
                return (".copy_(OTHER)", nil)
            case 5 where fits:
                t += other.clone() * 0.5
                return (" += OTHER * 0.5", nil)
            case 6:
                t.updateInPlace("sin") { $0.sin() }
                return (".sin_()", nil)
            case 7 where t.ndim > 0:
                t[[0, 0]] *= 0.5
                return ("[[0, 0]] *= 0.5", nil)
            case 8 where t.ndim > 0:
                t[0] = 0.75
                return ("[0] = 0.75", nil)
            case 9 where t.ndim > 0:
                let mask = Tensor((0..<t.numel).map { $0 % 3 == 0 }, shape: t.shape)
                t[mask] -= 0.5
                return ("[every third] -= 0.5", nil)
            default: return (" * 2 + 1", t * 2 + 1)
            }
        }
    }
}
