import TestSupport
import Testing

/// The program of several processes under the launchers that this machine has.
@Suite(.serialized) struct LauncherTests {
    @Test func aloneItIsAGroupOfOne() throws {
        let run = try launch(nil, 1, ["laws"])
        #expect(run.status == 0)
        #expect(run.output.hasPrefix("rank 0 of 1, "), "\(run.output)")
    }

    @Test(.enabled(if: MPI.openMPI.isHere, "needs mpirun.openmpi"), arguments: [("laws", 4), ("funneled", 2)])
    func lawsHoldUnderOpenMPI(what: String, ranks: Int) throws { try lawsHold(.openMPI, what, ranks) }

    @Test(.enabled(if: MPI.mpich.isHere, "needs mpiexec.mpich"), arguments: ["laws"])
    func lawsHoldUnderMPICH(what: String) throws { try lawsHold(.mpich, what, 2) }

    private func lawsHold(_ mpi: MPI, _ what: String, _ ranks: Int) throws {
        let run = try launch(mpi, ranks, [what])
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

    @Test(.enabled(if: MPI.openMPI.isHere, "needs mpirun.openmpi"), arguments: disagreements.indices)
    func disagreementsEndUnderOpenMPI(index: Int) throws { try disagreementEnds(.openMPI, 3, index) }

    @Test(.enabled(if: MPI.mpich.isHere, "needs mpiexec.mpich"), arguments: disagreements.indices)
    func disagreementsEndUnderMPICH(index: Int) throws { try disagreementEnds(.mpich, 2, index) }

    private func disagreementEnds(_ mpi: MPI, _ ranks: Int, _ index: Int) throws {
        let (what, says, status) = LauncherTests.disagreements[index]
        // Short where processes are to be missed, but so that the table, for whose answers a second is waited, comes well before the end; long
        // where a busy machine must not be taken for one.
        let isMissing = what[0] == "sleep" || what[0] == "stopped"
        let run = try launch(mpi, ranks, what, environment: ["APUS_STALL_TIMEOUT=\(isMissing ? 0.4 : 10)"])
        for text in says { #expect(run.output.contains(text), "\(run.output)") }
        // Launchers pass on one of the ranks' codes.
        #expect(run.status == status || what == ["failure"] && run.status == 3, "\(run.output)")
    }

    @Test(
        .enabled(if: MPI.openMPI.isHere && MPI.mpich.isHere, "needs mpirun.openmpi and mpiexec.mpich"), arguments: [MPI.openMPI, MPI.mpich])
    func anotherLibraryIsRefused(mpi: MPI) throws {
        let run = try launch(mpi, 2, ["laws"], environment: ["APUS_MPI=\(mpi.other)"])
        #expect(run.status != 0)
        #expect(
            run.output.contains("has started 2 processes, but") && run.output.contains("it is not the launcher's library"), "\(run.output)")
    }

    @Test(.enabled(if: MPI.openMPI.isHere, "needs mpirun.openmpi")) func aMissingLibraryIsNamed() throws {
        let run = try launch(.openMPI, 2, ["laws"], environment: ["APUS_MPI=/nowhere/libmpi.so"])
        #expect(run.status != 0)
        #expect(run.output.contains("no library of MPI opens (/nowhere/libmpi.so: cannot open shared object file"), "\(run.output)")
    }

    /// Of Adam's two moments each of n processes keeps 1/n, as the system counts its memory: within 10 % of the formula.
    @Test(.enabled(if: MPI.openMPI.isHere, "needs mpirun.openmpi"), arguments: [1, 2, 4], ["whole", "shared"])
    func memoryIsThatOfTheFormula(ranks: Int, steps: String) throws {
        let run = try launch(ranks == 1 ? nil : .openMPI, ranks, ["memory", steps])
        #expect(run.status == 0, "\(run.output)")
        let lines = run.output.split(separator: "\n").filter { $0.hasPrefix("rank ") }
        #expect(lines.count == ranks, "\(run.output)")
        for line in lines {
            let words = line.split(separator: " ")
            let (measured, expected) = (try #require(Double(words[2])), try #require(Double(words[5])))
            #expect(abs(measured / expected - 1) < 0.1, "\(line)")
        }
    }

    @Test(.enabled(if: MPI.openMPI.isHere, "needs mpirun.openmpi")) func ranksEndWithTheirLauncher() throws {
        let run = try launch(.openMPI, 2, ["sleep", "1"], killAfter: 1000)
        #expect(run.status == -1)
    }
}
