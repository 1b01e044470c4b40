// The double of libcudnn: checks descriptors, and convolves with loops. It first offers a nondeterministic algorithm, which must not be
// chosen, then one that fails, then one that overwrites its workspace.
#include <stdlib.h>
#include <string.h>

#include "double.h"
#include "numbers.h"

enum { OK = 0, NOT_SUPPORTED = 3000, MOST = 5, WORKSPACE = 8192, LOOSE = 3, STRICT = 1, BROKEN = 2 };

struct cudnnContext {
    CUstream stream;
};
struct cudnnTensorStruct {
    int type, rank, sizes[MOST], strides[MOST];
};
struct cudnnFilterStruct {
    int type, rank, sizes[MOST];
};
struct cudnnConvolutionStruct {
    int rank, padding[3], stride[3], dilation[3], type, groups, math;
};

size_t cudnnGetVersion(void) { return 92800; }
cudnnStatus_t cudnnCreate(cudnnHandle_t *handle) {
    if (!double_has_context()) double_violation("cudnnCreate without a context");
    *handle = calloc(1, sizeof **handle);
    return OK;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, CUstream stream) {
    handle->stream = stream;
    return OK;
}

#define DESCRIPTOR(NAME)                                                                                                                   \
    cudnnStatus_t cudnnCreate##NAME##Descriptor(cudnn##NAME##Descriptor_t *made) {                                                         \
        *made = calloc(1, sizeof **made);                                                                                                  \
        return OK;                                                                                                                         \
    }                                                                                                                                      \
    cudnnStatus_t cudnnDestroy##NAME##Descriptor(cudnn##NAME##Descriptor_t made) {                                                         \
        free(made);                                                                                                                        \
        return OK;                                                                                                                         \
    }
DESCRIPTOR(Tensor)
DESCRIPTOR(Filter)
DESCRIPTOR(Convolution)

cudnnStatus_t cudnnSetTensorNdDescriptor(cudnnTensorDescriptor_t x, cudnnDataType_t type, int rank, const int *sizes, const int *strides) {
    if (rank < 4 || rank > MOST) double_violation("a tensor of %d dimensions", rank);
    int next = 1;
    x->type = type;
    x->rank = rank;
    for (int d = rank - 1; d >= 0; d--) {
        if (sizes[d] < 1 || strides[d] != next) double_violation("a tensor that is not contiguous");
        x->sizes[d] = sizes[d];
        x->strides[d] = strides[d];
        next *= sizes[d];
    }
    return OK;
}
cudnnStatus_t cudnnSetFilterNdDescriptor(cudnnFilterDescriptor_t w, cudnnDataType_t type, cudnnTensorFormat_t format, int rank,
                                         const int *sizes) {
    if (format != APUS_CUDNN_TENSOR_NCHW || rank < 4 || rank > MOST) double_violation("a filter of another form than ours");
    w->type = type;
    w->rank = rank;
    memcpy(w->sizes, sizes, (size_t)rank * sizeof *sizes);
    return OK;
}
cudnnStatus_t cudnnSetConvolutionNdDescriptor(cudnnConvolutionDescriptor_t c, int rank, const int *padding, const int *stride,
                                              const int *dilation, cudnnConvolutionMode_t mode, cudnnDataType_t type) {
    if (rank < 2 || rank > 3 || mode != APUS_CUDNN_CROSS_CORRELATION) double_violation("a convolution of another form than ours");
    c->rank = rank;
    c->type = type;
    for (int d = 0; d < rank; d++) {
        if (padding[d] < 0 || stride[d] < 1 || dilation[d] < 1)
            double_violation("padding %d, stride %d, dilation %d", padding[d], stride[d], dilation[d]);
        c->padding[d] = padding[d];
        c->stride[d] = stride[d];
        c->dilation[d] = dilation[d];
    }
    return OK;
}
cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t c, int groups) {
    c->groups = groups;
    return OK;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t c, cudnnMathType_t math) {
    c->math = math;
    return OK;
}

static int type_of(int type, number_type *out) {
    switch (type) {
    case APUS_CUDNN_FLOAT: *out = FLOAT32; return 1;
    case APUS_CUDNN_DOUBLE: *out = FLOAT64; return 1;
    case APUS_CUDNN_HALF: *out = FLOAT16; return 1;
    case APUS_CUDNN_BFLOAT16: *out = BFLOAT16; return 1;
    default: return 0;
    }
}

