/* SPDX-License-Identifier: MIT */
/* test_event.c - judging records and splitting bodies. */
#include "flow_test.h"

#include "flow/event.h"
#include "flow/json_walk.h"

/* ---- validator ---- */

static struct event_validator *validator(const char *key_field, uint32_t depth_max,
                                         size_t bytes_max)
{
    struct event_validator *v = NULL;
    struct event_validator_options o = {
        .depth_max = depth_max, .record_bytes_max = bytes_max, .key_field = str_from(key_field)};
    assert_int_equal(event_validator_new(&o, &v, NULL), ERR_OK);
    return v;
}

/* Records and what is said of them. */
static const struct {
    const char *text;
    enum event_code code;
} judge_cases[] = {
    {"{}", EVENT_OK},
    {" {\"a\":1}\r\n", EVENT_OK},
    {"{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":[]}", EVENT_OK},
    {"{\"a\":-0.5e+10,\"b\":0,\"c\":-0}", EVENT_OK},
    {"{\"a\":\"\\u00e9\\ud83d\\ude00\\n\"}", EVENT_OK},
    {"{\"a\":\"\\ud800\"}", EVENT_OK}, /* a lone surrogate is grammatical */
    {"{\"a\":1,\"a\":2}", EVENT_OK},
    {"{\"\":1}", EVENT_OK},
    {"{\"a\":\"\\u0000\"}", EVENT_OK},
    {"{\"a\":123456789012345678901234567890e-400}", EVENT_OK},
    {"", EVENT_EMPTY},
    {" \t\r\n", EVENT_EMPTY},
    {"[]", EVENT_NOT_AN_OBJECT},
    {"[{\"a\":1}]", EVENT_NOT_AN_OBJECT},
    {"1", EVENT_NOT_AN_OBJECT},
    {"\"{}\"", EVENT_NOT_AN_OBJECT},
    {"null", EVENT_NOT_AN_OBJECT},
    {"{", EVENT_INVALID_JSON},
    {"}", EVENT_INVALID_JSON},
    {"{}{}", EVENT_INVALID_JSON},
    {"{}}", EVENT_INVALID_JSON},
    {"{}x", EVENT_INVALID_JSON},
    {"{\"a\"}", EVENT_INVALID_JSON},
    {"{\"a\":}", EVENT_INVALID_JSON},
    {"{\"a\":1,}", EVENT_INVALID_JSON},
    {"{,\"a\":1}", EVENT_INVALID_JSON},
    {"{\"a\":1 \"b\":2}", EVENT_INVALID_JSON},
    {"{\"a\":1,,\"b\":2}", EVENT_INVALID_JSON},
    {"{\"a\"::1}", EVENT_INVALID_JSON},
    {"{a:1}", EVENT_INVALID_JSON},
    {"{'a':1}", EVENT_INVALID_JSON},
    {"{1:1}", EVENT_INVALID_JSON},
    {"{\"a\":[1,]}", EVENT_INVALID_JSON},
    {"{\"a\":[1 2]}", EVENT_INVALID_JSON},
    {"{\"a\":[}", EVENT_INVALID_JSON},
    {"{\"a\":[1}", EVENT_INVALID_JSON},
    {"{\"a\":{\"b\":1]}", EVENT_INVALID_JSON},
    {"{\"a\":{\"b\":1}", EVENT_INVALID_JSON},
    {"{\"a\":01}", EVENT_INVALID_JSON},
    {"{\"a\":-01}", EVENT_INVALID_JSON},
    {"{\"a\":-}", EVENT_INVALID_JSON},
    {"{\"a\":+1}", EVENT_INVALID_JSON},
    {"{\"a\":1.}", EVENT_INVALID_JSON},
    {"{\"a\":.5}", EVENT_INVALID_JSON},
    {"{\"a\":1e}", EVENT_INVALID_JSON},
    {"{\"a\":1e+}", EVENT_INVALID_JSON},
    {"{\"a\":0x10}", EVENT_INVALID_JSON},
    {"{\"a\":1a}", EVENT_INVALID_JSON},
    {"{\"a\":1\"b\"}", EVENT_INVALID_JSON},
    {"{\"a\":\"b\"c}", EVENT_INVALID_JSON},
    {"{\"a\":NaN}", EVENT_INVALID_JSON},
    {"{\"a\":Infinity}", EVENT_INVALID_JSON},
    {"{\"a\":tru}", EVENT_INVALID_JSON},
    {"{\"a\":truex}", EVENT_INVALID_JSON},
    {"{\"a\":nul}", EVENT_INVALID_JSON},
    {"{\"a\":TRUE}", EVENT_INVALID_JSON},
    {"{\"a\":t}", EVENT_INVALID_JSON},
    {"{\"a\":\"\\x\"}", EVENT_INVALID_JSON},
    {"{\"a\":\"\\u12g4\"}", EVENT_INVALID_JSON},
    {"{\"a\":\"\\u12\"}", EVENT_INVALID_JSON},
    {"{\"\\q\":1}", EVENT_INVALID_JSON},
    {"{\"a\":\"line\nbreak\"}", EVENT_INVALID_JSON},
    {"{\"a\":\"tab\there\"}", EVENT_INVALID_JSON},
    {"{\"a\":\"open}", EVENT_INVALID_JSON},
    {"{\"a\":1\f}", EVENT_INVALID_JSON},
    {"{\"a\"\x1a 1}", EVENT_INVALID_JSON},
    {"{\"a\":\\\"b\"}", EVENT_INVALID_JSON},
    {"/* c */{\"a\":1}", EVENT_INVALID_JSON},
    {"{\"a\":1}//", EVENT_INVALID_JSON},
    {"\xef\xbb\xbf{}", EVENT_INVALID_JSON},
    {"[1,2", EVENT_INVALID_JSON},
    {"{\"a\":\"\xff\"}", EVENT_INVALID_UTF8},
    {"{\"a\":\"\xc0\xaf\"}", EVENT_INVALID_UTF8},
    {"{\"a\":\"\xed\xa0\x80\"}", EVENT_INVALID_UTF8},
    {"{\"a\":\"\xf4\x90\x80\x80\"}", EVENT_INVALID_UTF8},
    {"{\"a\":\"\xe2\x82\"}", EVENT_INVALID_UTF8},
    {"{\"\x80\":1}", EVENT_INVALID_UTF8},
};

