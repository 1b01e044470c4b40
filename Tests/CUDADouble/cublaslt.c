// The double of libcublasLt: checks descriptors and alignments, and multiplies with loops. Its one algorithm overwrites its workspace.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "double.h"
#include "numbers.h"

enum { OK = 0, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15, WORKSPACE = 4096, ALGORITHM = 0x41505553 };

struct cublasLtContext {
    int made;
};
struct cublasLtMatmulDescOpaque_t {
    int compute, factors, turns_a, turns_b, epilogue;
    uint64_t bias;
};
struct cublasLtMatrixLayoutOpaque_t {
    int type;
    uint64_t rows, columns;
    int64_t leading, stride;
    int32_t count;
};
struct cublasLtMatmulPreferenceOpaque_t {
    uint64_t workspace;
    uint32_t schemes, alignments[4];
};

size_t cublasLtGetVersion(void) { return 120900; }
cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) {
    if (!double_has_context()) double_violation("cublasLtCreate without a context");
    *handle = calloc(1, sizeof **handle);
    return OK;
}
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *product, cublasComputeType_t compute, cudaDataType_t factors) {
    *product = calloc(1, sizeof **product);
    (*product)->compute = compute;
    (*product)->factors = factors;
    return OK;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t product) {
    free(product);
    return OK;
}

/// Copies an attribute, which must have `size` bytes.
static void take(void *to, size_t size, const void *from, size_t given, const char *what) {
    if (given != size) double_violation("%s has %zu bytes instead of %zu", what, given, size);
    memcpy(to, from, size);
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t product, cublasLtMatmulDescAttributes_t what, const void *from,
                                              size_t size) {
    if (what == APUS_CUBLASLT_DESC_TRANSA) take(&product->turns_a, 4, from, size, "TRANSA");
    else if (what == APUS_CUBLASLT_DESC_TRANSB) take(&product->turns_b, 4, from, size, "TRANSB");
    else if (what == APUS_CUBLASLT_DESC_EPILOGUE) take(&product->epilogue, 4, from, size, "EPILOGUE");
    else if (what == APUS_CUBLASLT_DESC_BIAS_POINTER) take(&product->bias, 8, from, size, "BIAS_POINTER");
    else double_violation("attribute %d of a product", what);
    return OK;
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType_t type, uint64_t rows, uint64_t columns,
                                          int64_t leading) {
    if (leading < (int64_t)rows || rows == 0 || columns == 0)
        double_violation("a matrix of %lu rows and %lu columns with a leading dimension of %ld", rows, columns, leading);
    *layout = malloc(sizeof **layout);
    **layout = (struct cublasLtMatrixLayoutOpaque_t){type, rows, columns, leading, 0, 1};
    return OK;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
    free(layout);
    return OK;
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t what, const void *from,
                                                size_t size) {
    if (what == APUS_CUBLASLT_LAYOUT_BATCH_COUNT) take(&layout->count, 4, from, size, "BATCH_COUNT");
    else if (what == APUS_CUBLASLT_LAYOUT_BATCH_STRIDE) take(&layout->stride, 8, from, size, "STRIDED_BATCH_OFFSET");
    else double_violation("attribute %d of a layout", what);
    return OK;
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference) {
    *preference = calloc(1, sizeof **preference);
    return OK;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
    free(preference);
    return OK;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t what,
                                                    const void *from, size_t size) {
    if (what == APUS_CUBLASLT_PREF_MAX_WORKSPACE) take(&preference->workspace, 8, from, size, "MAX_WORKSPACE_BYTES");
    else if (what == APUS_CUBLASLT_PREF_REDUCTION_SCHEMES) take(&preference->schemes, 4, from, size, "REDUCTION_SCHEME_MASK");
    else if (what >= APUS_CUBLASLT_PREF_ALIGNMENT_A && what <= APUS_CUBLASLT_PREF_ALIGNMENT_D)
        take(&preference->alignments[what - APUS_CUBLASLT_PREF_ALIGNMENT_A], 4, from, size, "MIN_ALIGNMENT");
    else double_violation("preference %d", what);
    return OK;
}

static int type_of(int type, number_type *out) {
    switch (type) {
    case APUS_CUDA_R_32F: *out = FLOAT32; return 1;
    case APUS_CUDA_R_64F: *out = FLOAT64; return 1;
    case APUS_CUDA_R_16F: *out = FLOAT16; return 1;
    case APUS_CUDA_R_16BF: *out = BFLOAT16; return 1;
    default: return 0;
    }
}

typedef struct {
    struct cublasLtMatmulDescOpaque_t product;
    struct cublasLtMatrixLayoutOpaque_t a, b, c;
    CUdeviceptr a_at, b_at, c_at, space;
    size_t size;
    number_type type;
} call;

/// The number of bytes from the beginning of a batch of matrices to its end.
static size_t span(const struct cublasLtMatrixLayoutOpaque_t *x, number_type type) {
    return ((size_t)(x->count - 1) * (size_t)x->stride + (size_t)(x->columns - 1) * (size_t)x->leading + x->rows) * size_of(type);
}

