// The functions of CUDA's driver, NVRTC, cuBLASLt, cuDNN and NCCL that we call. The libraries are opened at run time, so that a program
// starts without them; their headers are not needed to build. `scripts/check/driver-headers` compares these declarations with the headers.
#ifndef APUS_CUDA_LIBRARIES_H
#define APUS_CUDA_LIBRARIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef CUDA_VERSION
typedef int CUresult;
typedef int CUdevice;
typedef int CUdevice_attribute;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUuuid_st {
    char bytes[16];
} CUuuid;
#endif
#ifndef __NVRTC_H__
typedef int nvrtcResult;
typedef struct _nvrtcProgram *nvrtcProgram;
#endif
#ifndef CUBLAS_API_H_
typedef int cublasStatus_t;
typedef int cublasComputeType_t;
typedef int cudaDataType_t;
typedef struct cublasLtContext *cublasLtHandle_t;
typedef struct cublasLtMatmulDescOpaque_t *cublasLtMatmulDesc_t;
typedef struct cublasLtMatrixLayoutOpaque_t *cublasLtMatrixLayout_t;
typedef struct cublasLtMatmulPreferenceOpaque_t *cublasLtMatmulPreference_t;
typedef int cublasLtMatmulDescAttributes_t;
typedef int cublasLtMatrixLayoutAttribute_t;
typedef int cublasLtMatmulPreferenceAttributes_t;
// The fields of cublasLtMatmulHeuristicResult_t: the algorithm, its workspace, its status, its waves, and a reserved field.
typedef struct {
    uint64_t data[8];
} cublasLtMatmulAlgo_t;
typedef struct {
    cublasLtMatmulAlgo_t algo;
    size_t workspaceSize;
    cublasStatus_t state;
    float wavesCount;
    int reserved[4];
} cublasLtMatmulHeuristicResult_t;
#endif

#ifndef CUDNN_H_
typedef int cudnnStatus_t;
typedef int cudnnDataType_t;
typedef int cudnnTensorFormat_t;
typedef int cudnnConvolutionMode_t;
typedef int cudnnMathType_t;
typedef int cudnnDeterminism_t;
typedef int cudnnConvolutionFwdAlgo_t;
typedef int cudnnConvolutionBwdDataAlgo_t;
typedef int cudnnConvolutionBwdFilterAlgo_t;
typedef struct cudnnContext *cudnnHandle_t;
typedef struct cudnnTensorStruct *cudnnTensorDescriptor_t;
typedef struct cudnnFilterStruct *cudnnFilterDescriptor_t;
typedef struct cudnnConvolutionStruct *cudnnConvolutionDescriptor_t;
// An algorithm and its cost. cuDNN has one such type per direction, which differ only in name.
typedef struct {
    int algo;
    cudnnStatus_t status;
    float time;
    size_t memory;
    cudnnDeterminism_t determinism;
    cudnnMathType_t mathType;
    int reserved[3];
} cudnnConvolutionFwdAlgoPerf_t;
typedef cudnnConvolutionFwdAlgoPerf_t cudnnConvolutionBwdDataAlgoPerf_t;
typedef cudnnConvolutionFwdAlgoPerf_t cudnnConvolutionBwdFilterAlgoPerf_t;
#endif

#ifndef NCCL_H_
typedef int ncclResult_t;
typedef int ncclDataType_t;
typedef int ncclRedOp_t;
typedef struct ncclComm *ncclComm_t;
typedef struct {
    char internal[128];
} ncclUniqueId;
#endif

