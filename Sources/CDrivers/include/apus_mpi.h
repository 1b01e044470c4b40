// The functions of MPI that we call. The library is opened when a program runs, and which of the three ABIs it has (Open MPI's, MPICH's,
// the standard's of MPI 5.0) is detected then, so that one program runs with all of them and building needs no MPI header.
// `scripts/check/driver-headers` compares the declarations (`mpi_calls.inc`, `mpi_constants.h`) with the headers.
#ifndef APUS_MPI_H
#define APUS_MPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A communicator, and an operation in progress.
typedef struct apus_mpi_channel apus_mpi_channel;
typedef struct apus_mpi_request apus_mpi_request;

/// MPI's thread levels, in ascending order.
typedef enum { APUS_MPI_SINGLE, APUS_MPI_FUNNELED, APUS_MPI_SERIALIZED, APUS_MPI_MULTIPLE } apus_mpi_threads;

/// Opens the first of `places` (paths or names, NULL-terminated) that opens and is an MPI whose ABI is known. False, with a reason in
/// `why`, where there is none.
bool apus_mpi_open(const char *_Nonnull const *_Nonnull places, char *_Nonnull why, size_t capacity);
/// The path of the opened library, and the first line of its version string.
const char *_Nonnull apus_mpi_path(void);
const char *_Nonnull apus_mpi_version(void);

// All following functions return MPI's error number, 0 for success. MPI is called by one thread at a time.

/// Initialises MPI; `provided` becomes the thread level that it provides.
int apus_mpi_init(apus_mpi_threads wanted, apus_mpi_threads *_Nonnull provided);
int apus_mpi_finalize(void);
/// Terminates all processes of the world with this exit code.
void apus_mpi_abort(int code);
void apus_mpi_error_text(int error, char *_Nonnull text, size_t capacity);

apus_mpi_channel *_Nonnull apus_mpi_world(void);
int apus_mpi_rank(apus_mpi_channel *_Nonnull channel);
int apus_mpi_size(apus_mpi_channel *_Nonnull channel);
/// Makes a channel of the ranks that pass the same color, ordered by key. It is never freed: groups live as long as the program.
int apus_mpi_split(apus_mpi_channel *_Nonnull channel, int color, int key, apus_mpi_channel *_Nullable *_Nonnull made);

/// Starts to send `bytes` bytes at `memory` to rank `to`.
int apus_mpi_send(apus_mpi_channel *_Nonnull channel, const void *_Nonnull memory, int bytes, int to, int tag,
                  apus_mpi_request *_Nullable *_Nonnull request);
/// Starts to receive at most `bytes` bytes into `memory` from rank `from`, or from any rank if it is negative.
int apus_mpi_receive(apus_mpi_channel *_Nonnull channel, void *_Nonnull memory, int bytes, int from, int tag,
                     apus_mpi_request *_Nullable *_Nonnull request);
/// Starts to sum `count` float32 or float64 numbers at `memory` over the channel, in an order that the library chooses.
int apus_mpi_sum(apus_mpi_channel *_Nonnull channel, void *_Nonnull memory, int count, bool is_double,
                 apus_mpi_request *_Nullable *_Nonnull request);
/// Whether the operation has completed; then, and after an error, the request is freed.
int apus_mpi_test(apus_mpi_request *_Nonnull request, bool *_Nonnull done);

/// Makes the system kill this process when its parent ends, so that no process outlives its launcher.
void apus_end_with_parent(void);

#endif
