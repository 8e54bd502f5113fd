/* SPDX-License-Identifier: MIT */
/* test_template.c - templates: what is rendered, and what is refused. */
#include "flow_test.h"

#include <math.h>

#include "base/uuid.h"
#include "flow/template.h"

#define NOW INT64_C(1795000000123456) /* 2026-11-18T11:06:40.123Z */

static struct template *compile(const char *text, uint64_t seed, struct errmsg *msg)
{
    AUTO_JSON json = NULL;
    struct template *t = NULL;
    assert_int_equal(json_parse(str_from(text), &json, msg), ERR_OK);
    err e = template_compile(json, "/t", seed, &t, msg);
    assert_true((e == ERR_OK) == (t != NULL));
    return t;
}

static json_t *render(struct template *t)
{
    AUTO_BUF out = buf_make(TEMPLATE_EVENT_BYTES_MAX);
    json_t *json = NULL;
    template_render(t, NOW, &out);
    assert_int_equal(buf_check(&out), ERR_OK);
    assert_true(str_find(buf_str(&out), '\n') < 0);
    if (json_parse(buf_str(&out), &json, NULL) != ERR_OK) {
        fail_msg("not JSON: %.*s", STR_ARGS(buf_str(&out)));
    }
    return json;
}

/* What holds no generator is rendered as it stands, and stays the same value. */
static void fixed_values_stand_for_themselves(void **unused)
{
    static const char text[] =
        "{\"a\":1,\"b\":[true,null,{\"c\":\"x\\\"y\\n\\u00e9\"}],\"pi\":3.141592653589793,"
        "\"r\":0.1,\"w\":2.0,\"big\":-9007199254740993,\"$\":{\"$literal\":{\"$uuid\":{}}}}";
    (void)unused;
    struct errmsg msg = {0};
    assert_null(compile(text, 1, &msg));
    assert_non_null(strstr(msg.text, "a template is an object"));
    AUTO_TEXT fine = xasprintf("{\"top\":%s", "{\"a\":1,\"b\":[true,null,{\"c\":\"x\\\"y\\n"
                                              "\\u00e9\"}],\"pi\":3.141592653589793,\"r\":0.1,"
                                              "\"w\":2.0,\"big\":-9007199254740993},"
                                              "\"l\":{\"$literal\":{\"$uuid\":{}}},\"e\":{}}");
    AUTO(template) t = compile(fine, 1, &msg);
    AUTO_BUF out = buf_make(1 << 16);
    assert_non_null(t);
    template_render(t, NOW, &out);
    assert_string_equal(buf_cstr(&out),
                        "{\"top\":{\"a\":1,\"b\":[true,null,{\"c\":\"x\\\"y\\n\xc3\xa9\"}],"
                        "\"pi\":3.141592653589793,\"r\":0.1,\"w\":2.0,\"big\":-9007199254740993},"
                        "\"l\":{\"$uuid\":{}},\"e\":{}}");
}

