/* SPDX-License-Identifier: MIT */
/* tail_find.h - which file is which: the identity of a followed file, and where it went. */
#pragma once
#include "app/tail.h"

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
