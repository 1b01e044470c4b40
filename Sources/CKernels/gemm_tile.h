// The inner kernels of the matrix product for one instruction set and one type. Included by gemm_type.h with
//   REAL   float or double             NAME(x)  x with the suffix of type and instruction set
//   BYTES  of a vector register        MR       rows of a tile (2 registers wide: 2·MR sums must fit into the registers)
//   TARGET the function attribute that enables the instructions
//
// A tile is up to MR rows × 2 registers of c, held in registers while k runs. Rows of `a` are read in place or packed (MR neighbours side
// by side). Rows of `b` must be contiguous, in place or packed.

#define LANES (BYTES / (int)sizeof(REAL))
typedef REAL NAME(vec) __attribute__((vector_size(BYTES)));
typedef REAL NAME(loose) __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));

// `rows`, `wide` and `packed` are constants, so that everything below unrolls.
__attribute__((always_inline)) TARGET static inline void NAME(body)(const int rows, const int wide, const int packed, int64_t k,
                                                                    const REAL *a, int64_t a_row, int64_t a_column, const REAL *b,
                                                                    int64_t b_row, const TYPED(tile_out) * o) {
    NAME(vec) sum[MR][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int v = 0; v < wide; v++) sum[i][v] = (NAME(vec)){0};
    if (packed) a_row = 1, a_column = MR;
#define STEP                                                                                                                               \
    {                                                                                                                                      \
        NAME(vec) x[2];                                                                                                                    \
        _Pragma("clang loop unroll(full)") for (int v = 0; v < wide; v++) x[v] = *(const NAME(loose) *)(b + v * LANES);                    \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {                                                                \
            NAME(vec) y = a[i * a_row] - (NAME(vec)){0};                                                                                   \
            _Pragma("clang loop unroll(full)") for (int v = 0; v < wide; v++) sum[i][v] += y * x[v];                                       \
        }                                                                                                                                  \
        a += a_column;                                                                                                                     \
        b += b_row;                                                                                                                        \
    }
    int64_t p = 0;
    // Only the full tile is unrolled by 4; for edges it is not worth the compile time.
    if (rows == MR && wide == 2)
        for (; p + 4 <= k; p += 4) {
            STEP STEP STEP STEP
        }
    for (; p < k; p++)
        STEP
#undef STEP
            if (o->c_column == 1 && o->columns == wide * LANES && o->rows == rows) {
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
                for (int v = 0; v < wide; v++) {
                    REAL *to = o->c + i * o->c_row + v * LANES;
                    NAME(vec) r = sum[i][v];
                    if (o->bias) r += o->bias_column ? *(const NAME(loose) *)(o->bias + v * LANES) : o->bias[i] - (NAME(vec)){0};
                    if (o->accumulate) r += *(NAME(loose) *)to;
                    *(NAME(loose) *)to = r;
                }
            }
            return;
        }
    REAL edge[MR * 2 * LANES];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int v = 0; v < wide; v++) *(NAME(loose) *)(edge + (i * 2 + v) * LANES) = sum[i][v];
    TYPED(store_edge)(edge, 2 * LANES, o);
}

// Rows in place need a case for each count; packed rows are zero-padded to MR.
#define CASE(r)                                                                                                                            \
    case r:                                                                                                                                \
        if (wide == 2) NAME(body)(r, 2, 0, k, a, a_row, a_column, b, b_row, o);                                                            \
        else NAME(body)(r, 1, 0, k, a, a_row, a_column, b, b_row, o);                                                                      \
        break;

TARGET static void NAME(tile)(int wide, int packed, int64_t k, const REAL *a, int64_t a_row, int64_t a_column, const REAL *b, int64_t b_row,
                              const TYPED(tile_out) * o) {
    if (packed) {
        if (wide == 2) NAME(body)(MR, 2, 1, k, a, 0, 0, b, b_row, o);
        else NAME(body)(MR, 1, 1, k, a, 0, 0, b, b_row, o);
        return;
    }
    switch (o->rows) {
        // clang-format off
        CASE(1) CASE(2) CASE(3) CASE(4)
#if MR >= 6
        CASE(5) CASE(6)
#endif
#if MR >= 12
        CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
        // clang-format on
#endif
    }
}

// Dot products of up to 2 rows of x with 4 rows of y, both contiguous along K; `out[i][j]`.
__attribute__((always_inline)) TARGET static inline void NAME(dots_body)(const int rows, int64_t k, const REAL *x, int64_t x_row,
                                                                         const REAL *y, int64_t y_row, int count, REAL out[2][4]) {
    NAME(vec) sum[2][4] = {0};
    const REAL *at[4];
    for (int j = 0; j < 4; j++) at[j] = y + (j < count ? j : 0) * y_row;
    int64_t p = 0;
    for (; p + LANES <= k; p += LANES) {
#pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++) {
            NAME(vec) w = *(const NAME(loose) *)(at[j] + p);
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++) sum[i][j] += w * *(const NAME(loose) *)(x + i * x_row + p);
        }
    }
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < 4; j++) {
            REAL total = 0;
            for (int l = 0; l < LANES; l++) total += sum[i][j][l];
            for (int64_t q = p; q < k; q++) total += x[i * x_row + q] * at[j][q];
            out[i][j] = total;
        }
    }
}

