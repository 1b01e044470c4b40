// What all parts of the double call.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "double.h"

void double_violation(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("CUDA double: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

long double_setting(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text && *text ? atol(text) : otherwise;
}
