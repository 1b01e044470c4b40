#if FLOATS
#define MULTIPLY_ADD(a, b, c) fma(a, b, c)
#else
#define MULTIPLY_ADD(a, b, c) ADD(MULTIPLY(a, b), c)
#endif
// c = a * b (+ bias on each row) for a batch with two dimensions; operands may have any strides. A group computes a tile of 64 by 64
// elements, an item 4 by 4 of them that lie 16 apart. Local memory holds 16 columns of a and 16 rows of b at a time.
KERNEL void product(i64 batch, i64 inner, i64 m, i64 n, i64 k,
                    GLOBAL const S *a, i64 oa, i64 a_outer, i64 a_inner, i64 a_row, i64 a_column,
                    GLOBAL const S *b, i64 ob, i64 b_outer, i64 b_inner, i64 b_row, i64 b_column,
                    GLOBAL S *c, i64 oc, i64 c_outer, i64 c_inner, i64 c_row, i64 c_column,
                    GLOBAL const S *bias, i64 obias, i64 bias_step, i64 has_bias) {
    LOCAL A left[16][65];
    LOCAL A right[16][65];
    i64 rows = (m + 63) / 64, columns = (n + 63) / 64;
    int x = LOCAL_ID % 16, y = LOCAL_ID / 16;
    for (i64 tile = GROUP_ID; tile < batch * rows * columns; tile += GROUP_COUNT) {
        i64 z = tile / (rows * columns), row = tile / columns % rows * 64, column = tile % columns * 64;
        i64 pa = oa + z / inner * a_outer + z % inner * a_inner, pb = ob + z / inner * b_outer + z % inner * b_inner;
        A sum[4][4];
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) sum[i][j] = 0;
        for (i64 from = 0; from < k; from += 16) {
            // Neighbouring items read neighbouring elements, along whichever dimension is contiguous.
            for (int e = LOCAL_ID; e < 1024; e += GROUP) {
                int r = a_row == 1 ? e % 64 : e / 16, q = a_row == 1 ? e / 64 : e % 16;
                left[q][r] = row + r < m && from + q < k ? READ(a, pa + (row + r) * a_row + (from + q) * a_column) : (A)0;
                r = b_row == 1 ? e / 16 : e % 64;
                q = b_row == 1 ? e % 16 : e / 64;
                right[q][r] = column + r < n && from + q < k ? READ(b, pb + (from + q) * b_row + (column + r) * b_column) : (A)0;
            }
            BARRIER;
            for (int q = 0; q < 16; q++)
                for (int i = 0; i < 4; i++) {
                    A value = left[q][y + 16 * i];
                    for (int j = 0; j < 4; j++) sum[i][j] = MULTIPLY_ADD(value, right[q][x + 16 * j], sum[i][j]);
                }
            BARRIER;
        }
        i64 pc = oc + z / inner * c_outer + z % inner * c_inner;
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) {
                i64 r = row + y + 16 * i, q = column + x + 16 * j;
                if (r < m && q < n) WRITE(c, pc + r * c_row + q * c_column, has_bias ? sum[i][j] + READ(bias, obias + q * bias_step) : sum[i][j]);
            }
    }
}
