// One pointer a thread: where ApusCore keeps the thread's `Context` (grad mode, checked scope, module stack …).
// Swift has no thread-local variables; a pthread key costs a call, this one instruction.
#ifndef APUS_CONTEXT_H
#define APUS_CONTEXT_H

#include <stddef.h>

// Static storage for the thread: one instruction to read. The programs that hold it are executables, not plug-ins.
extern _Thread_local void *_Nullable apus_context_current __attribute__((tls_model("initial-exec")));

/// The calling thread's pointer, NULL until set.
static inline void *_Nullable apus_context_get(void) { return apus_context_current; }
/// Sets it. `destroy` is called with it when the thread ends.
void apus_context_set(void *_Nonnull context, void (*_Nonnull destroy)(void *_Nullable));
/// Writes what stdout holds, then `message` to stderr, and ends the process as a trap does; without a backtrace of Swift's runtime behind the
/// message, unless SWIFT_BACKTRACE is set.
_Noreturn void apus_trap(const char *_Nonnull message);

/// An object of a Swift class with a reference count of 1 and its fields not yet initialised; as `swift_allocObject`, which Swift may not name.
void *_Nonnull apus_allocate_object(const void *_Nonnull metadata, long size, long alignment_mask);
/// How many bytes from `object` on the allocator has given to it.
size_t apus_object_room(const void *_Nonnull object);

#endif
