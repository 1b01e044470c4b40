import ApusFormats
import ApusSystem
import Glibc

/// Prevents other processes from working on a run while it exists, since two that write into one folder would mix their files.
///
/// It is a system lock on the file `lock` in the run's folder, which ends with the process that holds it, however that ends. The file names
/// that process. On a file system without locks none is held.
final class RunLock {
    private let path: String
    private let descriptor: Int32

    /// Throws a ``RunError`` that names the holding process if another process holds the lock.
    init(_ folder: RunFolder) throws {
        path = folder.lock
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
            guard descriptor >= 0 else { throw FileError(file: path, operation: "open", code: errno) }
            while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
                let code = errno
                if code == EINTR { continue }
                if code == EWOULDBLOCK {
                    let holder = RunLock.holder(descriptor)
                    close(descriptor)
                    throw RunError("\(holder) is at work on the run in \(folder.path); wait for it, or end it")
                }
                break // The file system has no locks.
            }
            // The process that held the lock before may have removed the file meanwhile; then lock the file that exists now.
            if isStillThere(descriptor, at: path) {
                self.descriptor = descriptor
                break
            }
            close(descriptor)
        }
        let text = Array("process \(getpid()) on \(hostName() ?? "an unknown host")\n".utf8)
        // If the process cannot be named, the lock still holds.
        if ftruncate(descriptor, 0) == 0 { _ = write(descriptor, text, text.count) }
    }

    deinit {
        unlink(path)
        close(descriptor)
    }

    private static func holder(_ descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        let text = String(decoding: buffer.prefix(max(count, 0)).prefix { $0 != 0x0A }, as: UTF8.self)
        return text.isEmpty ? "another process" : printable(text)
    }
}