/* Each generator's value has the type and the form it promises. */
static void generators_make_what_they_promise(void **unused)
{
    static const char text[] =
        "{\"uuid\":{\"$uuid\":{}},\"seq\":{\"$seq\":{\"start\":5,\"step\":-2}},"
        "\"int\":{\"$int\":{\"min\":-3,\"max\":3}},\"float\":{\"$float\":{\"min\":-1,\"max\":1,"
        "\"decimals\":3}},\"bool\":{\"$bool\":{\"share\":1}},\"name\":{\"$name\":{}},"
        "\"city\":{\"$city\":{}},\"country\":{\"$country\":{}},\"email\":{\"$email\":{}},"
        "\"ip\":{\"$ip\":{\"net\":\"10.1.0.0/16\"}},\"ip6\":{\"$ip\":{\"version\":6}},"
        "\"url\":{\"$url\":{\"base\":\"http://h/\\\"q\"}},\"text\":{\"$text\":{\"min\":2,"
        "\"max\":2}},\"hex\":{\"$hex\":{\"digits\":20}},\"at\":{\"$time\":{}},"
        "\"ms\":{\"$time\":{\"format\":\"unix_ms\"}},"
        "\"list\":{\"$list\":{\"of\":{\"n\":{\"$int\":{}}},\"min\":2,\"max\":2}},"
        "\"cat\":{\"$concat\":[\"a\\\"-\",{\"$int\":{\"min\":7,\"max\":7}},true,"
        "{\"$choice\":{\"values\":[\"x\",\"x\"]}},{\"$copy\":\"/uuid\"}]},"
        "\"again\":{\"$copy\":\"/int\"},\"product\":{\"$times\":{\"of\":[\"/int\",\"/float\",2],"
        "\"decimals\":4}},"
        "\"choice\":{\"$choice\":{\"values\":[{\"a\":{\"$seq\":{}}},[1]],\"weights\":[0,1]}}}";
    (void)unused;
    struct errmsg msg = {0};
    AUTO(template) t = compile(text, test_seed(), &msg);
    if (t == NULL) {
        fail_msg("%s", msg.text);
    }
    for (int i = 0; i < 2000; i++) {
        AUTO_JSON e = render(t);
        const char *uuid = json_string_value(json_object_get(e, "uuid"));
        int64_t number = json_integer_value(json_object_get(e, "int"));
        double real = json_real_value(json_object_get(e, "float"));
        const char *cat = json_string_value(json_object_get(e, "cat"));
        assert_true(uuid_is_valid(str_from(uuid)) && uuid[14] == '4');
        assert_int_equal(json_integer_value(json_object_get(e, "seq")), 5 - 2 * i);
        assert_true(json_is_integer(json_object_get(e, "int")) && number >= -3 && number <= 3);
        assert_true(json_is_real(json_object_get(e, "float")) && real >= -1 && real <= 1);
        assert_true(json_is_true(json_object_get(e, "bool")));
        assert_non_null(strchr(json_string_value(json_object_get(e, "name")), ' '));
        assert_true(json_string_length(json_object_get(e, "city")) > 2);
        assert_int_equal(json_string_length(json_object_get(e, "country")), 2);
        assert_non_null(strchr(json_string_value(json_object_get(e, "email")), '@'));
        assert_true(
            str_starts(str_from(json_string_value(json_object_get(e, "ip"))), STR("10.1.")));
        assert_true(
            str_starts(str_from(json_string_value(json_object_get(e, "ip6"))), STR("2001:db8:")));
        assert_true(str_starts(str_from(json_string_value(json_object_get(e, "url"))),
                               STR("http://h/\"q")));
        assert_non_null(strchr(json_string_value(json_object_get(e, "text")), ' '));
        assert_int_equal(json_string_length(json_object_get(e, "hex")), 20);
        assert_string_equal(json_string_value(json_object_get(e, "at")),
                            "2026-11-18T11:06:40.123Z");
        assert_int_equal(json_integer_value(json_object_get(e, "ms")), NOW / 1000);
        assert_int_equal(json_array_size(json_object_get(e, "list")), 2);
        AUTO_TEXT expected = xasprintf("a\"-7truex%s", uuid);
        assert_string_equal(cat, expected);
        assert_int_equal(json_integer_value(json_object_get(e, "again")), number);
        double product = json_real_value(json_object_get(e, "product"));
        assert_true(fabs(product - 2 * (double)number * real) < 1e-4);
        assert_int_equal(json_array_size(json_object_get(e, "choice")), 1);
    }
}

/* Numbers keep their bounds, and their mean where one is given. */
static void distributions_keep_bounds_and_mean(void **unused)
{
    static const struct {
        const char *generator;
        double low;
        double high;
        double mean;
        double error;
    } cases[] = {
        {"{\"$int\":{\"min\":0,\"max\":10}}", 0, 10, 5, 0.1},
        {"{\"$int\":{\"min\":0,\"max\":1000,\"dist\":\"normal\",\"mean\":500,\"stddev\":50}}", 0,
         1000, 500, 1},
        {"{\"$int\":{\"min\":0,\"max\":100000,\"dist\":\"exponential\",\"mean\":300}}", 0, 100000,
         300, 5},
        {"{\"$int\":{\"min\":1,\"max\":2,\"dist\":\"zipf\",\"exponent\":1}}", 1, 2, 4.0 / 3, 0.02},
        {"{\"$float\":{\"min\":-1,\"max\":1,\"decimals\":6}}", -1, 1, 0, 0.02},
        {"{\"$float\":{\"min\":0,\"max\":10,\"dist\":\"normal\"}}", 0, 10, 5, 0.05},
        {"{\"$float\":{\"min\":5,\"max\":1000,\"dist\":\"exponential\",\"mean\":15}}", 5, 1000, 15,
         0.3},
        {"{\"$float\":{\"min\":3,\"max\":3,\"decimals\":0,\"dist\":\"normal\"}}", 3, 3, 3, 0},
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct errmsg msg = {0};
        AUTO_TEXT text = xasprintf("{\"n\":%s}", cases[i].generator);
        AUTO(template) t = compile(text, test_seed(), &msg);
        double sum = 0;
        enum { COUNT = 40000 };
        for (int j = 0; j < COUNT; j++) {
            AUTO_JSON e = render(t);
            double n = json_number_value(json_object_get(e, "n"));
            assert_true(n >= cases[i].low && n <= cases[i].high);
            sum += n;
        }
        if (fabs(sum / COUNT - cases[i].mean) > cases[i].error) {
            fail_msg("%s has mean %f", cases[i].generator, sum / COUNT);
        }
    }
}

