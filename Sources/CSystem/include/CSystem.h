// What Swift's standard library lacks: numbers as text in any locale, and checksums.
#ifndef APUS_CSYSTEM_H
#define APUS_CSYSTEM_H

#include <stddef.h>
#include <stdint.h>

/// Writes a number as `printf` does with "%.*e", "%.*f" or "%.*g" (`style` is 'e', 'f' or 'g'), with a point in every locale. Returns the
/// number of characters of the whole text, which may be more than the `capacity` that was written to.
int apus_number_text(char *_Nonnull out, size_t capacity, char style, int digits, double value);

/// XXH64 (seed 0), fed in pieces. https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
typedef struct {
    uint64_t lanes[4];
    uint64_t total;
    uint8_t pending[32];
    uint32_t pending_count;
} apus_xxh64;

void apus_xxh64_start(apus_xxh64 *_Nonnull state);
void apus_xxh64_update(apus_xxh64 *_Nonnull state, const void *_Nullable bytes, size_t count);
uint64_t apus_xxh64_finish(const apus_xxh64 *_Nonnull state);

/// CRC-32C (Castagnoli) of bytes that follow those whose checksum is `crc`, 0 where there are none. RFC 3720, appendix B.4.
uint32_t apus_crc32c(uint32_t crc, const void *_Nullable bytes, size_t count);

#endif
