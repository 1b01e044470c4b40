// Steps of recurrent cells for one float type. Included by `recurrent.c` with T the type, M(f) its elementary function. The formulas are
// those of `kinds.h`. A row is one sequence of the batch; loops over hidden units vectorise.

typedef struct {
    apus_recurrent_kind kind;
    int64_t n; // hidden units
    const T *input, *hidden, *state, *gates, *cell, *out_saved, *grad;
    T *out_gates, *out_cell, *out, *grad_cell, *grad_input, *grad_hidden, *grad_state;
} M(cell_job);

APUS_CLONES static void M(lstm_row)(int64_t n, const T *x, const T *y, const T *c, T *gates, T *next, T *out) {
    APUS_SIMD for (int64_t j = 0; j < n; j++) {
        T i = M(sigmoid)(x[j] + y[j]);
        T f = M(sigmoid)(x[n + j] + y[n + j]);
        T g = M(tanh)(x[2 * n + j] + y[2 * n + j]);
        T o = M(sigmoid)(x[3 * n + j] + y[3 * n + j]);
        T s = f * c[j] + i * g;
        gates[j] = i;
        gates[n + j] = f;
        gates[2 * n + j] = g;
        gates[3 * n + j] = o;
        next[j] = s;
        out[j] = o * M(tanh)(s);
    }
}

// grad_cell holds the gradient of c′ from the next step, and is replaced by the gradient of c.
APUS_CLONES static void M(lstm_back_row)(int64_t n, const T *grad, const T *gates, const T *c, const T *next, T *grad_cell, T *out) {
    APUS_SIMD for (int64_t j = 0; j < n; j++) {
        T i = gates[j], f = gates[n + j], g = gates[2 * n + j], o = gates[3 * n + j], t = M(tanh)(next[j]);
        T d = grad_cell[j] + grad[j] * o * (1 - t * t);
        out[j] = d * g * i * (1 - i);
        out[n + j] = d * c[j] * f * (1 - f);
        out[2 * n + j] = d * i * (1 - g * g);
        out[3 * n + j] = grad[j] * t * o * (1 - o);
        grad_cell[j] = d * f;
    }
}

APUS_CLONES static void M(gru_row)(int64_t n, const T *x, const T *y, const T *h, T *gates, T *out) {
    APUS_SIMD for (int64_t j = 0; j < n; j++) {
        T r = M(sigmoid)(x[j] + y[j]);
        T z = M(sigmoid)(x[n + j] + y[n + j]);
        T hn = y[2 * n + j];
        T c = M(tanh)(x[2 * n + j] + r * hn);
        gates[j] = r;
        gates[n + j] = z;
        gates[2 * n + j] = c;
        gates[3 * n + j] = hn;
        out[j] = c + z * (h[j] - c);
    }
}

APUS_CLONES static void M(gru_back_row)(int64_t n, const T *grad, const T *gates, const T *h, T *grad_input, T *grad_hidden,
                                        T *grad_state) {
    APUS_SIMD for (int64_t j = 0; j < n; j++) {
        T r = gates[j], z = gates[n + j], c = gates[2 * n + j], hn = gates[3 * n + j], g = grad[j];
        T dc = g * (1 - z) * (1 - c * c);
        T dz = g * (h[j] - c) * z * (1 - z);
        T dr = dc * hn * r * (1 - r);
        grad_input[j] = dr;
        grad_input[n + j] = dz;
        grad_input[2 * n + j] = dc;
        grad_hidden[j] = dr;
        grad_hidden[n + j] = dz;
        grad_hidden[2 * n + j] = dc * r;
        grad_state[j] = g * z;
    }
}

