#include "CFormats.h"
#include <string.h>
#include <webp/decode.h>

static int fail_with(VP8StatusCode status, char *message) {
    const char *text = "the picture is damaged";
    switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY: text = "out of memory"; break;
    case VP8_STATUS_UNSUPPORTED_FEATURE: text = "the picture has a feature that libwebp does not know"; break;
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA: text = "the file ends in the middle of the picture"; break;
    default: break;
    }
    strcpy(message, text);
    return -1;
}

int apus_webp_open(const uint8_t *bytes, size_t count, apus_picture_info *info, char *message) {
    WebPBitstreamFeatures features;
    VP8StatusCode status = WebPGetFeatures(bytes, count, &features);
    if (status != VP8_STATUS_OK) return fail_with(status, message);
    if (features.has_animation) {
        strcpy(message, "an animation; one of its pictures is wanted");
        return -1;
    }
    *info = (apus_picture_info){
        .width = (uint32_t)features.width, .height = (uint32_t)features.height, .channels = 3, .lossy = features.format == 1};
    return 0;
}

uint8_t *apus_webp_decode(const uint8_t *bytes, size_t count, const apus_picture_info *info, char *message) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) {
        strcpy(message, "libwebp has another version than its header");
        return NULL;
    }
    config.output.colorspace = MODE_RGB;
    VP8StatusCode status = WebPDecode(bytes, count, &config);
    if (status == VP8_STATUS_OK && ((uint32_t)config.output.width != info->width || (uint32_t)config.output.height != info->height ||
                                    config.output.u.RGBA.stride != config.output.width * 3))
        status = VP8_STATUS_BITSTREAM_ERROR;
    if (status != VP8_STATUS_OK) {
        WebPFreeDecBuffer(&config.output);
        fail_with(status, message);
        return NULL;
    }
    return config.output.u.RGBA.rgba;
}

void apus_webp_free(uint8_t *pixels) { WebPFree(pixels); }

int apus_webp_version(void) { return WebPGetDecoderVersion(); }
