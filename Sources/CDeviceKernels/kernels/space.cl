// Integer division in 32 bits if both operands fit, since 64-bit division takes many instructions on a device.
#define DIVIDE(a, b) (((u64)(a) | (u64)(b)) >> 31 ? (a) / (b) : (i64)((u32)(a) / (u32)(b)))
// Declares the index space NAME of VIEWS views (`StridedSpace`): the struct with extents and strides, and the function places_NAME, which
// turns the row-major index `i` into offsets and adds each view's to `at`. The rank is a kernel argument, so that one kernel serves all
// ranks.
#define SPACE(NAME, VIEWS) \
    typedef struct { i64 rank; i64 extents[MAXIMUM_RANK]; i64 strides[VIEWS][MAXIMUM_RANK]; } NAME; \
    FUNCTION void places_##NAME(i64 i, const NAME *space, i64 *at) { \
        for (int d = (int)space->rank - 1; d >= 0; d--) { \
            i64 rest = d == 0 ? 0 : DIVIDE(i, space->extents[d]); \
            i64 here = i - rest * space->extents[d]; \
            for (int v = 0; v < VIEWS; v++) at[v] += here * space->strides[v][d]; \
            i = rest; \
        } \
    }
