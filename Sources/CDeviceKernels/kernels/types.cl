// Reads, writes and rounds values of every dtype.
FUNCTION f32 f32_of_bfloat(u16 bits) { return f32_of_bits((u32)bits << 16); }
FUNCTION u16 bfloat_of_f32(f32 x) {
    u32 bits = bits_of_f32(x);
    if (x != x) return (u16)(bits >> 16 | 0x40);
    return (u16)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
#define SAME(x) (x)
#define FROM_BOOL(x) ((x) != 0)
#define TYPE(D, S, A, OF_MEMORY, TO_MEMORY) \
    typedef S s_##D; \
    typedef A a_##D; \
    FUNCTION A read_##D(GLOBAL const S *p, i64 i) { return (A)OF_MEMORY(p[i]); } \
    FUNCTION void write_##D(GLOBAL S *p, i64 i, A value) { p[i] = (S)TO_MEMORY(value); } \
    FUNCTION A rounded_##D(A value) { return (A)OF_MEMORY((S)TO_MEMORY(value)); }
TYPE(bool, u8, i64, FROM_BOOL, FROM_BOOL)
TYPE(uint8, u8, i64, SAME, SAME)
TYPE(int8, i8, i64, SAME, SAME)
TYPE(int16, i16, i64, SAME, SAME)
TYPE(int32, i32, i64, SAME, SAME)
TYPE(int64, i64, i64, SAME, SAME)
TYPE(float32, f32, f32, SAME, SAME)
TYPE(float16, u16, f32, f32_of_half, half_of_f32)
TYPE(bfloat16, u16, f32, f32_of_bfloat, bfloat_of_f32)
#define I64_MAX ((i64)0x7FFFFFFFFFFFFFFF)
#define I64_MIN (-I64_MAX - 1)
// Truncates toward zero; values out of range become the nearest integer, NaN becomes 0.
#define INTEGER_OF(F) \
    FUNCTION i64 integer_of_##F(F x) { return x != x ? 0 : x >= (F)9223372036854775808.0f ? I64_MAX : x < (F)-9223372036854775808.0f ? I64_MIN : (i64)x; }
INTEGER_OF(f32)
FUNCTION i64 integer_of_i64(i64 x) { return x; }
FUNCTION i64 nearest_integer(i64 x, i64 low, i64 high) { return x < low ? low : x > high ? high : x; }
