/* SPDX-License-Identifier: MIT */
/* test_csv.c - CSV as events: grammar, detection, types, and files that are not what they say. */
#include "flow/csv_lines.h"
#include "text_test.h"

struct csv_case {
    const char *options; /* "name=value name=value", or "" */
    const char *body;
    const char *want; /* the transcript, or '!' and what the error must contain */
};

static const struct csv_case cases[] = {
    {"", "a,b\n1,x\n2,y\n", "2 {\"a\":1,\"b\":\"x\"}\n3 {\"a\":2,\"b\":\"y\"}\n"},
    {"", "a,b\r\n1,x\r\n\r\n2,y", "2 {\"a\":1,\"b\":\"x\"}\n4 {\"a\":2,\"b\":\"y\"}\n"},
    {"",
     "\xef\xbb\xbf"
     "a;b\n1;2,5\n",
     "2 {\"a\":1,\"b\":\"2,5\"}\n"},
    {"", "a\tb\n1\t2\n", "2 {\"a\":1,\"b\":2}\n"},
    {"", "a|b\n1|2\n", "2 {\"a\":1,\"b\":2}\n"},
    {"", "a,b\n\"x,\"\"y\"\"\n z\",2\n3,4\n",
     "2 {\"a\":\"x,\\\"y\\\"\\n z\",\"b\":2}\n4 {\"a\":3,\"b\":4}\n"},
    {"", "a,b\n'x,y',2\n", "2 {\"a\":\"x,y\",\"b\":2}\n"},
    {"", "a,b\nit's,5\" disk\n", "2 {\"a\":\"it's\",\"b\":\"5\\\" disk\"}\n"},
    {"quote=none", "a,b\n\"x,2\n", "2 {\"a\":\"\\\"x\",\"b\":2}\n"},
    {"delimiter=,", "a;b, c d \n1;2,3\n", "2 {\"a_b\":\"1;2\",\"c_d\":3}\n"},
    {"delimiter=tab", "a,b\tc\n1,2\t3\n", "2 {\"a_b\":\"1,2\",\"c\":3}\n"},
    {"columns=\"a,b\",c", "1,2\n", "1 {\"a_b\":1,\"c\":2}\n"},
    {"", "v,w\n1,\n-0.5,\"\"\n1e3,true\n007,False\n+1,NULL\n99999999999999999999,1e999\n.5, 7 \n",
     "2 {\"v\":1,\"w\":null}\n3 {\"v\":-0.5,\"w\":null}\n4 {\"v\":1e3,\"w\":true}\n"
     "5 {\"v\":\"007\",\"w\":false}\n6 {\"v\":\"+1\",\"w\":\"NULL\"}\n"
     "7 {\"v\":\"99999999999999999999\",\"w\":\"1e999\"}\n8 {\"v\":\".5\",\"w\":7}\n"},
    {"null=NA", "a,b\nNA,\"NA\"\n", "2 {\"a\":null,\"b\":\"NA\"}\n"},
    {"types=a:string,b:number,c:boolean", "a,b,c\n1,+02.50,yes\n2,x,1\n3,,0\n",
     "2 {\"a\":\"1\",\"b\":2.50,\"c\":true}\n"
     "3 !column b: \"x\" is not a number <2,x,1>\n4 {\"a\":\"3\",\"b\":null,\"c\":false}\n"},
    {"types=a:integer", "a\n1.5\n2\n",
     "2 !column a: \"1.5\" is not an integer <1.5>\n3 {\"a\":2}\n"},
    {"types=z:string", "a,b\n1,2\n", "!column \"z\", which is not there"},
    {"columns=x,y", "1,2\n3,4\n", "1 {\"x\":1,\"y\":2}\n2 {\"x\":3,\"y\":4}\n"},
    {"columns=x,y header=true", "a,b\n3,4\n", "2 {\"x\":3,\"y\":4}\n"},
    {"header=false", "1,2\n", "1 {\"column1\":1,\"column2\":2}\n"},
    {"", "a,,A,\"q\"\"q\"\n1,2,3,4\n", "2 {\"a\":1,\"column2\":2,\"A_3\":3,\"q\\\"q\":4}\n"},
    {"", "a,a_3,a\n1,2,3\n", "!two columns"},
    {"", "a,b\n1\n1,2,3\n4,5\n",
     "2 !1 fields where the header has 2 <1>\n3 !3 fields where the header has 2 <1,2,3>\n"
     "4 {\"a\":4,\"b\":5}\n"},
    {"", "a,b\n\"x\"y,2\n3,4\n",
     "2 !text after the closing quote of field 1 <\"x\"y,2>\n3 {\"a\":3,\"b\":4}\n"},
    {"", "a,b\n\"x,1\n2,3\n4,5\n",
     "2 !a quote is opened in this line and never closed <\"x,1>\n3 {\"a\":2,\"b\":3}\n"
     "4 {\"a\":4,\"b\":5}\n"},
    {"", "a,b\n1,\"x", "2 !a quote is opened in this line and never closed <1,\"x>\n"},
    {"", "a,b\ncaf\xe9,1\n2,3\n",
     "2 !byte 4 is not UTF-8; convert the file, for example with iconv -f latin1 -t utf-8 "
     "<caf\xe9,1>\n3 {\"a\":2,\"b\":3}\n"},
    {"",
     "\xff\xfe"
     "a\0,\0",
     "!UTF-16"},
    {"", "\xe9,b\n1,2\n", "!header is not UTF-8"},
    {"", "a,b\r1,2\r3,4\r", "!end with CR alone"},
    {"", "a,b\r", ""},
    {"", "a,b\n\"1\rx\",2\n", "2 {\"a\":\"1\\rx\",\"b\":2}\n"},
    {"", "\"a,b\n1,2\n", "!not closed"},
    {"", "a,b\n", ""},
    {"", "", ""},
    {"", "a\nx\n", "2 {\"a\":\"x\"}\n"},
};

