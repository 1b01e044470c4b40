#include "workspace.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct {
    void *base;
    size_t bytes;
} block;

enum { KEPT = 64 << 20 };

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void release(void *blocks) {
    for (int i = 0; i < APUS_WORKSPACE_COUNT; i++) free(((block *)blocks)[i].base);
    free(blocks);
}

static void make_key(void) { pthread_key_create(&key, release); }

static _Atomic size_t missing;
static _Thread_local int64_t left = -1;

int64_t apus_refuse_after(int64_t count) {
    int64_t before = left;
    left = count;
    return before;
}

size_t apus_missing_bytes(void) { return atomic_load(&missing); }

/// Whether a test has asked to refuse this block.
static bool is_refused(void) { return left >= 0 && left-- == 0; }

static void *none(size_t bytes) {
    atomic_store(&missing, bytes);
    return NULL;
}

void *apus_scratch(size_t bytes) {
    void *memory = is_refused() ? NULL : malloc(bytes ? bytes : 1);
    return memory ? memory : none(bytes);
}

/// This thread's blocks; NULL if there is no memory for them.
static block *thread_blocks(void) {
    // The thread-local is fast to read; the key exists for its destructor.
    static _Thread_local block *blocks;
    if (!blocks) {
        pthread_once(&once, make_key);
        blocks = calloc(APUS_WORKSPACE_COUNT, sizeof(block));
        if (blocks) pthread_setspecific(key, blocks);
    }
    return blocks;
}

void *apus_workspace(apus_workspace_use use, size_t bytes) {
    block *blocks = thread_blocks(), *b = blocks ? &blocks[use] : NULL;
    if (!b || is_refused()) return none(bytes);
    if (b->bytes < bytes || !b->base) {
        free(b->base);
        size_t wanted = bytes < 4096 ? 4096 : (bytes + bytes / 4 + 4095) & ~(size_t)4095;
        *b = (block){0};
        if (posix_memalign(&b->base, 64, wanted) != 0) {
            b->base = NULL;
            return none(wanted);
        }
        b->bytes = wanted;
    }
    return b->base;
}

void apus_workspace_trim(void) {
    block *blocks = thread_blocks();
    for (int i = 0; blocks && i < APUS_WORKSPACE_COUNT; i++) {
        if (blocks[i].bytes > KEPT) {
            free(blocks[i].base);
            blocks[i] = (block){0};
        }
    }
}