static void multiply(void *context) {
    call *l = context;
    size_t m = l->c.rows, n = l->c.columns, k = l->product.turns_a ? l->a.rows : l->a.columns;
    const char *a = double_memory(l->a_at, span(&l->a, l->type), "a product's first matrix"),
               *b = double_memory(l->b_at, span(&l->b, l->type), "a product's second matrix");
    char *c = double_memory(l->c_at, span(&l->c, l->type), "a product's result");
    const void *bias = l->product.epilogue == APUS_CUBLASLT_EPILOGUE_BIAS
                           ? double_memory(l->product.bias, m * size_of(l->type), "a product's bias")
                           : NULL;
    memset(double_memory(l->space, l->size, "a product's workspace"), 0x5A, l->size);
    double *column = malloc(k * sizeof *column), *matrix = malloc(m * k * sizeof *matrix);
    for (int32_t z = 0; z < l->c.count; z++) {
        size_t a0 = (size_t)z * (size_t)l->a.stride, b0 = (size_t)z * (size_t)l->b.stride, c0 = (size_t)z * (size_t)l->c.stride;
        for (size_t i = 0; i < m; i++)
            for (size_t p = 0; p < k; p++)
                matrix[i * k + p] =
                    read_number(a, a0 + (l->product.turns_a ? p + i * (size_t)l->a.leading : i + p * (size_t)l->a.leading), l->type);
        for (size_t j = 0; j < n; j++) {
            for (size_t p = 0; p < k; p++)
                column[p] =
                    read_number(b, b0 + (l->product.turns_b ? j + p * (size_t)l->b.leading : p + j * (size_t)l->b.leading), l->type);
            for (size_t i = 0; i < m; i++) {
                double sum = bias ? read_number(bias, i, l->type) : 0;
                for (size_t p = 0; p < k; p++) sum += matrix[i * k + p] * column[p];
                write_number(c, c0 + i + j * (size_t)l->c.leading, l->type, sum);
            }
        }
    }
    free(column);
    free(matrix);
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t product, cublasLtMatrixLayout_t a,
                                              cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int wanted, cublasLtMatmulHeuristicResult_t *results,
                                              int *found) {
    number_type type;
    if (!handle || c != d || wanted < 1) double_violation("a heuristic of another form than ours");
    if (a->type != c->type || b->type != c->type || !type_of(c->type, &type))
        double_violation("types %d, %d and %d", a->type, b->type, c->type);
    int is_double = type == FLOAT64;
    if ((product->factors == APUS_CUDA_R_64F) != is_double || (product->compute == APUS_CUBLAS_COMPUTE_64F) != is_double)
        double_violation("sums of another type than the product's");
    uint64_t m = product->turns_a ? a->columns : a->rows, ka = product->turns_a ? a->rows : a->columns;
    uint64_t n = product->turns_b ? b->rows : b->columns, kb = product->turns_b ? b->columns : b->rows;
    if (m != c->rows || n != c->columns || ka != kb)
        double_violation("a product of %lu × %lu and %lu × %lu as %lu × %lu", m, ka, kb, n, c->rows, c->columns);
    if (a->count != c->count || b->count != c->count) double_violation("batches of different lengths");
    if ((preference->schemes & 1 && !double_setting("APUS_DOUBLE_UNORDERED", 0)) || (size_of(type) == 2 && preference->schemes & 4))
        double_violation("a scheme whose sums have no order, or are rounded twice");
    if (product->epilogue && (!product->bias || product->bias % 16)) double_violation("a bias at %lx", product->bias);
    for (int i = 0; i < 4; i++)
        if (preference->alignments[i] < size_of(type)) double_violation("an alignment of %u bytes", preference->alignments[i]);
    // It supports no products of 13 rows, so that the caller must compute them itself.
    if (m == 13 || preference->workspace < WORKSPACE) {
        *found = 0;
        return NOT_SUPPORTED;
    }
    *results = (cublasLtMatmulHeuristicResult_t){.workspaceSize = WORKSPACE, .state = OK};
    results->algo.data[0] = ALGORITHM;
    memcpy(&results->algo.data[1], preference->alignments, sizeof preference->alignments);
    *found = 1;
    return OK;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t product, const void *alpha, const void *a,
                              cublasLtMatrixLayout_t a_layout, const void *b, cublasLtMatrixLayout_t b_layout, const void *beta,
                              const void *c, cublasLtMatrixLayout_t c_layout, void *d, cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t *algorithm, void *space, size_t size, CUstream stream) {
    call *l = malloc(sizeof *l);
    number_type type;
    type_of(c_layout->type, &type);
    *l = (call){*product, *a_layout, *b_layout, *c_layout, (CUdeviceptr)a, (CUdeviceptr)b, (CUdeviceptr)d, (CUdeviceptr)space, size, type};
    double one = type == FLOAT64 ? *(const double *)alpha : *(const float *)alpha,
           zero = type == FLOAT64 ? *(const double *)beta : *(const float *)beta;
    if (!handle || one != 1 || zero != 0 || c != d || c_layout != d_layout || size != WORKSPACE || algorithm->data[0] != ALGORITHM)
        double_violation("a product of another form than ours");
    if (product->epilogue && product->bias % 16) double_violation("a bias at %lx", product->bias);
    // Products of 11 rows are offered but fail, as algorithms of the real library can.
    if (c_layout->rows == 11) {
        free(l);
        return EXECUTION_FAILED;
    }
    uint32_t alignments[4];
    memcpy(alignments, &algorithm->data[1], sizeof alignments);
    const void *places[] = {a, b, c, d};
    for (int i = 0; i < 4; i++)
        if ((uintptr_t)places[i] % alignments[i])
            double_violation("matrix %d at %p is not aligned to %u bytes, as was said", i, places[i], alignments[i]);
    double_memory(l->a_at, span(&l->a, l->type), "a product's first matrix");
    double_memory(l->b_at, span(&l->b, l->type), "a product's second matrix");
    double_memory(l->c_at, span(&l->c, l->type), "a product's result");
    double_enqueue(multiply, l, stream, "product");
    return OK;
}
