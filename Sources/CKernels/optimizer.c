#include "fused.h"
#include "math_float.h"

typedef struct {
    const apus_optimizer_rule *rule;
    int64_t count;
    const apus_optimizer_item *items;
} step_job;

#define T float
#define M(f) f_##f
#include "optimizer_template.h"
#undef T
#undef M
#define T double
#define M(f) d_##f
#include "optimizer_template.h"

void apus_optimizer_step(const apus_optimizer_rule *rule, int dtype, int64_t count, const apus_optimizer_item *items) {
    APUS_BY_TYPE(dtype, optimizer_step, rule, count, items);
}
