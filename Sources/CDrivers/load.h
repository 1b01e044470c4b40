// What the loaders of all libraries share.
#ifndef APUS_LOAD_H
#define APUS_LOAD_H

#include <stdbool.h>
#include <stddef.h>

/// Opens one of `places` (paths or names, ended by NULL), the first that can be; NULL where none can, with the first one's reason in `why`.
void *apus_open_any(const char *const *places, char *why, size_t capacity);
/// Puts the address of `name` into `slot`; false where the library lacks it.
bool apus_look_up(void *library, const char *name, void *slot, char *why, size_t capacity);

#endif
