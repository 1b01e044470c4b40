// The double of libcuda: device memory is host memory at addresses that the host cannot read, queued work runs only when the host waits for
// it, and kernels run on PoCL, from the same source with OpenCL's header.
#include <CL/cl.h>
#include <elf.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"
#include "programs.h"

/// Is added to host addresses; no program has memory there, so that a read of device memory on the host crashes.
#define FAR ((CUdeviceptr)1 << 56)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *record;

/// Writes a line into the file that APUS_DOUBLE_RECORD names.
static void note(const char *format, ...) {
    static int has_looked;
    if (!has_looked) {
        const char *path = getenv("APUS_DOUBLE_RECORD");
        if (path && (record = fopen(path, "w"))) setvbuf(record, NULL, _IOLBF, 0);
        has_looked = 1;
    }
    if (!record) return;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(record, format, arguments);
    va_end(arguments);
}

// MARK: The device

struct CUctx_st {
    int retained;
};
struct CUstream_st {
    int made;
};
static struct CUctx_st contexts[MOST_DEVICES];
static struct CUstream_st the_stream;
static __thread CUcontext current;
static long launches;
static int initialised;

int double_has_context(void) { return current != NULL; }

/// Begins every call: locks, checks initialisation and context, and returns LOST once the device is lost.
static CUresult enter(const char *call) {
    pthread_mutex_lock(&lock);
    static long most = -2;
    if (most == -2) most = double_setting("APUS_DOUBLE_LOST_AFTER", -1);
    if (most >= 0 && launches >= most) return LOST;
    if (!initialised) double_violation("%s before cuInit", call);
    if (!double_has_context()) double_violation("%s on a thread without a context", call);
    return OK;
}
static CUresult leave(CUresult status) {
    pthread_mutex_unlock(&lock);
    return status;
}
#define ENTER                                                                                                                              \
    do {                                                                                                                                   \
        CUresult status_ = enter(__func__);                                                                                                \
        if (status_) return leave(status_);                                                                                                \
    } while (0)

CUresult cuInit(unsigned int flags) {
    if (flags != 0) double_violation("cuInit(%u)", flags);
    if (double_setting("APUS_DOUBLE_DEVICES", 1) == 0) return NO_DEVICE;
    initialised = 1;
    return OK;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
    if (device < 0 || device >= MOST_DEVICES) double_violation("cuDevicePrimaryCtxRetain of device %d", device);
    contexts[device].retained++;
    *context = &contexts[device];
    return OK;
}
CUresult cuCtxSetCurrent(CUcontext context) {
    if (context < contexts || context >= contexts + MOST_DEVICES || !context->retained)
        double_violation("cuCtxSetCurrent of a context that is not retained");
    current = context;
    return OK;
}
// MARK: OpenCL

static cl_context opencl_context;
static cl_command_queue opencl_queue;
static cl_device_id opencl_device;

static void check(cl_int status, const char *call) {
    if (status != CL_SUCCESS) double_violation("%s failed with status %d", call, status);
}

static void open_opencl(void) {
    if (opencl_queue) return;
    cl_platform_id platform;
    cl_int status;
    check(clGetPlatformIDs(1, &platform, NULL), "clGetPlatformIDs");
    check(clGetDeviceIDs(platform, CL_DEVICE_TYPE_CPU, 1, &opencl_device, NULL), "clGetDeviceIDs");
    opencl_context = clCreateContext(NULL, 1, &opencl_device, NULL, NULL, &status);
    check(status, "clCreateContext");
    opencl_queue = clCreateCommandQueue(opencl_context, opencl_device, 0, &status);
    check(status, "clCreateCommandQueue");
}

// MARK: Memory

typedef struct block {
    struct block *next;
    CUdeviceptr address;
    size_t size;
    void *host;
    cl_mem buffer;
} block;
static block *blocks[1 << 12];
static size_t in_use;

typedef struct pinned {
    struct pinned *next;
    char *address;
    size_t size;
} pinned;
static pinned *pinned_blocks;

/// The hash bucket of blocks, by the page at which they begin.
static block **bucket(CUdeviceptr address) { return &blocks[address >> 12 & ((1 << 12) - 1)]; }

static block *block_at(CUdeviceptr address) {
    block *b = *bucket(address);
    while (b && b->address != address) b = b->next;
    return b;
}

