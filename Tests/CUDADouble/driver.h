// What the files of libcuda's double share.
#ifndef APUS_DRIVER_H
#define APUS_DRIVER_H

#include "double.h"

/// What the driver's functions return.
enum {
    OK = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NO_DEVICE = 100,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    NOT_FOUND = 500,
    NOT_READY = 600,
    LOST = 719
};
enum { MOST_DEVICES = 8 };

/// The bytes of a device's memory.
size_t double_total_memory(void);

#endif
