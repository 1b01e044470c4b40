#define _GNU_SOURCE
#include "parallel.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

// A pool of threads that runs one loop at a time. The thread that begins a loop works on it at once; others join as they wake. The loop
// ends when all chunks are done and all threads that joined have left. Nobody waits for a thread that has not joined: on a machine with
// more threads than free processors, a loop is at most one chunk slower than on one thread. A loop that finds the pool busy runs on its own
// thread.
//
// Every thread has a share of the chunks, always the same for loops of one size, and helps the others when its own is done. So an op finds
// what the previous op wrote in its core's cache. On a machine whose cores share no cache, an optimizer step over 200,000 parameters took
// 36 µs on one thread, and 150 to 220 µs on two threads that took chunks in arbitrary order.

typedef struct {
    _Alignas(64) _Atomic int64_t next; // one cache line per share, since mostly its own thread counts here
    int64_t end;
} share;

enum { MOST_SHARES = 64 }; // further threads only help with the shares of others

typedef struct {
    int64_t count, grain, chunks;
    void (*body)(void *, int64_t, int64_t);
    void *context;
    int threads, shares;
    share *share;
} loop;

static _Atomic bool busy;
static loop *_Atomic current;
static _Atomic int32_t joined;    // threads that may be looking at `current`
static _Atomic uint32_t sequence; // number of loops begun; idle threads sleep on it
static _Atomic int32_t sleepers, workers;

// How long a thread spins for the next loop before it sleeps, in pauses of 30 to 140 cycles: tens of microseconds, which is more than the
// time between the loops of consecutive ops, and less than waking a thread costs.
enum { PATIENCE = 10000 };

static _Thread_local bool inside;
static _Atomic int thread_count; // 0: not read yet

static int number_in(const char *name) {
    const char *text = getenv(name);
    if (!text) return 0;
    char *end;
    long value = strtol(text, &end, 10);
    bool ends = *end == 0 || *end == ',';
    return end != text && ends && value > 0 && value <= 4096 ? (int)value : 0;
}

static int processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    return 1;
}

int apus_thread_count(void) {
    int count = thread_count;
    if (count) return count;
    count = number_in("APUS_THREADS");
    if (!count) count = number_in("OMP_NUM_THREADS");
    if (!count) count = processors();
    if (count < 1) count = 1;
    int unread = 0; // keeps a count that another thread has set in the meantime
    return atomic_compare_exchange_strong(&thread_count, &unread, count) ? count : unread;
}

void apus_set_thread_count(int count) { thread_count = count < 1 ? 1 : count; }

void apus_run_alone(void) { inside = true; }

static void run_chunks(loop *l, int first) {
    for (int s = 0; s < l->shares; s++) {
        share *own = &l->share[(first + s) % l->shares];
        for (;;) {
            int64_t i = atomic_fetch_add_explicit(&own->next, 1, memory_order_relaxed);
            if (i >= own->end) break;
            int64_t begin = i * l->grain, end = i + 1 == l->chunks ? l->count : begin + l->grain;
            l->body(l->context, begin, end);
        }
    }
}

static inline void pause_a_little(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Worker threads are numbered from 1; 0 is the thread that begins a loop.
static void *work(void *number) {
    int index = (int)(intptr_t)number;
    inside = true;
    uint32_t seen = atomic_load(&sequence) - 1; // a loop may have begun already
    for (;;) {
        for (int i = 0; i < PATIENCE && atomic_load_explicit(&sequence, memory_order_relaxed) == seen; i++) pause_a_little();
        if (atomic_load(&sequence) == seen) {
            atomic_fetch_add(&sleepers, 1);
            syscall(SYS_futex, &sequence, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0); // returns at once if `sequence` has changed
            atomic_fetch_sub(&sleepers, 1);
            continue;
        }
        seen = atomic_load(&sequence);
        // A worker joins before it reads `current`; the caller clears `current` before it reads `joined`. So the caller waits for every
        // worker that sees the loop.
        atomic_fetch_add(&joined, 1);
        loop *l = atomic_load(&current);
        if (l && index < l->threads) run_chunks(l, index);
        atomic_fetch_sub(&joined, 1);
    }
    return NULL;
}

/// Starts threads until there are `wanted`, or as many as the system allows.
static void hire(int wanted) {
    while (atomic_load(&workers) < wanted) {
        pthread_attr_t attributes;
        pthread_t thread;
        sigset_t all, old;
        // Signals are left to the program's own threads.
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        int failed = pthread_create(&thread, &attributes, work, (void *)(intptr_t)(atomic_load(&workers) + 1));
        pthread_attr_destroy(&attributes);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (failed) return;
        atomic_fetch_add(&workers, 1);
    }
}

void apus_parallel_for(int64_t count, int64_t grain, void (*body)(void *, int64_t, int64_t), void *context) {
    if (count <= 0) return;
    if (grain < 1) grain = 1;
    int64_t chunks = (count - 1) / grain + 1;
    if (chunks == 1) {
        body(context, 0, count);
        return;
    }
    int threads = apus_thread_count();
    if (threads > chunks) threads = (int)chunks;
    if (threads == 1 || inside || atomic_exchange(&busy, true)) {
        for (int64_t i = 0; i < chunks; i++) body(context, i * grain, i + 1 == chunks ? count : (i + 1) * grain);
        return;
    }
    hire(threads - 1);
    int shares = threads < MOST_SHARES ? threads : MOST_SHARES;
    share all[shares];
    for (int s = 0; s < shares; s++) {
        int64_t first = chunks / shares * s + (s < chunks % shares ? s : chunks % shares);
        atomic_init(&all[s].next, first);
        all[s].end = first + chunks / shares + (s < chunks % shares ? 1 : 0);
    }
    loop l = {count, grain, chunks, body, context, threads, shares, all};
    inside = true;
    atomic_store(&current, &l);
    atomic_fetch_add(&sequence, 1);
    if (atomic_load(&sleepers) > 0) syscall(SYS_futex, &sequence, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    run_chunks(&l, 0);
    atomic_store(&current, NULL);
    for (int i = 0; atomic_load(&joined) > 0; i++) {
        // A preempted worker may need this processor.
        if (i < PATIENCE) pause_a_little();
        else sched_yield();
    }
    inside = false;
    atomic_store(&busy, false);
}

typedef struct {
    bool (*body)(void *, int64_t, int64_t);
    void *context;
    atomic_bool failed;
} attempt;

static void attempt_chunk(void *context, int64_t begin, int64_t end) {
    attempt *a = context;
    if (atomic_load_explicit(&a->failed, memory_order_relaxed)) return;
    if (!a->body(a->context, begin, end)) atomic_store_explicit(&a->failed, true, memory_order_relaxed);
}

bool apus_parallel_try(int64_t count, int64_t grain, bool (*body)(void *, int64_t, int64_t), void *context) {
    attempt a = {body, context, false};
    apus_parallel_for(count, grain, attempt_chunk, &a);
    return !a.failed;
}
