/* SPDX-License-Identifier: MIT */
/* client.h - the small blocking HTTP/1.1 client behind the command line: one server, no TLS, one
 * request at a time over one kept-alive connection. Not for use inside the server. */
#pragma once
#include "base/base.h"
#include "base/buf.h"

struct client;

/* `url` is "http://HOST:PORT"; `token` may be NULL. Connects at the first request.
 * Errors: INVALID url. Caller frees with client_free(). */
err client_new(const char *url, const char *token, struct client **out_client, struct errmsg *msg);
void client_free(struct client *c);
AUTO_DEFINE(client)

/* Seconds that the last answer asked to wait before the next try; 0 when it did not. */
uint64_t client_retry_after(const struct client *c);

/* How long an answer may take to begin and to go on; 10 minutes otherwise. */
void client_set_patience(struct client *c, int seconds);
/* Cuts the connection of a request that another thread waits for: it ends with an error. Also for
 * signal handlers. */
void client_drop(struct client *c);

/* Called with each piece of a body; an error ends the request with it. */
typedef err (*client_body_fn)(void *context, struct str piece);

struct client_request {
    const char *method;
    const char *target;       /* path and query, encoded */
    const char *content_type; /* NULL without a body */
    struct str body;
    const char *accept; /* NULL is any */
    /* Instead of `body`, for what does not fit in memory: calls client_write() as often as it needs
     * to. The answer may take as long as it takes. */
    err (*write_body)(void *ctx, struct client *c, struct errmsg *msg);
    void *body_ctx;
    int64_t body_length; /* of what it writes; -1: unknown */
    const char *headers; /* further lines, each with its CRLF; NULL: none */
};
/* From within write_body only. Errors: CLOSED: the server takes no more, and its answer may say
 * why. */
err client_write(struct client *c, struct str piece, struct errmsg *msg);

/* Sends the request and passes the body of a 2xx answer on as it arrives (`on_piece` may be NULL).
 * Another status becomes an error with the problem's detail in `msg` (404: NOT_FOUND, 409:
 * CONFLICT, 413: TOO_LARGE, 429 and 503: LIMIT, 507: NOSPACE, else INVALID or FAILED), and the
 * whole body goes to *out_problem when that is given. Retries once when a kept connection turns out
 * to be closed. */
err client_run(struct client *c, const struct client_request *request, client_body_fn on_piece,
               void *context, struct buf *out_problem, struct errmsg *msg);
/* The same with the whole body collected in `out`. */
err client_fetch(struct client *c, const struct client_request *request, struct buf *out,
                 struct errmsg *msg);
