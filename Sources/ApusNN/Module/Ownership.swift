import ApusCore
import Synchronization

/// The modules that have called a module and may do so: a call looks for its owners once, and afterwards compares two numbers.
struct CallMemory {
    /// A number that no other module gets while the program runs; an address could be reused.
    let number = nextNumber.add(1, ordering: .relaxed).newValue
    /// The number of the last caller, 0 for none.
    private var last: UInt64 = 0
    /// The numbers of all known callers.
    private var others: [UInt64] = []

    /// Whether that module was the last caller.
    @inline(__always) func wasCalledLast(by caller: UInt64) -> Bool { last == caller }

    /// Whether that module has called before; if so it becomes the last caller.
    fileprivate mutating func isKnown(_ caller: UInt64) -> Bool {
        guard others.contains(caller) else { return false }
        last = caller
        return true
    }

    fileprivate mutating func remember(_ caller: UInt64) {
        if last == caller { return }
        // Forget old callers, so that the list stays short.
        if others.count == 64 { others = [] }
        if !others.contains(caller) { others.append(caller) }
        last = caller
    }
}

extension CallMemory: Rewritable {
    /// A copy is another module, which no module has called.
    func rewritten(by rewriter: Rewriter) -> Self { CallMemory() }
}

private let nextNumber = Atomic<UInt64>(0)

/// The check that an optimizer can find every layer that is called in training.
///
/// Reflection finds only layers in stored properties. A layer held by a closure, a global variable or an object of another class would
/// silently keep its first weights. So a called module with trainable parameters must be among the modules of one of its callers, or in a
/// property marked ``Unregistered``. Nothing is checked outside training, without recording, and in hooks, since no parameters are
/// learned there. The result is cached, so that a call costs two comparisons.
extension Module {
    /// Fails unless a module on the call stack owns this one.
    @inline(never) final func checkOwner(_ caller: Module, _ context: Context) {
        let number = caller.calls.number
        // A loss may be given a function that calls layers, and is not their model.
        guard caller.training, !context.runsHook, !(caller is Loss), !calls.isKnown(number) else { return }
        // Remember all layers of the caller at once, for one reflection.
        for (_, module) in caller.members().modules { module.calls.remember(number) }
        if calls.wasCalledLast(by: number) { return }
        var parameters: [Parameter] = []
        for module in modules() { parameters += module.members().parameters.map(\.parameter) }
        guard parameters.contains(where: \.requiresGrad) else {
            // Frozen parameters may be unfrozen later, so the result is cached only where there are none.
            if parameters.isEmpty { calls.remember(number) }
            return
        }
        for called in context.modules.reversed() {
            guard let called = called.takeUnretainedValue() as? Module,
                called.modules().contains(where: { $0 === self || $0.leavesOut(self) })
            else { continue }
            return calls.remember(number)
        }
        fail(
            typeName,
            "it is not among \(caller.typeName)'s modules, so no optimizer sees it; hold it in a stored property of \(caller.typeName) (an array, tuple, struct or enum will do), freeze it with requiresGrad_(false), or hold it in an @Unregistered property to say that it is meant"
        )
    }

    /// Whether a property marked `Unregistered` holds that module, or one that contains it.
    private func leavesOut(_ module: Module) -> Bool {
        var found = false
        forEachProperty { _, value in
            guard let holder = value as? any LeavingOut, let member = Member(holder.value) else { return }
            found = found || member.modules.contains { $0.modules().contains { $0 === module } }
        }
        return found
    }
}

private protocol LeavingOut { var value: Any { get } }
extension Unregistered: LeavingOut {
    fileprivate var value: Any { wrappedValue }
}
