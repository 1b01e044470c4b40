// What the parts of the double share. `README.md` says what it is.
#ifndef APUS_DOUBLE_H
#define APUS_DOUBLE_H

#include "cuda_libraries.h"

// Everything that a library of NVIDIA's exports and we call, so that a definition with another type does not compile.
#define DECLARE(RESULT, NAME, SYMBOL, ARGUMENTS) RESULT SYMBOL ARGUMENTS;
APUS_CUDA_FUNCTIONS(DECLARE)
APUS_NVRTC_FUNCTIONS(DECLARE)
APUS_CUBLASLT_FUNCTIONS(DECLARE)
APUS_CUDNN_FUNCTIONS(DECLARE)
#undef DECLARE

/// Ends the program: a call that a device would answer with nonsense.
_Noreturn void double_violation(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// A number from the environment.
long double_setting(const char *name, long otherwise);

/// The memory behind `size` bytes at a device's address, which must lie within one live block; `what` is said where they do not.
void *double_memory(CUdeviceptr address, size_t size, const char *what);

/// Puts work behind what has been called before. It is done as late as the order allows: where the host waits. `context` is freed then.
void double_enqueue(void (*work)(void *context), void *context, CUstream stream, const char *what);

/// False where no context is the calling thread's own.
int double_has_context(void);

/// The trailer that NVRTC's double puts behind a program, so that the driver's double can run it.
typedef struct {
    char magic[8];
    size_t length;
} double_trailer;
#define DOUBLE_MAGIC "apusdbl"

#endif
