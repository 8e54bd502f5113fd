/* SPDX-License-Identifier: MIT */
/* test_text_table.c - answers as people see them. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "app/text_table.h"

static void assert_shown(const char *json, struct text_table_options options, const char *wanted)
{
    AUTO_JSON answer = NULL;
    AUTO_BUF out = buf_make(1 << 20);
    struct errmsg msg = {0};
    assert_int_equal(json_parse(str_from(json), &answer, &msg), ERR_OK);
    if (text_table_write(answer, &options, &out, &msg) != ERR_OK) {
        fail_msg("%s", msg.text);
    }
    assert_string_equal(buf_cstr(&out), wanted);
}

static const char sample[] =
    "{\"columns\":[{\"name\":\"city\",\"type\":\"VARCHAR\"},{\"name\":\"n\",\"type\":\"BIGINT\"},"
    "{\"name\":\"x\",\"type\":\"DECIMAL(4,1)\"}],"
    "\"rows\":[[\"Z\xc3\xbcrich\",\"5\",\"1.5\"],[\"\xe6\x9d\xb1\xe4\xba\xac\",\"1200\",null],"
    "[null,\"-1\",\"10.0\"]]}";

static void numbers_stand_right_and_text_left(void **state)
{
    /* By the type of the column, also where 64-bit numbers come as texts; wide and combined
     * characters take the columns they take; NULL shows. */
    (void)state;
    assert_shown(sample, (struct text_table_options){0},
                 " city   |    n |    x\n"
                 "--------+------+------\n"
                 " Z\xc3\xbcrich |    5 |  1.5\n"
                 " \xe6\x9d\xb1\xe4\xba\xac   | 1200 | NULL\n"
                 " NULL   |   -1 | 10.0\n");
    assert_shown("{\"columns\":[{\"name\":\"a\",\"type\":\"INTEGER[]\"}],\"rows\":[[[1,2]]]}",
                 (struct text_table_options){0}, " a\n-------\n [1,2]\n");
}

static void null_is_no_text(void **state)
{
    /* On a terminal a NULL is dim, so that the text "NULL" differs. */
    (void)state;
    assert_shown("{\"columns\":[{\"name\":\"a\",\"type\":\"VARCHAR\"}],\"rows\":[[null],[\"NULL\"],"
                 "[\"\"]]}",
                 (struct text_table_options){.has_color = true},
                 " a\n------\n \x1b[2mNULL\x1b[0m\n NULL\n \n");
}

static void wide_values_are_cut_to_the_terminal(void **state)
{
    /* The widest column gives way first, and what is cut ends with dots; without a terminal
     * nothing is cut. */
    (void)state;
    static const char wide[] =
        "{\"columns\":[{\"name\":\"a\",\"type\":\"VARCHAR\"},"
        "{\"name\":\"b\",\"type\":\"VARCHAR\"}],"
        "\"rows\":[[\"short\",\"0123456789012345678901234567890123456789\"]]}";
    assert_shown(wide, (struct text_table_options){.width = 30},
                 " a     | b\n"
                 "-------+----------------------\n"
                 " short | 0123456789012345678\xe2\x80\xa6\n");
    assert_shown(wide, (struct text_table_options){0},
                 " a     | b\n"
                 "-------+------------------------------------------\n"
                 " short | 0123456789012345678901234567890123456789\n");
}

static void values_cannot_steer_the_terminal(void **state)
{
    /* Escapes, newlines and C1 characters of values and of names are shown, not sent. */
    (void)state;
    assert_shown("{\"columns\":[{\"name\":\"a\",\"type\":\"VARCHAR\"}],\"rows\":"
                 "[[\"x\\u001b[2Jy\\n\\u009b\"]]}",
                 (struct text_table_options){0}, " a\n-----------------\n x\\x1b[2Jy\\n\\x9b\n");
}

static void vertical_is_one_line_a_value(void **state)
{
    /* Names stand aligned, values whole. */
    (void)state;
    assert_shown(sample, (struct text_table_options){.is_vertical = true, .width = 10},
                 "-[ row 1 ]-\ncity | Z\xc3\xbcrich\nn    | 5\nx    | 1.5\n"
                 "-[ row 2 ]-\ncity | \xe6\x9d\xb1\xe4\xba\xac\nn    | 1200\nx    | NULL\n"
                 "-[ row 3 ]-\ncity | NULL\nn    | -1\nx    | 10.0\n");
}

static void strange_answers_are_no_crash(void **state)
{
    /* Whatever a server answers, it is shown or refused. */
    (void)state;
    static const char *const answers[] = {"{}",
                                          "[]",
                                          "{\"columns\":[],\"rows\":[]}",
                                          "{\"columns\":[1],\"rows\":[2,[3]]}",
                                          "{\"columns\":[{\"name\":5}],\"rows\":[[]]}",
                                          "{\"columns\":{},\"rows\":1}"};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        AUTO_JSON answer = NULL;
        AUTO_BUF out = buf_make(1 << 20);
        assert_int_equal(json_parse(str_from(answers[i]), &answer, NULL), ERR_OK);
        for (int vertical = 0; vertical < 2; vertical++) {
            struct text_table_options options = {.width = 20, .is_vertical = vertical == 1};
            err e = text_table_write(answer, &options, &out, NULL);
            assert_true(e == ERR_OK || e == ERR_INVALID);
        }
    }
}

static void assert_caret(const char *sql, int64_t position, const char *wanted)
{
    AUTO_BUF out = buf_make(64 << 10);
    text_caret_write(str_from(sql), position, &out);
    assert_string_equal(buf_cstr(&out), wanted);
}

static void the_caret_is_under_the_place(void **state)
{
    /* Positions count characters from 1, lines are found, tabs and wide characters are reckoned
     * with, long lines are cut around the place, and what is nowhere shows nothing. */
    (void)state;
    assert_caret("SELECT x", 8, "LINE 1: SELECT x\n               ^\n");
    assert_caret("SELECT '\xc3\xa4', x", 13,
                 "LINE 1: SELECT '\xc3\xa4', x\n                    ^\n");
    assert_caret("SELECT 1\nFROM\tno", 15, "LINE 2: FROM\\tno\n              ^\n");
    assert_caret("SELECT", 7, "LINE 1: SELECT\n              ^\n");
    assert_caret("SELECT", 0, "");
    AUTO_BUF sql = buf_make(1000);
    for (int i = 0; i < 20; i++) {
        buf_puts(&sql, "0123456789");
    }
    AUTO_BUF out = buf_make(64 << 10);
    text_caret_write(buf_str(&sql), 101, &out);
    assert_non_null(strstr(buf_cstr(&out), "LINE 1: ...0123"));
    assert_non_null(strstr(buf_cstr(&out), "...\n           "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stand_right_and_text_left),
        cmocka_unit_test(null_is_no_text),
        cmocka_unit_test(wide_values_are_cut_to_the_terminal),
        cmocka_unit_test(values_cannot_steer_the_terminal),
        cmocka_unit_test(vertical_is_one_line_a_value),
        cmocka_unit_test(strange_answers_are_no_crash),
        cmocka_unit_test(the_caret_is_under_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
