// Optimizer steps for one float type: included by `optimizer.c` with T the type, M(f) a name.

#define SQRT(x) f_sqrt(x)
#define RULE(NAME)                                                                                                                         \
    APUS_CLONES static void M(NAME)(const T *number, int64_t n, T *restrict parameter, const T *restrict gradient, T *restrict state0,     \
                                    T *restrict state1, T *restrict state2)
#define EACH(I) for (int64_t I = 0; I < n; I++)
#define NUMBER(K) number[K]
#define PARAMETER(I) parameter[I]
#define GRADIENT(I) gradient[I]
#define STATE(PLACE, I) state##PLACE[I]
#define HAS_STATE(PLACE) (state##PLACE != NULL)
#define SET_PARAMETER(I, X) (parameter[I] = (X))
#define SET_STATE(PLACE, I, X) (state##PLACE[I] = (X))
#include "optimizer_rules.h"
#undef SQRT
#undef RULE
#undef EACH
#undef NUMBER
#undef PARAMETER
#undef GRADIENT
#undef STATE
#undef HAS_STATE
#undef SET_PARAMETER
#undef SET_STATE

static void M(step_part)(const step_job *job, const apus_optimizer_item *item, int64_t begin, int64_t end) {
    T number[APUS_OPTIMIZER_NUMBERS], *state[APUS_OPTIMIZER_STATES];
    for (int k = 0; k < APUS_OPTIMIZER_NUMBERS; k++) number[k] = (T)job->rule->numbers[k];
    for (int s = 0; s < APUS_OPTIMIZER_STATES; s++) state[s] = item->state[s] ? (T *)item->state[s] + begin : NULL;
    T *parameter = (T *)item->parameter + begin;
    const T *gradient = (const T *)item->gradient + begin;
    switch (job->rule->kind) {
#define KIND(FAMILY, NAME)                                                                                                                 \
    case APUS_##FAMILY##_##NAME: M(NAME)(number, end - begin, parameter, gradient, state[0], state[1], state[2]); break;
        APUS_OPTIMIZER_KINDS(KIND)
#undef KIND
    }
}

/// Updates the elements [begin, end) of the concatenation of all parameters.
static void M(step_body)(void *context, int64_t begin, int64_t end) {
    const step_job *job = context;
    int64_t start = 0;
    for (int64_t k = 0; k < job->count && start < end; k++) {
        int64_t n = job->items[k].n;
        int64_t from = begin > start ? begin - start : 0, to = end - start < n ? end - start : n;
        if (from < to) M(step_part)(job, &job->items[k], from, to);
        start += n;
    }
}

static void M(optimizer_step)(const apus_optimizer_rule *rule, int64_t count, const apus_optimizer_item *items) {
    step_job job = {rule, count, items};
    int64_t n = 0;
    for (int64_t k = 0; k < count; k++) n += items[k].n;
    apus_parallel_for(n, APUS_GRAIN, M(step_body), &job);
}
