// A cache of oneDNN's primitives, made once per key. Creating one takes up to milliseconds, since its code is generated.
#ifndef APUS_CACHE_H
#define APUS_CACHE_H

#include <dnnl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// What the cache knows of a plan. A plan begins with it, and its key follows.
typedef struct {
    int64_t users, last_use;
    bool usable; // false: oneDNN refused, or has only its slow reference implementation
} apus_entry;

enum { APUS_CACHE_SETS = 128, APUS_CACHE_WAYS = 4 };

/// 128 sets of 4 plans; the least recently used plan of a set is replaced. Keys are compared as bytes: they have no padding.
typedef struct {
    size_t plan_size, key_size;                    // key_size is a multiple of 8
    bool (*_Nonnull make)(void *_Nonnull plan);    // of a plan that is zero but for its key; returns whether it is usable
    void (*_Nonnull destroy)(void *_Nonnull plan); // all but its memory
    pthread_mutex_t lock;
    int64_t clock_ticks;
    apus_entry *_Nullable kept[APUS_CACHE_SETS][APUS_CACHE_WAYS];
} apus_cache;

/// The plan for `key`, made or from the cache; release it with `apus_cache_give`. NULL if there is no memory for it.
void *_Nullable apus_cache_take(apus_cache *_Nonnull cache, const void *_Nonnull key);
void apus_cache_give(apus_cache *_Nonnull cache, void *_Nonnull plan);

/// The processor; NULL if oneDNN has none.
dnnl_engine_t _Nullable apus_engine(void);

/// Runs `tile` for each of begin ..< end in a stream of the thread's own, until one fails. Returns the first status that is not success.
dnnl_status_t apus_run_tiles(int64_t begin, int64_t end,
                             dnnl_status_t (*_Nonnull tile)(void *_Nonnull context, int64_t t, dnnl_stream_t _Nonnull stream),
                             void *_Nonnull context);

/// Whether the processor multiplies matrices of bfloat16 by itself (AMX) and this process may use that.
bool apus_multiplies_bfloat16(void);

#endif
