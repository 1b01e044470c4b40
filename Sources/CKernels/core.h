// Shared by the kernels: dtypes in C, loop versions per processor, and cursors over strided operands.
#ifndef APUS_CORE_H
#define APUS_CORE_H

#include "kinds.h"
#include "parallel.h"
#include "tensor.h"
#include <string.h>

// A switch that forgets a kind or a dtype is an error, with a default too.
#pragma clang diagnostic error "-Wswitch"
#pragma clang diagnostic error "-Wswitch-enum"

// One version of a loop per x86-64 level, chosen when the program is loaded. A helper must be APUS_INLINE to become part of each version.
// The thread sanitizer crashes in the resolvers at start-up, so it gets the plain version.
#if defined(__x86_64__) && !__has_feature(thread_sanitizer)
#define APUS_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define APUS_CLONES
#endif
#define APUS_INLINE static inline __attribute__((always_inline, unused))

// Goes before a loop whose operands are either the same memory (in place) or do not overlap. Without it the compiler's overlap check sends
// every in-place call to the scalar loop.
#define APUS_SIMD _Pragma("clang loop vectorize(assume_safety) interleave(enable)")

// Smaller loops run on the calling thread: waking another costs about a microsecond.
#define APUS_GRAIN 32768

// Elements per pass of a kernel whose operands go through buffers; they stay in the first-level cache.
#define APUS_BLOCK 512

// Any non-zero byte counts as true.
typedef uint8_t apus_bool;
typedef _Float16 apus_half;
typedef struct {
    uint16_t bits;
} apus_bfloat;

APUS_INLINE float bits_to_float(uint32_t bits) {
    float f;
    memcpy(&f, &bits, 4);
    return f;
}
APUS_INLINE uint32_t float_to_bits(float f) {
    uint32_t bits;
    memcpy(&bits, &f, 4);
    return bits;
}
APUS_INLINE float bfloat_to_float(apus_bfloat b) { return bits_to_float((uint32_t)b.bits << 16); }
/// Rounds to nearest, ties to even; NaN stays NaN.
APUS_INLINE apus_bfloat float_to_bfloat(float f) {
    uint32_t bits = float_to_bits(f);
    uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    return (apus_bfloat){(uint16_t)(f != f ? bits >> 16 | 0x40 : rounded)};
}

/// Whether the dtype is a 16-bit float, which is computed in float.
APUS_INLINE bool is_half(int dtype) { return dtype == APUS_FLOAT16 || dtype == APUS_BFLOAT16; }

/// Convert contiguous memory between 16-bit floats and float32 (`copy.c`).
void apus_halves_to_float(int dtype, int64_t n, float *out, const void *in);
void apus_float_to_halves(int dtype, int64_t n, void *out, const float *in);

// A tensor without dimensions of extent 1, and with contiguous dimensions merged. The remaining extents are at least 2, so there are at
// most 63 dimensions. Strides are in bytes.
#define APUS_MAX_RANK 64
typedef struct {
    char *data;
    int64_t count;
    int rank; // at least 1
    int size; // bytes per element
    int64_t extent[APUS_MAX_RANK], stride[APUS_MAX_RANK];
} apus_view;

/// A position in a view that moves through the elements in row-major order.
typedef struct {
    const apus_view *view;
    char *at;
    int64_t coordinate[APUS_MAX_RANK];
} apus_cursor;

void apus_collapse(const apus_tensor *tensor, apus_view *view);
void apus_seek(apus_cursor *cursor, const apus_view *view, int64_t index);
/// Copies the next n elements to contiguous memory, or from it.
void apus_gather(apus_cursor *cursor, int64_t n, void *out);
void apus_scatter(apus_cursor *cursor, int64_t n, const void *in);

APUS_INLINE bool view_is_contiguous(const apus_view *v) { return v->rank == 1 && (v->stride[0] == v->size || v->extent[0] == 1); }
APUS_INLINE bool view_is_constant(const apus_view *v) { return v->rank == 1 && (v->stride[0] == 0 || v->extent[0] == 1); }

/// Moves to the next position in the outer dimensions; the innermost must be at its start.
APUS_INLINE void next_row(apus_cursor *c) {
    const apus_view *v = c->view;
    for (int d = v->rank - 2; d >= 0; d--) {
        c->at += v->stride[d];
        if (++c->coordinate[d] < v->extent[d]) return;
        c->at -= v->stride[d] * v->extent[d];
        c->coordinate[d] = 0;
    }
}

// Calls the variant for the dtype of a kernel that a template makes for float32 and float64 (`f_name`, `d_name`).
#define APUS_BY_TYPE(dtype, name, ...) ((dtype) == APUS_FLOAT64 ? d_##name(__VA_ARGS__) : f_##name(__VA_ARGS__))

/// The memory of an operand that may be missing.
APUS_INLINE void *data_of(const apus_tensor *x) { return x ? x->data : NULL; }

/// A shape as [outer, length, inner], where `length` is dimension `dim`; a scalar is [1, 1, 1].
typedef struct {
    int64_t outer, length, inner;
} apus_extents;
APUS_INLINE apus_extents extents_around(const apus_tensor *x, int dim) {
    apus_extents e = {1, 1, 1};
    for (int d = 0; d < x->rank; d++) *(d < dim ? &e.outer : d == dim ? &e.length : &e.inner) *= x->shape[d];
    return e;
}

/// Aborts: an op has passed a dtype that its family does not support.
_Noreturn void apus_no_kernel(const char *family, int kind, int dtype);

#endif
