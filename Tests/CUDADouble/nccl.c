// The double of NCCL: ranks are processes of one machine that meet in shared memory. It moves the bytes in the order of the stream, adds in
// an order of its own, and ends the program where the real one would hang, or take one thing for another.
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "double.h"

enum { SUCCESS = 0, INVALID_ARGUMENT = 4, INVALID_USAGE = 5 };
enum { MOST_RANKS = 16, CELL = 1 << 20, MOST_MESSAGES = 64 };

/// What a rank is about to do; all ranks do the same, but for the sizes of messages.
typedef struct {
    enum { NOTHING, GATHER, BROADCAST, REDUCE, GROUP } kind;
    int type, root, op;
    size_t count;
    /// Bytes to each rank, in a group.
    size_t to[MOST_RANKS];
} call;

/// What the ranks share.
typedef struct {
    atomic_int joined, arrived, round;
    call calls[MOST_RANKS];
} head;

struct ncclComm {
    head *shared;
    /// A cell for each pair of ranks.
    char *cells;
    int rank, size;
};

typedef struct {
    int is_send, peer;
    CUdeviceptr at;
    size_t bytes;
} message;

/// A call, and its addresses on the device.
typedef struct {
    ncclComm_t comm;
    call call;
    CUdeviceptr from, to;
    int count;
    message messages[MOST_MESSAGES];
} work;

static __thread int depth;
static __thread work group;
static __thread CUstream group_stream;

static size_t size_of(int type) {
    static const size_t sizes[] = {1, 1, 4, 4, 8, 8, 2, 4, 8, 2};
    if (type < 0 || type > 9) double_violation("NCCL has no data type %d", type);
    return sizes[type];
}

static void wait_for(atomic_int *number, int old, int wanted, const char *what) {
    time_t start = time(NULL);
    for (;;) {
        int now = atomic_load(number);
        if (wanted >= 0 ? now >= wanted : now != old) return;
        if (time(NULL) - start > 120) double_violation("NCCL waits for another rank since two minutes: %s", what);
        sched_yield();
    }
}

static void barrier(ncclComm_t c, const char *what) {
    int round = atomic_load(&c->shared->round);
    if (atomic_fetch_add(&c->shared->arrived, 1) == c->size - 1) {
        atomic_store(&c->shared->arrived, 0);
        atomic_fetch_add(&c->shared->round, 1);
    } else {
        wait_for(&c->shared->round, round, -1, what);
    }
}

static char *cell(ncclComm_t c, int from, int to) { return c->cells + (size_t)(from * c->size + to) * CELL; }

// MARK: What runs in the stream's order

static void add(void *sum, const void *x, int type) {
    if (type == APUS_NCCL_FLOAT32) *(float *)sum += *(const float *)x;
    else *(double *)sum += *(const double *)x;
}

/// Adds what all ranks have in their cells, each element from another rank on, as a ring does: who relies on an order finds out.
static void add_all(ncclComm_t c, void *out, size_t count, int type) {
    size_t size = size_of(type);
    for (size_t i = 0; i < count; i++) {
        int first = (int)(i * (size_t)c->size / count);
        char sum[8];
        memcpy(sum, cell(c, first, 0) + i * size, size);
        for (int k = 1; k < c->size; k++) add(sum, cell(c, (first + k) % c->size, 0) + i * size, type);
        memcpy((char *)out + i * size, sum, size);
    }
}

static void collective(work *w) {
    ncclComm_t c = w->comm;
    size_t bytes = w->call.count * size_of(w->call.type);
    int is_root = w->call.kind != BROADCAST || w->call.root == c->rank;
    const char *from = bytes == 0 ? NULL : double_memory(w->from, bytes, "NCCL reads");
    char *to = bytes == 0 ? NULL : double_memory(w->to, w->call.kind == GATHER ? bytes * (size_t)c->size : bytes, "NCCL writes");
    for (size_t at = 0; at < bytes; at += CELL) {
        size_t n = bytes - at < CELL ? bytes - at : CELL;
        if (is_root) memcpy(cell(c, c->rank, 0), from + at, n);
        barrier(c, "a collective");
        if (w->call.kind == BROADCAST) memcpy(to + at, cell(c, w->call.root, 0), n);
        else if (w->call.kind == REDUCE) add_all(c, to + at, n / size_of(w->call.type), w->call.type);
        else
            for (int i = 0; i < c->size; i++) memcpy(to + (size_t)i * bytes + at, cell(c, i, 0), n);
        barrier(c, "a collective");
    }
}

