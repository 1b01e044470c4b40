#define _GNU_SOURCE
#include "CSystem.h"
#include <locale.h>
#include <pthread.h>
#include <stdio.h>

static locale_t plain;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void make_plain(void) { plain = newlocale(LC_ALL_MASK, "C", NULL); }

int apus_number_text(char *out, size_t capacity, char style, int digits, double value) {
    pthread_once(&once, make_plain);
    // Sets the locale of this thread for this call only: the program may use a decimal comma elsewhere.
    locale_t before = plain ? uselocale(plain) : NULL;
    int count;
    switch (style) {
    case 'e': count = snprintf(out, capacity, "%.*e", digits, value); break;
    case 'f': count = snprintf(out, capacity, "%.*f", digits, value); break;
    default: count = snprintf(out, capacity, "%.*g", digits, value); break;
    }
    if (plain) uselocale(before);
    return count;
}
