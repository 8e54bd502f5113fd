/* SPDX-License-Identifier: MIT */
/* test_producer.c - specifications, presets, bad events, rates. */
#include "flow_test.h"

#include "flow/event.h"
#include "flow/producer.h"
#include "flow/template.h"

#define NOW INT64_C(1795000000123456)

static struct producer *compile(const char *text, uint64_t seed, struct errmsg *msg)
{
    AUTO_JSON spec = NULL;
    struct producer *p = NULL;
    assert_int_equal(json_parse(str_from(text), &spec, msg), ERR_OK);
    err e = producer_compile(spec, seed, 0, &p, msg);
    assert_true((e == ERR_OK) == (p != NULL));
    return p;
}

static struct producer *preset(const char *name, const char *change, uint64_t seed)
{
    AUTO_JSON changes = NULL;
    AUTO_JSON spec = NULL;
    struct producer *p = NULL;
    struct errmsg msg = {0};
    if (change != NULL) {
        assert_int_equal(json_parse(str_from(change), &changes, &msg), ERR_OK);
    }
    if (producer_spec(name, changes, &spec, &msg) != ERR_OK ||
        producer_compile(spec, seed, 0, &p, &msg) != ERR_OK) {
        fail_msg("%s: %s", name, msg.text);
    }
    return p;
}

static struct event_validator *validator(const char *key)
{
    struct event_validator *v = NULL;
    struct event_validator_options o = {.key_field = str_from(key)};
    assert_int_equal(event_validator_new(&o, &v, NULL), ERR_OK);
    return v;
}

/* Every event of every preset is an acceptable one, carries its time, and repeats with the seed. */
static void presets_make_acceptable_events_that_repeat(void **unused)
{
    static const char *const names[] = {"web_logs", "customers", "transactions", "analytics"};
    (void)unused;
    AUTO(event_validator) v = validator("timestamp");
    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        AUTO(producer) a = preset(names[k], NULL, 7);
        AUTO(producer) b = preset(names[k], NULL, 7);
        AUTO(producer) c = preset(names[k], NULL, 8);
        AUTO_BUF x = buf_make(1 << 16);
        AUTO_BUF y = buf_make(1 << 16);
        AUTO_BUF z = buf_make(1 << 16);
        size_t different = 0;
        for (int64_t i = 0; i < 10000; i++) {
            buf_reset(&x);
            buf_reset(&y);
            buf_reset(&z);
            assert_false(producer_next(a, NOW + i * 777, &x));
            assert_false(producer_next(b, NOW + i * 777, &y));
            assert_false(producer_next(c, NOW + i * 777, &z));
            struct event_key key = {0};
            struct errmsg detail = {0};
            if (event_validate(v, buf_str(&x), &key, &detail) != EVENT_OK) {
                fail_msg("%s: %.*s", detail.text, STR_ARGS(buf_str(&x)));
            }
            assert_true(key.has_key && key.bytes.len == 24);
            assert_true(str_find(buf_str(&x), '\n') < 0);
            assert_true(str_eq(buf_str(&x), buf_str(&y)));
            different += !str_eq(buf_str(&x), buf_str(&z));
        }
        assert_true(different > 9900);
        assert_non_null(strstr(producer_presets(), names[k]));
        AUTO_JSON all = producer_presets_json();
        json_t *told = json_object_get(json_array_get(all, k), "name");
        assert_string_equal(json_string_value(told), names[k]);
    }
    AUTO_JSON spec = NULL;
    assert_int_equal(producer_spec("weather", NULL, &spec, NULL), ERR_NOT_FOUND);
}

