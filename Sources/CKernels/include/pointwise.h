// Functions of one, two and three elements. Kinds are the raw values of Swift's `UnaryKind`, `BinaryKind` and `CompareKind`;
// `Backend.swift` says what each computes. Operands have any strides, out is contiguous and may be the very same memory as an operand.
// The flat forms take contiguous operands and cost least for few elements.
#ifndef APUS_POINTWISE_H
#define APUS_POINTWISE_H

#include "tensor.h"

void apus_unary(int kind, const apus_tensor *_Nonnull x, apus_parameters p, const apus_tensor *_Nonnull out);
void apus_unary_flat(int kind, int dtype, int64_t n, const void *_Nonnull x, apus_parameters p, void *_Nonnull out);

void apus_binary(int kind, const apus_tensor *_Nonnull a, const apus_tensor *_Nonnull b, apus_parameters p, const apus_tensor *_Nonnull out);
void apus_binary_flat(int kind, int dtype, int64_t n, const void *_Nonnull a, const void *_Nonnull b, apus_parameters p, void *_Nonnull out);

void apus_compare(int kind, const apus_tensor *_Nonnull a, const apus_tensor *_Nonnull b, const apus_tensor *_Nonnull out);
void apus_compare_flat(int kind, int dtype, int64_t n, const void *_Nonnull a, const void *_Nonnull b, void *_Nonnull out);

void apus_select(const apus_tensor *_Nonnull condition, const apus_tensor *_Nonnull a, const apus_tensor *_Nonnull b, const apus_tensor *_Nonnull out);

/// The name of a kind as the tables here spell it, NULL beyond the last: a test compares them with Swift's enums.
const char *_Nullable apus_unary_name(int kind);
const char *_Nullable apus_binary_name(int kind);

#endif
