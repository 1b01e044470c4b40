#include "fused.h"
#include "math_double.h"
#include "sums.h"

// Loops over libm's functions stay scalar; the compiler's remark about that is no news.
#pragma clang diagnostic ignored "-Wpass-failed"

#define LANES 16
#define COLUMNS 128
#define BLOCK 1024

#define T float
#define M(f) f_##f
#define P(name) apus_f_##name
#include "softmax_template.h"
#undef T
#undef M
#undef P
#define T double
#define M(f) d_##f
#define P(name) apus_d_##name
#include "softmax_template.h"
