/* SPDX-License-Identifier: MIT */
/* decode_test.h - a decoder with plain sinks, and its rows as text, for the tests of decoding. */
#pragma once
#include "base/timefmt.h"
#include "flow/decode.h"
#include "flow_test.h"

enum { ROW = 5 }; /* some row of the block */

struct rig {
    struct event_schema *schema;
    struct decoder *decoder;
    struct col_block block;
    struct buf text;
};

static inline void rig_open(struct rig *r, const struct event_column *columns, size_t count,
                            const struct decode_options *options)
{
    *r = (struct rig){.text = buf_make(1 << 24)};
    assert_int_equal(event_schema_new(columns, count, NULL, 0, &r->schema, NULL), ERR_OK);
    assert_int_equal(decoder_new(r->schema, options, &r->decoder, NULL), ERR_OK);
    assert_int_equal(col_block_init(&r->block, event_schema_full(r->schema),
                                    event_schema_full_count(r->schema), 1 << 24),
                     ERR_OK);
}

static inline void rig_close(struct rig *r)
{
    col_block_deinit(&r->block);
    decoder_free(r->decoder);
    event_schema_unref(r->schema);
    buf_deinit(&r->text);
}

static inline void add_value(struct buf *out, const struct col_sink *c, size_t row);

/* {a,b} and [a,b]. */
static inline void add_nested(struct buf *out, const struct col_sink *c, size_t row)
{
    struct col_list_entry entry = {.offset = row, .length = c->child_count};
    bool is_list = c->type == COL_LIST;
    entry = is_list ? col_get_list(c, row) : entry;
    (void)buf_add_byte(out, is_list ? '[' : '{');
    for (uint64_t i = 0; i < entry.length; i++) {
        (void)buf_puts(out, i == 0 ? "" : ",");
        add_value(out, &c->children[is_list ? 0 : i], is_list ? entry.offset + i : row);
    }
    (void)buf_add_byte(out, is_list ? ']' : '}');
}

static inline void add_value(struct buf *out, const struct col_sink *c, size_t row)
{
    char text[TIME_TEXT_BYTES];
    if (col_is_null(c, row)) {
        (void)buf_puts(out, "null");
        return;
    }
    switch (c->type) {
    case COL_BOOLEAN:
        (void)buf_puts(out, ((bool *)c->data)[row] ? "true" : "false");
        break;
    case COL_BIGINT:
        (void)buf_add_i64(out, ((int64_t *)c->data)[row]);
        break;
    case COL_INTEGER:
        (void)buf_add_i64(out, ((int32_t *)c->data)[row]);
        break;
    case COL_DOUBLE:
        (void)buf_printf(out, "%.17g", ((double *)c->data)[row]);
        break;
    case COL_TIMESTAMPTZ:
        (void)time_format_rfc3339(((int64_t *)c->data)[row], text);
        (void)buf_puts(out, text);
        break;
    case COL_DATE:
        time_format_date(((int32_t *)c->data)[row], text);
        (void)buf_puts(out, text);
        break;
    case COL_VARCHAR:
    case COL_BLOB:
        (void)buf_add_str(out, col_get_str(c, row));
        break;
    case COL_STRUCT:
    case COL_LIST:
        add_nested(out, c, row);
        break;
    }
}

/* Stored at 2027-01-15T08:00:00Z. */
static inline struct record record_of(struct str value)
{
    return (struct record){
        .offset = 42, .timestamp_ms = 1800000000000, .value = value, .has_value = true};
}

/* The row as text, by the column's names given ("a,b"); "dead: reason" when it is none. */
static inline const char *row_text(struct rig *r, const struct record *record, const char *names)
{
    enum event_code reason = EVENT_OK;
    struct errmsg detail = {0};
    const struct col_def *defs = event_schema_full(r->schema);
    buf_reset(&r->text);
    col_block_reset(&r->block);
    enum decode_result result =
        decode_row(r->decoder, record, 3, r->block.cols, ROW, &reason, &detail);
    enum event_code judged = EVENT_OK;
    assert_int_equal(decode_judge(r->decoder, record, &judged, NULL), result);
    assert_int_equal(judged, reason);
    if (result == DECODE_DEAD) {
        assert_true(detail.text[0] != '\0');
        (void)buf_printf(&r->text, "dead: %s", event_code_name(reason));
        return buf_cstr(&r->text);
    }
    assert_int_equal(result, DECODE_ROW);
    struct str rest = str_from(names);
    struct str name;
    bool first = true;
    while (str_split(&rest, ',', &name)) {
        for (size_t i = 0; i < event_schema_full_count(r->schema); i++) {
            if (str_is(name, defs[i].name)) {
                (void)buf_puts(&r->text, first ? "" : " ");
                first = false;
                add_value(&r->text, &r->block.cols[i], ROW);
            }
        }
    }
    return buf_cstr(&r->text);
}

static inline void check(struct rig *r, const char *json, const char *names, const char *wanted)
{
    struct record record = record_of(str_from(json));
    const char *got = row_text(r, &record, names);
    if (strcmp(got, wanted) != 0) {
        fail_msg("%s: got \"%s\", wanted \"%s\"", json, got, wanted);
    }
}
