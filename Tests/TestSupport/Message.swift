import ApusCore

/// The description of the error that `body` throws or that an op in it records; "" if there is none.
package func message<Result>(_ body: () throws -> Result) -> String {
    do {
        _ = try checked(body)
        return ""
    } catch {
        return "\(error)"
    }
}
