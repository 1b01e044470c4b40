// Declarations that the parts of the double share. `README.md` describes it.
#ifndef APUS_DOUBLE_H
#define APUS_DOUBLE_H

#include "cuda_libraries.h"

// Declares all functions of NVIDIA's libraries that the library calls, so that a definition with another type does not compile.
#define DECLARE(RESULT, NAME, SYMBOL, ARGUMENTS) RESULT SYMBOL ARGUMENTS;
APUS_CUDA_FUNCTIONS(DECLARE)
APUS_NVRTC_FUNCTIONS(DECLARE)
APUS_CUBLASLT_FUNCTIONS(DECLARE)
APUS_CUDNN_FUNCTIONS(DECLARE)
APUS_NCCL_FUNCTIONS(DECLARE)
#undef DECLARE

/// Reports a call whose result on a device would be undefined, and aborts.
_Noreturn void double_violation(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// The number in an environment variable, `otherwise` if it is unset or empty.
long double_setting(const char *name, long otherwise);

/// The host memory behind `size` bytes at a device address. They must lie within one live block; the error names `what`.
void *double_memory(CUdeviceptr address, size_t size, const char *what);

/// Queues work behind all earlier calls. It runs as late as possible, when the host waits for it; then `context` is freed.
void double_enqueue(void (*work)(void *context), void *context, CUstream stream, const char *what);

/// Runs all that is queued, as a device does without its host.
void double_catch_up(void);

/// Whether the calling thread has a current context.
int double_has_context(void);

/// The double of NVRTC appends this and the source to a compiled program, so that the double of the driver can run it.
typedef struct {
    char magic[8];
    size_t length;
} double_trailer;
#define DOUBLE_MAGIC "apusdbl"

#endif
