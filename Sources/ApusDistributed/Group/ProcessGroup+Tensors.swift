import ApusCore

/// Collectives on tensors of any dtype, layout and device. They are not differentiable: they record nothing in the graph.
extension ProcessGroup {
    /// Replaces the tensor on every rank by the elementwise reduction over all ranks by `op`. PyTorch: `all_reduce`.
    ///
    /// Elements are reduced in tree order of the ranks, (0 + 1) + (2 + 3), so that the bits are the same in every call; 16-bit floats are
    /// summed in float32 and rounded once. `allowsUnorderedSums` lets MPI or NCCL choose the order of float sums; the bits may then depend
    /// on the library, the size and the placement. Traps if `op` is not defined for the dtype; throws `DistributedError`.
    public func allReduce(_ tensor: Tensor, _ op: ReduceOp = .sum, allowsUnorderedSums: Bool = false) throws {
        if refuses("allReduce", tensor, op) { return }
        let signature = Signature(.allReduce, count: tensor.numel, tensor.dtype, op)
        let dtype = op.computeType(tensor.dtype)
        let mayBeUnordered = allowsUnorderedSums && dtype.isFloatingPoint && (op == .sum || op == .mean)
        try collective(signature, note: (mayBeUnordered ? 1 : 0, ProcessGroup.note(tensor.device))) { notes in
            let communicator = try self.communicator(notes)
            let isUnordered = notes.allSatisfy { $0.0 == 1 }
            try self.changing(tensor, as: dtype, signature, communicator) { x in
                if let communicator {
                    if isUnordered { try communicator.unorderedSum(x) } else { try communicator.reduce(x, op) }
                } else if try !isUnordered || !self.sumUnordered(x.pointer, x.numel, dtype) {
                    try self.reduce(x.pointer, count: x.numel, op.join(dtype))
                }
                if op == .mean { _ = try checked { noGrad { x.div_(Double(self.size)) } } }
            }
        }
    }

    /// Replaces the tensor on every rank by that of `root`. PyTorch: `broadcast`.
    ///
    /// Throws `DistributedError`.
    public func broadcast(_ tensor: Tensor, from root: Int = 0) throws {
        if refuses("broadcast", tensor) || isNoRank("broadcast", root) { return }
        let signature = Signature(.broadcast, count: tensor.numel, tensor.dtype, peer: root)
        try collective(signature, note: (0, ProcessGroup.note(tensor.device))) { notes in
            let communicator = try self.communicator(notes)
            try self.changing(tensor, as: tensor.dtype, signature, communicator) { x in
                if let communicator { return try communicator.broadcast(x, from: root) }
                try self.worker.spread(x.pointer, x.numel * x.dtype.size, from: root, self.members)
            }
        }
    }

    /// The tensors of all ranks, by rank; they must have the same shape. PyTorch: `all_gather`.
    ///
    /// Throws `DistributedError`.
    public func allGather(_ tensor: Tensor) throws -> [Tensor] {
        if refuses("allGather", tensor) { return Array(repeating: .poisoned, count: size) }
        let signature = Signature(.allGather, count: tensor.numel, tensor.dtype)
        return try collective(signature, note: (0, ProcessGroup.note(tensor.device))) { notes in
            let communicator = try self.communicator(notes)
            return try self.reading(tensor, as: tensor.dtype, communicator) { x in
                let all = try Tensor.uninitialized(Shape([self.size] + Array(x.shape)), x.dtype, x.device)
                if let communicator {
                    try communicator.gather(x, into: all)
                } else {
                    let bytes = x.numel * x.dtype.size
                    (all.pointer + self.rank * bytes).copyMemory(from: x.pointer, byteCount: bytes)
                    try self.gather(all.pointer, chunk: x.numel, elementBytes: x.dtype.size)
                }
                return try checked { noGrad { (0..<self.size).map { all[$0].to(tensor.device) } } }
            }
        }
    }

