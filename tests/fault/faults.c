/* SPDX-License-Identifier: MIT */
/* faults.c - fails chosen I/O calls of `tarn serve` from outside, by LD_PRELOAD. Built by the tests.
 *
 * TARN_FAULT = CALLS:NTH:ERRNO:MODE ("sync:3:5:once"). CALLS is sync (fsync, fdatasync, syncfs),
 * write (write, pwrite, pwritev) or space (fallocate). NTH counts such calls from 1. MODE is once
 * or ever; or slow: from the NTH on each call takes ERRNO milliseconds longer, and succeeds. Only
 * files under a folder named "topics" count (a syncfs always does), and only in the process whose
 * command line has "serve". With "unlink:1:0:held" an unlink below a folder named "_imports" waits
 * as long as the file TARN_FAULT_ARM exists. Nothing is counted until the file TARN_FAULT_ARM exists.
 * Each matching call is noted in TARN_FAULT_LOG as "CALL PATH ok|FAILED". */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int active, nth, error_number, for_ever, slow, count, log_fd = -1;
static char calls[16];
static const char *arm_path;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void start(void)
{
    char line[4096] = "", mode[16] = "";
    const char *spec = getenv("TARN_FAULT"), *log_path = getenv("TARN_FAULT_LOG");
    int fd = open("/proc/self/cmdline", O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
    close(fd);
    for (ssize_t i = 0; i < n; i++) {
        active |= line[i] == '\0' && strcmp(line + i + 1, "serve") == 0;
    }
    arm_path = getenv("TARN_FAULT_ARM");
    active = active && spec && log_path && arm_path &&
             sscanf(spec, "%15[a-z]:%d:%d:%15s", calls, &nth, &error_number, mode) == 4;
    for_ever = strcmp(mode, "ever") == 0;
    slow = strcmp(mode, "slow") == 0;
    if (active) {
        log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
}

/* True when this call must fail; counts and notes it. */
static int fails(const char *kind, const char *call, int fd)
{
    char link[64], path[4096], line[4352];
    if (!active || strcmp(kind, calls) != 0 || access(arm_path, F_OK) != 0) {
        return 0;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n < 0 ? 0 : n] = '\0';
    if (strstr(path, "/topics/") == NULL && strcmp(call, "syncfs") != 0) {
        return 0;
    }
    pthread_mutex_lock(&lock);
    int hit = ++count == nth || ((for_ever || slow) && count > nth);
    int delay_ms = hit && slow ? error_number : 0;
    hit = hit && !slow;
    int len = snprintf(line, sizeof line, "%s %s %s\n", call, path, hit ? "FAILED" : "ok");
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    (void)!real(log_fd, line, (size_t)len);
    pthread_mutex_unlock(&lock);
    usleep((useconds_t)delay_ms * 1000);
    errno = hit ? error_number : errno;
    return hit;
}

#define REAL(type, name, ...) type (*real)(__VA_ARGS__) = dlsym(RTLD_NEXT, name)

int fsync(int fd)
{
    REAL(int, "fsync", int);
    return fails("sync", "fsync", fd) ? -1 : real(fd);
}
int fdatasync(int fd)
{
    REAL(int, "fdatasync", int);
    return fails("sync", "fdatasync", fd) ? -1 : real(fd);
}
int syncfs(int fd)
{
    REAL(int, "syncfs", int);
    return fails("sync", "syncfs", fd) ? -1 : real(fd);
}
ssize_t write(int fd, const void *bytes, size_t len)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    return fails("write", "write", fd) ? -1 : real(fd, bytes, len);
}
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    return fails("write", "pwrite", fd) ? -1 : real(fd, bytes, len, at);
}
ssize_t pwritev(int fd, const struct iovec *parts, int parts_count, off_t at)
{
    REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
    return fails("write", "pwritev", fd) ? -1 : real(fd, parts, parts_count, at);
}
int fallocate(int fd, int mode, off_t at, off_t len)
{
    REAL(int, "fallocate", int, int, off_t, off_t);
    return fails("space", "fallocate", fd) ? -1 : real(fd, mode, at, len);
}
int unlink(const char *path)
{
    REAL(int, "unlink", const char *);
    if (active && strcmp(calls, "unlink") == 0 && strstr(path, "/_imports/") != NULL) {
        char line[4352];
        int len = snprintf(line, sizeof line, "unlink %s held\n", path);
        (void)!write(log_fd, line, (size_t)len);
        while (access(arm_path, F_OK) == 0) {
            usleep(1000);
        }
    }
    return real(path);
}
/* The names that the same calls have in programs built for 64-bit offsets. */
ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
    return pwrite(fd, bytes, len, at);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int parts_count, off_t at)
{
    return pwritev(fd, parts, parts_count, at);
}
int fallocate64(int fd, int mode, off_t at, off_t len)
{
    return fallocate(fd, mode, at, len);
}
