// SPDX-License-Identifier: Apache-2.0
//
// Counts what a process allocates, in front of the C library's allocator.
//
// MARTLET_ALLOCATIONS names a file, which is made eight bytes long and holds the number of allocations so far, in the
// machine's byte order. Other processes may read it at any time. realloc counts where it may have to move: a call that
// grows a buffer step by step pays for each step. free doesn't count: what is freed was allocated.
//
// The C library exports its own allocator under names of its own, so that nothing needs to be looked up, which would
// allocate.

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

// Until the file is there, and where none is asked for.
static _Atomic uint64_t unread;
static _Atomic uint64_t *_Atomic counter = &unread;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("MARTLET_ALLOCATIONS");
    if (!path) return;
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) abort();
    if (ftruncate(descriptor, sizeof(uint64_t)) != 0) abort();
    void *page = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (page == MAP_FAILED) abort();
    close(descriptor);
    atomic_store(&counter, (_Atomic uint64_t *)page);
}

static void count(void) {
    atomic_fetch_add_explicit(atomic_load_explicit(&counter, memory_order_relaxed), 1, memory_order_relaxed);
}

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size) {
    count();
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
    count();
    void *found = __libc_memalign(alignment, size);
    if (!found) return ENOMEM;
    *block = found;
    return 0;
}
