/* SPDX-License-Identifier: MIT */
/* test_json_schema.c - compiling, checking and comparing schemas; work that is bounded;
 * findings. */
#include "flow_test.h"

#include "flow/decode.h"
#include "flow/json_schema_int.h"

static struct json_schema *compiled(const char *text)
{
    struct json_schema *s = NULL;
    struct json_schema_finding f = {0};
    err e = json_schema_new(str_from(text), &s, &f);
    if (e != ERR_OK) {
        fail_msg("%s: %s: %s", text, f.pointer, f.reason);
    }
    return s;
}

static enum json_schema_verdict judge(const char *schema, struct str value,
                                      struct json_schema_finding *found)
{
    AUTO(json_schema) s = compiled(schema);
    AUTO(json_schema_run) run = NULL;
    enum json_schema_verdict verdict = JSON_SCHEMA_NOMEM;
    struct json_indexer *indexer = json_indexer_new();
    assert_int_equal(json_schema_run_new(s, &run), ERR_OK);
    if (json_schema_check_text(run, indexer, value, &verdict, found) != ERR_OK) {
        fail_msg("no JSON: %.*s", STR_ARGS(value));
    }
    json_indexer_free(indexer);
    return verdict;
}

struct value_case {
    const char *schema;
    const char *good; /* values, one a line */
    const char *bad;
};

static void judge_lines(const char *schema, const char *lines, enum json_schema_verdict wanted)
{
    struct str rest = str_from(lines);
    struct str line;
    while (lines[0] != '\0' && str_split(&rest, '\n', &line)) {
        struct json_schema_finding f = {0};
        enum json_schema_verdict verdict = judge(schema, line, &f);
        if (verdict != wanted) {
            fail_msg("%s: %.*s should be %s (%s: %s)", schema, STR_ARGS(line),
                     wanted == JSON_SCHEMA_VALID ? "valid" : "bad", f.pointer, f.reason);
        }
        assert_true(wanted == JSON_SCHEMA_VALID || f.reason[0] != '\0');
        assert_true(str_is_utf8(str_from(f.reason)) && str_is_utf8(str_from(f.pointer)));
    }
}

