/* SPDX-License-Identifier: MIT */
/* weblog.h - one line of a web server's log as a JSON event; inside text_format.h. Pure functions.
 *
 * Each writes the event to `out` (from 0 on) and returns true, or returns false with the reason in
 * `msg`, byte positions counted from 1. `-` is null. */
#pragma once
#include "flow/json_index.h"
#include "flow/text_format.h"

bool weblog_access_parse(struct str line, enum text_format format, struct buf *out,
                         struct errmsg *msg);
bool weblog_error_parse(struct str line, int32_t zone_seconds, struct buf *out, struct errmsg *msg);
bool weblog_nginx_json_parse(struct json_indexer *indexer, struct str line, struct buf *out,
                             struct errmsg *msg);

/* "17/May/2015:10:05:03 +0000" as RFC 3339 in UTC. Returns the length, 0 when it is no time. */
size_t weblog_clf_time(struct str text, char out[40]);

/* A request line split up; a part that is not there has ptr NULL. */
struct weblog_request {
    struct str method;
    struct str path;
    struct str query;
    struct str protocol;
};
/* False when it is not METHOD TARGET [PROTOCOL]. */
bool weblog_request_split(struct str line, struct weblog_request *out_request);
