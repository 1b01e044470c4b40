// Arithmetic of A: integers wrap, NaN wins.
#if FLOATS
#define ADD(a, b) ((a) + (b))
#define MULTIPLY(a, b) ((a) * (b))
#define HIGHEST ((A)INFINITY)
#define LOWEST (-(A)INFINITY)
#else
#define ADD(a, b) ((i64)((u64)(a) + (u64)(b)))
#define MULTIPLY(a, b) ((i64)((u64)(a) * (u64)(b)))
#define HIGHEST I64_MAX
#define LOWEST I64_MIN
#endif
#define SMALLER(a, b) ((a) < (b) || (a) != (a) ? (a) : (b))
#define LARGER(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))