/* Each keyword says yes and no as the specification does. */
static void keywords_follow_the_specification(void **unused)
{
    (void)unused;
    static const struct value_case cases[] = {
        {"{}", "1\nnull\n{}\n[]", ""},
        {"true", "1", ""},
        {"false", "", "1\nnull\n{}"},
        {"{\"type\":\"integer\"}", "1\n1.0\n-0.0\n1e2\n1.5e1\n100000000000000000000000000\n1e400",
         "1.5\n1e-1\n\"1\"\nnull\ntrue\n123456789012345678901234567890.5"},
        {"{\"type\":\"number\"}", "1\n1.5\n1e400", "\"1\""},
        {"{\"type\":[\"string\",\"null\"]}", "\"a\"\nnull", "1\n[]"},
        {"{\"minimum\":1.1}", "1.1\n1.10\n2\n\"a\"", "1\n1.09999999999999999999999999"},
        {"{\"maximum\":300}", "300.00\n3e2\n-1e999", "300.5\n1e3"},
        {"{\"exclusiveMinimum\":0}", "1e-999999", "0\n-0.0\n-1"},
        {"{\"exclusiveMaximum\":9223372036854775808}", "9223372036854775807",
         "9223372036854775808\n1e19"},
        {"{\"multipleOf\":0.0001}", "0.0075\n1\n0\n-5e-4\n1e300\n12345678901234567890123.0001",
         "0.00751\n1e-5\n12345678901234567890123.00011"},
        {"{\"multipleOf\":1.5}", "4.5\n0\n3e0", "35\n1"},
        {"{\"multipleOf\":7}", "700000000000000000000000000000000000007", "100000000000000000000"},
        {"{\"minLength\":2}", "\"ab\"\n\"\\u00e9\\n\"\n\"\xf0\x9f\x92\xa9\\ud83d\\udca9\"\n1",
         "\"a\"\n\"\xf0\x9f\x92\xa9\"\n\"\\ud83d\\ude00\"\n\"\""},
        {"{\"maxLength\":1}", "\"\\ud83d\\ude00\"\n\"\\ud800\"\n\"\"", "\"ab\"\n\"\\ud800a\""},
        {"{\"pattern\":\"^a*$\"}", "\"\"\n\"aaa\"\n1", "\"ab\"\n\"a\\n\"\n\"\\ud800\""},
        {"{\"pattern\":\"b.\"}", "\"abc\"\n\"bb\"", "\"ab\"\n\"b\\n\"\n\"b\\u2028\""},
        {"{\"pattern\":\"^[[]\\\\s\\\\d$\"}", "\"[\\u00a01\"", "\"[a1\"\n\"[ \\u0660\""},
        {"{\"enum\":[1,\"a\",null,[1,{\"b\":2}],{}]}",
         "1.0\n\"a\"\n\"\\u0061\"\nnull\n[1.0,{\"b\":2e0}]\n{}",
         "true\n2\n\"b\"\n[1]\n[1,{\"b\":2},3]\n{\"a\":1}\n\"\\ud800\""},
        {"{\"enum\":[]}", "", "1\nnull"},
        {"{\"const\":{\"a\":1,\"b\":[2]}}", "{\"b\":[2.0],\"a\":1}\n{\"a\":9,\"b\":[2],\"a\":1}",
         "{\"a\":1}\n{\"a\":1,\"b\":[2],\"c\":3}\n{\"a\":1,\"b\":[2],\"a\":9}"},
        {"{\"const\":false}", "false", "0\nnull\ntrue"},
        {"{\"items\":{\"type\":\"integer\"},\"minItems\":1,\"maxItems\":2}", "[1]\n[1,2]\n{}",
         "[]\n[1,2,3]\n[\"a\"]"},
        {"{\"items\":false}", "[]", "[1]"},
        {"{\"properties\":{\"a\":{\"type\":\"string\"},\"n\":false},\"required\":[\"a\",\"z\"]}",
         "{\"a\":\"\",\"z\":0}\n[]\n{\"\\u0061\":\"\",\"z\":{\"deep\":[1]}}",
         "{}\n{\"a\":\"\"}\n{\"a\":1,\"z\":1}\n{\"a\":\"\",\"z\":1,\"n\":1}"},
        {"{\"properties\":{\"a\":true},\"additionalProperties\":false}", "{}\n{\"a\":1}",
         "{\"b\":1}\n{\"\\ud800\":1}"},
        {"{\"additionalProperties\":{\"type\":\"integer\"}}", "{\"x\":1}", "{\"x\":\"\"}"},
        {"{\"format\":\"date-time\"}",
         "\"2026-10-01T00:00:00Z\"\n\"1998-12-31T23:59:60z\"\n\"2020-02-29T00:00:00.5+01:00\"\n1",
         "\"2026-10-01\"\n\"2021-02-29T00:00:00Z\"\n\"1998-12-31T22:59:60Z\"\n\"\""},
        {"{\"format\":\"date\"}", "\"2024-02-29\"",
         "\"2023-02-29\"\n\"2023-1-1\"\n\"2023-01-011\""},
        {"{\"format\":\"time\"}", "\"08:30:06Z\"\n\"08:30:06.283185-08:00\"",
         "\"08:30:06\"\n\"24:00:00Z\"\n\"08:30:06 Z\""},
        {"{\"format\":\"uuid\"}", "\"2EB8AA08-AA98-11EA-B4AA-73B441D16380\"",
         "\"2eb8aa08aa9811eab4aa73b441d16380\"\n\"2eb8aa08-aa98-11ea-b4aa-73b441d1638g\""},
        {"{\"format\":\"email\"}", "\"joe.bloggs@example.com\"\n\"\\\"joe b\\\"@example.com\"",
         "\"2962\"\n\".a@example.com\"\n\"a@-x\"\n\"@x\""},
        {"{\"format\":\"ipv4\"}", "\"192.168.0.1\"", "\"256.1.1.1\"\n\"1.1.1\"\n\"01.1.1.1\""},
        {"{\"format\":\"ipv6\"}", "\"::1\"\n\"::ffff:1.2.3.4\"", "\"12345::\"\n\"fe80::a%25eth1\""},
        {"{\"format\":\"uri\"}", "\"http://foo.bar/?baz=qux#quux\"\n\"urn:a:b\"",
         "\"//foo.bar\"\n\"abc\"\n\"http://a b\"\n\"http://[::1\"\n\"http://x:a\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        judge_lines(cases[i].schema, cases[i].good, JSON_SCHEMA_VALID);
        judge_lines(cases[i].schema, cases[i].bad, JSON_SCHEMA_BAD);
    }
}

/* Of duplicate names only the last is judged, at any level, however the name is spelled. */
static void the_last_of_duplicates_counts(void **unused)
{
    (void)unused;
    static const struct value_case one = {
        "{\"properties\":{\"a\":{\"type\":\"integer\"},"
        "\"o\":{\"properties\":{\"b\":{\"const\":1}}}},"
        "\"required\":[\"a\"]}",
        "{\"a\":\"x\",\"a\":1}\n{\"\\u0061\":\"x\",\"a\":1}\n{\"a\":\"x\",\"a\":[],\"\\u0061\":2}\n"
        "{\"a\":1,\"o\":{\"b\":2},\"o\":{\"b\":3,\"b\":1}}",
        "{\"a\":1,\"a\":\"x\"}\n{\"a\":1,\"\\u0061\":\"x\"}\n"
        "{\"a\":1,\"o\":{\"b\":1},\"o\":{\"b\":1,\"b\":2}}"};
    judge_lines(one.schema, one.good, JSON_SCHEMA_VALID);
    judge_lines(one.schema, one.bad, JSON_SCHEMA_BAD);
}

/* A finding names the place by an escaped pointer, cut where it would be too long, and the
 * reason. */
static void findings_say_where_and_why(void **unused)
{
    (void)unused;
    static const struct {
        const char *schema;
        const char *value;
        const char *pointer;
        const char *reason;
    } cases[] = {
        {"{\"properties\":{\"a/b\":{\"properties\":{\"c~d\":{\"type\":\"null\"}}}}}",
         "{\"a/b\":{\"c~d\":[1]}}", "/a~1b/c~0d", "must be null, is an array"},
        {"{\"items\":{\"items\":{\"type\":\"integer\"}}}", "[[],[1,2,1.5]]", "/1/2",
         "must be integer, is 1.5"},
        {"{\"type\":[\"number\",\"null\"]}", "\"\xc3\xa9\"", "",
         "must be null or number, is \"\xc3\xa9\""},
        {"{\"required\":[\"x\",\"y\"]}", "{\"x\":1}", "", "\"y\" is required and missing"},
        {"{\"additionalProperties\":false}", "{\"tab\\t\":1}", "/tab\t", "must not be there"},
        {"{\"minimum\":-0.50}", "-1e+2", "", "must be at least -0.50, is -1e+2"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json_schema_finding f = {0};
        assert_int_equal(judge(cases[i].schema, str_from(cases[i].value), &f), JSON_SCHEMA_BAD);
        assert_string_equal(f.pointer, cases[i].pointer);
        assert_string_equal(f.reason, cases[i].reason);
    }
    AUTO_BUF value = buf_make(1 << 20);
    (void)buf_puts(&value, "{\"");
    for (int i = 0; i < 1000; i++) {
        (void)buf_puts(&value, "\xf0\x9f\x92\xa9");
    }
    (void)buf_puts(&value, "\":1}");
    struct json_schema_finding f = {0};
    assert_int_equal(judge("{\"additionalProperties\":false}", buf_str(&value), &f),
                     JSON_SCHEMA_BAD);
    assert_true(strlen(f.pointer) > 240 && str_is_utf8(str_from(f.pointer)));
}

/* What is not supported is refused by its name; what is no schema with what it must be. */
static void documents_are_refused_with_the_place(void **unused)
{
    (void)unused;
    static const struct {
        const char *document;
        err e;
        const char *pointer;
        const char *words;
    } cases[] = {
        {"", ERR_INVALID, "", "JSON"},
        {"{\"a\"", ERR_INVALID, "", "JSON"},
        {"[]", ERR_INVALID, "", "schema"},
        {"12", ERR_INVALID, "", "schema"},
        {"{\"oneOf\":[]}", ERR_UNSUPPORTED, "/oneOf", "\"oneOf\""},
        {"{\"$id\":\"x\"}", ERR_UNSUPPORTED, "/$id", "\"$id\""},
        {"{\"items\":{\"x-mine\":1}}", ERR_UNSUPPORTED, "/items/x-mine", "\"x-mine\""},
        {"{\"format\":\"hostname\"}", ERR_UNSUPPORTED, "/format", "\"hostname\""},
        {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", ERR_UNSUPPORTED, "/$schema",
         "2020-12"},
        {"{\"type\":\"int\"}", ERR_INVALID, "/type", "\"int\""},
        {"{\"type\":[]}", ERR_INVALID, "/type", "at least one"},
        {"{\"minLength\":-1}", ERR_INVALID, "/minLength", "whole number"},
        {"{\"minLength\":1.5}", ERR_INVALID, "/minLength", "whole number"},
        {"{\"multipleOf\":0}", ERR_INVALID, "/multipleOf", "above 0"},
        {"{\"multipleOf\":12345678901234567891}", ERR_TOO_LARGE, "/multipleOf", "19"},
        {"{\"minimum\":1e9999999}", ERR_TOO_LARGE, "/minimum", "exponent"},
        {"{\"minimum\":\"1\"}", ERR_INVALID, "/minimum", "number"},
        {"{\"items\":[{}]}", ERR_INVALID, "/items", "list"},
        {"{\"properties\":{\"a\":1}}", ERR_INVALID, "/properties/a", "schema"},
        {"{\"properties\":{\"a\":{},\"\\u0061\":{}}}", ERR_INVALID, "/properties/a", "twice"},
        {"{\"title\":\"a\",\"title\":\"b\"}", ERR_INVALID, "/title", "twice"},
        {"{\"required\":[\"a\",1]}", ERR_INVALID, "/required/1", "text"},
        {"{\"const\":\"\\ud800\"}", ERR_INVALID, "", "surrogate"},
        {"{\"pattern\":\"a)(b\"}", ERR_INVALID, "/pattern", "pattern"},
        {"{\"pattern\":\"a\\\\\"}", ERR_INVALID, "/pattern", "backslash"},
        {"{\"pattern\":\"(*COMMIT)a\"}", ERR_UNSUPPORTED, "/pattern", "(*C"},
        {"{\"pattern\":\"\\\\Qa\"}", ERR_UNSUPPORTED, "/pattern", "\\Q"},
        {"{\"deprecated\":1}", ERR_INVALID, "/deprecated", "true or false"},
        {"{\"examples\":1}", ERR_INVALID, "/examples", "list"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json_schema *s = NULL;
        struct json_schema_finding f = {0};
        err e = json_schema_new(str_from(cases[i].document), &s, &f);
        if (e != cases[i].e || strcmp(f.pointer, cases[i].pointer) != 0 ||
            strstr(f.reason, cases[i].words) == NULL) {
            fail_msg("%s: %s at \"%s\": %s", cases[i].document, err_name(e), f.pointer, f.reason);
        }
    }
}

static err compile_of(struct buf *document)
{
    AUTO(json_schema) s = NULL;
    struct json_schema_finding f = {0};
    assert_false(document->failed);
    return json_schema_new(buf_str(document), &s, &f);
}

/* Size, depth, schemas, names and patterns have limits, and each is refused beyond it. */
static void documents_are_bounded(void **unused)
{
    (void)unused;
    AUTO_BUF b = buf_make(4 << 20);
    (void)buf_puts(&b, "{\"title\":\"");
    while (b.len < JSON_SCHEMA_BYTES_MAX) {
        (void)buf_puts(&b, "aaaaaaaaaaaaaaaa");
    }
    (void)buf_puts(&b, "\"}");
    assert_int_equal(compile_of(&b), ERR_TOO_LARGE);
    buf_reset(&b);
    for (int i = 0; i < JSON_SCHEMA_DEPTH_MAX; i++) {
        (void)buf_puts(&b, "{\"items\":");
    }
    (void)buf_puts(&b, "{}");
    for (int i = 0; i < JSON_SCHEMA_DEPTH_MAX; i++) {
        (void)buf_puts(&b, "}");
    }
    assert_int_equal(compile_of(&b), ERR_TOO_LARGE);
    buf_reset(&b);
    (void)buf_puts(&b, "{\"properties\":{");
    for (int i = 0; i <= JSON_SCHEMA_NODES_MAX; i++) {
        (void)buf_printf(&b, "%s\"%x\":{}", i == 0 ? "" : ",", i);
    }
    (void)buf_puts(&b, "}}");
    assert_int_equal(compile_of(&b), ERR_TOO_LARGE);
    buf_reset(&b);
    (void)buf_puts(&b, "{\"required\":[");
    for (int i = 0; i <= JSON_SCHEMA_NAMES_MAX; i++) {
        (void)buf_printf(&b, "%s\"%x\"", i == 0 ? "" : ",", i);
    }
    (void)buf_puts(&b, "]}");
    assert_int_equal(compile_of(&b), ERR_TOO_LARGE);
    buf_reset(&b);
    (void)buf_puts(&b, "{\"properties\":{");
    for (int i = 0; i <= JSON_SCHEMA_PATTERNS_MAX; i++) {
        (void)buf_printf(&b, "%s\"%x\":{\"pattern\":\"a\"}", i == 0 ? "" : ",", i);
    }
    (void)buf_puts(&b, "}}");
    assert_int_equal(compile_of(&b), ERR_TOO_LARGE);
}

/* A text on which a pattern backtracks without end, or scans again and again, is bad with words,
 * and the work on it is bounded: the same event with many such texts takes no longer. */
static void patterns_have_a_budget(void **unused)
{
    (void)unused;
    static const char *const patterns[] = {"^(a+)+$",     "[a-z]+1",     "(a|a)*b",
                                           "a*a*a*a*a*c", "^(?=(a+)+$)", "(x+x+)+y|(a+)+b"};
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        AUTO_TEXT schema = xasprintf("{\"items\":{\"pattern\":\"%s\"}}", patterns[i]);
        AUTO_BUF value = buf_make(2 << 20);
        (void)buf_puts(&value, "[\"");
        for (int n = 0; n < 3000; n++) {
            (void)buf_puts(&value, "aaaaaaaaaa");
        }
        (void)buf_puts(&value, "-1bcy\"");
        for (int n = 0; n < 100; n++) {
            (void)buf_puts(&value,
                           ",\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-\"");
        }
        (void)buf_puts(&value, "]");
        struct json_schema_finding f = {0};
        enum json_schema_verdict verdict = judge(schema, buf_str(&value), &f);
        assert_int_equal(verdict, JSON_SCHEMA_BAD);
    }
    struct json_schema_finding f = {0};
    assert_int_equal(judge("{\"pattern\":\"^(a+)+$\"}",
                           STR("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-\""), &f),
                     JSON_SCHEMA_BAD);
    assert_non_null(strstr(f.reason, "too much work"));
    /* A long text and an easy pattern: found far from the beginning. */
    AUTO_BUF value = buf_make(2 << 20);
    (void)buf_puts(&value, "\"");
    for (int n = 0; n < 100000; n++) {
        (void)buf_puts(&value, "0123456789");
    }
    (void)buf_puts(&value, " error\"");
    assert_int_equal(judge("{\"pattern\":\"error\"}", buf_str(&value), &f), JSON_SCHEMA_VALID);
    assert_int_equal(judge("{\"pattern\":\"errors\"}", buf_str(&value), &f), JSON_SCHEMA_BAD);
}

/* A simple pattern gives the same answer by its own walk as by PCRE2, and what is not simple is
 * left to PCRE2. */
static void simple_patterns_agree_with_pcre(void **unused)
{
    (void)unused;
    static const char *const simple[] = {"^$",
                                         "^a$",
                                         "^s[0-9a-f]{4}$",
                                         "^[A-Z]{2}-\\d+$",
                                         "^a?b*c+$",
                                         "^[a-c]{2,3}-?[0-9]*$",
                                         "^\\w+@\\w{1,}$",
                                         "^[-.a]{0,2}b$",
                                         "^\\^\\$[\\]]$"};
    static const char *const general[] = {
        "a",          "^a",     "a$",    "^a|b$", "^(a)$",         "^a*a$",
        "^.$",        "^[^a]$", "^a+?$", "^\\s$", "^[a-b]*[b-c]$", "^a{1,2}{3}$",
        "^\xc3\xa9$", "^a\\$",  "^[[]$"};
    static const char alphabet[] = "abc0193f-AZs@_^$].\xc3\xa9";
    uint64_t random = test_seed();
    struct json_schema_simple s;
    for (size_t i = 0; i < ARRAY_LEN(general); i++) {
        assert_false(json_schema_simple_read(str_from(general[i]), &s));
    }
    for (size_t i = 0; i < ARRAY_LEN(simple); i++) {
        struct json_schema_pattern *pcre = NULL;
        struct json_schema_patterns *room = NULL;
        AUTO_TEXT wrapped = xasprintf("(?:%s)", simple[i]);
        unsigned good = 0;
        assert_true(json_schema_simple_read(str_from(simple[i]), &s));
        assert_int_equal(json_schema_pattern_new(str_from(wrapped), &pcre, NULL), ERR_OK);
        assert_int_equal(json_schema_patterns_new(&room), ERR_OK);
        for (int n = 0; n < 40000; n++) {
            char text[12];
            size_t len = test_below(&random, 7);
            for (size_t c = 0; c < len; c++) {
                text[c] = alphabet[test_below(&random, 8 + test_below(&random, 9))];
            }
            if (!str_is_utf8(str_of(text, len))) {
                continue;
            }
            uint64_t budget = 1000000;
            bool match = json_schema_simple_match(&s, str_of(text, len));
            assert_int_equal(match, json_schema_pattern_match(pcre, room, str_of(text, len),
                                                              &budget) == JSON_SCHEMA_MATCH);
            good += match;
        }
        assert_true(good > 0 || i == 3 || i == 8 || i == 2);
        json_schema_pattern_free(pcre);
        json_schema_patterns_free(room);
    }
}

static const struct {
    const char *older;
    const char *newer;
    const char *pointer; /* NULL: may follow */
} changes[] = {
    {"{}", "{}", NULL},
    {"{}", "{\"title\":\"x\"}", NULL},
    {"{}", "{\"type\":\"object\"}", NULL}, /* what an event is anyway */
    {"{\"type\":\"object\"}", "{}", NULL},
    {"{\"type\":[\"object\",\"null\"]}", "{\"type\":\"object\"}", NULL},
    {"{\"type\":\"object\"}", "{\"properties\":{\"a\":{\"type\":\"string\"}}}", NULL},
    {"{\"type\":\"object\"}", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}",
     NULL},
    {"{}", "{\"required\":[\"a\"]}", "/required"},
    {"{\"required\":[\"a\"]}", "{}", NULL},
    {"{}", "{\"additionalProperties\":false}", "/additionalProperties"},
    {"{\"additionalProperties\":false}", "{}", NULL},
    {"{\"additionalProperties\":false}", "{\"properties\":{\"a\":{}}}", NULL},
    {"{\"additionalProperties\":{\"type\":\"integer\"}}",
     "{\"properties\":{\"a\":{\"type\":\"string\"}}}", "/properties/a/type"},
    {"{\"properties\":{\"a\":{}}}", "{}", "/properties/a"},
    {"{\"properties\":{\"a\":{}}}", "{\"properties\":{\"a\":{\"type\":\"string\"}}}",
     "/properties/a/type"},
    {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"properties\":{\"a\":{}}}",
     "/properties/a"},
    {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}",
     "{\"properties\":{\"a\":{\"type\":\"number\"}}}", "/properties/a/type"},
    {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}",
     "{\"properties\":{\"a\":{\"type\":[\"integer\",\"null\"]}}}", NULL},
    {"{\"properties\":{\"a\":{\"type\":[\"integer\",\"null\"]}}}",
     "{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "/properties/a/type"},
    {"{\"minimum\":1}", "{\"exclusiveMinimum\":0.9}", NULL},
    {"{\"minimum\":1}", "{\"exclusiveMinimum\":1}", "/exclusiveMinimum"},
    {"{\"exclusiveMinimum\":1}", "{\"minimum\":1}", NULL},
    {"{\"maximum\":1}", "{\"maximum\":0.99}", "/maximum"},
    {"{\"maximum\":1}", "{}", NULL},
    {"{}", "{\"maximum\":1}", "/maximum"},
    {"{\"multipleOf\":0.04}", "{\"multipleOf\":0.02}", NULL},
    {"{\"multipleOf\":0.02}", "{\"multipleOf\":0.04}", "/multipleOf"},
    {"{\"minLength\":2,\"maxLength\":3}", "{\"minLength\":1,\"maxLength\":4}", NULL},
    {"{\"minLength\":2}", "{\"minLength\":3}", "/minLength"},
    {"{}", "{\"minLength\":0}", NULL},
    {"{\"maxItems\":3}", "{\"maxItems\":2}", "/maxItems"},
    {"{\"pattern\":\"a\"}", "{\"pattern\":\"b\"}", "/pattern"},
    {"{\"pattern\":\"a\"}", "{}", NULL},
    {"{\"format\":\"uuid\"}", "{}", NULL},
    {"{}", "{\"format\":\"uuid\"}", "/format"},
    {"{\"format\":\"date\"}", "{}", ""},
    {"{\"enum\":[1,2]}", "{\"enum\":[2.0,1,3]}", NULL},
    {"{\"enum\":[1,2]}", "{\"enum\":[1,3]}", "/enum"},
    {"{\"enum\":[1,2]}", "{\"enum\":[1,2,\"x\"]}", NULL},
    {"{\"enum\":[1,2]}", "{\"enum\":[1,2,null]}", NULL},
    {"{\"type\":\"integer\",\"enum\":[1]}", "{\"type\":\"integer\"}", NULL},
    {"{\"enum\":[1]}", "{}", NULL},
    {"{\"const\":1}", "{\"enum\":[1,2]}", NULL},
    {"{\"enum\":[1,2]}", "{\"const\":1}", "/const"},
    {"{\"items\":{\"maximum\":1}}", "{\"items\":{\"maximum\":2}}", NULL},
    {"{\"items\":{\"maximum\":1}}", "{}", ""},
    {"{\"properties\":{\"o\":{\"type\":\"object\"}}}",
     "{\"properties\":{\"o\":{\"type\":\"object\",\"properties\":{\"a\":{}}}}}",
     "/properties/o/properties"},
    {"{\"properties\":{\"o\":{\"type\":\"object\",\"properties\":{\"a\":{}}}}}",
     "{\"properties\":{\"o\":{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{}}}}}", NULL},
    {"{\"properties\":{\"a\":false}}", "{\"properties\":{\"a\":{\"type\":\"string\"}}}", NULL},
    {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"properties\":{\"a\":false}}",
     "/properties/a"},
};

