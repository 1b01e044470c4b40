// Shared by the loaders of all libraries.
#ifndef APUS_LOAD_H
#define APUS_LOAD_H

#include <stdbool.h>
#include <stddef.h>

/// Opens the first of `places` (paths or names, NULL-terminated) that opens. If none does, returns NULL with a reason in `why`: that of the
/// first library that exists, else of the first place.
void *apus_open_any(const char *const *places, char *why, size_t capacity);
/// Stores the address of function `name` in `slot`; returns false if the library lacks it.
bool apus_look_up(void *library, const char *name, void *slot, char *why, size_t capacity);

#endif
