#include "CCUDA.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

/// The first of `names` (ended by NULL) that can be opened; `wheel` is the folder of PyPI's package that has it.
static void *open_any(const char *const *names, const char *wheel, char *why, size_t capacity) {
    const char *chosen = getenv("APUS_CUDA");
    why[0] = 0;
    for (; *names; names++) {
        char paths[5][4096];
        int count = 0;
        if (chosen && *chosen) {
            snprintf(paths[count++], sizeof paths[0], "%s/%s", chosen, *names);
            snprintf(paths[count++], sizeof paths[0], "%s/lib64/%s", chosen, *names);
            snprintf(paths[count++], sizeof paths[0], "%s/%s/lib/%s", chosen, wheel, *names);
        }
        snprintf(paths[count++], sizeof paths[0], "%s", *names);
        snprintf(paths[count++], sizeof paths[0], "/usr/local/cuda/lib64/%s", *names);
        for (int i = 0; i < count; i++) {
            void *library = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL);
            if (library) return library;
            const char *message = dlerror();
            if (!why[0]) snprintf(why, capacity, "%s", message);
        }
    }
    return NULL;
}

static bool look_up(void *library, const char *name, void *slot, char *why, size_t capacity) {
    void *function = dlsym(library, name);
    // POSIX lets a function's address travel through a void pointer.
    *(void **)slot = function;
    if (!function) snprintf(why, capacity, "it has no function %s", name);
    return function != NULL;
}

#define LOOK_UP(RESULT, NAME, SYMBOL, ARGUMENTS) \
    if (!look_up(library, #SYMBOL, &functions->NAME, why, capacity)) return false;
#define LOADER(LIBRARY, FUNCTIONS, WHEEL, ...)                                                            \
    bool apus_##LIBRARY##_load(apus_##LIBRARY *functions, char *why, size_t capacity) {                   \
        void *library = open_any((const char *const[]){__VA_ARGS__, NULL}, WHEEL, why, capacity);         \
        if (!library) return false;                                                                       \
        FUNCTIONS(LOOK_UP)                                                                                \
        return true;                                                                                      \
    }

LOADER(cuda, APUS_CUDA_FUNCTIONS, "cuda", "libcuda.so.1", "libcuda.so")
LOADER(nvrtc, APUS_NVRTC_FUNCTIONS, "cuda_nvrtc", "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so")
LOADER(cublaslt, APUS_CUBLASLT_FUNCTIONS, "cublas", "libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so")
LOADER(cudnn, APUS_CUDNN_FUNCTIONS, "cudnn", "libcudnn.so.9", "libcudnn.so")
