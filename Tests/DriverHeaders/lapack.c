// Compares CDrivers' own declarations with LAPACK's header: compiles only if they agree (`scripts/check/driver-headers`).
#include <lapack.h>

#include "lapack_library.h"

#define SAME_FLOAT(NAME, ARGUMENTS) _Static_assert(__builtin_types_compatible_p(__typeof__(s##NAME##_), void ARGUMENTS), "s" #NAME);
#define SAME_DOUBLE(NAME, ARGUMENTS) _Static_assert(__builtin_types_compatible_p(__typeof__(d##NAME##_), void ARGUMENTS), "d" #NAME);
APUS_LAPACK_FUNCTIONS(SAME_FLOAT, float)
APUS_LAPACK_FUNCTIONS(SAME_DOUBLE, double)
