/* SPDX-License-Identifier: MIT */
/* multipart.h - multipart/form-data (RFC 7578, RFC 2046 5.1) piece by piece, into callbacks.
 *
 *   preamble  --B CRLF headers CRLF CRLF data CRLF--B CRLF headers … CRLF--B-- epilogue
 *
 * Memory stays the same whatever is sent: one part's headers (bounded) and nothing of its data.
 * Owner: one exchange. Thread: one at a time. */
#pragma once
#include "base/buf.h"

enum {
    MULTIPART_HEAD_BYTES_MAX = 16 * 1024,
    MULTIPART_PARTS_MAX = 64,
    MULTIPART_BOUNDARY_BYTES_MAX = 70,
};

struct multipart;
struct multipart_part {
    struct str name;         /* of the form's field; borrowed for the call, as the next ones */
    struct str file;         /* file name as sent; has_file tells an empty one from none */
    struct str content_type; /* as sent; empty when absent */
    bool has_file;
};
/* An error stops multipart_feed() and is returned. */
struct multipart_events {
    /* A part begins. AGAIN: it was seen, but no more for now. */
    err (*on_part)(void *ctx, const struct multipart_part *part, struct errmsg *msg);
    /* AGAIN: nothing of the piece was taken; it comes again. */
    err (*on_data)(void *ctx, struct str piece, struct errmsg *msg);
    err (*on_part_end)(void *ctx, struct errmsg *msg);
};

/* `content_type` is the whole header. Errors: INVALID (no boundary, or one that cannot be). */
err multipart_new(struct str content_type, struct multipart **out_multipart, struct errmsg *msg);
void multipart_free(struct multipart *m);
AUTO_DEFINE(multipart)
/* Reads from *input, which is moved past what was used. After AGAIN a later call goes on there.
 * Errors: INVALID, LIMIT (headers too long, too many parts), the callbacks'. */
err multipart_feed(struct multipart *m, struct str *input, const struct multipart_events *events,
                   void *ctx, struct errmsg *msg);
/* After the last byte. Errors: INVALID when the closing boundary is missing. */
err multipart_finish(const struct multipart *m, struct errmsg *msg);
