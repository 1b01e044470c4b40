#include "lapack_library.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "load.h"

#define LOOK_UP_FLOAT(NAME, ARGUMENTS)                                                                                                     \
    if (!apus_look_up(library, "s" #NAME "_", &functions->of_float.NAME, why, capacity)) return false;
#define LOOK_UP_DOUBLE(NAME, ARGUMENTS)                                                                                                    \
    if (!apus_look_up(library, "d" #NAME "_", &functions->of_double.NAME, why, capacity)) return false;

// Parts may be missing: whole functions compute the same.
#define LOOK_FOR_FLOAT(NAME, ARGUMENTS) *(void **)&functions->of_float.NAME = dlsym(library, "s" #NAME "_");
#define LOOK_FOR_DOUBLE(NAME, ARGUMENTS) *(void **)&functions->of_double.NAME = dlsym(library, "d" #NAME "_");

bool apus_lapack_load(apus_lapack *functions, char *why, size_t capacity) {
    const char *chosen = getenv("APUS_LAPACK");
    const char *const named[] = {chosen, NULL};
    static const char *const usual[] = {"libopenblas.so.0", "liblapack.so.3", NULL};
    void *library = apus_open_any(chosen && *chosen ? named : usual, why, capacity);
    if (!library) return false;
    APUS_LAPACK_FUNCTIONS(LOOK_UP_FLOAT, float)
    APUS_LAPACK_FUNCTIONS(LOOK_UP_DOUBLE, double)
    APUS_LAPACK_PARTS(LOOK_FOR_FLOAT, float)
    APUS_LAPACK_PARTS(LOOK_FOR_DOUBLE, double)
    // Bits would depend on the number of threads, and our own loops compute several matrices at once.
    void (*set_threads)(int);
    *(void **)&set_threads = dlsym(library, "openblas_set_num_threads");
    if (set_threads) set_threads(1);
    return true;
}
