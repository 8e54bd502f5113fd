/* SPDX-License-Identifier: MIT */
/* test_decode_nested.c - from an object or array to a STRUCT or LIST column. */
#include "decode_test.h"

static const struct col_def place_members[] = {{"city", COL_VARCHAR}, {"zip", COL_BIGINT}};
static const struct col_def tag_element[] = {{"element", COL_VARCHAR}};
static const struct col_def who_members[] = {{"name", COL_VARCHAR},
                                             {"place", COL_STRUCT, place_members, 2},
                                             {"tags", COL_LIST, tag_element, 1},
                                             {"since", COL_DATE}};
static const struct col_def line_members[] = {{"sku", COL_VARCHAR}, {"n", COL_BIGINT}};
static const struct col_def line_element[] = {{"element", COL_STRUCT, line_members, 2}};
static const struct col_def number_element[] = {{"element", COL_DOUBLE}};
static const struct col_def row_element[] = {{"element", COL_LIST, number_element, 1}};
static const struct event_column nested_columns[] = {
    {STR("id"), COL_BIGINT, false},
    {STR("who"), COL_STRUCT, false, who_members, 4},
    {STR("lines"), COL_LIST, false, line_element, 1},
    {STR("m"), COL_LIST, false, row_element, 1},
};

/* who, lines or m and what comes of it; `rescued` means the value as written beside it. */
static const struct {
    const char *column;
    const char *value;
    const char *stored;
    bool rescued;
} nested_cases[] = {
    {"who", "null", "null", false},
    {"who", "{}", "{null,null,null,null}", false},
    {"who", "{\"name\":\"Ada\"}", "{Ada,null,null,null}", false},
    {"who", "{\"since\":\"2026-11-20\",\"tags\":[],\"name\":null}", "{null,null,[],2026-11-20}",
     false},
    {"who", " { \"place\" : { \"zip\" : 50667 , \"city\" : \"K\\u00f6ln\" } } ",
     "{null,{K\xc3\xb6ln,50667},null,null}", false},
    {"who", "{\"place\":{}}", "{null,{null,null},null,null}", false},
    {"who", "{\"place\":null}", "{null,null,null,null}", false},
    {"who", "{\"tags\":[\"a\",null,1.50,{\"x\":[]},\"\"]}",
     "{null,null,[a,null,1.50,{\"x\":[]},],null}", false},
    /* A part that does not fit takes the whole with it. */
    {"who", "\"Ada\"", "null", true},
    {"who", "[]", "null", true},
    {"who", "1", "null", true},
    {"who", "true", "null", true},
    {"who", "{\"since\":\"yesterday\"}", "null", true},
    {"who", "{\"name\":\"Ada\",\"place\":{\"zip\":\"x\"}}", "null", true},
    {"who", "{\"place\":[]}", "null", true},
    {"who", "{\"place\":7,\"name\":\"Ada\"}", "null", true},
    {"who", "{\"tags\":\"a\"}", "null", true},
    {"who", "{\"name\":\"\\ud800\"}", "null", true},
    {"who", "{\"tags\":[\"a\",\"\\ud800\"]}", "null", true},
    /* A member without a place: the rest is stored. */
    {"who", "{\"name\":\"Ada\",\"vip\":true}", "{Ada,null,null,null}", true},
    {"who", "{\"name\":\"Ada\",\"vip\":null}", "{Ada,null,null,null}", false},
    {"who", "{\"Name\":\"Ada\"}", "{null,null,null,null}", true},
    {"who", "{\"a b\":[{\"x\":[1]},\"]\"],\"name\":\"Ada\"}", "{Ada,null,null,null}", true},
    {"who", "{\"place\":{\"street\":\"x\",\"zip\":1}}", "{null,{null,1},null,null}", true},
    {"who", "{\"\\ud800\":1,\"name\":\"Ada\"}", "{Ada,null,null,null}", true},
    {"who", "{\"x\":1,\"since\":2}", "null", true},
    {"who", "{\"\\u006eame\":\"Ada\"}", "{Ada,null,null,null}", false},
    /* Of duplicates the last counts, whatever the others were. */
    {"who", "{\"name\":\"a\",\"name\":\"b\"}", "{b,null,null,null}", false},
    {"who", "{\"place\":7,\"place\":{\"zip\":1}}", "{null,{null,1},null,null}", false},
    {"who", "{\"place\":{\"zip\":1},\"place\":{\"city\":\"b\"}}", "{null,{b,null},null,null}",
     false},
    {"who", "{\"place\":{\"zip\":1},\"place\":7}", "null", true},
    {"who", "{\"place\":{\"zip\":1},\"place\":null}", "{null,null,null,null}", false},
    {"who", "{\"place\":null,\"place\":{\"zip\":1}}", "{null,{null,1},null,null}", false},
    {"who", "{\"place\":{\"x\":1},\"place\":{}}", "{null,{null,null},null,null}", false},
    {"who", "{\"tags\":[\"a\",\"b\"],\"tags\":[\"c\"]}", "{null,null,[c],null}", false},
    {"lines", "[]", "[]", false},
    {"lines", "null", "null", false},
    {"lines", "[null]", "[null]", false},
    {"lines", "[{\"sku\":\"x\",\"n\":1},{\"n\":2.0},null,{}]", "[{x,1},{null,2},null,{null,null}]",
     false},
    {"lines", "[{\"n\":1},{\"n\":2,\"colour\":\"red\"}]", "[{null,1},{null,2}]", true},
    {"lines", "[{\"n\":1},{\"n\":\"2\"}]", "null", true},
    {"lines", "[{\"n\":1},[]]", "null", true},
    {"lines", "{\"n\":1}", "null", true},
    {"lines", "\"[]\"", "null", true},
    {"m", "[[1,2.5],[],null,[null]]", "[[1,2.5],[],null,[null]]", false},
    {"m", "[1]", "null", true},
    {"m", "[[[1]]]", "null", true},
    {"m", "[[1e400]]", "null", true},
    {"m", "[[1],[\"1\"]]", "null", true},
};