    /// This rank's part of the elementwise reduction over all ranks by `op`: rank r gets the r-th of `size` equal parts along dimension 0.
    /// PyTorch: `reduce_scatter_tensor`.
    ///
    /// The bits are those of `allReduce`. Traps if dimension 0 is not divisible by `size`; throws `DistributedError`.
    public func reduceScatter(_ tensor: Tensor, _ op: ReduceOp = .sum) throws -> Tensor {
        if refuses("reduceScatter", tensor, op) { return .poisoned }
        guard tensor.ndim > 0, tensor.size(0) % size == 0 else {
            return fail("reduceScatter", "a tensor of shape \(tensor.shape) has no \(size) equal parts along dimension 0")
        }
        let signature = Signature(.reduceScatter, count: tensor.numel, tensor.dtype, op)
        let dtype = op.computeType(tensor.dtype)
        return try collective(signature, note: (0, ProcessGroup.note(tensor.device))) { notes in
            let communicator = try self.communicator(notes)
            return try self.reading(tensor, as: dtype, communicator) { x in
                // The exchange writes into its operand, so it works on a copy.
                let all = try x.converted(to: dtype)
                if let communicator {
                    try communicator.reduceScatter(all, op)
                } else {
                    try self.reduceScatter(all.pointer, chunk: all.numel / self.size, op.join(dtype))
                }
                return try checked {
                    noGrad {
                        let rows = tensor.size(0) / self.size
                        var own = all.narrow(0, self.rank * rows, rows)
                        if op == .mean { own = own / Double(self.size) }
                        return own.to(tensor.dtype).contiguous().to(tensor.device)
                    }
                }
            }
        }
    }

    /// Sends the i-th tensor to rank i and returns the tensors that the ranks have sent to this one, by rank. Shapes and dtypes may all
    /// differ. PyTorch: `all_to_all`.
    ///
    /// Traps unless there is one tensor per rank; throws `DistributedError`.
    public func allToAll(_ tensors: [Tensor]) throws -> [Tensor] {
        guard tensors.count == size else {
            fail("allToAll", "\(tensors.count) tensors for \(size) processes")
            return tensors
        }
        if tensors.contains(where: { refuses("allToAll", $0) }) { return tensors }
        return try collective(Signature(.allToAll)) { _ in
            let outgoing = try tensors.map { try $0.detach().hostData() }
            var incoming = outgoing
            // The header of each tensor: dtype, number of dimensions, extents.
            let length = 2 + ProcessGroup.mostDimensions
            let sent = outgoing.map { tensor -> [Int64] in
                let head = [Int64(tensor.dtype.rawValue), Int64(tensor.ndim)] + tensor.shape.map(Int64.init)
                return head + Array(repeating: 0, count: length - head.count)
            }
            var received = sent
            try self.swap(sent, &received, length)
            for i in 0..<self.size where i != self.rank {
                let dtype = DType(rawValue: UInt8(received[i][0]))!
                incoming[i] = try Tensor.uninitialized(Shape(received[i][2..<(2 + Int(received[i][1]))].map { Int($0) }), dtype, .cpu)
            }
            try self.worker.swap(
                sending: outgoing.map { UnsafeRawBufferPointer(start: $0.pointer, count: $0.numel * $0.dtype.size) },
                receiving: incoming.map { UnsafeMutableRawBufferPointer(start: $0.pointer, count: $0.numel * $0.dtype.size) },
                self.members)
            return try checked {
                noGrad {
                    incoming.enumerated().map { i, tensor in
                        i == self.rank ? tensor.clone().to(tensors[i].device) : tensor.to(tensors[i].device)
                    }
                }
            }
        }
    }

    /// Waits until all ranks have called it. PyTorch: `barrier`.
    public func barrier() throws { try collective(Signature(.barrier)) { _ in } }

