/// Sees what a thread does while it is the thread's `Context.observer`: ops and what is around them. Unset it costs a comparison with nil.
package protocol Observer: AnyObject {
    /// Something begins; it ends with `didEnd`, after all that began in it.
    func willBegin(_ activity: Activity)
    func didEnd()
    /// An op ran, and is about to end. One that failed ends without.
    func didRun(_ name: String, inputs: [Tensor], outputs: [Tensor])
}

extension Observer {
    package func willBegin(_ activity: Activity) {}
    package func didEnd() {}
}

/// What begins and ends.
package enum Activity {
    /// An op, by its name.
    case op(String)
    /// The call of a module.
    case module(AnyObject)
    /// A node of the graph in a backward pass: the op's derivative.
    case derivative(Node)
    /// A piece of work by its name, such as an optimizer's step.
    case step(String)
}

extension Context {
    /// Runs `body` under `observer`.
    package static func observed<Result>(by observer: any Observer, _ body: () throws -> Result) rethrows -> Result {
        let context = current
        let outer = context.observer
        context.observer = observer
        defer { context.observer = outer }
        return try body()
    }

    /// Runs `body` as a piece of work that observers see.
    @inline(__always) package static func activity<Result, Failure: Error>(
        _ activity: @autoclosure () -> Activity, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard read({ $0.observer != nil }), let observer = current.observer else { return try body() }
        observer.willBegin(activity())
        defer { observer.didEnd() }
        return try body()
    }
}
