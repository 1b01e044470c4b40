// Optimizer updates for one float type: included by `optimizer.c` with T the type, M(f) a name.
// Formulas and their order are those of PyTorch's single-tensor implementations.

APUS_CLONES static void M(sgd)(const apus_optimizer_rule *r, int64_t n, T *restrict p, const T *restrict g, T *restrict buffer) {
    const T lr = (T)r->lr, decay = (T)r->decay, momentum = (T)r->momentum, fresh = (T)(1 - r->dampening);
    const T sign = r->maximize ? -1 : 1;
    if (!buffer) {
        for (int64_t i = 0; i < n; i++) {
            T d = sign * g[i] + decay * p[i];
            p[i] = p[i] - lr * d;
        }
        return;
    }
    // `first` and `nesterov` become factors, so that one loop serves all cases.
    const bool first = r->first, nesterov = r->nesterov;
    const T old = first ? 0 : momentum, add = first ? 1 : fresh;
    for (int64_t i = 0; i < n; i++) {
        T d = sign * g[i] + decay * p[i];
        T b = first ? d : old * buffer[i] + add * d;
        buffer[i] = b;
        d = nesterov ? d + momentum * b : b;
        p[i] = p[i] - lr * d;
    }
}

APUS_CLONES static void M(adam)(const apus_optimizer_rule *r, int64_t n, T *restrict p, const T *restrict g, T *restrict average,
                                T *restrict square, T *restrict top) {
    const T sign = r->maximize ? -1 : 1, keep = r->decoupled ? (T)(1 - r->lr * r->decay) : 1, decay = r->decoupled ? 0 : (T)r->decay;
    const T weight1 = (T)(1 - r->beta1), beta2 = (T)r->beta2, weight2 = (T)(1 - r->beta2), eps = (T)r->eps;
    const T step = (T)(r->lr / r->correction1), root = (T)r->correction2_sqrt;
    const bool near = r->beta1 > 0.5; // lerp starts from the nearer end
    for (int64_t i = 0; i < n; i++) {
        T q = p[i] * keep;
        T d = sign * g[i] + decay * q;
        T a = near ? average[i] + weight1 * (d - average[i]) : d - (d - average[i]) * (1 - weight1);
        T s = square[i] * beta2 + weight2 * d * d;
        average[i] = a;
        square[i] = s;
        if (top) {
            s = ((top[i] > s) | (top[i] != top[i])) ? top[i] : s;
            top[i] = s;
        }
        p[i] = q - step * a / (f_sqrt(s) / root + eps);
    }
}

APUS_CLONES static void M(rmsprop)(const apus_optimizer_rule *r, int64_t n, T *restrict p, const T *restrict g, T *restrict square,
                                   T *restrict buffer, T *restrict average) {
    const T sign = r->maximize ? -1 : 1, decay = (T)r->decay, alpha = (T)r->alpha, fresh = (T)(1 - r->alpha), eps = (T)r->eps;
    const T lr = (T)r->lr, momentum = (T)r->momentum;
    const bool near = r->alpha > 0.5;
    for (int64_t i = 0; i < n; i++) {
        T d = sign * g[i] + decay * p[i];
        T s = square[i] * alpha + fresh * d * d;
        square[i] = s;
        if (average) {
            T a = near ? average[i] + fresh * (d - average[i]) : d - (d - average[i]) * (1 - fresh);
            average[i] = a;
            s = s - a * a;
        }
        T scale = f_sqrt(s) + eps;
        if (buffer) {
            T b = momentum * buffer[i] + d / scale;
            buffer[i] = b;
            p[i] = p[i] - lr * b;
        } else {
            p[i] = p[i] - lr * d / scale;
        }
    }
}

static void M(step_part)(const apus_optimizer_rule *r, const apus_optimizer_item *item, int64_t begin, int64_t end) {
    T *p = (T *)item->parameter + begin, *state[3];
    const T *g = (const T *)item->gradient + begin;
    for (int s = 0; s < 3; s++) state[s] = item->state[s] ? (T *)item->state[s] + begin : NULL;
    int64_t n = end - begin;
    switch (r->rule) {
    case 0: M(sgd)(r, n, p, g, state[0]); break;
    case 1: M(adam)(r, n, p, g, state[0], state[1], r->amsgrad ? state[2] : NULL); break;
    default: {
        bool moving = r->momentum != 0;
        M(rmsprop)(r, n, p, g, state[0], moving ? state[1] : NULL, r->centered ? state[moving ? 2 : 1] : NULL);
    }
    }
}

/// Updates the elements [begin, end) of the concatenation of all parameters.
static void M(step_body)(void *context, int64_t begin, int64_t end) {
    const step_job *job = context;
    int64_t start = 0;
    for (int64_t k = 0; k < job->count && start < end; k++) {
        int64_t n = job->items[k].n;
        int64_t from = begin > start ? begin - start : 0, to = end - start < n ? end - start : n;
        if (from < to) M(step_part)(job->rule, &job->items[k], from, to);
        start += n;
    }
}

static void M(optimizer_step)(const apus_optimizer_rule *rule, int64_t count, const apus_optimizer_item *items) {
    step_job job = {rule, count, items};
    int64_t n = 0;
    for (int64_t k = 0; k < count; k++) n += items[k].n;
    apus_parallel_for(n, APUS_GRAIN, M(step_body), &job);
}
