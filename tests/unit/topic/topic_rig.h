/* SPDX-License-Identifier: MIT */
/* topic_rig.h - a data folder for one test, batches whose values tell their own offset, and a
 * reader that checks them. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "topic/idempotency.h"
#include "topic/reader.h"
#include "topic/store.h"

struct rig {
    char dir[256];
    struct topic_store_options options; /* manual sync, small reservations */
    struct topic_store *store;          /* owned; NULL when closed */
    struct topic *topic;                /* the one named "t", when there is one */
};

void rig_start(struct rig *r);
/* Opens the store; `topic` is "t" if it is there. */
err rig_open(struct rig *r, struct errmsg *msg);
void rig_must_open(struct rig *r);
/* Like a crash: whatever was written stays, nothing more is. */
void rig_crash(struct rig *r);
/* Creates "t" with that many partitions. */
void rig_create(struct rig *r, uint32_t partitions);
/* The three above: a fresh store with "t". */
void rig_make(struct rig *r, uint32_t partitions);
/* A crash, and a start that succeeds. */
void rig_reopen(struct rig *r);
/* "t" rolls its segments at 4 KiB from now on. */
void rig_small_segments(struct rig *r);
void rig_end(struct rig *r);

/* A batch of `count` records "p<partition>:<offset>" padded to value_bytes, as they would lie at
 * `offset`. Appended to `out`; returns its bytes. */
struct str rig_batch(struct buf *out, uint32_t partition, int64_t offset, int count,
                     size_t value_bytes);
/* Builds and appends at the partition's written end; then flushes. */
err rig_append(struct rig *r, uint32_t partition, int count, size_t value_bytes, uint64_t *out_seq);
/* The same, which must succeed, and be durable. */
void rig_store(struct rig *r, uint32_t partition, int count, size_t value_bytes);
/* Reads [from, end) of DIR/topics/t/<partition> and checks every offset and value.
 * ERR_OK only when all of it is there and right; a wrong value fails the test. */
err rig_check(const char *dir, uint32_t partition, int64_t from, int64_t end);

char *rig_partition_dir(const char *dir, uint32_t partition);
/* The only, or the last, segment file of a partition. Free it. */
char *rig_last_segment(const char *dir, uint32_t partition);
void rig_copy_tree(const char *from, const char *to);
void rig_read_file(const char *path, struct buf *out);
void rig_write_file(const char *path, struct str bytes);
uint64_t rig_file_bytes(const char *path);
