/* SPDX-License-Identifier: MIT */
/* test_infer.c - names, types and limits of inferred columns. */
#include "flow_test.h"

#include "flow/infer.h"

static struct event_schema *schema_of(const struct event_column *columns, size_t count,
                                      const struct str *nulls, size_t null_count)
{
    struct event_schema *s = NULL;
    struct errmsg msg = {0};
    err e = event_schema_new(columns, count, nulls, null_count, &s, &msg);
    if (e != ERR_OK) {
        fail_msg("%s", msg.text);
    }
    return s;
}

static struct infer *infer_of(struct event_schema *s)
{
    struct infer *x = NULL;
    assert_int_equal(infer_new(s, &x), ERR_OK);
    return x;
}

/* "name TYPE, name TYPE; null field, ..." of what an accumulator asks for. */
static const char *text_of(struct infer *x, struct buf *out)
{
    const struct infer_field *fields = NULL;
    size_t count = infer_fields(x, &fields);
    buf_reset(out);
    for (size_t i = 0; i < count; i++) {
        (void)buf_printf(out, "%.*s:%s ", STR_ARGS(fields[i].name),
                         fields[i].only_null ? "null" : col_type_sql(fields[i].type));
    }
    return buf_cstr(out);
}

/* A set of kinds gives the narrowest type that holds all of them without loss. */
static void types_are_the_narrowest(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t flags;
        enum col_type type;
    } cases[] = {
        {INFER_BOOL, COL_BOOLEAN},
        {INFER_INT64, COL_BIGINT},
        {INFER_INT64_WIDE, COL_BIGINT},
        {INFER_INT64 | INFER_INT64_WIDE, COL_BIGINT},
        {INFER_FLOAT, COL_DOUBLE},
        {INFER_INT64 | INFER_FLOAT, COL_DOUBLE},
        {INFER_INT64_WIDE | INFER_FLOAT, COL_VARCHAR},
        {INFER_NUMBER_WIDE, COL_VARCHAR},
        {INFER_INT64 | INFER_NUMBER_WIDE, COL_VARCHAR},
        {INFER_TIME_TEXT, COL_TIMESTAMPTZ},
        {INFER_TIME_TEXT | INFER_TEXT, COL_VARCHAR},
        {INFER_TEXT, COL_VARCHAR},
        {INFER_NESTED, COL_VARCHAR},
        {INFER_BOOL | INFER_INT64, COL_VARCHAR},
        {INFER_TIME_TEXT | INFER_INT64, COL_VARCHAR},
        {INFER_BOOL | INFER_TEXT, COL_VARCHAR},
        {INFER_NESTED | INFER_TEXT, COL_VARCHAR},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(infer_type(cases[i].flags), cases[i].type);
        assert_int_equal(infer_type(cases[i].flags | INFER_NULL), cases[i].type);
    }
}

/* Reserved and forbidden names, and those that differ from a committed one only in case, never
 * become columns; others do. */
