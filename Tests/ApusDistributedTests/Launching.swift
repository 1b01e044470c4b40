import Foundation
import Glibc
import TestSupport
import Testing

/// A launcher of processes, if this machine has it.
struct MPI: CustomTestStringConvertible, Sendable {
    let name: String
    let command: [String]
    /// A library that is not the launcher's.
    let other: String
    var testDescription: String { name }
    var isHere: Bool { access(command[0], X_OK) == 0 }

    static let openMPI = MPI(
        name: "Open MPI", command: ["/usr/bin/mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "-n"], other: "libmpich.so.12")
    /// MPICH's waits spin and do not yield: on two cores it is of use for two ranks.
    static let mpich = MPI(name: "MPICH", command: ["/usr/bin/mpiexec.mpich", "-n"], other: "libmpi.so.40")
}

/// What a program of several processes has come to.
struct LaunchedRun {
    var status: Int32
    var output: String
}

/// Runs `what` of DistributedProgram by so many ranks; fails where a process is left.
func launch(_ mpi: MPI?, _ ranks: Int, _ what: [String], environment: [String] = [], killAfter: UInt32? = nil) throws -> LaunchedRun {
    let folder = TemporaryFolder()
    let mark = "mark-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    let program = builtProgram("DistributedProgram")
    let command = (mpi.map { $0.command + ["\(ranks)"] } ?? []) + [program] + what + [mark]
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, folder.file("output"), O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    let words = ["/usr/bin/env"] + environment + command
    var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for word in argv { free(word) } }
    var pid: pid_t = 0
    try #require(posix_spawn(&pid, words[0], &actions, nil, &argv, environ) == 0)
    if let killAfter {
        usleep(killAfter * 1000)
        #expect(!processes(mark).isEmpty)
        kill(pid, SIGKILL)
    }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    var left = processes(mark)
    for _ in 0..<500 where !left.isEmpty {
        usleep(10_000)
        left = processes(mark)
    }
    #expect(left == [])
    return LaunchedRun(
        status: status & 0x7F == 0 ? status >> 8 & 0xFF : -1, output: try String(contentsOfFile: folder.file("output"), encoding: .utf8)
    )
}

/// The processes with this argument.
private func processes(_ mark: String) -> [pid_t] {
    guard let folder = opendir("/proc") else { return [] }
    defer { closedir(folder) }
    var found: [pid_t] = []
    while let entry = readdir(folder) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        guard let number = pid_t(name), let file = fopen("/proc/\(name)/cmdline", "r") else { continue }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = fread(&buffer, 1, buffer.count, file)
        fclose(file)
        if String(decoding: buffer.prefix(count), as: UTF8.self).contains(mark) { found.append(number) }
    }
    return found
}
