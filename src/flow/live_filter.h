/* SPDX-License-Identifier: MIT */
/* live_filter.h - which events a live view wants, judged on their bytes as they lie in the log.
 *
 * Events name the same thing differently, so a filter's name stands for several fields; the first
 * of them that an event has, and that is not null, is the one that counts:
 *
 *     type      type, event, event_type, kind, action
 *     level     level, severity
 *     source    source, host, service, client_ip, remote_addr, ip
 *     endpoint  endpoint, path, url
 *
 * Only top-level fields are looked at. Texts are compared by content where they hold no escapes,
 * else as they are written; other scalars as they are written. All that is asked for must hold
 * (any of the values of each name). `text` is looked for in the raw bytes; ASCII letters match in
 * either case, everything else exactly. What is no JSON object has no fields, but has text.
 * Pure; any bytes are fine. Thread: any. */
#pragma once
#include "base/json.h"

enum live_field { LIVE_TYPE, LIVE_LEVEL, LIVE_SOURCE, LIVE_ENDPOINT, LIVE_FIELD_COUNT };
const char *live_field_name(enum live_field field);

enum {
    LIVE_FILTER_VALUES_MAX = 32,       /* per name */
    LIVE_FILTER_VALUE_BYTES_MAX = 256, /* of one value, and of `text` */
};

struct live_filter {
    char **values[LIVE_FIELD_COUNT]; /* owned, each too */
    size_t counts[LIVE_FIELD_COUNT];
    char *text; /* owned; NULL: any */
};
void live_filter_deinit(struct live_filter *f);
/* {"type":[…],"level":[…],"source":[…],"endpoint":[…],"text":"…"}, each of them optional, a lone
 * text instead of a list is fine; NULL: everything passes. Errors: INVALID with what is wrong. */
err live_filter_parse(const json_t *json, struct live_filter *out_filter, struct errmsg *msg);
bool live_filter_is_empty(const struct live_filter *f);
bool live_filter_matches(const struct live_filter *f, struct str event);

/* The first of several fields that the event has: its text without quotes, or a scalar or the
 * bytes of an object as written. False when it has none. */
bool live_event_field(struct str event, const char *const *names, size_t name_count,
                      struct str *out_value);
/* The same for one of the names above. */
bool live_event_get(struct str event, enum live_field field, struct str *out_value);
/* ASCII case folding; an empty needle is everywhere. */
bool live_text_found(struct str text, struct str needle);
