/* SPDX-License-Identifier: MIT */
/* test_json_schema_walk.c - the one walk over grammar and schema says yes only where the separate
 * walks do, and does say it of usual events. */
#include "flow_test.h"

#include "flow/event.h"
#include "flow/json_schema_int.h"

struct judges {
    struct json_indexer *indexer;
    struct json_schema *schema;
    struct json_schema_run *run;      /* of the validator, which has seen others */
    struct json_schema_run *exact;    /* never walks */
    struct event_validator *declared; /* grammar, schema and key in one walk */
    struct event_validator *plain;    /* grammar and key */
    uint32_t depth_max;
};

static void judges_init(struct judges *j, const char *schema, const char *key, uint32_t depth_max)
{
    struct json_schema_finding f = {0};
    *j = (struct judges){.indexer = json_indexer_new(), .depth_max = depth_max};
    if (json_schema_new(str_from(schema), &j->schema, &f) != ERR_OK) {
        fail_msg("%s: %s: %s", schema, f.pointer, f.reason);
    }
    assert_int_equal(json_schema_run_new(j->schema, &j->run), ERR_OK);
    assert_int_equal(json_schema_run_new(j->schema, &j->exact), ERR_OK);
    struct event_validator_options o = {.depth_max = depth_max, .indexer = j->indexer};
    o.key_field = key == NULL ? o.key_field : str_from(key);
    assert_int_equal(event_validator_new(&o, &j->plain, NULL), ERR_OK);
    o.check = j->run;
    assert_int_equal(event_validator_new(&o, &j->declared, NULL), ERR_OK);
}

static void judges_deinit(struct judges *j)
{
    event_validator_free(j->declared);
    event_validator_free(j->plain);
    json_schema_run_free(j->exact);
    json_schema_run_free(j->run);
    json_schema_unref(j->schema);
    json_indexer_free(j->indexer);
}

static bool view_of(struct judges *j, struct str record, struct json_view *view)
{
    const uint32_t *at = NULL;
    uint32_t count = 0;
    return json_indexer_run(j->indexer, record.ptr, record.len, &at, &count) == JSON_INDEX_OK &&
           json_view_init(view, record, at, count);
}

/* Does the walk alone say yes? */
static bool is_seen_at_once(struct judges *j, struct str record)
{
    struct json_view view;
    struct json_schema_look look = {.depth_max = j->depth_max};
    return view_of(j, record, &view) && json_schema_walk(j->run, &view, 0, &look) == view.count;
}

static void assert_same_key(const struct event_key *a, const struct event_key *b, struct str record)
{
    if (a->has_key != b->has_key || !str_eq(a->bytes, b->bytes)) {
        fail_msg("another key: %.*s", STR_ARGS(record));
    }
}

/* The verdict of the separate walks, which the one walk must share, with words, pointer and key. */
static enum event_code judge_both(struct judges *j, struct str text)
{
    /* In memory of its own, so that a byte read outside is found. */
    char *bytes = xnew_array(char, text.len + 1);
    memmove(bytes, text.ptr, text.len);
    char *end = xrealloc(bytes, MAX(text.len, 1), 1);
    struct str record = str_of(end, text.len);
    struct json_schema_finding f = {0};
    struct errmsg words[2] = {0};
    struct event_key keys[2] = {0};
    AUTO_BUF key = buf_make(1 << 20);
    enum event_code separate = event_validate(j->plain, record, &keys[0], &words[0]);
    (void)buf_add_str(&key, keys[0].bytes); /* a failure shows as another key */
    keys[0].bytes = buf_str(&key);
    struct json_view view;
    if (separate == EVENT_OK) {
        assert_true(view_of(j, record, &view));
        if (json_schema_check_exactly(j->exact, &view, 0, &f) == JSON_SCHEMA_BAD) {
            separate = EVENT_SCHEMA;
            json_schema_detail(&f, &words[0]);
        }
    }
    enum event_code at_once = event_validate(j->declared, record, &keys[1], &words[1]);
    if (at_once != separate || strcmp(words[0].text, words[1].text) != 0) {
        fail_msg("%.*s: %s (%s), should be %s (%s)", STR_ARGS(record), event_code_name(at_once),
                 words[1].text, event_code_name(separate), words[0].text);
    }
    if (separate == EVENT_OK) {
        assert_same_key(&keys[0], &keys[1], record);
    } else if (separate == EVENT_SCHEMA) {
        assert_string_equal(event_validator_pointer(j->declared), f.pointer);
    }
    assert_true(separate == EVENT_OK || !is_seen_at_once(j, record));
    free(end);
    return separate;
}

