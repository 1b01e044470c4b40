#define _GNU_SOURCE
#include "parallel.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

// A pool of threads that serves one loop at a time. The thread that begins a loop works on it from the start; others join as they wake, and
// the loop ends when all chunks are done and those that have joined have left. Nobody waits for a thread that has not come: on a machine with
// more threads than processors, or one whose processors are lent elsewhere, a loop is never slower than alone by more than a chunk.
// A loop that finds the pool busy runs on its own thread.

typedef struct {
    int64_t count, grain, chunks;
    void (*body)(void *, int64_t, int64_t);
    void *context;
    _Atomic int64_t next;
    _Atomic int32_t places; // for threads that may still join
} loop;

static _Atomic bool busy;
static loop *_Atomic current;
static _Atomic int32_t joined;    // threads that may be looking at `current`
static _Atomic uint32_t sequence; // of loops begun; what idle threads sleep on
static _Atomic int32_t sleepers, workers;

// How long a thread looks for the next loop before it sleeps, in pauses of some 30 to 140 cycles: tens of microseconds, more than lies between
// the loops of one op and the next, and little beside what a sleeping thread costs to wake.
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
    int unread = 0; // a count set meanwhile by another thread stays
    return atomic_compare_exchange_strong(&thread_count, &unread, count) ? count : unread;
}

void apus_set_thread_count(int count) { thread_count = count < 1 ? 1 : count; }

void apus_run_alone(void) { inside = true; }

static void run_chunks(loop *l) {
    for (;;) {
        int64_t i = atomic_fetch_add_explicit(&l->next, 1, memory_order_relaxed);
        if (i >= l->chunks) return;
        int64_t begin = i * l->grain, end = i + 1 == l->chunks ? l->count : begin + l->grain;
        l->body(l->context, begin, end);
    }
}

static inline void pause_a_little(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void *work(void *unused) {
    (void)unused;
    inside = true;
    uint32_t seen = atomic_load(&sequence) - 1; // a loop may have begun already
    for (;;) {
        for (int i = 0; i < PATIENCE && atomic_load_explicit(&sequence, memory_order_relaxed) == seen; i++) pause_a_little();
        if (atomic_load(&sequence) == seen) {
            atomic_fetch_add(&sleepers, 1);
            syscall(SYS_futex, &sequence, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0); // returns at once where `sequence` has moved on
            atomic_fetch_sub(&sleepers, 1);
            continue;
        }
        seen = atomic_load(&sequence);
        // Joining comes before looking, leaving the pool's slot comes before counting: whoever sees the loop is waited for.
        atomic_fetch_add(&joined, 1);
        loop *l = atomic_load(&current);
        if (l && atomic_fetch_sub(&l->places, 1) > 0) run_chunks(l);
        atomic_fetch_sub(&joined, 1);
    }
    return NULL;
}

/// Starts threads until there are `wanted`; fewer where the system has no more.
static void hire(int wanted) {
    while (atomic_load(&workers) < wanted) {
        pthread_attr_t attributes;
        pthread_t thread;
        sigset_t all, old;
        // Signals are for the program's own threads.
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        int failed = pthread_create(&thread, &attributes, work, NULL);
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
    loop l = {count, grain, chunks, body, context, 0, 0};
    int threads = apus_thread_count();
    if (threads > chunks) threads = (int)chunks;
    if (threads == 1 || inside || atomic_exchange(&busy, true)) {
        run_chunks(&l);
        return;
    }
    hire(threads - 1);
    l.places = threads - 1;
    inside = true;
    atomic_store(&current, &l);
    atomic_fetch_add(&sequence, 1);
    if (atomic_load(&sleepers) > 0) syscall(SYS_futex, &sequence, FUTEX_WAKE_PRIVATE, threads - 1, NULL, NULL, 0);
    run_chunks(&l);
    atomic_store(&current, NULL);
    for (int i = 0; atomic_load(&joined) > 0; i++) {
        // A thread that has lost its processor needs this one.
        if (i < PATIENCE) pause_a_little();
        else sched_yield();
    }
    inside = false;
    atomic_store(&busy, false);
}
