/* SPDX-License-Identifier: MIT */
/* test_nested.c - declared columns from the log to the query: a row is the same hot and landed, by
 * whichever versions of the schema it was decoded and its files written. */
#include "flow/schema_change.h"
#include "flow_test.h"
#include "hot_test.h"

static struct hot_rig rig; /* the engine is kept over tests */

#define MAYBE(type) "{\"type\":[\"" type "\",\"null\"]}"
#define OBJECT(members) "{\"type\":[\"object\",\"null\"],\"properties\":{" members "}}"
#define LIST(items) "{\"type\":[\"array\",\"null\"],\"items\":" items "}"
#define N "\"n\":" MAYBE("integer")
#define T "\"t\":" MAYBE("string")
#define X "\"x\":" MAYBE("number")
#define ID "\"id\":" MAYBE("integer")
#define M "\"m\":" LIST(MAYBE("boolean"))
#define IN(members) "\"in\":" OBJECT(members)
#define MATRIX ",\"m\":" LIST(LIST(MAYBE("integer")))
#define SCHEMA(members) "{\"type\":\"object\",\"properties\":{" members "}}"

/* Each may follow the one before. */
static const char *const versions[] = {
    SCHEMA(ID),
    SCHEMA(ID ",\"s\":" OBJECT(N)),
    SCHEMA(ID ",\"s\":" OBJECT(N "," T) ",\"l\":" LIST(OBJECT(X))),
    SCHEMA(ID ",\"s\":" OBJECT(N "," T "," IN(M)) ",\"l\":" LIST(OBJECT(X "," N))),
    SCHEMA(ID ",\"s\":" OBJECT(N "," T "," IN(M "," X)) ",\"l\":" LIST(OBJECT(X "," N "," T))
               MATRIX),
};

static const char *const objects[] = {
    "null",
    "{}",
    "{\"n\":1}",
    "{\"n\":null,\"t\":\"a text of more than twelve bytes\"}",
    "{\"t\":\"\\u00e9\",\"in\":{\"m\":[true,null],\"x\":1.5}}",
    "{\"in\":{}}",
    "{\"in\":null,\"n\":2.0}",
    "{\"in\":{\"m\":[]},\"other\":[1,{\"a\":2}]}",
    "{\"N\":1}",
    "7",
    "{\"n\":\"x\"}",
};
static const char *const lists[] = {
    "null",
    "[]",
    "[null]",
    "[{\"x\":1}]",
    "[{\"x\":0.5,\"n\":3,\"t\":\"b\"},null,{}]",
    "[{\"x\":1,\"more\":{\"y\":[]}},{\"n\":4}]",
    "{\"x\":1}",
    "[{\"x\":\"no\"}]",
    "[1]",
};
static const char *const matrices[] = {"null",     "[]",  "[[1,2],[],null]",
                                       "[[null]]", "[1]", "[[1.5]]"};

static void add_event(uint64_t *state, int id, struct buf *out)
{
    (void)buf_printf(out, "{\"id\":%d", id);
    if (test_below(state, 4) != 0) {
        (void)buf_printf(out, ",\"s\":%s", objects[test_below(state, ARRAY_LEN(objects))]);
    }
    if (test_below(state, 4) != 0) {
        (void)buf_printf(out, ",\"l\":%s", lists[test_below(state, ARRAY_LEN(lists))]);
    }
    if (test_below(state, 4) == 0) {
        (void)buf_printf(out, ",\"m\":%s", matrices[test_below(state, ARRAY_LEN(matrices))]);
    }
    (void)buf_puts(out, "}");
}

static void append_some(uint64_t *state, int *id)
{
    char *texts[40];
    size_t count = test_below(state, ARRAY_LEN(texts)) + 1;
    for (size_t i = 0; i < count; i++) {
        AUTO_BUF event = buf_make(1 << 16);
        add_event(state, (*id)++, &event);
        texts[i] = xstrdup(buf_cstr(&event));
    }
    rig_append(&rig.land, (uint32_t)test_below(state, 2), RIG_NOON_MS, (const char *const *)texts,
               count);
    for (size_t i = 0; i < count; i++) {
        free(texts[i]);
    }
}

static void declare(const char *document)
{
    bool is_new = false;
    struct json_schema_finding finding = {{0}, {0}};
    OK(schema_change_declare(rig.land.store, rig.land.topic, str_from(document), &is_new, &finding,
                             &msg_));
    assert_true(is_new);
    hot_tell_topics(&rig);
    OK(lander_load(rig.land.lander, true, &msg_));
}

/* All rows with all columns, and what types they have. */
static char *whole(void)
{
    return hot_text(&rig, true, false,
                    "SELECT coalesce(string_agg(to_json(t)::VARCHAR || typeof(t), chr(10) ORDER BY "
                    "_partition, _offset), '') FROM web_logs t");
}

static void flush_changes_nothing(void)
{
    AUTO_TEXT hot = whole();
    hot_exactly_once(&rig);
    rig_flush(&rig.land);
    AUTO_TEXT landed = whole();
    if (strcmp(hot, landed) != 0) {
        fail_msg("hot:\n%s\nlanded:\n%s", hot, landed);
    }
    hot_exactly_once(&rig);
}

static void rows_are_the_same_hot_and_landed(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int round = 0; round < 6; round++) {
        int id = 0;
        size_t version = 0;
        hot_open(&rig);
        for (int step = 0; step < 25; step++) {
            size_t kind = test_below(&state, 5);
            if (kind == 0 && version < ARRAY_LEN(versions)) {
                declare(versions[version++]);
            } else if (kind == 1) {
                flush_changes_nothing();
            } else if (kind == 2) {
                AUTO_TEXT seen = whole(); /* hot rows of this moment are kept and added to */
                hot_exactly_once(&rig);
            } else {
                append_some(&state, &id);
            }
        }
        flush_changes_nothing();
        hot_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_same_hot_and_landed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
