#define _GNU_SOURCE
#include "parallel.h"
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

// libgomp's entry points, declared here: clang brings its own omp.h or none, and these are stable ABI.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_in_parallel(void);

// libgomp's barriers are futexes, which the thread sanitizer does not see: it is told about them.
#if __has_feature(thread_sanitizer)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define TSAN_ACQUIRE(address) __tsan_acquire(address)
#define TSAN_RELEASE(address) __tsan_release(address)
#else
#define TSAN_ACQUIRE(address) ((void)0)
#define TSAN_RELEASE(address) ((void)0)
#endif

typedef struct {
    int64_t count, grain, chunks;
    void (*body)(void *, int64_t, int64_t);
    void *context;
    _Atomic int64_t next;
    char entered, left; // addresses for the sanitizer's happens-before
} loop;

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
    return __c11_atomic_compare_exchange_strong(&thread_count, &unread, count, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) ? count : unread;
}

void apus_set_thread_count(int count) { thread_count = count < 1 ? 1 : count; }

void apus_run_alone(void) { inside = true; }

static void run_chunks(loop *l) {
    for (;;) {
        int64_t i = __c11_atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);
        if (i >= l->chunks) return;
        int64_t begin = i * l->grain, end = i + 1 == l->chunks ? l->count : begin + l->grain;
        l->body(l->context, begin, end);
    }
}

static void worker(void *data) {
    loop *l = data;
    TSAN_ACQUIRE(&l->entered);
    bool outer = inside;
    inside = true;
    run_chunks(l);
    inside = outer;
    TSAN_RELEASE(&l->left);
}

void apus_parallel_for(int64_t count, int64_t grain, void (*body)(void *, int64_t, int64_t), void *context) {
    if (count <= 0) return;
    if (grain < 1) grain = 1;
    int64_t chunks = (count - 1) / grain + 1;
    if (chunks == 1) {
        body(context, 0, count);
        return;
    }
    loop l = {count, grain, chunks, body, context, 0, 0, 0};
    int threads = apus_thread_count();
    if (threads > chunks) threads = (int)chunks;
    if (threads == 1 || inside || omp_in_parallel()) {
        run_chunks(&l);
        return;
    }
    TSAN_RELEASE(&l.entered);
    GOMP_parallel(worker, &l, (unsigned)threads, 0);
    TSAN_ACQUIRE(&l.left);
}
