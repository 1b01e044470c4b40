// The functions of OpenCL 1.2 and CLBlast that we call. The libraries are opened at run time, so that a program starts without them; their
// headers are not needed to build. `scripts/check/driver-headers` compares these declarations with the headers.
#ifndef APUS_OPENCL_LIBRARIES_H
#define APUS_OPENCL_LIBRARIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef CL_SUCCESS
typedef int32_t cl_int;
typedef uint32_t cl_uint;
typedef uint64_t cl_ulong;
typedef cl_uint cl_bool;
typedef cl_ulong cl_bitfield;
typedef struct _cl_platform_id *cl_platform_id;
typedef struct _cl_device_id *cl_device_id;
typedef struct _cl_context *cl_context;
typedef struct _cl_command_queue *cl_command_queue;
typedef struct _cl_mem *cl_mem;
typedef struct _cl_program *cl_program;
typedef struct _cl_kernel *cl_kernel;
typedef struct _cl_event *cl_event;
#endif

typedef void (*apus_cl_notify)(const char *, const void *, size_t, void *);
typedef void (*apus_cl_program_notify)(cl_program, void *);

// F(result, name, arguments) for every function that we call.
#define APUS_OPENCL_FUNCTIONS(F)                                                                                                           \
    F(cl_int, clGetPlatformIDs, (cl_uint, cl_platform_id *, cl_uint *))                                                                    \
    F(cl_int, clGetDeviceIDs, (cl_platform_id, cl_bitfield, cl_uint, cl_device_id *, cl_uint *))                                           \
    F(cl_int, clGetDeviceInfo, (cl_device_id, cl_uint, size_t, void *, size_t *))                                                          \
    F(cl_context, clCreateContext, (const intptr_t *, cl_uint, const cl_device_id *, apus_cl_notify, void *, cl_int *))                    \
    F(cl_command_queue, clCreateCommandQueue, (cl_context, cl_device_id, cl_bitfield, cl_int *))                                           \
    F(cl_mem, clCreateBuffer, (cl_context, cl_bitfield, size_t, void *, cl_int *))                                                         \
    F(cl_int, clReleaseMemObject, (cl_mem))                                                                                                \
    F(cl_program, clCreateProgramWithSource, (cl_context, cl_uint, const char **, const size_t *, cl_int *))                               \
    F(cl_program, clCreateProgramWithBinary,                                                                                               \
      (cl_context, cl_uint, const cl_device_id *, const size_t *, const unsigned char **, cl_int *, cl_int *))                             \
    F(cl_int, clBuildProgram, (cl_program, cl_uint, const cl_device_id *, const char *, apus_cl_program_notify, void *))                   \
    F(cl_int, clGetProgramBuildInfo, (cl_program, cl_device_id, cl_uint, size_t, void *, size_t *))                                        \
    F(cl_int, clGetProgramInfo, (cl_program, cl_uint, size_t, void *, size_t *))                                                           \
    F(cl_int, clReleaseProgram, (cl_program))                                                                                              \
    F(cl_kernel, clCreateKernel, (cl_program, const char *, cl_int *))                                                                     \
    F(cl_int, clSetKernelArg, (cl_kernel, cl_uint, size_t, const void *))                                                                  \
    F(cl_int, clEnqueueNDRangeKernel,                                                                                                      \
      (cl_command_queue, cl_kernel, cl_uint, const size_t *, const size_t *, const size_t *, cl_uint, const cl_event *, cl_event *))       \
    F(cl_int, clEnqueueReadBuffer, (cl_command_queue, cl_mem, cl_bool, size_t, size_t, void *, cl_uint, const cl_event *, cl_event *))     \
    F(cl_int, clEnqueueWriteBuffer,                                                                                                        \
      (cl_command_queue, cl_mem, cl_bool, size_t, size_t, const void *, cl_uint, const cl_event *, cl_event *))                            \
    F(void *, clEnqueueMapBuffer,                                                                                                          \
      (cl_command_queue, cl_mem, cl_bool, cl_bitfield, size_t, size_t, cl_uint, const cl_event *, cl_event *, cl_int *))                   \
    F(cl_int, clEnqueueMarkerWithWaitList, (cl_command_queue, cl_uint, const cl_event *, cl_event *))                                      \
    F(cl_int, clFlush, (cl_command_queue))                                                                                                 \
    F(cl_int, clFinish, (cl_command_queue))                                                                                                \
    F(cl_int, clWaitForEvents, (cl_uint, const cl_event *))                                                                                \
    F(cl_int, clGetEventInfo, (cl_event, cl_uint, size_t, void *, size_t *))                                                               \
    F(cl_int, clGetEventProfilingInfo, (cl_event, cl_uint, size_t, void *, size_t *))                                                      \
    F(cl_int, clReleaseEvent, (cl_event))

