#include "fused.h"
#include "math_double.h"
#include "math_float.h"

// Loops over libm's functions stay scalar; this silences the compiler's warning.
#pragma clang diagnostic ignored "-Wpass-failed"

#define T float
#define M(f) f_##f
#include "recurrent_template.h"
#undef T
#undef M
#define T double
#define M(f) d_##f
#include "recurrent_template.h"

void apus_recurrent_cell(apus_recurrent_kind kind, const apus_tensor *input, const apus_tensor *hidden, const apus_tensor *state,
                         const apus_tensor *gates, const apus_tensor *cell, const apus_tensor *out) {
    APUS_BY_TYPE(out->dtype, recurrent_cell, kind, out->shape[0], out->shape[1], input->data, hidden->data, data_of(state), data_of(gates),
                 data_of(cell), out->data);
}

void apus_recurrent_cell_backward(apus_recurrent_kind kind, const apus_tensor *grad, const apus_tensor *gates, const apus_tensor *state,
                                  const apus_tensor *cell, const apus_tensor *out, const apus_tensor *grad_cell,
                                  const apus_tensor *grad_input, const apus_tensor *grad_hidden, const apus_tensor *grad_state) {
    APUS_BY_TYPE(out->dtype, recurrent_cell_backward, kind, out->shape[0], out->shape[1], grad->data, data_of(gates), data_of(state),
                 data_of(cell), out->data, data_of(grad_cell), grad_input->data, data_of(grad_hidden), data_of(grad_state));
}
