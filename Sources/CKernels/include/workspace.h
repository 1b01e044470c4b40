// Scratch memory that stays with its thread: page faults of fresh memory cost more than the arithmetic done in it.
#ifndef APUS_WORKSPACE_H
#define APUS_WORKSPACE_H

#include <stddef.h>

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
/// calls `apus_workspace_trim`. A block grows as needed, is kept for the next call, and is freed with its thread.
/// Ends the program where memory runs out.
void *_Nonnull apus_workspace(apus_workspace_use use, size_t bytes);

/// Gives this thread's blocks above 64 MB back to the system; to be called where no block is in use.
void apus_workspace_trim(void);

#endif
