#include "fused.h"
#include "math_double.h"
#include "math_float.h"

// Loops over libm's functions stay scalar; the compiler's remark about that is no news.
#pragma clang diagnostic ignored "-Wpass-failed"

#define T float
#define M(f) f_##f
#define P(name) apus_f_##name
#include "recurrent_template.h"
#undef T
#undef M
#undef P
#define T double
#define M(f) d_##f
#define P(name) apus_d_##name
#include "recurrent_template.h"