/* A nested value fits as a whole or is rescued as a whole; members that its type has no place for
 * are rescued with it, and the rest is stored. */
static void nested_values_fit_or_are_rescued(void **unused)
{
    (void)unused;
    for (int borrow = 0; borrow < 2; borrow++) {
        struct rig r;
        struct decode_options options = {.borrow_text = borrow != 0};
        rig_open(&r, nested_columns, ARRAY_LEN(nested_columns), &options);
        for (size_t i = 0; i < ARRAY_LEN(nested_cases); i++) {
            AUTO_BUF json = buf_make(4096);
            AUTO_BUF names = buf_make(4096);
            AUTO_BUF wanted = buf_make(4096);
            const char *column = nested_cases[i].column;
            struct str value = str_trim(str_from(nested_cases[i].value));
            (void)buf_printf(&json, "{\"id\":1,\"%s\":%s,\"x\":null}", column,
                             nested_cases[i].value);
            (void)buf_printf(&names, "id,%s,_rescued", column);
            (void)buf_printf(&wanted, "1 %s ", nested_cases[i].stored);
            if (nested_cases[i].rescued) {
                (void)buf_printf(&wanted, "{\"%s\":%.*s}", column, STR_ARGS(value));
            } else {
                (void)buf_puts(&wanted, "null");
            }
            check(&r, buf_cstr(&json), buf_cstr(&names), buf_cstr(&wanted));
        }
        rig_close(&r);
    }
}

/* A column that comes twice counts as its last value, whatever the first was; a record that turns
 * out to be none leaves nothing behind in the members. */
static void nested_columns_twice(void **unused)
{
    (void)unused;
    static const struct {
        const char *json;
        const char *row; /* who lines _rescued */
    } cases[] = {
        {"{\"who\":{\"name\":\"a\"},\"who\":{\"since\":\"2026-11-20\"}}",
         "{null,null,null,2026-11-20} null null"},
        {"{\"who\":7,\"who\":{\"name\":\"a\"}}", "{a,null,null,null} null null"},
        {"{\"who\":{\"name\":\"a\"},\"who\":7}", "null null {\"who\":7}"},
        {"{\"who\":{\"x\":1},\"who\":null}", "null null null"},
        {"{\"who\":null,\"who\":{}}", "{null,null,null,null} null null"},
        {"{\"lines\":[{\"n\":1}],\"lines\":[{\"n\":2},{\"n\":3}]}",
         "null [{null,2},{null,3}] null"},
        {"{\"who\":{\"name\":\"a\"},\"lines\":[null],}", "dead: invalid_json"},
        {"{\"lines\":[{}]}", "null [{null,null}] null"},
        {"{\"who\":{\"name\":\"a\",},\"id\":1}", "dead: invalid_json"},
        {"{\"who\":{}}", "{null,null,null,null} null null"},
    };
    struct rig r;
    struct decode_options options = {.infer = true};
    rig_open(&r, nested_columns, ARRAY_LEN(nested_columns), &options);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            check(&r, cases[i].json, "who,lines,_rescued", cases[i].row);
        }
    }
    assert_int_equal(decoder_counts(r.decoder).misfits[1], 2);
    rig_close(&r);
}