// C = alpha·A·B + beta·C for each matrix of a batch. Layout, transpositions and status are CLBlast's enumerations.
#define APUS_CLBLAST_GEMM(F, NAME, T)                                                                                                      \
    F(int, NAME,                                                                                                                           \
      (int, int, int, size_t, size_t, size_t, T, cl_mem, size_t, size_t, size_t, cl_mem, size_t, size_t, size_t, T, cl_mem, size_t,        \
       size_t, size_t, size_t, cl_command_queue *, cl_event *))
#define APUS_CLBLAST_FUNCTIONS(F)                                                                                                          \
    APUS_CLBLAST_GEMM(F, CLBlastSgemmStridedBatched, float)                                                                                \
    APUS_CLBLAST_GEMM(F, CLBlastDgemmStridedBatched, double)

#define APUS_MEMBER(RESULT, NAME, ARGUMENTS) RESULT(*NAME) ARGUMENTS;
typedef struct {
    APUS_OPENCL_FUNCTIONS(APUS_MEMBER)
} apus_opencl;
typedef struct {
    APUS_CLBLAST_FUNCTIONS(APUS_MEMBER)
} apus_clblast;
#undef APUS_MEMBER

/// Opens the library and looks up every function. Returns false if the library or a function is missing; `why` says which.
bool apus_opencl_load(apus_opencl *functions, char *why, size_t capacity);
bool apus_clblast_load(apus_clblast *functions, char *why, size_t capacity);

// The constants of OpenCL and CLBlast that we use.
enum {
    APUS_CL_DEVICE_TYPE_GPU = 1 << 2,
    APUS_CL_DEVICE_TYPE = 0x1000,
    APUS_CL_DEVICE_MAX_COMPUTE_UNITS = 0x1002,
    APUS_CL_DEVICE_MAX_WORK_GROUP_SIZE = 0x1004,
    APUS_CL_DEVICE_MAX_MEM_ALLOC_SIZE = 0x1010,
    APUS_CL_DEVICE_SINGLE_FP_CONFIG = 0x101B,
    APUS_CL_DEVICE_GLOBAL_MEM_SIZE = 0x101F,
    APUS_CL_DEVICE_NAME = 0x102B,
    APUS_CL_DRIVER_VERSION = 0x102D,
    APUS_CL_DEVICE_VERSION = 0x102F,
    APUS_CL_DEVICE_EXTENSIONS = 0x1030,
    APUS_CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT = 1 << 7,
    APUS_CL_QUEUE_PROFILING_ENABLE = 1 << 1,
    APUS_CL_MEM_READ_WRITE = 1 << 0,
    APUS_CL_MEM_ALLOC_HOST_PTR = 1 << 4,
    APUS_CL_MAP_WRITE = 1 << 1,
    APUS_CL_PROGRAM_BUILD_LOG = 0x1183,
    APUS_CL_PROGRAM_BINARY_SIZES = 0x1165,
    APUS_CL_PROGRAM_BINARIES = 0x1166,
    APUS_CL_EVENT_COMMAND_EXECUTION_STATUS = 0x11D3,
    APUS_CL_COMPLETE = 0,
    APUS_CL_PROFILING_COMMAND_END = 0x1283,
    APUS_CLBLAST_ROW_MAJOR = 101,
    APUS_CLBLAST_NO = 111,
    APUS_CLBLAST_YES = 112,
};

#endif