/// Checks that types and sizes match: y has the size that follows from x, w and c.
static void check(cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t y, cudnnConvolutionDescriptor_t c) {
    number_type type;
    if (x->type != w->type || x->type != y->type || !type_of(x->type, &type))
        double_violation("types %d, %d and %d", x->type, w->type, y->type);
    if ((c->type == APUS_CUDNN_DOUBLE) != (type == FLOAT64) || (type != FLOAT64 && c->type != APUS_CUDNN_FLOAT))
        double_violation("sums of type %d", c->type);
    int fits = x->rank == w->rank && x->rank == y->rank && c->rank == x->rank - 2 && x->sizes[0] == y->sizes[0] &&
               y->sizes[1] == w->sizes[0] && x->sizes[1] == w->sizes[1] * c->groups && w->sizes[0] % c->groups == 0;
    for (int d = 0; fits && d < c->rank; d++)
        fits = y->sizes[d + 2] == (x->sizes[d + 2] + 2 * c->padding[d] - c->dilation[d] * (w->sizes[d + 2] - 1) - 1) / c->stride[d] + 1;
    if (!fits) double_violation("sizes of a convolution that do not fit together");
}

static cudnnStatus_t offer(cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t y, cudnnConvolutionDescriptor_t c,
                           int wanted, int *found, cudnnConvolutionFwdAlgoPerf_t *results) {
    check(x, w, y, c);
    // It supports no convolutions with 7 output channels, so that the caller must compute them itself.
    if (w->sizes[0] == 7) return NOT_SUPPORTED;
    if (wanted < 3) double_violation("only %d algorithms are asked for", wanted);
    results[0] = (cudnnConvolutionFwdAlgoPerf_t){.algo = LOOSE, .determinism = 0, .mathType = c->math};
    results[1] =
        (cudnnConvolutionFwdAlgoPerf_t){.algo = BROKEN, .memory = 1 << 20, .determinism = APUS_CUDNN_DETERMINISTIC, .mathType = c->math};
    results[2] =
        (cudnnConvolutionFwdAlgoPerf_t){.algo = STRICT, .memory = WORKSPACE, .determinism = APUS_CUDNN_DETERMINISTIC, .mathType = c->math};
    *found = 3;
    return OK;
}
cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t h, cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w,
                                                     cudnnConvolutionDescriptor_t c, cudnnTensorDescriptor_t y, int wanted, int *found,
                                                     cudnnConvolutionFwdAlgoPerf_t *results) {
    (void)h;
    return offer(x, w, y, c, wanted, found, results);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t h, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t y,
                                                          cudnnConvolutionDescriptor_t c, cudnnTensorDescriptor_t x, int wanted, int *found,
                                                          cudnnConvolutionBwdDataAlgoPerf_t *results) {
    (void)h;
    return offer(x, w, y, c, wanted, found, results);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t h, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t y,
                                                            cudnnConvolutionDescriptor_t c, cudnnFilterDescriptor_t w, int wanted,
                                                            int *found, cudnnConvolutionBwdFilterAlgoPerf_t *results) {
    (void)h;
    return offer(x, w, y, c, wanted, found, results);
}

typedef enum { FORWARD, INPUT, WEIGHT } direction;
typedef struct {
    direction direction;
    struct cudnnTensorStruct x, y;
    struct cudnnFilterStruct w;
    struct cudnnConvolutionStruct c;
    CUdeviceptr x_at, w_at, y_at, space;
    size_t size;
} call;

static size_t count_of(const int *sizes, int rank) {
    size_t count = 1;
    for (int d = 0; d < rank; d++) count *= (size_t)sizes[d];
    return count;
}