static void set_options(struct text_spec *spec, const char *options)
{
    struct str rest = str_from(options);
    struct str one;
    while (rest.len > 0 && str_split(&rest, ' ', &one)) {
        ptrdiff_t at = str_find(one, '=');
        AUTO_TEXT name = xstrndup(one.ptr, (size_t)at);
        struct errmsg msg = {0};
        err e = text_spec_set(spec, name, str_of(one.ptr + at + 1, one.len - (size_t)at - 1), &msg);
        if (e != ERR_OK) {
            fail_msg("%s: %s", options, msg.text);
        }
    }
}

/* Each body becomes the same events and bad records, however it is cut into pieces. */
static void reads_bodies(void **state)
{
    (void)state;
    AUTO_BUF got = buf_make(1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct csv_case *c = &cases[i];
        AUTO_TEXT_SPEC spec = {.format = TEXT_CSV};
        set_options(&spec, c->options);
        size_t len = strlen(c->body) == 3 ? 6 : strlen(c->body); /* the UTF-16 one holds NULs */
        for (size_t piece = 1; piece <= len + 1; piece++) {
            struct errmsg msg = {0};
            err e = read_text(&spec, str_of(c->body, len), piece, 0, &got, &msg);
            if (c->want[0] == '!') {
                assert_int_equal(e, ERR_INVALID);
                assert_string_equal(buf_cstr(&got), "");
                if (strstr(msg.text, c->want + 1) == NULL) {
                    fail_msg("%s\nsays %s", c->body, msg.text);
                }
            } else {
                assert_int_equal(e, ERR_OK);
                assert_string_equal(buf_cstr(&got), c->want);
            }
        }
    }
}

/* Options that make no sense are refused with words. */
static void refuses_options(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"delimiter", ""}, {"delimiter", ",,"}, {"delimiter", "\xe9"}, {"delimiter", "\""},
        {"quote", "ab"},   {"header", "maybe"}, {"columns", ""},       {"columns", "\xe9"},
        {"types", "a"},    {"types", "a:date"}, {"types", ":string"},  {"zone", "UTC"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        AUTO_TEXT_SPEC spec = {.format = TEXT_CSV};
        struct errmsg msg = {0};
        assert_int_equal(text_spec_set(&spec, wrong[i][0], str_from(wrong[i][1]), &msg),
                         ERR_INVALID);
        assert_true(msg.text[0] != '\0');
    }
    AUTO_TEXT_SPEC same = {.format = TEXT_CSV, .delimiter = '\''};
    assert_int_equal(text_spec_set(&same, "quote", STR("'"), NULL), ERR_INVALID);
}

