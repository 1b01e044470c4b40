import Apus

/// What the error says that `body` throws, or that a function in it fails with; "" where there is none.
package func message<Result>(_ body: () throws -> Result) -> String {
    do {
        _ = try checked(body)
        return ""
    } catch {
        return "\(error)"
    }
}
