import ApusCore
import TestSupport
import Testing

@Suite("Shapes and lists of integers stand for each other") struct ShapeListTests {
    private let x = Tensor.arange(24).reshape(2, 3, 4).to(.float64)
    private let dims = [2, 3, 4]

    /// A function that takes a shape gives the same for a literal, a list, a shape, a part of either, and numbers by themselves.
    @Test func whereAShapeIsTaken() {
        let shape = x.shape
        let made: [Tensor] = [
            .zeros(dims), .zeros(shape), .zeros(2, 3, 4), .ones(dims), .ones(shape), .empty(dims), .empty(shape), .rand(dims), .rand(shape),
            .randn(dims), .randn(shape), .randn(2, 3, 4), .full(dims, 1.5), .full(shape, 1), .randint(9, dims), .randint(9, shape),
            .randint(0, 9, dims), .randint(0, 9, shape), .bernoulli(dims, p: 0.5), .bernoulli(shape, p: 0.5),
            Tensor(Array(0..<24), shape: dims), Tensor(Array(0..<24), shape: shape), Tensor(bytes: x.bytes(), shape: dims, dtype: .float64),
            Tensor.zeros(0).sumToSize(0).expand(2, 0).reshape([2, 3, 0]).expand([2, 3, 0]).sum(dim: 2, keepDim: true).expand(dims),
        ]
        for tensor in made { #expect(tensor.shape == dims) }
        let flat = x.flatten()
        let seen: [Tensor] = [
            flat.reshape(dims), flat.reshape(shape), flat.reshape([2, 3, 4]), flat.reshape(2, 3, -1), flat.view(dims), flat.view(shape),
            flat.view(2, -1, 4), flat.reshape([2] + shape[1...]), flat.reshape(shape.dropLast() + [4]), flat.reshape(shape[...1] + [-1]),
            x.expand(dims), x.expand(shape), x.expand(-1, 3, 4), flat.asStrided(dims, [12, 4, 1]), flat.unflatten(0, dims),
            flat.unflatten(0, shape),
        ]
        for tensor in seen { #expect(tensor.equal(x)) }
        #expect(Tensor.zeros(shape[1...]).shape == [3, 4] && Tensor.zeros(shape.dropFirst()).shape == [3, 4])
        #expect(Tensor.zeros(0..<3).shape == [0, 1, 2])
    }

    @Test func whereDimsAndCountsAreTaken() {
        let order: Shape = [1, 2]
        let pairs: [(Tensor, Tensor)] = [
            (x.sum(dim: order), x.sum(dim: [1, 2])), (x.mean(dim: order), x.mean(dim: [1, 2])), (x.amax(dim: order), x.amax(dim: [1, 2])),
            (x.amin(dim: order), x.amin(dim: [1, 2])), (x.var(dim: order), x.var(dim: [1, 2])), (x.std(dim: order), x.std(dim: [1, 2])),
            (x.norm(dim: order), x.norm(dim: [1, 2])), (x.logsumexp(dim: order), x.logsumexp(dim: [1, 2])),
            (x.any(dim: order), x.any(dim: [1, 2])), (x.all(dim: order), x.all(dim: [1, 2])), (x.flip(order), x.flip([1, 2])),
            (x.permute(Shape([2, 0, 1])), x.permute(2, 0, 1)), (x.permute([2, 0, 1]), x.permute(2, 0, 1)),
            (x.repeat(x.shape), x.repeat(2, 3, 4)), (x.tile(order), x.tile(1, 2)),
            (x.roll(order, dims: order), x.roll([1, 2], dims: [1, 2])),
            (x.unsqueeze(0).unsqueeze(1).squeeze(Shape([0, 1])), x), (x.split(order, dim: 1)[1], x.narrow(1, 1, 2)),
        ]
        for (i, (a, b)) in pairs.enumerated() { #expect(a.equal(b), "pair \(i)") }
    }

    @Test func shapesAreJoinedAndCut() {
        var shape = x.shape
        #expect(shape + [5] == [2, 3, 4, 5] && shape + shape == [2, 3, 4, 2, 3, 4])
        let longer: Shape = [7] + shape
        #expect(longer == [7, 2, 3, 4] && Shape([7] + shape[1...]) == [7, 3, 4] && Shape(shape.dropLast()) == [2, 3])
        shape += [5]
        shape.removeLast(2)
        shape.append(contentsOf: [8, 9])
        shape.replaceSubrange(0..<1, with: [6, 6])
        #expect(shape == [6, 6, 3, 8, 9])
        #expect(Shape(repeating: 2, count: 9) + [1] == Shape(Array(repeating: 2, count: 9) + [1]))
        let failed = message {
            var poisoned = Tensor.zeros([2]).reshape(3).shape
            poisoned.replaceSubrange(0..<0, with: [1])
            #expect(poisoned.isEmpty && Shape(poisoned)[3] == 1)
            #expect(Shape(poisoned.dropLast() + [1, 2]).count <= 2 && Array(poisoned + [1]).count <= 1)
        }
        #expect(failed.contains("reshape"))
    }

    @Test func sizesByArity() {
        let (b, c, h, w) = Tensor.zeros(2, 3, 4, 5).sizes()
        #expect([b, c, h, w] == [2, 3, 4, 5])
        let (rows, columns) = Tensor.zeros(6, 7).sizes()
        #expect([rows, columns] == [6, 7])
        let (n, t, d) = x.sizes()
        #expect([n, t, d] == dims)
        let (v, w0, w1, w2, w3) = Tensor.zeros(1, 2, 3, 4, 5).sizes()
        #expect([v, w0, w1, w2, w3] == [1, 2, 3, 4, 5])
        let said = message {
            let (p, q) = x.sizes()
            #expect([p, q] == [1, 1])
        }
        #expect(said.contains("sizes") && said.contains("[2, 3, 4]") && said.contains("3 dimensions") && said.contains("size(dim)"))
    }

    /// A number does where a list of one is meant.
    @Test func aNumberForAListOfOne() {
        let pairs: [(Tensor, Tensor)] = [
            (x.amax(dim: 1), x.amax(dim: [1])), (x.amin(dim: -1, keepDim: true), x.amin(dim: [2], keepDim: true)),
            (x.mean(dim: 1), x.mean(dim: [1])), (x.var(dim: 1), x.var(dim: [1])), (x.std(dim: 1), x.std(dim: [1])),
            (x.sum(dim: 1), x.sum(dim: [1])), (x.logsumexp(dim: 1), x.logsumexp(dim: [1])), (x.norm(dim: 1), x.norm(dim: [1])),
            (x.norm(1, dim: 1), x.norm(p: 1, dim: [1])), (x.norm(1), x.norm(p: 1)), (x.norm(3, dim: [0, 1]), x.norm(p: 3, dim: [0, 1])),
            (x.flip(0), x.flip([0])), (x.roll(1, dims: 0), x.roll([1], dims: [0])), (x.any(dim: 1), x.any(dim: [1])),
            (x.all(dim: 1), x.all(dim: [1])),
        ]
        for (i, (a, b)) in pairs.enumerated() { #expect(a.equal(b), "pair \(i)") }
    }

    /// The dim of a function that works along one, with its label and by position; parameters that have a default, with theirs.
    @Test func labelsThatMayBeLeftOut() {
        let index = Tensor([1, 0]), places = Tensor.zeros([2, 3, 4], dtype: .int64)
        let pairs: [(Tensor, Tensor)] = [
            (x.gather(dim: 1, places), x.gather(1, places)), (x.scatter(dim: 1, places, x), x.scatter(1, places, x)),
            (x.scatter(dim: 1, places, 7), x.scatter(1, places, 7)), (x.scatterAdd(dim: 1, places, x), x.scatterAdd(1, places, x)),
            (x.scatterReduce(dim: 1, places, x, .sum), x.scatterReduce(1, places, x, reduce: .sum)),
            (x.scatterReduce(dim: 1, places, x, reduce: .sum), x.scatterReduce(1, places, x, .sum)),
            (x.clone().scatter_(dim: 1, places, x), x.clone().scatter_(1, places, x)),
            (x.clone().scatter_(dim: 1, places, 7), x.clone().scatter_(1, places, 7)),
            (x.clone().scatterAdd_(dim: 1, places, x), x.clone().scatterAdd_(1, places, x)),
            (x.indexSelect(dim: 0, index), x.indexSelect(0, index)), (x.indexAdd(dim: 0, index, x), x.indexAdd(0, index, x)),
            (x.indexFill(dim: 0, index, 3), x.indexFill(0, index, 3)),
            (x.clone().indexAdd_(dim: 0, index, x), x.clone().indexAdd_(0, index, x)),
            (x.narrow(dim: 1, 1, 2), x.narrow(1, 1, 2)), (x.select(dim: 1, 2), x.select(1, 2)),
            (x.unfold(dim: 2, 2, 1), x.unfold(2, 2, 1)), (x.flatten(1), x.flatten(startDim: 1)),
            (x.flatten(0, 1), x.flatten(startDim: 0, endDim: 1)), (x.tril(diagonal: 1), x.tril(1)), (x.triu(diagonal: 1), x.triu(1)),
            (.eye(2, m: 3), .eye(2, 3)), (.arange(0, 9, step: 2), .arange(0, 9, 2)), (.arange(0.0, 9, step: 2), .arange(0.0, 9, 2)),
        ]
        for (i, (a, b)) in pairs.enumerated() { #expect(a.equal(b), "pair \(i)") }
    }

    @Test func whatPyTorchHasAndWasMissing() {
        #expect(
            x.sumToSize([1, 4]).equal(x.sum(dim: 0).sum(dim: 0, keepDim: true)) && x.sumToSize(3, 1).equal(x.sum(dim: [0, 2]).unsqueeze(1)))
        #expect(message { x.sumToSize(5, 4) }.contains("[5, 4] does not broadcast to [2, 3, 4]"))
        #expect(Tensor([[1, 2], [3, 4]]).repeatInterleave(2).equal(Tensor([1, 1, 2, 2, 3, 3, 4, 4])))
    }
}
