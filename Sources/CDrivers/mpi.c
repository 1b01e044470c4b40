#define _GNU_SOURCE
#include "apus_mpi.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "load.h"
#include "mpi_constants.h"

enum { LONGEST_TEXT = 8192 }; // MPICH's MPI_MAX_LIBRARY_VERSION_STRING, the longest

typedef struct {
#define FIELD(NAME, TYPE, ...) TYPE NAME;
    APUS_MPI_CONSTANTS(FIELD)
#undef FIELD
} mpi_constants;

static mpi_constants constants;
static bool has_int_handles;
static char path[1024], version[LONGEST_TEXT];

typedef void *pointer;

#define STATUS void
#define COMM int
#define TYPE int
#define OP int
#define REQUEST int
#define ERRHANDLER int
#define N(x) int_##x
#include "mpi_calls.inc"
#undef COMM
#undef TYPE
#undef OP
#undef REQUEST
#undef ERRHANDLER
#undef N
#define COMM pointer
#define TYPE pointer
#define OP pointer
#define REQUEST pointer
#define ERRHANDLER pointer
#define N(x) pointer_##x
#undef APUS_MPI_FUNCTIONS
#include "mpi_calls.inc"

static bool is_one_of(const char *const *names, const char *text) {
    for (; *names; names++)
        if (strstr(text, *names)) return true;
    return false;
}

/// Finds out which ABI `library` has and looks its functions up.
static bool adopt(void *library, char *why, size_t capacity) {
    int (*get_version)(char *, int *);
    if (!apus_look_up(library, "MPI_Get_library_version", &get_version, why, capacity)) return false;
    int length = 0;
    get_version(version, &length);
    version[strcspn(version, "\n,")] = 0;
    Dl_info info;
    if (dladdr((void *)get_version, &info)) snprintf(path, sizeof path, "%s", info.dli_fname);
    // The standard's ABI is a library of its own. MPI_Abi_get_version does not tell, since MPICH 5's own library has it as well.
    const char *slash = strrchr(path, '/');
    bool is_standard = strstr(slash ? slash : path, "mpi_abi") != NULL;
    bool is_openmpi = !is_standard && dlsym(library, "ompi_mpi_comm_world");
    has_int_handles = !is_standard && !is_openmpi;
#define MPICH(NAME, TYPE, VALUE, OTHER, STANDARD) (TYPE) VALUE,
#define OPENMPI(NAME, TYPE, OTHER, VALUE, STANDARD) (TYPE) VALUE,
#define STANDARD(NAME, TYPE, OTHER, ANOTHER, VALUE) (TYPE) VALUE,
    if (is_openmpi) {
        constants = (mpi_constants){APUS_MPI_CONSTANTS(OPENMPI)};
#define HANDLE(NAME, OBJECT)                                                                                                               \
    if (!apus_look_up(library, #OBJECT, &pointer_handles.NAME, why, capacity)) return false;
        APUS_OPENMPI_HANDLES(HANDLE)
#undef HANDLE
    } else if (is_standard) {
        constants = (mpi_constants){APUS_MPI_CONSTANTS(STANDARD)};
#define HANDLE(NAME, VALUE) pointer_handles.NAME = (void *)VALUE;
        APUS_STANDARD_HANDLES(HANDLE)
#undef HANDLE
    } else if (is_one_of((const char *const[]){"MPICH", "Intel(R) MPI", "MVAPICH", "CRAY", "ParaStation", NULL}, version)) {
        constants = (mpi_constants){APUS_MPI_CONSTANTS(MPICH)};
#define HANDLE(NAME, VALUE) int_handles.NAME = VALUE;
        APUS_MPICH_HANDLES(HANDLE)
#undef HANDLE
    } else {
        snprintf(why, capacity, "%s is an MPI whose ABI is not known: %.80s", path, version);
        return false;
    }
#undef MPICH
#undef OPENMPI
#undef STANDARD
    return has_int_handles ? int_look_up(library, why, capacity) : pointer_look_up(library, why, capacity);
}

bool apus_mpi_open(const char *const *places, char *why, size_t capacity) {
    void *library = apus_open_any(places, why, capacity);
    return library && adopt(library, why, capacity);
}

const char *apus_mpi_path(void) { return path; }
const char *apus_mpi_version(void) { return version; }

#define CALL(NAME, ...) (has_int_handles ? int_##NAME(__VA_ARGS__) : pointer_##NAME(__VA_ARGS__))
#define CALL_MPI(NAME, ...) (has_int_handles ? int_f.NAME(__VA_ARGS__) : pointer_f.NAME(__VA_ARGS__))

int apus_mpi_init(apus_mpi_threads wanted, apus_mpi_threads *provided) {
    const int levels[] = {constants.THREAD_SINGLE, constants.THREAD_FUNNELED, constants.THREAD_SERIALIZED, constants.THREAD_MULTIPLE};
    int got = levels[0];
    int error = CALL(init, levels[wanted], &got);
    *provided = APUS_MPI_SINGLE;
    for (int i = 0; i < 4; i++)
        if (got >= levels[i]) *provided = i;
    return error;
}

int apus_mpi_finalize(void) { return CALL_MPI(Finalize); }

void apus_mpi_abort(int code) {
    if (has_int_handles) int_f.Abort(int_handles.COMM_WORLD, code);
    else pointer_f.Abort(pointer_handles.COMM_WORLD, code);
}

void apus_mpi_error_text(int error, char *text, size_t capacity) {
    char whole[LONGEST_TEXT] = "";
    int length = 0;
    CALL_MPI(Error_string, error, whole, &length);
    snprintf(text, capacity, "%s", whole);
}

apus_mpi_channel *apus_mpi_world(void) {
    static apus_mpi_channel *world;
    if (!world) world = has_int_handles ? int_keep_channel(int_handles.COMM_WORLD) : pointer_keep_channel(pointer_handles.COMM_WORLD);
    return world;
}

int apus_mpi_rank(apus_mpi_channel *channel) {
    int rank = -1;
    if (has_int_handles) int_f.Comm_rank(int_comm(channel), &rank);
    else pointer_f.Comm_rank(pointer_comm(channel), &rank);
    return rank;
}

int apus_mpi_size(apus_mpi_channel *channel) {
    int size = -1;
    if (has_int_handles) int_f.Comm_size(int_comm(channel), &size);
    else pointer_f.Comm_size(pointer_comm(channel), &size);
    return size;
}

int apus_mpi_split(apus_mpi_channel *channel, int color, int key, apus_mpi_channel **made) {
    return CALL(split, channel, color, key, made);
}

int apus_mpi_send(apus_mpi_channel *channel, const void *memory, int bytes, int to, int tag, apus_mpi_request **request) {
    return CALL(send, channel, memory, bytes, to, tag, request);
}

int apus_mpi_receive(apus_mpi_channel *channel, void *memory, int bytes, int from, int tag, apus_mpi_request **request) {
    return CALL(receive, channel, memory, bytes, from, tag, request);
}

int apus_mpi_sum(apus_mpi_channel *channel, void *memory, int count, bool is_double, apus_mpi_request **request) {
    return CALL(sum, channel, memory, count, is_double, request);
}

int apus_mpi_test(apus_mpi_request *request, bool *done) { return CALL(test, request, done); }

void apus_end_with_parent(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); }
