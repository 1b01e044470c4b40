#include "fused.h"
#include "sums.h"
#include <math.h>
#include <stdlib.h>

#define T float
#define M(f) f_##f
#define P(name) apus_f_##name
#include "norm_template.h"
#undef T
#undef M
#undef P
#define T double
#define M(f) d_##f
#define P(name) apus_d_##name
#include "norm_template.h"
