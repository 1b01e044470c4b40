// Counts what is asked of malloc and its relatives, by any thread of the process: this target puts its own in their place.
#ifndef APUS_ALLOCATIONS_H
#define APUS_ALLOCATIONS_H

#include <stdint.h>

/// Begins to count from zero.
void apus_count_allocations(void);

/// Ends counting. The number of blocks that were asked for since it began; -1 under a sanitizer, whose own malloc stays.
int64_t apus_counted_allocations(void);

#endif
