// The rules of optimizers, each a loop over the elements of one parameter. The processor's C and the device kernels include this file. Both
// define
//
// - T, the type of numbers that are computed with, and SQRT(x), its square root;
// - RULE(NAME), the head of a rule's function, and EACH(i), of the loop over its elements;
// - NUMBER(k), the numbers of the step in the order in which the optimizer's `kernel` in ApusOptim lists them; a flag is 0 or 1;
// - PARAMETER(i), GRADIENT(i) and STATE(s, i), the elements, SET_PARAMETER and SET_STATE, which write them, and HAS_STATE(s), whether there
//   is a state at place s of the optimizer's list.
//
// Formulas and their order are those of PyTorch's single-tensor implementations. On the processor a product and a sum of one expression
// become a fused multiply-add, so the bits of a result depend on where an expression ends.

RULE(sgd) {
    const T lr = NUMBER(0), decay = NUMBER(1), sign = NUMBER(2), momentum = NUMBER(3), fresh = NUMBER(4);
    const bool first = NUMBER(5) != 0, nesterov = NUMBER(6) != 0;
    EACH(i) {
        T q = PARAMETER(i), d = sign * GRADIENT(i) + decay * q;
        if (HAS_STATE(0)) {
            T b = first ? d : momentum * STATE(0, i) + fresh * d;
            SET_STATE(0, i, b);
            d = nesterov ? d + momentum * b : b;
        }
        SET_PARAMETER(i, q - lr * d);
    }
}

RULE(adam) {
    const T keep = NUMBER(0), decay = NUMBER(1), sign = NUMBER(2), weight1 = NUMBER(3), beta2 = NUMBER(4), weight2 = NUMBER(5);
    const T eps = NUMBER(6), step = NUMBER(7), root = NUMBER(8);
    const bool near = NUMBER(9) != 0; // The average moves from the nearer end.
    EACH(i) {
        T q = PARAMETER(i) * keep, d = sign * GRADIENT(i) + decay * q, m = STATE(0, i);
        T a = near ? m + weight1 * (d - m) : d - (d - m) * (1 - weight1);
        T s = STATE(1, i) * beta2 + weight2 * d * d;
        SET_STATE(0, i, a);
        SET_STATE(1, i, s);
        if (HAS_STATE(2)) {
            T top = STATE(2, i);
            s = ((top > s) | (top != top)) ? top : s;
            SET_STATE(2, i, s);
        }
        SET_PARAMETER(i, q - step * a / (SQRT(s) / root + eps));
    }
}

RULE(rmsprop) {
    const T lr = NUMBER(0), decay = NUMBER(1), sign = NUMBER(2), alpha = NUMBER(3), fresh = NUMBER(4), eps = NUMBER(5);
    const T momentum = NUMBER(6);
    const bool near = NUMBER(7) != 0; // The average moves from the nearer end.
    EACH(i) {
        T q = PARAMETER(i), d = sign * GRADIENT(i) + decay * q;
        T s = STATE(0, i) * alpha + fresh * d * d;
        SET_STATE(0, i, s);
        if (HAS_STATE(2)) {
            T m = STATE(2, i);
            T a = near ? m + fresh * (d - m) : d - (d - m) * (1 - fresh);
            SET_STATE(2, i, a);
            s = s - a * a;
        }
        T scale = SQRT(s) + eps;
        if (HAS_STATE(1)) {
            T b = momentum * STATE(1, i) + d / scale;
            SET_STATE(1, i, b);
            SET_PARAMETER(i, q - lr * b);
        } else {
            SET_PARAMETER(i, q - lr * d / scale);
        }
    }
}