TARGET static void NAME(dots)(int rows, int64_t k, const REAL *x, int64_t x_row, const REAL *y, int64_t y_row, int count, REAL out[2][4]) {
    if (rows == 2) NAME(dots_body)(2, k, x, x_row, y, y_row, count, out);
    else NAME(dots_body)(1, k, x, x_row, y, y_row, count, out);
}

// `y += Σ x[p]·b[p]` over up to 4 rows of b; for products that are not contiguous along K.
TARGET static void NAME(combine)(int64_t n, int count, const REAL *x, int64_t x_step, const REAL *b, int64_t b_row, REAL *y) {
    if (count == 4) {
        REAL x0 = x[0], x1 = x[x_step], x2 = x[2 * x_step], x3 = x[3 * x_step];
        const REAL *b1 = b + b_row, *b2 = b1 + b_row, *b3 = b2 + b_row;
#pragma clang loop vectorize(enable)
        for (int64_t j = 0; j < n; j++) {
            REAL r = y[j];
            r += x0 * b[j];
            r += x1 * b1[j];
            r += x2 * b2[j];
            r += x3 * b3[j];
            y[j] = r;
        }
        return;
    }
    for (int p = 0; p < count; p++) {
        REAL x0 = x[p * x_step];
#pragma clang loop vectorize(enable)
        for (int64_t j = 0; j < n; j++) y[j] += x0 * b[p * b_row + j];
    }
}

// Transposes 4 × 4: `to[q·width + i] = from[i·row + q]`.
typedef REAL NAME(four) __attribute__((vector_size(4 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
__attribute__((always_inline)) TARGET static inline void NAME(transpose)(const REAL *from, int64_t row, REAL *to, int64_t width) {
    NAME(four) r0 = *(const NAME(four) *)from, r1 = *(const NAME(four) *)(from + row);
    NAME(four) r2 = *(const NAME(four) *)(from + 2 * row), r3 = *(const NAME(four) *)(from + 3 * row);
    NAME(four) low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5), low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
    NAME(four) high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7), high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
    *(NAME(four) *)to = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
    *(NAME(four) *)(to + width) = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
    *(NAME(four) *)(to + 2 * width) = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
    *(NAME(four) *)(to + 3 * width) = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
}

// Packs one panel: `to[p·width + i] = from[i·row + p·column]`, 0 for i ≥ `have`. `width` is constant, so that the copies unroll.
__attribute__((always_inline)) TARGET static inline void NAME(pack_panel)(int have, const int width, int64_t k, const REAL *from,
                                                                          int64_t row, int64_t column, REAL *to) {
    int64_t p = 0;
    if (row == 1 && have == width) {
        for (; p < k; p++) memcpy(to + p * width, from + p * column, sizeof(REAL) * (size_t)width);
        return;
    }
    if (have == width && column == 1) {
        // 8 steps at a time use each row's cache line while it is loaded.
        for (; p + 8 <= k; p += 8) {
            int i = 0;
            for (; i + 4 <= width; i += 4) {
                NAME(transpose)(from + i * row + p, row, to + p * width + i, width);
                NAME(transpose)(from + i * row + p + 4, row, to + (p + 4) * width + i, width);
            }
            for (; i < width; i++) {
                for (int q = 0; q < 8; q++) to[(p + q) * width + i] = from[i * row + p + q];
            }
        }
    }
    for (; p < k; p++) {
        for (int i = 0; i < have; i++) to[p * width + i] = from[i * row + p * column];
        for (int i = have; i < width; i++) to[p * width + i] = 0;
    }
}

// Packs `count` rows (or columns) into consecutive panels of `width`, each k long, which tiles read sequentially.
TARGET static void NAME(pack)(int64_t count, int width, int64_t k, const REAL *from, int64_t row, int64_t column, REAL *to) {
    // If `row` is 1, packs a few steps of all panels at a time. One panel alone would touch another page, and often the same cache set, in
    // each step, and reload the rest of the cache line later.
    int64_t steps = row == 1 ? 8 : k;
    for (int64_t p = 0; p < k; p += steps) {
        int64_t depth = k - p < steps ? k - p : steps;
        for (int64_t i = 0; i < count; i += width) {
            int have = (int)(count - i < width ? count - i : width);
            const REAL *at = from + i * row + p * column;
            if (width == MR) NAME(pack_panel)(have, MR, depth, at, row, column, to + i * k + p * MR);
            else NAME(pack_panel)(have, 2 * LANES, depth, at, row, column, to + i * k + p * 2 * LANES);
        }
    }
}

static const TYPED(kernels) NAME(table) = {MR, 2 * LANES, NAME(tile), NAME(dots), NAME(combine), NAME(pack)};

#undef CASE
#undef LANES
#undef NAME
#undef MR
#undef BYTES
#undef TARGET
