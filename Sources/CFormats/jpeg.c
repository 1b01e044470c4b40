#include "CFormats.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// libjpeg's headers need what stdio.h declares.
#include <jpeglib.h>
#include <jerror.h>

// libjpeg reports an error by a call that must not return; ours jumps to the setjmp of the function that called it. What must survive the
// jump are fields of this struct, since local variables in registers may be lost.

typedef struct {
    struct jpeg_decompress_struct jpeg; // first: libjpeg hands its address back
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    const uint8_t *bytes;
    size_t count;
    char *message;
    uint8_t *row;
} reader;

// Each scan of a progressive file goes over the whole picture, and takes a few bytes if it says little. Ten are usual.
enum { MAXIMUM_SCANS = 500 };

static void fail_with(reader *r, const char *text) {
    strncpy(r->message, text, APUS_PICTURE_MESSAGE - 1);
    r->message[APUS_PICTURE_MESSAGE - 1] = 0;
    longjmp(r->jump, 1);
}

static void fail_with_libjpegs_message(j_common_ptr jpeg) {
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    fail_with((reader *)jpeg, text);
}

// Warnings that say that pixels are lost are errors; libjpeg would go on with gray or noise in their place.
static void judge_warning(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    switch (jpeg->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_JPEG_EOF: fail_with_libjpegs_message(jpeg);
    }
}

static void print_nothing(j_common_ptr jpeg) { (void)jpeg; }

static void check_scans(j_common_ptr jpeg) {
    if (((j_decompress_ptr)jpeg)->input_scan_number > MAXIMUM_SCANS) fail_with((reader *)jpeg, "the picture has more than 500 scans");
}

static void begin(j_decompress_ptr jpeg) { (void)jpeg; }

static boolean feed(j_decompress_ptr jpeg) {
    fail_with((reader *)jpeg, "the file ends in the middle of the picture");
    return FALSE;
}

static void skip(j_decompress_ptr jpeg, long count) {
    if (count <= 0) return;
    if ((size_t)count > jpeg->src->bytes_in_buffer) feed(jpeg);
    jpeg->src->next_input_byte += count;
    jpeg->src->bytes_in_buffer -= (size_t)count;
}

static void start(reader *r, const uint8_t *bytes, size_t count, char *message) {
    memset(r, 0, sizeof *r);
    r->bytes = bytes;
    r->count = count;
    r->message = message;
    r->jpeg.err = jpeg_std_error(&r->errors);
    r->errors.error_exit = fail_with_libjpegs_message;
    r->errors.emit_message = judge_warning;
    r->errors.output_message = print_nothing;
    r->source = (struct jpeg_source_mgr){.next_input_byte = bytes,
                                         .bytes_in_buffer = count,
                                         .init_source = begin,
                                         .fill_input_buffer = feed,
                                         .skip_input_data = skip,
                                         .resync_to_restart = jpeg_resync_to_restart,
                                         .term_source = begin};
    r->progress.progress_monitor = check_scans;
}

// Call after setjmp.
static void read_header(reader *r) {
    jpeg_create_decompress(&r->jpeg);
    r->jpeg.src = &r->source;
    r->jpeg.progress = &r->progress;
    jpeg_read_header(&r->jpeg, TRUE);
    int components = r->jpeg.num_components;
    if (components != 1 && components != 3 && components != 4) fail_with(r, "the picture has neither 1 nor 3 nor 4 components");
}

static void stop(reader *r, size_t *offset) {
    *offset = r->source.next_input_byte ? (size_t)(r->source.next_input_byte - r->bytes) : 0;
    if (*offset > r->count) *offset = r->count;
    free(r->row);
    jpeg_destroy_decompress(&r->jpeg);
}

int apus_jpeg_open(const uint8_t *bytes, size_t count, apus_picture_info *info, size_t *offset, char *message) {
    reader r;
    start(&r, bytes, count, message);
    if (setjmp(r.jump)) {
        stop(&r, offset);
        return -1;
    }
    read_header(&r);
    *info = (apus_picture_info){.width = r.jpeg.image_width, .height = r.jpeg.image_height, .channels = r.jpeg.num_components == 1 ? 1 : 3};
    // An arithmetic code takes less than a bit for what it expects.
    if (!r.jpeg.arith_code)
        for (int i = 0; i < r.jpeg.num_components; i++)
            info->blocks += (uint64_t)r.jpeg.comp_info[i].width_in_blocks * r.jpeg.comp_info[i].height_in_blocks;
    stop(&r, offset);
    return 0;
}

// a · b / 255, rounded, for bytes.
static inline int product(int a, int b) {
    int p = a * b + 128;
    return ((p >> 8) + p) >> 8;
}

// One row of CMYK, stored inverted, to RGB as Pillow converts it: c = 255 − stored, r = (255 − k) − c · (255 − k) / 255.
static void convert_cmyk(const uint8_t *cmyk, uint8_t *rgb, size_t width) {
    for (size_t x = 0; x < width; x++) {
        int light = cmyk[4 * x + 3];
        for (int c = 0; c < 3; c++) rgb[3 * x + (size_t)c] = (uint8_t)(light - product(255 - cmyk[4 * x + (size_t)c], light));
    }
}

int apus_jpeg_decode(const uint8_t *bytes, size_t count, int eighths, const apus_picture_info *info, uint8_t *pixels, size_t *offset,
                     char *message) {
    reader r;
    start(&r, bytes, count, message);
    if (setjmp(r.jump)) {
        stop(&r, offset);
        return -1;
    }
    read_header(&r);
    int is_cmyk = r.jpeg.num_components == 4;
    r.jpeg.out_color_space = is_cmyk ? JCS_CMYK : info->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    r.jpeg.scale_num = (unsigned)eighths;
    r.jpeg.scale_denom = 8;
    jpeg_calc_output_dimensions(&r.jpeg);
    uint64_t width = ((uint64_t)info->width * (unsigned)eighths + 7) / 8, height = ((uint64_t)info->height * (unsigned)eighths + 7) / 8;
    if (r.jpeg.output_width != width || r.jpeg.output_height != height || r.jpeg.output_components != (is_cmyk ? 4 : info->channels))
        fail_with(&r, "the rows have another size than the header says");
    size_t row = (size_t)width * (size_t)info->channels;
    if (is_cmyk && !(r.row = malloc(width * 4))) fail_with(&r, "out of memory");
    jpeg_start_decompress(&r.jpeg);
    while (r.jpeg.output_scanline < r.jpeg.output_height) {
        JSAMPROW out = pixels + (size_t)r.jpeg.output_scanline * row;
        if (is_cmyk) {
            jpeg_read_scanlines(&r.jpeg, &r.row, 1);
            convert_cmyk(r.row, out, width);
        } else {
            jpeg_read_scanlines(&r.jpeg, &out, 1);
        }
    }
    jpeg_finish_decompress(&r.jpeg);
    stop(&r, offset);
    return 0;
}

#define TEXT(x) #x
#define TEXT_OF(x) TEXT(x)
const char *apus_jpeg_version(void) {
#ifdef LIBJPEG_TURBO_VERSION
    return TEXT_OF(LIBJPEG_TURBO_VERSION);
#else
    return "libjpeg " TEXT_OF(JPEG_LIB_VERSION);
#endif
}
