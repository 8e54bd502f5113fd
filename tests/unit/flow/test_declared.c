/* SPDX-License-Identifier: MIT */
/* test_declared.c - from a JSON Schema to columns. */
#include "flow/declared.h"

#include "flow_test.h"

/* The columns as "name TYPE; ...". */
static void columns_text(const struct declared *d, struct buf *out)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct event_column *column = &d->columns[i];
        struct col_def def = {"", column->type, column->children, column->child_count};
        (void)buf_puts(out, i == 0 ? "" : "; ");
        (void)buf_add_str(out, column->name);
        (void)buf_add_byte(out, ' ');
        col_def_sql(&def, out);
    }
}

static void declare(const char *document, struct declared *out)
{
    AUTO(json_schema) schema = NULL;
    struct json_schema_finding finding = {{0}, {0}};
    if (json_schema_new(str_from(document), &schema, &finding) != ERR_OK) {
        fail_msg("%s: %s %s", document, finding.pointer, finding.reason);
    }
    declared_init(out, json_schema_root(schema));
}

static void check(const char *document, const char *wanted)
{
    AUTO_DECLARED d;
    declare(document, &d);
    AUTO_BUF text = buf_make(1 << 20);
    columns_text(&d, &text);
    if (strcmp(buf_cstr(&text), wanted) != 0) {
        fail_msg("%s: \"%s\", not \"%s\"", document, buf_cstr(&text), wanted);
    }
}

