// SPDX-License-Identifier: Apache-2.0
//
// The few calls that Swift's own libraries lack on one platform or another.

#ifndef CMARTLETPOSIX_H
#define CMARTLETPOSIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Makes a file's bytes, and its size where they need it, durable. Returns 0 or an errno.
///
/// fdatasync; on Darwin F_FULLFSYNC, since fsync stops at the drive's cache there. Never retries: after an error the
/// kernel may have dropped what it could not write, and a second call would report success.
int martlet_fdatasync(int descriptor);

/// Reserves the first `bytes` bytes of a file and makes it at least that long; new bytes read as zeroes.
///
/// Returns 0 or an errno: ENOSPC if they don't fit, EOPNOTSUPP where the file system can't reserve.
int martlet_preallocate(int descriptor, int64_t bytes);

/// Has the system begin to write a part of a file to disk that was written to it, and returns at once. On Linux; a
/// hint, which makes nothing durable.
void martlet_begin_writing_back(int descriptor, int64_t offset, int64_t bytes);

/// Waits until a part of a file that was written is on its way to disk no longer, and, if `forgets`, has the system's
/// cache let go of it: for what won't be read again soon. On Linux; a hint, which makes nothing durable.
void martlet_finish_writing_back(int descriptor, int64_t offset, int64_t bytes, bool forgets);

/// Bytes of an open file, or -1 with errno set. Swift takes `struct stat` for another module's now and then.
int64_t martlet_file_size(int descriptor);

/// CRC-32C (Castagnoli, reflected, initial and final complement) of `count` bytes that follow those whose CRC is
/// `crc`; 0 for none. By the processor's instruction where it has one, else by table.
uint32_t martlet_crc32c(uint32_t crc, const void *_Nullable bytes, size_t count);

/// The same by table on every processor: what the instruction is tested against.
uint32_t martlet_crc32c_by_table(uint32_t crc, const void *_Nullable bytes, size_t count);

/// 1 if `martlet_crc32c` uses an instruction on this processor.
int martlet_crc32c_has_instruction(void);

/// From now on a fault of this process (SIGBUS, SIGSEGV, SIGABRT) prints `message` on standard error and ends the
/// process with exit code 1; NULL undoes that. For the time in which a file is mapped into memory that may be damaged
/// or shorter than it says. `message` must stay until then. One thread at a time.
void martlet_say_on_fault(const char *_Nullable message);

/// Asks the processor for the memory at an address, which need not be readable. Never fails.
static inline void martlet_prefetch(const void *_Nonnull address) {
    __builtin_prefetch(address);
}

/// Tells the processor that this thread waits in a loop for another.
static inline void martlet_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// Sets glibc's memory up for a process with one busy thread and some that help it; elsewhere it does nothing. To be
/// called first, before there are threads.
///
/// One arena for all: what a thread has freed serves the others, and it grows by megabytes, where an arena of its own
/// asks the kernel for each page. Large pieces go back to the system when they are freed; left to itself glibc keeps
/// pieces of the largest size that ever was.
void martlet_tune_memory(void);

/// Gives pages back to the system on which all has been freed, wherever they lie; with other libraries than glibc it
/// does nothing. Looks at every free piece: some milliseconds.
void martlet_trim_memory(void);

/// Bytes that are allocated and not freed, or -1 where the library doesn't tell. With glibc it looks at every free
/// piece: up to some milliseconds.
int64_t martlet_allocated_bytes(void);

/// Bytes of this process that are in memory, pages of mapped files among them, or -1 where the system doesn't tell.
int64_t martlet_resident_bytes(void);

/// Of these, the bytes that pages of files and of shared memory take: of libraries, of the program itself, of mapped
/// files. -1 where the system doesn't tell. Takes some microseconds.
int64_t martlet_resident_file_bytes(void);

/// Has none of the pages of a file that this process has mapped to share it count as its memory any more: whoever looks
/// at them again gets them from the file, or from the system's cache of it. On Linux; elsewhere it does nothing. Reads
/// the list of all mappings: some hundred microseconds.
void martlet_forget_mapped_pages(int file);

/// From now on the calling thread gets what others leave of the processors, about a tenth where they leave nothing. It
/// can't be taken back. On Linux; elsewhere it does nothing.
void martlet_yield_to_others(void);

/// Names the calling thread for debuggers and profilers; Linux keeps 15 bytes.
void martlet_name_thread(const char *_Nonnull name);

#ifdef __cplusplus
}
#endif

#endif
