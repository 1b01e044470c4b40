// Reads and writes elements of the libraries' types as double.
#ifndef APUS_NUMBERS_H
#define APUS_NUMBERS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef enum { FLOAT32, FLOAT64, FLOAT16, BFLOAT16 } number_type;

static inline size_t size_of(number_type type) { return type == FLOAT64 ? 8 : type == FLOAT32 ? 4 : 2; }

static inline double read_number(const void *from, size_t i, number_type type) {
    switch (type) {
    case FLOAT64: return ((const double *)from)[i];
    case FLOAT32: return ((const float *)from)[i];
    case FLOAT16: return (double)((const _Float16 *)from)[i];
    default: {
        uint32_t bits = (uint32_t)((const uint16_t *)from)[i] << 16;
        float value;
        memcpy(&value, &bits, 4);
        return value;
    }
    }
}

static inline void write_number(void *to, size_t i, number_type type, double value) {
    switch (type) {
    case FLOAT64: ((double *)to)[i] = value; break;
    case FLOAT32: ((float *)to)[i] = (float)value; break;
    case FLOAT16: ((_Float16 *)to)[i] = (_Float16)(float)value; break;
    default: {
        float narrow = (float)value;
        uint32_t bits;
        memcpy(&bits, &narrow, 4);
        ((uint16_t *)to)[i] = value != value ? (uint16_t)(bits >> 16 | 0x40) : (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    }
    }
}

#endif
