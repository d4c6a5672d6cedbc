// SPDX-License-Identifier: Apache-2.0
//
// The calls that stand in front of the C library's. Each makes the system call itself, so that it works before and
// while libraries are loaded.

#include "disk_loss.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

// MARK: Opening and closing

static int open_at(int base, const char *path, int flags, mode_t mode) {
    struct place place;
    bool creates = flags & O_CREAT && place_find(base, path, &place);
    bool truncates = journal_is_on() && flags & O_TRUNC && (flags & O_ACCMODE) != O_RDONLY;
    if (creates) {
        struct stat status;
        journal_lock();
        if (!place_exists(&place, &status)) {
            size_t count = 0;
            while (place.name[count]) count++;
            journal_append(
                (struct record){.kind = RECORD_ENTRY, .inode = place.inode, .d = ENTRY_CREATE}, place.name, count + 1);
        }
    }
    // Emptied below instead, where it is journaled; elsewhere than below the root that makes no difference.
    int used = truncates ? flags & ~O_TRUNC : flags;
    int descriptor = (int)syscall(SYS_openat, base, path, used, mode);
    if (creates) {
        int before = errno;
        journal_unlock();
        place_close(&place);
        errno = before;
    }
    if (descriptor < 0) return descriptor;
    descriptor_opened(descriptor);
    if (truncates) {
        struct stat status;
        uint64_t inode = descriptor_tracked(descriptor, &status);
        if (inode == 0) (void)!syscall(SYS_ftruncate, descriptor, 0L);
        else if (status.st_size > 0) tracked_resize(descriptor, inode, 0);
        errno = 0;
    }
    return descriptor;
}

static mode_t mode_argument(int flags, va_list arguments) {
    return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(arguments, int) : 0;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int base, const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return open_at(base, path, flags, mode);
}

int openat64(int base, const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return open_at(base, path, flags, mode);
}

int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }
// What the C library's checked headers call when no mode is given.
int __open_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int __openat_2(int base, const char *path, int flags) { return open_at(base, path, flags, 0); }
int __openat64_2(int base, const char *path, int flags) { return open_at(base, path, flags, 0); }

int close(int descriptor) {
    descriptor_closed(descriptor);
    return (int)syscall(SYS_close, descriptor);
}

int dup(int descriptor) {
    int copy = (int)syscall(SYS_dup, descriptor);
    descriptor_copied(descriptor, copy);
    return copy;
}

int dup3(int descriptor, int target, int flags) {
    int copy = (int)syscall(SYS_dup3, descriptor, target, flags);
    descriptor_copied(descriptor, copy);
    return copy;
}

int dup2(int descriptor, int target) {
    if (descriptor == target) return (int)syscall(SYS_fcntl, descriptor, F_GETFD, 0L) < 0 ? -1 : target;
    return dup3(descriptor, target, 0);
}

static int control(int descriptor, int command, long argument) {
    int result = (int)syscall(SYS_fcntl, descriptor, command, argument);
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) descriptor_copied(descriptor, result);
    return result;
}

int fcntl(int descriptor, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    long argument = va_arg(arguments, long);
    va_end(arguments);
    return control(descriptor, command, argument);
}

int fcntl64(int descriptor, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    long argument = va_arg(arguments, long);
    va_end(arguments);
    return control(descriptor, command, argument);
}

// MARK: Writing

ssize_t write(int descriptor, const void *bytes, size_t count) {
    struct stat status;
    uint64_t inode = descriptor_tracked(descriptor, &status);
    if (inode == 0) return syscall(SYS_write, descriptor, bytes, count);
    struct iovec part = {(void *)bytes, count};
    return tracked_write(descriptor, inode, &part, 1, -1);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    struct stat status;
    uint64_t inode = offset < 0 ? 0 : descriptor_tracked(descriptor, &status);
    if (inode == 0) return syscall(SYS_pwrite64, descriptor, bytes, count, (long)offset);
    struct iovec part = {(void *)bytes, count};
    return tracked_write(descriptor, inode, &part, 1, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
    return pwrite(descriptor, bytes, count, (off_t)offset);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    struct stat status;
    uint64_t inode = descriptor_tracked(descriptor, &status);
    if (inode == 0) return syscall(SYS_writev, descriptor, parts, count);
    return tracked_write(descriptor, inode, parts, count, -1);
}

ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset) {
    struct stat status;
    uint64_t inode = offset < 0 ? 0 : descriptor_tracked(descriptor, &status);
    if (inode == 0) return syscall(SYS_pwritev, descriptor, parts, count, (long)offset, 0L);
    return tracked_write(descriptor, inode, parts, count, offset);
}

ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off64_t offset) {
    return pwritev(descriptor, parts, count, (off_t)offset);
}

