import ApusCore

/// One of k ways to divide a data set for cross-validation.
public typealias Fold<Base: Dataset> = (train: Subset<Base>, validation: Subset<Base>)

/// `k` splits of `dataset`, such that each sample is in exactly one validation part. scikit-learn: `KFold`.
///
/// Sizes differ by at most one sample; the larger parts come first. Samples are in order, or with `shuffle` in random order, drawn from
/// `generator` (by default the current one). Traps unless 2 ≤ k ≤ the number of samples.
public func kFolds<Base: Dataset>(_ dataset: Base, _ k: Int, shuffle: Bool = false, generator: Generator? = nil) -> [Fold<Base>] {
    let count = dataset.count
    guard isFoldable(count, k) else { return [] }
    let order = shuffle ? Tensor.randperm(count, generator: generator).array(Int.self) : Array(0..<count)
    let (size, larger) = (count / k, count % k)
    return (0..<k).map { fold in
        let start = fold * size + min(fold, larger)
        let validation = start..<(start + size + (fold < larger ? 1 : 0))
        return (
            train: Subset(dataset, order[..<validation.lowerBound] + order[validation.upperBound...]),
            validation: Subset(dataset, order[validation])
        )
    }
}

/// The same, but stratified: the counts of each label in any two validation parts differ by at most one. scikit-learn: `StratifiedKFold`.
///
/// `labels` has one label per sample. The samples of a part are in the data set's order; with `shuffle`, samples are assigned to parts at
/// random.
public func kFolds<Base: Dataset, Label: Hashable>(
    _ dataset: Base, _ k: Int, stratifiedBy labels: [Label], shuffle: Bool = false, generator: Generator? = nil
) -> [Fold<Base>] {
    let count = dataset.count
    guard isFoldable(count, k) else { return [] }
    guard labels.count == count else {
        fail("kFolds", "\(labels.count) labels are given, the data set has \(count) samples")
        return []
    }
    let order = shuffle ? Tensor.randperm(count, generator: generator).array(Int.self) : Array(0..<count)
    // Groups the samples by label, in order of first occurrence, and deals them to the parts one after the other, like cards.
    var groups: [Label: Int] = [:]
    for label in labels where groups[label] == nil { groups[label] = groups.count }
    var members = [[Int]](repeating: [], count: groups.count)
    for index in order { members[groups[labels[index]]!].append(index) }
    var part = [Int](repeating: 0, count: count)
    for (place, index) in members.joined().enumerated() { part[index] = place % k }
    return (0..<k).map { fold in
        (train: Subset(dataset, order.filter { part[$0] != fold }), validation: Subset(dataset, order.filter { part[$0] == fold }))
    }
}

private func isFoldable(_ count: Int, _ k: Int) -> Bool {
    if (2...max(count, 2)).contains(k), k <= count { return true }
    fail("kFolds", "\(k) parts cannot be made of \(count) samples: there are at least 2, and each has a sample")
    return false
}
