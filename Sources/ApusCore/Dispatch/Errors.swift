import CContext

/// A programming error: shapes, dtypes, devices or states that do not fit. Outside `checked` the program ends with this description.
public struct OpError: Error, CustomStringConvertible, Sendable {
    /// The op or method where it happened.
    public internal(set) var op: String
    /// What was found, what was expected, and the remedy.
    public let message: String
    /// The module where it happened, such as `Net.features.3 (Conv2d)`.
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

/// Decides what happens after a programming error: inside `checked` the first error is kept and a poisoned tensor is returned; elsewhere
/// the program ends.
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

/// Ends the program, or fails the `checked` scope, with this message.
@discardableResult package func fail(_ op: String, _ message: String) -> Tensor {
    fail(OpError(message, op: op))
}

/// Ends the program with this message, also inside `checked`: for functions that have no value to return.
package func trap(_ op: String, _ message: String) -> Never {
    var error = OpError(message, op: op)
    error.modulePath = Context.current.modulePath
    apus_trap("Apus: \(error)")
}

/// Runs `body` and throws the first programming error in it, instead of ending the program.
///
/// The op that fails returns a poisoned tensor, ops on poisoned tensors do nothing, and the first error is thrown when `body` ends. Reading
/// a poisoned tensor is defined: any extent is 1, any number is NaN or 0.
/// `let answer = try checked { model(request) }`
@discardableResult public func checked<Result>(_ body: () throws -> Result) throws -> Result { try run(body, in: CheckedScope()) }

/// Like `checked`, for one step of a loop inside a `checked` scope: errors that a device reports later fail the outer scope, so that the
/// step does not wait for the device.
package func checkedStep<Result>(_ body: () throws -> Result) throws -> Result {
    try run(body, in: CheckedScope(within: Context.current.checkedScope))
}

/// Throws the first error of the enclosing `checked` scope, if there is one.
package func throwFailure() throws(OpError) {
    if let error = Context.current.checkedScope?.error { throw error }
}

extension Tensor {
    /// Returns the tensor, or throws the error of the failed op that should have made it. Call it before passing results of other functions
    /// to kernels, which do not check for poisoned tensors.
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
    /// Devices whose kernels have not yet reported whether their indices were valid.
    private var devices: [any Backend & AnyObject] = []
    private let outer: CheckedScope?

    init(within outer: CheckedScope? = nil) { self.outer = outer }

    /// The outermost scope, which waits for devices and gets the errors they report.
    var awaiting: CheckedScope { outer?.awaiting ?? self }

    func await(_ device: any Backend & AnyObject) {
        if !devices.contains(where: { $0 === device }) { devices.append(device) }
    }

    /// Waits for the devices, so that no error of the scope appears after it.
    func awaitDevices() {
        for device in devices {
            do throws(OpError) { try device.synchronize() } catch { self.error = self.error ?? error }
        }
        devices = []
    }
}
