// Runs oneDNN on one thread, whichever thread calls.
#ifndef APUS_SINGLE_H
#define APUS_SINGLE_H

extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int);

// oneDNN uses as many threads as OpenMP reports: one, since our own loops share out the work. The setting belongs to the calling thread.
static inline int apus_single_begin(void) {
    int threads = omp_get_max_threads();
    if (threads != 1) omp_set_num_threads(1);
    return threads;
}

static inline void apus_single_end(int threads) {
    if (threads != 1) omp_set_num_threads(threads);
}

#endif
