// The double of libnvrtc: the real one compiles, for the double's device and the oldest supported one; the source is appended.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "double.h"

static apus_nvrtc real;

_Noreturn static void give_up(const char *what) {
    fprintf(stderr, "CUDA double: %s\n", what);
    abort();
}

static void open_real(void) {
    static int is_open;
    if (is_open) return;
    const char *path = getenv("APUS_DOUBLE_NVRTC");
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library) give_up("APUS_DOUBLE_NVRTC does not name NVRTC");
#define LOOK_UP(RESULT, NAME, SYMBOL, ARGUMENTS) *(void **)&real.NAME = dlsym(library, #SYMBOL);
    APUS_NVRTC_FUNCTIONS(LOOK_UP)
    is_open = 1;
}

// Holds NVRTC's program and the source.
struct _nvrtcProgram {
    nvrtcProgram real;
    char *source;
};

nvrtcResult nvrtcVersion(int *major, int *minor) {
    open_real();
    return real.nvrtcVersion(major, minor);
}
nvrtcResult nvrtcGetNumSupportedArchs(int *count) {
    open_real();
    return real.nvrtcGetNumSupportedArchs(count);
}
nvrtcResult nvrtcGetSupportedArchs(int *architectures) {
    open_real();
    return real.nvrtcGetSupportedArchs(architectures);
}

nvrtcResult nvrtcCreateProgram(nvrtcProgram *program, const char *source, const char *name, int headers, const char *const *texts,
                               const char *const *names) {
    open_real();
    nvrtcProgram p = malloc(sizeof *p);
    *p = (struct _nvrtcProgram){NULL, strdup(source)};
    *program = p;
    return real.nvrtcCreateProgram(&p->real, source, name, headers, texts, names);
}

/// Compiles the same source for `sm_80`, the oldest supported architecture.
static void *compile_for_oldest(void *source) {
    nvrtcProgram program;
    const char *options[] = {"--gpu-architecture=sm_80", "--fmad=false", "--std=c++17"};
    if (real.nvrtcCreateProgram(&program, source, "oldest.cu", 0, NULL, NULL) || real.nvrtcCompileProgram(program, 3, options))
        give_up("a kernel does not compile for sm_80");
    real.nvrtcDestroyProgram(&program);
    return NULL;
}

nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int count, const char *const *options) {
    // In parallel: each compilation takes 0.1 to 0.2 seconds.
    pthread_t thread;
    int beside = pthread_create(&thread, NULL, compile_for_oldest, program->source) == 0;
    nvrtcResult status = real.nvrtcCompileProgram(program->real, count, options);
    if (beside) pthread_join(thread, NULL);
    else compile_for_oldest(program->source);
    return status;
}
nvrtcResult nvrtcDestroyProgram(nvrtcProgram *program) {
    nvrtcResult status = real.nvrtcDestroyProgram(&(*program)->real);
    free((*program)->source);
    free(*program);
    *program = NULL;
    return status;
}

static size_t with_trailer(nvrtcProgram program, size_t size) { return size + sizeof(double_trailer) + strlen(program->source); }
static void put_trailer(nvrtcProgram program, char *at) {
    double_trailer trailer = {DOUBLE_MAGIC, strlen(program->source)};
    memcpy(at, &trailer, sizeof trailer);
    memcpy(at + sizeof trailer, program->source, trailer.length);
}

#define CODE(KIND)                                                                                                                         \
    nvrtcResult nvrtcGet##KIND##Size(nvrtcProgram program, size_t *size) {                                                                 \
        nvrtcResult status = real.nvrtcGet##KIND##Size(program->real, size);                                                               \
        *size = with_trailer(program, *size);                                                                                              \
        return status;                                                                                                                     \
    }                                                                                                                                      \
    nvrtcResult nvrtcGet##KIND(nvrtcProgram program, char *code) {                                                                         \
        size_t size = 0;                                                                                                                   \
        real.nvrtcGet##KIND##Size(program->real, &size);                                                                                   \
        put_trailer(program, code + size);                                                                                                 \
        return real.nvrtcGet##KIND(program->real, code);                                                                                   \
    }
CODE(CUBIN)
CODE(PTX)

nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t *size) { return real.nvrtcGetProgramLogSize(program->real, size); }
nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char *log) { return real.nvrtcGetProgramLog(program->real, log); }
