#include "CContext.h"
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

_Thread_local void *apus_context_current;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void (*_Atomic destroy_context)(void *);

static void at_thread_end(void *context) {
    apus_context_current = NULL;
    destroy_context(context);
}
static void make_key(void) { pthread_key_create(&key, at_thread_end); }

void apus_context_set(void *context, void (*destroy)(void *)) {
    destroy_context = destroy; // always the same function
    pthread_once(&once, make_key);
    pthread_setspecific(key, context);
    apus_context_current = context;
}

void apus_trap(const char *message) {
    fflush(stdout);
    fputs(message, stderr);
    fputc('\n', stderr);
    fflush(stderr);
    // Swift's runtime handles these signals by printing a backtrace of 45 lines, which takes seconds and hides the message. It still does
    // for users who set SWIFT_BACKTRACE.
    if (!getenv("SWIFT_BACKTRACE")) {
        signal(SIGILL, SIG_DFL);
        signal(SIGTRAP, SIG_DFL);
    }
    __builtin_trap();
}

extern void *swift_allocObject(const void *metadata, size_t size, size_t alignment_mask);

void *apus_allocate_object(const void *metadata, long size, long alignment_mask) {
    return swift_allocObject(metadata, (size_t)size, (size_t)alignment_mask);
}

size_t apus_object_room(const void *object) { return malloc_usable_size((void *)object); }
