// The parallel loop that every kernel of Apus runs on.
#ifndef APUS_PARALLEL_H
#define APUS_PARALLEL_H

#include <stdbool.h>
#include <stdint.h>

/// Calls `body` on every chunk [i·grain, min((i + 1)·grain, count)) once.
///
/// Chunks depend on `count` and `grain` alone, not on the number of threads. Each thread gets a share of the chunks, the same in every loop
/// with that many chunks, and then helps the others with theirs. So partial results per chunk, combined in chunk order, have the same bits
/// for any number of threads. Runs on the calling thread alone if there is one chunk or one thread, if the caller is inside such a loop, or
/// if another loop is running. Returns when all chunks are done. A grain below 1 counts as 1.
void apus_parallel_for(int64_t count, int64_t grain, void (*_Nonnull body)(void *_Nullable context, int64_t begin, int64_t end),
                       void *_Nullable context);

/// The same for chunks that may fail for lack of memory. Returns whether all succeeded; after a failure, chunks that have not begun are
/// skipped.
bool apus_parallel_try(int64_t count, int64_t grain, bool (*_Nonnull body)(void *_Nullable context, int64_t begin, int64_t end),
                       void *_Nullable context);

/// How many threads loops use: APUS_THREADS, else the first number of OMP_NUM_THREADS, else the processors available to this process.
int apus_thread_count(void);
/// Sets it for all loops that begin from now on; below 1 counts as 1.
void apus_set_thread_count(int count);
/// From now on, loops of the calling thread run on it alone: for threads that work beside the main one.
void apus_run_alone(void);

#endif
