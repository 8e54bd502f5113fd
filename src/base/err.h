/* SPDX-License-Identifier: MIT */
/* err.h - the closed list of error codes, and the human detail that travels with them. */
#pragma once
#include <stdint.h>

enum err_disposition { ERR_DO_NOTHING, ERR_DO_RETRY, ERR_DO_FAIL, ERR_DO_STOP };

/* code, name on the wire and in logs, text, what the caller does about it */
#define ERR_LIST(X)                                                                                \
    X(ERR_OK, "ok", "no error", ERR_DO_NOTHING)                                                    \
    X(ERR_NOMEM, "out_of_memory", "out of memory", ERR_DO_RETRY)                                   \
    X(ERR_IO, "io_error", "input or output failed", ERR_DO_STOP)                                   \
    X(ERR_CORRUPT, "corrupt", "stored bytes are damaged", ERR_DO_STOP)                             \
    X(ERR_INVALID, "invalid", "the input is not valid", ERR_DO_FAIL)                               \
    X(ERR_UNSUPPORTED, "unsupported", "not supported", ERR_DO_FAIL)                                \
    X(ERR_NOT_FOUND, "not_found", "not found", ERR_DO_FAIL)                                        \
    X(ERR_EXISTS, "exists", "exists already", ERR_DO_FAIL)                                         \
    X(ERR_CONFLICT, "conflict", "someone else was first", ERR_DO_RETRY)                            \
    X(ERR_TOO_LARGE, "too_large", "over a size limit", ERR_DO_FAIL)                                \
    X(ERR_LIMIT, "limit", "a limit is reached, try later", ERR_DO_RETRY)                           \
    X(ERR_NOSPACE, "disk_full", "no space left on the disk", ERR_DO_RETRY)                         \
    X(ERR_BUSY, "busy", "in use by another", ERR_DO_RETRY)                                         \
    X(ERR_AGAIN, "again", "not ready yet", ERR_DO_RETRY)                                           \
    X(ERR_TIMEOUT, "timeout", "took too long", ERR_DO_RETRY)                                       \
    X(ERR_CANCELLED, "cancelled", "cancelled", ERR_DO_FAIL)                                        \
    X(ERR_CLOSED, "closed", "closed by the other side", ERR_DO_FAIL)                               \
    X(ERR_DENIED, "denied", "not allowed", ERR_DO_FAIL)                                            \
    X(ERR_RANGE, "out_of_range", "outside of what is there", ERR_DO_FAIL)                          \
    X(ERR_FAILED, "failed", "failed before, needs a restart", ERR_DO_STOP)

/* gcc has no such attribute for types: the clang build is the one that finds ignored results. */
#ifdef __clang__
#define ERR_NODISCARD_ __attribute__((warn_unused_result))
#else
#define ERR_NODISCARD_
#endif

#define ERR_ENUM_(code, name, text, disposition) code,
typedef enum ERR_NODISCARD_ err { ERR_LIST(ERR_ENUM_) ERR_COUNT } err;
#undef ERR_ENUM_

const char *err_name(err e);
const char *err_text(err e);
enum err_disposition err_disposition(err e);

enum { ERRMSG_BYTES = 512 };
/* Caller-owned room for what went wrong in words; {0} is empty. Cut, never overrun; always UTF-8:
 * bytes that are not become '?'. */
struct errmsg {
    char text[ERRMSG_BYTES];
    uint32_t position; /* the place in the input that it is about, from 1; 0: none is known. Bytes
                          or characters: as the function that sets it says */
};

/* Sets the message, without a position, and returns `e`, so that `return errmsg_set(...)` reads
 * well. A NULL `msg` is fine. */
__attribute__((format(printf, 3, 4))) err errmsg_set(struct errmsg *msg, err e, const char *format,
                                                     ...);
/* Puts "what: " before the present message, keeps its position and returns `e`. */
__attribute__((format(printf, 3, 4))) err errmsg_wrap(struct errmsg *msg, err e, const char *format,
                                                      ...);

/* The analyzer cannot see into another file: both return the code they are given. */
#ifdef __clang_analyzer__
#define errmsg_set(msg, e, ...) ((void)(msg), (e))
#define errmsg_wrap(msg, e, ...) ((void)(msg), (e))
#endif
