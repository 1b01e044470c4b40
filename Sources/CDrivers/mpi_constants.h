// MPI's constants, which are part of an ABI. Open MPI's handles are addresses of objects that it exports, so they have names instead.
#ifndef APUS_MPI_CONSTANTS_H
#define APUS_MPI_CONSTANTS_H

// C(name, value): MPICH, Intel MPI, MVAPICH and others with MPICH's ABI.
#define APUS_MPICH_HANDLES(C)                                                                                                              \
    C(COMM_WORLD, 0x44000000)                                                                                                              \
    C(BYTE, 0x4c00010d)                                                                                                                    \
    C(FLOAT, 0x4c00040a)                                                                                                                   \
    C(DOUBLE, 0x4c00080b)                                                                                                                  \
    C(SUM, 0x58000003)
#define APUS_OPENMPI_HANDLES(C)                                                                                                            \
    C(COMM_WORLD, ompi_mpi_comm_world)                                                                                                     \
    C(BYTE, ompi_mpi_byte)                                                                                                                 \
    C(FLOAT, ompi_mpi_float)                                                                                                               \
    C(DOUBLE, ompi_mpi_double)                                                                                                             \
    C(SUM, ompi_mpi_op_sum)
#define APUS_STANDARD_HANDLES(C)                                                                                                           \
    C(COMM_WORLD, 0x101)                                                                                                                   \
    C(BYTE, 0x247)                                                                                                                         \
    C(FLOAT, 0x210)                                                                                                                        \
    C(DOUBLE, 0x214)                                                                                                                       \
    C(SUM, 0x21)

// C(name, type, MPICH's, Open MPI's, the standard's)
#define APUS_MPI_CONSTANTS(C)                                                                                                              \
    C(IN_PLACE, void *, -1, 1, 1)                                                                                                          \
    C(STATUS_IGNORE, void *, 1, 0, 0)                                                                                                      \
    C(ANY_SOURCE, int, -2, -1, -1)                                                                                                         \
    C(THREAD_SINGLE, int, 0, 0, 0)                                                                                                         \
    C(THREAD_FUNNELED, int, 1, 1, 1024)                                                                                                    \
    C(THREAD_SERIALIZED, int, 2, 2, 2048)                                                                                                  \
    C(THREAD_MULTIPLE, int, 3, 3, 4096)

#endif
