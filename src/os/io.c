/* SPDX-License-Identifier: MIT */
/* io.c - the real table of system calls, and one that fails the n-th call for fault loops. */
#include "os/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <unistd.h>

static int real_open(const char *path, int flags, mode_t mode)
{
    return open(path, flags | O_CLOEXEC, mode);
}

const struct os_io os_io_real = {
    .open = real_open,
    .close = close,
    .pread = pread,
    .pwritev = pwritev,
    .fdatasync = fdatasync,
    .fsync = fsync,
    .syncfs = syncfs,
    .fallocate = fallocate,
    .ftruncate = ftruncate,
    .rename = rename,
    .link = link,
    .unlink = unlink,
    .mkdir = mkdir,
    .rmdir = rmdir,
    .fstat = fstat,
    .stat = stat,
    .statvfs = statvfs,
    .mkfifo = mkfifo,
    .sendfile = sendfile,
};

const struct os_io *os_io = &os_io_real;

static struct {
    unsigned kinds;
    unsigned fail_at;
    int error;
    int for_ever;
    atomic_uint calls;
    atomic_int hit;
} faults;

/* True when this call is the one to fail; sets errno. */
static int fails(unsigned kind)
{
    if ((faults.kinds & kind) == 0) {
        return 0;
    }
    unsigned call = atomic_fetch_add(&faults.calls, 1) + 1;
    if (call == faults.fail_at || (faults.for_ever && call > faults.fail_at)) {
        atomic_store(&faults.hit, 1);
        errno = faults.error;
        return 1;
    }
    return 0;
}

static int fault_open(const char *path, int flags, mode_t mode)
{
    return fails(OS_IO_OPEN) ? -1 : real_open(path, flags, mode);
}
static ssize_t fault_pread(int fd, void *bytes, size_t len, off_t offset)
{
    return fails(OS_IO_READ) ? -1 : pread(fd, bytes, len, offset);
}
static ssize_t fault_pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return fails(OS_IO_WRITE) ? -1 : pwritev(fd, parts, count, offset);
}
static int fault_fdatasync(int fd)
{
    return fails(OS_IO_SYNC) ? -1 : fdatasync(fd);
}
static int fault_fsync(int fd)
{
    return fails(OS_IO_SYNC) ? -1 : fsync(fd);
}
static int fault_syncfs(int fd)
{
    return fails(OS_IO_SYNC) ? -1 : syncfs(fd);
}
static int fault_fallocate(int fd, int mode, off_t offset, off_t len)
{
    return fails(OS_IO_SPACE) ? -1 : fallocate(fd, mode, offset, len);
}
static int fault_ftruncate(int fd, off_t len)
{
    return fails(OS_IO_SPACE) ? -1 : ftruncate(fd, len);
}
static int fault_rename(const char *from, const char *to)
{
    return fails(OS_IO_NAME) ? -1 : rename(from, to);
}
static int fault_link(const char *from, const char *to)
{
    return fails(OS_IO_NAME) ? -1 : link(from, to);
}
static int fault_unlink(const char *path)
{
    return fails(OS_IO_NAME) ? -1 : unlink(path);
}
static int fault_mkdir(const char *path, mode_t mode)
{
    return fails(OS_IO_NAME) ? -1 : mkdir(path, mode);
}
static int fault_rmdir(const char *path)
{
    return fails(OS_IO_NAME) ? -1 : rmdir(path);
}

static int fault_mkfifo(const char *path, mode_t mode)
{
    return fails(OS_IO_NAME) ? -1 : mkfifo(path, mode);
}
static ssize_t fault_sendfile(int to, int from, off_t *offset, size_t len)
{
    return fails(OS_IO_READ) ? -1 : sendfile(to, from, offset, len);
}

static const struct os_io io_faulty = {
    .open = fault_open,
    .close = close,
    .pread = fault_pread,
    .pwritev = fault_pwritev,
    .fdatasync = fault_fdatasync,
    .fsync = fault_fsync,
    .syncfs = fault_syncfs,
    .fallocate = fault_fallocate,
    .ftruncate = fault_ftruncate,
    .rename = fault_rename,
    .link = fault_link,
    .unlink = fault_unlink,
    .mkdir = fault_mkdir,
    .rmdir = fault_rmdir,
    .fstat = fstat,
    .stat = stat,
    .statvfs = statvfs,
    .mkfifo = fault_mkfifo,
    .sendfile = fault_sendfile,
};

void os_io_faults_start(unsigned kinds, unsigned fail_at, int error, int for_ever)
{
    faults.kinds = kinds;
    faults.fail_at = fail_at;
    faults.error = error;
    faults.for_ever = for_ever;
    atomic_store(&faults.calls, 0);
    atomic_store(&faults.hit, 0);
    os_io = &io_faulty;
}

int os_io_faults_hit(void)
{
    return atomic_load(&faults.hit);
}

void os_io_faults_stop(void)
{
    os_io = &os_io_real;
}
