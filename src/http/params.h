/* SPDX-License-Identifier: MIT */
/* params.h - the query of a URL as names and values, percent decoding that refuses nonsense, and
 * what an Accept header prefers.
 *
 * Usage: parse, take what the resource knows with the getters, then http_params_check() refuses
 * what is left, so that a typing error is an answer and not a silent default. Thread: any. */
#pragma once
#include "base/buf.h"

enum { HTTP_PARAMS_MAX = 64 };
struct http_param {
    struct str name;  /* decoded, in storage */
    struct str value; /* decoded; empty for "?name" */
    bool is_known;    /* a getter asked for it */
};
struct http_params {
    struct http_param items[HTTP_PARAMS_MAX];
    size_t count;
    struct buf storage; /* owned */
};

/* Appends the decoded form of `text` to `out`. `plus_is_space` as in queries. Errors: INVALID on
 * '%' without two hex digits, on what decodes to NUL or is not UTF-8; TOO_LARGE past out->max. */
err http_percent_decode(struct str text, bool plus_is_space, struct buf *out, struct errmsg *msg);
/* Parses "a=1&b=x%20y" (no '?'). Errors: INVALID (coding, empty name, a name twice), LIMIT (more
 * than 64). `out` is always fit for http_params_deinit(). */
err http_params_parse(struct str query, struct http_params *out_params, struct errmsg *msg);
/* The same, but the parameter `repeated` may be there many times: http_params_next(). */
err http_params_parse_list(struct str query, const char *repeated, struct http_params *out_params,
                           struct errmsg *msg);
void http_params_deinit(struct http_params *params);
#define AUTO_PARAMS __attribute__((cleanup(http_params_deinit))) struct http_params

/* True and the value when the parameter is there. */
bool http_params_str(struct http_params *params, const char *name, struct str *value);
/* One after the other: `at` starts as 0. */
bool http_params_next(struct http_params *params, const char *name, size_t *at, struct str *value);
/* Typed: `value` is untouched when the parameter is absent. Errors: INVALID, with the name, when
 * the text is not a number within [min, max], true|false|1|0, or a size or duration in words. */
err http_params_i64(struct http_params *params, const char *name, int64_t min, int64_t max,
                    int64_t *value, struct errmsg *msg);
err http_params_bool(struct http_params *params, const char *name, bool *value, struct errmsg *msg);
/* How much an Accept header wants a media type (lower case): 0 (not at all) to 1000, by its most
 * specific range (RFC 9110 12.5.1). No header wants everything; nonsense wants nothing. */
uint32_t http_accept_weight(struct str accept, struct str type);
/* Errors: INVALID naming the first parameter that no getter asked for. */
err http_params_check(const struct http_params *params, struct errmsg *msg);
