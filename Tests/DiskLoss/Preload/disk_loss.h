// SPDX-License-Identifier: Apache-2.0
//
// A library for LD_PRELOAD that lets a test take a process's disk away: SIGKILL leaves the page cache as it is, so it
// can't show a missing fsync. This library journals what the process does to files below one folder, with enough to
// undo it, and which of it an fsync has covered. After the kill the Swift part (`DiskLoss.swift`) undoes a random part
// of what nothing covered.
//
// Linux with glibc. Seen are open, write, pwrite, writev, pwritev, ftruncate, fallocate, rename, unlink, mkdir, rmdir,
// link and their kin, called through the dynamic linker. Not seen are stdio, writable shared maps, io_uring, and
// programs that make system calls themselves. One process at a time may use a journal.
//
// Environment:
//   MARTLET_DISK_LOSS_ROOT               the folder, which must exist
//   MARTLET_DISK_LOSS_JOURNAL            an existing folder outside of it on the same file system: gets the file
//                                        `journal`, as `kept-N` links to files whose last name went, and `control`:
//                                        eight bytes, the number of steps after whose last the process kills itself,
//                                        0 for never; it may be changed at any time. A step is a record, whose call
//                                        is then not made, or the beginning of a sync.
//   MARTLET_DISK_LOSS_SYNC_MICROSECONDS  how much longer each sync takes, 0 unless set
//   MARTLET_DISK_LOSS_FAULT              `no-sync`: syncs do nothing and report success.
//                                        `late-sync`: they report success at once and cover LATE_NANOSECONDS later.
//
// The journal is a sequence of records in the byte order of the machine, each `struct record` and its payload, padded
// to a multiple of 8. A record stands in the journal before its call is made; so the last one may tell of something
// that never came to be. Incomplete bytes at the end were never followed by a call. A position is an offset in this
// file.

#ifndef MARTLET_DISK_LOSS_H
#define MARTLET_DISK_LOSS_H

#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

enum record_kind {
    // inode; a: offset, b: count, c: size before, d: flags. Payload: what the range held, as far as the file went.
    RECORD_WRITE = 1,
    // inode; a: size after, c: size before, d: flags. Payload: what was cut off.
    RECORD_RESIZE = 2,
    // inode, 0 for all; a: position up to which everything done to it is on disk, b: time from which on that is so.
    RECORD_COVERED = 3,
    // a: position of a write that is on disk by itself, b: time from which on that is so.
    RECORD_COVERED_ONE = 4,
    // inode: of the folder; d: entry_kind. Payload: name, zero.
    // rename: a: inode of the target's folder, b: inode that moves, c: number of the kept target, 0 for none.
    // Payload: name, zero, target's name, zero. unlink: c: number of the kept file.
    RECORD_ENTRY = 5,
};

enum entry_kind { ENTRY_CREATE = 1, ENTRY_MKDIR = 2, ENTRY_UNLINK = 3, ENTRY_RMDIR = 4, ENTRY_RENAME = 5 };

// What would be the payload is all zero and left out.
#define FLAG_ZERO 1
// The write changed no byte, only perhaps the size; there is no payload.
#define FLAG_SAME 2

struct record {
    // With payload and padding.
    uint32_t length;
    uint32_t kind;
    // CLOCK_MONOTONIC, nanoseconds.
    uint64_t time;
    uint64_t inode;
    uint64_t a, b, c, d;
};

// With `late-sync`: well above what a reply needs to reach its client.
#define LATE_NANOSECONDS 20000000ull

// All of these are no-ops or false unless the library was told a folder.

bool journal_is_on(void);
void journal_lock(void);
void journal_unlock(void);
// Appends a record and returns its position. Under the lock. Ends the process if the journal can't be written.
uint64_t journal_append(struct record record, const void *payload, size_t count);
// A sync begins: takes the lock and returns the position up to which all is done.
uint64_t journal_sync_begins(void);
// What a sync of `inode` that began at `position` covers, as the fault has it. Takes the lock.
void journal_covered(uint64_t inode, uint64_t position);
// The same for one write, under the lock.
void journal_covered_one(uint64_t position);
// Whether syncs are to reach the disk at all.
bool journal_syncs(void);
// Whether the disk has no room: what is there may be written anew, but no file may grow.
bool journal_is_full(void);
void journal_sync_pause(void);
// Links the entry into the journal's folder and returns its number; 0 if it is no file.
uint64_t journal_keep(int folder, const char *name);
// The folder's path without links; NULL if the library is off.
const char *journal_root(void);

// A name in a folder below the root.
struct place {
    // To be closed.
    int folder;
    uint64_t inode;
    char name[256];
};

// False, with nothing to close, if the path isn't below the root or its folder doesn't exist.
bool place_find(int base, const char *path, struct place *place);
void place_close(struct place *place);
bool place_exists(const struct place *place, struct stat *status);

// The inode if the descriptor is of a file or folder below the root, else 0. Asks the kernel.
uint64_t descriptor_find(int descriptor);
// Remembers a descriptor just opened, so that writes to others cost next to nothing.
void descriptor_opened(int descriptor);
void descriptor_closed(int descriptor);
void descriptor_copied(int from, int to);
// The inode of a file that writes are journaled of, else 0.
uint64_t descriptor_tracked(int descriptor, struct stat *status);

ssize_t tracked_write(int descriptor, uint64_t inode, const struct iovec *parts, int part_count, off_t offset);
int tracked_resize(int descriptor, uint64_t inode, off_t size);

#endif
