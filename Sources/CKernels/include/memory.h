// Memory for tensors: small blocks from malloc, large ones kept after use and handed out again, because the page faults of fresh
// memory cost more than the arithmetic on it.
#ifndef APUS_MEMORY_H
#define APUS_MEMORY_H

#include <stddef.h>

/// A block of at least `size` bytes, aligned to 16, from 1 KB on to 64. NULL where there is no memory, even after the kept blocks were given back.
void *_Nullable apus_allocate(size_t size);
/// Takes a block back; `size` is what was asked for.
void apus_deallocate(void *_Nonnull block, size_t size);

/// Bytes kept for reuse: at most a quarter of the machine's memory.
size_t apus_kept_bytes(void);
/// Gives them back to the system.
void apus_release_kept(void);

#endif
