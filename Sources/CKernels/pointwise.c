#include "pointwise_core.h"

typedef struct {
    apus_kernel *kernel;
    apus_parameters p;
    int operands;
    int half[3];  // the operand's dtype if it is a 16-bit float, else 0
    int out_half; // the same for the result
    int out_size;
    char *out;
    bool direct; // nothing is gathered or converted
    apus_view in[3];
} pointwise;

typedef struct {
    uint64_t raw[APUS_BLOCK];
    float wide[APUS_BLOCK];
    apus_cursor cursor;
    bool is_direct, is_constant;
} operand;

static void direct_body(const pointwise *w, int64_t begin, int64_t end) {
    const void *in[3] = {NULL, NULL, NULL};
    for (int k = 0; k < w->operands; k++) in[k] = w->in[k].data + begin * w->in[k].size;
    w->kernel(end - begin, w->out + begin * w->out_size, in[0], in[1], in[2], &w->p);
}

static void body(void *context, int64_t begin, int64_t end) {
    const pointwise *w = context;
    if (w->direct) {
        direct_body(w, begin, end);
        return;
    }
    operand operands[3];
    const void *in[3] = {NULL, NULL, NULL};
    for (int k = 0; k < w->operands; k++) {
        operand *o = &operands[k];
        const apus_view *v = &w->in[k];
        o->is_direct = view_is_contiguous(v);
        o->is_constant = !o->is_direct && view_is_constant(v);
        if (o->is_direct) continue;
        apus_seek(&o->cursor, v, begin);
        if (o->is_constant) {
            int64_t n = end - begin < APUS_BLOCK ? end - begin : APUS_BLOCK;
            apus_gather(&o->cursor, n, o->raw);
            in[k] = o->raw;
            if (w->half[k]) {
                apus_halves_to_float(w->half[k], n, o->wide, o->raw);
                in[k] = o->wide;
            }
        }
    }
    float result[APUS_BLOCK];
    while (begin < end) {
        int64_t n = end - begin < APUS_BLOCK ? end - begin : APUS_BLOCK;
        for (int k = 0; k < w->operands; k++) {
            operand *o = &operands[k];
            if (o->is_constant) continue;
            if (o->is_direct) {
                in[k] = w->in[k].data + begin * w->in[k].size;
            } else {
                apus_gather(&o->cursor, n, o->raw);
                in[k] = o->raw;
            }
            if (w->half[k]) {
                apus_halves_to_float(w->half[k], n, o->wide, in[k]);
                in[k] = o->wide;
            }
        }
        char *out = w->out + begin * w->out_size;
        w->kernel(n, w->out_half ? (void *)result : out, in[0], in[1], in[2], &w->p);
        if (w->out_half) apus_float_to_halves(w->out_half, n, out, result);
        begin += n;
    }
}

static void run(pointwise *w, int64_t n) {
    w->direct = !w->out_half;
    for (int k = 0; k < w->operands; k++) w->direct = w->direct && !w->half[k] && view_is_contiguous(&w->in[k]);
    apus_parallel_for(n, APUS_GRAIN, body, w);
}

void apus_pointwise(apus_kernel *kernel, int operands, const apus_tensor *const *in, const apus_parameters *p, const apus_tensor *out) {
    pointwise w;
    w.kernel = kernel;
    w.p = *p;
    w.operands = operands;
    w.out = out->data;
    w.out_size = apus_size[out->dtype];
    w.out_half = is_half(out->dtype) ? out->dtype : 0;
    int64_t n = 1;
    for (int d = 0; d < out->rank; d++) n *= out->shape[d];
    if (n == 0) return;
    for (int k = 0; k < operands; k++) {
        apus_collapse(in[k], &w.in[k]);
        w.half[k] = is_half(in[k]->dtype) ? in[k]->dtype : 0;
    }
    run(&w, n);
}

void apus_pointwise_flat(apus_kernel *kernel, int operands, int dtype, int out_dtype, int64_t n, const void *const *in,
                         const apus_parameters *p, void *out) {
    if (n == 0) return;
    pointwise w;
    w.kernel = kernel;
    w.p = *p;
    w.operands = operands;
    w.out = out;
    w.out_size = apus_size[out_dtype];
    w.out_half = is_half(out_dtype) ? out_dtype : 0;
    for (int k = 0; k < operands; k++) {
        w.half[k] = is_half(dtype) ? dtype : 0;
        w.in[k].data = (char *)in[k];
        w.in[k].count = n;
        w.in[k].rank = 1;
        w.in[k].size = apus_size[dtype];
        w.in[k].extent[0] = n;
        w.in[k].stride[0] = apus_size[dtype];
    }
    run(&w, n);
}
