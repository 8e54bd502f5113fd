/* SPDX-License-Identifier: MIT */
/* job_body.c - see job_body.h. */
#include "app/job_body.h"

#include "base/log.h"
#include "os/file.h"
#include "sql/csv_dialect.h"

enum {
    BUFFER_BYTES = 256 << 10, /* gathered before they are written; looked at in one go */
    DIRECT_BYTES = 32 << 10,  /* a piece from here on is not worth a copy */
    HEAD_BYTES_MAX = 64 << 20,
    PIPE_BYTES = 1 << 20,
};

enum head_state { HEAD_NONE, HEAD_WANTED, HEAD_THERE };

struct job_body {
    char *path; /* owned, as the next ones */
    char *head;
    char *stream;
    int fd;         /* of path */
    int pipe_fd;    /* -1: nobody has read yet, or nobody does any more */
    bool is_broken; /* the reader has gone */
    char *buffer;   /* owned: BUFFER_BYTES */
    size_t buffered;
    uint64_t bytes;  /* stored */
    uint64_t passed; /* on to the pipe */
    enum head_state head_state;
    uint64_t head_records;
    struct csv_counter counter; /* over what has been looked at for the head */
    char *look;                 /* owned: BUFFER_BYTES */
};

err job_body_new(const char *dir, uint64_t head_records, char delimiter, char quote,
                 struct job_body **out_body, struct errmsg *msg)
{
    AUTO(job_body) b = xnew(struct job_body);
    *b = (struct job_body){.path = xasprintf("%s/body", dir),
                           .head = xasprintf("%s/head", dir),
                           .stream = xasprintf("%s/stream", dir),
                           .fd = -1,
                           .pipe_fd = -1,
                           .buffer = xcalloc(1, BUFFER_BYTES),
                           .look = xcalloc(1, BUFFER_BYTES),
                           .head_records = head_records,
                           .head_state = head_records > 0 ? HEAD_WANTED : HEAD_NONE};
    b->counter = (struct csv_counter){.dialect = {.delimiter = delimiter, .quote = quote},
                                      .is_field_start = true};
    TRY(os_open(b->path, O_RDWR | O_CREAT | O_TRUNC, &b->fd, msg));
    if (head_records > 0 && os_make_pipe(b->stream, NULL) != ERR_OK) {
        b->head_state = HEAD_NONE; /* a file system without them: read when all has come */
    }
    *out_body = TAKE(b);
    return ERR_OK;
}

void job_body_free(struct job_body *b)
{
    if (b == NULL) {
        return;
    }
    os_close(b->fd);
    os_close(b->pipe_fd);
    free(b->path);
    free(b->head);
    free(b->stream);
    free(b->buffer);
    free(b->look);
    free(b);
}

const char *job_body_path(const struct job_body *b)
{
    return b->path;
}

const char *job_body_head_path(const struct job_body *b)
{
    return b->head;
}

const char *job_body_pipe_path(const struct job_body *b)
{
    return b->stream;
}

uint64_t job_body_bytes(const struct job_body *b)
{
    return b->bytes;
}

/* ---- the head ---- */

/* What has been looked at, up to the end of its last record, as a file. */
static err make_head(struct job_body *b, struct errmsg *msg)
{
    AUTO_FD fd = -1;
    TRY(os_open(b->head, O_WRONLY | O_CREAT | O_TRUNC, &fd, msg));
    for (uint64_t at = 0; at < b->counter.end_bytes;) {
        size_t got = 0;
        size_t len = MIN(b->counter.end_bytes - at, (uint64_t)BUFFER_BYTES);
        TRY(os_pread(b->fd, b->look, len, at, &got, msg));
        TRY(os_pwrite(fd, b->look, got, at, msg));
        at += got;
    }
    return ERR_OK;
}