APUS_CLONES static void M(tanh_row)(int64_t n, const T *x, const T *y, T *out) {
    APUS_SIMD for (int64_t j = 0; j < n; j++) out[j] = M(tanh)(x[j] + y[j]);
}
APUS_CLONES static void M(relu_row)(int64_t n, const T *x, const T *y, T *out) {
    APUS_SIMD for (int64_t j = 0; j < n; j++) out[j] = x[j] + y[j] <= 0 ? (T)0 : x[j] + y[j];
}
APUS_CLONES static void M(tanh_back_row)(int64_t n, const T *grad, const T *y, T *out) {
    APUS_SIMD for (int64_t j = 0; j < n; j++) out[j] = grad[j] * (1 - y[j] * y[j]);
}
APUS_CLONES static void M(relu_back_row)(int64_t n, const T *grad, const T *y, T *out) {
    APUS_SIMD for (int64_t j = 0; j < n; j++) out[j] = y[j] <= 0 ? (T)0 : grad[j];
}

static void M(cell_rows)(void *context, int64_t begin, int64_t end) {
    const M(cell_job) *j = context;
    const int64_t n = j->n, in = apus_recurrent_gates(j->kind) * n, kept = apus_recurrent_kept(j->kind) * n;
    for (int64_t r = begin; r < end; r++) {
        switch (j->kind) {
        case APUS_RECURRENT_lstm:
            M(lstm_row)
            (n, j->input + in * r, j->hidden + in * r, j->state + n * r, j->out_gates + kept * r, j->out_cell + n * r, j->out + n * r);
            break;
        case APUS_RECURRENT_gru:
            M(gru_row)(n, j->input + in * r, j->hidden + in * r, j->state + n * r, j->out_gates + kept * r, j->out + n * r);
            break;
        case APUS_RECURRENT_tanh: M(tanh_row)(n, j->input + in * r, j->hidden + in * r, j->out + n * r); break;
        case APUS_RECURRENT_relu: M(relu_row)(n, j->input + in * r, j->hidden + in * r, j->out + n * r); break;
        }
    }
}

static void M(cell_back_rows)(void *context, int64_t begin, int64_t end) {
    const M(cell_job) *j = context;
    const int64_t n = j->n, in = apus_recurrent_gates(j->kind) * n, kept = apus_recurrent_kept(j->kind) * n;
    for (int64_t r = begin; r < end; r++) {
        const T *grad = j->grad + n * r;
        switch (j->kind) {
        case APUS_RECURRENT_lstm:
            M(lstm_back_row)
            (n, grad, j->gates + kept * r, j->state + n * r, j->cell + n * r, j->grad_cell + n * r, j->grad_input + in * r);
            break;
        case APUS_RECURRENT_gru:
            M(gru_back_row)
            (n, grad, j->gates + kept * r, j->state + n * r, j->grad_input + in * r, j->grad_hidden + in * r, j->grad_state + n * r);
            break;
        case APUS_RECURRENT_tanh: M(tanh_back_row)(n, grad, j->out_saved + n * r, j->grad_input + in * r); break;
        case APUS_RECURRENT_relu: M(relu_back_row)(n, grad, j->out_saved + n * r, j->grad_input + in * r); break;
        }
    }
}

/// Rows for some microseconds of work: a hidden unit costs five elementary functions.
static int64_t M(cell_grain)(int64_t n) { return APUS_GRAIN / 16 / (n < 1 ? 1 : n) + 1; }

static void M(recurrent_cell)(apus_recurrent_kind kind, int64_t rows, int64_t n, const T *input, const T *hidden, const T *state, T *gates,
                              T *cell, T *out) {
    M(cell_job)
    j = {.kind = kind, .n = n, .input = input, .hidden = hidden, .state = state, .out_gates = gates, .out_cell = cell, .out = out};
    apus_parallel_for(rows, M(cell_grain)(n), M(cell_rows), &j);
}

static void M(recurrent_cell_backward)(apus_recurrent_kind kind, int64_t rows, int64_t n, const T *grad, const T *gates, const T *state,
                                       const T *cell, const T *out, T *grad_cell, T *grad_input, T *grad_hidden, T *grad_state) {
    M(cell_job)
    j = {.kind = kind,
         .n = n,
         .grad = grad,
         .gates = gates,
         .state = state,
         .cell = cell,
         .out_saved = out,
         .grad_cell = grad_cell,
         .grad_input = grad_input,
         .grad_hidden = grad_hidden,
         .grad_state = grad_state};
    apus_parallel_for(rows, M(cell_grain)(n), M(cell_back_rows), &j);
}