/* Times are jittered and late as often and as far as they may be. */
static void times_are_late_as_told(void **unused)
{
    (void)unused;
    struct errmsg msg = {0};
    AUTO(template)
    t = compile("{\"t\":{\"$time\":{\"format\":\"unix_ms\",\"jitter_ms\":100,"
                "\"late_share\":0.2,\"late_ms\":60000}}}",
                5, &msg);
    int late = 0;
    for (int i = 0; i < 10000; i++) {
        AUTO_JSON e = render(t);
        int64_t behind = NOW / 1000 - json_integer_value(json_object_get(e, "t"));
        assert_true(behind >= -101 && behind <= 60101);
        late += behind > 101;
    }
    assert_in_range(late, 1850, 2150);
}

/* Foreign keys with one label name one row of the sample table. */
static void labelled_references_name_one_row(void **unused)
{
    (void)unused;
    struct errmsg msg = {0};
    AUTO(template)
    t = compile(
        "{\"id\":{\"$ref\":{\"table\":\"customers\",\"column\":\"customer_id\",\"row\":\"c\","
        "\"dist\":\"zipf\"}},\"mail\":{\"$ref\":{\"table\":\"customers\",\"column\":\"email\","
        "\"row\":\"c\"}},\"other\":{\"$ref\":{\"table\":\"customers\",\"column\":"
        "\"customer_id\"}}}",
        5, &msg);
    int same = 0;
    for (int i = 0; i < 2000; i++) {
        AUTO_JSON e = render(t);
        long long id = json_integer_value(json_object_get(e, "id"));
        AUTO_TEXT part = xasprintf("%lld@", id);
        assert_true(id >= 1 && id <= 2000);
        assert_non_null(strstr(json_string_value(json_object_get(e, "mail")), part));
        same += id == json_integer_value(json_object_get(e, "other"));
    }
    assert_true(same < 100);
}

