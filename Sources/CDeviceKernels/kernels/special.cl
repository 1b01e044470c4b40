// What `math_wide.h` and `math_gamma.h` ask for, on a device: T is its widest float, and WIDE too.
#define WIDE T
#define L(f) f
#define REAL(x) ((T)(x))
#define PI REAL(3.14159265358979323846)
#define EPSILON (sizeof(T) == 8 ? REAL(1e-17) : REAL(1e-8))
#define T_EPSILON EPSILON
FUNCTION T W(lgamma)(T x) { return lgamma(x); }
