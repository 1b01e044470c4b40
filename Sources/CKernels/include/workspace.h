// Memory for the intermediate results of kernels. NULL means that there is none; the kernel reports this to its caller.
#ifndef APUS_WORKSPACE_H
#define APUS_WORKSPACE_H

#include <stddef.h>
#include <stdint.h>

/// What a block is used for. Nested callers on one thread need different uses.
typedef enum {
    APUS_WORKSPACE_PACKED_COLUMNS,
    APUS_WORKSPACE_PACKED_ROWS,
    APUS_WORKSPACE_PACKED_EDGE,
    APUS_WORKSPACE_CONVERT,
    APUS_WORKSPACE_COLUMNS,
    APUS_WORKSPACE_PARTIALS,
    APUS_WORKSPACE_REORDER,
    APUS_WORKSPACE_SCRATCHPAD,
    APUS_WORKSPACE_COUNT
} apus_workspace_use;

/// At least `bytes` bytes aligned to 64, contents undefined. Valid until this thread asks for the same use again or calls
/// `apus_workspace_trim`. A block grows as needed and is kept for the next call, since page faults of fresh memory cost more than the
/// arithmetic on it. It is freed when its thread ends.
void *_Nullable apus_workspace(apus_workspace_use use, size_t bytes);

/// Returns this thread's blocks above 64 MB to the system; no block may be in use.
void apus_workspace_trim(void);

/// `bytes` bytes aligned to 16, contents undefined; release them with `free`.
void *_Nullable apus_scratch(size_t bytes);

/// The size of the last of these calls that failed, for messages.
size_t apus_missing_bytes(void);

/// For tests: on this thread, refuses the block that comes after `count` more; never if below 0. Returns what was left of the previous
/// count: below 0 if its block has been refused or none was to be.
int64_t apus_refuse_after(int64_t count);

#endif
