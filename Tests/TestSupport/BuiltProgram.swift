import Glibc

/// The path of a program that was built with the tests: it lies beside their own executable.
package func builtProgram(_ name: String) -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let own = String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    let beside = own.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/\(name)"
    // `swift test` runs the tests in a helper of the toolchain; then the arguments contain the bundle's path.
    if access(beside, X_OK) == 0 { return beside }
    let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? ""
    return bundle.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/\(name)"
}