static void names_follow_the_rules(void **unused)
{
    (void)unused;
    const struct event_column columns[] = {{STR("Status"), COL_BIGINT, false}};
    const struct str nulls[] = {STR("Note")};
    struct event_schema *s = schema_of(columns, 1, nulls, 1);
    static const struct {
        const char *name;
        enum event_name judgement;
    } cases[] = {
        {"Status", EVENT_NAME_COLUMN},     {"status", EVENT_NAME_RESCUE},
        {"STATUS", EVENT_NAME_RESCUE},     {"Note", EVENT_NAME_NEW},
        {"note", EVENT_NAME_RESCUE},       {"other", EVENT_NAME_NEW},
        {"_time", EVENT_NAME_RESCUE},      {"_TIME", EVENT_NAME_RESCUE},
        {"_offset", EVENT_NAME_RESCUE},    {"_rescued", EVENT_NAME_RESCUE},
        {"_date", EVENT_NAME_RESCUE},      {"_key", EVENT_NAME_RESCUE},
        {"_partition", EVENT_NAME_RESCUE}, {"_timestamp", EVENT_NAME_RESCUE},
        {"_other", EVENT_NAME_NEW},        {"a b", EVENT_NAME_RESCUE},
        {"a,b", EVENT_NAME_RESCUE},        {"a;b", EVENT_NAME_RESCUE},
        {"a{", EVENT_NAME_RESCUE},         {"}", EVENT_NAME_RESCUE},
        {"f(", EVENT_NAME_RESCUE},         {"f)", EVENT_NAME_RESCUE},
        {"a=b", EVENT_NAME_RESCUE},        {"a\tb", EVENT_NAME_RESCUE},
        {"a\nb", EVENT_NAME_RESCUE},       {"", EVENT_NAME_RESCUE},
        {"a.b", EVENT_NAME_NEW},           {"a-b", EVENT_NAME_NEW},
        {"@timestamp", EVENT_NAME_NEW},    {"\"q\"", EVENT_NAME_NEW},
        {"caf\xc3\xa9", EVENT_NAME_NEW},   {"\xff", EVENT_NAME_RESCUE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (event_schema_judge(s, str_from(cases[i].name)) != cases[i].judgement) {
            fail_msg("\"%s\"", cases[i].name);
        }
    }
    char longest[EVENT_NAME_BYTES_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    assert_true(event_name_is_valid(str_of(longest, EVENT_NAME_BYTES_MAX)));
    assert_false(event_name_is_valid(str_of(longest, EVENT_NAME_BYTES_MAX + 1)));
    assert_int_equal(event_name_fold_cmp(STR("\xc3\x89T\xc3\x89"), STR("\xc3\xa9t\xc3\xa9")), 0);
    assert_int_equal(event_name_fold_cmp(STR("\xd0\x96"), STR("\xd0\xb6")), 0);
    assert_int_not_equal(event_name_fold_cmp(STR("a"), STR("ab")), 0);
    event_schema_unref(s);
}

/* A schema that breaks the rules is refused, with a sentence. */
static void bad_schemas_are_refused(void **unused)
{
    (void)unused;
    const struct event_column twice[] = {{STR("a"), COL_BIGINT, false},
                                         {STR("a"), COL_DOUBLE, false}};
    const struct event_column cased[] = {{STR("a"), COL_BIGINT, false},
                                         {STR("A"), COL_DOUBLE, false}};
    const struct event_column reserved[] = {{STR("_Time"), COL_BIGINT, false}};
    const struct event_column blob[] = {{STR("a"), COL_BLOB, false}};
    struct event_schema *s = NULL;
    struct errmsg msg = {0};
    assert_int_equal(event_schema_new(twice, 2, NULL, 0, &s, &msg), ERR_INVALID);
    assert_int_equal(event_schema_new(cased, 2, NULL, 0, &s, &msg), ERR_INVALID);
    assert_int_equal(event_schema_new(reserved, 1, NULL, 0, &s, &msg), ERR_INVALID);
    assert_int_equal(event_schema_new(blob, 1, NULL, 0, &s, &msg), ERR_INVALID);
    const struct str nulls[] = {STR("A")};
    assert_int_equal(event_schema_new(twice, 1, nulls, 1, &s, &msg), ERR_INVALID);
    assert_true(msg.text[0] != '\0');
    assert_null(s);
}

/* Of names that differ only in case the first in byte order wins, with its own values alone, even
 * when it was seen only as null. */
static void case_ties_go_by_byte_order(void **unused)
{
    (void)unused;
    struct event_schema *s = schema_of(NULL, 0, NULL, 0);
    AUTO_BUF out = buf_make(1 << 20);
    static const struct {
        const char *name;
        uint32_t flags;
    } notes[] = {
        {"foo", INFER_TEXT}, {"Foo", INFER_INT64}, {"FOO", INFER_NULL}, {"bar", INFER_BOOL}};
    for (size_t first = 0; first < 4; first++) {
        AUTO(infer) x = infer_of(s);
        for (size_t i = 0; i < 4; i++) {
            size_t j = (first + i * 3) % 4;
            assert_int_equal(infer_note(x, str_from(notes[j].name), notes[j].flags), ERR_OK);
        }
        assert_string_equal(text_of(x, &out), "FOO:null bar:BOOLEAN ");
    }
    event_schema_unref(s);
}

/* Any order and any split into accumulators give the same answer, also when more names are there
 * than fit. */
static void order_does_not_matter(void **unused)
{
    (void)unused;
    enum { NAMES = 3000, NOTES = 6000 };
    uint64_t state = test_seed();
    const struct event_column columns[] = {{STR("n00100"), COL_BIGINT, false}};
    const struct str nulls[] = {STR("n02999")};
    struct event_schema *s = schema_of(columns, 1, nulls, 1);
    static struct {
        char name[16];
        uint32_t flags;
    } notes[NOTES];
    for (size_t i = 0; i < NOTES; i++) {
        (void)snprintf(notes[i].name, sizeof(notes[i].name), "%c%05u",
                       test_below(&state, 3) == 0 ? 'N' : 'n', (unsigned)test_below(&state, NAMES));
        notes[i].flags = 1U << test_below(&state, 9);
    }
    memcpy(notes[0].name, "n02999", 7);
    AUTO_BUF first = buf_make(1 << 20);
    AUTO_BUF again = buf_make(1 << 20);
    for (size_t round = 0; round < 8; round++) {
        AUTO(infer) a = infer_of(s);
        AUTO(infer) b = infer_of(s);
        for (size_t i = NOTES - 1; i > 0; i--) {
            size_t j = test_below(&state, i + 1);
            __typeof__(notes[0]) swap = notes[i];
            notes[i] = notes[j];
            notes[j] = swap;
        }
        for (size_t i = 0; i < NOTES; i++) {
            struct infer *x = round % 2 == 0 || test_below(&state, 2) == 0 ? a : b;
            assert_int_equal(infer_note(x, str_from(notes[i].name), notes[i].flags), ERR_OK);
        }
        assert_int_equal(infer_merge(a, b), ERR_OK);
        const struct infer_field *fields = NULL;
        size_t count = infer_fields(a, &fields);
        assert_int_equal(count,
                         EVENT_COLUMNS_MAX - 1); /* 1 committed; the null field has a place */
        (void)text_of(a, round == 0 ? &first : &again);
        if (round > 0) {
            assert_true(str_eq(buf_str(&first), buf_str(&again)));
        }
    }
    assert_non_null(strstr(buf_cstr(&first), "n02999"));
    event_schema_unref(s);
}

/* The 1,001st column is never added: the first thousand in byte order are, whatever came first. */
static void a_thousand_columns_at_most(void **unused)
{
    (void)unused;
    struct event_schema *s = schema_of(NULL, 0, NULL, 0);
    AUTO(infer) x = infer_of(s);
    for (int i = 1000; i >= 0; i--) {
        char name[16];
        (void)snprintf(name, sizeof(name), "c%04d", i);
        assert_int_equal(infer_note(x, str_from(name), INFER_INT64), ERR_OK);
    }
    struct event_schema *grown = NULL;
    assert_int_equal(infer_schema(x, false, &grown, NULL), ERR_OK);
    assert_int_equal(event_schema_count(grown), 1000);
    assert_true(event_schema_find(grown, STR("c0999")) >= 0);
    assert_int_equal(event_schema_find(grown, STR("c1000")), -1);
    AUTO(infer) full = infer_of(grown);
    assert_int_equal(infer_note(full, STR("a"), INFER_INT64), ERR_OK);
    const struct infer_field *fields = NULL;
    assert_int_equal(infer_fields(full, &fields), 0);
    event_schema_unref(grown);
    event_schema_unref(s);
}

static void assert_schema(const struct event_schema *s, const char *wanted)
{
    AUTO_BUF out = buf_make(1 << 20);
    for (size_t i = 0; i < event_schema_count(s); i++) {
        const struct event_column *c = event_schema_column(s, i);
        (void)buf_printf(&out, "%.*s:%s%s ", STR_ARGS(c->name), col_type_sql(c->type),
                         c->provisional ? "?" : "");
    }
    (void)buf_puts(&out, "|");
    for (size_t i = 0; i < event_schema_null_count(s); i++) {
        (void)buf_printf(&out, " %.*s", STR_ARGS(event_schema_null_field(s, i)));
    }
    assert_string_equal(buf_cstr(&out), wanted);
}

/* The schema that follows: committed columns stay in front, null fields are remembered and promoted
 * by their first value; a provisional schema shows them as columns of nulls. */
static void the_schema_that_follows(void **unused)
{
    (void)unused;
    const struct event_column columns[] = {{STR("z"), COL_BIGINT, false}};
    const struct str nulls[] = {STR("n1"), STR("n2")};
    struct event_schema *s = schema_of(columns, 1, nulls, 2);
    AUTO(infer) x = infer_of(s);
    assert_int_equal(infer_note(x, STR("b"), INFER_TEXT), ERR_OK);
    assert_int_equal(infer_note(x, STR("a"), INFER_INT64 | INFER_NULL), ERR_OK);
    assert_int_equal(infer_note(x, STR("n2"), INFER_BOOL), ERR_OK);
    assert_int_equal(infer_note(x, STR("n1"), INFER_NULL), ERR_OK);
    assert_int_equal(infer_note(x, STR("n3"), INFER_NULL), ERR_OK);
    assert_int_equal(infer_note(x, STR("z"), INFER_TEXT), ERR_OK);
    assert_int_equal(infer_note(x, STR("Z"), INFER_TEXT), ERR_OK);
    assert_int_equal(infer_note(x, STR("N1"), INFER_TEXT), ERR_OK);
    struct event_schema *next = NULL;
    assert_int_equal(infer_schema(x, false, &next, NULL), ERR_OK);
    assert_schema(next, "z:BIGINT a:BIGINT b:VARCHAR n2:BOOLEAN | n1 n3");
    assert_true(event_schema_equal(next, next));
    assert_false(event_schema_equal(next, s));
    event_schema_unref(next);
    assert_int_equal(infer_schema(x, true, &next, NULL), ERR_OK);
    assert_schema(next, "z:BIGINT a:BIGINT? b:VARCHAR? n2:BOOLEAN? n1:VARCHAR? n3:VARCHAR? |");
    /* Nobody but a committed name stands in the way of a name. */
    assert_int_equal(event_schema_judge(next, STR("A")), EVENT_NAME_NEW);
    assert_int_equal(event_schema_judge(next, STR("Z")), EVENT_NAME_RESCUE);
    event_schema_unref(next);
    event_schema_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_the_narrowest), cmocka_unit_test(names_follow_the_rules),
        cmocka_unit_test(bad_schemas_are_refused), cmocka_unit_test(case_ties_go_by_byte_order),
        cmocka_unit_test(order_does_not_matter),   cmocka_unit_test(a_thousand_columns_at_most),
        cmocka_unit_test(the_schema_that_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
