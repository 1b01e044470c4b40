#include "COpenCL.h"

#include <dlfcn.h>
#include <stdio.h>

static bool look_up(void *library, const char *name, void *slot, char *why, size_t capacity) {
    void *function = dlsym(library, name);
    // POSIX lets a function's address travel through a void pointer.
    *(void **)slot = function;
    if (!function) snprintf(why, capacity, "it has no function %s", name);
    return function != NULL;
}

/// The first of `names` (ended by NULL) that can be opened.
static void *open_any(const char *const *names, char *why, size_t capacity) {
    for (; *names; names++) {
        void *library = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
        if (library) return library;
    }
    snprintf(why, capacity, "%s", dlerror());
    return NULL;
}

#define LOOK_UP(RESULT, NAME, ARGUMENTS) \
    if (!look_up(library, #NAME, &functions->NAME, why, capacity)) return false;

bool apus_opencl_load(apus_opencl *functions, char *why, size_t capacity) {
    void *library = open_any((const char *const[]){"libOpenCL.so.1", "libOpenCL.so", NULL}, why, capacity);
    if (!library) return false;
    APUS_OPENCL_FUNCTIONS(LOOK_UP)
    return true;
}

bool apus_clblast_load(apus_clblast *functions, char *why, size_t capacity) {
    void *library = open_any((const char *const[]){"libclblast.so.1", "libclblast.so", NULL}, why, capacity);
    if (!library) return false;
    APUS_CLBLAST_FUNCTIONS(LOOK_UP)
    return true;
}
