/* SPDX-License-Identifier: MIT */
/* json.h - small JSON documents by jansson, with our errors and limits.
 * For configuration, topic.json, Delta actions, messages between processes; events go through
 * flow/decode instead. */
#pragma once
#include <jansson.h>

#include "base/buf.h"

static inline void json_auto_decref_(json_t **j)
{
    json_decref(*j);
    *j = NULL;
}
/* A json_t reference dropped at the end of the scope. */
#define AUTO_JSON __attribute__((cleanup(json_auto_decref_), unused)) json_t *

/* Parses one document (duplicate keys: the last wins). Caller owns *out_json.
 * Errors: INVALID with line and column. */
err json_parse(struct str text, json_t **out_json, struct errmsg *msg);
/* Compact text appended to `out`. Errors: TOO_LARGE, NOMEM. */
err json_write(const json_t *json, struct buf *out);
/* Member lookups that insist on a type. A missing member is ERR_NOT_FOUND, another type
 * ERR_INVALID; the outs are untouched then. The string stays owned by `object`. */
err json_get_str(const json_t *object, const char *key, struct str *out_value, struct errmsg *msg);
err json_get_i64(const json_t *object, const char *key, int64_t *out_value, struct errmsg *msg);
err json_get_bool(const json_t *object, const char *key, bool *out_value, struct errmsg *msg);
/* With a default for a missing or null member; another type is still ERR_INVALID. */
err json_opt_str(const json_t *object, const char *key, struct str *value, struct errmsg *msg);
err json_opt_i64(const json_t *object, const char *key, int64_t *value, struct errmsg *msg);
err json_opt_bool(const json_t *object, const char *key, bool *value, struct errmsg *msg);
static inline json_t *json_from_str(struct str s)
{
    return json_stringn(s.ptr == NULL ? "" : s.ptr, s.len);
}
