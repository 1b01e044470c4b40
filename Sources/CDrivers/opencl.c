#include "opencl_libraries.h"

#include "load.h"

#define LOOK_UP(RESULT, NAME, ARGUMENTS)                                                                                                   \
    if (!apus_look_up(library, #NAME, &functions->NAME, why, capacity)) return false;

bool apus_opencl_load(apus_opencl *functions, char *why, size_t capacity) {
    void *library = apus_open_any((const char *const[]){"libOpenCL.so.1", "libOpenCL.so", NULL}, why, capacity);
    if (!library) return false;
    APUS_OPENCL_FUNCTIONS(LOOK_UP)
    return true;
}

bool apus_clblast_load(apus_clblast *functions, char *why, size_t capacity) {
    void *library = apus_open_any((const char *const[]){"libclblast.so.1", "libclblast.so", NULL}, why, capacity);
    if (!library) return false;
    APUS_CLBLAST_FUNCTIONS(LOOK_UP)
    return true;
}
