import ApusCore
import ApusDistributed
import ApusSystem
import Glibc
import Synchronization

/// The abilities of the terminal behind a file descriptor.
package struct Terminal: Sendable {
    /// The number of columns; nil if the output is not a terminal and takes only whole lines.
    package var width: Int?
    /// Whether colours are wanted and supported.
    package var hasColour: Bool
    /// Whether characters beyond ASCII are supported.
    package var hasUnicode: Bool

    package init(width: Int?, hasColour: Bool = false, hasUnicode: Bool = false) {
        self.width = width
        self.hasColour = hasColour
        self.hasUnicode = hasUnicode
    }

    /// The abilities of `descriptor`, from the system and the environment (`NO_COLOR`, `TERM`, the locale), or as they were told.
    package static func of(_ descriptor: Int32) -> Terminal {
        if descriptor == STDOUT_FILENO, let text = environment(variable) { return Terminal(told: text) }
        // Some launchers give a process a terminal of theirs, whatever becomes of what is written there.
        if Launcher.detect() != nil { return Terminal(width: nil) }
        guard isatty(descriptor) == 1, environment("TERM") != "dumb" else { return Terminal(width: nil) }
        let locale = environment("LC_ALL") ?? environment("LC_CTYPE") ?? environment("LANG") ?? ""
        let folded = locale.lowercased()
        return Terminal(
            width: columns(descriptor), hasColour: environment("NO_COLOR") == nil,
            hasUnicode: folded.contains("utf-8") || folded.contains("utf8"))
    }

    /// The current number of columns, which changes with the terminal's window.
    package static func columns(_ descriptor: Int32) -> Int {
        let told = toldColumns.load(ordering: .relaxed)
        if told > 0 { return told }
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    // MARK: Behind another process

    /// The variable in which a process tells those it starts of its terminal, since their own output is a pipe to it.
    package static let variable = "APUS_TERMINAL"
    private static let toldColumns = Atomic(0)

    /// What is told: `120 colour unicode`, or `none`.
    package var text: String {
        width.map { "\($0)\(hasColour ? " colour" : "")\(hasUnicode ? " unicode" : "")" } ?? "none"
    }

    private init(told text: String) {
        let words = text.split(separator: " ")
        self.init(
            width: words.first.flatMap { Int($0) }.map { max($0, 1) }, hasColour: words.contains("colour"),
            hasUnicode: words.contains("unicode"))
        if let width, Terminal.toldColumns.load(ordering: .relaxed) == 0 { Terminal.tell(columns: width) }
    }

    /// Sets the number of columns of all terminals of this process.
    package static func tell(columns: Int) { toldColumns.store(max(columns, 0), ordering: .relaxed) }
}

/// Writes `text` to `descriptor` unbuffered, since buffered lines are lost when the process is killed. Text that cannot be written (a
/// closed pipe, a full disk) is dropped. Returns 0, or errno.
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
