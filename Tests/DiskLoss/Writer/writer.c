// SPDX-License-Identifier: Apache-2.0
//
// A process that does to files what its arguments say, for the tests of the disk-loss library. Each argument is one
// step; fields are separated by colons:
//
//   open:FILE          opens or creates it; further steps on FILE use this descriptor
//   opensync:FILE      the same, each write synced by itself
//   empty:FILE         the same, cut to nothing
//   at:FILE:OFFSET:COUNT:CHARACTER    writes at an offset
//   add:FILE:COUNT:CHARACTER          writes where the descriptor stands, in two parts
//   size:FILE:SIZE     cuts or extends
//   reserve:FILE:SIZE  reserves
//   sync:FILE          fdatasync
//   syncfolder:FOLDER  fsync
//   rename:FROM:TO   unlink:FILE   mkdir:FOLDER   rmdir:FOLDER
//   wait:N             sleeps N milliseconds
//   die                SIGKILL
//   parallel:FILE      four threads write and sync parts of it, for a tenth of a second; then die

#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FIELDS 5
#define FILES 16

static struct {
    char name[256];
    int descriptor;
} files[FILES];

static void check(int holds, const char *what) {
    if (holds) return;
    perror(what);
    exit(1);
}

static int descriptor(const char *name) {
    for (int i = 0; i < FILES; i++)
        if (strcmp(files[i].name, name) == 0) return files[i].descriptor;
    fprintf(stderr, "%s is not open\n", name);
    exit(1);
}

static void open_file(const char *name, int flags) {
    int place = 0;
    while (place < FILES - 1 && files[place].name[0]) place++;
    int file = open(name, O_CREAT | flags, 0600);
    check(file >= 0, name);
    strcpy(files[place].name, name);
    files[place].descriptor = file;
}

static void *write_forever(void *argument) {
    long thread = (long)(intptr_t)argument;
    char bytes[512];
    for (unsigned round = 0;; round++) {
        memset(bytes, 'a' + (int)(round % 26), sizeof bytes);
        check(pwrite(files[0].descriptor, bytes, sizeof bytes, (long)(thread * 512)) == sizeof bytes, "pwrite");
        if (round % 8 == 0) check(fdatasync(files[0].descriptor) == 0, "fdatasync");
    }
    return NULL;
}

static void parallel(const char *name) {
    open_file(name, O_RDWR);
    for (long i = 0; i < 4; i++) {
        pthread_t thread;
        check(pthread_create(&thread, NULL, write_forever, (void *)(intptr_t)i) == 0, "pthread_create");
    }
    usleep(100000);
    kill(getpid(), SIGKILL);
}

static void step(char *text) {
    char *fields[FIELDS] = {0};
    for (int i = 0; i < FIELDS && text; i++) fields[i] = strsep(&text, ":");
    const char *verb = fields[0], *name = fields[1] ? fields[1] : "";
    if (strcmp(verb, "open") == 0) return open_file(name, O_RDWR);
    if (strcmp(verb, "opensync") == 0) return open_file(name, O_WRONLY | O_DSYNC);
    if (strcmp(verb, "empty") == 0) return open_file(name, O_RDWR | O_TRUNC);
    if (strcmp(verb, "parallel") == 0) return parallel(name);
    if (strcmp(verb, "wait") == 0) {
        usleep((unsigned)atoi(name) * 1000);
        return;
    }
    if (strcmp(verb, "die") == 0) kill(getpid(), SIGKILL);
    if (strcmp(verb, "rename") == 0) return check(rename(name, fields[2]) == 0, name);
    if (strcmp(verb, "unlink") == 0) return check(unlink(name) == 0, name);
    if (strcmp(verb, "mkdir") == 0) return check(mkdir(name, 0700) == 0, name);
    if (strcmp(verb, "rmdir") == 0) return check(rmdir(name) == 0, name);
    if (strcmp(verb, "syncfolder") == 0) {
        int folder = open(name, O_RDONLY | O_DIRECTORY);
        check(folder >= 0 && fsync(folder) == 0, name);
        close(folder);
        return;
    }
    int file = descriptor(name);
    if (strcmp(verb, "sync") == 0) return check(fdatasync(file) == 0, name);
    if (strcmp(verb, "size") == 0) return check(ftruncate(file, atol(fields[2])) == 0, name);
    if (strcmp(verb, "reserve") == 0) return check(posix_fallocate(file, 0, atol(fields[2])) == 0, name);
    if (strcmp(verb, "at") == 0) {
        size_t count = (size_t)atol(fields[3]);
        char *bytes = memset(malloc(count), fields[4][0], count);
        check(pwrite(file, bytes, count, atol(fields[2])) == (ssize_t)count, name);
        free(bytes);
        return;
    }
    if (strcmp(verb, "add") == 0) {
        size_t count = (size_t)atol(fields[2]);
        char *bytes = memset(malloc(count), fields[3][0], count);
        struct iovec parts[2] = {{bytes, count / 2}, {bytes, count - count / 2}};
        check(writev(file, parts, 2) == (ssize_t)count, name);
        free(bytes);
        return;
    }
    fprintf(stderr, "what is %s?\n", verb);
    exit(1);
}

int main(int count, char **arguments) {
    for (int i = 1; i < count; i++) step(arguments[i]);
    return 0;
}
