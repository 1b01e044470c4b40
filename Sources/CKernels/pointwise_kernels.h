// The kernels of a table. Included by `unary.c`, `binary.c` and `compare.c` with TABLE the table's file, FAMILY its name, OPERANDS the
// operands in parentheses, and KERNEL_OF_TYPE one of the macros of `pointwise_core.h`. A kernel is named like `float32_unary_exp`.
#define APUS_PASTE(TYPE, FAMILY, NAME) TYPE##_##FAMILY##_##NAME
#define APUS_NAME(TYPE, FAMILY, NAME) APUS_PASTE(TYPE, FAMILY, NAME)
#define ITSELF(x) (x)
#define TRUTH(x) ((x) != 0)
#define WRAP(x) ((uint64_t)(x))
#define W(f) d_##f

// Loops over libm's functions are scalar, so one version serves all processors.
#define KERNEL(NAME, OUT, EXPRESSION) KERNEL_OF_TYPE(APUS_CLONES, N(NAME), T, ITSELF, OUT, T, APUS_FLOATS, EXPRESSION)
#define LIBRARY_KERNEL(NAME, OUT, EXPRESSION) KERNEL_OF_TYPE(, N(NAME), T, ITSELF, OUT, T, APUS_FLOATS, EXPRESSION)
#define OF_FLOATS
#define T float
#define M(f) f_##f
#define N(NAME) APUS_NAME(float32, FAMILY, NAME)
#define ELEMENTARY_KERNEL KERNEL
#include "pointwise_column.h"
#undef T
#undef M
#undef N
#undef ELEMENTARY_KERNEL
#define T double
#define M(f) d_##f
#define N(NAME) APUS_NAME(float64, FAMILY, NAME)
#define ELEMENTARY_KERNEL LIBRARY_KERNEL
#include "pointwise_column.h"
#undef T
#undef M
#undef N
#undef ELEMENTARY_KERNEL
#undef OF_FLOATS
#undef KERNEL

#define KERNEL(NAME, OUT, EXPRESSION) KERNEL_OF_TYPE(APUS_CLONES, N(NAME), T, ITSELF, OUT, int64_t, APUS_INTEGERS, EXPRESSION)
#define SERIAL_KERNEL(NAME, OUT, EXPRESSION) KERNEL_OF_TYPE(, N(NAME), T, ITSELF, OUT, int64_t, APUS_INTEGERS, EXPRESSION)
#define OF_INTEGERS
#define T uint8_t
#define BITS_OF_T 8
#define N(NAME) APUS_NAME(uint8, FAMILY, NAME)
#include "pointwise_column.h"
#undef T
#undef N
#define T int8_t
#define N(NAME) APUS_NAME(int8, FAMILY, NAME)
#include "pointwise_column.h"
#undef T
#undef BITS_OF_T
#undef N
#define T int16_t
#define BITS_OF_T 16
#define N(NAME) APUS_NAME(int16, FAMILY, NAME)
#include "pointwise_column.h"
#undef T
#undef BITS_OF_T
#undef N
#define T int32_t
#define BITS_OF_T 32
#define N(NAME) APUS_NAME(int32, FAMILY, NAME)
#include "pointwise_column.h"
#undef T
#undef BITS_OF_T
#undef N
#define T int64_t
#define BITS_OF_T 64
#define N(NAME) APUS_NAME(int64, FAMILY, NAME)
#include "pointwise_column.h"
#undef T
#undef BITS_OF_T
#undef N
#undef OF_INTEGERS
#undef KERNEL

#define KERNEL(NAME, OUT, EXPRESSION) KERNEL_OF_TYPE(APUS_CLONES, N(NAME), T, TRUTH, OUT, int64_t, APUS_INTEGERS, EXPRESSION)
#define OF_BOOL
#define T apus_bool
#define N(NAME) APUS_NAME(bool8, FAMILY, NAME)
#include "pointwise_column.h"
#undef T
#undef N
#undef OF_BOOL
