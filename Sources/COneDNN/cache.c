#include "cache.h"
#include "single.h"
#include "versions.h"
#include "workspace.h"
#include <stdlib.h>
#include <string.h>

_Thread_local bool apus_starved;

static dnnl_engine_t engine;
static bool bfloat16;
static pthread_once_t engine_once = PTHREAD_ONCE_INIT;

static void make_engine(void) {
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) engine = 0;
#if defined(__x86_64__)
    // Each set of instructions has the bits of those that it includes. oneDNN has asked the kernel for AMX's registers by now.
    bfloat16 = engine && (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx;
#endif
}

dnnl_engine_t apus_engine(void) {
    pthread_once(&engine_once, make_engine);
    return engine;
}

dnnl_status_t apus_run_tiles(int64_t begin, int64_t end, dnnl_status_t (*tile)(void *context, int64_t t, dnnl_stream_t stream),
                             void *context) {
    dnnl_stream_t stream = 0;
    int threads = apus_single_begin();
    dnnl_status_t status = dnnl_stream_create(&stream, apus_engine(), dnnl_stream_default_flags);
    for (int64_t t = begin; t < end && status == dnnl_success; t++) status = tile(context, t, stream);
    if (stream) {
        dnnl_status_t waited = dnnl_stream_wait(stream);
        if (status == dnnl_success) status = waited;
        dnnl_stream_destroy(stream);
    }
    apus_single_end(threads);
    return status;
}

bool apus_multiplies_bfloat16(void) {
    apus_engine();
    return bfloat16;
}

static uint64_t hash(const apus_cache *cache, const void *key) {
    const uint64_t *words = key;
    uint64_t h = 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i < cache->key_size / 8; i++) h = (h ^ words[i]) * 0xFF51AFD7ED558CCDu, h ^= h >> 32;
    return h;
}

void *apus_cache_take(apus_cache *cache, const void *key) {
    apus_entry **set = cache->kept[hash(cache, key) % APUS_CACHE_SETS];
    pthread_mutex_lock(&cache->lock);
    for (int i = 0; i < APUS_CACHE_WAYS; i++) {
        if (set[i] && memcmp(set[i] + 1, key, cache->key_size) == 0) {
            apus_entry *found = set[i];
            found->users++;
            found->last_use = ++cache->clock_ticks;
            pthread_mutex_unlock(&cache->lock);
            return found;
        }
    }
    pthread_mutex_unlock(&cache->lock);
    // Made outside the lock. If two threads make the same plan, both are valid, and one is evicted sooner.
    apus_entry *plan = apus_scratch(cache->plan_size);
    if (!plan) return 0;
    memset(plan, 0, cache->plan_size);
    memcpy(plan + 1, key, cache->key_size);
    int threads = apus_single_begin();
    apus_starved = false;
    plan->usable = cache->make(plan);
    apus_single_end(threads);
    plan->users = 2; // the caller and the cache
    if (!plan->usable && apus_starved) {
        // oneDNN may succeed with more memory, so this refusal is not cached.
        cache->destroy(plan);
        free(plan);
        return 0;
    }
    pthread_mutex_lock(&cache->lock);
    plan->last_use = ++cache->clock_ticks;
    int victim = 0;
    for (int i = 0; i < APUS_CACHE_WAYS; i++) {
        if (!set[i]) {
            victim = i;
            break;
        }
        if (set[i]->last_use < set[victim]->last_use) victim = i;
    }
    apus_entry *old = set[victim];
    set[victim] = plan;
    pthread_mutex_unlock(&cache->lock);
    if (old) apus_cache_give(cache, old);
    return plan;
}

void apus_cache_give(apus_cache *cache, void *plan) {
    pthread_mutex_lock(&cache->lock);
    bool last = --((apus_entry *)plan)->users == 0;
    pthread_mutex_unlock(&cache->lock);
    if (!last) return;
    cache->destroy(plan);
    free(plan);
}
