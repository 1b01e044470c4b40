#include "cuda_libraries.h"

#include <stdio.h>
#include <stdlib.h>

#include "load.h"

enum { MOST_PLACES = 64, LONGEST_PATH = 1024 };

/// Opens `name` in the newest version from `newest` down to `oldest`; `wheel` is its folder in PyPI's packages for CUDA 12.
static void *open_version(const char *name, int newest, int oldest, const char *wheel, char *why, size_t capacity) {
    static const char *const folders[] = {"", "lib64/", "cu13/lib/"};
    const char *chosen = getenv("APUS_CUDA");
    char(*paths)[LONGEST_PATH] = malloc(MOST_PLACES * sizeof *paths);
    const char *places[MOST_PLACES + 1];
    int count = 0;
#define PLACE(...)                                                                                                                         \
    if (paths && count < MOST_PLACES && snprintf(paths[count], LONGEST_PATH, __VA_ARGS__) < LONGEST_PATH) {                                \
        places[count] = paths[count];                                                                                                      \
        count++;                                                                                                                           \
    }
    for (int version = newest; chosen && *chosen && version >= oldest; version--) {
        for (int i = 0; i < 3; i++) PLACE("%s/%s%s.so.%d", chosen, folders[i], name, version)
        PLACE("%s/%s/lib/%s.so.%d", chosen, wheel, name, version)
    }
    for (int version = newest; version >= oldest; version--) {
        PLACE("%s.so.%d", name, version)
        PLACE("/usr/local/cuda/lib64/%s.so.%d", name, version)
    }
#undef PLACE
    places[count] = NULL;
    void *library = apus_open_any(places, why, capacity);
    free(paths);
    return library;
}

#define LOOK_UP(RESULT, NAME, SYMBOL, ARGUMENTS)                                                                                           \
    if (!apus_look_up(library, #SYMBOL, &functions->NAME, why, capacity)) return false;
#define LOADER(LIBRARY, FUNCTIONS, NAME, OLDEST, WHEEL)                                                                                    \
    bool apus_##LIBRARY##_load(apus_##LIBRARY *functions, int newest, char *why, size_t capacity) {                                        \
        void *library = open_version(NAME, newest, OLDEST, WHEEL, why, capacity);                                                          \
        if (!library) return false;                                                                                                        \
        FUNCTIONS(LOOK_UP)                                                                                                                 \
        return true;                                                                                                                       \
    }

LOADER(cuda, APUS_CUDA_FUNCTIONS, "libcuda", 1, "cuda")
LOADER(nvrtc, APUS_NVRTC_FUNCTIONS, "libnvrtc", 12, "cuda_nvrtc")
LOADER(cublaslt, APUS_CUBLASLT_FUNCTIONS, "libcublasLt", 12, "cublas")
LOADER(cudnn, APUS_CUDNN_FUNCTIONS, "libcudnn", 9, "cudnn")
LOADER(nccl, APUS_NCCL_FUNCTIONS, "libnccl", 2, "nccl")