/* Exactly the objects of RFC 8259 in UTF-8 are accepted, and every refusal has its own code. */
static void judges_each_kind_of_record(void **unused)
{
    (void)unused;
    AUTO(event_validator) v = validator(NULL, 0, 0);
    for (size_t i = 0; i < ARRAY_LEN(judge_cases); i++) {
        struct errmsg detail = {0};
        enum event_code code = event_validate(v, str_from(judge_cases[i].text), NULL, &detail);
        if (code != judge_cases[i].code) {
            fail_msg("%s: %s (%s), wanted %s", judge_cases[i].text, event_code_name(code),
                     detail.text, event_code_name(judge_cases[i].code));
        }
        assert_true(code == EVENT_OK || detail.text[0] != '\0');
    }
    struct event_key key;
    assert_int_equal(event_validate(v, str_of("{\"a\":\0}", 7), &key, NULL), EVENT_INVALID_JSON);
    assert_int_equal(event_validate(v, str_of("{\"a\":\"\0\"}", 9), &key, NULL),
                     EVENT_INVALID_JSON);
    assert_int_equal(event_validate(v, str_of("{}\0", 3), &key, NULL), EVENT_INVALID_JSON);
}

/* The detail names the byte at which the text stops being right. */
static void detail_names_the_place(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        const char *part;
    } cases[] = {
        {"{\"a\":1,}", "at byte 7"},     {"{\"a\":\"\xff\"}", "0xff at byte 6"},
        {"{\"a\":01}", "'1' at byte 6"}, {"{\"a\"", "ends at byte 4"},
        {"[1]", "JSON object"},          {"{\"a\":[[[]]]}", "deep at byte 6"},
    };
    AUTO(event_validator) v = validator(NULL, 2, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct errmsg detail = {0};
        assert_int_not_equal(event_validate(v, str_from(cases[i].text), NULL, &detail), EVENT_OK);
        if (strstr(detail.text, cases[i].part) == NULL) {
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].text, detail.text, cases[i].part);
        }
    }
}

static void nested(struct buf *out, size_t depth, char open, char close)
{
    buf_reset(out);
    (void)buf_puts(out, "{\"a\":");
    for (size_t i = 1; i < depth; i++) {
        (void)buf_puts(out, open == '[' ? "[" : "{\"b\":");
    }
    (void)buf_puts(out, "1");
    for (size_t i = 1; i < depth; i++) {
        (void)buf_add_byte(out, close);
    }
    (void)buf_add_byte(out, '}');
    assert_int_equal(buf_check(out), ERR_OK);
}

