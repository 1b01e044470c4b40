import ApusCore
import ApusSystem
import Glibc

/// What a file descriptor can show.
package struct Terminal: Sendable {
    /// Columns, nil where the output is no terminal: then only whole lines make sense.
    package var width: Int?
    /// Whether colours are wanted and understood.
    package var hasColour: Bool
    /// Whether characters beyond ASCII are understood.
    package var hasUnicode: Bool

    package init(width: Int?, hasColour: Bool = false, hasUnicode: Bool = false) {
        self.width = width
        self.hasColour = hasColour
        self.hasUnicode = hasUnicode
    }

    /// What `descriptor` is, by the system and the environment (`NO_COLOR`, `TERM`, the locale).
    package static func of(_ descriptor: Int32) -> Terminal {
        guard isatty(descriptor) == 1, environment("TERM") != "dumb" else { return Terminal(width: nil) }
        let locale = environment("LC_ALL") ?? environment("LC_CTYPE") ?? environment("LANG") ?? ""
        let folded = locale.lowercased()
        return Terminal(
            width: columns(descriptor), hasColour: environment("NO_COLOR") == nil,
            hasUnicode: folded.contains("utf-8") || folded.contains("utf8"))
    }

    /// The columns of a terminal now; they change when its window does.
    package static func columns(_ descriptor: Int32) -> Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}

/// Writes `text` to `descriptor` at once: a line that stays in a buffer is lost when the process is killed. What cannot be written (a closed pipe,
/// a full disk) is dropped, and the system's number for the reason returned; 0 where all was written.
@discardableResult package func writeAll(_ text: String, to descriptor: Int32) -> Int32 {
    var text = text
    return text.withUTF8 { bytes in
        var rest = UnsafeRawBufferPointer(bytes)
        while !rest.isEmpty {
            let written = write(descriptor, rest.baseAddress, rest.count)
            if written < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                return errno
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
        return 0
    }
}