// F(result, name, symbol, arguments) for every function that we call; `symbol` is the name that the library exports.
#define APUS_CUDA_FUNCTIONS(F)                                                                                                             \
    F(CUresult, cuInit, cuInit, (unsigned int))                                                                                            \
    F(CUresult, cuDriverGetVersion, cuDriverGetVersion, (int *))                                                                           \
    F(CUresult, cuDeviceGetCount, cuDeviceGetCount, (int *))                                                                               \
    F(CUresult, cuDeviceGet, cuDeviceGet, (CUdevice *, int))                                                                               \
    F(CUresult, cuDeviceGetName, cuDeviceGetName, (char *, int, CUdevice))                                                                 \
    F(CUresult, cuDeviceTotalMem, cuDeviceTotalMem_v2, (size_t *, CUdevice))                                                               \
    F(CUresult, cuDeviceGetAttribute, cuDeviceGetAttribute, (int *, CUdevice_attribute, CUdevice))                                         \
    F(CUresult, cuDeviceGetUuid, cuDeviceGetUuid_v2, (CUuuid *, CUdevice))                                                                 \
    F(CUresult, cuDevicePrimaryCtxRetain, cuDevicePrimaryCtxRetain, (CUcontext *, CUdevice))                                               \
    F(CUresult, cuCtxSetCurrent, cuCtxSetCurrent, (CUcontext))                                                                             \
    F(CUresult, cuStreamCreate, cuStreamCreate, (CUstream *, unsigned int))                                                                \
    F(CUresult, cuStreamSynchronize, cuStreamSynchronize, (CUstream))                                                                      \
    F(CUresult, cuMemAlloc, cuMemAlloc_v2, (CUdeviceptr *, size_t))                                                                        \
    F(CUresult, cuMemFree, cuMemFree_v2, (CUdeviceptr))                                                                                    \
    F(CUresult, cuMemHostAlloc, cuMemHostAlloc, (void **, size_t, unsigned int))                                                           \
    F(CUresult, cuMemcpyHtoDAsync, cuMemcpyHtoDAsync_v2, (CUdeviceptr, const void *, size_t, CUstream))                                    \
    F(CUresult, cuMemcpyDtoHAsync, cuMemcpyDtoHAsync_v2, (void *, CUdeviceptr, size_t, CUstream))                                          \
    F(CUresult, cuModuleLoadData, cuModuleLoadData, (CUmodule *, const void *))                                                            \
    F(CUresult, cuModuleGetFunction, cuModuleGetFunction, (CUfunction *, CUmodule, const char *))                                          \
    F(CUresult, cuLaunchKernel, cuLaunchKernel,                                                                                            \
      (CUfunction, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, CUstream, void **,    \
       void **))                                                                                                                           \
    F(CUresult, cuEventCreate, cuEventCreate, (CUevent *, unsigned int))                                                                   \
    F(CUresult, cuEventRecord, cuEventRecord, (CUevent, CUstream))                                                                         \
    F(CUresult, cuEventQuery, cuEventQuery, (CUevent))                                                                                     \
    F(CUresult, cuEventSynchronize, cuEventSynchronize, (CUevent))                                                                         \
    F(CUresult, cuEventElapsedTime, cuEventElapsedTime, (float *, CUevent, CUevent))                                                       \
    F(CUresult, cuEventDestroy, cuEventDestroy_v2, (CUevent))                                                                              \
    F(CUresult, cuGetErrorString, cuGetErrorString, (CUresult, const char **))

#define APUS_NVRTC_FUNCTIONS(F)                                                                                                            \
    F(nvrtcResult, nvrtcVersion, nvrtcVersion, (int *, int *))                                                                             \
    F(nvrtcResult, nvrtcGetNumSupportedArchs, nvrtcGetNumSupportedArchs, (int *))                                                          \
    F(nvrtcResult, nvrtcGetSupportedArchs, nvrtcGetSupportedArchs, (int *))                                                                \
    F(nvrtcResult, nvrtcCreateProgram, nvrtcCreateProgram,                                                                                 \
      (nvrtcProgram *, const char *, const char *, int, const char *const *, const char *const *))                                         \
    F(nvrtcResult, nvrtcCompileProgram, nvrtcCompileProgram, (nvrtcProgram, int, const char *const *))                                     \
    F(nvrtcResult, nvrtcDestroyProgram, nvrtcDestroyProgram, (nvrtcProgram *))                                                             \
    F(nvrtcResult, nvrtcGetCUBINSize, nvrtcGetCUBINSize, (nvrtcProgram, size_t *))                                                         \
    F(nvrtcResult, nvrtcGetCUBIN, nvrtcGetCUBIN, (nvrtcProgram, char *))                                                                   \
    F(nvrtcResult, nvrtcGetPTXSize, nvrtcGetPTXSize, (nvrtcProgram, size_t *))                                                             \
    F(nvrtcResult, nvrtcGetPTX, nvrtcGetPTX, (nvrtcProgram, char *))                                                                       \
    F(nvrtcResult, nvrtcGetProgramLogSize, nvrtcGetProgramLogSize, (nvrtcProgram, size_t *))                                               \
    F(nvrtcResult, nvrtcGetProgramLog, nvrtcGetProgramLog, (nvrtcProgram, char *))

