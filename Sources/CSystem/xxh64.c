#include "CSystem.h"
#include <string.h>

#define P1 0x9E3779B185EBCA87ULL
#define P2 0xC2B2AE3D27D4EB4FULL
#define P3 0x165667B19E3779F9ULL
#define P4 0x85EBCA77C2B2AE63ULL
#define P5 0x27D4EB2F165667C5ULL

static inline uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }
static inline uint64_t read64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}
static inline uint64_t read32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}
static inline uint64_t mix(uint64_t lane, uint64_t input) { return rotate(lane + input * P2, 31) * P1; }
static inline uint64_t merge(uint64_t hash, uint64_t lane) { return (hash ^ mix(0, lane)) * P1 + P4; }

void apus_xxh64_start(apus_xxh64 *s) {
    memset(s, 0, sizeof *s);
    s->lanes[0] = P1 + P2;
    s->lanes[1] = P2;
    s->lanes[3] = -P1;
}

void apus_xxh64_update(apus_xxh64 *s, const void *bytes, size_t count) {
    if (count == 0) return;
    const uint8_t *p = bytes, *end = p + count;
    s->total += count;
    if (s->pending_count) {
        size_t take = 32 - s->pending_count;
        if (take > count) take = count;
        memcpy(s->pending + s->pending_count, p, take);
        s->pending_count += (uint32_t)take;
        p += take;
        if (s->pending_count < 32) return;
        for (int i = 0; i < 4; i++) s->lanes[i] = mix(s->lanes[i], read64(s->pending + 8 * i));
        s->pending_count = 0;
    }
    uint64_t a = s->lanes[0], b = s->lanes[1], c = s->lanes[2], d = s->lanes[3];
    for (; end - p >= 32; p += 32) {
        a = mix(a, read64(p));
        b = mix(b, read64(p + 8));
        c = mix(c, read64(p + 16));
        d = mix(d, read64(p + 24));
    }
    s->lanes[0] = a, s->lanes[1] = b, s->lanes[2] = c, s->lanes[3] = d;
    s->pending_count = (uint32_t)(end - p);
    memcpy(s->pending, p, s->pending_count);
}

uint64_t apus_xxh64_finish(const apus_xxh64 *s) {
    uint64_t hash = P5;
    if (s->total >= 32) {
        const uint64_t *l = s->lanes;
        hash = rotate(l[0], 1) + rotate(l[1], 7) + rotate(l[2], 12) + rotate(l[3], 18);
        for (int i = 0; i < 4; i++) hash = merge(hash, l[i]);
    }
    hash += s->total;
    const uint8_t *p = s->pending, *end = p + s->pending_count;
    for (; end - p >= 8; p += 8) hash = rotate(hash ^ mix(0, read64(p)), 27) * P1 + P4;
    if (end - p >= 4) {
        hash = rotate(hash ^ read32(p) * P1, 23) * P2 + P3;
        p += 4;
    }
    for (; p < end; p++) hash = rotate(hash ^ *p * P5, 11) * P1;
    hash = (hash ^ hash >> 33) * P2;
    hash = (hash ^ hash >> 29) * P3;
    return hash ^ hash >> 32;
}