/* The depth limit is exact, for objects and arrays, and far beyond it nothing breaks. */
static void depth_is_limited(void **unused)
{
    (void)unused;
    AUTO_BUF text = buf_make(1 << 20);
    static const uint32_t limits[] = {1, 2, 63, 64, 65, 511, 512};
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        AUTO(event_validator) v = validator(NULL, limits[i], 0);
        for (int shape = 0; shape < 2; shape++) {
            nested(&text, limits[i], shape ? '[' : '{', shape ? ']' : '}');
            assert_int_equal(event_validate(v, buf_str(&text), NULL, NULL), EVENT_OK);
            nested(&text, limits[i] + 1, shape ? '[' : '{', shape ? ']' : '}');
            assert_int_equal(event_validate(v, buf_str(&text), NULL, NULL), EVENT_TOO_DEEP);
            nested(&text, 100000, shape ? '[' : '{', shape ? ']' : '}');
            assert_int_equal(event_validate(v, buf_str(&text), NULL, NULL), EVENT_TOO_DEEP);
        }
    }
    AUTO(event_validator) v = validator(NULL, 0, 0);
    nested(&text, 1000, '[', ']');
    assert_int_equal(event_validate(v, buf_str(&text), NULL, NULL), EVENT_TOO_DEEP);
}

/* The size limit is exact, and limits beyond what is supported are refused. */
static void size_is_limited(void **unused)
{
    (void)unused;
    AUTO(event_validator) v = validator(NULL, 0, 10);
    assert_int_equal(event_validate(v, STR("{\"a\":1234}"), NULL, NULL), EVENT_OK);
    assert_int_equal(event_validate(v, STR("{\"a\":12345}"), NULL, NULL), EVENT_RECORD_TOO_LARGE);
    struct event_validator *bad = NULL;
    struct event_validator_options deep = {.depth_max = EVENT_DEPTH_MAX + 1};
    struct event_validator_options large = {.record_bytes_max = (size_t)EVENT_RECORD_BYTES_MAX + 1};
    assert_int_equal(event_validator_new(&deep, &bad, NULL), ERR_INVALID);
    assert_int_equal(event_validator_new(&large, &bad, NULL), ERR_INVALID);
}

/* The key is the field's value: text unescaped, other values as written, null none; last wins. */
static void finds_the_key(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        const char *key; /* NULL: none */
    } cases[] = {
        {"{\"id\":\"abc\"}", "abc"},
        {"{\"x\":1, \"id\" : \"abc\" }", "abc"},
        {"{\"id\":\"a\\n\\u00e9\"}", "a\n\xc3\xa9"},
        {"{\"\\u0069d\":\"abc\"}", "abc"},
        {"{\"id\":42}", "42"},
        {"{\"id\":42 }", "42"},
        {"{\"id\":-1.50}", "-1.50"},
        {"{\"id\":true,\"b\":1}", "true"},
        {"{\"id\":false}", "false"},
        {"{\"id\":null}", NULL},
        {"{}", NULL},
        {"{\"idx\":1}", NULL},
        {"{\"a\":{\"id\":1}}", NULL},
        {"{\"id\":\"\"}", ""},
        {"{\"id\":{\"a\": [1,2]} ,\"b\":1}", "{\"a\": [1,2]}"},
        {"{\"id\":[]}", "[]"},
        {"{\"id\":1,\"id\":\"two\"}", "two"},
        {"{\"id\":1,\"id\":null}", NULL},
        {"{\"id\":\"\\ud800\"}", "\\ud800"},
    };
    AUTO(event_validator) v = validator("id", 0, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct event_key key = {0};
        assert_int_equal(event_validate(v, str_from(cases[i].text), &key, NULL), EVENT_OK);
        assert_int_equal(key.has_key, cases[i].key != NULL);
        if (cases[i].key != NULL && !str_is(key.bytes, cases[i].key)) {
            fail_msg("%s: key \"%.*s\"", cases[i].text, STR_ARGS(key.bytes));
        }
    }
}

