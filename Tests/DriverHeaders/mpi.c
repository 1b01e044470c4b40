// Compares CDrivers' own declarations of MPI with the headers of Open MPI, MPICH and the standard's ABI: compiles only if they agree
// (`scripts/check/driver-headers`).
#ifdef STANDARD
#include <mpi_abi.h>
#else
#include <mpi.h>
#endif

#include "apus_mpi.h"
#include "mpi_constants.h"

#define STATUS MPI_Status
#define COMM MPI_Comm
#define TYPE MPI_Datatype
#define OP MPI_Op
#define REQUEST MPI_Request
#define ERRHANDLER MPI_Errhandler
#define N(x) own_##x
#define APUS_MPI_DECLARATIONS_ALONE
#include "mpi_calls.inc"

#define SAME_TYPE(RESULT, NAME, ARGUMENTS) _Static_assert(__builtin_types_compatible_p(__typeof__(MPI_##NAME), RESULT ARGUMENTS), #NAME);
APUS_MPI_FUNCTIONS(SAME_TYPE)

#if defined(MPICH) || defined(STANDARD)
#define SAME_HANDLE(NAME, VALUE) _Static_assert((intptr_t)MPI_##NAME == VALUE, #NAME);
#endif
#ifdef STANDARD
APUS_STANDARD_HANDLES(SAME_HANDLE)
#define SAME_VALUE(NAME, TYPE, OF_MPICH, OF_OPENMPI, OF_STANDARD) _Static_assert((intptr_t)MPI_##NAME == OF_STANDARD, #NAME);
#elif defined(MPICH)
APUS_MPICH_HANDLES(SAME_HANDLE)
_Static_assert(MPI_MAX_LIBRARY_VERSION_STRING <= 8192, "MPI_MAX_LIBRARY_VERSION_STRING");
#define SAME_VALUE(NAME, TYPE, OF_MPICH, OF_OPENMPI, OF_STANDARD) _Static_assert((intptr_t)MPI_##NAME == OF_MPICH, #NAME);
#else
// A handle is the address of the object that has this name.
#define SAME_HANDLE(NAME, OBJECT) _Static_assert((void *)MPI_##NAME == (void *)&OBJECT, #NAME);
APUS_OPENMPI_HANDLES(SAME_HANDLE)
#define SAME_VALUE(NAME, TYPE, OF_MPICH, OF_OPENMPI, OF_STANDARD) _Static_assert((intptr_t)MPI_##NAME == OF_OPENMPI, #NAME);
#endif
APUS_MPI_CONSTANTS(SAME_VALUE)