/* What is rescued does not depend on which columns are asked for. */
static void nested_projection(void **unused)
{
    (void)unused;
    struct rig r;
    struct decode_options options = {0};
    rig_open(&r, nested_columns, ARRAY_LEN(nested_columns), &options);
    for (size_t i = 0; i < ARRAY_LEN(nested_cases); i++) {
        AUTO_BUF json = buf_make(4096);
        (void)buf_printf(&json, "{\"%s\":%s}", nested_cases[i].column, nested_cases[i].value);
        struct record record = record_of(buf_str(&json));
        (void)row_text(&r, &record, "_rescued");
        AUTO_TEXT whole = xstrdup(buf_cstr(&r.text));
        AUTO(decoder) other = NULL;
        assert_int_equal(decoder_new(r.schema, &options, &other, NULL), ERR_OK);
        uint32_t rescued = (uint32_t)(ARRAY_LEN(nested_columns) + EVENT_SYS_RESCUED);
        decoder_project(other, &rescued, 1);
        col_block_reset(&r.block);
        enum event_code reason = EVENT_OK;
        assert_int_equal(decode_row(other, &record, 0, &r.block.cols[rescued], 0, &reason, NULL),
                         DECODE_ROW);
        buf_reset(&r.text);
        add_value(&r.text, &r.block.cols[rescued], 0);
        assert_string_equal(buf_cstr(&r.text), whole);
    }
    rig_close(&r);
}

/* Values as deep as an event may be meet types of any depth: no deeper recursion than the type's,
 * and what goes beyond the type is rescued. */
static void nested_depth_is_bounded(void **unused)
{
    (void)unused;
    struct col_def levels[EVENT_NESTED_DEPTH_MAX + 1] = {{"element", COL_BIGINT}};
    for (size_t i = 1; i < ARRAY_LEN(levels); i++) {
        levels[i] = (struct col_def){"element", COL_LIST, &levels[i - 1], 1};
    }
    struct event_column column = {STR("deep"), COL_LIST, false, &levels[EVENT_NESTED_DEPTH_MAX - 1],
                                  1};
    struct event_schema *none = NULL;
    assert_int_equal(event_schema_new(&column, 1, NULL, 0, &none, NULL), ERR_INVALID);
    column.children = &levels[EVENT_NESTED_DEPTH_MAX - 2];
    struct rig r;
    struct decode_options options = {0};
    rig_open(&r, &column, 1, &options);
    static const int depths[] = {EVENT_NESTED_DEPTH_MAX - 1, EVENT_NESTED_DEPTH_MAX, 500,
                                 EVENT_DEPTH_MAX};
    for (size_t i = 0; i < ARRAY_LEN(depths); i++) {
        AUTO_BUF value = buf_make(1 << 16);
        AUTO_BUF json = buf_make(1 << 16);
        AUTO_BUF wanted = buf_make(1 << 16);
        for (int d = 0; d < depths[i]; d++) {
            (void)buf_add_byte(&value, '[');
        }
        (void)buf_add_byte(&value, '1');
        for (int d = 0; d < depths[i]; d++) {
            (void)buf_add_byte(&value, ']');
        }
        (void)buf_printf(&json, "{\"deep\":%s}", buf_cstr(&value));
        if (depths[i] == EVENT_NESTED_DEPTH_MAX - 1) {
            (void)buf_printf(&wanted, "%s null", buf_cstr(&value));
        } else if (depths[i] < EVENT_DEPTH_MAX) {
            (void)buf_printf(&wanted, "null {\"deep\":%s}", buf_cstr(&value));
        } else {
            (void)buf_puts(&wanted, "dead: too_deep");
        }
        check(&r, buf_cstr(&json), "deep,_rescued", buf_cstr(&wanted));
    }
    rig_close(&r);
}

/* {"wide":[{},{},...]} with `pad` bytes of white space in each element. */
static void add_wide(struct buf *out, int count, size_t pad)
{
    buf_reset(out);
    (void)buf_puts(out, "{\"wide\":[");
    for (int i = 0; i < count; i++) {
        (void)buf_puts(out, i == 0 ? "{" : ",{");
        for (size_t k = 0; k < pad; k++) {
            (void)buf_add_byte(out, ' ');
        }
        (void)buf_add_byte(out, '}');
    }
    (void)buf_puts(out, "]}");
}

/* A short value that stands for very many elements is rescued rather than stored, with and without
 * sinks alike; before that the decoder says that the chunk should be read. */