static void messages(work *w) {
    ncclComm_t c = w->comm;
    size_t most = 0;
    for (int from = 0; from < c->size; from++)
        for (int to = 0; to < c->size; to++)
            if (c->shared->calls[from].to[to] > most) most = c->shared->calls[from].to[to];
    for (int i = 0; i < w->count; i++) {
        message *m = &w->messages[i];
        size_t sent = c->shared->calls[m->peer].to[c->rank];
        if (!m->is_send && sent != m->bytes)
            double_violation("rank %d receives %zu bytes from rank %d, which sends %zu", c->rank, m->bytes, m->peer, sent);
    }
    for (int from = 0; from < c->size; from++) {
        int is_received = c->shared->calls[from].to[c->rank] == 0;
        for (int i = 0; i < w->count; i++) is_received |= !w->messages[i].is_send && w->messages[i].peer == from;
        if (!is_received) double_violation("rank %d sends to rank %d, which receives nothing", from, c->rank);
    }
    for (size_t at = 0; at < most; at += CELL) {
        for (int is_send = 1; is_send >= 0; is_send--) {
            for (int i = 0; i < w->count; i++) {
                message *m = &w->messages[i];
                if (m->is_send != is_send || at >= m->bytes) continue;
                size_t n = m->bytes - at < CELL ? m->bytes - at : CELL;
                char *memory = (char *)double_memory(m->at, m->bytes, is_send ? "ncclSend" : "ncclRecv") + at;
                if (is_send) memcpy(cell(c, c->rank, m->peer), memory, n);
                else memcpy(memory, cell(c, m->peer, c->rank), n);
            }
            barrier(c, "messages");
        }
    }
}

static void run(void *context) {
    work *w = context;
    ncclComm_t c = w->comm;
    c->shared->calls[c->rank] = w->call;
    barrier(c, "the beginning of a call");
    for (int i = 0; i < c->size; i++) {
        call *other = &c->shared->calls[i];
        if (other->kind != w->call.kind || other->type != w->call.type || other->root != w->call.root || other->op != w->call.op ||
            other->count != w->call.count)
            double_violation("the ranks call different things of NCCL, or with different counts or types");
    }
    if (w->call.kind == GROUP) messages(w);
    else collective(w);
    barrier(c, "the end of a call");
}

/// Queues the work, and runs all that is queued: others wait for it, and a device would not wait for its host.
static void enqueue(const work *w, CUstream stream, const char *what) {
    work *own = malloc(sizeof *own);
    *own = *w;
    double_enqueue(run, own, stream, what);
    double_catch_up();
}

// MARK: NCCL

ncclResult_t ncclGetVersion(int *version) {
    *version = 22703;
    return SUCCESS;
}

const char *ncclGetErrorString(ncclResult_t status) {
    switch (status) {
    case SUCCESS: return "no error";
    case INVALID_ARGUMENT: return "invalid argument";
    case INVALID_USAGE: return "invalid usage";
    default: return "unknown result code";
    }
}

const char *ncclGetLastError(ncclComm_t comm) {
    (void)comm;
    return "";
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
    static atomic_int number;
    memset(id, 0, sizeof *id);
    snprintf(id->internal, sizeof id->internal, "/apus-nccl-double-%d-%d", getpid(), atomic_fetch_add(&number, 1));
    return SUCCESS;
}