void *double_memory(CUdeviceptr address, size_t size, const char *what) {
    block *b = block_at(address);
    for (int i = 0; !b && i < 1 << 12; i++)
        for (block *other = blocks[i]; other; other = other->next)
            if (address >= other->address && address < other->address + other->size) {
                b = other;
                break;
            }
    if (!b) double_violation("%s: %llx is in no live block", what, address);
    if (size > b->size - (address - b->address))
        double_violation("%s: %zu bytes at %llx pass the end of a block of %zu", what, size, address, b->size);
    return (char *)b->host + (address - b->address);
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t size) {
    ENTER;
    if (size == 0) return leave(INVALID_VALUE);
    if (size > double_total_memory() - in_use) return leave(OUT_OF_MEMORY);
    open_opencl();
    block *b = calloc(1, sizeof *b);
    size_t whole = (size + 4095) & ~(size_t)4095;
    if (!b || posix_memalign(&b->host, 4096, whole)) {
        free(b);
        return leave(OUT_OF_MEMORY);
    }
    // The contents of new device memory are undefined.
    memset(b->host, 0xA5, whole < 1 << 20 ? whole : 1 << 20);
    cl_int status;
    b->buffer = clCreateBuffer(opencl_context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, whole, b->host, &status);
    check(status, "clCreateBuffer");
    b->size = size;
    b->address = *address = (CUdeviceptr)(uintptr_t)b->host + FAR;
    b->next = *bucket(b->address);
    *bucket(b->address) = b;
    in_use += size;
    note("allocate %zu\n", size);
    return leave(OK);
}

// MARK: The queue

typedef struct task {
    struct task *next;
    void (*work)(void *);
    void *context;
    long number;
    const char *what;
} task;
static task *first_task, **last_task = &first_task;
static long called, done;

static void enqueue(void (*work)(void *), void *context, CUstream stream, const char *what) {
    if (stream != &the_stream || !the_stream.made) double_violation("%s on a stream that is none", what);
    static int is_idle = -1;
    if (is_idle < 0) is_idle = double_setting("APUS_DOUBLE_IDLE", 0) != 0;
    if (is_idle) {
        free(context);
        done = ++called;
        return;
    }
    task *t = malloc(sizeof *t);
    *t = (task){NULL, work, context, ++called, what};
    *last_task = t;
    last_task = &t->next;
}

/// Runs the queued work up to `number`.
static void work_until(long number) {
    while (first_task && first_task->number <= number) {
        task *t = first_task;
        first_task = t->next;
        if (!first_task) last_task = &first_task;
        t->work(t->context);
        done = t->number;
        free(t->context);
        free(t);
    }
    if (opencl_queue) clFinish(opencl_queue);
}

void double_enqueue(void (*work)(void *), void *context, CUstream stream, const char *what) {
    pthread_mutex_lock(&lock);
    if (!double_has_context()) double_violation("%s on a thread without a context", what);
    note("%s\n", what);
    enqueue(work, context, stream, what);
    pthread_mutex_unlock(&lock);
}

void double_catch_up(void) {
    pthread_mutex_lock(&lock);
    work_until(called);
    pthread_mutex_unlock(&lock);
}

CUresult cuMemFree_v2(CUdeviceptr address) {
    ENTER;
    block **place = bucket(address);
    while (*place && (*place)->address != address) place = &(*place)->next;
    if (!*place) double_violation("cuMemFree of %llx, which is no live block", address);
    work_until(called);
    block *b = *place;
    *place = b->next;
    in_use -= b->size;
    clReleaseMemObject(b->buffer);
    free(b->host);
    free(b);
    note("free\n");
    return leave(OK);
}

CUresult cuMemHostAlloc(void **address, size_t size, unsigned int flags) {
    ENTER;
    pinned *p = calloc(1, sizeof *p);
    if (!p || flags != 0 || posix_memalign(address, 4096, size)) {
        free(p);
        return leave(OUT_OF_MEMORY);
    }
    *p = (pinned){pinned_blocks, *address, size};
    pinned_blocks = p;
    return leave(OK);
}

CUresult cuStreamCreate(CUstream *stream, unsigned int flags) {
    ENTER;
    if (flags != APUS_CU_STREAM_NON_BLOCKING) double_violation("a stream that waits for the default one");
    the_stream.made = 1;
    *stream = &the_stream;
    return leave(OK);
}

CUresult cuStreamSynchronize(CUstream stream) {
    ENTER;
    if (stream != &the_stream) double_violation("cuStreamSynchronize of a stream that is none");
    note("wait\n");
    work_until(called);
    return leave(OK);
}

