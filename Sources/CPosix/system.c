// SPDX-License-Identifier: Apache-2.0

#ifdef __linux__
#define _GNU_SOURCE
#endif

#include "CMartletPosix.h"

#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __APPLE__
#include <mach/mach.h>
#include <malloc/malloc.h>
#endif
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int martlet_fdatasync(int descriptor) {
#ifdef __APPLE__
    if (fcntl(descriptor, F_FULLFSYNC) == 0) return 0;
    // File systems without a full sync say so before they have done anything.
    if (errno != ENOTSUP && errno != EINVAL && errno != ENOTTY) return errno;
    return fsync(descriptor) == 0 ? 0 : errno;
#else
    return fdatasync(descriptor) == 0 ? 0 : errno;
#endif
}

int64_t martlet_file_size(int descriptor) {
    struct stat status;
    return fstat(descriptor, &status) == 0 ? (int64_t)status.st_size : -1;
}

int martlet_preallocate(int descriptor, int64_t bytes) {
#if defined(__linux__)
    if (fallocate(descriptor, 0, 0, (off_t)bytes) == 0) return 0;
    return errno == ENOSYS ? EOPNOTSUPP : errno;
#elif defined(__APPLE__)
    struct stat status;
    if (fstat(descriptor, &status) != 0) return errno;
    if (status.st_size >= bytes) return 0;
    fstore_t store = {F_ALLOCATEALL, F_PEOFPOSMODE, 0, (off_t)bytes - status.st_size, 0};
    if (fcntl(descriptor, F_PREALLOCATE, &store) != 0) return errno == ENOTSUP ? EOPNOTSUPP : errno;
    return ftruncate(descriptor, (off_t)bytes) == 0 ? 0 : errno;
#else
    (void)descriptor;
    (void)bytes;
    return EOPNOTSUPP;
#endif
}

void martlet_begin_writing_back(int descriptor, int64_t offset, int64_t bytes) {
#ifdef __linux__
    (void)sync_file_range(descriptor, (off_t)offset, (off_t)bytes, SYNC_FILE_RANGE_WRITE);
#else
    (void)descriptor;
    (void)offset;
    (void)bytes;
#endif
}

void martlet_finish_writing_back(int descriptor, int64_t offset, int64_t bytes, bool forgets) {
#ifdef __linux__
    const unsigned int all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    (void)sync_file_range(descriptor, (off_t)offset, (off_t)bytes, all);
    if (forgets) { (void)posix_fadvise(descriptor, (off_t)offset, (off_t)bytes, POSIX_FADV_DONTNEED); }
#else
    (void)descriptor;
    (void)offset;
    (void)bytes;
    (void)forgets;
#endif
}

void martlet_yield_to_others(void) {
#ifdef __linux__
    // Of a thread, whatever POSIX says.
    (void)setpriority(PRIO_PROCESS, 0, 10);
#endif
}

void martlet_tune_memory(void) {
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, 16 << 20);
    mallopt(M_TRIM_THRESHOLD, 32 << 20);
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

void martlet_trim_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

int64_t martlet_allocated_bytes(void) {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd);
#elif defined(__APPLE__)
    malloc_statistics_t statistics;
    malloc_zone_statistics(NULL, &statistics);
    return (int64_t)statistics.size_in_use;
#else
    return -1;
#endif
}

#if defined(__linux__)
/// Pages: all, in memory, and of these those of files.
static int read_statm(long long numbers[3]) {
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file) return 0;
    int found = fscanf(file, "%lld %lld %lld", &numbers[0], &numbers[1], &numbers[2]);
    fclose(file);
    return found == 3;
}
#endif

int64_t martlet_resident_file_bytes(void) {
#if defined(__linux__)
    long long numbers[3];
    return read_statm(numbers) ? (int64_t)numbers[2] * sysconf(_SC_PAGESIZE) : -1;
#else
    return -1;
#endif
}

int64_t martlet_resident_bytes(void) {
#if defined(__linux__)
    long long numbers[3];
    return read_statm(numbers) ? (int64_t)numbers[1] * sysconf(_SC_PAGESIZE) : -1;
#elif defined(__APPLE__)
    struct mach_task_basic_info info;
    mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
    if (task_info(mach_task_self(), MACH_TASK_BASIC_INFO, (task_info_t)&info, &count) != KERN_SUCCESS) return -1;
    return (int64_t)info.resident_size;
#else
    return -1;
#endif
}

void martlet_forget_mapped_pages(int file) {
#ifdef __linux__
    struct stat status;
    if (fstat(file, &status)) return;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps) return;
    char line[512];
    int begins_line = 1;
    while (fgets(line, sizeof line, maps)) {
        unsigned long begin, end, inode;
        char sharing;
        // 7f0-7f1 r--s 00000000 fe:00 123 /path: only what is shared can be had again.
        if (begins_line && sscanf(line, "%lx-%lx %*3c%c %*x %*x:%*x %lu", &begin, &end, &sharing, &inode) == 4
            && sharing == 's' && inode == status.st_ino)
            madvise((void *)begin, end - begin, MADV_DONTNEED);
        // A path may be longer than the room for it.
        begins_line = strchr(line, '\n') != NULL;
    }
    fclose(maps);
#else
    (void)file;
#endif
}

static const char *fault_message;
static size_t fault_message_bytes;

/// Only write and _exit: nothing else is safe here.
static void say_and_exit(int number) {
    (void)number;
    ssize_t written = write(STDERR_FILENO, fault_message, fault_message_bytes);
    (void)written;
    _exit(1);
}

void martlet_say_on_fault(const char *message) {
    static const int faults[] = {SIGBUS, SIGSEGV, SIGABRT};
    static struct sigaction before[sizeof faults / sizeof faults[0]];
    size_t count = sizeof faults / sizeof faults[0];
    if (message == NULL) {
        for (size_t index = 0; index < count; index++) sigaction(faults[index], &before[index], NULL);
        return;
    }
    fault_message = message;
    fault_message_bytes = strlen(message);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = say_and_exit;
    for (size_t index = 0; index < count; index++) sigaction(faults[index], &action, &before[index]);
}

void martlet_name_thread(const char *name) {
#if defined(__linux__)
    (void)pthread_setname_np(pthread_self(), name);
#elif defined(__APPLE__)
    (void)pthread_setname_np(name);
#else
    (void)name;
#endif
}
