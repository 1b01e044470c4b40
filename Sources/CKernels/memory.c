#define _GNU_SOURCE
#include "memory.h"
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// Smaller blocks are served best by malloc's per-thread cache.
#define SMALL 1024
// Blocks from this size on are aligned to huge pages and ask for them: fewer page faults and TLB misses.
#define HUGE_BLOCK ((size_t)4 << 20)
#define HUGE_PAGE ((size_t)2 << 20)

// The address sanitizer must see every allocation and deallocation.
#if __has_feature(address_sanitizer)
#define KEEPS 0
#else
#define KEEPS 1
#endif

// Size classes: four per power of two, so that a block is at most a quarter larger than asked for. Each class keeps its free blocks in a
// linked list whose links are in the blocks.
typedef struct kept {
    struct kept *next;
} kept;
#define CLASSES 256
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static kept *lists[CLASSES];
static size_t kept_bytes, limit;

/// The class for `size` > SMALL, and the size of its blocks.
static int class_of(size_t size, size_t *rounded) {
    int e = 63 - __builtin_clzll((unsigned long long)(size - 1)); // 2^e < size <= 2^(e+1)
    size_t quarter = (size_t)1 << (e - 2);
    size_t steps = (size - ((size_t)1 << e) + quarter - 1) / quarter; // 1 … 4
    *rounded = ((size_t)1 << e) + steps * quarter;
    return e * 4 + (int)steps - 1;
}

static void *fresh(size_t size) {
    void *block = NULL;
    size_t alignment = size >= HUGE_BLOCK ? HUGE_PAGE : 64;
    if (posix_memalign(&block, alignment, size) != 0) return NULL;
    if (size >= HUGE_BLOCK) madvise(block, size, MADV_HUGEPAGE); // only a hint, so errors are ignored
    return block;
}

void *apus_allocate(size_t size) {
    if (size < SMALL) return malloc(size ? size : 1);
    if (size > PTRDIFF_MAX / 2) return NULL;
    size_t rounded;
    int class = class_of(size, &rounded);
    if (!KEEPS) return fresh(size);
    pthread_mutex_lock(&lock);
    kept *block = lists[class];
    if (block) {
        lists[class] = block->next;
        kept_bytes -= rounded;
    }
    pthread_mutex_unlock(&lock);
    if (block) return block;
    void *new = fresh(rounded);
    if (new) return new;
    apus_release_kept();
    return fresh(rounded);
}

void apus_deallocate(void *block, size_t size) {
    if (size < SMALL || !KEEPS) {
        free(block);
        return;
    }
    size_t rounded;
    int class = class_of(size, &rounded);
    pthread_mutex_lock(&lock);
    if (!limit) limit = (size_t)sysconf(_SC_PHYS_PAGES) / 4 * (size_t)sysconf(_SC_PAGESIZE);
    int keep = kept_bytes + rounded <= limit;
    if (keep) {
        kept *k = block;
        k->next = lists[class];
        lists[class] = k;
        kept_bytes += rounded;
    }
    pthread_mutex_unlock(&lock);
    if (!keep) free(block);
}

size_t apus_kept_bytes(void) {
    pthread_mutex_lock(&lock);
    size_t bytes = kept_bytes;
    pthread_mutex_unlock(&lock);
    return bytes;
}

void apus_release_kept(void) {
    pthread_mutex_lock(&lock);
    kept *all = NULL;
    for (int c = 0; c < CLASSES; c++) {
        while (lists[c]) {
            kept *k = lists[c];
            lists[c] = k->next;
            k->next = all;
            all = k;
        }
    }
    kept_bytes = 0;
    pthread_mutex_unlock(&lock);
    while (all) {
        kept *next = all->next;
        free(all);
        all = next;
    }
}
