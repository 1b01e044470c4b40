#include "copy.h"
#include "core.h"

// MARK: Conversions of contiguous memory

// The C type of each dtype, and the conversions to and from numbers.
#define SAME(x) (x)
#define FROM_HALF(x) ((float)(x))
#define TO_HALF(x) ((apus_half)(float)(x))
#define TO_BFLOAT(x) float_to_bfloat((float)(x))
#define TO_BOOL(x) ((apus_bool)((x) != 0))
#define FROM_BOOL(x) ((uint8_t)((x) != 0))
// In C, converting a float out of the integer's range is undefined; here it becomes the nearest integer of the type, and NaN becomes 0
// (like `Scalar.integer(in:)`). Integers that do not fit keep their low bits.
#define TO_INT(T, NAME, x) _Generic((x), float : float_to_##NAME((double)(x)), double : float_to_##NAME((double)(x)), default : (T)(x))

APUS_INLINE int64_t float_to_int64(double x) { return x != x ? 0 : x >= 0x1p63 ? INT64_MAX : x < -0x1p63 ? INT64_MIN : (int64_t)x; }
#define FLOAT_TO(T, NAME, LOW, HIGH)                                                                                                       \
    APUS_INLINE T float_to_##NAME(double x) {                                                                                              \
        double c = x < LOW ? LOW : x > HIGH ? HIGH : x;                                                                                    \
        return c != c ? 0 : (T)(int32_t)c;                                                                                                 \
    }
FLOAT_TO(uint8_t, uint8, 0.0, 255.0)
FLOAT_TO(int8_t, int8, -128.0, 127.0)
FLOAT_TO(int16_t, int16, -32768.0, 32767.0)
FLOAT_TO(int32_t, int32, -2147483648.0, 2147483647.0)

#define CONVERT(IN, NAME_IN, READ, OUT, NAME_OUT, WRITE)                                                                                   \
    APUS_CLONES static void NAME_IN##_to_##NAME_OUT(int64_t n, const void *in, void *out) {                                                \
        const IN *restrict x = in;                                                                                                         \
        OUT *restrict y = out;                                                                                                             \
        for (int64_t i = 0; i < n; i++) y[i] = WRITE(READ(x[i]));                                                                          \
    }

#define TO_U8(x) TO_INT(uint8_t, uint8, x)
#define TO_I8(x) TO_INT(int8_t, int8, x)
#define TO_I16(x) TO_INT(int16_t, int16, x)
#define TO_I32(x) TO_INT(int32_t, int32, x)
#define TO_I64(x) TO_INT(int64_t, int64, x)
#define TO_F32(x) ((float)(x))
#define TO_F64(x) ((double)(x))

#define CONVERT_ALL(IN, NAME, READ)                                                                                                        \
    CONVERT(IN, NAME, READ, apus_bool, boolean, TO_BOOL)                                                                                   \
    CONVERT(IN, NAME, READ, uint8_t, uint8, TO_U8)                                                                                         \
    CONVERT(IN, NAME, READ, int8_t, int8, TO_I8)                                                                                           \
    CONVERT(IN, NAME, READ, int16_t, int16, TO_I16)                                                                                        \
    CONVERT(IN, NAME, READ, int32_t, int32, TO_I32)                                                                                        \
    CONVERT(IN, NAME, READ, int64_t, int64, TO_I64)                                                                                        \
    CONVERT(IN, NAME, READ, apus_half, float16, TO_HALF)                                                                                   \
    CONVERT(IN, NAME, READ, apus_bfloat, bfloat16, TO_BFLOAT)                                                                              \
    CONVERT(IN, NAME, READ, float, float32, TO_F32)                                                                                        \
    CONVERT(IN, NAME, READ, double, float64, TO_F64)

CONVERT_ALL(apus_bool, boolean, FROM_BOOL)
CONVERT_ALL(uint8_t, uint8, SAME)
CONVERT_ALL(int8_t, int8, SAME)
CONVERT_ALL(int16_t, int16, SAME)
CONVERT_ALL(int32_t, int32, SAME)
CONVERT_ALL(int64_t, int64, SAME)
CONVERT_ALL(apus_half, float16, FROM_HALF)
CONVERT_ALL(apus_bfloat, bfloat16, bfloat_to_float)
CONVERT_ALL(float, float32, SAME)
CONVERT_ALL(double, float64, SAME)

typedef void converter(int64_t n, const void *in, void *out);
#define ROW(NAME)                                                                                                                          \
    {                                                                                                                                      \
        NAME##_to_boolean, NAME##_to_uint8, NAME##_to_int8, NAME##_to_int16, NAME##_to_int32, NAME##_to_int64, NAME##_to_float16,          \
            NAME##_to_bfloat16, NAME##_to_float32, NAME##_to_float64                                                                       \
    }
