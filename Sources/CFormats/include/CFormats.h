// libpng, libjpeg-turbo and libwebp. The errors of the first two are longjmps, which must not cross Swift frames.
#ifndef APUS_CFORMATS_H
#define APUS_CFORMATS_H

#include <stddef.h>
#include <stdint.h>

/// What a picture's header says. Filled before any pixel is decoded, and before memory for them is asked for.
typedef struct {
    uint32_t width, height;
    int channels;    // after decoding: 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha
    uint64_t blocks; // JPEG: how many blocks of 8 × 8 values are coded, in at least one bit each; 0 where a block may take less
    int lossy;       // WebP: whether it is coded as a key frame of VP8
} apus_picture_info;

enum { APUS_PICTURE_MESSAGE = 256 };

/// Reads a PNG's header. `*offset` is how far the file was read. Returns 0, or -1 with a message.
int apus_png_open(const uint8_t *_Nonnull bytes, size_t count, apus_picture_info *_Nonnull info, size_t *_Nonnull offset,
                  char *_Nonnull message);
/// Decodes to width × height × channels bytes, interleaved. Palettes and depths of 1, 2, 4 and 16 bits become 8 bits; gamma is ignored.
/// `*offset` is how far the file was read. Returns 0, or -1 with a message.
int apus_png_decode(const uint8_t *_Nonnull bytes, size_t count, const apus_picture_info *_Nonnull info, uint8_t *_Nonnull pixels,
                    size_t *_Nonnull offset, char *_Nonnull message);
/// Encodes 8-bit gray (1 channel) or RGB (3). The caller frees the result with `free`; NULL with a message on error.
uint8_t *_Nullable apus_png_encode(const uint8_t *_Nonnull pixels, uint32_t width, uint32_t height, int channels, size_t *_Nonnull count,
                                   char *_Nonnull message);

/// Reads a JPEG's header, up to its first scan. Returns 0, or -1 with a message.
int apus_jpeg_open(const uint8_t *_Nonnull bytes, size_t count, apus_picture_info *_Nonnull info, size_t *_Nonnull offset,
                   char *_Nonnull message);
/// Decodes to ⌈width · eighths / 8⌉ × ⌈height · eighths / 8⌉ × channels bytes, interleaved; `eighths` is from 1 to 8. CMYK and YCCK become
/// RGB, as stored by Adobe's programs (inverted). A file whose end is missing, or whose coded values are damaged, is an error.
int apus_jpeg_decode(const uint8_t *_Nonnull bytes, size_t count, int eighths, const apus_picture_info *_Nonnull info,
                     uint8_t *_Nonnull pixels, size_t *_Nonnull offset, char *_Nonnull message);

/// Reads a WebP's header. Returns 0, or -1 with a message.
int apus_webp_open(const uint8_t *_Nonnull bytes, size_t count, apus_picture_info *_Nonnull info, char *_Nonnull message);
/// Decodes to width × height × 3 bytes, interleaved, in memory of its own, which the caller frees with `apus_webp_free`; NULL with a
/// message on error. Alpha is left out.
uint8_t *_Nullable apus_webp_decode(const uint8_t *_Nonnull bytes, size_t count, const apus_picture_info *_Nonnull info,
                                    char *_Nonnull message);
void apus_webp_free(uint8_t *_Nonnull pixels);

/// The versions of the libraries in use, such as `1.6.39`.
const char *_Nonnull apus_png_version(void);
const char *_Nonnull apus_jpeg_version(void);
/// The version of libwebp, as 256² · major + 256 · minor + revision.
int apus_webp_version(void);

#endif