/* Adding and relaxing may follow; narrowing and other types may not, with the place. */
static void versions_add_and_relax(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        AUTO(json_schema) older = compiled(changes[i].older);
        AUTO(json_schema) newer = compiled(changes[i].newer);
        struct json_schema_finding f = {0};
        bool may = json_schema_compatible(older, newer, &f);
        if (may != (changes[i].pointer == NULL) ||
            (!may && strcmp(f.pointer, changes[i].pointer) != 0)) {
            fail_msg("%s -> %s: %s at \"%s\": %s", changes[i].older, changes[i].newer,
                     may ? "may follow" : "may not", f.pointer, f.reason);
        }
        assert_true(json_schema_compatible(older, older, NULL));
    }
}

/* Equality is that of the documents as JSON: order, white space and spelling do not count. */
static void equality_is_of_values(void **unused)
{
    (void)unused;
    AUTO(json_schema)
    a = compiled(" {\"type\": \"object\", \"minLength\":1.0,\"default\": [1e1] } ");
    AUTO(json_schema) b = compiled("{\"default\":[10],\"minLength\":1,\"\\u0074ype\":\"object\"}");
    AUTO(json_schema) c = compiled("{\"default\":[11],\"minLength\":1,\"type\":\"object\"}");
    assert_true(json_schema_equal(a, b));
    assert_false(json_schema_equal(a, c));
    assert_true(
        str_is(json_schema_text(a), "{\"type\":\"object\",\"minLength\":1.0,\"default\":[1e1]}"));
}

