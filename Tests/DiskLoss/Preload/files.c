// SPDX-License-Identifier: Apache-2.0
//
// Which descriptors and paths are below the root, and writing to them.

#include "disk_loss.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// Descriptors above are not remembered; a server under test has a few hundred.
#define DESCRIPTOR_COUNT 65536

// Inodes of files below the root, 0 for all else.
static _Atomic uint64_t opened[DESCRIPTOR_COUNT];

static void raw_close(int descriptor) {
    int before = errno;
    syscall(SYS_close, descriptor);
    errno = before;
}

static bool is_below_root(int descriptor) {
    const char *root = journal_root();
    if (!root) return false;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t count = readlink(link, path, sizeof path - 1);
    if (count <= 0) return false;
    path[count] = 0;
    size_t length = strlen(root);
    return strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == 0);
}

uint64_t descriptor_find(int descriptor) {
    int before = errno;
    struct stat status;
    uint64_t inode = 0;
    if (is_below_root(descriptor) && fstat(descriptor, &status) == 0 &&
        (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
        inode = status.st_ino;
    errno = before;
    return inode;
}

void descriptor_opened(int descriptor) {
    if (descriptor < 0 || descriptor >= DESCRIPTOR_COUNT || !journal_is_on()) return;
    atomic_store(&opened[descriptor], descriptor_find(descriptor));
}

void descriptor_closed(int descriptor) {
    if (descriptor >= 0 && descriptor < DESCRIPTOR_COUNT) atomic_store(&opened[descriptor], 0);
}

void descriptor_copied(int from, int to) {
    if (to < 0 || to >= DESCRIPTOR_COUNT) return;
    atomic_store(&opened[to], from >= 0 && from < DESCRIPTOR_COUNT ? atomic_load(&opened[from]) : 0);
}

// A descriptor can be closed by calls that nobody sees, and be a socket by now: the inode tells.
uint64_t descriptor_tracked(int descriptor, struct stat *status) {
    if (descriptor < 0 || descriptor >= DESCRIPTOR_COUNT) return 0;
    uint64_t inode = atomic_load(&opened[descriptor]);
    if (inode == 0) return 0;
    int before = errno;
    bool same = fstat(descriptor, status) == 0 && status->st_ino == inode && S_ISREG(status->st_mode);
    errno = before;
    return same ? inode : 0;
}

bool place_find(int base, const char *path, struct place *place) {
    if (!journal_is_on() || !path) return false;
    int before = errno;
    char folder[PATH_MAX];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    size_t start = length;
    while (start > 0 && path[start - 1] != '/') start--;
    size_t count = length - start;
    if (length >= sizeof folder || count == 0 || count >= sizeof place->name) return false;
    memcpy(place->name, path + start, count);
    place->name[count] = 0;
    if (start == 0) {
        strcpy(folder, ".");
    } else {
        memcpy(folder, path, start);
        folder[start] = 0;
    }
    struct stat status;
    place->folder = (int)syscall(SYS_openat, base, folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (place->folder >= 0 && (!is_below_root(place->folder) || fstat(place->folder, &status) != 0)) {
        raw_close(place->folder);
        place->folder = -1;
    }
    errno = before;
    if (place->folder < 0) return false;
    place->inode = status.st_ino;
    return true;
}

void place_close(struct place *place) { raw_close(place->folder); }

bool place_exists(const struct place *place, struct stat *status) {
    int before = errno;
    bool exists = fstatat(place->folder, place->name, status, AT_SYMLINK_NOFOLLOW) == 0;
    errno = before;
    return exists;
}

static bool is_zero(const char *bytes, size_t count) {
    return count == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}

static bool is_same(const char *bytes, const struct iovec *parts, int part_count) {
    for (int i = 0; i < part_count; i++) {
        if (memcmp(bytes, parts[i].iov_base, parts[i].iov_len) != 0) return false;
        bytes += parts[i].iov_len;
    }
    return true;
}

// What the file holds from `offset` on. The descriptor itself may be write-only or want aligned buffers.
static char *old_bytes(int descriptor, off_t offset, size_t count) {
    char link[64];
    char *bytes = malloc(count ? count : 1);
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    int file = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
    size_t done = 0;
    while (bytes && file >= 0 && done < count) {
        ssize_t result = pread(file, bytes + done, count - done, offset + (off_t)done);
        if (result < 0 && errno == EINTR) continue;
        if (result <= 0) break;
        done += (size_t)result;
    }
    if (!bytes || file < 0 || done < count) abort();
    raw_close(file);
    return bytes;
}

// At `offset`, or if that is negative where the descriptor stands.
ssize_t tracked_write(int descriptor, uint64_t inode, const struct iovec *parts, int part_count, off_t offset) {
    size_t count = 0;
    for (int i = 0; i < part_count; i++) count += parts[i].iov_len;
    int flags = (int)syscall(SYS_fcntl, descriptor, F_GETFL, 0L);
    journal_lock();
    struct stat status;
    off_t place = offset;
    if (fstat(descriptor, &status) != 0) abort();
    if (offset < 0) place = flags & O_APPEND ? status.st_size : lseek(descriptor, 0, SEEK_CUR);
    if (journal_is_full() && place + (off_t)count > status.st_size) {
        journal_unlock();
        errno = ENOSPC;
        return -1;
    }
    size_t old_count = 0;
    if (place < status.st_size) old_count = (size_t)(status.st_size - place);
    if (old_count > count) old_count = count;
    char *old = old_bytes(descriptor, place, old_count);
    struct record record = {
        .kind = RECORD_WRITE, .inode = inode, .a = (uint64_t)place, .b = count, .c = (uint64_t)status.st_size};
    if (old_count == count && is_same(old, parts, part_count)) record.d = FLAG_SAME;
    else if (is_zero(old, old_count)) record.d = FLAG_ZERO;
    uint64_t position = journal_append(record, old, record.d ? 0 : old_count);
    free(old);
    long result;
    if (offset < 0) result = syscall(SYS_writev, descriptor, parts, part_count);
    else result = syscall(SYS_pwritev, descriptor, parts, part_count, (long)offset, 0L);
    if (result >= 0 && flags >= 0 && (flags & O_DSYNC)) {
        int before = errno;
        journal_covered_one(position);
        errno = before;
    }
    journal_unlock();
    return result;
}

int tracked_resize(int descriptor, uint64_t inode, off_t size) {
    journal_lock();
    struct stat status;
    if (fstat(descriptor, &status) != 0) abort();
    struct record record = {
        .kind = RECORD_RESIZE, .inode = inode, .a = (uint64_t)size, .c = (uint64_t)status.st_size, .d = FLAG_ZERO};
    size_t cut = size >= 0 && size < status.st_size ? (size_t)(status.st_size - size) : 0;
    char *old = old_bytes(descriptor, size, cut);
    if (!is_zero(old, cut)) record.d = 0;
    if (size >= 0) journal_append(record, old, record.d ? 0 : cut);
    free(old);
    int result = (int)syscall(SYS_ftruncate, descriptor, (long)size);
    journal_unlock();
    return result;
}
