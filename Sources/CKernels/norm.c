#include "fused.h"
#include "sums.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

#define T float
#define EPSILON FLT_EPSILON
#define M(f) f_##f
#define P(name) apus_f_##name
#include "norm_template.h"
#include "norm_channels_template.h"
#undef T
#undef EPSILON
#undef M
#undef P
#define T double
#define EPSILON DBL_EPSILON
#define M(f) d_##f
#define P(name) apus_d_##name
#include "norm_template.h"
#include "norm_channels_template.h"
