import CContext

/// A programming error: shapes, dtypes, devices or states that do not fit. Outside `checked` it ends the program with this description.
public struct OpError: Error, CustomStringConvertible, Sendable {
    /// The op or method it happened in.
    public internal(set) var op: String
    /// What was found, what was wanted, and what to do about it.
    public let message: String
    /// The module it happened in, as `Net.features.3 (Conv2d)`.
    public internal(set) var modulePath: String?

    package init(_ message: String, op: String = "") {
        self.op = op
        self.message = message
    }

    public var description: String {
        let place = modulePath.map { " in \($0)" } ?? ""
        return op.isEmpty ? "\(message)\(place)" : "\(op)\(place): \(message)"
    }
}

/// The one place that decides what becomes of a programming error: inside `checked` it is kept (the first one) and a
/// poisoned tensor goes on; elsewhere the program ends.
@discardableResult package func fail(_ error: OpError, op: String? = nil) -> Tensor {
    var error = error
    if error.op.isEmpty, let op { error.op = op }
    let context = Context.current
    if error.modulePath == nil { error.modulePath = context.modulePath }
    guard let scope = context.checkedScope else {
        apus_trap("Apus: \(error)")
    }
    if scope.error == nil { scope.error = error }
    return Tensor.poisoned
}

/// Ends the program, or fails the `checked` scope, with that message.
@discardableResult package func fail(_ op: String, _ message: String) -> Tensor {
    fail(OpError(message, op: op))
}

/// Ends the program with that message, inside `checked` too: where there is no value to go on with.
package func trap(_ op: String, _ message: String) -> Never {
    var error = OpError(message, op: op)
    error.modulePath = Context.current.modulePath
    apus_trap("Apus: \(error)")
}

/// Runs `body` so that programming errors in it throw instead of ending the program.
///
/// The op that fails hands on a poisoned tensor, ops on poisoned tensors do nothing, and the first error is thrown
/// when `body` ends. What is read from a poisoned tensor is defined: any extent is 1, any number NaN or 0.
/// `let answer = try checked { model(request) }`
public func checked<Result>(_ body: () throws -> Result) throws -> Result { try run(body, in: CheckedScope()) }

/// As `checked`, for one step of a loop that a `checked` scope is around: what a device finds wrong later fails that scope, so that a step
/// waits for nothing.
package func checkedStep<Result>(_ body: () throws -> Result) throws -> Result {
    try run(body, in: CheckedScope(within: Context.current.checkedScope))
}

/// Throws the error that the `checked` scope around has met so far.
package func throwFailure() throws(OpError) {
    if let error = Context.current.checkedScope?.error { throw error }
}

extension Tensor {
    /// Itself, or the error of the op that has failed to make it. Kernels do not know failed tensors: what calls one on results of other
    /// functions asks.
    @discardableResult package final func usable() throws(OpError) -> Tensor {
        if isPoisoned {
            try throwFailure()
            throw OpError("a tensor that is needed is the result of a failed op")
        }
        return self
    }
}

private func run<Result>(_ body: () throws -> Result, in scope: CheckedScope) throws -> Result {
    let context = Context.current
    let outer = context.checkedScope
    context.checkedScope = scope
    defer { context.checkedScope = outer }
    let result: Result
    do {
        result = try body()
    } catch {
        scope.awaitDevices()
        throw scope.error ?? error
    }
    scope.awaitDevices()
    if let error = scope.error { throw error }
    return result
}

final class CheckedScope {
    var error: OpError?
    /// Devices whose kernels have yet to say whether their indices were right.
    private var devices: [any Backend & AnyObject] = []
    private let outer: CheckedScope?

    init(within outer: CheckedScope? = nil) { self.outer = outer }

    /// The scope that waits for devices, and fails by what they report.
    var awaiting: CheckedScope { outer?.awaiting ?? self }

    func await(_ device: any Backend & AnyObject) {
        if !devices.contains(where: { $0 === device }) { devices.append(device) }
    }

    /// Waits for them, so that no error of the scope comes up after it.
    func awaitDevices() {
        for device in devices {
            do throws(OpError) { try device.synchronize() } catch { self.error = self.error ?? error }
        }
        devices = []
    }
}