/* Each kind of schema has its type. */
static void types_follow_the_table(void **unused)
{
    (void)unused;
    static const char *const cases[][2] = {
        {"{\"type\":\"boolean\"}", "x BOOLEAN"},
        {"{\"type\":\"integer\"}", "x BIGINT"},
        {"{\"type\":\"integer\",\"minimum\":0,\"maximum\":255}", "x BIGINT"},
        {"{\"type\":\"integer\",\"maximum\":1e400}", "x BIGINT"},
        {"{\"type\":\"number\"}", "x DOUBLE"},
        {"{\"type\":[\"integer\",\"number\"]}", "x DOUBLE"},
        {"{\"type\":\"string\"}", "x VARCHAR"},
        {"{\"type\":\"string\",\"format\":\"date-time\"}", "x TIMESTAMP WITH TIME ZONE"},
        {"{\"type\":[\"null\",\"string\"],\"format\":\"date\"}", "x DATE"},
        {"{\"type\":\"string\",\"format\":\"uuid\"}", "x VARCHAR"},
        {"{\"type\":[\"integer\",\"null\"]}", "x BIGINT"},
        {"{\"type\":[\"integer\",\"string\"]}", "x VARCHAR"},
        {"{\"type\":[\"integer\",\"string\"],\"format\":\"date\"}", "x VARCHAR"},
        {"{\"type\":[\"boolean\",\"integer\"]}", "x VARCHAR"},
        {"{\"type\":[\"object\",\"array\"],\"items\":{\"type\":\"integer\"}}", "x VARCHAR"},
        {"{\"type\":\"null\"}", ""},
        {"{}", ""},
        {"true", ""},
        {"false", ""},
        {"{\"enum\":[1,2]}", ""},
        {"{\"type\":\"string\",\"enum\":[\"a\"]}", "x VARCHAR"},
        {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}", ""},
        {"{\"type\":\"object\"}", "x VARCHAR"},
        {"{\"type\":\"object\",\"properties\":{}}", "x VARCHAR"},
        {"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}", "x VARCHAR"},
        {"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{},\"c\":false,"
         "\"d\":{\"type\":\"null\"}}}",
         "x STRUCT(\"a\" BIGINT, \"b\" VARCHAR, \"d\" VARCHAR)"},
        {"{\"type\":[\"null\",\"object\"],\"properties\":{\"z\":{\"type\":\"object\","
         "\"properties\":{\"q\":{\"type\":\"number\"}}},\"a\":{\"type\":\"object\"}}}",
         "x STRUCT(\"z\" STRUCT(\"q\" DOUBLE), \"a\" VARCHAR)"},
        {"{\"type\":\"object\",\"properties\":{\"a b\":{\"type\":\"integer\"},\"\":{\"type\":"
         "\"integer\"},\"x=y\":{\"type\":\"integer\"}}}",
         "x VARCHAR"},
        {"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"A\":{\"type\":"
         "\"string\"},\"_time\":{\"type\":\"boolean\"},\"q\\\"\":{\"type\":\"boolean\"}}}",
         "x STRUCT(\"a\" BIGINT, \"_time\" BOOLEAN, \"q\"\"\" BOOLEAN)"},
        {"{\"type\":\"array\"}", "x VARCHAR"},
        {"{\"type\":\"array\",\"items\":true}", "x VARCHAR"},
        {"{\"type\":\"array\",\"items\":{}}", "x VARCHAR"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}", "x BIGINT[]"},
        {"{\"type\":\"array\",\"items\":{\"type\":[\"integer\",\"string\"]}}", "x VARCHAR[]"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"object\"}}", "x VARCHAR[]"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{\"type\":\"string\","
         "\"format\":\"date\"}}}",
         "x DATE[][]"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"
         "\"integer\"},\"t\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}}",
         "x STRUCT(\"n\" BIGINT, \"t\" VARCHAR[])[]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_TEXT document =
            xasprintf("{\"type\":\"object\",\"properties\":{\"x\":%s}}", cases[i][0]);
        check(document, cases[i][1]);
    }
}

/* Columns come in the document's order; names that no column can have get none, and a second
 * spelling of one neither. */
static void names_follow_the_rules(void **unused)
{
    (void)unused;
    check("{}", "");
    check("true", "");
    check("{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}", "");
    check("{\"properties\":{\"b\":{\"type\":\"integer\"},\"a\":{\"type\":\"string\"}}}",
          "b BIGINT; a VARCHAR");
    check(
        "{\"properties\":{\"_offset\":{\"type\":\"integer\"},\"_Time\":{\"type\":\"integer\"},"
        "\"a b\":{\"type\":\"integer\"},\"ok\":{\"type\":\"integer\"},\"OK\":{\"type\":\"string\"},"
        "\"\\u00e4\":{\"type\":\"string\"},\"\\u00c4\":{\"type\":\"integer\"}}}",
        "ok BIGINT; \xc3\xa4 VARCHAR");
}

/* However deep or wide a document is, there is an answer: text beyond the bounds. */
static void bounds_give_text(void **unused)
{
    (void)unused;
    AUTO_BUF deep = buf_make(1 << 20);
    (void)buf_puts(&deep, "{\"properties\":{\"x\":");
    for (int i = 0; i < 50; i++) {
        (void)buf_puts(&deep, "{\"type\":\"array\",\"items\":");
    }
    (void)buf_puts(&deep, "{\"type\":\"integer\"}");
    for (int i = 0; i < 50; i++) {
        (void)buf_puts(&deep, "}");
    }
    (void)buf_puts(&deep, "}}");
    AUTO_BUF wanted = buf_make(1 << 16);
    (void)buf_puts(&wanted, "x VARCHAR");
    for (int i = 1; i < DECLARED_DEPTH_MAX; i++) {
        (void)buf_puts(&wanted, "[]");
    }
    check(buf_cstr(&deep), buf_cstr(&wanted));

    AUTO_BUF wide = buf_make(1 << 20);
    (void)buf_puts(&wide, "{\"properties\":{\"w\":{\"type\":\"object\",\"properties\":{");
    for (int i = 0; i < DECLARED_NODES_MAX; i++) {
        (void)buf_printf(&wide, "%s\"m%d\":{\"type\":\"integer\"}", i == 0 ? "" : ",", i);
    }
    (void)buf_puts(&wide, "}},\"n\":{\"type\":\"object\",\"properties\":{\"a\":{}}}}}");
    check(buf_cstr(&wide), "w VARCHAR; n STRUCT(\"a\" VARCHAR)");

    AUTO_BUF many = buf_make(1 << 20);
    (void)buf_puts(&many, "{\"properties\":{\"c\":{\"type\":\"integer\"}");
    for (int i = 0; i < EVENT_COLUMNS_MAX + 10; i++) {
        (void)buf_printf(&many, ",\"c%d\":{\"type\":\"integer\"}", i);
    }
    (void)buf_puts(&many, "}}");
    AUTO_DECLARED d;
    declare(buf_cstr(&many), &d);
    assert_int_equal(d.count, EVENT_COLUMNS_MAX);
    AUTO_DECLARED nothing;
    declared_init(&nothing, NULL);
    assert_int_equal(nothing.count, 0);
}

static struct col_def type_of(const struct declared *d)
{
    assert_int_equal(d->count, 1);
    return (struct col_def){"x", d->columns[0].type, d->columns[0].children,
                            d->columns[0].child_count};
}

/* A present type grows by members only, at the end of each STRUCT and at any level; what both have
 * stays as it is. */
static void types_grow_by_members(void **unused)
{
    (void)unused;
#define OBJECT(members) "{\"type\":\"object\",\"properties\":{" members "}}"
#define LIST(items) "{\"type\":\"array\",\"items\":" items "}"
#define A "\"a\":{\"type\":\"integer\"}"
#define A_TEXT "\"a\":{\"type\":\"string\"}"
#define A_UPPER "\"A\":{\"type\":\"integer\"}"
#define B "\"b\":{\"type\":\"string\"}"
    static const struct {
        const char *present;
        const char *wanted;
        const char *grown; /* NULL: nothing to add */
    } cases[] = {
        {OBJECT(A), OBJECT(A), NULL},
        {OBJECT(A "," B), OBJECT(B), NULL},
        {OBJECT(A), OBJECT(B "," A), "STRUCT(\"a\" BIGINT, \"b\" VARCHAR)"},
        {OBJECT(A), OBJECT(A_TEXT "," B), "STRUCT(\"a\" BIGINT, \"b\" VARCHAR)"},
        {OBJECT(A), OBJECT(A_UPPER), NULL},
        {OBJECT(A), LIST(OBJECT(B)), NULL},
        {OBJECT(A), "{\"type\":\"integer\"}", NULL},
        {"{\"type\":\"integer\"}", OBJECT(A), NULL},
        {"{\"type\":\"integer\"}", "{\"type\":\"string\"}", NULL},
        {LIST(OBJECT(A)), LIST(OBJECT(B)), "STRUCT(\"a\" BIGINT, \"b\" VARCHAR)[]"},
        {LIST("{\"type\":\"integer\"}"), LIST(OBJECT(B)), NULL},
        {OBJECT("\"s\":" OBJECT(A)), OBJECT("\"s\":" LIST(OBJECT(B)) "," A),
         "STRUCT(\"s\" STRUCT(\"a\" BIGINT), \"a\" BIGINT)"},
        {OBJECT("\"s\":" LIST(OBJECT(A)) "," A), OBJECT("\"s\":" LIST(OBJECT(B)) "," B),
         "STRUCT(\"s\" STRUCT(\"a\" BIGINT, \"b\" VARCHAR)[], \"a\" BIGINT, \"b\" VARCHAR)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_TEXT old = xasprintf("{\"properties\":{\"x\":%s}}", cases[i].present);
        AUTO_TEXT new = xasprintf("{\"properties\":{\"x\":%s}}", cases[i].wanted);
        AUTO_DECLARED before;
        AUTO_DECLARED after;
        declare(old, &before);
        declare(new, &after);
        struct col_def present = type_of(&before);
        struct col_def wanted = type_of(&after);
        AUTO(arena) arena = arena_new(1 << 20);
        struct col_def grown = present;
        assert_int_equal(declared_grow(&present, &wanted, arena, &grown), cases[i].grown != NULL);
        AUTO_BUF text = buf_make(4096);
        col_def_sql(&grown, &text);
        if (cases[i].grown != NULL) {
            assert_string_equal(buf_cstr(&text), cases[i].grown);
            assert_false(declared_grow(&grown, &wanted, arena, &grown));
        }
        AUTO(arena) full = arena_new(1);
        assert_false(declared_grow(&present, &wanted, full, &grown));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_follow_the_table),
        cmocka_unit_test(names_follow_the_rules),
        cmocka_unit_test(bounds_give_text),
        cmocka_unit_test(types_grow_by_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
