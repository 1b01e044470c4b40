import CKernels

/// Ranks of a channel that take part in an exchange, and this process's index among them.
struct Members {
    let channel: Channel
    let ranks: [Int]
    let index: Int

    var count: Int { ranks.count }
    /// The indices of the other members, beginning after this one: each member begins with another, so that not all send to the same one.
    var others: [Int] { (1..<max(count, 1)).map { (index + $0) % count } }
}

/// The elementwise reduction of a collective.
struct Join {
    let kind: BinaryKind
    let dtype: CInt
    /// Bytes per element.
    let size: Int

    /// out = the reduction of the operands in tree order (`apus_binary_tree`).
    func callAsFunction(_ operands: [UnsafeRawPointer], count: Int, into out: UnsafeMutableRawPointer) {
        operands.withUnsafeBufferPointer { apus_binary_tree(kind, dtype, $0.baseAddress!, Int32($0.count), Int64(count), out) }
    }
}

private enum Tag { static let (blocks, first, second, tree, pairs) = (1, 2, 3, 4, 5) }

/// The exchanges that collectives are built from, on any engine. Called by the thread that holds the engine.
extension Worker {
    func send(_ memory: UnsafeRawPointer, _ bytes: Int, to rank: Int, of members: Members, tag: Int) throws -> Request {
        try engine.send(UnsafeRawBufferPointer(start: memory, count: bytes), to: members.ranks[rank], on: members.channel, tag: tag)
    }

    func receive(_ memory: UnsafeMutableRawPointer, _ bytes: Int, from rank: Int, of members: Members, tag: Int) throws -> Request {
        try engine.receive(
            into: UnsafeMutableRawBufferPointer(start: memory, count: bytes), from: members.ranks[rank], on: members.channel, tag: tag)
    }

    /// All-gather of small blocks. `memory` has room for one block per member, with this member's first; afterwards block j is that of
    /// member (index + j) mod count. Takes ⌈log₂ count⌉ rounds (Bruck et al. 1997).
    func gatherBlocks(_ memory: UnsafeMutableRawPointer, _ bytes: Int, _ members: Members) throws {
        let (n, index) = (members.count, members.index)
        var have = 1
        while have < n {
            let count = min(have, n - have)
            let incoming = try receive(memory + have * bytes, count * bytes, from: (index + have) % n, of: members, tag: Tag.blocks)
            let outgoing = try send(memory, count * bytes, to: (index - have + n) % n, of: members, tag: Tag.blocks)
            try wait(incoming)
            try wait(outgoing)
            have += count
        }
    }

    /// Member i owns the elements `ranges[i]`. With `join`, each owner gets the reduction over all members of its elements; with `spreads`,
    /// all members get each owner's elements. Both together are an all-reduce.
    ///
    /// Data is sent in slices: while one is reduced, the next are in flight. On one host, slices of 256 KB to 4 MB take equally long;
    /// smaller ones take longer.
    func exchange(
        _ memory: UnsafeMutableRawPointer, size: Int, _ members: Members, ranges: [[Range<Int>]], join: Join?, spreads: Bool
    ) throws {
        let (n, me, others) = (members.count, members.index, members.others)
        if n == 1 { return }
        let most = max(1 << 16, min(1 << 20, (1 << 24) / n)) / size
        let slices = ranges.map {
            $0.flatMap { range in
                stride(from: range.lowerBound, to: range.upperBound, by: most).map { $0..<min($0 + most, range.upperBound) }
            }
        }
        let rounds = slices.map(\.count).max()!
        // The number of slices in flight.
        let ahead = 3
        let room = join == nil ? memory : self.room(ahead * n * most * size)
        func place(_ round: Int, _ member: Int) -> UnsafeMutableRawPointer { room + ((round % ahead) * n + member) * most * size }
        func address(_ slice: Range<Int>) -> UnsafeMutableRawPointer { memory + slice.lowerBound * size }
        // Requests of the rounds in flight: parts that are sent to their owners, and results from owners.
        var (incoming, outgoing) = ([[Request]](repeating: [], count: ahead), [[Request]](repeating: [], count: ahead))
        var results = [[Request]](repeating: [], count: ahead)
        func startParts(_ round: Int) throws {
            for i in others where round < slices[me].count {
                incoming[round % ahead].append(
                    try receive(place(round, i), slices[me][round].count * size, from: i, of: members, tag: Tag.first))
            }
            for i in others where round < slices[i].count {
                let slice = slices[i][round]
                outgoing[round % ahead].append(try send(address(slice), slice.count * size, to: i, of: members, tag: Tag.first))
            }
        }
        func finish(_ requests: inout [Request]) throws {
            for request in requests { try wait(request) }
            requests.removeAll(keepingCapacity: true)
        }
        if join != nil { for round in 0..<min(ahead, rounds) { try startParts(round) } }
        for round in 0..<rounds {
            let mine = round < slices[me].count ? slices[me][round] : nil
            if let join {
                try finish(&incoming[round % ahead])
                if let mine {
                    join(
                        (0..<n).map { UnsafeRawPointer($0 == me ? address(mine) : place(round, $0)) }, count: mine.count,
                        into: address(mine))
                }
                // The results are received into the memory that the parts are sent from, so these sends must complete first.
                try finish(&outgoing[round % ahead])
                if round + ahead < rounds { try startParts(round + ahead) }
            }
            if spreads {
                try finish(&results[round % ahead])
                for i in others where round < slices[i].count {
                    let slice = slices[i][round]
                    results[round % ahead].append(try receive(address(slice), slice.count * size, from: i, of: members, tag: Tag.second))
                }
                if let mine {
                    for i in others {
                        results[round % ahead].append(try send(address(mine), mine.count * size, to: i, of: members, tag: Tag.second))
                    }
                }
            }
        }
        for i in 0..<ahead { try finish(&results[i]) }
    }