static converter *const converters[10][10] = {ROW(boolean), ROW(uint8),   ROW(int8),     ROW(int16),   ROW(int32),
                                              ROW(int64),   ROW(float16), ROW(bfloat16), ROW(float32), ROW(float64)};

void apus_halves_to_float(int dtype, int64_t n, float *out, const void *in) { converters[dtype][APUS_FLOAT32](n, in, out); }
void apus_float_to_halves(int dtype, int64_t n, void *out, const float *in) { converters[APUS_FLOAT32][dtype](n, in, out); }

typedef struct {
    converter *convert;
    const char *in;
    char *out;
    int in_size, out_size;
} flat;

static void flat_body(void *context, int64_t begin, int64_t end) {
    const flat *f = context;
    const char *in = f->in + begin * f->in_size;
    char *out = f->out + begin * f->out_size;
    if (f->convert) f->convert(end - begin, in, out);
    else memcpy(out, in, (size_t)((end - begin) * f->in_size));
}

void apus_copy_flat(int in_dtype, int out_dtype, int64_t n, const void *in, void *out) {
    if (n == 0 || (in == out && in_dtype == out_dtype)) return;
    flat f = {in_dtype == out_dtype ? NULL : converters[in_dtype][out_dtype], in, out, apus_size[in_dtype], apus_size[out_dtype]};
    apus_parallel_for(n, 2 * APUS_GRAIN, flat_body, &f);
}

// MARK: Any layout

typedef struct {
    apus_view in, out;
    converter *convert; // NULL: same dtype
} strided;

static void strided_body(void *context, int64_t begin, int64_t end) {
    const strided *s = context;
    apus_cursor in, out;
    apus_seek(&in, &s->in, begin);
    apus_seek(&out, &s->out, begin);
    uint64_t taken[APUS_BLOCK], made[APUS_BLOCK];
    bool direct = view_is_contiguous(&s->out);
    while (begin < end) {
        int64_t n = end - begin < APUS_BLOCK ? end - begin : APUS_BLOCK;
        void *to = direct ? s->out.data + begin * s->out.size : (char *)made;
        if (s->convert) {
            apus_gather(&in, n, taken);
            s->convert(n, (void *)taken, to);
        } else {
            apus_gather(&in, n, to);
        }
        if (!direct) apus_scatter(&out, n, to);
        begin += n;
    }
}

// Transposition of two operands of one dtype that are contiguous along different dimensions: loops over these two dimensions in tiles that
// fit into the cache, with the other dimensions outside.
typedef struct {
    char *in, *out;
    int size, outer_rank;
    int64_t outer_extent[APUS_MAX_RANK], outer_in[APUS_MAX_RANK], outer_out[APUS_MAX_RANK];
    int64_t rows, columns;      // out is contiguous along columns, in along rows
    int64_t in_column, out_row; // bytes from one column to the next in `in`, from one row to the next in `out`
    int64_t tiles_down, tiles_across;
} transposition;

#define TILE 32

#define TRANSPOSE_TILE(NAME, T)                                                                                                            \
    APUS_CLONES static void NAME(const char *in, int64_t in_column, char *out, int64_t out_row, int64_t rows, int64_t columns) {           \
        if (rows == TILE && columns == TILE) {                                                                                             \
            T tile[TILE][TILE];                                                                                                            \
            for (int c = 0; c < TILE; c++) {                                                                                               \
                const T *restrict from = (const T *)(in + c * in_column);                                                                  \
                for (int r = 0; r < TILE; r++) tile[r][c] = from[r];                                                                       \
            }                                                                                                                              \
            for (int r = 0; r < TILE; r++) memcpy(out + r * out_row, tile[r], sizeof tile[r]);                                             \
            return;                                                                                                                        \
        }                                                                                                                                  \
        for (int64_t r = 0; r < rows; r++) {                                                                                               \
            T *restrict to = (T *)(out + r * out_row);                                                                                     \
            for (int64_t c = 0; c < columns; c++) to[c] = *(const T *)(in + c * in_column + r * (int64_t)sizeof(T));                       \
        }                                                                                                                                  \
    }
TRANSPOSE_TILE(transpose_8, uint8_t)
TRANSPOSE_TILE(transpose_16, uint16_t)
TRANSPOSE_TILE(transpose_32, uint32_t)
TRANSPOSE_TILE(transpose_64, uint64_t)

