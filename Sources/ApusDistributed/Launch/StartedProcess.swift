import ApusSystem
import Glibc

/// A program that was started in a process group of its own, so that Ctrl-C in the terminal does not reach it.
package struct StartedProcess: ~Copyable {
    private let pid: pid_t
    /// The write end of its standard input.
    private let input: Int32
    /// The read end of its standard error.
    private let errors: Int32

    /// Starts the program at the path `command[0]`. Its standard output is this process's, or joins its standard error with `joinsOutput`.
    package init(_ command: [String], joinsOutput: Bool = false) throws(FileError) {
        let (input, errors) = (try StartedProcess.pipe(for: command[0]), try StartedProcess.pipe(for: command[0]))
        defer {
            close(input[0])
            close(errors[1])
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO)
        if joinsOutput { posix_spawn_file_actions_adddup2(&actions, errors[1], STDOUT_FILENO) }
        posix_spawn_file_actions_adddup2(&actions, errors[1], STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setpgroup(&attributes, 0)
        // This process ignores SIGPIPE, since the program that it writes to may have ended.
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
        guard code == 0 else {
            close(input[1])
            close(errors[0])
            throw FileError(file: command[0], operation: "start", code: code)
        }
        (self.pid, self.input, self.errors) = (pid, input[1], errors[0])
    }

    deinit {
        close(input)
        close(errors)
    }

    /// What the program has written to standard error within `milliseconds`; empty if nothing, nil at the end.
    package func readErrors(within milliseconds: Int32) -> [UInt8]? {
        var wanted = pollfd(fd: errors, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&wanted, 1, milliseconds) > 0 else { return [] }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(errors, &buffer, buffer.count)
        return count > 0 ? Array(buffer.prefix(count)) : count < 0 && errno == EINTR ? [] : nil
    }

    /// Writes a line to its standard input; does nothing if that is closed.
    package func tell(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        while write(input, bytes, bytes.count) < 0 && errno == EINTR {}
    }

    /// Kills it and its process group.
    package func kill() { _ = Glibc.kill(-pid, SIGKILL) }

    /// Its exit code, or 128 plus the number of the signal that ended it; nil while it runs.
    package mutating func poll() -> Int32? {
        var status: Int32 = 0
        var found = waitpid(pid, &status, WNOHANG)
        while found < 0 && errno == EINTR { found = waitpid(pid, &status, WNOHANG) }
        guard found != 0 else { return nil }
        let signal = status & 0x7F
        return signal == 0 ? status >> 8 & 0xFF : 128 + signal
    }

    /// The read and write end of a pipe, which child processes do not inherit.
    private static func pipe(for program: String) throws(FileError) -> [Int32] {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { throw FileError(file: program, operation: "start", code: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return ends
    }

    /// All that the command prints.
    static func output(of command: [String]) throws(FileError) -> String {
        var process = try StartedProcess(command, joinsOutput: true)
        var text: [UInt8] = []
        while let more = process.readErrors(within: 1000) { text += more }
        while process.poll() == nil { usleep(1000) }
        return String(decoding: text, as: UTF8.self)
    }
}
