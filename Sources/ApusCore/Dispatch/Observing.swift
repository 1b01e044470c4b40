/// Notified of the ops and other activities of a thread while it is the thread's `Context.observer`. Without an observer this costs a
/// comparison with nil.
package protocol Observer: AnyObject {
    /// An activity begins; it ends with `didEnd`, after all activities inside it.
    func willBegin(_ activity: Activity)
    func didEnd()
    /// An op has run and is about to end. Not called for an op that failed.
    func didRun(_ name: String, inputs: [Tensor], outputs: [Tensor])
}

extension Observer {
    package func willBegin(_ activity: Activity) {}
    package func didEnd() {}
}

/// The activities that observers are notified of.
package enum Activity {
    /// An op, by its name; the type is nil for a function of `DifferentiableFunction`.
    case op(String, type: (any Op.Type)?)
    /// The call of a module.
    case module(AnyObject)
    /// A node in a backward pass: the derivative of its op.
    case derivative(Node)
    /// A named piece of work, such as an optimizer's step.
    case step(String)
}

extension Context {
    /// Runs `body` with `observer` as the thread's observer.
    package static func observed<Result>(by observer: any Observer, _ body: () throws -> Result) rethrows -> Result {
        let context = current
        let outer = context.observer
        context.observer = observer
        defer { context.observer = outer }
        return try body()
    }

    /// Runs `body` and notifies the observer.
    @inline(__always) package static func activity<Result, Failure: Error>(
        _ activity: @autoclosure () -> Activity, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard read({ $0.observer != nil }), let observer = current.observer else { return try body() }
        observer.willBegin(activity())
        defer { observer.didEnd() }
        return try body()
    }
}
