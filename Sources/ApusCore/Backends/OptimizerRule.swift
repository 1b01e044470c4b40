/// The rule of an optimizer as `optimizerStep` takes it, with the numbers of this step.
package struct OptimizerRule: Sendable {
    package let kind: OptimizerKind
    /// In the order in which `optimizer_rules.h` reads them, flags (0 and 1) last.
    package let numbers: [Double]

    package init(_ kind: OptimizerKind, _ numbers: Double..., flags: [Bool]) {
        (self.kind, self.numbers) = (kind, numbers + flags.map { $0 ? 1 : 0 })
    }
}
