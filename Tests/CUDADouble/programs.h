// What a compiled program and its source say of its kernels.
#ifndef APUS_PROGRAMS_H
#define APUS_PROGRAMS_H

#include <stddef.h>

enum { MOST_ARGUMENTS = 256 };

/// The length of an ELF file, from its tables.
size_t double_end_of_elf(const char *image);

/// A program's source in OpenCL C: with OpenCL's header instead of CUDA's. The caller frees it.
char *double_translated(const char *source, size_t length);

/// Reads the sizes of a kernel's arguments from a cubin. Returns the number of arguments, -1 if it has no such kernel.
int double_argument_sizes(const char *image, const char *kernel, size_t *sizes);

/// The same for PTX.
int double_ptx_argument_sizes(const char *image, const char *kernel, size_t *sizes);

/// Finds out which of a kernel's arguments are addresses of blocks: those declared `GLOBAL` in its source in OpenCL C. Returns the number of
/// arguments, -1 if the source has no such kernel.
int double_block_arguments(const char *text, const char *kernel, int *is_block);

#endif
