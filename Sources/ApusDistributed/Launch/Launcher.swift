import ApusSystem
import Glibc

/// The launcher that has started this process as one of several, as far as environment variables tell.
package struct Launcher: Sendable, Hashable {
    /// Which MPI library belongs to the launcher.
    package enum Library: Sendable { case openMPI, mpich, any }

    /// `Open MPI's mpirun`.
    package let name: String
    package let library: Library
    /// This process's rank and the number of processes, if the launcher sets them.
    package let rank: Int?, size: Int?

    /// The launcher of the process with this environment; nil if there is none.
    package static func detect(_ value: (String) -> String? = environment) -> Launcher? {
        func number(_ name: String) -> Int? { value(name).flatMap { Int($0) } }
        func launcher(_ name: String, _ library: Library, _ rank: String, _ size: String) -> Launcher {
            Launcher(name: name, library: library, rank: number(rank), size: number(size))
        }
        if value("OMPI_COMM_WORLD_RANK") != nil {
            return launcher("Open MPI's mpirun", .openMPI, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE")
        }
        // A script under sbatch has Slurm's variables too: only SLURM_STEP_NUM_TASKS shows that srun has started this process.
        let isSlurm = value("SLURM_PROCID") != nil && number("SLURM_STEP_NUM_TASKS") != nil
        if value("PMIX_RANK") != nil {
            return launcher(isSlurm ? "Slurm's srun" : "a PMIx launcher", .any, "PMIX_RANK", isSlurm ? "SLURM_STEP_NUM_TASKS" : "")
        }
        if value("PMI_RANK") != nil {
            return isSlurm
                ? launcher("Slurm's srun", .mpich, "PMI_RANK", "SLURM_STEP_NUM_TASKS")
                : launcher("MPICH's hydra", .mpich, "PMI_RANK", "PMI_SIZE")
        }
        return isSlurm ? launcher("Slurm's srun", .any, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS") : nil
    }
}
