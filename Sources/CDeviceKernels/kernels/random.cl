// Philox 4x32-10: an item computes one block and its PER_BLOCK elements (see `Philox.swift`). KIND is a `RandomDistribution`. A uniform
// number of float32 or smaller uses the top BITS bits of a word.
typedef struct { u32 word[4]; } Block;
FUNCTION Block philox(u64 key, u64 counter) {
    u32 k0 = (u32)key, k1 = (u32)(key >> 32), c0 = (u32)counter, c1 = (u32)(counter >> 32), c2 = 0, c3 = 0;
    for (int round = 0; round < 10; round++) {
        u32 high0 = mul_high32(c0, 0xD2511F53u), low0 = c0 * 0xD2511F53u, high1 = mul_high32(c2, 0xCD9E8D57u), low1 = c2 * 0xCD9E8D57u;
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    Block b;
    b.word[0] = c0; b.word[1] = c1; b.word[2] = c2; b.word[3] = c3;
    return b;
}
FUNCTION u64 wide_word(Block b, int which) { return (u64)b.word[2 * which] | (u64)b.word[2 * which + 1] << 32; }
KERNEL void random_fill(i64 n, GLOBAL S *y, i64 oy, u64 seed, u64 offset, A first, A second, A below, i64 low, u64 range) {
    for (i64 block = GLOBAL_ID; block * PER_BLOCK < n; block += GLOBAL_COUNT) {
        Block b = philox(seed, offset + (u64)block);
        A made[PER_BLOCK];
#if KIND == KIND_integers
        for (int i = 0; i < 2; i++) made[i] = (i64)((u64)low + mul_high64(wide_word(b, i), range));
#elif KIND == KIND_bernoulli
        for (int i = 0; i < 4; i++) made[i] = b.word[i] >> 8 < (u32)range ? first : 0;
#elif KIND == KIND_uniform && PER_BLOCK == 2
        for (int i = 0; i < 2; i++) {
            A u = (A)(wide_word(b, i) >> 11) * (A)0x1p-53;
            u = second * u;
            u = first + u;
            made[i] = u > below ? below : u;
        }
#elif KIND == KIND_uniform
        for (int i = 0; i < 4; i++) {
            A u = (A)(b.word[i] >> (32 - BITS)) * (BITS == 24 ? 0x1p-24f : BITS == 11 ? 0x1p-11f : 0x1p-8f);
            u = second * u;
            u = first + u;
            made[i] = u > below ? below : u;
        }
#elif KIND == KIND_normal && PER_BLOCK == 2
        A r = sqrt(-2 * log((A)(wide_word(b, 0) >> 11) * (A)0x1p-53 + (A)0x1p-54)), s = (A)((i64)wide_word(b, 1) >> 11) * (A)0x1p-52;
        A x = r * cospi(s), z = r * sinpi(s);
        x = second * x;
        z = second * z;
        made[0] = first + x;
        made[1] = first + z;
#elif KIND == KIND_normal
        for (int i = 0; i < 2; i++) {
            A u = (A)b.word[2 * i] * 0x1p-32f;
            u = u + 0x1p-33f;
            A r = sqrt(-2.0f * log(u)), s = (A)(i32)b.word[2 * i + 1] * 0x1p-31f;
            A x = r * cospi(s), z = r * sinpi(s);
            x = second * x;
            z = second * z;
            made[2 * i] = first + x;
            made[2 * i + 1] = first + z;
        }
#else
#error "no such kind"
#endif
        for (int i = 0; i < PER_BLOCK && block * PER_BLOCK + i < n; i++) WRITE(y, oy + block * PER_BLOCK + i, made[i]);
    }
}
