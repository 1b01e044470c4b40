import ApusCore
import Synchronization

/// Which modules have called one, and may: so that a call asks for its owners once and then compares two numbers.
struct CallMemory {
    /// A module's number, its own for as long as the program runs; an address would be given again.
    let number = nextNumber.add(1, ordering: .relaxed).newValue
    /// The last that called, 0 for nobody.
    private var last: UInt64 = 0
    /// The others.
    private var others: [UInt64] = []

    /// Whether the last call came from there.
    @inline(__always) func wasCalledLast(by caller: UInt64) -> Bool { last == caller }

    /// Whether it has called before; it then is the last.
    fileprivate mutating func isKnown(_ caller: UInt64) -> Bool {
        guard others.contains(caller) else { return false }
        last = caller
        return true
    }

    fileprivate mutating func remember(_ caller: UInt64) {
        if last == caller { return }
        // Callers that come and go are forgotten.
        if others.count == 64 { others = [] }
        if !others.contains(caller) { others.append(caller) }
        last = caller
    }
}

extension CallMemory: Rewritable {
    /// A copy is another module, which nobody has called.
    func rewritten(by rewriter: Rewriter) -> Self { CallMemory() }
}

private let nextNumber = Atomic<UInt64>(0)

/// A layer that is called in training, but that no optimizer sees.
///
/// Reflection finds what stored properties hold. A layer that a closure, a global variable or an object of another class holds would keep its
/// first weights for good, without a word; so a module with parameters to learn that another one calls must be among the modules of one of those
/// that are being called, or in a property marked ``Unregistered``. Outside training, without recording and in hooks nothing is asked: nothing is
/// learned there by the caller. What was answered is kept, so that a call costs two comparisons.
extension Module {
    /// Fails where a module that is being called does not own this one.
    @inline(never) final func checkOwner(_ caller: Module, _ context: Context) {
        let number = caller.calls.number
        // A loss may be given a function of layers, and is nobody's model.
        guard caller.training, !context.runsHook, !(caller is Loss), !calls.isKnown(number) else { return }
        // The caller's own layers come all at once: one reflection for all of them.
        for (_, module) in caller.members().modules { module.calls.remember(number) }
        if calls.wasCalledLast(by: number) { return }
        var parameters: [Parameter] = []
        for module in modules() { parameters += module.members().parameters.map(\.parameter) }
        guard parameters.contains(where: \.requiresGrad) else {
            // What is frozen may thaw.
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