/* A schema's types are hints: a value of another kind stays text, for the schema to judge. */
static void schema_gives_hints(void **state)
{
    (void)state;
    AUTO_BUF got = buf_make(1 << 20);
    AUTO_TEXT_SPEC spec = {.format = TEXT_CSV};
    AUTO_JSON schema = NULL;
    set_options(&spec, "types=c:integer");
    assert_int_equal(
        json_parse(STR("{\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":["
                       "\"null\",\"number\"]},\"c\":{\"type\":\"string\"},\"d\":{\"type\":"
                       "[\"string\",\"number\"]},\"x\":{}}}"),
                   &schema, NULL),
        ERR_OK);
    text_spec_hint(&spec, schema);
    struct str body = STR("a,b,c,d\n1,x,2,3\n");
    assert_int_equal(read_text(&spec, body, body.len, 0, &got, NULL), ERR_OK);
    assert_string_equal(buf_cstr(&got), "2 {\"a\":\"1\",\"b\":\"x\",\"c\":2,\"d\":3}\n");
}

/* A record over the limit is bad, in pieces or whole, and so is a quote that stays open that long;
 * what follows is read. */
static void limits_hold(void **state)
{
    (void)state;
    static const char body[] = "a,b\n123456789,12345678\n1,2\n\"x\nyy,zz\nuu,vv\nww,xx\n3,4\n5,6\n";
    static const char want[] =
        "2 !the record is over the size limit <123456789,12345>\n3 {\"a\":1,\"b\":2}\n"
        "4 !a quote is opened in this line and not closed within the size limit of a record <\"x>\n"
        "5 {\"a\":\"yy\",\"b\":\"zz\"}\n"
        "6 {\"a\":\"uu\",\"b\":\"vv\"}\n7 {\"a\":\"ww\",\"b\":\"xx\"}\n8 {\"a\":3,\"b\":4}\n"
        "9 {\"a\":5,\"b\":6}\n";
    struct text_spec spec = {.format = TEXT_CSV};
    AUTO_BUF got = buf_make(1 << 20);
    for (size_t piece = 1; piece <= sizeof body; piece++) {
        assert_int_equal(read_text(&spec, STR(body), piece, 15, &got, NULL), ERR_OK);
        assert_string_equal(buf_cstr(&got), want);
    }
}

/* Bodies of random pieces of CSV come out the same however they are cut, also past the sample. */
static void pieces_do_not_matter(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "a", "1", ",",    ",",        "\"", "\"\"", "\n",   "\r\n",
        "'", ";", "\xe9", "\xc3\xa9", " ",  "-2.5", "true", "long text here"};
    uint64_t seed = test_seed();
    AUTO_BUF body = buf_make(1 << 20);
    AUTO_BUF whole = buf_make(1 << 26);
    AUTO_BUF cut = buf_make(1 << 26);
    for (int round = 0; round < 300; round++) {
        buf_reset(&body);
        buf_puts(&body, "a,b\n");
        size_t count = round % 50 == 0 ? 60000 : test_below(&seed, 200);
        for (size_t i = 0; i < count; i++) {
            buf_puts(&body, parts[test_below(&seed, ARRAY_LEN(parts))]);
        }
        size_t limit = 1 + test_below(&seed, 100);
        struct text_spec spec = {.format = TEXT_CSV, .delimiter = round % 2 ? ',' : 0};
        err first = read_text(&spec, buf_str(&body), body.len, limit, &whole, NULL);
        size_t piece = 1 + test_below(&seed, 1000);
        assert_int_equal(read_text(&spec, buf_str(&body), piece, limit, &cut, NULL), first);
        assert_true(str_eq(buf_str(&whole), buf_str(&cut)));
    }
}

/* The whole records at the start of some bytes end where the reader ends them. */
static void finds_whole_records(void **state)
{
    (void)state;
    struct csv_dialect d = {',', '"'};
    assert_int_equal(csv_whole_records(&d, STR("a,b\n1,2\n3")), 8);
    assert_int_equal(csv_whole_records(&d, STR("a,\"x\ny\"\n\"z\n")), 8);
    assert_int_equal(csv_whole_records(&d, STR("a,\"x\ny")), 0);
    assert_int_equal(csv_whole_records(&d, STR("")), 0);
}

/* A body in which each line opens a quote anew takes work in proportion to its length: read again
 * from every line it would take minutes. */
static void open_quotes_do_not_pile_up(void **state)
{
    (void)state;
    enum { LINES = 200000 };
    AUTO_BUF body = buf_make(1 << 22);
    AUTO_BUF got = buf_make(1 << 26);
    buf_puts(&body, "a,b\n");
    for (int i = 0; i < LINES; i++) {
        buf_puts(&body, "x\",\"\n");
    }
    struct text_spec spec = {.format = TEXT_CSV, .delimiter = ','};
    assert_int_equal(read_text(&spec, buf_str(&body), 65536, 1 << 20, &got, NULL), ERR_OK);
    size_t lines = 0;
    for (size_t i = 0; i < got.len; i++) {
        lines += got.data[i] == '\n';
    }
    assert_int_equal(lines, LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_bodies),
        cmocka_unit_test(refuses_options),
        cmocka_unit_test(schema_gives_hints),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(finds_whole_records),
        cmocka_unit_test(open_quotes_do_not_pile_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