    /// Broadcasts the root's bytes along a binomial tree, in slices.
    func spread(_ memory: UnsafeMutableRawPointer, _ bytes: Int, from root: Int, _ members: Members) throws {
        let n = members.count
        let relative = (members.index - root + n) % n
        // A relative rank with its lowest set bit cleared is its parent; its children add one bit below that.
        let low = relative == 0 ? n.nextPowerOfTwo : relative & -relative
        let parent = relative == 0 ? nil : (relative - low + root) % n
        let children = sequence(first: low >> 1) { $0 >> 1 }.prefix { $0 > 0 }.filter { relative + $0 < n }.map {
            (relative + $0 + root) % n
        }
        let slices = stride(from: 0, to: bytes, by: 1 << 20).map { $0..<min($0 + 1 << 20, bytes) }
        let ahead = 4
        var (incoming, outgoing) = ([Request](), [Request]())
        func start(_ slice: Range<Int>) throws {
            guard let parent else { return }
            incoming.append(try receive(memory + slice.lowerBound, slice.count, from: parent, of: members, tag: Tag.tree))
        }
        for slice in slices.prefix(ahead) { try start(slice) }
        for (i, slice) in slices.enumerated() {
            if parent != nil { try wait(incoming[i]) }
            if i + ahead < slices.count { try start(slices[i + ahead]) }
            for child in children {
                outgoing.append(try send(memory + slice.lowerBound, slice.count, to: child, of: members, tag: Tag.tree))
            }
            if i >= ahead { for _ in children { try wait(outgoing.removeFirst()) } }
        }
        for request in outgoing { try wait(request) }
    }

    /// Exchanges individual bytes with each other member (all-to-all). This member's own bytes are not copied.
    func swap(
        sending outgoing: [UnsafeRawBufferPointer], receiving incoming: [UnsafeMutableRawBufferPointer], _ members: Members
    ) throws {
        for step in 1..<max(members.count, 1) {
            let (to, from) = ((members.index + step) % members.count, (members.index - step + members.count) % members.count)
            try move(outgoing[to], to: to, incoming[from], from: from, members, tag: Tag.pairs)
        }
    }

    /// Sends to one member and receives from another at the same time, in slices; either side may be nil.
    func move(
        _ outgoing: UnsafeRawBufferPointer?, to: Int, _ incoming: UnsafeMutableRawBufferPointer?, from: Int, _ members: Members, tag: Int
    ) throws {
        let (sent, received) = (outgoing?.count ?? 0, incoming?.count ?? 0)
        var at = 0
        while at < max(sent, received) {
            var requests: [Request] = []
            // Four slices of 1 MB are in flight at once.
            for _ in 0..<4 {
                if at < received {
                    requests.append(
                        try receive(incoming!.baseAddress! + at, min(1 << 20, received - at), from: from, of: members, tag: tag))
                }
                if at < sent {
                    requests.append(try send(outgoing!.baseAddress! + at, min(1 << 20, sent - at), to: to, of: members, tag: tag))
                }
                at += 1 << 20
            }
            for request in requests { try wait(request) }
        }
    }
}

extension Int {
    fileprivate var nextPowerOfTwo: Int { self <= 1 ? 1 : 1 << (bitWidth - (self - 1).leadingZeroBitCount) }
}