#define APUS_CUBLASLT_FUNCTIONS(F)                                                                                                         \
    F(size_t, cublasLtGetVersion, cublasLtGetVersion, (void))                                                                              \
    F(cublasStatus_t, cublasLtCreate, cublasLtCreate, (cublasLtHandle_t *))                                                                \
    F(cublasStatus_t, cublasLtMatmulDescCreate, cublasLtMatmulDescCreate, (cublasLtMatmulDesc_t *, cublasComputeType_t, cudaDataType_t))   \
    F(cublasStatus_t, cublasLtMatmulDescSetAttribute, cublasLtMatmulDescSetAttribute,                                                      \
      (cublasLtMatmulDesc_t, cublasLtMatmulDescAttributes_t, const void *, size_t))                                                        \
    F(cublasStatus_t, cublasLtMatmulDescDestroy, cublasLtMatmulDescDestroy, (cublasLtMatmulDesc_t))                                        \
    F(cublasStatus_t, cublasLtMatrixLayoutCreate, cublasLtMatrixLayoutCreate,                                                              \
      (cublasLtMatrixLayout_t *, cudaDataType_t, uint64_t, uint64_t, int64_t))                                                             \
    F(cublasStatus_t, cublasLtMatrixLayoutSetAttribute, cublasLtMatrixLayoutSetAttribute,                                                  \
      (cublasLtMatrixLayout_t, cublasLtMatrixLayoutAttribute_t, const void *, size_t))                                                     \
    F(cublasStatus_t, cublasLtMatrixLayoutDestroy, cublasLtMatrixLayoutDestroy, (cublasLtMatrixLayout_t))                                  \
    F(cublasStatus_t, cublasLtMatmulPreferenceCreate, cublasLtMatmulPreferenceCreate, (cublasLtMatmulPreference_t *))                      \
    F(cublasStatus_t, cublasLtMatmulPreferenceDestroy, cublasLtMatmulPreferenceDestroy, (cublasLtMatmulPreference_t))                      \
    F(cublasStatus_t, cublasLtMatmulPreferenceSetAttribute, cublasLtMatmulPreferenceSetAttribute,                                          \
      (cublasLtMatmulPreference_t, cublasLtMatmulPreferenceAttributes_t, const void *, size_t))                                            \
    F(cublasStatus_t, cublasLtMatmulAlgoGetHeuristic, cublasLtMatmulAlgoGetHeuristic,                                                      \
      (cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,                     \
       cublasLtMatrixLayout_t, cublasLtMatmulPreference_t, int, cublasLtMatmulHeuristicResult_t *, int *))                                 \
    F(cublasStatus_t, cublasLtMatmul, cublasLtMatmul,                                                                                      \
      (cublasLtHandle_t, cublasLtMatmulDesc_t, const void *, const void *, cublasLtMatrixLayout_t, const void *, cublasLtMatrixLayout_t,   \
       const void *, const void *, cublasLtMatrixLayout_t, void *, cublasLtMatrixLayout_t, const cublasLtMatmulAlgo_t *, void *, size_t,   \
       CUstream))

