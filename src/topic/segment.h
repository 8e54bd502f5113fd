/* SPDX-License-Identifier: MIT */
/* segment.h - the files of one partition: names, the walk over a segment's batches, the sparse
 * index, the mark. Inside topic/ only; both the store and the readers stand on it.
 *
 *   <20 digits base offset>.log    record batches, one after the other, nothing else
 *   <20 digits base offset>.index  8-byte big-endian entries {last offset of a batch - base,
 *   position
 *                                  of the batch}, about every 4 KiB; disposable, never trusted
 *   mark                           two slots of 64 bytes, see struct segment_mark
 *   *.tmp                          half-written, removed at recovery;  *.damaged  kept by a repair
 *
 * A segment's batches have consecutive offsets from its base on. They end where the next segment's
 * base is reached: bytes after that (left by a crash while a tail was moved) do not count. They
 * also end where nothing but zeros follows: space reserved ahead of the active segment's end. */
#pragma once
#include "topic/batch.h"

enum {
    SEGMENT_INDEX_STRIDE = 4096,
    SEGMENT_INDEX_ENTRY = 8,
    SEGMENT_MARK_BYTES = 1024,
    SEGMENT_MARK_SLOT = 512,
};

/* Heap text the caller frees: DIR/<20 digits><suffix>. */
char *segment_path(const char *dir, int64_t base, const char *suffix);

struct segment_list {
    int64_t *bases; /* owned, ascending */
    size_t count;
};
err segment_list_load(const char *dir, struct segment_list *out_list, struct errmsg *msg);
void segment_list_free(struct segment_list *list);
#define AUTO_SEGMENTS __attribute__((cleanup(segment_list_free))) struct segment_list
/* Index of the last base <= offset, or -1. */
ptrdiff_t segment_list_find(const struct segment_list *list, int64_t offset);

/* Up to where everything is known to be on disk. Written in turn to the two slots by generation, so
 * that a torn write leaves the other one. */
struct segment_mark {
    uint64_t generation;
    int64_t log_start; /* segments wholly below are leftovers of retention */
    int64_t end;       /* next offset; everything below is durable */
    int64_t segment;   /* base of the segment that `position` is in */
    uint64_t position; /* bytes of that segment */
    uint32_t flags;
};
enum { SEGMENT_MARK_DAMAGED = 1 }; /* quarantined until repaired */
void segment_mark_encode(const struct segment_mark *m, char out[64]);
/* Errors: CORRUPT. */
err segment_mark_decode(struct str file, struct segment_mark *out_mark);
/* Errors: NOT_FOUND, CORRUPT, IO. */
err segment_mark_load(const char *dir, struct segment_mark *out_mark, struct errmsg *msg);
/* Writes both slots of a new mark file and fsyncs it (not the directory). */
err segment_mark_create(const char *dir, const struct segment_mark *m, struct errmsg *msg);

/* A view of a file that reads ahead; the bytes it gives are valid until the next call. */
struct segment_window {
    int fd; /* borrowed */
    uint64_t at;
    struct buf bytes; /* the file from `at` on */
    size_t read_ahead;
};
static inline struct segment_window segment_window_make(int fd, size_t read_ahead)
{
    return (struct segment_window){
        .fd = fd, .bytes = buf_make(BATCH_BYTES_MAX + (4u << 20)), .read_ahead = read_ahead};
}
static inline void segment_window_close_(struct segment_window *w)
{
    buf_deinit(&w->bytes);
}
#define AUTO_WINDOW __attribute__((cleanup(segment_window_close_))) struct segment_window
/* Bytes from `position` on: at least `len` of them unless the file ends before. */
err segment_window_get(struct segment_window *w, uint64_t position, size_t len,
                       struct str *out_bytes, struct errmsg *msg);

/* Where the bytes at the start of a batch's place are all zero, no batch begins: what follows was
 * reserved, not written. (A batch has its magic there, and before that its length.) */
bool segment_is_blank(struct str bytes);
/* *out_end: the end of the last byte from `position` on that is not zero, `position` if there is
 * none. Errors: NOMEM, IO. */
err segment_data_end(struct segment_window *w, uint64_t position, uint64_t size, uint64_t *out_end,
                     struct errmsg *msg);

enum segment_stop {
    SEGMENT_AT_END,    /* the limit was reached at the edge of a batch */
    SEGMENT_AT_OFFSET, /* stop_offset was reached */
    SEGMENT_AT_BAD,    /* no good batch at `position` */
    SEGMENT_AT_CALLER, /* the callback said so */
};
struct segment_walk {
    uint64_t position;   /* in: where to start. out: end of the last good batch */
    int64_t next_offset; /* in: offset expected there (-1: any). out: after the last good batch */
    uint64_t limit;      /* in: bytes of the file that count */
    int64_t stop_offset; /* in: INT64_MAX: none */
    bool check_crc;      /* in */
    bool trust_last;     /* in: a seeded bug; the last batch needs no CRC */
    /* in: called for each good batch before it counts; false stops there. May be NULL. */
    bool (*on_batch)(void *context, const struct batch_header *h, uint64_t position);
    void *context;
    enum segment_stop stop;   /* out */
    int64_t max_timestamp_ms; /* out: largest seen, or -1 */
    uint64_t batches;         /* out */
    char why[120];            /* out, for SEGMENT_AT_BAD */
};
/* Walks batches from walk->position. Errors are of I/O and memory only; damage is a result. */
err segment_walk_run(struct segment_window *w, struct segment_walk *walk, struct errmsg *msg);

/* Position of a batch at or before the one that holds `offset`, by the index file if there is a
 * sound one, else 0. Never fails: the index is a hint, the caller checks what lies there.
 * `position_max`: entries at or after are not used. */
uint64_t segment_index_find(const char *dir, int64_t base, int64_t offset, uint64_t position_max);
