#include "fused.h"
#include "math_float.h"

typedef struct {
    const apus_optimizer_rule *rule;
    int64_t count;
    const apus_optimizer_item *items;
} step_job;

#define T float
#define M(f) f_##f
#define P(name) apus_f_##name
#include "optimizer_template.h"
#undef T
#undef M
#undef P
#define T double
#define M(f) d_##f
#define P(name) apus_d_##name
#include "optimizer_template.h"
