// SPDX-License-Identifier: Apache-2.0

#ifdef __linux__
#define _GNU_SOURCE
#endif

#include "CMartletPosix.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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

void martlet_name_thread(const char *name) {
#if defined(__linux__)
    (void)pthread_setname_np(pthread_self(), name);
#elif defined(__APPLE__)
    (void)pthread_setname_np(name);
#else
    (void)name;
#endif
}
