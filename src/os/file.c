/* SPDX-License-Identifier: MIT */
/* file.c - see file.h. The only caller of the os_io table. */
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/base.h"
#include "base/uuid.h"
#include "os/clock.h"
#include "os/io.h"

enum { READ_STEP_BYTES = 64 << 10 };

static err from_errno(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY:
        return ERR_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return ERR_NOSPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_DENIED;
    case ENOMEM:
        return ERR_NOMEM;
    case EMFILE:
    case ENFILE:
        return ERR_LIMIT;
    default:
        return ERR_IO;
    }
}

static err failed(struct errmsg *msg, const char *what, const char *path)
{
    int error = errno;
    return errmsg_set(msg, from_errno(error), "%s %s: %s", what, path, strerror(error));
}

static err failed_fd(struct errmsg *msg, const char *what, int fd)
{
    char path[32];
    (void)snprintf(path, sizeof path, "descriptor %d", fd); /* fits */
    return failed(msg, what, path);
}

err os_open(const char *path, int flags, int *out_fd, struct errmsg *msg)
{
    int fd = -1;
    do {
        fd = os_io->open(path, flags, 0640);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return failed(msg, "open", path);
    }
    *out_fd = fd;
    return ERR_OK;
}

void os_close(int fd)
{
    if (fd >= 0) {
        (void)os_io->close(fd); /* what must be durable was synced before */
    }
}

err os_pread(int fd, void *bytes, size_t len, uint64_t offset, size_t *out_got, struct errmsg *msg)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = os_io->pread(fd, (char *)bytes + got, len - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return failed_fd(msg, "read", fd);
        }
        if (n == 0) {
            break;
        }
        got += (size_t)n;
    }
    *out_got = got;
    return ERR_OK;
}

err os_pwritev(int fd, struct iovec *parts, int count, uint64_t offset, struct errmsg *msg)
{
    while (count > 0) {
        if (parts->iov_len == 0) {
            parts++;
            count--;
            continue;
        }
        ssize_t n = os_io->pwritev(fd, parts, count, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return failed_fd(msg, "write", fd);
        }
        offset += (uint64_t)n;
        size_t left = (size_t)n;
        while (count > 0 && left >= parts->iov_len) {
            left -= parts->iov_len;
            parts++;
            count--;
        }
        if (left > 0) {
            parts->iov_base = (char *)parts->iov_base + left;
            parts->iov_len -= left;
        }
    }
    return ERR_OK;
}

err os_pwrite(int fd, const void *bytes, size_t len, uint64_t offset, struct errmsg *msg)
{
    union {
        const void *in;
        void *out;
    } cast = {.in = bytes}; /* iovec has no const; pwritev does not write through it */
    struct iovec part = {.iov_base = cast.out, .iov_len = len};
    return os_pwritev(fd, &part, 1, offset, msg);
}

err os_fdatasync(int fd, struct errmsg *msg)
{
    return os_io->fdatasync(fd) == 0 ? ERR_OK : failed_fd(msg, "fdatasync", fd);
}

err os_syncfs(int fd, struct errmsg *msg)
{
    return os_io->syncfs(fd) == 0 ? ERR_OK : failed_fd(msg, "syncfs", fd);
}

err os_fsync_path(const char *path, struct errmsg *msg)
{
    AUTO_FD fd = -1;
    TRY(os_open(path, O_RDONLY, &fd, msg));
    return os_io->fsync(fd) == 0 ? ERR_OK : failed(msg, "fsync", path);
}

err os_fsync_dir(const char *path, struct errmsg *msg)
{
    AUTO_FD fd = -1;
    TRY(os_open(path, O_RDONLY | O_DIRECTORY, &fd, msg));
    return os_io->fsync(fd) == 0 ? ERR_OK : failed(msg, "fsync directory", path);
}

err os_reserve(int fd, uint64_t offset, uint64_t len, struct errmsg *msg)
{
    int result = 0;
    do {
        result = os_io->fallocate(fd, 0, (off_t)offset, (off_t)len);
    } while (result != 0 && errno == EINTR);
    if (result == 0 || errno == EOPNOTSUPP || errno == ENOSYS) {
        return ERR_OK;
    }
    return failed_fd(msg, "reserve space", fd);
}

err os_truncate(int fd, uint64_t size, struct errmsg *msg)
{
    return os_io->ftruncate(fd, (off_t)size) == 0 ? ERR_OK : failed_fd(msg, "truncate", fd);
}

err os_make_pipe(const char *path, struct errmsg *msg)
{
    return os_io->mkfifo(path, 0600) == 0 ? ERR_OK : failed(msg, "make pipe", path);
}

void os_pipe_wait_for_room(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0) {
        (void)fcntl(fd, F_SETFL,
                    flags & ~O_NONBLOCK); /* cannot fail for a descriptor that is open */
    }
}

