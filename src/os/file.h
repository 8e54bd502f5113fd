/* SPDX-License-Identifier: MIT */
/* file.h - files and directories, with errors as `err` and EINTR and short transfers handled.
 * Paths are NUL-terminated. ENOSPC and EDQUOT are ERR_NOSPACE, ENOENT is ERR_NOT_FOUND, EEXIST is
 * ERR_EXISTS, EACCES and EPERM are ERR_DENIED, everything else ERR_IO; the message names the path
 * (or descriptor) and the reason. Thread: any. */
#pragma once
#include <fcntl.h>
#include <sys/uio.h>

#include "base/buf.h"

/* flags as for open(2); O_CLOEXEC is added, files are made 0640. */
err os_open(const char *path, int flags, int *out_fd, struct errmsg *msg);
void os_close(int fd); /* a negative descriptor is fine */
static inline void os_auto_close_(int *fd)
{
    os_close(*fd);
    *fd = -1;
}
/* A descriptor closed at the end of the scope; initialise with -1 or an owned descriptor. */
#define AUTO_FD __attribute__((cleanup(os_auto_close_))) int
static inline int os_take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Reads up to `len` bytes; *out_got is less only at the end of the file. */
err os_pread(int fd, void *bytes, size_t len, uint64_t offset, size_t *out_got, struct errmsg *msg);
/* Writes everything or fails; the file's content past `offset` is unknown after a failure. */
err os_pwrite(int fd, const void *bytes, size_t len, uint64_t offset, struct errmsg *msg);
/* The same from several parts (at most 64); `parts` is used up. */
err os_pwritev(int fd, struct iovec *parts, int count, uint64_t offset, struct errmsg *msg);
err os_fdatasync(int fd, struct errmsg *msg);
err os_syncfs(int fd, struct errmsg *msg);
/* Makes names in the directory durable. */
err os_fsync_dir(const char *path, struct errmsg *msg);
err os_fsync_path(const char *path, struct errmsg *msg);
/* Reserves blocks, which read as zeros; the size grows up to offset + len, in part also when it
 * fails. Errors: NOSPACE; where the file system cannot reserve at all it succeeds without doing
 * anything. */
err os_reserve(int fd, uint64_t offset, uint64_t len, struct errmsg *msg);
err os_truncate(int fd, uint64_t size, struct errmsg *msg);
/* Makes a named pipe (0600). To open it for writing with O_NONBLOCK is an error (IO) as long as
 * nobody has it open for reading. */
err os_make_pipe(const char *path, struct errmsg *msg);
/* Writing waits for room from now on, also when the pipe was opened with O_NONBLOCK. */
void os_pipe_wait_for_room(int fd);
/* Lets a pipe hold up to `bytes`, where the system allows it. */
void os_pipe_set_bytes(int fd, size_t bytes);
/* Passes on bytes of a file to a pipe without copying them, and waits for room. *out_passed is less
 * than `len` only at the end of the file. Errors: CLOSED when nobody reads any more, IO. */
err os_pass_on(int fd, uint64_t offset, size_t len, int pipe_fd, size_t *out_passed,
               struct errmsg *msg);
err os_rename(const char *from, const char *to, struct errmsg *msg);
/* Errors: EXISTS when `to` is there already. */
err os_link(const char *from, const char *to, struct errmsg *msg);
err os_unlink(const char *path, struct errmsg *msg); /* missing is ERR_NOT_FOUND */
/* Makes the directory and its parents (0750); present ones are fine. Fsyncs what it made. */
err os_mkdirs(const char *path, struct errmsg *msg);
err os_rmdir(const char *path, struct errmsg *msg);
/* Removes a tree; symbolic links are removed, not followed. A missing one is fine. */
err os_remove_tree(const char *path, struct errmsg *msg);
/* Removes what is in a directory but not itself, so that a full disk need not find a block for it
 * again; makes it when it is missing. */
err os_empty_dir(const char *path, struct errmsg *msg);

struct os_stat {
    uint64_t size_bytes;
    int64_t mtime_us;
    int64_t ctime_us; /* of any change, a folder's names included; nobody can set it */
    bool is_dir;
    bool is_file; /* regular */
    uint64_t link_count;
    uint64_t device; /* with the inode: which file it is, whatever its name */
    uint64_t inode;
};
err os_stat(const char *path, struct os_stat *out_stat, struct errmsg *msg);
err os_fstat(int fd, struct os_stat *out_stat, struct errmsg *msg);
bool os_exists(const char *path);

/* The names in a directory without "." and "..", sorted by bytes. Free with os_names_free(). */
struct os_names {
    char **items; /* owned, each too */
    size_t count;
};
err os_list(const char *path, struct os_names *out_names, struct errmsg *msg);
void os_names_free(struct os_names *names);
#define AUTO_NAMES __attribute__((cleanup(os_names_free))) struct os_names

/* Whole file into `out` (appended); a pipe, a terminal or a device to its end. Errors: TOO_LARGE
 * past out->max. */
err os_read_file(const char *path, struct buf *out, struct errmsg *msg);
/* What comes from a descriptor until its end; `name` is for messages. Errors: as above. */
err os_read_stream(int fd, const char *name, struct buf *out, struct errmsg *msg);
/* Replaces a file atomically and durably: temporary file beside it, fsync, rename, fsync dir. */
err os_replace_file(const char *path, struct str bytes, struct errmsg *msg);

/* Bytes an unprivileged process may still write on the file system of `path`, and its size. */
err os_disk_space(const char *path, uint64_t *out_free_bytes, uint64_t *out_total_bytes,
                  struct errmsg *msg);
/* Takes an exclusive advisory lock (flock) on a file made if needed; kept until the descriptor is
 * closed or the process ends. Errors: BUSY when another process holds it. */
err os_lock_file(const char *path, int *out_fd, struct errmsg *msg);
