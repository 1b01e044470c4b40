import ApusSystem
import CDrivers
import Glibc

/// The program that starts several processes: `mpirun` or `mpiexec`.
package struct LauncherProgram: Sendable, Hashable {
    /// Its path, as it was found.
    package let path: String
    /// The first line of the output of `--version`, or MPICH's name and number.
    package let version: String
    let kind: Kind

    enum Kind: Hashable, Sendable {
        /// Open MPI, with its major version.
        case openMPI(Int)
        /// MPICH's launcher, or one derived from it.
        case hydra
    }

    /// Why there is no launcher.
    package struct Missing: Error, CustomStringConvertible { package let description: String }

    /// The program that APUS_MPIRUN names, else the first `mpirun` or `mpiexec` on PATH.
    package static func find(_ value: (String) -> String? = environment) throws(Missing) -> LauncherProgram {
        if let chosen = value("APUS_MPIRUN") { return try LauncherProgram(chosen) }
        let folders = (value("PATH") ?? "").split(separator: ":")
        for name in ["mpirun", "mpiexec"] {
            for folder in folders where access("\(folder)/\(name)", X_OK) == 0 { return try LauncherProgram("\(folder)/\(name)") }
        }
        throw Missing(description: "there is no mpirun or mpiexec in PATH; Debian's package openmpi-bin has them")
    }

    private init(_ path: String) throws(Missing) {
        guard let text = try? StartedProcess.output(of: [path, "--version"]) else {
            throw Missing(description: "\(path) --version does not run")
        }
        try self.init(path: path, says: text)
    }

    /// The launcher at `path`, whose `--version` prints `text`.
    init(path: String, says text: String) throws(Missing) {
        self.path = path
        let lines = text.split(separator: "\n").map { line in line.split(separator: " ").joined(separator: " ") }
        let first = lines.first ?? ""
        if first.contains("Open MPI") || first.contains("OpenRTE") || first.contains("PRRTE") {
            let number = first.split(separator: " ").lazy.compactMap { word in word.split(separator: ".").first.flatMap { Int($0) } }.first
            (kind, version) = (.openMPI(number ?? 4), first)
        } else if first.contains("Intel(R) MPI") {
            (kind, version) = (.hydra, first)
        } else if first.uppercased().contains("HYDRA") {
            let number = lines.first { $0.hasPrefix("Version:") }?.dropFirst(9) ?? ""
            (kind, version) = (.hydra, "MPICH's hydra \(number)")
        } else {
            throw Missing(
                description:
                    "\(path) is neither Open MPI's nor MPICH's launcher ('\(first)'); start the processes yourself, and leave out --processes"
            )
        }
    }

    /// The command that starts `count` processes of `command`, on this host or on those listed in the file `hosts`; each process gets
    /// `variables` of this environment.
    package func arguments(
        starting command: [String], count: Int, hosts: String?, isRoot: Bool, handedOn variables: [String]
    ) -> [String] {
        var arguments = [path]
        switch kind {
        case .openMPI(let number):
            if isRoot { arguments.append("--allow-run-as-root") }
            // By default Open MPI binds each of a few processes to one core; Apus divides the cores itself.
            arguments += ["--bind-to", "none"]
            if let hosts {
                arguments += ["--hostfile", hosts]
            } else {
                // Allows more processes than cores.
                arguments += number >= 5 ? ["--map-by", ":OVERSUBSCRIBE"] : ["--oversubscribe"]
            }
            // Processes on this host inherit the environment; those on other hosts get only the variables named here.
            for name in variables { arguments += ["-x", name] }
        case .hydra:
            // Hydra passes the whole environment on.
            if let hosts { arguments += ["-f", hosts] }
        }
        return arguments + ["-n", "\(count)"] + command
    }

    /// The MPI library that the started processes will open, with its version; throws if there is none.
    package func library() throws(Missing) -> String {
        let program = realpath(path, nil)
        defer { free(program) }
        let library: Launcher.Library = kind == .hydra ? .mpich : .openMPI
        if let why = MPILibrary.open(library, beside: program.map { String(cString: $0) }) { throw Missing(description: why) }
        let version = String(cString: apus_mpi_version()).split { $0.isWhitespace }.joined(separator: " ")
        return "\(version) (\(String(cString: apus_mpi_path())))"
    }
}
