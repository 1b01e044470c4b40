import Glibc
import Testing

@testable import ApusDistributed

/// What starts several processes, and what the first of them does for all.
@Suite struct LauncherProgramTests {
    /// What launchers say of their version, and what they are told.
    @Test func launchersAreToldWhatTheyTake() throws {
        let cases: [(says: String, version: String, arguments: String, onHosts: String)] = [
            (
                "mpirun.openmpi (OpenRTE) 4.1.4\n\nReport bugs to http://www.open-mpi.org/community/help/",
                "mpirun.openmpi (OpenRTE) 4.1.4",
                "m --allow-run-as-root --bind-to none --oversubscribe -x APUS_A -n 3 apus train",
                "m --bind-to none --hostfile h -x APUS_A -n 3 apus train"
            ),
            (
                "mpirun (Open MPI) 5.0.11\n", "mpirun (Open MPI) 5.0.11",
                "m --allow-run-as-root --bind-to none --map-by :OVERSUBSCRIBE -x APUS_A -n 3 apus train",
                "m --bind-to none --hostfile h -x APUS_A -n 3 apus train"
            ),
            (
                "HYDRA build details:\n    Version:                                 4.0.2\n    CC: gcc", "MPICH's hydra 4.0.2",
                "m -n 3 apus train",
                "m -f h -n 3 apus train"
            ),
            (
                "Intel(R) MPI Library for Linux* OS, Version 2021.18.1 Build 20260626\n",
                "Intel(R) MPI Library for Linux* OS, Version 2021.18.1 Build 20260626", "m -n 3 apus train", "m -f h -n 3 apus train"
            ),
        ]
        for (says, version, arguments, onHosts) in cases {
            let program = try LauncherProgram(path: "m", says: says)
            #expect(program.version == version)
            for (hosts, isRoot, wanted) in [(nil, true, arguments), ("h", false, onHosts)] as [(String?, Bool, String)] {
                let found = program.arguments(
                    starting: ["apus", "train"], count: 3, hosts: hosts, isRoot: isRoot, handedOn: ["APUS_A"])
                #expect(found.joined(separator: " ") == wanted)
            }
        }
        for says in ["", "ls (GNU coreutils) 9.1"] {
            #expect(throws: LauncherProgram.Missing.self) { try LauncherProgram(path: "m", says: says) }
        }
    }

    @Test func withoutALauncherThePackageIsNamed() {
        let error = #expect(throws: LauncherProgram.Missing.self) { try LauncherProgram.find { $0 == "PATH" ? "/nowhere:/none" : nil } }
        #expect(error?.description.contains("openmpi-bin") == true)
        let other = #expect(throws: LauncherProgram.Missing.self) { try LauncherProgram.find { $0 == "APUS_MPIRUN" ? "/bin/echo" : nil } }
        #expect(other?.description.contains("/bin/echo is neither") == true)
    }

    /// What a launcher says of exit codes is left out, whatever pieces it comes in; the rest is shown.
    @Test func framesAboutExitCodesAreLeftOut() {
        let edge = String(repeating: "-", count: 74) + "\n"
        let own =
            edge + "mpirun detected that one or more processes exited with non-zero status, thus causing\nthe job to be terminated.\n"
            + edge
        let other = edge + "There are not enough slots available\n" + edge
        for (text, shown) in [
            ("apus: error: ö\n" + own + other + "end", "apus: error: ö\n" + other + "end"), (own + own, ""),
            ("a\n" + edge + "b\n", "a\n" + edge + "b\n"),
            ("---\n", "---\n"), ("", ""),
        ] {
            for size in [1, 7, 1000] {
                var messages = LauncherMessages()
                var found = ""
                var rest = Array(text.utf8)[...]
                while !rest.isEmpty {
                    found += messages.take(Array(rest.prefix(size)))
                    rest = rest.dropFirst(size)
                }
                #expect(found + messages.rest() == shown)
            }
        }
    }

    private struct Problem: Error, CustomStringConvertible { let description: String }

    /// For any processes that fail, with the same error or another: each error is thrown by one, and nobody goes on.
    @Test func whatFailsOnOneFailsOnAll() throws {
        let size = 3
        for code in 0..<27 {
            let texts: [String?] = (0..<size).map { [nil, "a", "b"][[1, 3, 9].map { code / $0 % 3 }[$0]] }
            let results = resultsOnThreads(try ProcessGroup.threads(size)) { group in
                try group.all { () throws -> Int in
                    if let text = texts[group.rank] { throw Problem(description: text) }
                    return group.rank
                }
            }
            var said: [String] = []
            for (rank, result) in results.enumerated() {
                switch result {
                case .success(let value): #expect(value == rank && texts.allSatisfy { $0 == nil })
                case .failure(let error as Problem): said.append(error.description)
                case .failure(let error):
                    #expect(error as? ErrorElsewhere == ErrorElsewhere(rank: texts.firstIndex { $0 != nil }!, type: "Problem"))
                }
            }
            #expect(said == texts.compactMap(\.self).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }, "\(texts)")
        }
    }

    @Test func theFirstDoesItForAll() throws {
        let groups = try ProcessGroup.threads(3, stallTimeout: 0.01)
        // The others wait for much longer than processes do that are missed.
        let told = try onThreads(groups) { group in
            try group.first {
                #expect(group.isFirst)
                usleep(300_000)
                return [1, 2, 3]
            }
        }
        #expect(told == Array(repeating: [1, 2, 3], count: 3))
        #expect(groups.allSatisfy { $0.stallTimeout == 0.01 })
        let failed = resultsOnThreads(groups) { group in try group.first { throw Problem(description: "no") } }
        for (rank, result) in failed.enumerated() {
            guard case .failure(let error) = result else { #expect(Bool(false), "rank \(rank) goes on"); continue }
            #expect(rank == 0 ? error is Problem : error as? ErrorElsewhere == ErrorElsewhere(rank: 0, type: "Problem"))
        }
    }
}
