/* SPDX-License-Identifier: MIT */
/* text_format.h - events that arrive as text: CSV and the logs of web servers.
 *
 * A reader is fed a body in arbitrary pieces and calls back with one record at a time: the JSON
 * event that the record stands for, or its bytes with the reason why it is none. What a record
 * becomes depends on its bytes and the spec alone (for CSV also on the file's header and its first
 * TEXT_SAMPLE_BYTES), never on how the body was cut: a repeated request is judged the same.
 *
 *   common         host ident user [time] "request" status bytes
 *   combined       the same with "referrer" "agent"
 *   nginx          combined, then maybe "gzip ratio" or "forwarded for" (nginx.conf's `main`)
 *   nginx_json     one JSON object a line with nginx's variables as names
 *   apache_error   [time] [module:level] [pid P:tid T] [client A] AH00000: message, referer: R
 *   csv            RFC 4180: quotes, line ends in quotes, a header
 *   ndjson         one JSON object a line, as it is
 *
 * Bounds: one record of record_bytes_max, twice that while a quote is open; CSV_COLUMNS_MAX.
 * Thread: each object belongs to one thread. */
#pragma once
#include "base/buf.h"
#include "base/json.h"
#include "flow/event.h"

#define TEXT_FORMAT_LIST(X)                                                                        \
    X(TEXT_CSV, "csv")                                                                             \
    X(TEXT_COMMON, "common")                                                                       \
    X(TEXT_COMBINED, "combined")                                                                   \
    X(TEXT_NGINX, "nginx")                                                                         \
    X(TEXT_NGINX_JSON, "nginx_json")                                                               \
    X(TEXT_APACHE_ERROR, "apache_error")                                                           \
    X(TEXT_NDJSON, "ndjson")

#define TEXT_FORMAT_ENUM_(code, name) code,
enum text_format { TEXT_FORMAT_LIST(TEXT_FORMAT_ENUM_) TEXT_FORMAT_COUNT };
#undef TEXT_FORMAT_ENUM_

const char *text_format_name(enum text_format format);
bool text_format_parse(struct str name, enum text_format *out_format);
/* "csv, common, ..." for messages. */
const char *text_format_names(void);

enum {
    TEXT_SAMPLE_BYTES = 64 << 10, /* what delimiter and quoting are found out from */
    CSV_COLUMNS_MAX = 4096,
    TEXT_OPTION_BYTES_MAX = 64 << 10,
};

enum csv_type { CSV_AUTO, CSV_STRING, CSV_INTEGER, CSV_NUMBER, CSV_BOOLEAN };
enum csv_header { CSV_HEADER_UNSAID, CSV_HEADER_YES, CSV_HEADER_NO };

struct csv_typed {
    char *name; /* owned */
    enum csv_type type;
    bool is_hint; /* from a schema: a value of another kind goes on as text */
};

/* How the text is to be read. {.format = F} is the default for F. */
struct text_spec {
    enum text_format format;
    int32_t zone_seconds; /* of times that name none; east is positive */
    char delimiter;       /* csv; 0: found out */
    char quote;           /* csv; 0: found out, '\n': none */
    enum csv_header header;
    char *null_text;         /* csv, owned: stands for null beside the empty text; NULL: nothing */
    char **columns;          /* csv, owned, each too: names instead of a header */
    size_t column_count;     /* 0: from the header */
    struct csv_typed *types; /* csv, owned */
    size_t type_count;
};

void text_spec_deinit(struct text_spec *s);
#define AUTO_TEXT_SPEC __attribute__((cleanup(text_spec_deinit))) struct text_spec
/* The options' names, NULL-terminated: delimiter, quote, header, columns, types, null, zone. */
extern const char *const text_option_names[];
/* Sets one option from its text, as a URL or a command line has it. Errors: INVALID with the name,
 * also when the option is not one of the spec's format. */
err text_spec_set(struct text_spec *s, const char *name, struct str value, struct errmsg *msg);
/* Types that a JSON Schema's top-level properties name, for columns that `types` does not. NULL
 * is fine. */
void text_spec_hint(struct text_spec *s, const json_t *schema);
/* Everything that decides what records become, as one line of text. */
void text_spec_write(const struct text_spec *s, struct buf *out);

struct text_record {
    struct str json;      /* EVENT_OK: the event, borrowed for the callback */
    struct str raw;       /* the record's own bytes (at most record_bytes_max), borrowed likewise */
    uint64_t index;       /* of the record, from 0; bad ones count, a header does not */
    uint64_t line;        /* of its first byte, from 1 */
    enum event_code code; /* EVENT_OK, EVENT_BAD_LINE or EVENT_RECORD_TOO_LARGE */
    const char *detail;   /* a sentence when bad */
};
/* Anything but ERR_OK stops the reader for good and is returned by feed or finish. */
typedef err (*text_record_fn)(void *ctx, const struct text_record *record);

struct text_reader;
struct text_reader_options {
    const struct text_spec *spec; /* borrowed as long as the reader lives */
    size_t record_bytes_max;      /* 0: EVENT_RECORD_BYTES_DEFAULT */
    text_record_fn on_record;
    void *ctx;
};
/* Errors: NOMEM. Caller frees with text_reader_free(). */
err text_reader_new(const struct text_reader_options *options, struct text_reader **out_reader,
                    struct errmsg *msg);
void text_reader_free(struct text_reader *r);
AUTO_DEFINE(text_reader)
/* Errors: the callback's; NOMEM; INVALID when the text as a whole cannot be read (UTF-16, a header
 * that is none), which can only come before the first record. */
err text_reader_feed(struct text_reader *r, struct str piece, struct errmsg *msg);
err text_reader_finish(struct text_reader *r, struct errmsg *msg);
/* Bytes of memory that it holds for what has come; and giving back what is not in use now. */
size_t text_reader_held(const struct text_reader *r);
void text_reader_trim(struct text_reader *r);