#define APUS_CUDNN_FUNCTIONS(F)                                                                                                            \
    F(size_t, cudnnGetVersion, cudnnGetVersion, (void))                                                                                    \
    F(cudnnStatus_t, cudnnCreate, cudnnCreate, (cudnnHandle_t *))                                                                          \
    F(cudnnStatus_t, cudnnSetStream, cudnnSetStream, (cudnnHandle_t, CUstream))                                                            \
    F(cudnnStatus_t, cudnnCreateTensorDescriptor, cudnnCreateTensorDescriptor, (cudnnTensorDescriptor_t *))                                \
    F(cudnnStatus_t, cudnnSetTensorNdDescriptor, cudnnSetTensorNdDescriptor,                                                               \
      (cudnnTensorDescriptor_t, cudnnDataType_t, int, const int *, const int *))                                                           \
    F(cudnnStatus_t, cudnnDestroyTensorDescriptor, cudnnDestroyTensorDescriptor, (cudnnTensorDescriptor_t))                                \
    F(cudnnStatus_t, cudnnCreateFilterDescriptor, cudnnCreateFilterDescriptor, (cudnnFilterDescriptor_t *))                                \
    F(cudnnStatus_t, cudnnSetFilterNdDescriptor, cudnnSetFilterNdDescriptor,                                                               \
      (cudnnFilterDescriptor_t, cudnnDataType_t, cudnnTensorFormat_t, int, const int *))                                                   \
    F(cudnnStatus_t, cudnnDestroyFilterDescriptor, cudnnDestroyFilterDescriptor, (cudnnFilterDescriptor_t))                                \
    F(cudnnStatus_t, cudnnCreateConvolutionDescriptor, cudnnCreateConvolutionDescriptor, (cudnnConvolutionDescriptor_t *))                 \
    F(cudnnStatus_t, cudnnSetConvolutionNdDescriptor, cudnnSetConvolutionNdDescriptor,                                                     \
      (cudnnConvolutionDescriptor_t, int, const int *, const int *, const int *, cudnnConvolutionMode_t, cudnnDataType_t))                 \
    F(cudnnStatus_t, cudnnSetConvolutionGroupCount, cudnnSetConvolutionGroupCount, (cudnnConvolutionDescriptor_t, int))                    \
    F(cudnnStatus_t, cudnnSetConvolutionMathType, cudnnSetConvolutionMathType, (cudnnConvolutionDescriptor_t, cudnnMathType_t))            \
    F(cudnnStatus_t, cudnnDestroyConvolutionDescriptor, cudnnDestroyConvolutionDescriptor, (cudnnConvolutionDescriptor_t))                 \
    F(cudnnStatus_t, cudnnGetConvolutionForwardAlgorithm_v7, cudnnGetConvolutionForwardAlgorithm_v7,                                       \
      (cudnnHandle_t, cudnnTensorDescriptor_t, cudnnFilterDescriptor_t, cudnnConvolutionDescriptor_t, cudnnTensorDescriptor_t, int, int *, \
       cudnnConvolutionFwdAlgoPerf_t *))                                                                                                   \
    F(cudnnStatus_t, cudnnGetConvolutionBackwardDataAlgorithm_v7, cudnnGetConvolutionBackwardDataAlgorithm_v7,                             \
      (cudnnHandle_t, cudnnFilterDescriptor_t, cudnnTensorDescriptor_t, cudnnConvolutionDescriptor_t, cudnnTensorDescriptor_t, int, int *, \
       cudnnConvolutionBwdDataAlgoPerf_t *))                                                                                               \
    F(cudnnStatus_t, cudnnGetConvolutionBackwardFilterAlgorithm_v7, cudnnGetConvolutionBackwardFilterAlgorithm_v7,                         \
      (cudnnHandle_t, cudnnTensorDescriptor_t, cudnnTensorDescriptor_t, cudnnConvolutionDescriptor_t, cudnnFilterDescriptor_t, int, int *, \
       cudnnConvolutionBwdFilterAlgoPerf_t *))                                                                                             \
    F(cudnnStatus_t, cudnnConvolutionForward, cudnnConvolutionForward,                                                                     \
      (cudnnHandle_t, const void *, cudnnTensorDescriptor_t, const void *, cudnnFilterDescriptor_t, const void *,                          \
       cudnnConvolutionDescriptor_t, cudnnConvolutionFwdAlgo_t, void *, size_t, const void *, cudnnTensorDescriptor_t, void *))            \
    F(cudnnStatus_t, cudnnConvolutionBackwardData, cudnnConvolutionBackwardData,                                                           \
      (cudnnHandle_t, const void *, cudnnFilterDescriptor_t, const void *, cudnnTensorDescriptor_t, const void *,                          \
       cudnnConvolutionDescriptor_t, cudnnConvolutionBwdDataAlgo_t, void *, size_t, const void *, cudnnTensorDescriptor_t, void *))        \
    F(cudnnStatus_t, cudnnConvolutionBackwardFilter, cudnnConvolutionBackwardFilter,                                                       \
      (cudnnHandle_t, const void *, cudnnTensorDescriptor_t, const void *, cudnnTensorDescriptor_t, const void *,                          \
       cudnnConvolutionDescriptor_t, cudnnConvolutionBwdFilterAlgo_t, void *, size_t, const void *, cudnnFilterDescriptor_t, void *))