/* Looks at what has been stored, a buffer at a time. */
static err look_for_head(struct job_body *b, struct errmsg *msg)
{
    struct csv_counter *counter = &b->counter;
    while (b->head_state == HEAD_WANTED && b->bytes - counter->bytes >= BUFFER_BYTES) {
        size_t got = 0;
        TRY(os_pread(b->fd, b->look, BUFFER_BYTES, counter->bytes, &got, msg));
        struct str piece = str_of(b->look, got);
        if (counter->bytes == 0 && csv_dialect_detect(piece, &counter->dialect, NULL) != ERR_OK) {
            b->head_state = HEAD_NONE;
            break;
        }
        csv_count(counter, piece);
        if (counter->records >= b->head_records) {
            TRY(make_head(b, msg));
            b->head_state = HEAD_THERE;
        } else if (counter->bytes >= HEAD_BYTES_MAX) {
            b->head_state = HEAD_NONE;
        }
    }
    return ERR_OK;
}

bool job_body_has_head(const struct job_body *b)
{
    return b->head_state == HEAD_THERE;
}

/* ---- storing ---- */

/* The buffer and `piece`. */
static err store(struct job_body *b, struct str piece, struct errmsg *msg)
{
    union {
        const void *in;
        void *out;
    } cast = {.in = piece.ptr}; /* iovec has no const; writing does not write through it */
    struct iovec parts[2] = {{b->buffer, b->buffered}, {cast.out, piece.len}};
    TRY(os_pwritev(b->fd, parts, piece.len > 0 ? 2 : 1, b->bytes, msg));
    b->bytes += b->buffered + piece.len;
    b->buffered = 0;
    return look_for_head(b, msg);
}

err job_body_add(struct job_body *b, struct str piece, struct errmsg *msg)
{
    if (piece.len >= DIRECT_BYTES || b->buffered + piece.len > BUFFER_BYTES) {
        return store(b, piece, msg);
    }
    memcpy(b->buffer + b->buffered, piece.ptr == NULL ? "" : piece.ptr, piece.len);
    b->buffered += piece.len;
    return ERR_OK;
}

err job_body_flush(struct job_body *b, struct errmsg *msg)
{
    return b->buffered > 0 ? store(b, STR(""), msg) : ERR_OK;
}

/* ---- passing on ---- */

/* False: nobody has it open for reading. */
static bool open_pipe(struct job_body *b)
{
    int fd = -1;
    if (os_open(b->stream, O_WRONLY | O_NONBLOCK, &fd, NULL) != ERR_OK) {
        return false;
    }
    os_pipe_wait_for_room(fd);
    os_pipe_set_bytes(fd, PIPE_BYTES);
    b->pipe_fd = fd;
    return true;
}

bool job_body_pass(struct job_body *b)
{
    if (b->is_broken) {
        job_body_end(b); /* it must not wait for bytes that do not come again */
        return false;
    }
    if (b->pipe_fd < 0 && !open_pipe(b)) {
        return false;
    }
    if (b->passed < b->bytes) {
        size_t passed = 0;
        struct errmsg msg = {0};
        err e =
            os_pass_on(b->fd, b->passed, (size_t)(b->bytes - b->passed), b->pipe_fd, &passed, &msg);
        if (e != ERR_OK) {
            if (e != ERR_CLOSED) {
                log_warn("passing a file on failed; it is read again", "error=\"%s\"", msg.text);
            }
            b->is_broken = true;
            os_close(b->pipe_fd);
            b->pipe_fd = -1;
            return false;
        }
        b->passed += passed;
    }
    return true;
}

bool job_body_is_passed(const struct job_body *b)
{
    return b->passed == b->bytes;
}

void job_body_end(struct job_body *b)
{
    if (b->pipe_fd < 0 && b->head_state == HEAD_THERE) {
        (void)open_pipe(b); /* else nobody waits for it */
    }
    os_close(b->pipe_fd);
    b->pipe_fd = -1;
}

void job_body_remove(struct job_body *b)
{
    (void)os_unlink(b->path, NULL); /* the folder goes in the end */
    (void)os_unlink(b->head, NULL);
}