ncclResult_t ncclCommInitRank(ncclComm_t *comm, int size, ncclUniqueId id, int rank) {
    if (!double_has_context()) double_violation("ncclCommInitRank on a thread without a context");
    if (size < 1 || size > MOST_RANKS || rank < 0 || rank >= size) return INVALID_ARGUMENT;
    size_t bytes = ((sizeof(head) + 4095) & ~(size_t)4095) + (size_t)size * (size_t)size * CELL;
    int file = shm_open(id.internal, O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, (off_t)bytes)) double_violation("no shared memory %s", id.internal);
    ncclComm_t c = calloc(1, sizeof *c);
    *c = (struct ncclComm){.rank = rank, .size = size};
    c->shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (c->shared == MAP_FAILED) double_violation("no shared memory of %zu bytes", bytes);
    c->cells = (char *)c->shared + ((sizeof(head) + 4095) & ~(size_t)4095);
    atomic_fetch_add(&c->shared->joined, 1);
    wait_for(&c->shared->joined, 0, size, "ncclCommInitRank");
    // All have it now, and nothing is left where they are killed.
    shm_unlink(id.internal);
    *comm = c;
    return SUCCESS;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *status) {
    (void)comm;
    *status = (ncclResult_t)double_setting("APUS_DOUBLE_NCCL_ERROR", SUCCESS);
    return SUCCESS;
}

static ncclResult_t start(ncclComm_t comm, call call, const void *from, void *to, CUstream stream, const char *what) {
    if (depth) double_violation("%s in a group", what);
    size_t bytes = call.count * size_of(call.type);
    int is_root = call.kind != BROADCAST || call.root == comm->rank;
    if (bytes && is_root) double_memory((CUdeviceptr)(uintptr_t)from, bytes, what);
    if (bytes) double_memory((CUdeviceptr)(uintptr_t)to, call.kind == GATHER ? bytes * (size_t)comm->size : bytes, what);
    work w = {.comm = comm, .call = call, .from = (CUdeviceptr)(uintptr_t)from, .to = (CUdeviceptr)(uintptr_t)to};
    enqueue(&w, stream, what);
    return SUCCESS;
}

ncclResult_t ncclAllGather(const void *from, void *to, size_t count, ncclDataType_t type, ncclComm_t comm, CUstream stream) {
    return start(comm, (call){.kind = GATHER, .type = type, .count = count}, from, to, stream, __func__);
}

ncclResult_t ncclBroadcast(const void *from, void *to, size_t count, ncclDataType_t type, int root, ncclComm_t comm, CUstream stream) {
    if (root < 0 || root >= comm->size) return INVALID_ARGUMENT;
    return start(comm, (call){.kind = BROADCAST, .type = type, .root = root, .count = count}, from, to, stream, __func__);
}

ncclResult_t ncclAllReduce(const void *from, void *to, size_t count, ncclDataType_t type, ncclRedOp_t op, ncclComm_t comm,
                           CUstream stream) {
    if (op != APUS_NCCL_SUM || (type != APUS_NCCL_FLOAT32 && type != APUS_NCCL_FLOAT64))
        double_violation("the double sums float32 and float64 alone");
    return start(comm, (call){.kind = REDUCE, .type = type, .op = op, .count = count}, from, to, stream, __func__);
}

static ncclResult_t put(int is_send, const void *at, size_t count, int type, int peer, ncclComm_t comm, CUstream stream) {
    if (!depth) double_violation("a message outside of a group, which waits for the other's");
    if (peer < 0 || peer >= comm->size || peer == comm->rank) return INVALID_ARGUMENT;
    if (group.count == MOST_MESSAGES || (group.count && (group.comm != comm || group_stream != stream)))
        double_violation("the double takes %d messages of one communicator in a group", MOST_MESSAGES);
    size_t bytes = count * size_of(type);
    if (bytes) double_memory((CUdeviceptr)(uintptr_t)at, bytes, is_send ? "ncclSend" : "ncclRecv");
    group.messages[group.count++] = (message){is_send, peer, (CUdeviceptr)(uintptr_t)at, bytes};
    if (is_send) group.call.to[peer] = bytes;
    group.comm = comm;
    group_stream = stream;
    return SUCCESS;
}

ncclResult_t ncclSend(const void *from, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, CUstream stream) {
    return put(1, from, count, type, peer, comm, stream);
}

ncclResult_t ncclRecv(void *to, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, CUstream stream) {
    return put(0, to, count, type, peer, comm, stream);
}

ncclResult_t ncclGroupStart(void) {
    if (depth++ == 0) group = (work){.call = {.kind = GROUP}};
    return SUCCESS;
}

ncclResult_t ncclGroupEnd(void) {
    if (!depth) return INVALID_USAGE;
    if (--depth || !group.count) return SUCCESS;
    enqueue(&group, group_stream, "ncclGroupEnd");
    return SUCCESS;
}
