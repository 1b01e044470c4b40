// Compares CDrivers' own declarations with the headers of OpenCL and CLBlast: compiles only if they agree (`scripts/check/driver-headers`).
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <clblast_c.h>

#include "opencl_libraries.h"

#define SAME_TYPE(RESULT, NAME, ARGUMENTS) _Static_assert(__builtin_types_compatible_p(__typeof__(NAME), RESULT ARGUMENTS), #NAME);
APUS_OPENCL_FUNCTIONS(SAME_TYPE)

// CLBlast's enumerations are declared as the integers that they are passed as.
_Static_assert(sizeof(CLBlastLayout) == sizeof(int) && sizeof(CLBlastTranspose) == sizeof(int) && sizeof(CLBlastStatusCode) == sizeof(int),
               "enumerations");
#define GEMM(NAME, T)                                                                                                                      \
    _Static_assert(__builtin_types_compatible_p(                                                                                           \
                       __typeof__(NAME), CLBlastStatusCode(CLBlastLayout, CLBlastTranspose, CLBlastTranspose, size_t, size_t, size_t, T,   \
                                                           cl_mem, size_t, size_t, size_t, cl_mem, size_t, size_t, size_t, T, cl_mem,      \
                                                           size_t, size_t, size_t, size_t, cl_command_queue *, cl_event *)),               \
                   #NAME);
GEMM(CLBlastSgemmStridedBatched, float)
GEMM(CLBlastDgemmStridedBatched, double)

#define SAME_VALUE(NAME) _Static_assert(APUS_##NAME == NAME, #NAME);
SAME_VALUE(CL_DEVICE_TYPE_GPU)
SAME_VALUE(CL_DEVICE_TYPE)
SAME_VALUE(CL_DEVICE_MAX_COMPUTE_UNITS)
SAME_VALUE(CL_DEVICE_MAX_WORK_GROUP_SIZE)
SAME_VALUE(CL_DEVICE_MAX_MEM_ALLOC_SIZE)
SAME_VALUE(CL_DEVICE_SINGLE_FP_CONFIG)
SAME_VALUE(CL_DEVICE_GLOBAL_MEM_SIZE)
SAME_VALUE(CL_DEVICE_NAME)
SAME_VALUE(CL_DRIVER_VERSION)
SAME_VALUE(CL_DEVICE_VERSION)
SAME_VALUE(CL_DEVICE_EXTENSIONS)
SAME_VALUE(CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT)
SAME_VALUE(CL_QUEUE_PROFILING_ENABLE)
SAME_VALUE(CL_MEM_READ_WRITE)
SAME_VALUE(CL_MEM_ALLOC_HOST_PTR)
SAME_VALUE(CL_MAP_WRITE)
SAME_VALUE(CL_PROGRAM_BUILD_LOG)
SAME_VALUE(CL_PROGRAM_BINARY_SIZES)
SAME_VALUE(CL_PROGRAM_BINARIES)
SAME_VALUE(CL_EVENT_COMMAND_EXECUTION_STATUS)
SAME_VALUE(CL_COMPLETE)
SAME_VALUE(CL_PROFILING_COMMAND_END)
_Static_assert(APUS_CLBLAST_ROW_MAJOR == CLBlastLayoutRowMajor && APUS_CLBLAST_NO == CLBlastTransposeNo &&
                   APUS_CLBLAST_YES == CLBlastTransposeYes,
               "CLBlast");
