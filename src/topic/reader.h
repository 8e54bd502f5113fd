/* SPDX-License-Identifier: MIT */
/* reader.h - reads the log of one partition; any process, also while the front appends.
 *
 * Every batch handed out has had its CRC, its offset continuity and its header checked. A reader
 * never reads past the end it is told, which must be an acknowledged (or read-only recovered) end.
 * Thread: one at a time per reader. Writes nothing. */
#pragma once
#include "base/buf.h"

struct topic_reader;

enum { TOPIC_READ_PADDING = 64 }; /* readable zero bytes after what a read returns, for simdjson */

/* `partition_dir` is DIR/topics/<topic>/<partition>. Opens lazily; the directory must exist.
 * Caller frees with topic_reader_free(). */
err topic_reader_open(const char *partition_dir, struct topic_reader **out_reader,
                      struct errmsg *msg);
void topic_reader_free(struct topic_reader *r);
AUTO_DEFINE(topic_reader)

struct topic_read {
    int64_t first_offset; /* of the first batch: may be less than asked for, or more after a gap */
    int64_t next_offset;  /* where to go on; == from_offset when nothing was read */
    size_t bytes;         /* appended to the buf */
    uint32_t batches;
};
/* Appends whole batches to *out: those that hold offsets from `from_offset` up to `end_offset`
 * (exclusive; acknowledged ends are edges of batches, with another end the last batch may go past
 * it), about `bytes_max` bytes of them but at least one when there is one. out->max must leave room
 * for one batch; TOPIC_READ_PADDING zero bytes are kept readable after out->len. Offsets let go by
 * a repair are skipped. Errors: RANGE when from_offset was retained away, CORRUPT for damage
 * ("log_damaged"; also when the log ends before end_offset), TOO_LARGE when out->max is smaller
 * than a batch, IO. */
err topic_reader_read(struct topic_reader *r, int64_t from_offset, int64_t end_offset,
                      size_t bytes_max, struct buf *out, struct topic_read *out_read,
                      struct errmsg *msg);
/* The first offset of the first batch in [start_offset, end_offset) that holds a record of this
 * time or later, by bisection: times are taken to grow from batch to batch, as append times do.
 * Reads headers alone, whose checksums are not looked at. *out_offset is end_offset when there is
 * none. Errors: RANGE, CORRUPT, IO. */
err topic_reader_find_time(struct topic_reader *r, int64_t start_offset, int64_t end_offset,
                           int64_t time_ms, int64_t *out_offset, struct errmsg *msg);
/* The first offset still there (looks at the directory). */
err topic_reader_log_start(struct topic_reader *r, int64_t *out_offset, struct errmsg *msg);

/* The first offset in the directory, and about how many bytes of batches there are: what the front
 * has reserved beyond them does not count. Errors: NOT_FOUND when there is no segment, IO. */
err topic_log_size(const char *partition_dir, int64_t *out_first, uint64_t *out_bytes,
                   struct errmsg *msg);

struct topic_ends {
    int64_t start; /* first offset there */
    int64_t end;   /* next offset after the last good batch */
    bool is_damaged;
};
/* Recovery in memory, for reading a folder that no server holds: where the log of a partition
 * starts and ends. Changes nothing on disk. With damage before the mark, is_damaged is set and end
 * is the mark's, so that reads across the damage fail. */
err topic_recover_readonly(const char *partition_dir, struct topic_ends *out_ends,
                           struct errmsg *msg);