/// Sums products of two of input, weight and output (or its gradient) into the third: the loops of all three directions.
static void convolve(void *context) {
    call *l = context;
    number_type type;
    type_of(l->x.type, &type);
    int rank = l->x.rank, last = l->c.rank - 1;
    size_t nx = count_of(l->x.sizes, rank), nw = count_of(l->w.sizes, rank), ny = count_of(l->y.sizes, rank);
    void *x = double_memory(l->x_at, nx * size_of(type), "a convolution's input"),
         *w = double_memory(l->w_at, nw * size_of(type), "a convolution's weight");
    void *y = double_memory(l->y_at, ny * size_of(type), "a convolution's output");
    if (l->size) memset(double_memory(l->space, l->size, "a convolution's workspace"), 0x5A, l->size);
    size_t count = l->direction == FORWARD ? ny : l->direction == INPUT ? nx : nw;
    double *sums = calloc(count, sizeof *sums);
    // Always three spatial dimensions; with two, the first has size 1.
    int xs[3] = {1, 1, 1}, ws[3] = {1, 1, 1}, ys[3] = {1, 1, 1}, padding[3] = {0}, stride[3] = {1, 1, 1}, dilation[3] = {1, 1, 1};
    for (int d = 0; d <= last; d++) {
        int at = 2 - last + d;
        xs[at] = l->x.sizes[d + 2];
        ws[at] = l->w.sizes[d + 2];
        ys[at] = l->y.sizes[d + 2];
        padding[at] = l->c.padding[d];
        stride[at] = l->c.stride[d];
        dilation[at] = l->c.dilation[d];
    }
    int channels = l->w.sizes[1], outputs = l->w.sizes[0], per_group = outputs / l->c.groups;
    for (int n = 0; n < l->x.sizes[0]; n++)
        for (int o = 0; o < outputs; o++)
            for (int i = 0; i < channels; i++)
                for (int a = 0; a < ys[0] * ys[1] * ys[2]; a++)
                    for (int b = 0; b < ws[0] * ws[1] * ws[2]; b++) {
                        int y_place[3] = {a / (ys[1] * ys[2]), a / ys[2] % ys[1], a % ys[2]},
                            w_place[3] = {b / (ws[1] * ws[2]), b / ws[2] % ws[1], b % ws[2]}, inside = 1;
                        size_t place = 0;
                        for (int d = 0; d < 3; d++) {
                            int at = y_place[d] * stride[d] - padding[d] + w_place[d] * dilation[d];
                            inside &= at >= 0 && at < xs[d];
                            place = place * (size_t)xs[d] + (size_t)at;
                        }
                        if (!inside) continue;
                        size_t ix = (size_t)(n * l->x.sizes[1] + o / per_group * channels + i) * (size_t)(xs[0] * xs[1] * xs[2]) + place;
                        size_t iw = (size_t)(o * channels + i) * (size_t)(ws[0] * ws[1] * ws[2]) + (size_t)b,
                               iy = (size_t)(n * outputs + o) * (size_t)(ys[0] * ys[1] * ys[2]) + (size_t)a;
                        if (l->direction == FORWARD) sums[iy] += read_number(x, ix, type) * read_number(w, iw, type);
                        else if (l->direction == INPUT) sums[ix] += read_number(y, iy, type) * read_number(w, iw, type);
                        else sums[iw] += read_number(x, ix, type) * read_number(y, iy, type);
                    }
    void *out = l->direction == FORWARD ? y : l->direction == INPUT ? x : w;
    for (size_t i = 0; i < count; i++) write_number(out, i, type, sums[i]);
    free(sums);
}

static cudnnStatus_t begin(direction direction, cudnnHandle_t h, const void *alpha, cudnnTensorDescriptor_t xd, const void *x,
                           cudnnFilterDescriptor_t wd, const void *w, cudnnTensorDescriptor_t yd, const void *y,
                           cudnnConvolutionDescriptor_t c, int algorithm, const void *space, size_t size, const void *beta) {
    check(xd, wd, yd, c);
    double one = xd->type == APUS_CUDNN_DOUBLE ? *(const double *)alpha : *(const float *)alpha,
           zero = xd->type == APUS_CUDNN_DOUBLE ? *(const double *)beta : *(const float *)beta;
    if (((uintptr_t)x | (uintptr_t)w | (uintptr_t)y) % 16) double_violation("a convolution of tensors that are not aligned");
    if (one != 1 || zero != 0) double_violation("a convolution of another form than ours");
    // This algorithm is offered but fails, as algorithms of the real library can.
    if (algorithm == BROKEN) return NOT_SUPPORTED;
    int is_loose = algorithm == LOOSE && double_setting("APUS_DOUBLE_UNORDERED", 0);
    if (!is_loose && (algorithm != STRICT || size != WORKSPACE)) double_violation("an algorithm that is not ours");
    call *l = malloc(sizeof *l);
    *l = (call){direction, *xd, *yd, *wd, *c, (CUdeviceptr)x, (CUdeviceptr)w, (CUdeviceptr)y, (CUdeviceptr)space, size};
    double_enqueue(convolve, l, h->stream, is_loose ? "unordered convolution" : "convolution");
    return OK;
}
cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t h, const void *alpha, cudnnTensorDescriptor_t xd, const void *x,
                                      cudnnFilterDescriptor_t wd, const void *w, cudnnConvolutionDescriptor_t c,
                                      cudnnConvolutionFwdAlgo_t algorithm, void *space, size_t size, const void *beta,
                                      cudnnTensorDescriptor_t yd, void *y) {
    return begin(FORWARD, h, alpha, xd, x, wd, w, yd, y, c, algorithm, space, size, beta);
}
cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t h, const void *alpha, cudnnFilterDescriptor_t wd, const void *w,
                                           cudnnTensorDescriptor_t yd, const void *y, cudnnConvolutionDescriptor_t c,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void *space, size_t size, const void *beta,
                                           cudnnTensorDescriptor_t xd, void *x) {
    return begin(INPUT, h, alpha, xd, x, wd, w, yd, y, c, algorithm, space, size, beta);
}
cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t h, const void *alpha, cudnnTensorDescriptor_t xd, const void *x,
                                             cudnnTensorDescriptor_t yd, const void *y, cudnnConvolutionDescriptor_t c,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void *space, size_t size, const void *beta,
                                             cudnnFilterDescriptor_t wd, void *w) {
    return begin(WEIGHT, h, alpha, xd, x, wd, w, yd, y, c, algorithm, space, size, beta);
}
