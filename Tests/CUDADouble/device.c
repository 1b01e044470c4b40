// What the double of libcuda says of its devices.
#include <stdio.h>
#include <string.h>

#include "driver.h"

enum { CAPABILITY = 90 };

CUresult cuDriverGetVersion(int *version) {
    *version = (int)double_setting("APUS_DOUBLE_VERSION", 12090);
    return OK;
}
CUresult cuDeviceGetCount(int *count) {
    *count = (int)double_setting("APUS_DOUBLE_DEVICES", 1);
    return OK;
}
CUresult cuDeviceGet(CUdevice *device, int i) {
    *device = i;
    return i >= 0 && i < MOST_DEVICES && i < double_setting("APUS_DOUBLE_DEVICES", 1) ? OK : INVALID_VALUE;
}
CUresult cuDeviceGetName(char *name, int capacity, CUdevice device) {
    (void)device;
    snprintf(name, (size_t)capacity, "double of an NVIDIA device");
    return OK;
}
CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) {
    memset(uuid, 0, sizeof *uuid);
    snprintf(uuid->bytes, sizeof uuid->bytes, "double %d", device);
    return OK;
}
size_t double_total_memory(void) { return (size_t)double_setting("APUS_DOUBLE_MEMORY", 4L << 30); }
CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
    (void)device;
    *bytes = double_total_memory();
    return OK;
}
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute what, CUdevice device) {
    (void)device;
    int capability = (int)double_setting("APUS_DOUBLE_CAPABILITY", CAPABILITY);
    if (what == APUS_CU_ATTRIBUTE_MULTIPROCESSORS) *value = 8;
    else if (what == APUS_CU_ATTRIBUTE_MAJOR) *value = capability / 10;
    else if (what == APUS_CU_ATTRIBUTE_MINOR) *value = capability % 10;
    else return INVALID_VALUE;
    return OK;
}
CUresult cuGetErrorString(CUresult status, const char **text) {
    switch (status) {
    case INVALID_VALUE: *text = "invalid argument"; break;
    case OUT_OF_MEMORY: *text = "out of memory"; break;
    case NO_DEVICE: *text = "no CUDA-capable device is detected"; break;
    case INVALID_IMAGE: *text = "device kernel image is invalid"; break;
    case LOST: *text = "unspecified launch failure"; break;
    default: return INVALID_VALUE;
    }
    return OK;
}