/* What is wrong in a specification is named with the place where it stands. */
static void bad_specifications_are_refused_by_place(void **unused)
{
    static const struct {
        const char *spec;
        const char *says;
    } cases[] = {
        {"{}", "give \"template\""},
        {"{\"template\":{},\"types\":[]}", "give \"template\""},
        {"{\"template\":{},\"speed\":5}", "/speed: there is no such member; there are topic"},
        {"{\"template\":{},\"rate\":-1}", "/rate must be a number from 0"},
        {"{\"template\":{},\"rate\":\"fast\"}", "/rate must be a number of events a second"},
        {"{\"template\":{},\"rate\":{\"sine\":{\"mean\":5,\"amplitude\":6,\"period_s\":60}}}",
         "/rate/sine/amplitude must not be over the mean"},
        {"{\"template\":{},\"rate\":{\"sine\":{\"mean\":5,\"amplitude\":1}}}",
         "/rate/sine/period_s must be a number"},
        {"{\"template\":{},\"rate\":{\"bursts\":{\"base\":1,\"burst\":9,\"every_s\":1,"
         "\"length_s\":2}}}",
         "/rate/bursts/length_s must not be over every_s"},
        {"{\"template\":{},\"rate\":{\"constant\":{\"rate\":1,\"x\":2}}}",
         "/rate/constant has a member that is not one of rate"},
        {"{\"types\":[]}", "/types must be a list of 1 to"},
        {"{\"types\":[{\"name\":\"a\"}]}", "/types/0/template: a template is an object"},
        {"{\"types\":[{\"name\":\"a\",\"template\":{}},{\"name\":\"a\",\"template\":{}}]}",
         "/types/1/name: there is another type \"a\""},
        {"{\"types\":[{\"name\":\"a\",\"weight\":0,\"template\":{}}]}", "must not all be 0"},
        {"{\"types\":[{\"name\":\"a\",\"template\":{\"x\":{\"$dice\":{}}}}]}",
         "/types/0/template/x: there is no generator \"$dice\""},
        {"{\"template\":{},\"bad\":{\"share\":2}}", "/bad/share must be a number from 0 to 1"},
        {"{\"template\":{},\"bad\":{\"share\":1,\"kinds\":[\"ugly\"]}}",
         "/bad/kinds holds something else than broken_json, wrong_type"},
        {"{\"template\":{},\"bad\":{\"share\":1,\"often\":1}}", "/bad/often: there is no such"},
        {"{\"template\":{},\"count\":-1}", "/count must be a number"},
        {"{\"template\":{},\"topic\":5}", "/topic must be"},
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct errmsg msg = {0};
        assert_null(compile(cases[i].spec, 1, &msg));
        if (strstr(msg.text, cases[i].says) == NULL) {
            fail_msg("%s\n  says: %s\n  not:  %s", cases[i].spec, msg.text, cases[i].says);
        }
    }
}

/* Types come as often as their weights say. */
static void types_follow_their_weights(void **unused)
{
    (void)unused;
    struct errmsg msg = {0};
    AUTO(producer)
    p = compile("{\"types\":[{\"name\":\"a\",\"weight\":7,\"template\":{\"t\":\"a\"}},"
                "{\"name\":\"b\",\"weight\":2,\"template\":{\"t\":\"b\"}},"
                "{\"name\":\"c\",\"weight\":0,\"template\":{\"t\":\"c\"}},"
                "{\"name\":\"d\",\"template\":{\"t\":\"d\"}}]}",
                test_seed(), &msg);
    size_t seen[4] = {0};
    AUTO_BUF out = buf_make(1 << 16);
    for (int i = 0; i < 100000; i++) {
        buf_reset(&out);
        (void)producer_next(p, NOW, &out);
        seen[out.data[6] - 'a']++;
    }
    assert_in_range(seen[0], 69000, 71000);
    assert_in_range(seen[1], 19000, 21000);
    assert_int_equal(seen[2], 0);
    assert_in_range(seen[3], 9300, 10700);
}

/* The share of bad events is kept, and each kind is what it says. */
static void bad_events_are_bad_in_the_way_they_say(void **unused)
{
    static const struct {
        const char *kind;
        enum event_code code;
        enum event_code other; /* a beginning of an object that ends in a letter's midst */
    } kinds[] = {{"broken_json", EVENT_INVALID_JSON, EVENT_INVALID_UTF8},
                 {"not_an_object", EVENT_NOT_AN_OBJECT, EVENT_NOT_AN_OBJECT},
                 {"too_deep", EVENT_TOO_DEEP, EVENT_TOO_DEEP},
                 {"wrong_type", EVENT_OK, EVENT_OK}};
    (void)unused;
    AUTO(event_validator) v = validator("");
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        AUTO_TEXT text =
            xasprintf("{\"bad\":{\"share\":0.25,\"kinds\":[\"%s\"]},\"template\":{\"n\":"
                      "{\"$int\":{}},\"who\":{\"a\":\"x:5,{\\\"\"},\"city\":\"K\xc3\xb6ln\"}}",
                      kinds[k].kind);
        struct errmsg msg = {0};
        AUTO(producer) p = compile(text, 3, &msg);
        AUTO_BUF out = buf_make(1 << 20);
        size_t bad = 0;
        for (int i = 0; i < 8000; i++) {
            buf_reset(&out);
            bool is_bad = producer_next(p, NOW, &out);
            enum event_code code = event_validate(v, buf_str(&out), NULL, NULL);
            bool is_text = strstr(buf_cstr(&out), "{\"n\":\"not a number\",\"who\"") != NULL;
            assert_true(is_bad ? code == kinds[k].code || code == kinds[k].other
                               : code == EVENT_OK);
            assert_true(is_text == (is_bad && k == 3));
            bad += is_bad;
        }
        assert_in_range(bad, 1800, 2200);
    }
}

