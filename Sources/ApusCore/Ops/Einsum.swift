extension Tensor {
    /// Einstein summation: `einsum("bij,bjk->bik", a, b)` sums products over every letter that is not in the output.
    ///
    /// Letters name dimensions. A letter that occurs twice in an operand takes its diagonal. `...` stands for dimensions that broadcast.
    /// Without `->` the output has the letters that occur once, in alphabetic order. Operands are contracted from left to right, each pair
    /// as a matrix product. Traps if the equation is malformed or does not fit the shapes. PyTorch: `torch.einsum`.
    public static func einsum(_ equation: String, _ operands: Tensor...) -> Tensor { einsum(equation, operands) }

    /// The same for a list of operands.
    public static func einsum(_ equation: String, _ operands: some Sequence<Tensor>) -> Tensor {
        let operands = Array(operands)
        if let poisoned = operands.first(where: \.isPoisoned) { return poisoned }
        do throws(OpError) {
            return try casting(.lower, operands) { (cast) throws(OpError) in try Einsum(equation, cast).result(cast) }
        } catch {
            return fail(error, op: "einsum")
        }
    }
}

/// A parsed equation. Labels are character codes; the dimensions of `...` are −1, −2, … from the last one on.
private struct Einsum {
    private typealias Label = Int
    private var inputs: [[Label]] = []
    private var output: [Label] = []
    private var extents: [Label: Int] = [:]

    init(_ equation: String, _ operands: [Tensor]) throws(OpError) {
        let text = equation.filter { $0 != " " }
        let sides = text.components(separatedBy: "->")
        guard sides.count <= 2, let left = sides.first else { throw OpError("'\(equation)' has more than one ->") }
        let terms = left.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard terms.count == operands.count else {
            throw OpError("'\(equation)' names \(terms.count) operands, \(operands.count) are given")
        }
        var widest = 0
        for (i, (term, x)) in zip(terms, operands).enumerated() {
            let (labels, ellipsis) = try Einsum.labels(term, equation, rank: x.ndim)
            guard labels.count == x.ndim else {
                throw OpError("'\(term)' names \(labels.count) dimensions, operand \(i) has shape \(x.shape)")
            }
            widest = max(widest, ellipsis)
            inputs.append(labels)
            for (d, label) in labels.enumerated() {
                // Extents of 1 broadcast between operands, but not within a diagonal.
                let first = labels.firstIndex(of: label)!
                guard x.shape[first] == x.shape[d] else {
                    throw OpError(
                        "'\(Einsum.name(label))' stands twice in '\(term)', but operand \(i) of shape \(x.shape) has \(x.shape[first]) and \(x.shape[d]) elements there"
                    )
                }
            }
            for (label, extent) in zip(labels, x.shape) {
                let known = extents[label] ?? 1
                guard known == extent || known == 1 || extent == 1 else {
                    throw OpError(
                        "'\(Einsum.name(label))' has \(known) elements in one operand and \(extent) in operand \(i) of shape \(x.shape)")
                }
                extents[label] = max(known, extent)
                if extent == 0 { extents[label] = 0 }
            }
        }
        if sides.count == 2 {
            let (labels, _) = try Einsum.labels(
                sides[1], equation, rank: sides[1].filter { $0 != "." }.count + (sides[1].contains("...") ? widest : 0))
            output = labels
            for (i, label) in output.enumerated() {
                guard extents[label] != nil else {
                    throw OpError("'\(Einsum.name(label))' of the output is in no operand of '\(equation)'")
                }
                guard !output[..<i].contains(label) else {
                    throw OpError("'\(Einsum.name(label))' stands twice in the output of '\(equation)'")
                }
            }
        } else {
            let all = inputs.flatMap { $0 }
            let once = Set(all).filter { label in label >= 0 && all.filter { $0 == label }.count == 1 }
            output = (0..<widest).reversed().map { -1 - $0 } + once.sorted()
        }
    }

    private static func name(_ label: Label) -> String { label < 0 ? "..." : String(UnicodeScalar(UInt8(label))) }

    /// The labels of one term, with −n … −1 for the dimensions of `...`, and n.
    private static func labels(_ term: String, _ equation: String, rank: Int) throws(OpError) -> ([Label], Int) {
        let parts = term.components(separatedBy: "...")
        guard parts.count <= 2 else { throw OpError("'\(term)' in '\(equation)' has more than one ...") }
        for character in parts.joined() where !(character.isASCII && character.isLetter) {
            throw OpError("'\(character)' in '\(equation)' is no letter")
        }
        let named = parts.map { $0.utf8.map { Label($0) } }
        let missing = parts.count == 2 ? rank - named[0].count - named[1].count : 0
        guard missing >= 0 else { throw OpError("'\(term)' in '\(equation)' names more dimensions than the operand's \(rank)") }
        return (parts.count == 1 ? named[0] : named[0] + (0..<missing).reversed().map { -1 - $0 } + named[1], missing)
    }