/* ---- random events ---- */

static const char *pick(uint64_t *random, const char *const *list, size_t count)
{
    return list[test_below(random, count)];
}
#define PICK(random, list) pick(random, list, ARRAY_LEN(list))

/* Schemas that say yes to much of what test_random_object() makes, each with other ways to. */
static const char *const schemas[] = {
    "{\"properties\":{\"a\":{\"type\":[\"integer\",\"string\",\"object\"]},"
    "\"b\":{\"type\":[\"array\",\"number\"],\"items\":{\"maxLength\":3}},"
    "\"ts\":{\"format\":\"date-time\"},\"time\":{\"minimum\":0},\"x y\":{\"enum\":[1,null,\"a\","
    "{}]},\"c\":{\"properties\":{\"a\":{},\"b\":{\"const\":1}},"
    "\"additionalProperties\":{\"type\":\"string\"},\"required\":[\"a\"]}}}",
    "{\"additionalProperties\":{\"maxLength\":12}}",
    "{\"required\":[\"a\"],\"additionalProperties\":{\"type\":[\"number\",\"string\",\"null\"]}}",
    "{\"type\":\"object\",\"properties\":{\"\":{},\"d\\u00e9\":{\"minLength\":1},\"A\":"
    "{\"pattern\":\"^[a-z]{0,1}$\"},\"timestamp\":{\"pattern\":\"^a?$\"},\"long_name_of_a_field\":"
    "{\"type\":\"integer\",\"maximum\":100}}}",
    "{\"enum\":[{},{\"a\":1.5},{\"b\":null}]}",
    "true",
    "{\"properties\":{\"a\":{\"items\":{\"items\":{\"type\":[\"null\",\"number\",\"boolean\"]}}},"
    "\"b\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"event_time\":{\"enum\":[\"a\",\"\",\"2026-10-01T00\",\"caf\\u00e9\",\"\\\\\"]},"
    "\"n1\":{\"minItems\":1,\"maxItems\":2,\"type\":[\"array\",\"integer\"]},"
    "\"n2\":{\"multipleOf\":0.5,\"exclusiveMaximum\":9007199254740994}}}",
};

/* Good or bad, broken or whole: one walk and separate ones give the same answer, and the walk by
 * itself never says yes where they say no. */
static void one_walk_agrees_with_separate_ones(void **unused)
{
    (void)unused;
    static const char *const keys[] = {"a",         "ts",   "x y",
                                       "d\xc3\xa9", "none", "long_name_of_a_field"};
    uint64_t random = test_seed();
    unsigned seen[EVENT_CODE_COUNT] = {0};
    unsigned at_once = 0;
    for (size_t s = 0; s < ARRAY_LEN(schemas); s++) {
        for (uint32_t depth_max = 1; depth_max <= 4; depth_max++) {
            struct judges j;
            judges_init(&j, schemas[s], depth_max == 3 ? NULL : PICK(&random, keys), depth_max);
            for (int i = 0; i < 4000; i++) {
                AUTO_BUF value = buf_make(1 << 20);
                test_random_object(&random, &value);
                if (i % 4 == 0) {
                    test_mutate(&random, &value);
                }
                seen[judge_both(&j, buf_str(&value))]++;
                at_once += is_seen_at_once(&j, buf_str(&value));
            }
            judges_deinit(&j);
        }
    }
    assert_true(seen[EVENT_OK] > 2000 && seen[EVENT_SCHEMA] > 2000 && seen[EVENT_TOO_DEEP] > 100);
    assert_true(seen[EVENT_INVALID_JSON] > 2000 && at_once > seen[EVENT_OK] / 2);
}

