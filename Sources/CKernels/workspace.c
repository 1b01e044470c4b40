#include "workspace.h"
#include <pthread.h>
#include <stdio.h>
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

static void make_key(void) {
    pthread_key_create(&key, release);
}

static block *thread_blocks(void) {
    // The thread-local is the quick way; the key exists for its destructor.
    static _Thread_local block *blocks;
    if (!blocks) {
        pthread_once(&once, make_key);
        blocks = calloc(APUS_WORKSPACE_COUNT, sizeof(block));
        if (!blocks) {
            fputs("Apus: out of memory\n", stderr);
            abort();
        }
        pthread_setspecific(key, blocks);
    }
    return blocks;
}

void *apus_workspace(apus_workspace_use use, size_t bytes) {
    block *b = &thread_blocks()[use];
    if (b->bytes < bytes || !b->base) {
        free(b->base);
        size_t wanted = bytes < 4096 ? 4096 : (bytes + bytes / 4 + 4095) & ~(size_t)4095;
        b->bytes = wanted;
        if (posix_memalign(&b->base, 64, wanted) != 0) {
            fprintf(stderr, "Apus: out of memory: %zu bytes of scratch memory\n", wanted);
            abort();
        }
    }
    return b->base;
}

void apus_workspace_trim(void) {
    block *blocks = thread_blocks();
    for (int i = 0; i < APUS_WORKSPACE_COUNT; i++) {
        if (blocks[i].bytes > KEPT) {
            free(blocks[i].base);
            blocks[i] = (block){0};
        }
    }
}
