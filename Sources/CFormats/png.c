#include "CFormats.h"
#include <png.h>
#include <stdlib.h>
#include <string.h>

// libpng reports an error by a longjmp to the setjmp of the function that called it. Pointers that must survive the jump are fields of
// these structs, since local variables in registers may be lost.

typedef struct {
    const uint8_t *bytes;
    size_t count, at;
    char *message;
    png_structp png;
    png_infop info;
    png_bytep *rows;
} reader;

static void fail_with(png_structp png, png_const_charp text) {
    char *message = png_get_error_ptr(png);
    strncpy(message, text, APUS_PICTURE_MESSAGE - 1);
    message[APUS_PICTURE_MESSAGE - 1] = 0;
    png_longjmp(png, 1);
}
static void ignore_warning(png_structp png, png_const_charp text) { (void)png, (void)text; }

static void feed(png_structp png, png_bytep out, size_t count) {
    reader *r = png_get_io_ptr(png);
    if (count > r->count - r->at) png_error(png, "the file ends in the middle of the image");
    memcpy(out, r->bytes + r->at, count);
    r->at += count;
}

static int start(reader *r, const uint8_t *bytes, size_t count, char *message) {
    *r = (reader){.bytes = bytes, .count = count, .message = message};
    strcpy(message, "out of memory");
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, message, fail_with, ignore_warning);
    if (r->png) r->info = png_create_info_struct(r->png);
    return r->info ? 0 : -1;
}

static void stop(reader *r) {
    free(r->rows);
    png_destroy_read_struct(&r->png, &r->info, NULL);
}

// Call after setjmp. Reads everything before the pixels.
static void read_info(reader *r) {
    png_set_read_fn(r->png, r, feed);
    // Skips text and colour profiles, which a small file can inflate to gigabytes. libpng's own limits cover the other chunks.
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_user_limits(r->png, 0x7fffffff, 0x7fffffff); // our limits are checked in Swift, between the header and the pixels
    png_read_info(r->png, r->info);
}

int apus_png_open(const uint8_t *bytes, size_t count, apus_picture_info *info, size_t *offset, char *message) {
    reader r;
    if (start(&r, bytes, count, message) || setjmp(png_jmpbuf(r.png))) {
        *offset = r.at;
        stop(&r);
        return -1;
    }
    read_info(&r);
    info->width = png_get_image_width(r.png, r.info);
    info->height = png_get_image_height(r.png, r.info);
    int transparent = png_get_valid(r.png, r.info, PNG_INFO_tRNS) != 0;
    switch (png_get_color_type(r.png, r.info)) {
    case PNG_COLOR_TYPE_GRAY: info->channels = transparent ? 2 : 1; break;
    case PNG_COLOR_TYPE_GRAY_ALPHA: info->channels = 2; break;
    case PNG_COLOR_TYPE_RGB_ALPHA: info->channels = 4; break;
    default: info->channels = transparent ? 4 : 3; break;
    }
    stop(&r);
    return 0;
}

int apus_png_decode(const uint8_t *bytes, size_t count, const apus_picture_info *info, uint8_t *pixels, size_t *offset, char *message) {
    reader r;
    if (start(&r, bytes, count, message) || setjmp(png_jmpbuf(r.png))) {
        *offset = r.at;
        stop(&r);
        return -1;
    }
    read_info(&r);
    png_set_expand(r.png);
    png_set_strip_16(r.png);
    png_set_interlace_handling(r.png);
    png_read_update_info(r.png, r.info);
    size_t row = (size_t)info->width * (size_t)info->channels;
    if (png_get_rowbytes(r.png, r.info) != row || png_get_image_height(r.png, r.info) != info->height)
        png_error(r.png, "the rows have another size than the header says");
    r.rows = malloc(sizeof(png_bytep) * info->height);
    if (!r.rows) png_error(r.png, "out of memory");
    for (uint32_t y = 0; y < info->height; y++) r.rows[y] = pixels + y * row;
    png_read_image(r.png, r.rows);
    png_read_end(r.png, NULL);
    *offset = r.at;
    stop(&r);
    return 0;
}

typedef struct {
    uint8_t *bytes;
    size_t count, capacity;
    png_structp png;
    png_infop info;
} sink;

static void drain(png_structp png, png_bytep bytes, size_t count) {
    sink *s = png_get_io_ptr(png);
    if (s->count + count > s->capacity) {
        size_t capacity = (s->count + count) * 2;
        uint8_t *grown = realloc(s->bytes, capacity);
        if (!grown) png_error(png, "out of memory");
        s->bytes = grown;
        s->capacity = capacity;
    }
    memcpy(s->bytes + s->count, bytes, count);
    s->count += count;
}
static void nothing(png_structp png) { (void)png; }

uint8_t *apus_png_encode(const uint8_t *pixels, uint32_t width, uint32_t height, int channels, size_t *count, char *message) {
    sink s = {0};
    strcpy(message, "out of memory");
    s.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, message, fail_with, ignore_warning);
    if (s.png) s.info = png_create_info_struct(s.png);
    if (!s.info || setjmp(png_jmpbuf(s.png))) {
        png_destroy_write_struct(&s.png, &s.info);
        free(s.bytes);
        return NULL;
    }
    png_set_write_fn(s.png, &s, drain, nothing);
    png_set_IHDR(s.png, s.info, width, height, 8, channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(s.png, s.info);
    for (uint32_t y = 0; y < height; y++) png_write_row(s.png, pixels + (size_t)y * width * (size_t)channels);
    png_write_end(s.png, NULL);
    png_destroy_write_struct(&s.png, &s.info);
    *count = s.count;
    return s.bytes;
}

const char *apus_png_version(void) { return png_get_libpng_ver(NULL); }