/* An event that ends too early is never good, wherever it ends, nor is one that goes on. */
static void torn_events_are_refused(void **unused)
{
    (void)unused;
    static const char event[] = "{\"c\":{\"a\":{\"b\":[{}]},\"x\":\"y\"},\"b\":[1.5,[2,{}]],"
                                "\"a\":{},\"ts\":\"2026-10-01T00:00:00Z\",\"x y\":{}}";
    struct judges j;
    judges_init(&j, schemas[0], NULL, 8);
    assert_int_equal(judge_both(&j, str_from(event)), EVENT_OK);
    assert_true(is_seen_at_once(&j, str_from(event)));
    for (size_t len = 0; len + 1 < sizeof event; len++) {
        for (const char *p = "}]1\" :,{"; *p != '\0'; p++) {
            AUTO_TEXT more = xasprintf("%.*s%c", (int)len, event, *p);
            (void)judge_both(&j, str_from(more)); /* fails by itself */
            AUTO_TEXT closed = xasprintf("%.*s%c}", (int)len, event, *p);
            (void)judge_both(&j, str_from(closed));
        }
        assert_int_not_equal(judge_both(&j, str_of(event, len)), EVENT_OK);
    }
    judges_deinit(&j);
}

/* ---- numbers ---- */

static void random_digits(uint64_t *random, struct buf *out, size_t count, bool may_lead)
{
    for (size_t i = 0; i < count; i++) {
        bool not_zero = i == 0 && count > 1 && !may_lead;
        (void)buf_add_byte(out, (char)('0' + not_zero + test_below(random, 10U - not_zero)));
    }
}

/* A number near others of its kind, now and then a long one or one with an exponent. */
static void random_number(uint64_t *random, struct buf *out, bool is_signed)
{
    bool is_long = test_below(random, 5) == 0;
    (void)buf_puts(out, is_signed && test_below(random, 3) == 0 ? "-" : "");
    random_digits(random, out, 1 + test_below(random, is_long ? 20 : 3), false);
    if (test_below(random, 2) == 0) {
        (void)buf_puts(out, ".");
        random_digits(random, out, 1 + test_below(random, is_long ? 20 : 3), true);
    }
    if (test_below(random, 12) == 0) {
        (void)buf_printf(out, "%c%d", test_below(random, 2) == 0 ? 'e' : 'E',
                         (int)test_below(random, 40) - 20);
    }
}

/* Bounds and divisors of any size against numbers of any length, and what is nearly a number. */
static void numbers_are_judged_exactly(void **unused)
{
    (void)unused;
    static const char *const rules[] = {"minimum", "maximum", "exclusiveMinimum",
                                        "exclusiveMaximum", "multipleOf"};
    static const char *const odd[] = {"-",    "01",        "-01", "1.",  ".5",  "1.5.2",
                                      "1-2",  "--1",       "+1",  "0x1", "1e",  "1_0",
                                      "00.5", "12345678a", "-.5", "1 2", "1.-5"};
    uint64_t random = test_seed();
    unsigned seen[EVENT_CODE_COUNT] = {0};
    unsigned at_once = 0;
    for (int s = 0; s < 1500; s++) {
        AUTO_BUF schema = buf_make(1 << 16);
        struct judges j;
        (void)buf_printf(&schema, "{\"properties\":{\"n\":{\"type\":\"%s\"",
                         test_below(&random, 3) == 0 ? "integer" : "number");
        for (size_t r = 0; r < ARRAY_LEN(rules); r++) {
            if (test_below(&random, 4) == 0) {
                (void)buf_printf(&schema, ",\"%s\":", rules[r]);
                (void)buf_puts(&schema,
                               r == 4 ? PICK(&random, ((const char *const[]){
                                                          "1", "0.01", "0.5", "3", "2.5e-3", "1e3",
                                                          "1e-15", "12345678901234567", "1e25"}))
                                      : "");
                if (r < 4) {
                    random_number(&random, &schema, true);
                }
            }
        }
        (void)buf_puts(&schema, "}}}");
        (void)buf_add_byte(&schema, '\0');
        judges_init(&j, schema.data, NULL, 8);
        for (int i = 0; i < 60; i++) {
            AUTO_BUF value = buf_make(1 << 16);
            (void)buf_puts(&value, test_below(&random, 4) == 0 ? "{\"n\":" : "{\"other\":1,\"n\":");
            if (test_below(&random, 10) == 0) {
                (void)buf_puts(&value, PICK(&random, odd));
            } else {
                random_number(&random, &value, true);
            }
            (void)buf_puts(&value, test_below(&random, 8) == 0 ? " }" : "}");
            seen[judge_both(&j, buf_str(&value))]++;
            at_once += is_seen_at_once(&j, buf_str(&value));
        }
        judges_deinit(&j);
    }
    assert_true(seen[EVENT_OK] > 5000 && seen[EVENT_SCHEMA] > 5000);
    assert_true(seen[EVENT_INVALID_JSON] > 2000 && at_once > seen[EVENT_OK] * 3 / 4);
}