static void nested_memory_is_bounded(void **unused)
{
    (void)unused;
    static const struct {
        int count;
        size_t pad;
        bool fits;
    } cases[] = {
        {1, 0, true}, /* 16,000 bytes of columns each */
        {2, 0, true},    {3, 0, false},    {100, 0, false},
        {100, 20, true}, {4000, 20, true}, {4300, 20, false},
    };
    struct col_def wide[1000];
    char names[1000][8];
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(names[i], sizeof names[i], "m%d", i); /* fits */
        wide[i] = (struct col_def){names[i], COL_VARCHAR};
    }
    struct col_def element = {"element", COL_STRUCT, wide, 1000};
    struct event_column column = {STR("wide"), COL_LIST, false, &element, 1};
    struct rig r;
    struct decode_options options = {0};
    rig_open(&r, &column, 1, &options);
    AUTO_BUF json = buf_make(1 << 20);
    enum event_code reason = EVENT_OK;
    struct errmsg detail;
    uint64_t misfits = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        add_wide(&json, cases[i].count, cases[i].pad);
        struct record record = record_of(buf_str(&json));
        col_block_reset(&r.block);
        for (int with_sinks = 0; with_sinks < 2; with_sinks++) {
            struct col_sink *cols = with_sinks != 0 ? r.block.cols : NULL;
            assert_int_equal(decode_row(r.decoder, &record, 0, cols, 0, &reason, &detail),
                             DECODE_ROW);
            misfits += !cases[i].fits;
            assert_int_equal(decoder_counts(r.decoder).misfits[0], misfits);
        }
        assert_int_equal(col_is_null(&r.block.cols[0], 0), !cases[i].fits);
    }
    add_wide(&json, 4000, 20);
    struct record record = record_of(buf_str(&json));
    col_block_reset(&r.block);
    for (size_t row = 0; row < 2; row++) {
        assert_int_equal(decode_row(r.decoder, &record, 0, r.block.cols, row, &reason, &detail),
                         DECODE_ROW);
        assert_int_equal(col_get_list(&r.block.cols[0], row).length, 4000);
        assert_int_equal(decoder_chunk_is_full(r.decoder), row == 1);
    }
    rig_close(&r);
}

/* Random values of a nested type are stored as they are read by a plain walk of their text: a
 * decoder that has seen many rows and one that has seen none give the same, row after row. */
static void nested_history_does_not_matter(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    struct rig r;
    struct rig fresh;
    struct decode_options options = {.infer = true};
    rig_open(&r, nested_columns, ARRAY_LEN(nested_columns), &options);
    for (int i = 0; i < 2000; i++) {
        AUTO_BUF json = buf_make(1 << 20);
        (void)buf_puts(&json, "{\"id\":1");
        for (size_t c = 1; c < ARRAY_LEN(nested_columns); c++) {
            size_t pick = test_below(&state, ARRAY_LEN(nested_cases));
            (void)buf_printf(&json, ",\"%s\":", nested_cases[pick].column);
            if (test_below(&state, 4) == 0) {
                test_random_json(&state, &json, 4);
            } else {
                (void)buf_puts(&json, nested_cases[pick].value);
            }
        }
        (void)buf_puts(&json, "}");
        struct record record = record_of(buf_str(&json));
        AUTO_TEXT used = xstrdup(row_text(&r, &record, "who,lines,m,_rescued"));
        rig_open(&fresh, nested_columns, ARRAY_LEN(nested_columns), &options);
        const char *wanted = row_text(&fresh, &record, "who,lines,m,_rescued");
        if (strcmp(used, wanted) != 0) {
            fail_msg("%s: \"%s\" after others, \"%s\" alone", buf_cstr(&json), used, wanted);
        }
        rig_close(&fresh);
    }
    rig_close(&r);
}

/* Members of a STRUCT have names that Delta allows, each once up to case; `_time` is none of the
 * table's there. */
static void nested_names_are_checked(void **unused)
{
    (void)unused;
    static const struct {
        const char *a;
        const char *b;
        err wanted;
    } cases[] = {
        {"a", "b", ERR_OK},     {"a", "a", ERR_INVALID},   {"a", "A", ERR_INVALID},
        {"", "b", ERR_INVALID}, {"a b", "b", ERR_INVALID}, {"a,b", "b", ERR_INVALID},
        {"_time", "b", ERR_OK}, {"a\"b", "b", ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct col_def members[] = {{cases[i].a, COL_BIGINT}, {cases[i].b, COL_BIGINT}};
        struct event_column column = {STR("s"), COL_STRUCT, false, members, 2};
        struct event_schema *schema = NULL;
        assert_int_equal(event_schema_new(&column, 1, NULL, 0, &schema, NULL), cases[i].wanted);
        event_schema_unref(schema);
    }
    struct col_def blob = {"b", COL_BLOB};
    struct event_column wrong[] = {{STR("s"), COL_STRUCT, false, &blob, 1},
                                   {STR("s"), COL_STRUCT, false, NULL, 0},
                                   {STR("s"), COL_BIGINT, false, &blob, 1}};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct event_schema *schema = NULL;
        assert_int_equal(event_schema_new(&wrong[i], 1, NULL, 0, &schema, NULL), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_values_fit_or_are_rescued),
        cmocka_unit_test(nested_columns_twice),
        cmocka_unit_test(nested_projection),
        cmocka_unit_test(nested_depth_is_bounded),
        cmocka_unit_test(nested_memory_is_bounded),
        cmocka_unit_test(nested_history_does_not_matter),
        cmocka_unit_test(nested_names_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
