import ApusData

extension Sharding {
    /// Deals `count` shards to the ranks of `group`, in consecutive blocks.
    ///
    /// Throws unless every rank gets the same number of shards, a power of two if there are several ranks: only then is the sum over a
    /// rank's shards a subtree of the reduction tree over all shards, whatever the number of ranks.
    package init(dealing count: Int, in group: ProcessGroup) throws {
        if let problem = Sharding.problem(dealing: count, to: group.size) { throw group.error("dealing shards", problem) }
        let own = count / group.size
        self.init(count: count, own: (group.rank * own)..<((group.rank + 1) * own))
    }

    /// Why `count` shards cannot be dealt to `size` ranks; nil if they can.
    package static func problem(dealing count: Int, to size: Int) -> String? {
        if count < 1 { return "a batch has \(count) shards, it must have at least 1" }
        if sizes(dealing: count).contains(size) { return nil }
        return "\(count) shards cannot be dealt to \(size) processes so that sums stay the same; \(count) shards take "
            + "\(list(sizes(dealing: count), "or")) processes, and \(size) processes \(size), \(2 * size), \(4 * size) … shards"
    }

    /// The numbers of ranks to which `count` shards can be dealt.
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