/* ---- what is usual ---- */

/* Usual events do not need a second look: else a schema would cost at the door what it must not. */
static void usual_events_are_seen_at_once(void **unused)
{
    (void)unused;
    static const struct {
        const char *schema;
        const char *events; /* one a line */
    } cases[] = {
        {"{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\",\"minLength\":4,"
         "\"maxLength\":4},\"at\":{\"format\":\"date-time\"},\"kind\":{\"enum\":[\"view\","
         "\"buy\"]},\"n\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":99999},\"s\":{"
         "\"pattern\":\"^s[0-9a-f]{2}$\"},\"amount\":{\"type\":\"number\","
         "\"minimum\":0,\"maximum\":500,"
         "\"multipleOf\":0.01},\"in\":{\"type\":\"object\",\"required\":[\"page\"],\"properties\":"
         "{\"page\":{\"type\":\"string\"}},\"additionalProperties\":false}},"
         "\"required\":[\"id\",\"at\",\"kind\",\"n\",\"s\",\"amount\",\"in\"],"
         "\"additionalProperties\":false}",
         "{\"id\":\"ab12\",\"at\":\"2026-10-01T00:00:00.123Z\",\"kind\":\"view\",\"n\":99999,"
         "\"s\":\"s0f\",\"amount\":247.72,\"in\":{\"page\":\"/\"}}\n"
         "{ \"in\" : { \"page\" : \"\" } , \"amount\" : 500 , \"s\":\"s99\", \"n\" : 0 ,"
         " \"kind\":\"buy\" ,\"at\":\"2026-10-31T23:59:59+02:00\", \"id\" : \"\xc3\xa9zzz\" } \n"
         "{\"amount\":0.01,\"id\":\"\\u0061bc\\\"\",\"at\":\"2026-10-01T00:00:00Z\",\"n\":7,"
         "\"kind\":\"v\\u0069ew\",\"s\":\"s00\",\"in\":{\"page\":\"\\\\\"}}"},
        {"{\"properties\":{\"a\":{\"type\":[\"string\",\"null\"]},\"b\":{\"type\":\"boolean\"},"
         "\"u\":{\"format\":\"uuid\"},\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\","
         "\"maxLength\":8},\"maxItems\":3},\"deep\":{}}}",
         "{}\n{\"a\":null,\"b\":false,\"tags\":[],\"deep\":[{\"x\":[1]}],\"more\":{\"y\":null}}\n"
         "{\"u\":\"2eb8aa08-aa98-11ea-b4aa-73b441d16380\",\"tags\":[\"x\",\"\",\"yyyyyyyy\"],"
         "\"a\":\"b\",\"b\":true,\"a\":null}"},
        {"{\"properties\":{\"t\":{\"type\":\"integer\"},\"x\":{\"type\":\"number\",\"minimum\":0,"
         "\"exclusiveMaximum\":1},\"a_name_of_more_than_sixteen_bytes\":{\"type\":\"integer\"},"
         "\"a_name_of_more_than_sixteen_more\":{\"type\":\"string\"}}}",
         "{\"t\":1760000000123,\"x\":0.8414709848078965}\n{\"t\":-5,\"x\":0}\n"
         "{\"a_name_of_more_than_sixteen_more\":\"\",\"a_name_of_more_than_sixteen_bytes\":1}"},
        {"true", "{}\n{\"a\":[1,{}]}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct judges j;
        struct str rest = str_from(cases[i].events);
        struct str line;
        judges_init(&j, cases[i].schema, NULL, 8);
        while (str_split(&rest, '\n', &line)) {
            for (int again = 0; again < 2; again++) {
                assert_int_equal(judge_both(&j, line), EVENT_OK);
                if (!is_seen_at_once(&j, line)) {
                    fail_msg("not seen at once: %.*s", STR_ARGS(line));
                }
            }
        }
        judges_deinit(&j);
    }
}

