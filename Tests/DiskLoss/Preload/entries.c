// SPDX-License-Identifier: Apache-2.0
//
// The calls that change what a folder holds.

#include "disk_loss.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void journal_entry(const struct place *place, enum entry_kind kind, uint64_t kept) {
    struct record record = {.kind = RECORD_ENTRY, .inode = place->inode, .c = kept, .d = kind};
    journal_append(record, place->name, strlen(place->name) + 1);
}

// MARK: Making

int mkdirat(int base, const char *path, mode_t mode) {
    struct place place;
    if (!place_find(base, path, &place)) return (int)syscall(SYS_mkdirat, base, path, mode);
    struct stat status;
    journal_lock();
    if (!place_exists(&place, &status)) journal_entry(&place, ENTRY_MKDIR, 0);
    int result = (int)syscall(SYS_mkdirat, place.folder, place.name, mode);
    journal_unlock();
    place_close(&place);
    return result;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int linkat(int base, const char *path, int new_base, const char *new_path, int flags) {
    struct place place;
    if (!place_find(new_base, new_path, &place))
        return (int)syscall(SYS_linkat, base, path, new_base, new_path, flags);
    struct stat status;
    journal_lock();
    if (!place_exists(&place, &status)) journal_entry(&place, ENTRY_CREATE, 0);
    int result = (int)syscall(SYS_linkat, base, path, place.folder, place.name, flags);
    journal_unlock();
    place_close(&place);
    return result;
}

int link(const char *path, const char *new_path) { return linkat(AT_FDCWD, path, AT_FDCWD, new_path, 0); }

int symlinkat(const char *target, int base, const char *path) {
    struct place place;
    if (!place_find(base, path, &place)) return (int)syscall(SYS_symlinkat, target, base, path);
    struct stat status;
    journal_lock();
    if (!place_exists(&place, &status)) journal_entry(&place, ENTRY_CREATE, 0);
    int result = (int)syscall(SYS_symlinkat, target, place.folder, place.name);
    journal_unlock();
    place_close(&place);
    return result;
}

int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }

// MARK: Removing

int unlinkat(int base, const char *path, int flags) {
    struct place place;
    if (!place_find(base, path, &place)) return (int)syscall(SYS_unlinkat, base, path, flags);
    struct stat status;
    journal_lock();
    bool is_folder = flags & AT_REMOVEDIR;
    if (place_exists(&place, &status) && is_folder == (bool)S_ISDIR(status.st_mode)) {
        uint64_t kept = is_folder ? 0 : journal_keep(place.folder, place.name);
        journal_entry(&place, is_folder ? ENTRY_RMDIR : ENTRY_UNLINK, kept);
    }
    int result = (int)syscall(SYS_unlinkat, place.folder, place.name, flags);
    journal_unlock();
    place_close(&place);
    return result;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int remove(const char *path) {
    if (unlinkat(AT_FDCWD, path, 0) == 0) return 0;
    return errno == EISDIR || errno == EPERM ? rmdir(path) : -1;
}

// MARK: Renaming

static int rename_places(const struct place *from, const struct place *to, unsigned flags) {
    struct stat moved, replaced;
    journal_lock();
    if (place_exists(from, &moved)) {
        bool replaces = !(flags & RENAME_NOREPLACE) && place_exists(to, &replaced);
        uint64_t kept = replaces && !S_ISDIR(replaced.st_mode) ? journal_keep(to->folder, to->name) : 0;
        char names[2 * sizeof from->name];
        size_t count = strlen(from->name) + 1;
        memcpy(names, from->name, count);
        strcpy(names + count, to->name);
        struct record record = {
            .kind = RECORD_ENTRY, .inode = from->inode, .a = to->inode, .b = moved.st_ino, .c = kept,
            .d = ENTRY_RENAME};
        journal_append(record, names, count + strlen(to->name) + 1);
    }
    int result = (int)syscall(SYS_renameat2, from->folder, from->name, to->folder, to->name, flags);
    journal_unlock();
    return result;
}

int renameat2(int base, const char *path, int new_base, const char *new_path, unsigned flags) {
    struct place from, to;
    bool is_from = place_find(base, path, &from);
    bool is_to = place_find(new_base, new_path, &to);
    int result;
    if (is_from && is_to && !(flags & RENAME_EXCHANGE)) {
        result = rename_places(&from, &to, flags);
    } else if (is_from || is_to) {
        // Files move below the root, not across its border, and none swap.
        errno = EXDEV;
        result = -1;
    } else {
        result = (int)syscall(SYS_renameat2, base, path, new_base, new_path, flags);
    }
    int before = errno;
    if (is_from) place_close(&from);
    if (is_to) place_close(&to);
    errno = before;
    return result;
}

int renameat(int base, const char *path, int new_base, const char *new_path) {
    return renameat2(base, path, new_base, new_path, 0);
}

int rename(const char *path, const char *new_path) { return renameat2(AT_FDCWD, path, AT_FDCWD, new_path, 0); }