static void transpose_body(void *context, int64_t begin, int64_t end) {
    const transposition *t = context;
    for (int64_t i = begin; i < end; i++) {
        int64_t down = i % t->tiles_down, rest = i / t->tiles_down; // along in's contiguous dimension, which the processor prefetches
        int64_t across = rest % t->tiles_across, outer = rest / t->tiles_across;
        const char *in = t->in;
        char *out = t->out;
        for (int d = t->outer_rank - 1; d >= 0; d--) {
            int64_t c = outer % t->outer_extent[d];
            outer /= t->outer_extent[d];
            in += c * t->outer_in[d];
            out += c * t->outer_out[d];
        }
        int64_t r = down * TILE, c = across * TILE;
        int64_t rows = t->rows - r < TILE ? t->rows - r : TILE, columns = t->columns - c < TILE ? t->columns - c : TILE;
        in += r * t->size + c * t->in_column;
        out += r * t->out_row + c * t->size;
        switch (t->size) {
        case 1: transpose_8(in, t->in_column, out, t->out_row, rows, columns); break;
        case 2: transpose_16(in, t->in_column, out, t->out_row, rows, columns); break;
        case 4: transpose_32(in, t->in_column, out, t->out_row, rows, columns); break;
        default: transpose_64(in, t->in_column, out, t->out_row, rows, columns); break;
        }
    }
}

/// The dimensions of both, merged where both are contiguous across them; returns their number.
static int joint_dimensions(const apus_tensor *in, const apus_tensor *out, int64_t *extent, int64_t *a, int64_t *b) {
    int rank = 0, size = apus_size[in->dtype];
    for (int d = 0; d < in->rank; d++) {
        int64_t e = in->shape[d], sa = in->strides[d] * size, sb = out->strides[d] * size;
        if (e == 1) continue;
        if (rank > 0 && a[rank - 1] == sa * e && b[rank - 1] == sb * e) {
            extent[rank - 1] *= e;
            a[rank - 1] = sa;
            b[rank - 1] = sb;
        } else if (rank < APUS_MAX_RANK) {
            extent[rank] = e;
            a[rank] = sa;
            b[rank] = sb;
            rank++;
        }
    }
    return rank;
}

static bool transpose(const apus_tensor *in, const apus_tensor *out) {
    int64_t extent[APUS_MAX_RANK], a[APUS_MAX_RANK], b[APUS_MAX_RANK];
    int rank = joint_dimensions(in, out, extent, a, b);
    int size = apus_size[in->dtype], row = -1, column = -1;
    for (int d = 0; d < rank; d++) {
        if (a[d] == size) row = d;
        if (b[d] == size) column = d;
    }
    if (row < 0 || column < 0 || row == column || extent[row] < 4 || extent[column] < 4) return false;
    transposition t = {.in = in->data,
                       .out = out->data,
                       .size = size,
                       .rows = extent[row],
                       .columns = extent[column],
                       .in_column = a[column],
                       .out_row = b[row]};
    int64_t outer = 1;
    for (int d = 0; d < rank; d++) {
        if (d == row || d == column) continue;
        t.outer_extent[t.outer_rank] = extent[d];
        t.outer_in[t.outer_rank] = a[d];
        t.outer_out[t.outer_rank++] = b[d];
        outer *= extent[d];
    }
    t.tiles_down = (t.rows + TILE - 1) / TILE;
    t.tiles_across = (t.columns + TILE - 1) / TILE;
    apus_parallel_for(outer * t.tiles_down * t.tiles_across, APUS_GRAIN / (TILE * TILE), transpose_body, &t);
    return true;
}

void apus_copy(const apus_tensor *in, const apus_tensor *out) {
    strided s;
    apus_collapse(out, &s.out);
    if (s.out.count == 0) return;
    apus_collapse(in, &s.in);
    if (view_is_contiguous(&s.in) && view_is_contiguous(&s.out)) {
        apus_copy_flat(in->dtype, out->dtype, s.out.count, s.in.data, s.out.data);
        return;
    }
    if (in->dtype == out->dtype && transpose(in, out)) return;
    s.convert = in->dtype == out->dtype ? NULL : converters[in->dtype][out->dtype];
    apus_parallel_for(s.out.count, APUS_GRAIN, strided_body, &s);
}

// MARK: Fill

typedef struct {
    apus_view out;
    uint64_t block[APUS_BLOCK];
} filling;

static void fill_body(void *context, int64_t begin, int64_t end) {
    const filling *f = context;
    apus_cursor out;
    bool direct = view_is_contiguous(&f->out);
    if (!direct) apus_seek(&out, &f->out, begin);
    while (begin < end) {
        int64_t n = end - begin < APUS_BLOCK ? end - begin : APUS_BLOCK;
        if (direct) memcpy(f->out.data + begin * f->out.size, f->block, (size_t)(n * f->out.size));
        else apus_scatter(&out, n, f->block);
        begin += n;
    }
}

void apus_fill(const apus_tensor *out, const void *value) {
    filling f;
    apus_collapse(out, &f.out);
    if (f.out.count == 0) return;
    int64_t used = f.out.count < APUS_BLOCK ? f.out.count : APUS_BLOCK;
    for (int64_t i = 0; i < used; i++) memcpy((char *)f.block + i * f.out.size, value, (size_t)f.out.size);
    apus_parallel_for(f.out.count, 2 * APUS_GRAIN, fill_body, &f);
}
