// Hides the differences between oneDNN 2 and 3 that concern us: memory descriptors are structs in 2 and objects in 3, and 3 has no
// operation descriptors.
#ifndef APUS_VERSIONS_H
#define APUS_VERSIONS_H

#include <dnnl.h>
#include <stdbool.h>

typedef enum { APUS_FORWARD, APUS_BACKWARD_INPUT, APUS_BACKWARD_WEIGHT } apus_direction;

/// Whether one of the calls below has run out of memory on this thread since the flag was last set to false.
extern _Thread_local bool apus_starved;

static inline bool apus_succeeded(dnnl_status_t status) {
    if (status == dnnl_out_of_memory) apus_starved = true;
    return status == dnnl_success;
}

#if DNNL_VERSION_MAJOR < 3

typedef dnnl_memory_desc_t apus_md;
typedef const dnnl_memory_desc_t *apus_md_ref;
#define REF(md) (&(md))

static inline bool apus_md_strided(apus_md *md, dnnl_data_type_t type, int rank, const dnnl_dim_t *dims, const dnnl_dim_t *strides) {
    return apus_succeeded(dnnl_memory_desc_init_by_strides(md, rank, dims, type, strides));
}
static inline bool apus_md_tagged(apus_md *md, dnnl_data_type_t type, int rank, const dnnl_dim_t *dims, dnnl_format_tag_t tag) {
    return apus_succeeded(dnnl_memory_desc_init_by_tag(md, rank, dims, type, tag));
}
static inline bool apus_md_copy(apus_md *md, apus_md_ref from) {
    *md = *from;
    return true;
}
static inline void apus_md_free(apus_md *md) { (void)md; }

static inline bool apus_convolution_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, apus_direction direction, const apus_md *x,
                                       const apus_md *w, const apus_md *b, const apus_md *y, const dnnl_dim_t *stride,
                                       const dnnl_dim_t *dilation, const dnnl_dim_t *padding, const dnnl_dim_t *padding_end,
                                       dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attr) {
    dnnl_convolution_desc_t d;
    dnnl_status_t status = dnnl_unimplemented;
    switch (direction) {
    case APUS_FORWARD:
        status = dnnl_dilated_convolution_forward_desc_init(&d, dnnl_forward_training, dnnl_convolution_direct, x, w, b, y, stride,
                                                            dilation, padding, padding_end);
        break;
    case APUS_BACKWARD_INPUT:
        status =
            dnnl_dilated_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, x, w, y, stride, dilation, padding, padding_end);
        break;
    case APUS_BACKWARD_WEIGHT:
        status = dnnl_dilated_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, x, w, b, y, stride, dilation, padding,
                                                                     padding_end);
        break;
    }
    return apus_succeeded(status) && apus_succeeded(dnnl_primitive_desc_create(pd, &d, attr, engine, hint));
}

static inline bool apus_matmul_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const apus_md *a, const apus_md *b, const apus_md *bias,
                                  const apus_md *c, dnnl_primitive_attr_t attr) {
    dnnl_matmul_desc_t d;
    return apus_succeeded(dnnl_matmul_desc_init(&d, a, b, bias, c)) && apus_succeeded(dnnl_primitive_desc_create(pd, &d, attr, engine, 0));
}

#else

typedef dnnl_memory_desc_t apus_md;
typedef const_dnnl_memory_desc_t apus_md_ref;
#define REF(md) (md)

static inline bool apus_md_strided(apus_md *md, dnnl_data_type_t type, int rank, const dnnl_dim_t *dims, const dnnl_dim_t *strides) {
    return apus_succeeded(dnnl_memory_desc_create_with_strides(md, rank, dims, type, strides));
}
static inline bool apus_md_tagged(apus_md *md, dnnl_data_type_t type, int rank, const dnnl_dim_t *dims, dnnl_format_tag_t tag) {
    return apus_succeeded(dnnl_memory_desc_create_with_tag(md, rank, dims, type, tag));
}
static inline bool apus_md_copy(apus_md *md, apus_md_ref from) { return apus_succeeded(dnnl_memory_desc_clone(md, from)); }
static inline void apus_md_free(apus_md *md) {
    if (*md) dnnl_memory_desc_destroy(*md);
    *md = 0;
}

static inline bool apus_convolution_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, apus_direction direction, const apus_md *x,
                                       const apus_md *w, const apus_md *b, const apus_md *y, const dnnl_dim_t *stride,
                                       const dnnl_dim_t *dilation, const dnnl_dim_t *padding, const dnnl_dim_t *padding_end,
                                       dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attr) {
    dnnl_memory_desc_t bias = b ? *b : 0;
    switch (direction) {
    case APUS_FORWARD:
        return apus_succeeded(dnnl_convolution_forward_primitive_desc_create(pd, engine, dnnl_forward_training, dnnl_convolution_direct, *x,
                                                                             *w, bias, *y, stride, dilation, padding, padding_end, attr));
    case APUS_BACKWARD_INPUT:
        return apus_succeeded(dnnl_convolution_backward_data_primitive_desc_create(pd, engine, dnnl_convolution_direct, *x, *w, *y, stride,
                                                                                   dilation, padding, padding_end, hint, attr));
    case APUS_BACKWARD_WEIGHT:
        return apus_succeeded(dnnl_convolution_backward_weights_primitive_desc_create(pd, engine, dnnl_convolution_direct, *x, *w, bias, *y,
                                                                                      stride, dilation, padding, padding_end, hint, attr));
    }
    return false;
}

static inline bool apus_matmul_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const apus_md *a, const apus_md *b, const apus_md *bias,
                                  const apus_md *c, dnnl_primitive_attr_t attr) {
    return apus_succeeded(dnnl_matmul_primitive_desc_create(pd, engine, *a, *b, bias ? *bias : 0, *c, attr));
}

#endif

#endif
