// SPDX-License-Identifier: Apache-2.0
//
// The journal's file, its lock, and what syncs count for.

#include "disk_loss.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static enum { FAULT_NONE, FAULT_NO_SYNC, FAULT_LATE_SYNC } fault;
static char root[PATH_MAX];
static int journal = -1;
static int journal_folder = -1;
static uint64_t end;
static uint64_t kept;
// How many steps are left to live for, 0 for ever, and whether the disk is full: a shared map of the file `control`.
static _Atomic uint64_t *control;
#define CONTROL_BYTES (2 * sizeof *control)
static long sync_microseconds;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *what) {
    char text[256];
    int count = snprintf(text, sizeof text, "disk loss: %s: %s\n", what, strerror(errno));
    syscall(SYS_write, 2, text, (size_t)count);
    _exit(70);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

// Finds the end of the last whole record, of a process before: what follows it was never called.
static void find_end(void) {
    struct stat status;
    if (fstat(journal, &status) != 0) fail("the journal's size");
    struct record record;
    while (end + sizeof record <= (uint64_t)status.st_size) {
        if (pread(journal, &record, sizeof record, (off_t)end) != sizeof record) fail("reading the journal");
        if (record.length < sizeof record || end + record.length > (uint64_t)status.st_size) break;
        if (record.kind == RECORD_ENTRY && record.c > kept) kept = record.c;
        end += record.length;
    }
    // A link may have been made whose record was not.
    kept += 1;
    if (syscall(SYS_ftruncate, journal, (long)end) != 0) fail("cutting the journal");
}

static void map_control(void) {
    int file = (int)syscall(SYS_openat, journal_folder, "control", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || syscall(SYS_ftruncate, file, (long)CONTROL_BYTES) != 0) fail("opening the control");
    void *map = mmap(NULL, CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (map == MAP_FAILED) fail("mapping the control");
    control = map;
    syscall(SYS_close, file);
}

static void count_down(void) {
    uint64_t left = atomic_load(control);
    while (left > 0 && !atomic_compare_exchange_weak(control, &left, left - 1)) {}
    if (left == 1) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
}

bool journal_is_full(void) { return control && atomic_load(control + 1) != 0; }

__attribute__((constructor)) static void start(void) {
    const char *folder = getenv("MARTLET_DISK_LOSS_ROOT");
    const char *place = getenv("MARTLET_DISK_LOSS_JOURNAL");
    if (!folder || !place) return;
    const char *named = getenv("MARTLET_DISK_LOSS_FAULT");
    errno = EINVAL;
    if (!named || !*named) fault = FAULT_NONE;
    else if (strcmp(named, "no-sync") == 0) fault = FAULT_NO_SYNC;
    else if (strcmp(named, "late-sync") == 0) fault = FAULT_LATE_SYNC;
    else fail("unknown fault");
    const char *pause = getenv("MARTLET_DISK_LOSS_SYNC_MICROSECONDS");
    if (pause) sync_microseconds = strtol(pause, NULL, 10);
    if (!realpath(folder, root)) fail(folder);
    journal_folder = (int)syscall(SYS_openat, AT_FDCWD, place, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (journal_folder < 0) fail(place);
    int file = (int)syscall(SYS_openat, journal_folder, "journal", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) fail("opening the journal");
    journal = file;
    find_end();
    map_control();
}

bool journal_is_on(void) { return journal >= 0; }
const char *journal_root(void) { return journal >= 0 ? root : NULL; }
void journal_lock(void) { pthread_mutex_lock(&lock); }
void journal_unlock(void) { pthread_mutex_unlock(&lock); }

uint64_t journal_append(struct record record, const void *payload, size_t count) {
    static const char padding[8];
    size_t gap = (8 - count % 8) % 8;
    if (count > UINT32_MAX - sizeof record - gap) {
        errno = EFBIG;
        fail("a record");
    }
    record.length = (uint32_t)(sizeof record + count + gap);
    record.time = now();
    struct iovec parts[3] = {{&record, sizeof record}, {(void *)payload, count}, {(void *)padding, gap}};
    int first = 0;
    uint64_t position = end;
    uint64_t offset = position;
    while (first < 3) {
        if (parts[first].iov_len == 0) {
            first++;
            continue;
        }
        long done = syscall(SYS_pwritev, journal, &parts[first], 3 - first, (long)offset, 0L);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) fail("writing the journal");
        offset += (uint64_t)done;
        for (; first < 3 && (size_t)done >= parts[first].iov_len; first++) done -= (long)parts[first].iov_len;
        if (first < 3) {
            parts[first].iov_base = (char *)parts[first].iov_base + done;
            parts[first].iov_len -= (size_t)done;
        }
    }
    end = offset;
    count_down();
    return position;
}

uint64_t journal_sync_begins(void) {
    journal_lock();
    uint64_t position = end;
    count_down();
    journal_unlock();
    return position;
}

static uint64_t due(void) { return fault == FAULT_LATE_SYNC ? now() + LATE_NANOSECONDS : 0; }

void journal_covered(uint64_t inode, uint64_t position) {
    if (fault == FAULT_NO_SYNC) return;
    journal_lock();
    journal_append((struct record){.kind = RECORD_COVERED, .inode = inode, .a = position, .b = due()}, NULL, 0);
    journal_unlock();
}

void journal_covered_one(uint64_t position) {
    if (fault == FAULT_NO_SYNC) return;
    journal_append((struct record){.kind = RECORD_COVERED_ONE, .a = position, .b = due()}, NULL, 0);
}

bool journal_syncs(void) { return fault == FAULT_NONE; }

void journal_sync_pause(void) {
    if (fault != FAULT_NONE || sync_microseconds <= 0) return;
    struct timespec pause = {sync_microseconds / 1000000, sync_microseconds % 1000000 * 1000};
    nanosleep(&pause, NULL);
}

uint64_t journal_keep(int folder, const char *name) {
    char link[32];
    uint64_t number = kept++;
    snprintf(link, sizeof link, "kept-%llu", (unsigned long long)number);
    if (syscall(SYS_linkat, folder, name, journal_folder, link, 0) == 0) return number;
    if (errno != EPERM && errno != ENOENT) fail("keeping a file");
    return 0;
}
