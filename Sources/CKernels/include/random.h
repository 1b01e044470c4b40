// Philox 4x32-10. Philox.swift documents which words an element uses.
#ifndef APUS_RANDOM_H
#define APUS_RANDOM_H

#include "tensor.h"

/// out: n contiguous floats of `dtype`; `below` is the largest number below `high`.
void apus_random_uniform(int dtype, int64_t n, void *_Nonnull out, uint64_t seed, uint64_t offset, double low, double high, double below);
void apus_random_normal(int dtype, int64_t n, void *_Nonnull out, uint64_t seed, uint64_t offset, double mean, double std);
/// `value` if the upper 24 bits of a word are below `threshold`, else 0.
void apus_random_bernoulli(int dtype, int64_t n, void *_Nonnull out, uint64_t seed, uint64_t offset, uint32_t threshold, double value);
/// Uniform integers in low ..< low + range, in any dtype.
void apus_random_integers(int dtype, int64_t n, void *_Nonnull out, uint64_t seed, uint64_t offset, int64_t low, uint64_t range);

#endif