typedef struct {
    CUdeviceptr device;
    void *host;
    size_t size;
    /// The contents of memory that is not pinned, copied as the driver would stage them.
    char bytes[];
} transfer;

static void do_upload(void *context) {
    transfer *t = context;
    memcpy(double_memory(t->device, t->size, "copy to the device"), t->host ? t->host : t->bytes, t->size);
}
static void do_download(void *context) {
    transfer *t = context;
    memcpy(t->host, double_memory(t->device, t->size, "copy from the device"), t->size);
}

static int is_pinned(const char *at, size_t size) {
    for (pinned *p = pinned_blocks; p; p = p->next)
        if (at >= p->address && at + size <= p->address + p->size) return 1;
    return 0;
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr target, const void *source, size_t size, CUstream stream) {
    ENTER;
    double_memory(target, size, __func__);
    // Pinned memory is read when the copy runs, other memory before the call returns.
    int stays = is_pinned(source, size);
    transfer *t = malloc(sizeof *t + (stays ? 0 : size));
    *t = (transfer){target, stays ? (void *)source : NULL, size};
    if (!stays) memcpy(t->bytes, source, size);
    note("upload %zu\n", size);
    enqueue(do_upload, t, stream, __func__);
    return leave(OK);
}

CUresult cuMemcpyDtoHAsync_v2(void *target, CUdeviceptr source, size_t size, CUstream stream) {
    ENTER;
    double_memory(source, size, __func__);
    transfer *t = malloc(sizeof *t);
    *t = (transfer){source, target, size};
    note("download %zu\n", size);
    enqueue(do_download, t, stream, __func__);
    return leave(OK);
}

// MARK: Events

struct CUevent_st {
    long number;
};

CUresult cuEventCreate(CUevent *event, unsigned int flags) {
    ENTER;
    if (flags != 0) double_violation("cuEventCreate(%u)", flags);
    *event = calloc(1, sizeof **event);
    return leave(OK);
}
CUresult cuEventRecord(CUevent event, CUstream stream) {
    ENTER;
    if (stream != &the_stream) double_violation("cuEventRecord on a stream that is none");
    event->number = called;
    return leave(OK);
}
CUresult cuEventQuery(CUevent event) {
    ENTER;
    int is_done = event->number <= done || !first_task;
    return leave(is_done ? OK : NOT_READY);
}
CUresult cuEventSynchronize(CUevent event) {
    ENTER;
    note("wait for an event\n");
    work_until(event->number);
    return leave(OK);
}
CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end) {
    ENTER;
    *milliseconds = (float)(end->number - start->number) * 1e-3f;
    return leave(OK);
}
CUresult cuEventDestroy_v2(CUevent event) {
    // Nothing waits for a destroyed event, so it is freed at once.
    ENTER;
    free(event);
    return leave(OK);
}

// MARK: Programs