/* Changes replace members, null removes one, weights are changed by name. */
static void changes_go_over_a_preset(void **unused)
{
    (void)unused;
    AUTO_JSON spec = NULL;
    AUTO_JSON change = NULL;
    struct errmsg msg = {0};
    assert_int_equal(
        json_parse(STR("{\"rate\":5,\"weights\":{\"page\":1},\"topic\":null}"), &change, NULL),
        ERR_OK);
    assert_int_equal(producer_spec("web_logs", change, &spec, &msg), ERR_OK);
    const json_t *types = json_object_get(spec, "types");
    assert_int_equal(json_integer_value(json_object_get(spec, "rate")), 5);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(types, 0), "weight")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(types, 1), "weight")), 9);
    assert_null(json_object_get(spec, "topic"));
    AUTO_JSON wrong = json_pack("{s:{s:i}}", "weights", "pages", 1);
    AUTO_JSON none = NULL;
    assert_int_equal(producer_spec("web_logs", wrong, &none, &msg), ERR_INVALID);
    assert_non_null(strstr(msg.text, "/weights/pages: there is no type"));
}

/* A producer goes on where the former one was: its counters, and no event twice. */
static void counters_go_on(void **unused)
{
    static const char text[] =
        "{\"template\":{\"n\":{\"$seq\":{\"start\":10,\"step\":5}},\"id\":{\"$hex\":{}}}}";
    (void)unused;
    struct errmsg msg = {0};
    AUTO(producer) a = compile(text, 3, &msg);
    AUTO(producer) b = compile(text, 3, &msg);
    AUTO_BUF x = buf_make(1 << 16);
    (void)producer_next(a, NOW, &x);
    buf_reset(&x);
    (void)producer_next(a, NOW, &x);
    assert_true(str_starts(buf_str(&x), STR("{\"n\":15,")));
    producer_continue(b, a);
    AUTO_BUF y = buf_make(1 << 16);
    (void)producer_next(b, NOW, &y);
    assert_true(str_starts(buf_str(&y), STR("{\"n\":20,")));
    buf_reset(&x);
    (void)producer_next(a, NOW, &x);
    assert_true(str_eq(buf_str(&x), buf_str(&y)));
    producer_skip(b, 100);
    buf_reset(&y);
    (void)producer_next(b, NOW, &y);
    assert_true(str_starts(buf_str(&y), STR("{\"n\":525,")));
}

/* The count of due events is the rate's integral, however the rate moves. */
static void due_events_are_the_integral_of_the_rate(void **unused)
{
    static const struct {
        const char *rate;
        int64_t seconds;
        double due;
    } cases[] = {
        {"250", 10, 2500},
        {"{\"constant\":{\"rate\":0.5}}", 10, 5},
        {"{\"sine\":{\"mean\":100,\"amplitude\":100,\"period_s\":20}}", 20, 2000},
        {"{\"sine\":{\"mean\":100,\"amplitude\":50,\"period_s\":20}}", 10, 1318.3},
        {"{\"bursts\":{\"base\":10,\"burst\":1000,\"every_s\":10,\"length_s\":1}}", 20, 2180},
        {"{\"bursts\":{\"base\":10,\"burst\":1000,\"every_s\":10,\"length_s\":1}}", 25, 3220},
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_JSON json = NULL;
        struct pace pace;
        assert_int_equal(json_parse(str_from(cases[i].rate), &json, NULL), ERR_OK);
        assert_int_equal(pace_compile(json, "", &pace, NULL), ERR_OK);
        double due = pace_due(&pace, cases[i].seconds * 1000000);
        assert_true(due > cases[i].due - 0.1 && due < cases[i].due + 0.1);
        double sum = 0;
        for (int64_t us = 0; us < cases[i].seconds * 1000000; us += 1000) {
            assert_true(pace_due(&pace, us) <= pace_due(&pace, us + 1000));
            sum += pace_rate(&pace, us + 500) / 1000;
        }
        assert_true(sum > due - 1.5 && sum < due + 1.5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_make_acceptable_events_that_repeat),
        cmocka_unit_test(bad_specifications_are_refused_by_place),
        cmocka_unit_test(types_follow_their_weights),
        cmocka_unit_test(bad_events_are_bad_in_the_way_they_say),
        cmocka_unit_test(changes_go_over_a_preset),
        cmocka_unit_test(counters_go_on),
        cmocka_unit_test(due_events_are_the_integral_of_the_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