    func result(_ operands: [Tensor]) throws(OpError) -> Tensor {
        var (x, labels) = diagonal(operands[0], inputs[0])
        for i in 1..<max(operands.count, 1) {
            let (y, yLabels) = diagonal(operands[i], inputs[i])
            let later = Set(inputs[(i + 1)...].flatMap { $0 } + output)
            (x, labels) = contract(x, labels, y, yLabels, keep: later)
        }
        let extra = labels.indices.filter { !output.contains(labels[$0]) }
        if !extra.isEmpty {
            x = x.sum(dim: extra)
            labels = labels.filter { output.contains($0) }
        }
        let order = output.filter { labels.contains($0) }.map { labels.firstIndex(of: $0)! }
        return x.permute(order)
    }

    /// Takes the diagonal of repeated labels, so that each label has one dimension.
    private func diagonal(_ x: Tensor, _ labels: [Label]) -> (Tensor, [Label]) {
        var (x, labels) = (x, labels)
        while let (i, j) = firstRepeat(labels) {
            x = x.diagonal(dim1: i, dim2: j)
            let label = labels[i]
            labels.remove(at: j)
            labels.remove(at: i)
            labels.append(label)
        }
        return (x, labels)
    }

    private func firstRepeat(_ labels: [Label]) -> (Int, Int)? {
        for i in labels.indices {
            for j in labels.indices.dropFirst(i + 1) where labels[i] == labels[j] { return (i, j) }
        }
        return nil
    }

    /// Contracts two operands as one batched matrix product, summing over the labels that are not in `keep`.
    private func contract(_ x: Tensor, _ xLabels: [Label], _ y: Tensor, _ yLabels: [Label], keep: Set<Label>) -> (Tensor, [Label]) {
        // Labels that only one operand has and that are not kept are summed first.
        func reduced(_ t: Tensor, _ labels: [Label], other: [Label]) -> (Tensor, [Label]) {
            let gone = labels.indices.filter { !other.contains(labels[$0]) && !keep.contains(labels[$0]) }
            return gone.isEmpty ? (t, labels) : (t.sum(dim: gone), labels.indices.filter { !gone.contains($0) }.map { labels[$0] })
        }
        let (a, aLabels) = reduced(x, xLabels, other: yLabels)
        let (b, bLabels) = reduced(y, yLabels, other: xLabels)
        let shared = aLabels.filter { bLabels.contains($0) }
        let batch = shared.filter { keep.contains($0) }
        let summed = shared.filter { !keep.contains($0) }
        let rows = aLabels.filter { !shared.contains($0) }
        let columns = bLabels.filter { !shared.contains($0) }

        func arranged(_ t: Tensor, _ labels: [Label], _ groups: [[Label]]) -> Tensor {
            let wanted = groups.flatMap { $0 }
            let moved = t.permute(wanted.map { labels.firstIndex(of: $0)! })
            // Expands extents of 1 that broadcast against the other operand.
            let full = Shape(wanted.map { shared.contains($0) ? extent($0, a, aLabels, b, bLabels) : t.shape[labels.firstIndex(of: $0)!] })
            let sizes = groups.map { group in group.reduce(1) { $0 * full[wanted.firstIndex(of: $1)!] } }
            return moved.expand(full).reshape(Shape(sizes))
        }
        // Sums of integers and bools are int64.
        let dtype = DType.promote(a.dtype, b.dtype)
        let left = arranged(a, aLabels, [batch, rows, summed]).to(dtype)
        let right = arranged(b, bLabels, [batch, summed, columns]).to(dtype)
        let product = left.matmul(right)
        let shape =
            batch.map { extent($0, a, aLabels, b, bLabels) } + rows.map { a.shape[aLabels.firstIndex(of: $0)!] }
            + columns.map { b.shape[bLabels.firstIndex(of: $0)!] }
        return (product.reshape(Shape(shape)), batch + rows + columns)
    }

    private func extent(_ label: Label, _ a: Tensor, _ aLabels: [Label], _ b: Tensor, _ bLabels: [Label]) -> Int {
        let (ea, eb) = (a.shape[aLabels.firstIndex(of: label)!], b.shape[bLabels.firstIndex(of: label)!])
        return ea == 1 ? eb : ea
    }
}

extension String {
    /// The parts between occurrences of `separator`, as in Foundation, which ApusCore does not import.
    fileprivate func components(separatedBy separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let found = rest.firstRange(of: separator) {
            parts.append(String(rest[..<found.lowerBound]))
            rest = rest[found.upperBound...]
        }
        return parts + [String(rest)]
    }
}
