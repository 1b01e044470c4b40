// The array `rows` of table TABLE: for each kind its kernels per dtype, and its name and expressions. Included after `pointwise_kernels.h`.
// A handwritten kernel is substituted by a #define of the kernel's name before.
#define CELL(TYPE, NAME) APUS_NAME(TYPE, FAMILY, NAME)
// In the order of dtypes. 16-bit floats use the float32 kernel.
#define BOOL_CELL(NAME) CELL(bool8, NAME)
#define INTEGER_CELLS(NAME) CELL(uint8, NAME), CELL(int8, NAME), CELL(int16, NAME), CELL(int32, NAME), CELL(int64, NAME)
#define FLOAT_CELLS(NAME) NULL, NULL, CELL(float32, NAME), CELL(float64, NAME)
#define NO_INTEGERS NULL, NULL, NULL, NULL, NULL
#define NO_FLOATS NULL, NULL, NULL, NULL
#define TEXT(X) TEXT_OF(X)
#define TEXT_OF(X) #X

#define FLOATS(NAME, F) {{NULL, NO_INTEGERS, FLOAT_CELLS(NAME)}, {#NAME, #F, NULL, NULL, false}},
#define NUMBERS(NAME, F, I) {{NULL, INTEGER_CELLS(NAME), FLOAT_CELLS(NAME)}, {#NAME, #F, #I, NULL, false}},
#define SERIAL(NAME, F, I) {{NULL, INTEGER_CELLS(NAME), FLOAT_CELLS(NAME)}, {#NAME, #F, #I, NULL, false}},
#define BITS(NAME, I, B) {{BOOL_CELL(NAME), INTEGER_CELLS(NAME), NO_FLOATS}, {#NAME, NULL, #I, #B, false}},
#define INTEGERS(NAME, I) {{NULL, INTEGER_CELLS(NAME), NO_FLOATS}, {#NAME, NULL, #I, NULL, false}},
#define ANY(NAME, F, I, B) {{BOOL_CELL(NAME), INTEGER_CELLS(NAME), FLOAT_CELLS(NAME)}, {#NAME, #F, #I, #B, false}},
#define PREDICATE(NAME, F, I, B) {{BOOL_CELL(NAME), INTEGER_CELLS(NAME), FLOAT_CELLS(NAME)}, {#NAME, #F, #I, #B, true}},
#define ELEMENTARY(NAME) {{NULL, NO_INTEGERS, FLOAT_CELLS(NAME)}, {#NAME, "M(" #NAME ")" TEXT(OPERANDS), NULL, NULL, false, true}},
#define LIBRARY(NAME) ELEMENTARY(NAME)

static const struct {
    apus_kernel *kernels[10];
    apus_function says;
} rows[] = {
#include TABLE
};
#include "rows_end.def"

static apus_kernel *kernel_for(int kind, int dtype) {
    apus_kernel *kernel = rows[kind].kernels[compute_dtype(dtype)];
    if (!kernel) apus_no_kernel(TEXT(FAMILY), kind, dtype);
    return kernel;
}