/* The fast path and the slow reader agree on every text, valid or damaged. */
static void fast_and_slow_agree(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    AUTO(event_validator) v = validator("a", 8, 0);
    AUTO_BUF text = buf_make(1 << 20);
    size_t good = 0;
    for (size_t i = 0; i < 200000; i++) {
        buf_reset(&text);
        if (i % 4 == 0) {
            test_random_json(&state, &text, 4);
        } else {
            test_random_object(&state, &text);
        }
        if (i % 2 == 0) {
            test_mutate(&state, &text);
        }
        struct event_key key;
        /* An exact copy, so that a read past the end is seen by the sanitizer. */
        char *copy = malloc(text.len == 0 ? 1 : text.len);
        memcpy(copy, text.data, text.len);
        struct str record = str_of(copy, text.len);
        enum event_code fast = event_validate(v, record, &key, NULL);
        enum event_code slow = json_diagnose(record, 8, NULL);
        if (fast != slow) {
            fail_msg("%.*s: %s, but %s", STR_ARGS(record), event_code_name(fast),
                     event_code_name(slow));
        }
        good += fast == EVENT_OK;
        free(copy);
    }
    print_message("%zu of 200000 were events\n", good);
    assert_true(good > 50000);
}

/* ---- splitter ---- */

struct seen {
    struct buf text; /* index:line:code:bytes, one per line */
    size_t stop_after;
};

static err note(void *ctx, const struct event_split_record *r)
{
    struct seen *seen = ctx;
    (void)buf_printf(&seen->text, "%d:%d:%s:%.*s|", (int)r->index, (int)r->line,
                     event_code_name(r->code), STR_ARGS(r->bytes));
    return seen->stop_after != 0 && r->index + 1 >= seen->stop_after ? ERR_CANCELLED : ERR_OK;
}

/* Splits a body in pieces of `piece` bytes (0: random) into seen->text. */
static err split(struct seen *seen, struct str body, enum event_format format, size_t bytes_max,
                 size_t piece, uint64_t *state)
{
    AUTO(event_splitter) s = NULL;
    struct event_splitter_options o = {
        .format = format, .record_bytes_max = bytes_max, .on_record = note, .ctx = seen};
    buf_reset(&seen->text);
    TRY(event_splitter_new(&o, &s));
    for (size_t at = 0; at < body.len;) {
        size_t want = piece == 0 ? 1 + test_below(state, 9) : piece;
        size_t len = MIN(want, body.len - at);
        char *copy = malloc(len); /* freed at once: nothing may refer to it later */
        memcpy(copy, body.ptr + at, len);
        err e = event_splitter_feed(s, str_of(copy, len));
        free(copy);
        TRY(e);
        at += len;
    }
    return event_splitter_finish(s);
}

/* Each form of body yields its records with index and line, whatever the pieces it comes in. */
static void splits_bodies(void **unused)
{
    (void)unused;
    static const struct {
        enum event_format format;
        const char *body;
        const char *records;
    } cases[] = {
        {EVENT_FORMAT_AUTO, "", ""},
        {EVENT_FORMAT_AUTO, " \n\t\r\n", ""},
        {EVENT_FORMAT_AUTO, "{\"a\":1}", "0:1:ok:{\"a\":1}|"},
        {EVENT_FORMAT_AUTO, "\n\n {\"a\":1}\n", "0:3:ok:{\"a\":1}|"},
        {EVENT_FORMAT_AUTO, "\xef\xbb\xbf{\"a\":1}\n", "0:1:ok:{\"a\":1}|"},
        {EVENT_FORMAT_AUTO, "{\"a\":1}\n{\"a\":2}\r\n\r\n  \n{\"a\":3}",
         "0:1:ok:{\"a\":1}|1:2:ok:{\"a\":2}|2:5:ok:{\"a\":3}|"},
        {EVENT_FORMAT_NDJSON, "[1]\n{\"a\":2}\n", "0:1:ok:[1]|1:2:ok:{\"a\":2}|"},
        {EVENT_FORMAT_AUTO, "{\n  \"a\": 1,\n  \"b\": [\n1]\n}\n",
         "0:1:ok:{\n  \"a\": 1,\n  \"b\": [\n1]\n}\n|"},
        {EVENT_FORMAT_AUTO, "{\"a\":[\n1]}", "0:1:ok:{\"a\":[\n1]}|"},
        {EVENT_FORMAT_NDJSON, "{\n\"a\":1}\n", "0:1:ok:{|1:2:ok:\"a\":1}|"},
        {EVENT_FORMAT_AUTO, "{\"a\":1\n{\"a\":2}\n", "0:1:ok:{\"a\":1|1:2:ok:{\"a\":2}|"},
        {EVENT_FORMAT_AUTO, "{\"a\":\"{\nx\n", "0:1:ok:{\"a\":\"{|1:2:ok:x|"},
        {EVENT_FORMAT_AUTO, "nonsense\n{\"a\":2}\n", "0:1:ok:nonsense|1:2:ok:{\"a\":2}|"},
        {EVENT_FORMAT_AUTO, "[]", ""},
        {EVENT_FORMAT_AUTO, " [ ] \n", ""},
        {EVENT_FORMAT_AUTO, "[{\"a\":1},{\"a\":2}]", "0:1:ok:{\"a\":1}|1:1:ok:{\"a\":2}|"},
        {EVENT_FORMAT_AUTO, "[\n{\"a\":1},\n\n {\"a\":\n2}\n]\n",
         "0:2:ok:{\"a\":1}|1:4:ok:{\"a\":\n2}|"},
        {EVENT_FORMAT_AUTO, "[{\"a\":\"]}\\\"{\"},1, \"x,]\\\\\",null,[[1],[2]]]",
         "0:1:ok:{\"a\":\"]}\\\"{\"}|1:1:ok:1|2:1:ok:\"x,]\\\\\"|3:1:ok:null|4:1:ok:[[1],[2]]|"},
        {EVENT_FORMAT_AUTO, "[{\"a\":1}", "0:1:ok:{\"a\":1}|1:1:truncated:|"},
        {EVENT_FORMAT_AUTO, "[{\"a\":1},{\"b", "0:1:ok:{\"a\":1}|1:1:truncated:{\"b|"},
        {EVENT_FORMAT_AUTO, "[{\"a\":1},12", "0:1:ok:{\"a\":1}|1:1:truncated:12|"},
        {EVENT_FORMAT_AUTO, "[", "0:1:truncated:|"},
    };
    struct seen seen = {.text = buf_make(1 << 20)};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t piece = 1; piece < 40; piece++) {
            struct str body = str_from(cases[i].body);
            assert_int_equal(split(&seen, body, cases[i].format, 0, piece, NULL), ERR_OK);
            assert_string_equal(buf_cstr(&seen.text), cases[i].records);
        }
    }
    buf_deinit(&seen.text);
}

