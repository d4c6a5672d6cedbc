// SPDX-License-Identifier: Apache-2.0
//
// The part of Swift's `Mutex` in which a thread waits, for builds with the thread sanitizer. The library's own isn't
// instrumented: what a thread has done before it let go of a lock would seem to happen at the same time as what the one
// that waited for it does next. Linked into a program, this stands in front of the library's function.

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

// The handle is one word: the thread that holds the lock, or 0. Nobody sleeps here, so whoever lets go needs to wake
// nobody. Source: Swift 6, Synchronization, Mutex on Linux.
__attribute__((swiftcall)) void lock_slow(uint32_t thread, __attribute__((swift_context)) void *handle)
    __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");

__attribute__((swiftcall)) void lock_slow(uint32_t thread, __attribute__((swift_context)) void *handle) {
    _Atomic uint32_t *holder = handle;
    uint32_t nobody = 0;
    while (!atomic_compare_exchange_weak_explicit(
        holder, &nobody, thread, memory_order_acquire, memory_order_relaxed)) {
        nobody = 0;
        sched_yield();
    }
}