/* What is wrong is refused with its place and what there is instead. */
static void bad_templates_are_refused_by_place(void **unused)
{
    static const struct {
        const char *value;
        const char *says;
    } cases[] = {
        {"{\"$unknown\":{}}", "/t/x: there is no generator \"$unknown\"; there are $uuid, $seq"},
        {"{\"$uuid\":{},\"b\":1}", "/t/x: a generator stands alone"},
        {"{\"$uuid\":5}", "/t/x/$uuid: $uuid takes an object"},
        {"{\"$uuid\":{\"v\":7}}", "/t/x/$uuid: $uuid has no option \"v\"; it has none"},
        {"{\"$int\":{\"mn\":7}}", "$int has no option \"mn\"; it has min, max, dist, mean"},
        {"{\"$int\":{\"min\":1.5}}", "/t/x/$int: \"min\" must be a whole number"},
        {"{\"$int\":{\"min\":9,\"max\":3}}", "\"min\" is over \"max\""},
        {"{\"$int\":{\"dist\":\"flat\"}}", "\"dist\" is \"flat\", and must be one of uniform"},
        {"{\"$int\":{\"mean\":5}}", "\"mean\" is for normal and exponential"},
        {"{\"$int\":{\"dist\":\"normal\",\"mean\":500}}", "\"mean\" must lie between"},
        {"{\"$float\":{\"dist\":\"zipf\"}}", "use it with $int"},
        {"{\"$float\":{\"max\":1e12,\"decimals\":9}}", "do not have 9 decimals"},
        {"{\"$choice\":{}}", "/t/x/$choice/values: \"values\" must be a list"},
        {"{\"$choice\":{\"values\":[]}}", "\"values\" must be a list of 1 to"},
        {"{\"$choice\":{\"values\":[1],\"weights\":[1,2]}}", "a number for each value"},
        {"{\"$choice\":{\"values\":[1],\"weights\":[0]}}", "not all of them 0"},
        {"{\"$choice\":{\"values\":[1,{\"$bool\":{\"x\":1}}]}}", "/t/x/$choice/values/1/$bool: "},
        {"{\"$concat\":[{}]}", "cannot be part of a text"},
        {"{\"$concat\":[{\"$list\":{\"of\":1}}]}", "a list cannot be part of a text"},
        {"{\"$concat\":5}", "must be a list"},
        {"{\"$copy\":\"/nowhere\"}", "$copy takes the JSON pointer of an earlier generator"},
        {"{\"$copy\":\"/x\"}", "$copy takes the JSON pointer"},
        {"{\"$times\":{\"of\":[1]}}", "\"of\" must list 2 to"},
        {"{\"$times\":{\"of\":[1,\"/a~1b\"]}}", "\"/a~1b\" is not the place of an earlier"},
        {"{\"$ref\":{\"table\":\"dogs\"}}", "there is no sample table \"dogs\""},
        {"{\"$ref\":{\"table\":\"customers\",\"column\":\"dog\"}}", "it has customer_id, name"},
        {"{\"$time\":{\"late_share\":0.5}}", "\"late_share\" needs \"late_ms\""},
        {"{\"$time\":{\"format\":\"iso\"}}", "must be one of rfc3339, unix_ms, unix_s"},
        {"{\"$ip\":{\"net\":\"10.0.0.0/40\"}}", "must be an IPv4 network"},
        {"{\"$ip\":{\"net\":\"\"}}", "must be an IPv4 network"},
        {"{\"$ip\":{\"version\":5}}", "must be 4 or 6"},
        {"{\"$list\":{}}", "\"of\" is missing"},
        {"{\"$name\":{\"part\":\"middle\"}}", "one of full, first, last"},
        {"{\"$hex\":{\"digits\":65}}", "\"digits\" must be a whole number from 1 to 64"},
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct errmsg msg = {0};
        AUTO_TEXT text = xasprintf("{\"a/b\":{\"$uuid\":{}},\"x\":%s}", cases[i].value);
        assert_null(compile(text, 1, &msg));
        if (strstr(msg.text, cases[i].says) == NULL) {
            fail_msg("%s\n  says: %s\n  not:  %s", cases[i].value, msg.text, cases[i].says);
        }
    }
}

/* Deep and huge templates, and renderings without end, are refused and not followed. */
static void limits_hold(void **unused)
{
    (void)unused;
    struct errmsg msg = {0};
    AUTO_BUF deep = buf_make(1 << 20);
    for (int i = 0; i < 100; i++) {
        buf_puts(&deep, "{\"a\":");
    }
    buf_puts(&deep, "1");
    for (int i = 0; i < 100; i++) {
        buf_puts(&deep, "}");
    }
    assert_null(compile(buf_cstr(&deep), 1, &msg));
    assert_non_null(strstr(msg.text, "nested deeper than"));
    AUTO_BUF wide = buf_make(8 << 20);
    buf_puts(&wide, "{\"a\":\"x\"");
    for (int i = 0; i < 40000; i++) {
        buf_printf(&wide, ",\"field_with_a_long_name_%d\":{\"$uuid\":{}}", i);
    }
    buf_puts(&wide, "}");
    assert_null(compile(buf_cstr(&wide), 1, &msg));
    assert_non_null(strstr(msg.text, "over 1048576 bytes"));
    AUTO(template)
    t = compile("{\"a\":{\"$list\":{\"min\":1000,\"max\":1000,\"of\":{\"$list\":{"
                "\"min\":1000,\"max\":1000,\"of\":{\"$list\":{\"min\":1000,"
                "\"max\":1000,\"of\":1}}}}}}}",
                1, &msg);
    AUTO_BUF out = buf_make(TEMPLATE_EVENT_BYTES_MAX);
    template_render(t, NOW, &out);
    assert_int_equal(buf_check(&out), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_values_stand_for_themselves),
        cmocka_unit_test(generators_make_what_they_promise),
        cmocka_unit_test(distributions_keep_bounds_and_mean),
        cmocka_unit_test(times_are_late_as_told),
        cmocka_unit_test(labelled_references_name_one_row),
        cmocka_unit_test(bad_templates_are_refused_by_place),
        cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
