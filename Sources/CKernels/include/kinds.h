// The kinds of the families of kernels. Each family has one list of names; of it are made C's enum (APUS_REDUCE_sum, …), Swift's, and
// KIND_sum, … of the devices' kernels. Numbers that belong to a kind stand beside its name. A switch over kinds has no default, so that a
// kind without a kernel does not compile. Pointwise functions have tables instead (`pointwise.h`).
#ifndef APUS_KINDS_H
#define APUS_KINDS_H

#include <stdint.h>

#define APUS_KINDS(SWIFT_NAME) enum __attribute__((enum_extensibility(closed), swift_name(SWIFT_NAME)))

#define APUS_KIND(FAMILY, NAME, ...) APUS_##FAMILY##_##NAME __attribute__((swift_name(#NAME))),
#define APUS_KIND_NAME(FAMILY, NAME, ...) [APUS_##FAMILY##_##NAME] = #NAME,
#define APUS_KIND_COUNT(FAMILY, NAME, ...) +1
/// Declares the enum of the list APUS_FAMILY_KINDS, the number of its kinds and their names.
#define APUS_FAMILY(SWIFT_NAME, FAMILY, PREFIX)                                                                                            \
    typedef APUS_KINDS(SWIFT_NAME) PREFIX##_kind : int32_t{APUS_##FAMILY##_KINDS(APUS_KIND)} PREFIX##_kind;                                \
    enum { APUS_##FAMILY##_COUNT = APUS_##FAMILY##_KINDS(APUS_KIND_COUNT) };                                                               \
    static inline const char *_Nonnull PREFIX##_name(PREFIX##_kind kind) {                                                                 \
        static const char *const names[] = {APUS_##FAMILY##_KINDS(APUS_KIND_NAME)};                                                        \
        return names[kind];                                                                                                                \
    }

#define APUS_REDUCE_KINDS(KIND)                                                                                                            \
    KIND(REDUCE, sum)                                                                                                                      \
    KIND(REDUCE, mean) KIND(REDUCE, prod) KIND(REDUCE, min) KIND(REDUCE, max) KIND(REDUCE, any) KIND(REDUCE, all)
APUS_FAMILY("ReduceKind", REDUCE, apus_reduce)

/// The position of the first largest or smallest element.
#define APUS_ARG_REDUCE_KINDS(KIND) KIND(ARG_REDUCE, max) KIND(ARG_REDUCE, min)
APUS_FAMILY("ArgReduceKind", ARG_REDUCE, apus_arg_reduce)

/// Cumulative sums and products.
#define APUS_SCAN_KINDS(KIND) KIND(SCAN, sum) KIND(SCAN, prod)
APUS_FAMILY("ScanKind", SCAN, apus_scan)

/// What becomes of the element that is there and the one that comes.
#define APUS_SCATTER_KINDS(KIND) KIND(SCATTER, set) KIND(SCATTER, add) KIND(SCATTER, multiply) KIND(SCATTER, min) KIND(SCATTER, max)
APUS_FAMILY("ScatterKind", SCATTER, apus_scatter)

/// Recurrent cells. x and y are the products of input and hidden state, split into the kind's gates.
///
/// - lstm: i = σ(xᵢ + yᵢ), f = σ(x_f + y_f), g = tanh(x_g + y_g), o = σ(xₒ + yₒ); c′ = f·c + i·g, h′ = o·tanh c′. `gates` keeps i, f, g, o.
/// - gru: r = σ(xᵣ + yᵣ), z = σ(x_z + y_z), n = tanh(xₙ + r·yₙ); h′ = n + z·(h − n). `gates` keeps r, z, n, yₙ.
/// - tanh: h′ = tanh(x + y)
/// - relu: h′ = max(x + y, 0)
///
/// With each kind: the number of gates in the products, and how many numbers per hidden unit the derivative needs, which `gates` keeps.
#define APUS_RECURRENT_KINDS(KIND)                                                                                                         \
    KIND(RECURRENT, lstm, 4, 4) KIND(RECURRENT, gru, 3, 4) KIND(RECURRENT, tanh, 1, 0) KIND(RECURRENT, relu, 1, 0)
APUS_FAMILY("RecurrentKind", RECURRENT, apus_recurrent)

#define APUS_KIND_GATES(FAMILY, NAME, GATES, KEPT) [APUS_##FAMILY##_##NAME] = GATES,
static inline int64_t apus_recurrent_gates(apus_recurrent_kind kind) {
    static const int8_t gates[] = {APUS_RECURRENT_KINDS(APUS_KIND_GATES)};
    return gates[kind];
}

#define APUS_KIND_KEPT(FAMILY, NAME, GATES, KEPT) [APUS_##FAMILY##_##NAME] = KEPT,
static inline int64_t apus_recurrent_kept(apus_recurrent_kind kind) {
    static const int8_t kept[] = {APUS_RECURRENT_KINDS(APUS_KIND_KEPT)};
    return kept[kind];
}

/// The optimizers whose rule has a kernel, in `optimizer_rules.h`.
#define APUS_OPTIMIZER_KINDS(KIND) KIND(OPTIMIZER, sgd) KIND(OPTIMIZER, adam) KIND(OPTIMIZER, rmsprop)
APUS_FAMILY("OptimizerKind", OPTIMIZER, apus_optimizer)

/// Distributions of random numbers.
#define APUS_RANDOM_KINDS(KIND) KIND(RANDOM, uniform) KIND(RANDOM, normal) KIND(RANDOM, integers) KIND(RANDOM, bernoulli)
APUS_FAMILY("RandomDistribution", RANDOM, apus_random)

#endif
