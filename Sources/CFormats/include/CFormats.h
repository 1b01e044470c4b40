// libpng. Its errors are longjmps, which must not cross Swift frames.
#ifndef APUS_CFORMATS_H
#define APUS_CFORMATS_H

#include <stddef.h>
#include <stdint.h>

/// What a PNG's first chunk says. Filled before any pixel is decoded.
typedef struct {
    uint32_t width, height;
    int channels; // after expansion: 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha
} apus_png_info;

enum { APUS_PNG_MESSAGE = 160 };

/// Reads width, height and channels. Returns 0, or -1 with a message.
int apus_png_open(const uint8_t *_Nonnull bytes, size_t count, apus_png_info *_Nonnull info, char *_Nonnull message);
/// Decodes to width × height × channels bytes, interleaved. Palettes and depths of 1, 2, 4 and 16 bits become 8 bits; gamma is ignored.
/// `*offset` is how far the file was read. Returns 0, or -1 with a message.
int apus_png_decode(const uint8_t *_Nonnull bytes, size_t count, const apus_png_info *_Nonnull info, uint8_t *_Nonnull pixels,
                    size_t *_Nonnull offset, char *_Nonnull message);
/// Encodes 8-bit gray (1 channel) or RGB (3). The caller frees the result with `free`; NULL with a message on error.
uint8_t *_Nullable apus_png_encode(const uint8_t *_Nonnull pixels, uint32_t width, uint32_t height, int channels, size_t *_Nonnull count,
                                   char *_Nonnull message);

/// The version of the libpng in use, such as `1.6.39`.
const char *_Nonnull apus_png_version(void);

#endif