void os_pipe_set_bytes(int fd, size_t bytes)
{
    (void)fcntl(fd, F_SETPIPE_SZ, (int)MIN(bytes, (size_t)INT32_MAX)); /* it holds less then */
}

err os_pass_on(int fd, uint64_t offset, size_t len, int pipe_fd, size_t *out_passed,
               struct errmsg *msg)
{
    size_t passed = 0;
    while (passed < len) {
        off_t at = (off_t)(offset + passed);
        ssize_t n = os_io->sendfile(pipe_fd, fd, &at, len - passed);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            bool is_gone = errno == EPIPE;
            err e = failed_fd(msg, "pass on from", fd);
            return is_gone ? ERR_CLOSED : e;
        }
        if (n == 0) {
            break;
        }
        passed += (size_t)n;
    }
    *out_passed = passed;
    return ERR_OK;
}

err os_rename(const char *from, const char *to, struct errmsg *msg)
{
    return os_io->rename(from, to) == 0 ? ERR_OK : failed(msg, "rename to", to);
}

err os_link(const char *from, const char *to, struct errmsg *msg)
{
    return os_io->link(from, to) == 0 ? ERR_OK : failed(msg, "link to", to);
}

err os_unlink(const char *path, struct errmsg *msg)
{
    return os_io->unlink(path) == 0 ? ERR_OK : failed(msg, "remove", path);
}

err os_rmdir(const char *path, struct errmsg *msg)
{
    return os_io->rmdir(path) == 0 ? ERR_OK : failed(msg, "remove directory", path);
}

/* The directory that holds `path`, in caller's room. */
static void parent_of(const char *path, char *out, size_t out_bytes)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        (void)snprintf(out, out_bytes, "."); /* fits */
    } else if (slash == path) {
        (void)snprintf(out, out_bytes, "/"); /* fits */
    } else {
        (void)snprintf(out, out_bytes, "%.*s", (int)(slash - path), path); /* checked by caller */
    }
}

err os_mkdirs(const char *path, struct errmsg *msg)
{
    char copy[4096];
    if (strlen(path) >= sizeof copy) {
        return errmsg_set(msg, ERR_TOO_LARGE, "path is too long");
    }
    for (size_t i = 1;; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        memcpy(copy, path, i);
        copy[i] = '\0';
        if (os_io->mkdir(copy, 0750) == 0) {
            char parent[4096];
            parent_of(copy, parent, sizeof parent);
            TRY(os_fsync_dir(parent, msg));
        } else if (errno != EEXIST) {
            return failed(msg, "make directory", copy);
        }
        if (path[i] == '\0') {
            return ERR_OK;
        }
    }
}

static err remove_children(const char *path, struct errmsg *msg)
{
    AUTO_NAMES names = {0};
    TRY(os_list(path, &names, msg));
    for (size_t i = 0; i < names.count; i++) {
        AUTO_TEXT child = xasprintf("%s/%s", path, names.items[i]);
        TRY(os_remove_tree(child, msg));
    }
    return ERR_OK;
}

err os_remove_tree(const char *path, struct errmsg *msg)
{
    if (os_io->unlink(path) == 0 || errno == ENOENT) {
        return ERR_OK;
    }
    if (errno != EISDIR && errno != EPERM) {
        return failed(msg, "remove", path);
    }
    TRY(remove_children(path, msg));
    return os_rmdir(path, msg);
}

err os_empty_dir(const char *path, struct errmsg *msg)
{
    TRY(os_mkdirs(path, msg));
    return remove_children(path, msg);
}

static struct os_stat stat_from(const struct stat *st)
{
    return (struct os_stat){
        .size_bytes = (uint64_t)st->st_size,
        .mtime_us = (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000,
        .ctime_us = (int64_t)st->st_ctim.tv_sec * 1000000 + st->st_ctim.tv_nsec / 1000,
        .is_dir = S_ISDIR(st->st_mode),
        .is_file = S_ISREG(st->st_mode),
        .link_count = st->st_nlink,
        .device = (uint64_t)st->st_dev,
        .inode = (uint64_t)st->st_ino,
    };
}

err os_stat(const char *path, struct os_stat *out_stat, struct errmsg *msg)
{
    struct stat st;
    if (os_io->stat(path, &st) != 0) {
        return failed(msg, "stat", path);
    }
    *out_stat = stat_from(&st);
    return ERR_OK;
}

err os_fstat(int fd, struct os_stat *out_stat, struct errmsg *msg)
{
    struct stat st;
    if (os_io->fstat(fd, &st) != 0) {
        return failed_fd(msg, "stat", fd);
    }
    *out_stat = stat_from(&st);
    return ERR_OK;
}

bool os_exists(const char *path)
{
    struct stat st;
    return os_io->stat(path, &st) == 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

err os_list(const char *path, struct os_names *out_names, struct errmsg *msg)
{
    AUTO_FD fd = -1;
    TRY(os_open(path, O_RDONLY | O_DIRECTORY, &fd, msg));
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        return failed(msg, "list", path);
    }
    (void)os_take_fd(&fd); /* closedir closes it */
    AUTO_NAMES names = {0};
    size_t cap = 0;
    errno = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (names.count == cap) {
            cap = cap == 0 ? 16 : cap * 2;
            names.items = xrealloc(names.items, cap, sizeof *names.items);
        }
        names.items[names.count++] = xstrdup(entry->d_name);
        errno = 0;
    }
    int error = errno;
    (void)closedir(dir); /* nothing was written */
    if (error != 0) {
        errno = error;
        return failed(msg, "list", path);
    }
    if (names.count > 1) {
        qsort(names.items, names.count, sizeof *names.items, by_bytes);
    }
    *out_names = names;
    names = (struct os_names){0};
    return ERR_OK;
}