#define APUS_NCCL_FUNCTIONS(F)                                                                                                             \
    F(ncclResult_t, ncclGetVersion, ncclGetVersion, (int *))                                                                               \
    F(ncclResult_t, ncclGetUniqueId, ncclGetUniqueId, (ncclUniqueId *))                                                                    \
    F(ncclResult_t, ncclCommInitRank, ncclCommInitRank, (ncclComm_t *, int, ncclUniqueId, int))                                            \
    F(ncclResult_t, ncclCommGetAsyncError, ncclCommGetAsyncError, (ncclComm_t, ncclResult_t *))                                            \
    F(const char *, ncclGetErrorString, ncclGetErrorString, (ncclResult_t))                                                                \
    F(const char *, ncclGetLastError, ncclGetLastError, (ncclComm_t))                                                                      \
    F(ncclResult_t, ncclAllReduce, ncclAllReduce, (const void *, void *, size_t, ncclDataType_t, ncclRedOp_t, ncclComm_t, CUstream))       \
    F(ncclResult_t, ncclBroadcast, ncclBroadcast, (const void *, void *, size_t, ncclDataType_t, int, ncclComm_t, CUstream))               \
    F(ncclResult_t, ncclAllGather, ncclAllGather, (const void *, void *, size_t, ncclDataType_t, ncclComm_t, CUstream))                    \
    F(ncclResult_t, ncclSend, ncclSend, (const void *, size_t, ncclDataType_t, int, ncclComm_t, CUstream))                                 \
    F(ncclResult_t, ncclRecv, ncclRecv, (void *, size_t, ncclDataType_t, int, ncclComm_t, CUstream))                                       \
    F(ncclResult_t, ncclGroupStart, ncclGroupStart, (void))                                                                                \
    F(ncclResult_t, ncclGroupEnd, ncclGroupEnd, (void))

#define APUS_MEMBER(RESULT, NAME, SYMBOL, ARGUMENTS) RESULT(*NAME) ARGUMENTS;
typedef struct {
    APUS_CUDA_FUNCTIONS(APUS_MEMBER)
} apus_cuda;
typedef struct {
    APUS_NVRTC_FUNCTIONS(APUS_MEMBER)
} apus_nvrtc;
typedef struct {
    APUS_CUBLASLT_FUNCTIONS(APUS_MEMBER)
} apus_cublaslt;
typedef struct {
    APUS_CUDNN_FUNCTIONS(APUS_MEMBER)
} apus_cudnn;
typedef struct {
    APUS_NCCL_FUNCTIONS(APUS_MEMBER)
} apus_nccl;
#undef APUS_MEMBER

