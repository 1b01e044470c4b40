// Numbers as text.
#ifndef APUS_TEXT_H
#define APUS_TEXT_H

#include <stddef.h>

/// Writes a number as `printf` does with "%.*e", "%.*f" or "%.*g" (`style` is 'e', 'f' or 'g'), always with a point, whatever locale the program
/// has set. How many characters it takes, which may be more than the `capacity` that was written to.
int apus_number_text(char *_Nonnull out, size_t capacity, char style, int digits, double value);

#endif
