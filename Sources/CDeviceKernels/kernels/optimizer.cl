// One optimizer step for one parameter, computed as by the C kernels. Scalars have the type A that is computed in.
KERNEL void sgd(i64 n, GLOBAL S *p, i64 op, GLOBAL const GS *g, i64 og, GLOBAL S *buffer, i64 ob, i64 has_buffer, A lr, A decay, A momentum, A old, A fresh, A sign, i64 nesterov) {
    for (i64 i = GLOBAL_ID; i < n; i += GLOBAL_COUNT) {
        A q = READ(p, op + i), d = sign * GREAD(g, og + i) + decay * q;
        if (has_buffer) {
            A b = old == 0 && fresh == 1 ? d : old * READ(buffer, ob + i) + fresh * d;
            WRITE(buffer, ob + i, b);
            d = nesterov ? d + momentum * b : b;
        }
        WRITE(p, op + i, q - lr * d);
    }
}
KERNEL void adam(i64 n, GLOBAL S *p, i64 op, GLOBAL const GS *g, i64 og, GLOBAL S *average, i64 oa, GLOBAL S *square, i64 os, GLOBAL S *top, i64 ot, i64 has_top,
                 A keep, A decay, A sign, A weight1, A beta2, A weight2, A eps, A step, A root, i64 near) {
    for (i64 i = GLOBAL_ID; i < n; i += GLOBAL_COUNT) {
        A q = READ(p, op + i) * keep, d = sign * GREAD(g, og + i) + decay * q, m = READ(average, oa + i);
        A a = near ? m + weight1 * (d - m) : d - (d - m) * (1 - weight1);
        A s = READ(square, os + i) * beta2 + weight2 * d * d;
        WRITE(average, oa + i, a);
        WRITE(square, os + i, s);
        if (has_top) {
            A t = READ(top, ot + i);
            s = t > s || t != t ? t : s;
            WRITE(top, ot + i, s);
        }
        WRITE(p, op + i, q - step * a / (sqrt(s) / root + eps));
    }
}
KERNEL void rmsprop(i64 n, GLOBAL S *p, i64 op, GLOBAL const GS *g, i64 og, GLOBAL S *square, i64 os, GLOBAL S *buffer, i64 ob, i64 has_buffer, GLOBAL S *average, i64 oa, i64 has_average,
                    A decay, A sign, A alpha, A fresh, A eps, A lr, A momentum, i64 near) {
    for (i64 i = GLOBAL_ID; i < n; i += GLOBAL_COUNT) {
        A q = READ(p, op + i), d = sign * GREAD(g, og + i) + decay * q, s = READ(square, os + i) * alpha + fresh * d * d;
        WRITE(square, os + i, s);
        if (has_average) {
            A m = READ(average, oa + i), a = near ? m + fresh * (d - m) : d - (d - m) * (1 - fresh);
            WRITE(average, oa + i, a);
            s = s - a * a;
        }
        A scale = sqrt(s) + eps;
        if (has_buffer) {
            A b = momentum * READ(buffer, ob + i) + d / scale;
            WRITE(buffer, ob + i, b);
            WRITE(p, op + i, q - lr * b);
        } else {
            WRITE(p, op + i, q - lr * d / scale);
        }
    }
}
