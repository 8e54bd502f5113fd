/* SPDX-License-Identifier: MIT */
/* text_test.h - reads a body with text_format.h and writes down what came out, one line a record:
 * "LINE JSON" for an event, "LINE !DETAIL <RAW>" for a bad line. */
#pragma once
#include "flow/event.h"
#include "flow/text_format.h"
#include "flow_test.h"

struct transcript {
    struct buf text;
    uint64_t next;
};

static inline err note_record(void *ctx, const struct text_record *r)
{
    struct transcript *t = ctx;
    assert_true(r->index == t->next);
    t->next++;
    buf_printf(&t->text, "%llu ", (unsigned long long)r->line);
    if (r->code == EVENT_OK) {
        struct errmsg why = {0};
        buf_add_str(&t->text, r->json);
        if (event_diagnose(r->json, EVENT_DEPTH_DEFAULT, &why) != EVENT_OK) {
            fail_msg("no event: %.*s: %s", STR_ARGS(r->json), why.text);
        }
    } else {
        assert_non_null(r->detail);
        buf_printf(&t->text, "!%s <%.*s>", r->detail, STR_ARGS(r->raw));
    }
    buf_add_byte(&t->text, '\n');
    return ERR_OK;
}

/* Feeds `body` in pieces of `piece` bytes, each in memory of its own (for the sanitizer). */
static inline err read_text(const struct text_spec *spec, struct str body, size_t piece,
                            size_t record_bytes_max, struct buf *out, struct errmsg *msg)
{
    AUTO(text_reader) r = NULL;
    struct transcript t = {.text = buf_make(1 << 26)};
    struct text_reader_options o = {
        .spec = spec, .record_bytes_max = record_bytes_max, .on_record = note_record, .ctx = &t};
    assert_int_equal(text_reader_new(&o, &r, msg), ERR_OK);
    err e = ERR_OK;
    for (size_t at = 0; e == ERR_OK && at < body.len; at += piece) {
        size_t len = MIN(piece, body.len - at);
        char *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, body.ptr + at, len);
        e = text_reader_feed(r, str_of(copy, len), msg);
        free(copy);
    }
    e = e == ERR_OK ? text_reader_finish(r, msg) : e;
    buf_reset(out);
    buf_add_str(out, buf_str(&t.text));
    buf_deinit(&t.text);
    return e;
}
