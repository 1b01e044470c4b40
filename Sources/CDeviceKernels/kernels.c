#include "CDeviceKernels.h"

// `#embed` belongs to C23. Swift's clang supports it, but warns at each use.
#pragma clang diagnostic ignored "-Wc23-extensions"

// The formatter would break these lines.
// clang-format off

#define FILE(NAME) const char *apus_cl_##NAME(void) { static const char text[] = {
#define END }; return text; }

FILE(opencl)
#embed "kernels/opencl.cl" suffix(, 0)
END
FILE(cuda)
#embed "kernels/cuda.cl" suffix(, 0)
END
FILE(types)
#embed "kernels/types.cl" suffix(, 0)
END
FILE(float64)
#embed "kernels/float64.cl" suffix(, 0)
END
FILE(arithmetic)
#embed "kernels/arithmetic.cl" suffix(, 0)
END
FILE(space)
#embed "kernels/space.cl" suffix(, 0)
END
FILE(compensated_sum)
#embed "kernels/compensated_sum.cl" suffix(, 0)
END
FILE(group_sum)
#embed "kernels/group_sum.cl" suffix(, 0)
END
FILE(softmax)
#embed "kernels/softmax.cl" suffix(, 0)
END
FILE(normalization)
#embed "kernels/normalization.cl" suffix(, 0)
END
FILE(recurrent)
#embed "kernels/recurrent.cl" suffix(, 0)
END
FILE(optimizer)
#embed "kernels/optimizer.cl" suffix(, 0)
END
FILE(optimizer_rules)
#embed "../CKernels/optimizer_rules.h" suffix(, 0)
END
FILE(index_report)
#embed "kernels/index_report.cl" suffix(, 0)
END
FILE(index_select)
#embed "kernels/index_select.cl" suffix(, 0)
END
FILE(index_add)
#embed "kernels/index_add.cl" suffix(, 0)
END
FILE(gather)
#embed "kernels/gather.cl" suffix(, 0)
END
FILE(scatter)
#embed "kernels/scatter.cl" suffix(, 0)
END
FILE(nonzero)
#embed "kernels/nonzero.cl" suffix(, 0)
END
FILE(frexp)
#embed "kernels/frexp.cl" suffix(, 0)
END
FILE(random)
#embed "kernels/random.cl" suffix(, 0)
END
FILE(product)
#embed "kernels/product.cl" suffix(, 0)
END
FILE(windows)
#embed "kernels/windows.cl" suffix(, 0)
END
FILE(pooling)
#embed "kernels/pooling.cl" suffix(, 0)
END
FILE(reduction)
#embed "kernels/reduction.cl" suffix(, 0)
END
FILE(reduce_rows)
#embed "kernels/reduce_rows.cl" suffix(, 0)
END
FILE(reduce_columns)
#embed "kernels/reduce_columns.cl" suffix(, 0)
END
FILE(arg_reduce)
#embed "kernels/arg_reduce.cl" suffix(, 0)
END
FILE(scan)
#embed "kernels/scan.cl" suffix(, 0)
END
FILE(linear_scan)
#embed "kernels/linear_scan.cl" suffix(, 0)
END
FILE(sort)
#embed "kernels/sort.cl" suffix(, 0)
END
FILE(expressions)
#embed "kernels/expressions.cl" suffix(, 0)
END
FILE(integers)
#embed "../CKernels/math_integer.h" suffix(, 0)
END
FILE(any)
#embed "../CKernels/math_any.h" suffix(, 0)
END
FILE(elementary)
#embed "kernels/elementary.cl" suffix(, 0)
END
FILE(plain)
#embed "../CKernels/math_plain.h" suffix(, 0)
END
FILE(exact)
#embed "../CKernels/math_exact.h" suffix(, 0)
END
FILE(pairs)
#embed "../CKernels/math_pairs.h" suffix(, 0)
END
FILE(wide)
#embed "../CKernels/math_wide.h" suffix(, 0)
END
FILE(gamma)
#embed "../CKernels/math_gamma.h" suffix(, 0)
END
FILE(special)
#embed "kernels/special.cl" suffix(, 0)
END
