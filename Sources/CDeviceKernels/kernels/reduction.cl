// A reduction of a `ReduceKind` or `ScanKind`, whose names mean the same: INIT, STEP(acc, value), FINISH(acc), and TAKE(acc, lost, value),
// which adds an item's elements; for sums of floats it keeps the rounding error.
#define FINISH(acc) (acc)
#define TAKE(acc, lost, value) acc = STEP(acc, value);
#if KIND == KIND_sum || KIND == KIND_mean
#define INIT 0
#define STEP(acc, value) ADD(acc, value)
#if FLOATS
#undef TAKE
#define TAKE(acc, lost, value) ADD_EXACTLY(acc, lost, value)
#endif
#if KIND == KIND_mean
#undef FINISH
#if FLOATS
#define FINISH(acc) ((acc) / (A)divisor)
#else
#define FINISH(acc) (divisor ? (acc) / divisor : 0)
#endif
#endif
#elif KIND == KIND_prod
#define INIT 1
#define STEP(acc, value) MULTIPLY(acc, value)
#elif KIND == KIND_min
#define INIT HIGHEST
#define STEP(acc, value) SMALLER(acc, value)
#elif KIND == KIND_max
#define INIT LOWEST
#define STEP(acc, value) LARGER(acc, value)
#elif KIND == KIND_any
#define INIT 0
#define STEP(acc, value) ((A)((acc) != 0 || (value) != 0))
#elif KIND == KIND_all
#define INIT 1
#define STEP(acc, value) ((A)((acc) != 0 && (value) != 0))
#else
#error "no such kind"
#endif
