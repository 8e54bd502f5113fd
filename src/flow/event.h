/* SPDX-License-Identifier: MIT */
/* event.h - events as they arrive: splitting a request body into records, and judging one record.
 *
 * Splitter: fed a body in arbitrary pieces, calls back with one complete record at a time.
 *   NDJSON   one record per line; blank lines and a CR before the LF do not count
 *   array    the elements of one JSON array, found without holding the array
 *   single   one JSON value over the whole body, maybe over many lines
 * It never holds more than one record, and copies only records that straddle two pieces. It does
 * not judge records: an element of an array may be anything, the validator says what it thinks.
 *
 * Validator: decides whether a record is an acceptable event, and finds its key. The answer is a
 * function of the bytes and the limits alone; the decoder (decode.h) reaches the same answer for
 * the same bytes, so what was accepted becomes a row.
 *
 * Thread: each object belongs to one thread. */
#pragma once
#include "base/base.h"
#include "base/str.h"

/* code, stable name on the wire and in the dead-letter table, what it means */
#define EVENT_CODE_LIST(X)                                                                         \
    X(EVENT_OK, "ok", "acceptable")                                                                \
    X(EVENT_EMPTY, "empty", "there is no value")                                                   \
    X(EVENT_INVALID_UTF8, "invalid_utf8", "the bytes are not UTF-8")                               \
    X(EVENT_INVALID_JSON, "invalid_json", "the text is not JSON")                                  \
    X(EVENT_NOT_AN_OBJECT, "not_an_object", "JSON, but not an object")                             \
    X(EVENT_TOO_DEEP, "too_deep", "objects and arrays are nested too deeply")                      \
    X(EVENT_RECORD_TOO_LARGE, "record_too_large", "the record is over the size limit")             \
    X(EVENT_TRUNCATED, "truncated", "the body ended inside a record")                              \
    X(EVENT_BAD_LINE, "bad_line", "a line of text that its format cannot parse")                   \
    X(EVENT_SCHEMA, "schema", "the event breaks the topic's schema")                               \
    X(EVENT_REFUSED, "refused", "refused at the door for a reason this version does not know")

#define EVENT_CODE_ENUM_(code, name, text) code,
enum event_code { EVENT_CODE_LIST(EVENT_CODE_ENUM_) EVENT_CODE_COUNT };
#undef EVENT_CODE_ENUM_

/* A record in the log that carries the record header EVENT_DEAD_HEADER is a dead letter, whatever
 * its value is. The header holds the code's name, a line feed and the detail; a name that is not in
 * the list means EVENT_REFUSED. */
#define EVENT_DEAD_HEADER "tarn-dead"

/* EVENT_OK when no code has this name. */
enum event_code event_code_find(struct str name);
const char *event_code_name(enum event_code code);
const char *event_code_text(enum event_code code);

enum {
    EVENT_DEPTH_DEFAULT = 64,             /* nesting accepted unless configured otherwise */
    EVENT_DEPTH_MAX = 512,                /* the most that can be configured; the decoder's limit */
    EVENT_RECORD_BYTES_DEFAULT = 1 << 20, /* 1 MiB */
    EVENT_RECORD_BYTES_MAX = 256 << 20,   /* the most that can be configured */
};

/* ---- validator ---- */

struct event_validator;
struct event_validator_options {
    uint32_t depth_max;      /* 0: EVENT_DEPTH_DEFAULT; the record's own object is depth 1 */
    size_t record_bytes_max; /* 0: EVENT_RECORD_BYTES_DEFAULT */
    struct str key_field;    /* a top-level field whose value is the key; {NULL,0}: none. Copied */
    struct json_indexer *indexer;  /* borrowed, for many validators of one thread; NULL: its own */
    struct json_schema_run *check; /* what events must hold; referenced. NULL: nothing */
};
struct event_key {
    bool has_key;
    struct str bytes; /* borrowed from the record or the validator until its next call */
};

/* Errors: NOMEM. Caller frees with event_validator_free(). */
err event_validator_new(const struct event_validator_options *options,
                        struct event_validator **out_validator, struct errmsg *msg);
void event_validator_free(struct event_validator *v);
AUTO_DEFINE(event_validator)
/* Judges one record. White space around it is allowed. On EVENT_OK `out_key` holds the key: text
 * unescaped, numbers, words, objects and arrays as they are written; none when the field is
 * missing or null (empty text is a key). Of duplicates the last counts. `out_key` may be NULL.
 * On anything else `detail` (may be NULL) says what is wrong and at which byte; out_key is
 * untouched. A record that memory does not suffice for is EVENT_RECORD_TOO_LARGE. */
enum event_code event_validate(struct event_validator *v, struct str record,
                               struct event_key *out_key, struct errmsg *detail);
/* After EVENT_SCHEMA: the JSON pointer to what is wrong, "" for the event as a whole. Valid until
 * the next call; the detail says "pointer: reason". */
const char *event_validator_pointer(const struct event_validator *v);
/* From the next record on: another schema, or none. */
void event_validator_check(struct event_validator *v, struct json_schema_run *check);
/* The same judgement without a validator, slow and thorough: names the first wrong byte. */
enum event_code event_diagnose(struct str record, uint32_t depth_max, struct errmsg *detail);

/* ---- splitter ---- */

enum event_format {
    EVENT_FORMAT_AUTO,   /* `[`: array. `{`: NDJSON when the first line is a whole value, else
                            single. Anything else: NDJSON */
    EVENT_FORMAT_NDJSON, /* declared by the content type */
};
/* The format that a Content-Type header asks for; unknown and missing ones are AUTO. */
enum event_format event_format_of(struct str content_type);

struct event_split_record {
    struct str bytes;     /* borrowed for the callback; the first bytes only when rejected */
    uint64_t index;       /* of the record in the body, from 0; rejected ones count */
    uint64_t line;        /* of its first byte in the body, from 1 */
    enum event_code code; /* EVENT_OK: whole, to be judged. Else rejected by the splitter */
    const char *detail;   /* a sentence when rejected */
};
/* Anything but ERR_OK stops the splitter for good and is returned by feed or finish. */
typedef err (*event_split_cb)(void *ctx, const struct event_split_record *record);

struct event_splitter;
struct event_splitter_options {
    enum event_format format;
    size_t record_bytes_max; /* 0: EVENT_RECORD_BYTES_DEFAULT; larger records are skipped */
    event_split_cb on_record;
    void *ctx;
};
err event_splitter_new(const struct event_splitter_options *options,
                       struct event_splitter **out_splitter);
void event_splitter_free(struct event_splitter *s);
AUTO_DEFINE(event_splitter)
/* Takes the next piece of the body. Text that breaks an array's own grammar is rejected once, with
 * EVENT_INVALID_JSON, and the rest of the body ignored, since no later element can be trusted.
 * Errors: the callback's; NOMEM. */
err event_splitter_feed(struct event_splitter *s, struct str chunk);
/* The body has ended: emits what is left, EVENT_TRUNCATED for half an array. */
err event_splitter_finish(struct event_splitter *s);
/* Bytes of memory that it holds for what has come; and giving back what is not in use now. */
size_t event_splitter_held(const struct event_splitter *s);
void event_splitter_trim(struct event_splitter *s);
/* Records called back with so far, rejected ones included. */
uint64_t event_splitter_count(const struct event_splitter *s);
