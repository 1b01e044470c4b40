// What the double of libcuda reads of programs that NVRTC's double has compiled.
#include "programs.h"

#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "double.h"

// The headers that make a kernel's source OpenCL C or CUDA, as the library embeds them.
#pragma clang diagnostic ignored "-Wc23-extensions"
static const char opencl_header[] = {
#embed "../../Sources/CDeviceKernels/kernels/opencl.cl" suffix(, 0)
};
static const char cuda_header[] = {
#embed "../../Sources/CDeviceKernels/kernels/cuda.cl" suffix(, 0)
};

size_t double_end_of_elf(const char *image) {
    Elf64_Ehdr header;
    memcpy(&header, image, sizeof header);
    size_t end = header.e_shoff + (size_t)header.e_shnum * header.e_shentsize;
    size_t segments = header.e_phoff + (size_t)header.e_phnum * header.e_phentsize;
    if (segments > end) end = segments;
    for (int i = 0; i < header.e_shnum; i++) {
        Elf64_Shdr section;
        memcpy(&section, image + header.e_shoff + (size_t)i * header.e_shentsize, sizeof section);
        if (section.sh_type != SHT_NOBITS && section.sh_offset + section.sh_size > end) end = section.sh_offset + section.sh_size;
    }
    return end;
}

char *double_translated(const char *source, size_t length) {
    const char *f64 = "typedef double f64;\n";
    size_t before = strlen(f64) + strlen(cuda_header);
    if (length < before || strncmp(source, f64, strlen(f64)) || strncmp(source + strlen(f64), cuda_header, strlen(cuda_header)))
        double_violation("a program does not begin with CUDA's header of Dialect.swift");
    const char *lead = "#pragma OPENCL EXTENSION cl_khr_fp64 : enable\ntypedef double f64;\n";
    char *text = malloc(strlen(lead) + strlen(opencl_header) + length - before + 1);
    sprintf(text, "%s%s", lead, opencl_header);
    strncat(text, source + before, length - before);
    return text;
}

// The section `.nv.info.<kernel>` has records of format, attribute and size. Attribute 0x17 (EIATTR_KPARAM_INFO) holds index, ordinal, offset,
// and flags with the size from bit 18 on.
int double_argument_sizes(const char *image, const char *kernel, size_t *sizes) {
    Elf64_Ehdr header;
    memcpy(&header, image, sizeof header);
    Elf64_Shdr names, section;
    memcpy(&names, image + header.e_shoff + (size_t)header.e_shstrndx * header.e_shentsize, sizeof names);
    char wanted[160];
    snprintf(wanted, sizeof wanted, ".nv.info.%s", kernel);
    for (int i = 0; i < header.e_shnum; i++) {
        memcpy(&section, image + header.e_shoff + (size_t)i * header.e_shentsize, sizeof section);
        if (strcmp(image + names.sh_offset + section.sh_name, wanted)) continue;
        int count = 0;
        const unsigned char *at = (const unsigned char *)image + section.sh_offset, *end = at + section.sh_size;
        while (at + 4 <= end) {
            size_t size = at[0] == 0x04 ? (size_t)(at[2] | at[3] << 8) : 0;
            if (at[0] == 0x04 && at[1] == 0x17 && size == 12) {
                uint32_t words[3];
                memcpy(words, at + 4, sizeof words);
                uint32_t ordinal = words[1] & 0xFFFF;
                if (ordinal >= MOST_ARGUMENTS) double_violation("%s has more than %d arguments", kernel, MOST_ARGUMENTS);
                sizes[ordinal] = words[2] >> 18;
                count++;
            }
            at += 4 + size;
        }
        return count;
    }
    return -1;
}

// Each `.param` of the entry is `.u64 …name` or an array of bytes, `.align 8 .b8 name[208]`.
int double_ptx_argument_sizes(const char *image, const char *kernel, size_t *sizes) {
    char wanted[160];
    snprintf(wanted, sizeof wanted, ".entry %s(", kernel);
    const char *at = strstr(image, wanted);
    if (!at) return -1;
    const char *end = strchr(at, ')');
    int count = 0;
    while ((at = strstr(at + 1, ".param ")) && at < end) {
        const char *type = at + strlen(".param "), *bracket = type + strcspn(type, "[,)");
        if (count == MOST_ARGUMENTS) double_violation("%s has more than %d arguments", kernel, MOST_ARGUMENTS);
        sizes[count++] = *bracket == '[' ? (size_t)atol(bracket + 1) : (size_t)atol(type + strcspn(type, "0123456789")) / 8;
    }
    return count;
}

int double_block_arguments(const char *text, const char *kernel, int *is_block) {
    char wanted[160];
    snprintf(wanted, sizeof wanted, "KERNEL void %s(", kernel);
    const char *at = strstr(text, wanted);
    // A macro may write the heads of kernels that take the same arguments.
    if (!at) {
        snprintf(wanted, sizeof wanted, "KERNEL void NAME(");
        at = strstr(text, wanted);
    }
    if (!at) return -1;
    int count = 0;
    for (at += strlen(wanted); count < MOST_ARGUMENTS; at++) {
        at += strspn(at, " \n\\");
        is_block[count++] = !strncmp(at, "GLOBAL ", strlen("GLOBAL "));
        at += strcspn(at, ",)");
        if (*at != ',') break;
    }
    return count;
}
