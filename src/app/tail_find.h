/* SPDX-License-Identifier: MIT */
/* tail_find.h - which file is which: the identity of a followed file, and where it went. */
#pragma once
#include "app/tail.h"
#include "os/file.h"

/* Whether `fd` still holds what is known of the file: its first bytes, those before the offset, and
 * room for the pending chunk. Errors: IO. */
err tail_is_same(const struct tail_file *f, int fd, bool *out_same, struct errmsg *msg);
/* Notes up to TAIL_HEAD_BYTES first bytes, as far as they are there now. */
err tail_note_head(struct tail_file *f, struct errmsg *msg);
/* Notes the bytes before the offset: `before` ends there. */
void tail_note_anchor(struct tail_file *f, struct str before);
/* Looks beside f->path for a file that is the same: by inode (renamed), else by content (copied).
 * On success f->fd, device and inode are of that one. `not_inode`: the file that has the name now.
 * A folder that is not there or closed to us holds nothing. Errors: IO. */
err tail_find_moved(struct tail_file *f, uint64_t not_inode, bool *out_found, struct errmsg *msg);

/* A file that had the name after `f` and lost it again before anybody looked. */
struct tail_missed {
    char *path; /* owned */
    int64_t mtime_us;
    uint64_t device;
    uint64_t inode;
    bool is_packed; /* compressed already: cannot be read */
};
struct tail_missed_list {
    struct tail_missed *items; /* owned; oldest first */
    size_t count;
};
void tail_missed_deinit(struct tail_missed_list *l);
#define AUTO_MISSED __attribute__((cleanup(tail_missed_deinit))) struct tail_missed_list

/* Looks beside `path`, the name that f had, for files of which f and the file that has the name now
 * (`now`) are the neighbours: rotated in the same way (the name of f where it is now, with other
 * numbers; `path.N` or `path-N` where f is gone), not empty, written to at `since_us` or later, and
 * no copy of f or of what has the name now. Compressed ones only where f is gone. Errors: IO. */
err tail_find_missed(const struct tail_file *f, const char *path, const struct os_stat *now,
                     int64_t since_us, struct tail_missed_list *out_list, struct errmsg *msg);
