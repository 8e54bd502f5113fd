/* SPDX-License-Identifier: MIT */
/* tail.h - follows growing files and hands out their lines, each exactly once.
 *
 * What makes it exact: before a chunk of a file, [offset, pending_end), is handed to `send`, the
 * state file says so, durably. Whatever happens then, the next run sends the same bytes under the
 * same key first, and the receiver knows the key (see idempotency.h). A chunk ends with a line;
 * what follows the last line end waits.
 *
 * A file is followed as a thing, not as a name: by device and inode, by its first bytes, and by the
 * bytes before the offset (the anchor), which is compared after every read. So it is seen when
 *   a name leads to another file     the old one is read to its end, the new one from its start
 *   a file was cut (copytruncate)    the copy beside it is looked for by its content and read to
 *                                    its end, then the file from its start
 *   a file is gone                   what is open is read to its end
 *   a name led elsewhere in between  the files beside it that were rotated alike and written to
 *                                    later are read from their starts
 *   a file is not there at the start it is waited for, and goes on from where it was
 * What the system has let go of while tail was not running cannot be read: that is logged.
 *
 *     tail_open(&options, &t, msg)     reads the state, locks it
 *     tail_step(t, now, &busy, msg)    looks at all files, sends what there is; again and again
 *     tail_finish(t, msg)              on a clean stop: what was received is in the state
 *     tail_free(t)
 *
 * Owner: one thread. Time comes in as an argument. */
#pragma once
#include "flow/csv_lines.h"
#include "flow/text_format.h"

enum {
    TAIL_FILES_MAX = 1024,
    TAIL_HEAD_BYTES = 256, /* of a file's start that tell which it is */
    TAIL_CHUNK_BYTES_DEFAULT = 1 << 20,
    TAIL_LINE_BYTES_MAX = 64 << 20,  /* a longer line is sent in parts */
    TAIL_RECORD_BYTES_MAX = 4 << 20, /* a CSV record in quotes beyond this ends at a line end */
    TAIL_STATE_BYTES_MAX = 16 << 20,
};

/* One file, from when it was first seen until it is read to its end and gone. */
struct tail_file {
    char *path;  /* owned; the name it is, or was, found under */
    char id[40]; /* random; its chunks' keys are made of it */
    uint64_t device;
    uint64_t inode;
    uint64_t head_bytes; /* how many of its first bytes head_hash covers */
    uint64_t head_hash;
    uint64_t anchor_bytes; /* how many bytes before the offset anchor_hash covers */
    uint64_t anchor_hash;
    uint64_t offset;      /* everything before it is received */
    uint64_t pending_end; /* > offset: this chunk may have been sent */
    bool is_rotated;      /* its name leads elsewhere: it ends some time */
    char *columns;        /* owned; CSV: the header as tarn's `columns` takes it; NULL: none yet */
    struct csv_dialect dialect;
    /* not in the state file */
    int fd;             /* -1: not found yet, or cannot be read now: left alone until it can */
    bool is_missed;     /* its name led nowhere at the start: it is waited for */
    uint64_t seen_size; /* and when it last changed */
    int64_t changed_us;
};

struct tail_chunk {
    const struct tail_file *file;
    const char *key; /* an Idempotency-Key */
    struct str bytes;
};
/* Must return ERR_OK only when the chunk is received for good. ERR_CANCELLED: stop, it stays
 * pending. Any other error ends tail_step() with it; the same chunk comes again. */
typedef err (*tail_send_fn)(void *ctx, const struct tail_chunk *chunk, struct errmsg *msg);

struct tail_options {
    const char *state_path;
    const char *topic;        /* part of the keys */
    const char *const *paths; /* borrowed; may be missing now */
    size_t path_count;
    const struct text_spec *spec; /* borrowed; tells records from lines in CSV */
    bool from_end;                /* files without state begin at their end */
    size_t chunk_bytes;           /* 0: default */
    int64_t line_wait_us;         /* a last line without its end is sent after this; 0: never */
    int64_t rotate_wait_us;       /* a rotated file is let go when nothing came for so long */
    tail_send_fn send;
    void *ctx;
    void (*warn)(void *ctx, const char *text); /* what a person should know; may be NULL */
};

struct tail;

/* Errors: BUSY (another tail uses this state), CORRUPT (the state file is damaged), INVALID (it is
 * of another topic), IO. Caller frees with tail_free(). */
err tail_open(const struct tail_options *options, struct tail **out_tail, struct errmsg *msg);
void tail_free(struct tail *t);
AUTO_DEFINE(tail)
/* Sends what is there. *out_busy: there is more already, also with an error. Errors: of send, which
 * end the step; IO and NOSPACE of the state file; else the first that a path or file has, after
 * all others had their turn: it is tried again with the next step. from_end is for files that could
 * be read in the first step. */
err tail_step(struct tail *t, int64_t now_us, bool *out_busy, struct errmsg *msg);
/* Writes the state when it is behind: a stop while busy. Errors: IO and NOSPACE. */
err tail_finish(struct tail *t, struct errmsg *msg);
/* Bytes received for good since tail_open(). */
uint64_t tail_bytes(const struct tail *t);
