import ApusDistributed
import ApusSystem
import ApusTraining
import Glibc
import Synchronization

/// A command that was given `--processes`: it starts a launcher of MPI with the same command for each process, and stands between that and
/// the terminal. Ctrl-C stays with it: the launchers' own way of ending leaves no time for a checkpoint.
///
/// Lines that the launcher's standard input brings to the first process: `stop` for the first Ctrl-C, and `columns 120` for a window of
/// another width. The end of the input means that this process was killed, which is a reason to stop too.
enum Launch {
    /// Runs `apus` with the arguments to its end, and returns its exit code.
    static func run(_ arguments: [String], processes: Int, hosts: String?) throws -> Int32 {
        let program = try LauncherProgram.find()
        let terminal = Terminal.of(STDOUT_FILENO)
        setenv(Terminal.variable, terminal.text, 1)
        guard let own = realpath("/proc/self/exe", nil) else { throw FileError(file: "/proc/self/exe", operation: "read", code: errno) }
        defer { free(own) }
        Interrupts.watchAndCount()
        let command = [String(cString: own)] + arguments
        var process = try StartedProcess(
            program.arguments(starting: command, count: processes, hosts: hosts, isRoot: geteuid() == 0, handedOn: handedOn))
        var (isStopping, width, messages) = (false, terminal.width, LauncherMessages())
        while true {
            // Processes that outlive the launcher may keep its standard error, so that its end does not say the launcher's.
            let said = process.readErrors(within: 20)
            if said == nil { usleep(20_000) }
            writeAll(messages.take(said ?? []), to: STDERR_FILENO)
            if said ?? [] == [], let code = process.poll() {
                writeAll(messages.rest(), to: STDERR_FILENO)
                return code
            }
            let interrupts = Interrupts.count.load(ordering: .relaxed)
            if interrupts > 0, !isStopping {
                process.tell("stop")
                isStopping = true
            }
            if interrupts > 1 {
                process.kill()
                return 128 + SIGINT
            }
            if width != nil, case let now = Terminal.columns(STDOUT_FILENO), now != width {
                process.tell("columns \(now)")
                width = now
            }
        }
    }

    /// What has ended the processes, where the exit code is none of Apus' own.
    static func death(_ code: Int32) -> String? {
        if [0, 1, 64, 130].contains(code) { return nil }
        // MPICH's launcher gives the signal alone.
        let signal = code > 128 ? code - 128 : code
        return (1...31).contains(signal)
            ? "a process was ended by signal \(signal) (\(String(cString: strsignal(signal)))), and so the others"
            : "the processes were ended, with exit code \(code) of the launcher"
    }

    /// Whether a process that was given `--processes` has started this one.
    static var isParentThere: Bool { Launcher.detect() != nil && environment(Terminal.variable) != nil }

    /// Hears what that process says. Called by the first process.
    static func listen() {
        _ = startThread {
            while let line = readLine() {
                let words = line.split(separator: " ")
                if line == "stop" { Interrupts.stop.set() }
                if words.count == 2, words[0] == "columns", let columns = Int(words[1]) { Terminal.tell(columns: columns) }
            }
            Interrupts.stop.set()
        }
    }

    /// The variables that Apus reads, for processes on other hosts.
    private static var handedOn: [String] {
        var names: [String] = []
        var entry = environ
        while let text = entry.pointee {
            let name = String(String(cString: text).prefix { $0 != "=" })
            if name.hasPrefix("APUS_") || ["OMP_NUM_THREADS", "LD_LIBRARY_PATH"].contains(name) { names.append(name) }
            entry += 1
        }
        return names
    }
}
