#include "tree.h"
#include "core.h"

// Bytes of a tile: all levels of a tree over a thousand operands stay in the second-level cache, those of eight in the first.
enum { TILE = 8192, LEVELS = 32 };

void apus_binary_tree(apus_binary_kind kind, int dtype, const void *const *operands, int n, int64_t count, void *out) {
    static _Thread_local _Alignas(64) char levels[LEVELS][TILE];
    const apus_parameters none = {0};
    int64_t size = apus_size[dtype], step = TILE / size;
    for (int64_t at = 0; at < count; at += step) {
        int64_t m = count - at < step ? count - at : step;
        const void *open[LEVELS]; // subtrees that wait for their right half, larger ones first
        int depth = 0;
        for (int i = 0; i < n; i++) {
            const void *right = (const char *)operands[i] + at * size;
            for (int bits = i; bits & 1; bits >>= 1) {
                depth--;
                apus_binary_flat(kind, dtype, m, open[depth], right, none, levels[depth]);
                right = levels[depth];
            }
            open[depth++] = right;
        }
        while (depth > 1) {
            depth--;
            apus_binary_flat(kind, dtype, m, open[depth - 1], open[depth], none, levels[depth - 1]);
            open[depth - 1] = levels[depth - 1];
        }
        memcpy((char *)out + at * size, open[0], m * size);
    }
}
