// Counts the calls of malloc and its relatives in all threads of the process; this target replaces these functions.
#ifndef APUS_ALLOCATIONS_H
#define APUS_ALLOCATIONS_H

#include <stdint.h>

/// Starts counting at zero.
void apus_count_allocations(void);

/// Stops counting. Returns the number of allocations since the start; -1 under a sanitizer, whose malloc is not replaced.
int64_t apus_counted_allocations(void);

#endif