/* More required names than bits in a word, in any order: none may be missing. */
static void many_names_are_all_required(void **unused)
{
    (void)unused;
    enum { NAMES = 150 };
    uint64_t random = test_seed();
    AUTO_BUF schema = buf_make(1 << 16);
    struct judges j;
    (void)buf_puts(&schema, "{\"required\":[");
    for (int i = 0; i < NAMES; i++) {
        (void)buf_printf(&schema, "%s\"n%d\"", i == 0 ? "" : ",", i);
    }
    (void)buf_puts(&schema, "]}");
    (void)buf_add_byte(&schema, '\0');
    judges_init(&j, schema.data, "n77", 8);
    for (int turn = 0; turn < 200; turn++) {
        AUTO_BUF value = buf_make(1 << 16);
        int missing = (int)test_below(&random, NAMES);
        int first = (int)test_below(&random, NAMES);
        (void)buf_puts(&value, "{\"x\":0");
        for (int i = 0; i < NAMES; i++) {
            int n = (first + i) % NAMES;
            if (turn % 2 == 0 || n != missing) {
                (void)buf_printf(&value, ",\"n%d\":%d", n, n);
            }
        }
        (void)buf_puts(&value, "}");
        assert_int_equal(judge_both(&j, buf_str(&value)), turn % 2 == 0 ? EVENT_OK : EVENT_SCHEMA);
        assert_int_equal(is_seen_at_once(&j, buf_str(&value)), turn % 2 == 0);
    }
    judges_deinit(&j);
}

/* A name with a backslash is not what an event with the same bytes means; zeros in texts count. */
static void bytes_that_mean_something_else_are_not_confused(void **unused)
{
    (void)unused;
    struct judges j;
    judges_init(
        &j,
        "{\"properties\":{\"a\\\\b\":{\"type\":\"null\"},\"q\\\"\":{\"type\":\"null\"},"
        "\"e\":{\"enum\":[\"a\",\"\\u0000b\"]}},\"additionalProperties\":{\"type\":\"integer\"}}",
        "a\\b", 8);
    static const struct {
        const char *event;
        enum event_code code;
    } cases[] = {
        {"{\"a\\b\":1}", EVENT_OK},       {"{\"a\\b\":null}", EVENT_SCHEMA},
        {"{\"a\\\\b\":1}", EVENT_SCHEMA}, {"{\"a\\\\b\":null}", EVENT_OK},
        {"{\"q\\\"\":1}", EVENT_SCHEMA},  {"{\"q\"\":1}", EVENT_INVALID_JSON},
        {"{\"e\":\"a\"}", EVENT_OK},      {"{\"e\":\"\\u0000a\"}", EVENT_SCHEMA},
        {"{\"e\":\"b\"}", EVENT_SCHEMA},  {"{\"e\":\"\\u0000b\"}", EVENT_OK},
        {"{\"e\":\"\"}", EVENT_SCHEMA},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int again = 0; again < 2; again++) {
            enum event_code code = judge_both(&j, str_from(cases[i].event));
            if (code != cases[i].code) {
                fail_msg("%s: %s", cases[i].event, event_code_name(code));
            }
        }
    }
    judges_deinit(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_walk_agrees_with_separate_ones),
        cmocka_unit_test(torn_events_are_refused),
        cmocka_unit_test(numbers_are_judged_exactly),
        cmocka_unit_test(usual_events_are_seen_at_once),
        cmocka_unit_test(many_names_are_all_required),
        cmocka_unit_test(bytes_that_mean_something_else_are_not_confused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
