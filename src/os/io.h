/* SPDX-License-Identifier: MIT */
/* io.h - the table of system calls behind every file operation of ours.
 *
 * Tests replace rows to crash, tear, fail or slow any of them; the product uses the real ones. The
 * pointer is one of the mutable globals listed in docs/architecture.md: it is set before threads
 * start, or by a test that runs alone. Calls behave like the system calls of their names: -1 and
 * errno. Only os/file.c calls them; everybody else uses os/file.h. */
#pragma once
#include <dirent.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>

struct os_io {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    ssize_t (*pread)(int fd, void *bytes, size_t len, off_t offset);
    ssize_t (*pwritev)(int fd, const struct iovec *parts, int count, off_t offset);
    int (*fdatasync)(int fd);
    int (*fsync)(int fd);
    int (*syncfs)(int fd);
    int (*fallocate)(int fd, int mode, off_t offset, off_t len);
    int (*ftruncate)(int fd, off_t len);
    int (*rename)(const char *from, const char *to);
    int (*link)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*mkdir)(const char *path, mode_t mode);
    int (*rmdir)(const char *path);
    int (*fstat)(int fd, struct stat *out);
    int (*stat)(const char *path, struct stat *out);
    int (*statvfs)(const char *path, struct statvfs *out);
    int (*mkfifo)(const char *path, mode_t mode);
    ssize_t (*sendfile)(int to, int from, off_t *offset, size_t len);
};

extern const struct os_io os_io_real;
/* The table in force; never NULL. */
extern const struct os_io *os_io;

/* A table that behaves like the real one until call number `fail_at` (counted from 1 over every
 * call of the kinds in `kinds`), which fails with `error`; later ones fail too when `for_ever`.
 * Installs itself as os_io; os_io_faults_stop() puts the real table back.
 * For fault loops: raise fail_at until os_io_faults_hit() stays false. Thread: tests only. */
enum os_io_kind {
    OS_IO_OPEN = 1,
    OS_IO_READ = 2,
    OS_IO_WRITE = 4,
    OS_IO_SYNC = 8,
    OS_IO_SPACE = 16, /* fallocate, ftruncate */
    OS_IO_NAME = 32,  /* rename, link, unlink, mkdir, rmdir */
    OS_IO_ALL = 63,
};
void os_io_faults_start(unsigned kinds, unsigned fail_at, int error, int for_ever);
int os_io_faults_hit(void);
void os_io_faults_stop(void);
