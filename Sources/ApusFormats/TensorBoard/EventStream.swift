import ApusSystem
import Glibc
import Synchronization

/// An event file that is being written. Each event is written at once and completely or not at all, so that killing the process loses
/// nothing written before.
struct EventStream: Sendable {
    let path: String
    private let descriptor: Int32

    /// How many files this process has begun; the last part of their names.
    private static let begun = Atomic<Int>(0)

    /// Creates a new file in `folder`, and the folder if it does not exist.
    init(in folder: String, suffix: String) throws {
        try Folder.make(folder)
        while true {
            let number = EventStream.begun.wrappingAdd(1, ordering: .relaxed).oldValue
            let seconds = String(Int(secondsSince1970()))
            let time = String(repeating: "0", count: max(0, 10 - seconds.count)) + seconds
            let path = "\(folder)/events.out.tfevents.\(time).\(hostPart()).\(getpid()).\(number)\(suffix)"
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o666)
            // Another container with this host name and process number created a file in the same second.
            if descriptor < 0, errno == EEXIST { continue }
            guard descriptor >= 0 else { throw FileError(file: path, operation: "open", code: errno) }
            (self.path, self.descriptor) = (path, descriptor)
            break
        }
        do {
            try append(TensorBoardEvent(wallTime: secondsSince1970(), .fileVersion("brain.Event:2"), writer: "apus"))
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    func append(_ event: TensorBoardEvent) throws {
        let record = EventFile.record(event.encoded)
        var written = 0
        do {
            try record.withUnsafeBytes { try writeAll($0, to: descriptor, path) { written += $0 } }
        } catch {
            // A partial record would make all following records unreadable.
            var status = stat()
            if written > 0, fstat(descriptor, &status) == 0 { ftruncate(descriptor, status.st_size - off_t(written)) }
            throw error
        }
    }

    /// Waits until the file's contents are on disk.
    func sync() throws(FileError) {
        // File systems without sync return EINVAL.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw FileError(file: path, operation: "write", code: errno) }
    }

    /// Closes the file; nothing may be written afterwards.
    func close() throws(FileError) {
        guard Glibc.close(descriptor) == 0 || errno == EINTR else { throw FileError(file: path, operation: "write", code: errno) }
    }
}

/// The host's name for use in a file name; `localhost` if it has none.
func hostPart() -> String { (hostName() ?? "localhost").replacing("/", with: "_") }

/// Seconds since 1970, in UTC.
func secondsSince1970() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