void os_names_free(struct os_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i]);
    }
    free(names->items);
    *names = (struct os_names){0};
}

err os_read_stream(int fd, const char *name, struct buf *out, struct errmsg *msg)
{
    for (;;) {
        size_t want = MIN((size_t)READ_STEP_BYTES, out->max - out->len);
        char beyond;
        if (want > 0 && !buf_reserve(out, want)) {
            return errmsg_set(msg, ERR_TOO_LARGE, "%s is larger than %zu bytes", name, out->max);
        }
        ssize_t got = read(fd, want > 0 ? out->data + out->len : &beyond, want > 0 ? want : 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return failed(msg, "read", name);
        }
        if (got == 0) {
            return ERR_OK;
        }
        if (want == 0) {
            return errmsg_set(msg, ERR_TOO_LARGE, "%s is larger than %zu bytes", name, out->max);
        }
        out->len += (size_t)got;
    }
}

err os_read_file(const char *path, struct buf *out, struct errmsg *msg)
{
    AUTO_FD fd = -1;
    TRY(os_open(path, O_RDONLY, &fd, msg));
    struct os_stat st;
    TRY(os_fstat(fd, &st, msg));
    if (!st.is_file && !st.is_dir) {
        return os_read_stream(fd, path, out, msg);
    }
    uint64_t offset = 0;
    for (;;) {
        size_t want = offset < st.size_bytes ? (size_t)(st.size_bytes - offset) : 4096;
        want = MIN(want, out->max - out->len);
        if (want == 0 || !buf_reserve(out, want)) {
            return errmsg_set(msg, ERR_TOO_LARGE, "%s is larger than %zu bytes", path, out->max);
        }
        size_t got = 0;
        TRY(os_pread(fd, out->data + out->len, want, offset, &got, msg));
        out->len += got;
        offset += got;
        if (got < want || (offset >= st.size_bytes && out->len == out->max)) {
            return ERR_OK;
        }
    }
}

err os_replace_file(const char *path, struct str bytes, struct errmsg *msg)
{
    char parent[4096];
    if (strlen(path) + 64 > sizeof parent) {
        return errmsg_set(msg, ERR_TOO_LARGE, "path is too long");
    }
    AUTO_TEXT temporary = xasprintf("%s.%s.tmp", path, os_uuid_new().text);
    AUTO_FD fd = -1;
    TRY(os_open(temporary, O_WRONLY | O_CREAT | O_EXCL, &fd, msg));
    err e = os_pwrite(fd, bytes.ptr, bytes.len, 0, msg);
    if (e == ERR_OK) {
        e = os_fdatasync(fd, msg);
    }
    if (e == ERR_OK) {
        e = os_rename(temporary, path, msg);
    }
    if (e != ERR_OK) {
        (void)os_io->unlink(temporary); /* the first error is the one to report */
        return e;
    }
    parent_of(path, parent, sizeof parent);
    return os_fsync_dir(parent, msg);
}

err os_disk_space(const char *path, uint64_t *out_free_bytes, uint64_t *out_total_bytes,
                  struct errmsg *msg)
{
    struct statvfs st;
    if (os_io->statvfs(path, &st) != 0) {
        return failed(msg, "statvfs", path);
    }
    *out_free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    *out_total_bytes = (uint64_t)st.f_blocks * st.f_frsize;
    return ERR_OK;
}

err os_lock_file(const char *path, int *out_fd, struct errmsg *msg)
{
    AUTO_FD fd = -1;
    TRY(os_open(path, O_RDWR | O_CREAT, &fd, msg));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            return errmsg_set(msg, ERR_BUSY, "%s is locked by another process", path);
        }
        return failed(msg, "lock", path);
    }
    *out_fd = os_take_fd(&fd);
    return ERR_OK;
}
