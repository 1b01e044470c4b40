// Unrolls convolution windows into the columns of a matrix and back (im2col, col2im), up to three spatial dimensions. `columns` is
// [channels * taps, batch * positions].
typedef struct { i64 batch, channels, in[3], window[3], out[3], stride[3], padding[3], dilation[3]; } Window;
KERNEL void unroll(GLOBAL const S *x, i64 ox, GLOBAL S *columns, i64 oc, Window w) {
    i64 taps = w.window[0] * w.window[1] * w.window[2], positions = w.out[0] * w.out[1] * w.out[2];
    for (i64 g = GLOBAL_ID; g < w.channels * taps * w.batch * positions; g += GLOBAL_COUNT) {
        i64 position = g % positions, image = g / positions % w.batch, row = g / positions / w.batch, tap = row % taps, channel = row / taps;
        i64 place = 0;
        int inside = 1;
        for (int d = 0; d < 3; d++) {
            i64 rest = d == 0 ? w.out[1] * w.out[2] : d == 1 ? w.out[2] : 1, tap_rest = d == 0 ? w.window[1] * w.window[2] : d == 1 ? w.window[2] : 1;
            i64 p = position / rest % w.out[d] * w.stride[d] - w.padding[d] + tap / tap_rest % w.window[d] * w.dilation[d];
            inside = inside && p >= 0 && p < w.in[d];
            place = place * w.in[d] + p;
        }
        WRITE(columns, oc + g, inside ? READ(x, ox + (image * w.channels + channel) * w.in[0] * w.in[1] * w.in[2] + place) : (A)0);
    }
}
KERNEL void roll(GLOBAL const S *columns, i64 oc, GLOBAL S *x, i64 ox, Window w) {
    i64 taps = w.window[0] * w.window[1] * w.window[2], positions = w.out[0] * w.out[1] * w.out[2], plane = w.in[0] * w.in[1] * w.in[2];
    for (i64 g = GLOBAL_ID; g < w.batch * w.channels * plane; g += GLOBAL_COUNT) {
        i64 place = g % plane, channel = g / plane % w.channels, image = g / plane / w.channels;
        A sum = 0;
        for (i64 tap = 0; tap < taps; tap++) {
            i64 position = 0;
            int inside = 1;
            for (int d = 0; d < 3; d++) {
                i64 rest = d == 0 ? w.in[1] * w.in[2] : d == 1 ? w.in[2] : 1, tap_rest = d == 0 ? w.window[1] * w.window[2] : d == 1 ? w.window[2] : 1;
                i64 p = place / rest % w.in[d] + w.padding[d] - tap / tap_rest % w.window[d] * w.dilation[d];
                inside = inside && p >= 0 && p % w.stride[d] == 0 && p / w.stride[d] < w.out[d];
                position = position * w.out[d] + p / w.stride[d];
            }
            if (inside) sum += READ(columns, oc + ((channel * taps + tap) * w.batch + image) * positions + position);
        }
        WRITE(x, ox + g, sum);
    }
}
