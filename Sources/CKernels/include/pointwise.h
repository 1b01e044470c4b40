// Functions of one, two and three elements. Operands have any strides; out is contiguous and may be the same memory as an operand. The flat
// forms take contiguous operands and have the least overhead for few elements.
//
// The functions are in three tables, `unary.def`, `binary.def` and `compare.def`, one per line: the name, the dtypes it exists for, and
// what it computes, in a language that both the processor's C and the devices' dialect of C compile. Everything else is generated from
// these lines: the kinds below, which Swift imports as enums; the kernels (`pointwise_kernels.h`); and what ops and device kernels ask for
// (`apus_function`). The language:
//
// - x, y: the operands, of type T. 16-bit floats are read as float32, bool as 0 and 1. On a device, T for integers is its widest integer.
// - A, B, C: the constants; of type T for floats, int64 for integers.
// - M(f): the elementary function f for type T. W(f): the function f for the widest float, whatever T is, since its code is long.
// - WRAP(x): the integer as unsigned, so that it may wrap; the result keeps the low bits of T, which has BITS_OF_T.
#ifndef APUS_POINTWISE_H
#define APUS_POINTWISE_H

#include "kinds.h"
#include "tensor.h"

/// The functions of one number.
#define TABLE "unary.def"
#define ROW(NAME) APUS_UNARY_##NAME __attribute__((swift_name(#NAME))),
typedef APUS_KINDS("UnaryKind") apus_unary_kind : int32_t{
#include "../names.def"
                                                  } apus_unary_kind;
#undef ROW
#define ROW(NAME) +1
enum {
    APUS_UNARY_COUNT =
#include "../names.def"
};
#undef ROW
#undef TABLE

/// The functions of two numbers.
#define TABLE "binary.def"
#define ROW(NAME) APUS_BINARY_##NAME __attribute__((swift_name(#NAME))),
typedef APUS_KINDS("BinaryKind") apus_binary_kind : int32_t{
#include "../names.def"
                                                    } apus_binary_kind;
#undef ROW
#define ROW(NAME) +1
enum {
    APUS_BINARY_COUNT =
#include "../names.def"
};
#undef ROW
#undef TABLE

/// The comparisons.
#define TABLE "compare.def"
#define ROW(NAME) APUS_COMPARE_##NAME __attribute__((swift_name(#NAME))),
typedef APUS_KINDS("CompareKind") apus_compare_kind : int32_t{
#include "../names.def"
                                                      } apus_compare_kind;
#undef ROW
#define ROW(NAME) +1
enum {
    APUS_COMPARE_COUNT =
#include "../names.def"
};
#undef ROW
#undef TABLE

void apus_unary(apus_unary_kind kind, const apus_tensor *_Nonnull x, apus_parameters p, const apus_tensor *_Nonnull out);
void apus_unary_flat(apus_unary_kind kind, int dtype, int64_t n, const void *_Nonnull x, apus_parameters p, void *_Nonnull out);

void apus_binary(apus_binary_kind kind, const apus_tensor *_Nonnull a, const apus_tensor *_Nonnull b, apus_parameters p,
                 const apus_tensor *_Nonnull out);
void apus_binary_flat(apus_binary_kind kind, int dtype, int64_t n, const void *_Nonnull a, const void *_Nonnull b, apus_parameters p,
                      void *_Nonnull out);

void apus_compare(apus_compare_kind kind, const apus_tensor *_Nonnull a, const apus_tensor *_Nonnull b, const apus_tensor *_Nonnull out);
void apus_compare_flat(apus_compare_kind kind, int dtype, int64_t n, const void *_Nonnull a, const void *_Nonnull b, void *_Nonnull out);

void apus_select(const apus_tensor *_Nonnull condition, const apus_tensor *_Nonnull a, const apus_tensor *_Nonnull b,
                 const apus_tensor *_Nonnull out);

/// Mantissas (magnitude ½ … 1, 0 for 0) and exponents of n contiguous float32 or float64 numbers. A non-finite number is its own mantissa,
/// with exponent 0.
void apus_frexp(int dtype, int64_t n, const void *_Nonnull x, void *_Nonnull mantissa, int32_t *_Nonnull exponent);

/// A function's line in its table.
typedef struct {
    const char *_Nonnull name;
    /// Its expressions, in the language above; NULL if it does not exist for such dtypes.
    const char *_Nullable of_floats, *_Nullable of_integers, *_Nullable of_bool;
    /// Whether the result is bool, whatever the operands' dtype.
    bool is_predicate;
    /// Whether its expression is a function of this name that compilers have, the processor's and devices'.
    bool is_of_library;
} apus_function;

apus_function apus_unary_function(apus_unary_kind kind);
apus_function apus_binary_function(apus_binary_kind kind);
apus_function apus_compare_function(apus_compare_kind kind);

#endif
