// The parallel loop that every kernel of Apus runs on.
#ifndef APUS_PARALLEL_H
#define APUS_PARALLEL_H

#include <stdbool.h>
#include <stdint.h>

/// Calls `body` on every chunk [i·grain, min((i + 1)·grain, count)) once.
///
/// Chunks are fixed by `count` and `grain` alone, never by the number of threads. Each thread has its share of them, the same in every loop of
/// as many chunks, and then helps with what is left of the others'.
/// So a result made from one partial result a chunk, combined in chunk order, has the same bits for any number of threads.
/// Runs on the calling thread alone where there is one chunk, one thread, the caller is itself inside such a loop, or another loop runs.
/// Returns when all chunks are done. A grain below 1 counts as 1.
void apus_parallel_for(int64_t count, int64_t grain, void (*_Nonnull body)(void *_Nullable context, int64_t begin, int64_t end),
                       void *_Nullable context);

/// The same for chunks that may fail, for want of memory: returns whether all have succeeded. When one has failed, those not yet begun are left out.
bool apus_parallel_try(int64_t count, int64_t grain, bool (*_Nonnull body)(void *_Nullable context, int64_t begin, int64_t end),
                       void *_Nullable context);

/// How many threads loops use: APUS_THREADS, else OMP_NUM_THREADS (its first number), else the processors this process may run on.
int apus_thread_count(void);
/// Sets it, for loops begun from now on by any thread; below 1 counts as 1.
void apus_set_thread_count(int count);
/// Makes loops that the calling thread begins run on it alone, from now on: for threads that work beside the main one.
void apus_run_alone(void);

#endif
