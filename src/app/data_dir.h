/* SPDX-License-Identifier: MIT */
/* data_dir.h - the folder that holds everything: layout, format version, lock, addresses.
 *
 *   format.json          {"format":1,...}: version of everything on disk; a newer one is refused
 *   lock                 flock by the server that owns the folder
 *   topics/ lake/        log and tables; both may be read by other programs
 *   meta/tarn.db         small documents: see meta/meta.h
 *   run/addresses.json   where the server listens; run/spill/ room for queries */
#pragma once
#include "base/base.h"

enum { DATA_DIR_FORMAT = 1 };

struct data_dir {
    char *path;  /* owned */
    int lock_fd; /* -1: not ours */
};

/* Makes what is missing and takes the lock. Errors: BUSY (another server), UNSUPPORTED (newer
 * format), IO, DENIED, NOSPACE. */
err data_dir_open(const char *path, struct data_dir *out_dir, struct errmsg *msg);
void data_dir_close(struct data_dir *d);
/* Checks format.json without taking anything; for reading with no server. */
err data_dir_check(const char *path, struct errmsg *msg);
err data_dir_write_addresses(const struct data_dir *d, const char *http_url, struct errmsg *msg);
