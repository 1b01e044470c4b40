// The source text of the device kernels: the files of `kernels/` and the headers of CKernels that both sides share, embedded at build time.
// They are written in the dialect that ApusCore's Dialect.swift describes.
#ifndef APUS_CDEVICEKERNELS_H
#define APUS_CDEVICEKERNELS_H

const char *_Nonnull apus_cl_opencl(void);
const char *_Nonnull apus_cl_cuda(void);
const char *_Nonnull apus_cl_types(void);
const char *_Nonnull apus_cl_float64(void);
const char *_Nonnull apus_cl_arithmetic(void);
const char *_Nonnull apus_cl_space(void);
const char *_Nonnull apus_cl_compensated_sum(void);
const char *_Nonnull apus_cl_group_sum(void);
const char *_Nonnull apus_cl_softmax(void);
const char *_Nonnull apus_cl_normalization(void);
const char *_Nonnull apus_cl_recurrent(void);
const char *_Nonnull apus_cl_optimizer(void);
const char *_Nonnull apus_cl_optimizer_rules(void);
const char *_Nonnull apus_cl_index_report(void);
const char *_Nonnull apus_cl_index_select(void);
const char *_Nonnull apus_cl_index_add(void);
const char *_Nonnull apus_cl_gather(void);
const char *_Nonnull apus_cl_scatter(void);
const char *_Nonnull apus_cl_nonzero(void);
const char *_Nonnull apus_cl_random(void);
const char *_Nonnull apus_cl_frexp(void);
const char *_Nonnull apus_cl_product(void);
const char *_Nonnull apus_cl_windows(void);
const char *_Nonnull apus_cl_pooling(void);
const char *_Nonnull apus_cl_reduction(void);
const char *_Nonnull apus_cl_reduce_rows(void);
const char *_Nonnull apus_cl_reduce_columns(void);
const char *_Nonnull apus_cl_arg_reduce(void);
const char *_Nonnull apus_cl_scan(void);
const char *_Nonnull apus_cl_linear_scan(void);
const char *_Nonnull apus_cl_sort(void);
const char *_Nonnull apus_cl_expressions(void);
const char *_Nonnull apus_cl_integers(void);
const char *_Nonnull apus_cl_any(void);
const char *_Nonnull apus_cl_elementary(void);
const char *_Nonnull apus_cl_plain(void);
const char *_Nonnull apus_cl_exact(void);
const char *_Nonnull apus_cl_pairs(void);
const char *_Nonnull apus_cl_wide(void);
const char *_Nonnull apus_cl_gamma(void);
const char *_Nonnull apus_cl_special(void);

#endif
