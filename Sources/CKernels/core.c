#include "core.h"
#include <stdio.h>
#include <stdlib.h>

void apus_collapse(const apus_tensor *tensor, apus_view *view) {
    int size = apus_size[tensor->dtype];
    view->data = tensor->data;
    view->size = size;
    view->count = 1;
    int rank = 0;
    for (int d = 0; d < tensor->rank; d++) {
        int64_t extent = tensor->shape[d], stride = tensor->strides[d] * size;
        view->count *= extent;
        if (extent == 1) continue;
        if (rank > 0 && view->stride[rank - 1] == stride * extent) {
            view->extent[rank - 1] *= extent;
            view->stride[rank - 1] = stride;
        } else if (rank < APUS_MAX_RANK) { // only empty tensors can have more dimensions
            view->extent[rank] = extent;
            view->stride[rank] = stride;
            rank++;
        }
    }
    if (rank == 0) {
        view->extent[0] = 1;
        view->stride[0] = size;
        rank = 1;
    }
    view->rank = rank;
}

void apus_seek(apus_cursor *cursor, const apus_view *view, int64_t index) {
    cursor->view = view;
    cursor->at = view->data;
    for (int d = view->rank - 1; d >= 0; d--) {
        int64_t extent = view->extent[d], rest = index / extent;
        cursor->coordinate[d] = index - rest * extent;
        cursor->at += cursor->coordinate[d] * view->stride[d];
        index = rest;
    }
}

#define RUN(T)                                                                                                                             \
    {                                                                                                                                      \
        char *from = at;                                                                                                                   \
        T *to = (T *)out;                                                                                                                  \
        if (stride == 0) {                                                                                                                 \
            T value;                                                                                                                       \
            memcpy(&value, from, sizeof value);                                                                                            \
            for (int64_t i = 0; i < run; i++) to[i] = value;                                                                               \
        } else {                                                                                                                           \
            for (int64_t i = 0; i < run; i++) memcpy(to + i, from + i * stride, sizeof(T));                                                \
        }                                                                                                                                  \
        break;                                                                                                                             \
    }

static void gather_run(char *at, int64_t stride, int64_t run, int size, char *out) {
    if (stride == size) {
        memcpy(out, at, (size_t)(run * size));
        return;
    }
    switch (size) {
    case 1: RUN(uint8_t)
    case 2: RUN(uint16_t)
    case 4: RUN(uint32_t)
    default: RUN(uint64_t)
    }
}

#define SCATTER_RUN(T)                                                                                                                     \
    for (int64_t i = 0; i < run; i++) memcpy(at + i * stride, in + i * (int64_t)sizeof(T), sizeof(T));                                     \
    break;

static void scatter_run(char *at, int64_t stride, int64_t run, int size, const char *in) {
    if (stride == size) {
        memcpy(at, in, (size_t)(run * size));
        return;
    }
    switch (size) {
    case 1: SCATTER_RUN(uint8_t)
    case 2: SCATTER_RUN(uint16_t)
    case 4: SCATTER_RUN(uint32_t)
    default: SCATTER_RUN(uint64_t)
    }
}

#define EACH_RUN(WORK)                                                                                                                     \
    const apus_view *v = cursor->view;                                                                                                     \
    int last = v->rank - 1;                                                                                                                \
    int64_t extent = v->extent[last], stride = v->stride[last];                                                                            \
    while (n > 0) {                                                                                                                        \
        int64_t left = extent - cursor->coordinate[last], run = n < left ? n : left;                                                       \
        WORK;                                                                                                                              \
        n -= run;                                                                                                                          \
        cursor->at += run * stride;                                                                                                        \
        cursor->coordinate[last] += run;                                                                                                   \
        if (run == left) {                                                                                                                 \
            cursor->at -= extent * stride;                                                                                                 \
            cursor->coordinate[last] = 0;                                                                                                  \
            next_row(cursor);                                                                                                              \
        }                                                                                                                                  \
    }

void apus_gather(apus_cursor *cursor, int64_t n, void *out) {
    char *to = out;
    EACH_RUN(gather_run(cursor->at, stride, run, v->size, to); to += run * v->size)
}

void apus_scatter(apus_cursor *cursor, int64_t n, const void *in) {
    const char *from = in;
    EACH_RUN(scatter_run(cursor->at, stride, run, v->size, from); from += run * v->size)
}

_Noreturn void apus_no_kernel(const char *family, int kind, int dtype) {
    fflush(stdout);
    fprintf(stderr, "Apus: the CPU backend has no kernel %s %d for dtype %d\n", family, kind, dtype);
    abort();
}