static enum json_schema_verdict exactly(struct json_schema_run *run, struct json_indexer *indexer,
                                        struct str value)
{
    const uint32_t *at = NULL;
    uint32_t count = 0;
    struct json_view view;
    assert_int_equal(json_indexer_run(indexer, value.ptr, value.len, &at, &count), JSON_INDEX_OK);
    assert_true(json_view_init(&view, value, at, count));
    return json_schema_check_exactly(run, &view, 0, NULL);
}

/* Both ways of checking agree, and what was checked before helps to find names and never changes a
 * verdict. */
static void verdicts_do_not_depend_on_the_past(void **unused)
{
    (void)unused;
    uint64_t random = test_seed();
    AUTO(json_schema)
    s = compiled(
        "{\"properties\":{\"a\":{\"type\":[\"integer\",\"string\",\"object\"]},"
        "\"b\":{\"type\":\"array\","
        "\"items\":{\"maxLength\":3}},\"ts\":{\"format\":\"date-time\"},\"time\":{\"minimum\":0},"
        "\"x y\":{\"enum\":[1,null,\"a\",{}]},\"c\":{\"properties\":{\"a\":{},\"b\":{\"const\":1}},"
        "\"additionalProperties\":{\"type\":\"string\"},\"required\":[\"a\"]}},"
        "\"required\":[\"ts\"]}");
    AUTO(json_schema_run) used = NULL;
    struct json_indexer *indexer = json_indexer_new();
    assert_int_equal(json_schema_run_new(s, &used), ERR_OK);
    unsigned good = 0;
    for (int i = 0; i < 20000; i++) {
        AUTO(json_schema_run) fresh = NULL;
        AUTO_BUF value = buf_make(1 << 20);
        enum json_schema_verdict one = JSON_SCHEMA_NOMEM;
        enum json_schema_verdict two = JSON_SCHEMA_NOMEM;
        struct json_schema_finding f = {0};
        struct json_schema_finding g = {0};
        assert_int_equal(json_schema_run_new(s, &fresh), ERR_OK);
        test_random_object(&random, &value);
        assert_int_equal(json_schema_check_text(used, indexer, buf_str(&value), &one, &f), ERR_OK);
        assert_int_equal(json_schema_check_text(fresh, indexer, buf_str(&value), &two, &g), ERR_OK);
        assert_int_equal(one, two);
        assert_int_equal(one, exactly(fresh, indexer, buf_str(&value)));
        assert_string_equal(f.pointer, g.pointer);
        assert_string_equal(f.reason, g.reason);
        good += one == JSON_SCHEMA_VALID;
    }
    assert_true(good > 100 && good < 19900);
    json_indexer_free(indexer);
}

