// Opens NVIDIA's own libraries with CDrivers' loaders: each must be in the folder that APUS_CUDA names, and have every function
// (`scripts/check/driver-headers cuda`). The driver library is missing, since it comes with a GPU.
#include <stdio.h>

#include "cuda_libraries.h"

int main(void) {
    static apus_nvrtc nvrtc;
    static apus_cublaslt cublaslt;
    static apus_cudnn cudnn;
    static apus_nccl nccl;
    int version;
    char why[512];
    if (apus_nvrtc_load(&nvrtc, 12, why, sizeof why) && apus_cublaslt_load(&cublaslt, 12, why, sizeof why) &&
        apus_cudnn_load(&cudnn, 9, why, sizeof why) && apus_nccl_load(&nccl, 2, why, sizeof why)) {
        nccl.ncclGetVersion(&version);
        printf("cuBLASLt %zu, cuDNN %zu and NCCL %d open and have all functions.\n", cublaslt.cublasLtGetVersion(), cudnn.cudnnGetVersion(),
               version);
        return 0;
    }
    fprintf(stderr, "%s\n", why);
    return 1;
}
