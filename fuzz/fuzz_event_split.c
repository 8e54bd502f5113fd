/* SPDX-License-Identifier: MIT */
/* fuzz_event_split.c - arbitrary bytes as a request body.
 * The first two bytes choose the form, the record limit and the size of the pieces. Must hold: the
 * records are the same in one piece and in many, within the limit, and numbered without a gap. */
#include "base/buf.h"
#include "flow/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct buf text;
    size_t bytes_max;
    uint64_t next;
};

static void must(bool condition)
{
    ASSERT(condition);
}

static err note(void *ctx, const struct event_split_record *r)
{
    struct seen *seen = ctx;
    must(r->index == seen->next);
    seen->next++;
    must(r->bytes.len <= seen->bytes_max);
    must(r->code < EVENT_CODE_COUNT);
    must((r->code == EVENT_OK) == (r->detail == NULL));
    (void)buf_printf(&seen->text, "%llu %d ", (unsigned long long)r->line, (int)r->code);
    (void)buf_add_str(&seen->text, r->bytes);
    return ERR_OK;
}

static void split(struct seen *seen, const uint8_t *data, size_t size, enum event_format format,
                  size_t piece)
{
    AUTO(event_splitter) s = NULL;
    struct event_splitter_options o = {
        .format = format, .record_bytes_max = seen->bytes_max, .on_record = note, .ctx = seen};
    must(event_splitter_new(&o, &s) == ERR_OK);
    for (size_t at = 0; at < size; at += piece) {
        size_t len = MIN(piece, size - at);
        char *copy = malloc(len);
        must(copy != NULL);
        memcpy(copy, data + at, len);
        must(event_splitter_feed(s, str_of(copy, len)) == ERR_OK);
        free(copy);
    }
    must(event_splitter_finish(s) == ERR_OK);
    must(event_splitter_count(s) == seen->next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    enum event_format format = data[0] & 1 ? EVENT_FORMAT_NDJSON : EVENT_FORMAT_AUTO;
    size_t bytes_max = 1 + (data[0] >> 1);
    size_t piece = 1 + data[1] % 32;
    struct seen whole = {.text = buf_make(1 << 26), .bytes_max = bytes_max};
    struct seen parts = {.text = buf_make(1 << 26), .bytes_max = bytes_max};
    split(&whole, data + 2, size - 2, format, size);
    split(&parts, data + 2, size - 2, format, piece);
    must(whole.text.failed || str_eq(buf_str(&whole.text), buf_str(&parts.text)));
    buf_deinit(&whole.text);
    buf_deinit(&parts.text);
    return 0;
}
