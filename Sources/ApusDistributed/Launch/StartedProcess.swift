import ApusSystem
import Glibc

/// A program that was started in a process group of its own, so that Ctrl-C in the terminal does not reach it.
package struct StartedProcess: ~Copyable {
    private let pid: pid_t
    /// What it reads as its standard input.
    private let input: Int32

    /// Starts the program at the path `command[0]`; its output goes where this process's goes.
    package init(_ command: [String]) throws(FileError) { try self.init(command, output: nil) }

    private init(_ command: [String], output: Int32?) throws(FileError) {
        let ends = try StartedProcess.pipe(for: command[0])
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO)
        if let output {
            posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
            posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setpgroup(&attributes, 0)
        // This process ignores the signal, since what it writes to may have ended.
        signal(SIGPIPE, SIG_IGN)
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, command[0], &actions, &attributes, &arguments, environ)
        close(ends[0])
        guard code == 0 else {
            close(ends[1])
            throw FileError(file: command[0], operation: "start", code: code)
        }
        (self.pid, input) = (pid, ends[1])
    }

    deinit { close(input) }

    /// Writes a line to its standard input; nothing where that is closed.
    package func tell(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        while write(input, bytes, bytes.count) < 0 && errno == EINTR {}
    }

    /// Kills it and its process group.
    package func kill() { _ = Glibc.kill(-pid, SIGKILL) }

    /// Whether it has ended, and then its exit code, or 128 and the signal's number.
    package mutating func poll() -> Int32? {
        var status: Int32 = 0
        var found = waitpid(pid, &status, WNOHANG)
        while found < 0 && errno == EINTR { found = waitpid(pid, &status, WNOHANG) }
        guard found != 0 else { return nil }
        let signal = status & 0x7F
        return signal == 0 ? status >> 8 & 0xFF : 128 + signal
    }

    /// The ends of a pipe, for reading and for writing, that the programs this process starts do not inherit.
    private static func pipe(for program: String) throws(FileError) -> [Int32] {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { throw FileError(file: program, operation: "start", code: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return ends
    }

    /// All that the command prints.
    static func output(of command: [String]) throws(FileError) -> String {
        let ends = try StartedProcess.pipe(for: command[0])
        defer { close(ends[0]) }
        var process: StartedProcess
        do throws(FileError) { process = try StartedProcess(command, output: ends[1]) } catch {
            close(ends[1])
            throw error
        }
        close(ends[1])
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(ends[0], &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { break }
            text += buffer.prefix(count)
        }
        while process.poll() == nil { usleep(1000) }
        return String(decoding: text, as: UTF8.self)
    }
}
