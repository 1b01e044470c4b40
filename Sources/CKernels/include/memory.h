// Memory for tensors. Small blocks come from malloc. Large blocks are kept after use and reused, because the page faults of fresh memory
// cost more than the arithmetic on it.
#ifndef APUS_MEMORY_H
#define APUS_MEMORY_H

#include <stddef.h>

/// A block of at least `size` bytes, aligned to 16, or to 64 from 1 KB on. NULL if there is no memory, even after kept blocks were
/// released.
void *_Nullable apus_allocate(size_t size);
/// Frees a block; `size` must be the size that was asked for.
void apus_deallocate(void *_Nonnull block, size_t size);

/// Bytes kept for reuse: at most a quarter of the machine's memory.
size_t apus_kept_bytes(void);
/// Returns the kept blocks to the system.
void apus_release_kept(void);

#endif