/* What breaks an array's own grammar is rejected once; nothing after it is taken. */
static void broken_arrays_end_the_body(void **unused)
{
    (void)unused;
    static const struct {
        const char *body;
        const char *begin;
        int records;
    } cases[] = {
        {"[{\"a\":1} {\"a\":2}]", "0:1:ok:{\"a\":1}|1:1:invalid_json:", 2},
        {"[{\"a\":1},,{\"a\":2}]", "0:1:ok:{\"a\":1}|1:1:invalid_json:", 2},
        {"[{\"a\":1},]", "0:1:ok:{\"a\":1}|1:1:invalid_json:", 2},
        {"[,1]", "0:1:invalid_json:", 1},
        {"[1]\n[2]", "0:1:ok:1|1:2:invalid_json:", 2},
        {"[1]x", "0:1:ok:1|1:1:invalid_json:", 2},
        {"[}", "0:1:invalid_json:", 1},
    };
    struct seen seen = {.text = buf_make(1 << 20)};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t piece = 1; piece < 20; piece++) {
            struct str body = str_from(cases[i].body);
            assert_int_equal(split(&seen, body, EVENT_FORMAT_AUTO, 0, piece, NULL), ERR_OK);
            assert_true(str_starts(buf_str(&seen.text), str_from(cases[i].begin)));
            int bars = 0;
            for (size_t j = 0; j < seen.text.len; j++) {
                bars += seen.text.data[j] == '|';
            }
            assert_int_equal(bars, cases[i].records);
        }
    }
    buf_deinit(&seen.text);
}

/* A record over the limit is rejected and skipped; its neighbours and the line count are right, and
 * no more than the limit is ever kept. */
