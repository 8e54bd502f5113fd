/* SPDX-License-Identifier: MIT */
/* fuzz_event_decode.c - arbitrary bytes as a record.
 * Must hold: the fast path and the slow reader give the same verdict; validator (at the decoder's
 * depth), decode_row() and decode_judge() agree; a decoder that has seen records before gives the
 * same row as a fresh one; nothing is read outside of the record. */
#include "flow/decode.h"
#include "flow/json_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS = 6, STRING_BYTES_MAX = 1 << 22 };

static const struct event_column columns[COLUMNS] = {
    {STR("a"), COL_BIGINT, false},    {STR("b"), COL_DOUBLE, false},
    {STR("s"), COL_VARCHAR, false},   {STR("timestamp"), COL_TIMESTAMPTZ, false},
    {STR("flag"), COL_BOOLEAN, true}, {STR("day"), COL_DATE, false},
};

struct setup {
    struct event_schema *schema;
    struct event_validator *validator;
    struct decoder *used;
    struct col_block block;
    struct col_block other;
};

static void must(bool condition)
{
    ASSERT(condition);
}

static struct decoder *new_decoder(struct setup *s)
{
    struct decoder *d = NULL;
    struct decode_options o = {.infer = true};
    must(decoder_new(s->schema, &o, &d, NULL) == ERR_OK);
    return d;
}

static struct setup *setup(void)
{
    static struct setup s;
    if (s.schema == NULL) {
        struct event_validator_options o = {.depth_max = EVENT_DEPTH_MAX,
                                            .record_bytes_max = EVENT_RECORD_BYTES_MAX,
                                            .key_field = STR("a")};
        must(event_schema_new(columns, COLUMNS, NULL, 0, &s.schema, NULL) == ERR_OK);
        must(event_validator_new(&o, &s.validator, NULL) == ERR_OK);
        s.used = new_decoder(&s);
        const struct col_def *defs = event_schema_full(s.schema);
        size_t count = event_schema_full_count(s.schema);
        must(col_block_init(&s.block, defs, count, STRING_BYTES_MAX) == ERR_OK);
        must(col_block_init(&s.other, defs, count, STRING_BYTES_MAX) == ERR_OK);
    }
    return &s;
}

static void compare_rows(const struct setup *s)
{
    for (size_t i = 0; i < s->block.count; i++) {
        const struct col_sink *x = &s->block.cols[i];
        const struct col_sink *y = &s->other.cols[i];
        must(col_is_null(x, 0) == col_is_null(y, 0));
        if (col_is_null(x, 0)) {
            continue;
        }
        if (x->type == COL_VARCHAR) {
            must(str_eq(col_get_str(x, 0), col_get_str(y, 0)));
            must(str_is_utf8(col_get_str(x, 0)));
        } else {
            must(memcmp(x->data, y->data, col_type_bytes(x->type)) == 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct setup *s = setup();
    /* A copy of its own size, so that the sanitizer sees a read outside. */
    char *copy = malloc(size == 0 ? 1 : size);
    must(copy != NULL);
    memcpy(copy, data, size);
    struct record record = {
        .value = {copy, size}, .has_value = true, .timestamp_ms = 1800000000000};
    struct errmsg detail = {0};
    struct event_key key;
    enum event_code reason = EVENT_OK;
    enum event_code judged = EVENT_OK;
    enum event_code valid = event_validate(s->validator, record.value, &key, &detail);
    must(valid == json_diagnose(record.value, EVENT_DEPTH_MAX, NULL));
    col_block_reset(&s->block);
    col_block_reset(&s->other);
    enum decode_result result = decode_row(s->used, &record, 0, s->block.cols, 0, &reason, &detail);
    must((result == DECODE_ROW) == (valid == EVENT_OK));
    must(result == DECODE_ROW || reason == valid);
    must(decode_judge(s->used, &record, &judged, NULL) == result && judged == reason);
    AUTO(decoder) fresh = new_decoder(s);
    must(decode_row(fresh, &record, 0, s->other.cols, 0, &reason, NULL) == result);
    if (result == DECODE_ROW) {
        compare_rows(s);
    }
    free(copy);
    return 0;
}