/// Opens the library (`libcuda`, `libnvrtc`, `libcublasLt`, `libcudnn`, `libnccl`) in version `newest` or the newest older one that we
/// support, and looks up every function. Returns false if the library or a function is missing; `why` says which. Searches $APUS_CUDA first
/// (a folder with the libraries, or `…/site-packages/nvidia` as PyPI's packages install it), then the system loader's paths and
/// /usr/local/cuda/lib64.
bool apus_cuda_load(apus_cuda *functions, int newest, char *why, size_t capacity);
bool apus_nvrtc_load(apus_nvrtc *functions, int newest, char *why, size_t capacity);
bool apus_cublaslt_load(apus_cublaslt *functions, int newest, char *why, size_t capacity);
bool apus_cudnn_load(apus_cudnn *functions, int newest, char *why, size_t capacity);
bool apus_nccl_load(apus_nccl *functions, int newest, char *why, size_t capacity);

// The constants of CUDA, cuBLASLt, cuDNN and NCCL that we use; checked like the functions.
enum {
    APUS_CU_NOT_READY = 600,
    APUS_CU_ATTRIBUTE_MULTIPROCESSORS = 16,
    APUS_CU_ATTRIBUTE_MAJOR = 75,
    APUS_CU_ATTRIBUTE_MINOR = 76,
    APUS_CU_STREAM_NON_BLOCKING = 1,
    APUS_CUDA_R_32F = 0,
    APUS_CUDA_R_64F = 1,
    APUS_CUDA_R_16F = 2,
    APUS_CUDA_R_16BF = 14,
    APUS_CUBLAS_COMPUTE_32F = 68,
    APUS_CUBLAS_COMPUTE_64F = 70,
    APUS_CUBLAS_COMPUTE_32F_FAST_TF32 = 77,
    APUS_CUBLAS_OP_T = 1,
    APUS_CUBLASLT_DESC_TRANSA = 3,
    APUS_CUBLASLT_DESC_TRANSB = 4,
    APUS_CUBLASLT_DESC_EPILOGUE = 7,
    APUS_CUBLASLT_DESC_BIAS_POINTER = 8,
    APUS_CUBLASLT_EPILOGUE_BIAS = 4,
    APUS_CUBLASLT_LAYOUT_BATCH_COUNT = 5,
    APUS_CUBLASLT_LAYOUT_BATCH_STRIDE = 6,
    APUS_CUBLASLT_PREF_MAX_WORKSPACE = 1,
    APUS_CUBLASLT_PREF_REDUCTION_SCHEMES = 3,
    APUS_CUBLASLT_PREF_ALIGNMENT_A = 5,
    APUS_CUBLASLT_PREF_ALIGNMENT_B = 6,
    APUS_CUBLASLT_PREF_ALIGNMENT_C = 7,
    APUS_CUBLASLT_PREF_ALIGNMENT_D = 8,
    APUS_CUBLASLT_REDUCTION_INPLACE = 1,
    APUS_CUBLASLT_REDUCTION_COMPUTE_TYPE = 2,
    APUS_CUBLASLT_REDUCTION_OUTPUT_TYPE = 4,
    APUS_CUDNN_FLOAT = 0,
    APUS_CUDNN_DOUBLE = 1,
    APUS_CUDNN_HALF = 2,
    APUS_CUDNN_BFLOAT16 = 9,
    APUS_CUDNN_TENSOR_NCHW = 0,
    APUS_CUDNN_CROSS_CORRELATION = 1,
    APUS_CUDNN_DEFAULT_MATH = 0,
    APUS_CUDNN_FMA_MATH = 3,
    APUS_CUDNN_DETERMINISTIC = 1,
    APUS_NCCL_VERSION = 2,
    APUS_NCCL_UINT8 = 1,
    APUS_NCCL_FLOAT32 = 7,
    APUS_NCCL_FLOAT64 = 8,
    APUS_NCCL_SUM = 0,
    APUS_NCCL_IN_PROGRESS = 7,
};

#endif