// Their callers have another way, by calls that are seen.
ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t count, unsigned flags) {
    struct stat status;
    if (descriptor_tracked(to, &status) == 0)
        return syscall(SYS_copy_file_range, from, from_offset, to, to_offset, count, flags);
    errno = ENOSYS;
    return -1;
}

ssize_t sendfile(int to, int from, off_t *offset, size_t count) {
    struct stat status;
    if (descriptor_tracked(to, &status) == 0) return syscall(SYS_sendfile, to, from, offset, count);
    errno = EINVAL;
    return -1;
}

ssize_t sendfile64(int to, int from, off64_t *offset, size_t count) { return sendfile(to, from, offset, count); }

// MARK: Sizes

int ftruncate(int descriptor, off_t size) {
    struct stat status;
    uint64_t inode = descriptor_tracked(descriptor, &status);
    if (inode == 0) return (int)syscall(SYS_ftruncate, descriptor, (long)size);
    return tracked_resize(descriptor, inode, size);
}

int ftruncate64(int descriptor, off64_t size) { return ftruncate(descriptor, (off_t)size); }

int truncate(const char *path, off_t size) {
    int descriptor = open_at(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    int result = ftruncate(descriptor, size);
    int before = errno;
    close(descriptor);
    errno = before;
    return result;
}

int truncate64(const char *path, off64_t size) { return truncate(path, (off_t)size); }

int fallocate(int descriptor, int mode, off_t offset, off_t count) {
    struct stat status;
    uint64_t inode = descriptor_tracked(descriptor, &status);
    if (inode == 0 || mode == FALLOC_FL_KEEP_SIZE)
        return (int)syscall(SYS_fallocate, descriptor, mode, (long)offset, (long)count);
    if (mode != 0) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if (journal_is_full()) {
        errno = ENOSPC;
        return -1;
    }
    journal_lock();
    if (fstat(descriptor, &status) == 0 && offset >= 0 && count > 0 && offset + count > status.st_size) {
        struct record record = {
            .kind = RECORD_RESIZE, .inode = inode, .a = (uint64_t)(offset + count), .c = (uint64_t)status.st_size,
            .d = FLAG_ZERO};
        journal_append(record, NULL, 0);
    }
    int result = (int)syscall(SYS_fallocate, descriptor, mode, (long)offset, (long)count);
    journal_unlock();
    return result;
}

int fallocate64(int descriptor, int mode, off64_t offset, off64_t count) {
    return fallocate(descriptor, mode, (off_t)offset, (off_t)count);
}

int posix_fallocate(int descriptor, off_t offset, off_t count) {
    return fallocate(descriptor, 0, offset, count) == 0 ? 0 : errno;
}

int posix_fallocate64(int descriptor, off64_t offset, off64_t count) {
    return posix_fallocate(descriptor, (off_t)offset, (off_t)count);
}

// MARK: Syncing

// Covered is what was done before the call: all of it is complete, because the journal's lock is held while it is done.
static int sync_by(long call, int descriptor) {
    uint64_t inode = journal_is_on() ? descriptor_find(descriptor) : 0;
    if (inode == 0) return (int)syscall(call, descriptor);
    uint64_t position = journal_sync_begins();
    if (journal_syncs()) {
        int result = (int)syscall(call, descriptor);
        if (result != 0) return result;
        journal_sync_pause();
    }
    journal_covered(inode, position);
    return 0;
}

int fsync(int descriptor) { return sync_by(SYS_fsync, descriptor); }
int fdatasync(int descriptor) { return sync_by(SYS_fdatasync, descriptor); }

void sync(void) {
    uint64_t position = journal_is_on() ? journal_sync_begins() : 0;
    if (journal_syncs()) syscall(SYS_sync);
    if (journal_is_on()) journal_covered(0, position);
}

int syncfs(int descriptor) {
    uint64_t position = journal_is_on() ? journal_sync_begins() : 0;
    int result = journal_syncs() ? (int)syscall(SYS_syncfs, descriptor) : 0;
    if (result == 0 && journal_is_on()) journal_covered(0, position);
    return result;
}