/* The door, the decoder of rows and the judge of dead letters say the same of the same bytes, with
 * the same words, whether they are no JSON, break the schema or are good. */
static void door_and_decoder_agree(void **unused)
{
    (void)unused;
    uint64_t random = test_seed();
    AUTO(json_schema)
    s = compiled("{\"properties\":{\"a\":{\"type\":[\"integer\",\"string\"]},"
                 "\"c\":{\"maxLength\":4},\"ts\":{\"format\":\"date-time\"}}}");
    AUTO(json_schema_run) run = NULL;
    AUTO(event_validator) door = NULL;
    AUTO(decoder) decoder = NULL;
    struct event_schema *columns = NULL;
    unsigned seen[EVENT_CODE_COUNT] = {0};
    assert_int_equal(json_schema_run_new(s, &run), ERR_OK);
    assert_int_equal(event_schema_new(NULL, 0, NULL, 0, &columns, NULL), ERR_OK);
    struct event_validator_options options = {.depth_max = EVENT_DEPTH_MAX, .check = run};
    assert_int_equal(event_validator_new(&options, &door, NULL), ERR_OK);
    struct decode_options decode = {.check = s, .infer = true};
    assert_int_equal(decoder_new(columns, &decode, &decoder, NULL), ERR_OK);
    for (int i = 0; i < 20000; i++) {
        AUTO_BUF value = buf_make(1 << 20);
        struct errmsg words[3] = {0};
        enum event_code row = EVENT_OK;
        enum event_code judged = EVENT_OK;
        test_random_object(&random, &value);
        if (i % 4 == 0) {
            test_mutate(&random, &value);
        }
        struct record record = {.has_value = true, .value = buf_str(&value), .offset = i};
        if (value.len == 0) {
            continue;
        }
        enum event_code at_door = event_validate(door, buf_str(&value), NULL, &words[0]);
        (void)decode_row(decoder, &record, 0, NULL, 0, &row, &words[1]); /* the code says it */
        (void)decode_judge(decoder, &record, &judged, &words[2]);        /* likewise */
        assert_int_equal(at_door, row);
        assert_int_equal(at_door, judged);
        assert_string_equal(words[0].text, words[1].text);
        assert_string_equal(words[0].text, words[2].text);
        seen[at_door]++;
    }
    assert_true(seen[EVENT_OK] > 100 && seen[EVENT_SCHEMA] > 100 && seen[EVENT_INVALID_JSON] > 100);
    event_schema_unref(columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(door_and_decoder_agree),
        cmocka_unit_test(keywords_follow_the_specification),
        cmocka_unit_test(the_last_of_duplicates_counts),
        cmocka_unit_test(findings_say_where_and_why),
        cmocka_unit_test(documents_are_refused_with_the_place),
        cmocka_unit_test(documents_are_bounded),
        cmocka_unit_test(patterns_have_a_budget),
        cmocka_unit_test(simple_patterns_agree_with_pcre),
        cmocka_unit_test(versions_add_and_relax),
        cmocka_unit_test(equality_is_of_values),
        cmocka_unit_test(verdicts_do_not_depend_on_the_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