struct CUmod_st {
    cl_program program;
    char *text; // Its source in OpenCL C.
    char *image;
    size_t size;
    int is_cubin;
};
struct CUfunc_st {
    cl_kernel kernel;
    char name[128];
    int count;
    /// For each argument: its size in bytes, according to the compiled program, and whether it is a block's address.
    size_t sizes[MOST_ARGUMENTS];
    int is_block[MOST_ARGUMENTS];
};

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
    ENTER;
    open_opencl();
    int is_cubin = !memcmp(image, ELFMAG, SELFMAG);
    size_t end = is_cubin ? double_end_of_elf(image) : strlen(image) + 1;
    double_trailer trailer;
    // The image may be padded.
    size_t start = end;
    do memcpy(&trailer, (const char *)image + end, sizeof trailer);
    while (memcmp(trailer.magic, DOUBLE_MAGIC, sizeof trailer.magic) && ++end < start + 64);
    if (memcmp(trailer.magic, DOUBLE_MAGIC, sizeof trailer.magic))
        double_violation("cuModuleLoadData of a program that NVRTC's double did not make");
    char *text = double_translated((const char *)image + end + sizeof trailer, trailer.length);
    cl_int status;
    cl_program program;
    // PoCL's cache is not made for processes that compile one program at the same moment: one of them may fail, and then finds it there.
    for (int attempt = 1;; attempt++) {
        program = clCreateProgramWithSource(opencl_context, 1, (const char **)&text, NULL, &status);
        check(status, "clCreateProgramWithSource");
        // The options of OpenCLDriver, so that PoCL finds what the OpenCL tests have compiled in its cache.
        status = clBuildProgram(program, 1, &opencl_device, "-cl-fp32-correctly-rounded-divide-sqrt", NULL, NULL);
        if (status == CL_SUCCESS || attempt == 5) break;
        clReleaseProgram(program);
        usleep(200000);
    }
    check(status, "clBuildProgram");
    *module = malloc(sizeof **module);
    **module = (struct CUmod_st){program, text, malloc(end), end, is_cubin};
    memcpy((*module)->image, image, end);
    return leave(OK);
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
    ENTER;
    cl_int status;
    CUfunction f = calloc(1, sizeof *f);
    snprintf(f->name, sizeof f->name, "%s", name);
    f->kernel = clCreateKernel(module->program, name, &status);
    if (status != CL_SUCCESS) return leave(NOT_FOUND);
    cl_uint count;
    check(clGetKernelInfo(f->kernel, CL_KERNEL_NUM_ARGS, sizeof count, &count, NULL), "clGetKernelInfo");
    f->count = (int)count;
    int found =
        module->is_cubin ? double_argument_sizes(module->image, name, f->sizes) : double_ptx_argument_sizes(module->image, name, f->sizes);
    if (found != f->count) double_violation("%s takes %d arguments as compiled for CUDA, and %d for OpenCL", name, found, f->count);
    if (double_block_arguments(module->text, name, f->is_block) != f->count)
        double_violation("the source of %s does not show its %d arguments", name, f->count);
    for (int i = 0; i < f->count; i++) {
        if (f->is_block[i] && f->sizes[i] && f->sizes[i] != 8)
            double_violation("argument %d of %s is an address of %zu bytes", i, name, f->sizes[i]);
    }
    *function = f;
    return leave(OK);
}

typedef struct {
    CUfunction function;
    size_t items;
    size_t offsets[MOST_ARGUMENTS];
    char bytes[];
} launch;

static void do_launch(void *context) {
    launch *l = context;
    CUfunction f = l->function;
    for (int i = 0; i < f->count; i++) {
        const void *value = l->bytes + l->offsets[i];
        cl_int status;
        if (f->is_block[i]) {
            block *b = block_at(*(const CUdeviceptr *)value);
            if (!b) double_violation("argument %d of %s is a block that was freed before it ran", i, f->name);
            status = clSetKernelArg(f->kernel, (cl_uint)i, sizeof b->buffer, &b->buffer);
        } else {
            status = clSetKernelArg(f->kernel, (cl_uint)i, f->sizes[i], value);
        }
        if (status != CL_SUCCESS)
            double_violation("argument %d of %s has %zu bytes as compiled for CUDA, which OpenCL's program does not take", i, f->name,
                             f->sizes[i]);
    }
    size_t group = 256;
    check(clEnqueueNDRangeKernel(opencl_queue, f->kernel, 1, NULL, &l->items, &group, 0, NULL, NULL), "clEnqueueNDRangeKernel");
    // Copies and the doubles of the libraries use the host memory directly.
    check(clFinish(opencl_queue), "clFinish");
}

CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                        CUstream stream, void **arguments, void **extra) {
    ENTER;
    if (gx == 0 || gy != 1 || gz != 1 || bx != 256 || by != 1 || bz != 1 || shared || extra)
        double_violation("%s: a launch of another form than ours", f->name);
    size_t size = 0;
    launch *l = malloc(sizeof *l + 4096);
    l->function = f;
    l->items = (size_t)gx * 256;
    for (int i = 0; i < f->count; i++) {
        size_t bytes = f->sizes[i];
        // Arguments lie at successive multiples of 16 bytes: the distance to the next one shows the size that the host assumes.
        if (i + 1 < f->count && (size_t)((char *)arguments[i + 1] - (char *)arguments[i]) != ((bytes + 15) & ~(size_t)15))
            double_violation("argument %d of %s has %zu bytes, and %td to the next", i, f->name, bytes,
                             (char *)arguments[i + 1] - (char *)arguments[i]);
        l->offsets[i] = size;
        memcpy(l->bytes + size, arguments[i], bytes);
        if (f->is_block[i] && !block_at(*(CUdeviceptr *)(l->bytes + size)))
            double_violation("argument %d of %s is not the beginning of a live block", i, f->name);
        size += (bytes + 15) & ~(size_t)15;
    }
    launches++;
    note("launch %s\n", f->name);
    enqueue(do_launch, l, stream, f->name);
    return leave(OK);
}
