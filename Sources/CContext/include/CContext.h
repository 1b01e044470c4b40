// One pointer per thread: where ApusCore keeps the thread's `Context` (grad mode, checked scope, module stack …). Swift has no thread-local
// variables. Reading a pthread key costs a call; reading this costs one instruction.
#ifndef APUS_CONTEXT_H
#define APUS_CONTEXT_H

#include <stddef.h>

// The initial-exec model makes reading one instruction. It needs the library to be loaded at program start, not as a plug-in.
extern _Thread_local void *_Nullable apus_context_current __attribute__((tls_model("initial-exec")));

/// The calling thread's pointer, NULL until set.
static inline void *_Nullable apus_context_get(void) { return apus_context_current; }
/// Sets it. `destroy` is called with it when the thread ends.
void apus_context_set(void *_Nonnull context, void (*_Nonnull destroy)(void *_Nullable));
/// Flushes stdout, writes `message` to stderr, and ends the process with a trap. Swift's runtime prints no backtrace unless SWIFT_BACKTRACE
/// is set.
_Noreturn void apus_trap(const char *_Nonnull message);

/// Allocates an object of a Swift class with a reference count of 1 and uninitialised fields: `swift_allocObject`, which Swift code cannot
/// call.
void *_Nonnull apus_allocate_object(const void *_Nonnull metadata, long size, long alignment_mask);
/// How many bytes the allocator has reserved at `object`.
size_t apus_object_room(const void *_Nonnull object);

#endif
