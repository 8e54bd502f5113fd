/* SPDX-License-Identifier: MIT */
/* test_sql_split.c - where a statement ends. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "app/sql_split.h"
#include "base/base.h"

struct split_case {
    const char *text;
    const char *first; /* up to and with its semicolon; NULL: it is not complete */
    enum sql_open open;
    bool is_blank;
};

static const struct split_case cases[] = {
    {"", NULL, SQL_OPEN_NONE, true},
    {" \n\t", NULL, SQL_OPEN_NONE, true},
    {"SELECT 1", NULL, SQL_OPEN_NONE, false},
    {"SELECT 1; SELECT 2;", "SELECT 1;", SQL_OPEN_NONE, false},
    {";", ";", SQL_OPEN_NONE, true},
    {" -- only this;\n;", " -- only this;\n;", SQL_OPEN_NONE, true},
    {"SELECT ';'; x", "SELECT ';';", SQL_OPEN_NONE, false},
    {"SELECT 'it''s;'; x", "SELECT 'it''s;';", SQL_OPEN_NONE, false},
    {"SELECT 'a\\'; x", "SELECT 'a\\';", SQL_OPEN_NONE, false},
    {"SELECT E'a\\';'; x", "SELECT E'a\\';';", SQL_OPEN_NONE, false},
    {"SELECT e'a\\\\'; x", "SELECT e'a\\\\';", SQL_OPEN_NONE, false},
    {"SELECT name'x\\'; y", "SELECT name'x\\';", SQL_OPEN_NONE, false},
    {"SELECT \"a;\"\"b\"; x", "SELECT \"a;\"\"b\";", SQL_OPEN_NONE, false},
    {"SELECT 1 -- no; end\n; x", "SELECT 1 -- no; end\n;", SQL_OPEN_NONE, false},
    {"SELECT 1 /* a; /* b; */ c; */; x", "SELECT 1 /* a; /* b; */ c; */;", SQL_OPEN_NONE, false},
    {"SELECT $$a;'b$$; x", "SELECT $$a;'b$$;", SQL_OPEN_NONE, false},
    {"SELECT $t$a;$$;$t$; x", "SELECT $t$a;$$;$t$;", SQL_OPEN_NONE, false},
    {"SELECT $1; SELECT $2", "SELECT $1;", SQL_OPEN_NONE, false},
    {"SELECT $name; x", "SELECT $name;", SQL_OPEN_NONE, false},
    {"SELECT a$b$c; x$b$", "SELECT a$b$c;", SQL_OPEN_NONE, false},
    {"SELECT '\xc3\xa4;'; x", "SELECT '\xc3\xa4;';", SQL_OPEN_NONE, false},
    {"SELECT 'open;", NULL, SQL_OPEN_STRING, false},
    {"SELECT \"open;", NULL, SQL_OPEN_NAME, false},
    {"SELECT $t$ open; $$", NULL, SQL_OPEN_DOLLAR, false},
    {"/* open; /* */", NULL, SQL_OPEN_COMMENT, true},
    {"SELECT E'\\", NULL, SQL_OPEN_STRING, false},
    {"SELECT 1 -", NULL, SQL_OPEN_NONE, false},
    {"SELECT 1 / 2; x", "SELECT 1 / 2;", SQL_OPEN_NONE, false},
};

static void statements_end_at_their_semicolon(void **state)
{
    /* A semicolon inside strings, names, dollar quotes and comments ends nothing; what is open at
     * the end of the text is said. */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct split_case *c = &cases[i];
        struct sql_split split = sql_split_first(str_from(c->text));
        const char *first = c->first != NULL ? c->first : c->text;
        if (split.end != strlen(first) || split.is_complete != (c->first != NULL) ||
            split.open != c->open || split.is_blank != c->is_blank) {
            fail_msg("case %zu: %s: end %zu open %d", i, c->text, split.end, (int)split.open);
        }
    }
}

static void the_body_is_what_is_sent(void **state)
{
    /* Without the semicolon and the space around; comments stay, so that positions hold. */
    (void)state;
    struct str text = STR("  -- c\nSELECT 1 ; SELECT 2");
    struct sql_split split = sql_split_first(text);
    assert_true(str_is(sql_split_body(text, &split), "-- c\nSELECT 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_end_at_their_semicolon),
        cmocka_unit_test(the_body_is_what_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
