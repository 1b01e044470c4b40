import Glibc

/// The value of an environment variable; nil if it is unset or empty.
package func environment(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
}

/// This machine's name; nil if it has none.
package func hostName() -> String? {
    var name = [CChar](repeating: 0, count: 256)
    return gethostname(&name, name.count - 1) == 0 && name[0] != 0 ? String(fromC: name) : nil
}

/// Seconds on a monotonic clock.
package func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// The value in the first line of a file that begins with `key`, as `/proc/cpuinfo` has them; nil if there is none.
package func firstValue(in path: String, of key: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 8192)
    while fgets(&buffer, Int32(buffer.count), file) != nil {
        let text = String(fromC: buffer)
        guard text.hasPrefix(key), let split = text.firstIndex(where: { $0 == ":" || $0 == "=" }) else { continue }
        let value = text[text.index(after: split)...].drop { $0 == " " || $0 == "\t" || $0 == "\"" }
        return String(value.prefix { $0 != "\n" && $0 != "\"" })
    }
    return nil
}

extension String {
    /// The text in a buffer filled by C, up to the terminating null.
    package init(fromC bytes: [CChar]) { self.init(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) }
}
