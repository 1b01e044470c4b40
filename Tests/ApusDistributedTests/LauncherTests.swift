import ApusDistributed
import Foundation
import Glibc
import TestSupport
import Testing

/// The program of several processes under the launchers that this machine has.
@Suite(.serialized) struct LauncherTests {
    struct MPI: CustomTestStringConvertible, Sendable {
        let name: String
        let command: [String]
        /// A library that is not the launcher's.
        let other: String
        var testDescription: String { name }
        var isHere: Bool { access(command[0], X_OK) == 0 }
    }

    static let openMPI = MPI(
        name: "Open MPI", command: ["/usr/bin/mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "-n"], other: "libmpich.so.12")
    /// MPICH's waits spin and do not yield: on two cores it is of use for two ranks.
    static let mpich = MPI(name: "MPICH", command: ["/usr/bin/mpiexec.mpich", "-n"], other: "libmpi.so.40")

    private struct Run {
        var status: Int32
        var output: String
    }

    /// Runs `what` by so many ranks; fails where a process is left.
    private func run(_ mpi: MPI?, _ ranks: Int, _ what: [String], environment: [String] = [], killAfter: UInt32? = nil) throws -> Run {
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
        return Run(
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

    @Test func aloneItIsAGroupOfOne() throws {
        let run = try run(nil, 1, ["laws"])
        #expect(run.status == 0)
        #expect(run.output.hasPrefix("rank 0 of 1, "), "\(run.output)")
    }

    @Test(.enabled(if: openMPI.isHere, "needs mpirun.openmpi"), arguments: [("laws", 4), ("funneled", 2)])
    func lawsHoldUnderOpenMPI(what: String, ranks: Int) throws { try lawsHold(LauncherTests.openMPI, what, ranks) }

    @Test(.enabled(if: mpich.isHere, "needs mpiexec.mpich"), arguments: ["laws"])
    func lawsHoldUnderMPICH(what: String) throws { try lawsHold(LauncherTests.mpich, what, 2) }

    private func lawsHold(_ mpi: MPI, _ what: String, _ ranks: Int) throws {
        let run = try run(mpi, ranks, [what])
        #expect(run.status == 0, "\(run.output)")
        for rank in 0..<ranks { #expect(run.output.contains("rank \(rank) of \(ranks), 1 threads: all laws hold"), "\(run.output)") }
    }

    /// What the last rank does wrong, and what somebody says about it.
    private static let disagreements: [(what: [String], says: [String], status: Int32)] = [
        (["counts"], ["allReduce (sum) of 1000 float32", ": allReduce (sum) of 1001 float32"], 1),
        (["kinds"], ["allReduce (sum) of 1000 float32", ": broadcast from 0 of 1000 float32"], 1),
        (["message"], ["receive from 0 of 10 float32: rank 0", "has sent 1000 float32", "has ended with exit code 1"], 1),
        (["end"], [": has ended"], 1),
        (["failure"], [": has ended with exit code 3"], 1),
        (["abort"], [], 5),
        (["sleep", "0"], ["step 5, evaluation: batch 3 of 10: computes", "step 5, the gradients: waits in sum", "ends all processes"], 1),
        (["stopped"], [": no answer", "ends all processes"], 1),
    ]

    @Test(.enabled(if: openMPI.isHere, "needs mpirun.openmpi"), arguments: disagreements.indices)
    func disagreementsEndUnderOpenMPI(index: Int) throws { try disagreementEnds(LauncherTests.openMPI, 3, index) }

    @Test(.enabled(if: mpich.isHere, "needs mpiexec.mpich"), arguments: disagreements.indices)
    func disagreementsEndUnderMPICH(index: Int) throws { try disagreementEnds(LauncherTests.mpich, 2, index) }

    private func disagreementEnds(_ mpi: MPI, _ ranks: Int, _ index: Int) throws {
        let (what, says, status) = LauncherTests.disagreements[index]
        // Short where processes are to be missed, but so that the table, for whose answers a second is waited, comes well before the end; long
        // where a busy machine must not be taken for one.
        let isMissing = what[0] == "sleep" || what[0] == "stopped"
        let run = try run(mpi, ranks, what, environment: ["APUS_STALL_TIMEOUT=\(isMissing ? 0.4 : 10)"])
        for text in says { #expect(run.output.contains(text), "\(run.output)") }
        // Launchers pass on one of the ranks' codes.
        #expect(run.status == status || what == ["failure"] && run.status == 3, "\(run.output)")
    }

    @Test(.enabled(if: openMPI.isHere && mpich.isHere, "needs mpirun.openmpi and mpiexec.mpich"), arguments: [openMPI, mpich])
    func anotherLibraryIsRefused(mpi: MPI) throws {
        let run = try run(mpi, 2, ["laws"], environment: ["APUS_MPI=\(mpi.other)"])
        #expect(run.status != 0)
        #expect(
            run.output.contains("has started 2 processes, but") && run.output.contains("it is not the launcher's library"), "\(run.output)")
    }

    @Test(.enabled(if: openMPI.isHere, "needs mpirun.openmpi")) func aMissingLibraryIsNamed() throws {
        let run = try run(LauncherTests.openMPI, 2, ["laws"], environment: ["APUS_MPI=/nowhere/libmpi.so"])
        #expect(run.status != 0)
        #expect(run.output.contains("no library of MPI opens (/nowhere/libmpi.so: cannot open shared object file"), "\(run.output)")
    }

    @Test(.enabled(if: openMPI.isHere, "needs mpirun.openmpi")) func ranksEndWithTheirLauncher() throws {
        let run = try run(LauncherTests.openMPI, 2, ["sleep", "1"], killAfter: 1000)
        #expect(run.status == -1)
    }
}
