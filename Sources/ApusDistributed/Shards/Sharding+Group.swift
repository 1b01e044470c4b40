import ApusData

extension Sharding {
    /// Deals `count` shards to the processes of `group`, in blocks of the order of ranks.
    ///
    /// Throws unless each process gets the same number, a power of two where there are several: only then is the sum of a process's shards a
    /// part of the tree in which the shards are added up, whoever holds them.
    init(dealing count: Int, in group: ProcessGroup) throws {
        let size = group.size
        guard Sharding.sizes(dealing: count).contains(size) else {
            throw group.error(
                "dealing shards",
                count < 1
                    ? "a batch has \(count) shards, it must have at least 1"
                    : "\(count) shards cannot be dealt to \(size) processes so that sums stay the same; \(count) shards take "
                        + "\(list(Sharding.sizes(dealing: count), "or")) processes, and \(size) processes \(size), \(2 * size), \(4 * size) … shards"
            )
        }
        let own = count / size
        self.init(count: count, own: (group.rank * own)..<((group.rank + 1) * own))
    }

    /// The numbers of processes to which that many shards can be dealt.
    static func sizes(dealing count: Int) -> [Int] {
        if count < 1 { return [] }
        return (1...count).filter { size in
            let (own, rest) = count.quotientAndRemainder(dividingBy: size)
            return size == 1 || rest == 0 && own & (own - 1) == 0
        }
    }
}

private func list(_ numbers: [Int], _ last: String) -> String {
    numbers.count == 1 ? "\(numbers[0])" : numbers.dropLast().map { "\($0)" }.joined(separator: ", ") + " \(last) \(numbers.last!)"
}
