// Decodes JPEGs in full to RGB, by the calls that tjDecompress2 makes, and prints the median over five passes of the seconds a file.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <jpeglib.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : 1; }

int main(int count, char **paths) {
    double times[5];
    unsigned char *bytes = malloc(1 << 24), *pixels = malloc(1 << 26);
    for (int pass = 0; pass < 5; pass++) {
        double start = now();
        for (int i = 1; i < count; i++) {
            FILE *file = fopen(paths[i], "rb");
            if (!file) return 1;
            size_t size = fread(bytes, 1, 1 << 24, file);
            fclose(file);
            struct jpeg_decompress_struct jpeg;
            struct jpeg_error_mgr errors;
            jpeg.err = jpeg_std_error(&errors);
            jpeg_create_decompress(&jpeg);
            jpeg_mem_src(&jpeg, bytes, size);
            jpeg_read_header(&jpeg, TRUE);
            jpeg.out_color_space = JCS_RGB;
            jpeg_start_decompress(&jpeg);
            while (jpeg.output_scanline < jpeg.output_height) {
                unsigned char *row = pixels + (size_t)jpeg.output_scanline * jpeg.output_width * 3;
                jpeg_read_scanlines(&jpeg, &row, 1);
            }
            jpeg_finish_decompress(&jpeg);
            jpeg_destroy_decompress(&jpeg);
        }
        times[pass] = (now() - start) / (count - 1);
    }
    qsort(times, 5, sizeof(double), ascending);
    printf("%g\n", times[2]);
    return 0;
}
