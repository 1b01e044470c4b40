// The functions of LAPACK that we call, by its Fortran interface: all arguments by address, matrices column by column, 32-bit integers, and
// the lengths of strings at the end. The library is opened at run time, so that a program starts without it; its headers are not needed to
// build. `scripts/check/driver-headers` compares these declarations with the headers.
#ifndef APUS_LAPACK_LIBRARY_H
#define APUS_LAPACK_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// F(name, arguments) for every function that we call, on numbers of type T. Every result is void.
#define APUS_LAPACK_FUNCTIONS(F, T)                                                                                                        \
    F(getrf, (const int32_t *, const int32_t *, T *, const int32_t *, int32_t *, int32_t *))                                               \
    F(getrs, (const char *, const int32_t *, const int32_t *, const T *, const int32_t *, const int32_t *, T *, const int32_t *,           \
              int32_t *, size_t))                                                                                                          \
    F(geqrf, (const int32_t *, const int32_t *, T *, const int32_t *, T *, T *, const int32_t *, int32_t *))                               \
    F(orgqr, (const int32_t *, const int32_t *, const int32_t *, T *, const int32_t *, const T *, T *, const int32_t *, int32_t *))        \
    F(gesdd, (const char *, const int32_t *, const int32_t *, T *, const int32_t *, T *, T *, const int32_t *, T *, const int32_t *, T *,  \
              const int32_t *, int32_t *, int32_t *, size_t))                                                                              \
    F(syevd, (const char *, const char *, const int32_t *, T *, const int32_t *, T *, T *, const int32_t *, int32_t *, const int32_t *,    \
              int32_t *, size_t, size_t))                                                                                                  \
    F(sytrd, (const char *, const int32_t *, T *, const int32_t *, T *, T *, T *, T *, const int32_t *, int32_t *, size_t))                \
    F(stedc, (const char *, const int32_t *, T *, T *, T *, const int32_t *, T *, const int32_t *, int32_t *, const int32_t *, int32_t *,  \
              size_t))                                                                                                                     \
    F(ormtr, (const char *, const char *, const char *, const int32_t *, const int32_t *, const T *, const int32_t *, const T *, T *,      \
              const int32_t *, T *, const int32_t *, int32_t *, size_t, size_t, size_t))                                                   \
    F(gebrd, (const int32_t *, const int32_t *, T *, const int32_t *, T *, T *, T *, T *, T *, const int32_t *, int32_t *))                \
    F(bdsdc, (const char *, const char *, const int32_t *, T *, T *, T *, const int32_t *, T *, const int32_t *, T *, int32_t *, T *,      \
              int32_t *, int32_t *, size_t, size_t))                                                                                       \
    F(ormbr, (const char *, const char *, const char *, const int32_t *, const int32_t *, const int32_t *, const T *, const int32_t *,     \
              const T *, T *, const int32_t *, T *, const int32_t *, int32_t *, size_t, size_t, size_t))                                   \
    F(gels, (const char *, const int32_t *, const int32_t *, const int32_t *, T *, const int32_t *, T *, const int32_t *, T *,             \
             const int32_t *, int32_t *, size_t))                                                                                          \
    F(gelsy, (const int32_t *, const int32_t *, const int32_t *, T *, const int32_t *, T *, const int32_t *, int32_t *, const T *,         \
              int32_t *, T *, const int32_t *, int32_t *))                                                                                 \
    F(gelsd, (const int32_t *, const int32_t *, const int32_t *, T *, const int32_t *, T *, const int32_t *, T *, const T *, int32_t *,    \
              T *, const int32_t *, int32_t *, int32_t *))                                                                                 \
    F(gelss, (const int32_t *, const int32_t *, const int32_t *, T *, const int32_t *, T *, const int32_t *, T *, const T *, int32_t *,    \
              T *, const int32_t *, int32_t *))                                                                                            \
    F(sytrf, (const char *, const int32_t *, T *, const int32_t *, int32_t *, T *, const int32_t *, int32_t *, size_t))                    \
    F(sytrs, (const char *, const int32_t *, const int32_t *, const T *, const int32_t *, const int32_t *, T *, const int32_t *,           \
              int32_t *, size_t))

// The same for internal functions of LAPACK, which its header does not declare: those that merge the halves of a tridiagonal matrix, and
// the BLAS matrix product. NULL if the library lacks them.
#define APUS_LAPACK_PARTS(F, T)                                                                                                            \
    F(laed2, (int32_t *, const int32_t *, const int32_t *, T *, T *, const int32_t *, int32_t *, T *, T *, T *, T *, T *, int32_t *,       \
              int32_t *, int32_t *, int32_t *, int32_t *))                                                                                 \
    F(laed3, (const int32_t *, const int32_t *, const int32_t *, T *, T *, const int32_t *, const T *, T *, T *, int32_t *, int32_t *,     \
              T *, T *, int32_t *))                                                                                                        \
    F(laed4, (const int32_t *, const int32_t *, const T *, const T *, T *, const T *, T *, int32_t *))                                     \
    F(gemm, (const char *, const char *, const int32_t *, const int32_t *, const int32_t *, const T *, const T *, const int32_t *,         \
             const T *, const int32_t *, const T *, T *, const int32_t *, size_t, size_t))

#define APUS_MEMBER(NAME, ARGUMENTS) void(*NAME) ARGUMENTS;
/// The functions for one type of numbers. Since numbers go by address, the type does not show.
typedef struct {
    APUS_LAPACK_FUNCTIONS(APUS_MEMBER, void)
    APUS_LAPACK_PARTS(APUS_MEMBER, void)
} apus_lapack_functions;
#undef APUS_MEMBER

typedef struct {
    apus_lapack_functions of_float, of_double;
} apus_lapack;

/// Opens the library that APUS_LAPACK names, else OpenBLAS or LAPACK, and looks up every function; OpenBLAS computes on the calling thread
/// alone from then on. Returns false if the library or a function is missing; `why` says which.
bool apus_lapack_load(apus_lapack *functions, char *why, size_t capacity);

#endif
