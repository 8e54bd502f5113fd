/* SPDX-License-Identifier: MIT */
/* fuzz_text_format.c - arbitrary bytes as a body of text.
 * The first three bytes choose format and options, the record limit and the size of the pieces.
 * Must hold: what comes out is the same in one piece and in many, each good record is an acceptable
 * event, raw bytes stay within the limit, and records are numbered without a gap. The text option
 * parsers see the first bytes as well. */
#include "flow/text_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct buf text;
    size_t bytes_max;
    uint64_t next;
    uint64_t line;
    bool is_json; /* the format makes JSON, so it must be good */
};

static void must(bool condition)
{
    ASSERT(condition);
}

static err note(void *ctx, const struct text_record *r)
{
    struct seen *seen = ctx;
    must(r->index == seen->next);
    must(r->line >= seen->line && r->line > 0);
    must(r->raw.len <= seen->bytes_max);
    must((r->code == EVENT_OK) == (r->detail == NULL));
    seen->next++;
    seen->line = r->line;
    if (r->code == EVENT_OK && seen->is_json) {
        must(event_diagnose(r->json, EVENT_DEPTH_MAX, NULL) == EVENT_OK);
    }
    (void)buf_printf(&seen->text, "%llu %d ", (unsigned long long)r->line, (int)r->code);
    (void)buf_add_str(&seen->text, r->code == EVENT_OK ? r->json : r->raw);
    return ERR_OK;
}

static err run(struct seen *seen, const struct text_spec *spec, const uint8_t *data, size_t size,
               size_t piece)
{
    AUTO(text_reader) r = NULL;
    struct errmsg msg = {0};
    struct text_reader_options o = {
        .spec = spec, .record_bytes_max = seen->bytes_max, .on_record = note, .ctx = seen};
    must(text_reader_new(&o, &r, &msg) == ERR_OK);
    err e = ERR_OK;
    for (size_t at = 0; e == ERR_OK && at < size; at += piece) {
        size_t len = MIN(piece, size - at);
        char *copy = malloc(len);
        must(copy != NULL);
        memcpy(copy, data + at, len);
        e = text_reader_feed(r, str_of(copy, len), &msg);
        free(copy);
    }
    return e == ERR_OK ? text_reader_finish(r, &msg) : e;
}

/* Options that bits choose, and one that is taken from the bytes themselves. */
static void set_options(struct text_spec *s, uint8_t bits, struct str bytes)
{
    struct errmsg msg = {0};
    if (s->format == TEXT_APACHE_ERROR) {
        (void)text_spec_set(s, "zone", bits & 1 ? STR("-0730") : bytes, &msg); /* may be refused */
    }
    if (s->format != TEXT_CSV) {
        return;
    }
    (void)text_spec_set(s, "delimiter", bits & 1 ? STR(";") : STR("tab"), &msg);
    (void)text_spec_set(s, "quote", bits & 2 ? STR("none") : STR("'"), &msg);
    (void)text_spec_set(s, "header", bits & 4 ? STR("true") : STR("false"), &msg);
    (void)text_spec_set(s, bits & 8 ? "columns" : "types", bytes, &msg); /* may be refused */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    AUTO_TEXT_SPEC spec = {.format = (enum text_format)(data[0] % TEXT_FORMAT_COUNT)};
    if (data[0] & 0x80) {
        set_options(&spec, data[0] >> 3, str_of(data + 3, MIN(size - 3, (size_t)64)));
    }
    size_t bytes_max = 1 + (size_t)data[1] * 4;
    bool is_json = spec.format != TEXT_NDJSON;
    struct seen whole = {.text = buf_make(1 << 26), .bytes_max = bytes_max, .is_json = is_json};
    struct seen parts = {.text = buf_make(1 << 26), .bytes_max = bytes_max, .is_json = is_json};
    err first = run(&whole, &spec, data + 3, size - 3, size);
    err second = run(&parts, &spec, data + 3, size - 3, 1 + data[2] % 64);
    must(first == second);
    must(whole.text.failed || str_eq(buf_str(&whole.text), buf_str(&parts.text)));
    buf_deinit(&whole.text);
    buf_deinit(&parts.text);
    return 0;
}
