// One optimizer step for one parameter: what `optimizer_rules.h`, which follows, asks for. NUMBERS is their count.
typedef struct { A number[NUMBERS]; } Numbers;
#define T A
#define SQRT(x) sqrt(x)
#define RULE(NAME) \
    KERNEL void NAME(i64 n, Numbers numbers, i64 states, GLOBAL S *parameter, i64 at_parameter, GLOBAL const S *gradient, i64 at_gradient, \
                     GLOBAL S *state0, i64 at_state0, GLOBAL S *state1, i64 at_state1, GLOBAL S *state2, i64 at_state2)
#define EACH(I) for (i64 I = GLOBAL_ID; I < n; I += GLOBAL_COUNT)
#define NUMBER(K) numbers.number[K]
#define PARAMETER(I) READ(parameter, at_parameter + I)
#define GRADIENT(I) READ(gradient, at_gradient + I)
#define STATE(PLACE, I) READ(state##PLACE, at_state##PLACE + I)
#define HAS_STATE(PLACE) ((states >> PLACE & 1) != 0)
#define SET_PARAMETER(I, X) WRITE(parameter, at_parameter + I, X)
#define SET_STATE(PLACE, I, X) WRITE(state##PLACE, at_state##PLACE + I, X)