static void large_records_are_skipped(void **unused)
{
    (void)unused;
    static const struct {
        enum event_format format;
        const char *body;
        const char *records;
    } cases[] = {
        {EVENT_FORMAT_NDJSON, "{\"a\":12}\n{\"a\":1234567890}\n{\"a\":34}",
         "0:1:ok:{\"a\":12}|1:2:record_too_large:{\"a\":123|2:3:ok:{\"a\":34}|"},
        {EVENT_FORMAT_AUTO, "{\"a\":123}\r\n{\"a\":4567}\r\n1\n",
         "0:1:record_too_large:{\"a\":123|1:2:record_too_large:{\"a\":456|2:3:ok:1|"},
        {EVENT_FORMAT_AUTO, "{\"a\":12}\r\n", "0:1:ok:{\"a\":12}|"},
        {EVENT_FORMAT_AUTO, "                                        \n{\"a\":12}\n",
         "0:2:ok:{\"a\":12}|"},
        {EVENT_FORMAT_AUTO, "{\"a\":[\n1,2,3,4,5,6,7]}", "0:1:record_too_large:{\"a\":[\n1|"},
        {EVENT_FORMAT_AUTO, "[{\"a\":12},{\"a\":\n\"]]]]]]]]]]\"},\n{\"a\":34}]",
         "0:1:ok:{\"a\":12}|1:1:record_too_large:{\"a\":\n\"]|2:3:ok:{\"a\":34}|"},
        {EVENT_FORMAT_AUTO, "[123456789,12345678]",
         "0:1:record_too_large:12345678|1:1:ok:12345678|"},
    };
    struct seen seen = {.text = buf_make(1 << 20)};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t piece = 1; piece < 60; piece++) {
            struct str body = str_from(cases[i].body);
            assert_int_equal(split(&seen, body, cases[i].format, 8, piece, NULL), ERR_OK);
            assert_string_equal(buf_cstr(&seen.text), cases[i].records);
        }
    }
    buf_deinit(&seen.text);
}

/* Random bodies give the same records in any pieces. */
static void pieces_do_not_matter(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    struct seen whole = {.text = buf_make(1 << 20)};
    struct seen parts = {.text = buf_make(1 << 20)};
    AUTO_BUF body = buf_make(1 << 20);
    for (size_t i = 0; i < 20000; i++) {
        bool array = test_below(&state, 2) == 0;
        size_t count = test_below(&state, 6);
        buf_reset(&body);
        (void)buf_puts(&body, array ? "[" : "");
        for (size_t j = 0; j < count; j++) {
            (void)buf_puts(&body, j == 0 ? "" : array ? "," : "\n");
            test_random_json(&state, &body, 3);
        }
        (void)buf_puts(&body, array ? "]" : "\n");
        if (i % 2 == 0) {
            test_mutate(&state, &body);
        }
        size_t max = 1 + test_below(&state, 100);
        enum event_format format = test_below(&state, 2) ? EVENT_FORMAT_AUTO : EVENT_FORMAT_NDJSON;
        assert_int_equal(split(&whole, buf_str(&body), format, max, body.len + 1, NULL), ERR_OK);
        assert_int_equal(split(&parts, buf_str(&body), format, max, 0, &state), ERR_OK);
        if (!str_eq(buf_str(&whole.text), buf_str(&parts.text))) {
            fail_msg("limit %zu, body \"%s\": \"%s\" but in pieces \"%s\"", max, buf_cstr(&body),
                     buf_cstr(&whole.text), buf_cstr(&parts.text));
        }
    }
    buf_deinit(&whole.text);
    buf_deinit(&parts.text);
}

/* A callback that refuses stops the splitter for good. */
static void callback_stops_the_splitter(void **unused)
{
    (void)unused;
    struct seen seen = {.text = buf_make(1 << 20), .stop_after = 2};
    struct str body = STR("{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
    assert_int_equal(split(&seen, body, EVENT_FORMAT_AUTO, 0, 5, NULL), ERR_CANCELLED);
    assert_string_equal(buf_cstr(&seen.text), "0:1:ok:{\"a\":1}|1:2:ok:{\"a\":2}|");
    buf_deinit(&seen.text);
}

/* Content types that declare lines are known, with parameters and in any case. */
static void content_types(void **unused)
{
    (void)unused;
    assert_int_equal(event_format_of(STR("application/x-ndjson")), EVENT_FORMAT_NDJSON);
    assert_int_equal(event_format_of(STR("Application/X-NDJSON; charset=utf-8")),
                     EVENT_FORMAT_NDJSON);
    assert_int_equal(event_format_of(STR("application/json")), EVENT_FORMAT_AUTO);
    assert_int_equal(event_format_of(STR("")), EVENT_FORMAT_AUTO);
    assert_int_equal(event_format_of((struct str){0}), EVENT_FORMAT_AUTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_each_kind_of_record),
        cmocka_unit_test(detail_names_the_place),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(size_is_limited),
        cmocka_unit_test(finds_the_key),
        cmocka_unit_test(fast_and_slow_agree),
        cmocka_unit_test(splits_bodies),
        cmocka_unit_test(broken_arrays_end_the_body),
        cmocka_unit_test(large_records_are_skipped),
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(callback_stops_the_splitter),
        cmocka_unit_test(content_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
