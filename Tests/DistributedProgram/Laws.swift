import ApusCore
import ApusDistributed

/// What holds for collectives, whatever carries them: each process computes what all have, and so what the answer must be.
struct Laws {
    let group: ProcessGroup
    /// Where the tensors are.
    let device: Device
    /// What does not hold.
    private(set) var violations: [String] = []

    init(_ group: ProcessGroup, on device: Device = .cpu) { (self.group, self.device) = (group, device) }

    /// Numbers of a rank, in a layout; −0, where there is one, is the first.
    private func values(_ rank: Int, _ dtype: DType, _ layout: Layout) -> Tensor {
        let count = layout.count
        var x = Tensor.arange(count, dtype: .float64)
        x = dtype.isFloatingPoint ? ((x * 0.37 + Double(rank)) * 1.7).sin() * (x % 7 + 0.1) : (x * 7 + Double(rank * 13)) % 11
        if dtype.isFloatingPoint, count > 1 { x = Tensor.cat([Tensor([-0.0]), x.narrow(0, 1, count - 1)], dim: 0) }
        return layout.lay((dtype == .bool ? x > 4 : x.to(dtype)).to(device))
    }

    enum Layout: CaseIterable {
        case contiguous, transposed, sliced, scalar, empty

        var count: Int {
            switch self {
            case .contiguous: 24
            case .transposed: 24
            case .sliced: 48
            case .scalar: 1
            case .empty: 0
            }
        }

        /// Twelve or 24 elements in this layout.
        func lay(_ x: Tensor) -> Tensor {
            switch self {
            case .contiguous: x
            case .transposed: x.reshape([4, 6]).transpose(0, 1)
            case .sliced: x.reshape([24, 2]).narrow(1, 0, 1).squeeze(1)
            case .scalar: x.reshape([])
            case .empty: x.reshape([0, 3])
            }
        }
    }

    mutating func expect(_ found: Tensor, _ expected: Tensor, _ what: String) {
        if found.dtype != expected.dtype || found.device != device || found.shape != expected.shape || found.bytes() != expected.bytes() {
            violations.append("rank \(group.rank) of \(group.size): \(what)")
        }
    }

    /// The tree of a binary counter.
    private static func tree(_ parts: [Tensor], _ join: (Tensor, Tensor) -> Tensor) -> Tensor {
        var open: [(level: Int, value: Tensor)] = []
        for part in parts {
            var next = (level: 0, value: part)
            while let last = open.last, last.level == next.level { next = (last.level + 1, join(open.removeLast().value, next.value)) }
            open.append(next)
        }
        while open.count > 1 {
            let right = open.removeLast()
            open[open.count - 1].value = join(open[open.count - 1].value, right.value)
        }
        return open[0].value
    }

    private static func joined(_ parts: [Tensor], _ op: ProcessGroup.ReduceOp) -> Tensor {
        let dtype = parts[0].dtype
        let isHalf = dtype == .float16 || dtype == .bfloat16
        let wide = parts.map { isHalf ? $0.to(.float32) : $0 }
        let result: Tensor
        switch op {
        case .sum: result = tree(wide) { dtype == .bool ? $0.logicalOr($1) : $0 + $1 }
        case .mean: result = tree(wide) { $0 + $1 } / Double(parts.count)
        case .product: result = tree(wide) { dtype == .bool ? $0.logicalAnd($1) : $0 * $1 }
        case .min: result = tree(wide) { dtype == .bool ? $0.logicalAnd($1) : $0.minimum($1) }
        case .max: result = tree(wide) { dtype == .bool ? $0.logicalOr($1) : $0.maximum($1) }
        case .bitwiseAnd: result = tree(wide) { $0 & $1 }
        case .bitwiseOr: result = tree(wide) { $0 | $1 }
        case .bitwiseXor: result = tree(wide) { $0 ^ $1 }
        }
        return result.to(dtype)
    }

    private static func exists(_ op: ProcessGroup.ReduceOp, _ dtype: DType) -> Bool {
        switch op {
        case .sum, .product, .min, .max: true
        case .mean: dtype.isFloatingPoint
        case .bitwiseAnd, .bitwiseOr, .bitwiseXor: !dtype.isFloatingPoint
        }
    }

    /// Every reduction of every dtype in every layout.
    mutating func reductions(_ dtypes: [DType] = DType.allCases) throws {
        for dtype in dtypes {
            for layout in Layout.allCases {
                // Of this rank's tensors and those that come after it, one below the other, rank r's part is the r-th.
                let more = (0..<2 * group.size).map { values($0, dtype, layout) }
                let (all, size) = (Array(more[..<group.size]), group.size)
                let tall = all[0].ndim == 0 ? [] : (0..<size).map { Tensor.cat(Array(more[$0..<($0 + size)]), dim: 0) }
                for op in ProcessGroup.ReduceOp.allCases where Laws.exists(op, dtype) {
                    let own = values(group.rank, dtype, layout)
                    try group.allReduce(own, op)
                    expect(own, Laws.joined(all, op), "allReduce (\(op)) of \(dtype), \(layout)")
                    if tall.isEmpty { continue }
                    let rows = all[0].size(0)
                    let expected = Laws.joined(tall.map { $0.narrow(0, group.rank * rows, rows) }, op)
                    expect(try group.reduceScatter(tall[group.rank], op), expected, "reduceScatter (\(op)) of \(dtype), \(layout)")
                }
            }
        }
    }

