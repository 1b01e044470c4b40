#include "load.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

void *apus_open_any(const char *const *places, char *why, size_t capacity) {
    why[0] = 0;
    for (; *places; places++) {
        void *library = dlopen(*places, RTLD_NOW | RTLD_LOCAL);
        if (library) return library;
        const char *message = dlerror();
        // An error of a library that exists but does not open is more useful than "No such file".
        if (!why[0] || (strstr(why, "No such file") && !strstr(message, "No such file"))) snprintf(why, capacity, "%s", message);
    }
    return NULL;
}

bool apus_look_up(void *library, const char *name, void *slot, char *why, size_t capacity) {
    void *function = dlsym(library, name);
    // POSIX allows storing a function's address through a void pointer.
    *(void **)slot = function;
    if (!function) snprintf(why, capacity, "it has no function %s", name);
    return function != NULL;
}
