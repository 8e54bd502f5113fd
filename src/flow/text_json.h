/* SPDX-License-Identifier: MIT */
/* text_json.h - one flat JSON event, written field by field by the parsers of text_format.h.
 *
 * text_json_begin() makes room for the worst case (six bytes for one), so that the writers are
 * plain stores. Texts may hold any bytes: what is not UTF-8 is written as `\xhh`, four characters,
 * the way Apache and nginx write it themselves. */
#pragma once
#include "base/buf.h"

struct text_json {
    struct buf *out; /* borrowed */
    char *w;
    bool is_open; /* a field was written */
};

/* Room for `text_bytes` of input and `name_bytes` of names (both before escaping) and
 * `field_count` fields. False when the buffer's maximum or memory does not suffice. */
bool text_json_begin(struct text_json *j, struct buf *out, size_t text_bytes, size_t name_bytes,
                     size_t field_count);
/* Closes the object; out holds it from 0 on. */
void text_json_end(struct text_json *j);
/* The name must need no escape. */
void text_json_name(struct text_json *j, struct str name);
/* A name with any bytes. */
void text_json_any_name(struct text_json *j, struct str name);
void text_json_null(struct text_json *j);
/* Bytes that are JSON already. */
void text_json_raw(struct text_json *j, struct str json);
void text_json_u64(struct text_json *j, uint64_t value);
/* Text as it is. */
void text_json_text(struct text_json *j, struct str text);
/* Text in which `quote` is doubled. */
void text_json_doubled(struct text_json *j, struct str text, char quote);
/* Text of a log, with the escapes of Apache and nginx: \" \\ \n \t ... \xhh. Those of bytes that
 * are not UTF-8 stay as they are written. */
void text_json_log(struct text_json *j, struct str text);
/* The same, "-" is null. */
void text_json_log_or_null(struct text_json *j, struct str text);
