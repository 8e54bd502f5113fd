/* SPDX-License-Identifier: MIT */
/* fuzz_event_decode.c - arbitrary bytes as a record.
 * Must hold: the fast path and the slow reader give the same verdict; validator (at the decoder's
 * depth), decode_row() and decode_judge() agree; a decoder that has seen records before gives the
 * same row as a fresh one, nested columns included; what is rescued does not depend on which
 * columns are asked for; nothing is read outside of the record. */
#include "flow/decode.h"
#include "flow/json_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS = 9, STRING_BYTES_MAX = 1 << 22 };

static const struct col_def place[] = {{"city", COL_VARCHAR}, {"a", COL_BIGINT}};
static const struct col_def tag[] = {{"element", COL_VARCHAR}};
static const struct col_def who[] = {{"b", COL_VARCHAR},
                                     {"p", COL_STRUCT, place, 2},
                                     {"t", COL_LIST, tag, 1},
                                     {"day", COL_DATE},
                                     {"at", COL_TIMESTAMPTZ}};
static const struct col_def line[] = {{"element", COL_STRUCT, who, 5}};
static const struct col_def number[] = {{"element", COL_DOUBLE}};
static const struct col_def row[] = {{"element", COL_LIST, number, 1}};
static const struct event_column columns[COLUMNS] = {
    {STR("a"), COL_BIGINT, false},         {STR("b"), COL_DOUBLE, false},
    {STR("s"), COL_VARCHAR, false},        {STR("timestamp"), COL_TIMESTAMPTZ, false},
    {STR("flag"), COL_BOOLEAN, true},      {STR("day"), COL_DATE, false},
    {STR("w"), COL_STRUCT, false, who, 5}, {STR("l"), COL_LIST, false, line, 1},
    {STR("m"), COL_LIST, false, row, 1},
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

static void compare_values(const struct col_sink *x, size_t i, const struct col_sink *y, size_t j)
{
    must(col_is_null(x, i) == col_is_null(y, j));
    for (uint32_t c = 0; x->type == COL_STRUCT && c < x->child_count; c++) {
        must(!col_is_null(x, i) || col_is_null(&x->children[c], i));
        compare_values(&x->children[c], i, &y->children[c], j);
    }
    if (col_is_null(x, i) || x->type == COL_STRUCT) {
        return;
    }
    size_t bytes = col_type_bytes(x->type);
    if (x->type == COL_LIST) {
        struct col_list_entry a = col_get_list(x, i);
        struct col_list_entry b = col_get_list(y, j);
        must(a.length == b.length && a.offset + a.length <= x->size);
        for (uint64_t k = 0; k < a.length; k++) {
            compare_values(&x->children[0], a.offset + k, &y->children[0], b.offset + k);
        }
    } else if (x->type == COL_VARCHAR) {
        must(str_eq(col_get_str(x, i), col_get_str(y, j)));
        must(str_is_utf8(col_get_str(x, i)));
    } else {
        must(memcmp((char *)x->data + i * bytes, (char *)y->data + j * bytes, bytes) == 0);
    }
}

static void compare_rows(const struct setup *s)
{
    for (size_t i = 0; i < s->block.count; i++) {
        compare_values(&s->block.cols[i], 0, &s->other.cols[i], 0);
    }
}

/* `_rescued` alone, as the block has it already. */
static void compare_rescued(struct setup *s, const struct record *record)
{
    AUTO(decoder) fresh = new_decoder(s);
    uint32_t rescued = (uint32_t)(COLUMNS + EVENT_SYS_RESCUED);
    enum event_code reason = EVENT_OK;
    decoder_project(fresh, &rescued, 1);
    col_block_reset(&s->other);
    must(decode_row(fresh, record, 0, &s->other.cols[rescued], 0, &reason, NULL) == DECODE_ROW);
    compare_values(&s->block.cols[rescued], 0, &s->other.cols[rescued], 0);
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
        compare_rescued(s, &record);
    }
    free(copy);
    return 0;
}
