// Macros of the tables of pointwise functions (`pointwise.h`); T and M(f) are defined separately for each type.
#define W(f) f##_wide
#define WRAP(x) ((u64)(x))
#define BITS_OF_T 64
