/* SPDX-License-Identifier: MIT */
/* tail_state.h - the state file of `tarn tail`: JSON, replaced as a whole, see docs/formats.md. */
#pragma once
#include "app/tail.h"

struct tail_state {
    char *topic;             /* owned */
    struct tail_file *files; /* owned */
    size_t count;
    size_t cap;
};

void tail_file_deinit(struct tail_file *f);
void tail_state_deinit(struct tail_state *s);
/* A zeroed one at the end; the pointer is valid until the next. */
struct tail_file *tail_state_add(struct tail_state *s);
void tail_state_remove(struct tail_state *s, size_t index);

err tail_state_encode(const struct tail_state *s, struct buf *out);
/* Errors: CORRUPT, UNSUPPORTED (a newer version). *out is always fit for tail_state_deinit(). */
err tail_state_decode(struct str json, struct tail_state *out, struct errmsg *msg);
/* With I/O. A missing file is an empty state. */
err tail_state_load(const char *path, struct tail_state *out, struct errmsg *msg);
err tail_state_save(const char *path, const struct tail_state *s, struct errmsg *msg);
