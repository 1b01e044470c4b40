// Memory for what kernels compute on the way. Where there is none, NULL says so, and the kernel returns that to whoever called.
#ifndef APUS_WORKSPACE_H
#define APUS_WORKSPACE_H

#include <stddef.h>
#include <stdint.h>

/// Who uses a block. Callers that run inside one another on one thread need blocks of their own.
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

/// At least `bytes` bytes aligned to 64, contents undefined, valid until this thread asks for the same use again, or
/// calls `apus_workspace_trim`. A block grows as needed, is kept for the next call, since page faults of fresh memory cost more than the
/// arithmetic done in it, and is freed with its thread.
void *_Nullable apus_workspace(apus_workspace_use use, size_t bytes);

/// Gives this thread's blocks above 64 MB back to the system; to be called where no block is in use.
void apus_workspace_trim(void);

/// `bytes` bytes aligned to 16, contents undefined, for `free`.
void *_Nullable apus_scratch(size_t bytes);

/// How many bytes the last of these calls wanted that could not be had: for messages.
size_t apus_missing_bytes(void);

/// For tests: of what this thread asks for here from now on, refuses the block that comes after `count` others; below 0 none.
/// Returns what was left of that count before: below 0 where the block has been refused, or none was to be.
int64_t apus_refuse_after(int64_t count);

#endif