    /// The group of the ranks that pass the same color, ordered by key and then by rank. PyTorch: `new_group`; MPI: `MPI_Comm_split`.
    ///
    /// Traps if `color` is negative; throws `DistributedError`.
    public func split(color: Int, key: Int) throws -> ProcessGroup {
        if color < 0 { trap("split", "color \(color) is negative") }
        return try collective(Signature(.split), note: (UInt64(color), UInt64(bitPattern: Int64(key)))) { notes in
            let own = (0..<self.size).filter { notes[$0].0 == UInt64(color) }
            let ranks = own.sorted { (Int64(bitPattern: notes[$0].1), $0) < (Int64(bitPattern: notes[$1].1), $1) }
            let number = ranks.firstIndex(of: self.rank)!
            // The rank in the new group serves as key, since it fits MPI's int whatever key the caller has passed.
            let channel = try self.engine.split(self.members.channel, color: own[0], key: number, members: ranks)
            return ProcessGroup(
                rank: number, hosts: ranks.map { self.hosts[$0] }, keys: ranks.map { self.keys[$0] }, channel: channel,
                session: self.session)
        }
    }

    // MARK: Tensors and memory

    private static var mostDimensions: Int { 30 }

    private func swap(_ sent: [[Int64]], _ received: inout [[Int64]], _ length: Int) throws {
        let (outgoing, incoming) = (
            UnsafeMutablePointer<Int64>.allocate(capacity: size * length), UnsafeMutablePointer<Int64>.allocate(capacity: size * length)
        )
        defer {
            outgoing.deallocate()
            incoming.deallocate()
        }
        for (i, word) in sent.joined().enumerated() { outgoing[i] = word }
        try worker.swap(
            sending: (0..<size).map { UnsafeRawBufferPointer(start: outgoing + $0 * length, count: length * 8) },
            receiving: (0..<size).map { UnsafeMutableRawBufferPointer(start: incoming + $0 * length, count: length * 8) }, members)
        for i in 0..<size where i != rank { received[i] = (0..<length).map { incoming[i * length + $0] } }
    }

    /// Whether the tensor is the result of a failed op, or `op` is not defined for its dtype.
    private func refuses(_ name: String, _ tensor: Tensor, _ op: ReduceOp? = nil) -> Bool {
        if tensor.isPoisoned { return true }
        if let reason = op?.refuses(tensor.dtype) {
            fail(name, reason)
            return true
        }
        return false
    }

    func isNoRank(_ name: String, _ rank: Int) -> Bool {
        if (0..<size).contains(rank) { return false }
        fail(name, "there is no rank \(rank) in a group of \(size)")
        return true
    }

    /// Calls `body` with the elements as a contiguous tensor in `dtype`, which may share the tensor's memory: on its device if there is a
    /// communicator, else on the host.
    func reading<Value>(
        _ tensor: Tensor, as dtype: DType, _ communicator: Communicator? = nil, _ body: (Tensor) throws -> Value
    ) throws -> Value {
        let own = try communicator == nil ? tensor.detach().hostData() : tensor.detach().contiguousData()
        let operand = own.dtype == dtype ? own : try own.converted(to: dtype)
        do { return try body(operand) } catch {
            // After an error, messages in flight may still write into this memory, so it is never freed.
            _ = Unmanaged.passRetained(operand)
            throw error
        }
    }

    /// The same for a `body` that changes the elements; the result is written back to the tensor.
    func changing(
        _ tensor: Tensor, as dtype: DType, _ signature: Signature, _ communicator: Communicator? = nil, _ body: (Tensor) throws -> Void
    ) throws {
        try reading(tensor, as: dtype, communicator) { x in
            try body(x)
            if x.storage === tensor.storage {
                tensor.didChange(by: "\(signature.kind)")
            } else {
                _ = try checked { noGrad { tensor.copy_(x) } }
            }
        }
    }

    /// Whether the engine has summed the numbers in an order of its choice; false if it has no such sum.
    private func sumUnordered(_ memory: UnsafeMutableRawPointer, _ count: Int, _ dtype: DType) throws -> Bool {
        let most = 1 << 28
        for start in stride(from: 0, to: count, by: most) {
            guard
                let request = try engine.unorderedSum(
                    memory + start * dtype.size, count: min(most, count - start), isDouble: dtype == .float64, on: members.channel)
            else { return false }
            try worker.wait(request)
        }
        return true
    }
}