    /// What only moves elements: of every number of bytes, in every layout.
    mutating func movements() throws {
        for dtype in [DType.bool, .bfloat16, .float32, .int64] {
            for layout in Layout.allCases {
                let all = (0..<group.size).map { values($0, dtype, layout) }
                let what = "of \(dtype), \(layout)"
                for root in Set([0, group.size - 1]).sorted() {
                    let own = values(group.rank, dtype, layout)
                    try group.broadcast(own, from: root)
                    expect(own, all[root], "broadcast from \(root) \(what)")
                }
                for (found, expected) in zip(try group.allGather(all[group.rank]), all) { expect(found, expected, "allGather \(what)") }
                // Tensors whose sizes tell who has sent them to whom.
                let meant = { (from: Int, to: Int) in Tensor.cat(Array(repeating: all[to].reshape([-1]), count: from + 1), dim: 0) }
                let found = try group.allToAll((0..<group.size).map { meant(group.rank, $0) })
                for from in 0..<group.size { expect(found[from], meant(from, group.rank), "allToAll from \(from) \(what)") }
                if group.size > 1 {
                    // In pairs, odd ranks from even ones, with two tags.
                    let peer = group.rank ^ 1
                    let received = [values(9, dtype, layout), values(9, dtype, layout)]
                    if group.rank % 2 == 0, peer < group.size {
                        for tag in [7, 3] { try group.send(all[(group.rank + tag) % group.size], to: peer, tag: tag) }
                    } else if group.rank % 2 == 1 {
                        for (i, tag) in [7, 3].enumerated() {
                            try group.receive(into: received[i], from: peer, tag: tag)
                            expect(received[i], all[(peer + tag) % group.size], "send and receive \(what)")
                        }
                    }
                }
            }
        }
        try group.barrier()
        let bytes = { (rank: Int) in (0..<rank * 3).map { UInt8($0 + rank) } }
        if try group.allGather(bytes: bytes(group.rank)) != (0..<group.size).map(bytes) { violations.append("allGather of bytes") }
        let root = group.size - 1
        if try group.broadcast(bytes: bytes(group.rank), from: root) != bytes(root) { violations.append("broadcast of bytes") }
    }

    /// Sums that travel in many slices, of lengths that do not divide, and what is done beside the program.
    mutating func large(_ counts: [Int]) throws {
        for count in counts {
            for dtype in count > 1_000_000 ? [DType.float32] : [.float32, .float64] {
                let places = Tensor.arange(count, dtype: .float32, device: device)
                let all = (0..<group.size).map { (places * 0.37 + Double($0)).sin().to(dtype) }
                let numbers = { (rank: Int) in all[rank].clone() }
                let expected = Laws.joined(all, .sum)
                let own = numbers(group.rank)
                try group.allReduce(own)
                expect(own, expected, "allReduce of \(count) \(dtype)")
                try group.allReduce(numbers(group.rank), allowsUnorderedSums: true)
                let root = numbers(group.rank)
                try group.broadcast(root, from: group.size - 1)
                expect(root, numbers(group.size - 1), "broadcast of \(count) \(dtype)")
                // The same sum, begun beside others; then in chunks. Those are on memory of the host.
                if !device.isCPU { continue }
                let (beside, words) = (numbers(group.rank), group.startAllGather(words: [UInt64(group.rank), 7]))
                let sum = group.startSum(beside.pointer, count: count, dtype)
                if try words.wait() != (0..<group.size).map({ [UInt64($0), 7] }) { violations.append("startAllGather of words") }
                try sum.wait()
                expect(beside, expected, "startSum of \(count) \(dtype)")
                let chunk = count / group.size
                guard chunk > 0 else { continue }
                let (chunks, whole) = (numbers(group.rank), expected.narrow(0, 0, chunk * group.size))
                try group.startReduceScatter(chunks.pointer, chunk: chunk, dtype).wait()
                expect(
                    chunks.narrow(0, group.rank * chunk, chunk), whole.narrow(0, group.rank * chunk, chunk),
                    "startReduceScatter of \(count) \(dtype)")
                try group.startAllGather(chunks.pointer, chunk: chunk, dtype).wait()
                expect(chunks.narrow(0, 0, chunk * group.size), whole, "startAllGather of \(count) \(dtype)")
            }
        }
    }

    /// Groups of groups.
    mutating func splits() throws {
        // Odd and even ranks, backwards.
        let half = try group.split(color: group.rank % 2, key: -group.rank)
        let ranks = (0..<group.size).filter { $0 % 2 == group.rank % 2 }.reversed().map { $0 }
        if half.size != ranks.count || ranks[half.rank] != group.rank { violations.append("split: rank \(half.rank) of \(half.size)") }
        let gathered = try half.allGather(Tensor([group.rank], device: device)).map { $0.item(Int.self) }
        if gathered != ranks { violations.append("split: \(gathered), expected \(ranks)") }
        let single = try half.split(color: half.rank, key: 0)
        let number = Tensor([group.rank])
        try single.allReduce(number)
        if number.item(Int.self) != group.rank || single.size != 1 { violations.append("a split in single processes") }
        try group.barrier()
    }
}
