import Testing

@testable import ApusDistributed

/// What is known before a message is sent.
@Suite struct LaunchTests {
    @Test func launchersAreKnownByTheirVariables() {
        let cases: [([String: String], String?, Int?, Int?)] = [
            ([:], nil, nil, nil),
            (["OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4", "PMIX_RANK": "1"], "Open MPI's mpirun", 1, 4),
            (["PMI_RANK": "2", "PMI_SIZE": "3", "PMI_FD": "9"], "MPICH's hydra", 2, 3),
            (["PMIX_RANK": "1"], "a PMIx launcher", 1, nil),
            (["SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "8", "PMIX_RANK": "3"], "Slurm's srun", 3, 8),
            (["SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "8", "PMI_RANK": "3", "PMI_SIZE": "8"], "Slurm's srun", 3, 8),
            (["SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "8"], "Slurm's srun", 3, 8),
            // A script of sbatch.
            (["SLURM_PROCID": "0", "SLURM_NTASKS": "8"], nil, nil, nil),
        ]
        for (variables, name, rank, size) in cases {
            let launcher = Launcher.detect { variables[$0] }
            #expect(launcher?.name == name && launcher?.rank == rank && launcher?.size == size, "\(variables)")
        }
    }

    @Test func processesThatShareProcessorsDivideThem() {
        func facts(_ host: String, _ processors: [Int]) -> ProcessFacts {
            ProcessFacts(host: host, bootID: "", processors: processors, kind: "")
        }
        let cases: [([ProcessFacts], [Int])] = [
            ([facts("a", [0, 1])], [2]),
            // Bound to a core each.
            ([facts("a", [0]), facts("a", [1])], [1, 1]),
            ([facts("a", [0, 1, 2, 3]), facts("a", [0, 1, 2, 3])], [2, 2]),
            ([facts("a", [0, 1, 2, 3]), facts("b", [0, 1, 2, 3])], [4, 4]),
            ([facts("a", [0]), facts("a", [0]), facts("a", [0])], [1, 1, 1]),
            ([facts("a", [0, 1, 2, 3]), facts("a", [0, 1, 2, 3]), facts("b", [0, 1])], [2, 2, 2]),
        ]
        for (all, threads) in cases { #expect(all.indices.map { ProcessFacts.threads(of: $0, among: all) } == threads) }
    }

    @Test func factsTravelAsBytes() throws {
        let facts = ProcessFacts.gather()
        let other = try #require(ProcessFacts(bytes: facts.bytes))
        #expect(other.isOnHost(of: facts) && other.processors == facts.processors && other.kind == facts.kind)
        #expect(!facts.processors.isEmpty)
        #expect(ProcessFacts(bytes: []) == nil)
    }

    @Test func processorsOfDifferentKindsAreRefused() throws {
        let groups = try ProcessGroup.threads(2, hosts: ["a", "b"])
        try groups[0].compareProcessors(["x: avx2", "x: avx2"], isAllowed: false)
        try groups[0].compareProcessors(["x: avx2", "y: avx2"], isAllowed: true)
        let error = #expect(throws: DistributedError.self) { try groups[1].compareProcessors(["x: avx2", "y: avx2"], isAllowed: false) }
        #expect(error?.message.contains("rank 0 (a): x: avx2; rank 1 (b): y: avx2") == true)
        #expect(error?.rank == 1)
    }
}
