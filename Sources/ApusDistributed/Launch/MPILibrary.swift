import ApusSystem
import CDrivers
import Glibc

/// Finds and opens the MPI library.
enum MPILibrary {
    /// Opens the library that belongs to the launcher. Returns why that failed, or nil.
    static func open(for launcher: Launcher) -> String? { open(launcher.library, beside: launcherProgram()) }

    /// The same, given the path of the launcher's program.
    static func open(_ library: Launcher.Library, beside program: String?) -> String? {
        let places = self.places(library, program)
        var why = [CChar](repeating: 0, count: 1024)
        let names = places.map { strdup($0) }
        defer { for name in names { free(name) } }
        let isOpen = (names.map { UnsafePointer($0) } + [nil]).withUnsafeBufferPointer { list in
            list.baseAddress!.withMemoryRebound(to: UnsafePointer<CChar>.self, capacity: list.count) {
                apus_mpi_open($0, &why, why.count)
            }
        }
        return isOpen ? nil : String(fromC: why)
    }

    /// The path in APUS_MPI alone if set; else the folders beside the launcher's program, and then names that the system's linker resolves.
    private static func places(_ library: Launcher.Library, _ program: String?) -> [String] {
        if let chosen = environment("APUS_MPI") { return [chosen] }
        let names: [String]
        switch library {
        case .openMPI: names = ["libmpi.so.40"]
        case .mpich: names = ["libmpi.so.12", "libmpich.so.12", "libmpi_abi.so.1", "libmpi_abi.so.0"]
        case .any: names = ["libmpi.so.40", "libmpi.so.12", "libmpich.so.12", "libmpi_abi.so.1", "libmpi_abi.so.0"]
        }
        var folders: [String] = []
        // Open MPI 5 sets this to the folder of its libraries.
        if let folder = environment("OMPI_LIBDIR_LOC") { folders.append(folder) }
        if let program {
            let root = folder(of: folder(of: program))
            folders += ["lib", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu", "lib64"].map { "\(root)/\($0)" }
        }
        return folders.flatMap { folder in names.map { "\(folder)/\($0)" } }.filter { access($0, R_OK) == 0 } + names
    }

    private static func folder(of path: String) -> String { String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) }

    /// The launcher's program: one of this process's nearest ancestors, since a shell may be in between.
    private static func launcherProgram() -> String? {
        var process = getppid()
        for _ in 0..<4 where process > 1 {
            var buffer = [CChar](repeating: 0, count: 4096)
            if readlink("/proc/\(process)/exe", &buffer, buffer.count - 1) > 0 {
                let program = String(fromC: buffer)
                let name = program.split(separator: "/").last ?? ""
                if ["orterun", "orted", "prte", "mpirun", "mpiexec", "hydra"].contains(where: { name.hasPrefix($0) }) { return program }
            }
            guard let parent = firstValue(in: "/proc/\(process)/status", of: "PPid").flatMap({ pid_t($0) }) else { return nil }
            process = parent
        }
        return nil
    }
}
