// Shared by max and average pooling: the bounds of a window, and the loop over planes.
#ifndef APUS_POOLING_WINDOWS_H
#define APUS_POOLING_WINDOWS_H

#include "parallel.h"
#include "pooling.h"

// The part of a window within the input along one dimension, and its length within the padded input.
typedef struct {
    int64_t begin, end, step, padded;
} span;

static inline span window(const apus_pool *p, int d, int64_t o) {
    int64_t in = p->in[d];
    if (p->adaptive) {
        int64_t n = p->out[d], begin = o * in / n, end = ((o + 1) * in + n - 1) / n;
        return (span){begin, end, 1, end - begin};
    }
    int64_t begin = o * p->stride[d] - p->padding[d], step = p->dilation[d];
    int64_t end = begin + (p->kernel[d] - 1) * step + 1;
    int64_t padded = (end < in + p->padding[d] ? end : in + p->padding[d]) - begin;
    if (begin < 0) begin += (-begin + step - 1) / step * step;
    if (end > in) end = in;
    return (span){begin, end, step, padded};
}

typedef struct {
    const apus_pool *p;
    const void *from;
    void *to;
    int64_t *indices;
} job;

static inline int64_t elements(const int64_t extents[3]) { return extents[0] * extents[1] * extents[2]; }

// A plane's work is its number of window elements; cheap planes are grouped.
static inline int64_t planes_grain(const apus_pool *p) {
    int64_t taps = p->adaptive ? elements(p->in) : elements(p->out) * elements(p->kernel);
    return 32768 / (taps + 1) + 1;
}

static inline void over_planes(const apus_pool *p, void (*body)(void *, int64_t, int64_t), job *j) {
    apus_parallel_for(p->planes, planes_grain(p), body, j);
}

#endif
