/* SPDX-License-Identifier: MIT */
/* fuzz_json_schema.c - a schema on the first line, values on the others.
 * Must hold: whatever the bytes, compiling ends with a schema or a place and a reason; a schema
 * follows and equals itself, also by its own text; a value gets the same verdict and finding from a
 * run that has seen others as from a fresh one; findings are UTF-8; as an event, a value gets the
 * same verdict, words and key from the one walk over grammar and schema as from separate ones. */
#include "flow/event.h"
#include "flow/json_index.h"
#include "flow/json_schema.h"
#include "flow/json_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUES_MAX = 8 };

static void must(bool condition)
{
    ASSERT(condition);
}

static void check_finding(const struct json_schema_finding *f)
{
    must(f->reason[0] != '\0');
    must(str_is_utf8(str_from(f->reason)));
    must(str_is_utf8(str_from(f->pointer)));
}

static void check_value(struct json_schema *s, struct json_schema_run *used,
                        struct json_indexer *indexer, struct str value)
{
    AUTO(json_schema_run) fresh = NULL;
    struct json_schema_finding one = {0};
    struct json_schema_finding two = {0};
    enum json_schema_verdict first = JSON_SCHEMA_NOMEM;
    enum json_schema_verdict second = JSON_SCHEMA_NOMEM;
    must(json_schema_run_new(s, &fresh) == ERR_OK);
    err e = json_schema_check_text(used, indexer, value, &first, &one);
    must(json_schema_check_text(fresh, indexer, value, &second, &two) == e);
    if (e == ERR_OK) {
        must(first == second && first != JSON_SCHEMA_NOMEM);
        must(strcmp(one.pointer, two.pointer) == 0 && strcmp(one.reason, two.reason) == 0);
        if (first == JSON_SCHEMA_BAD) {
            check_finding(&one);
        }
    }
}

/* The grammar by itself, then the schema exactly. */
static enum event_code judge_apart(struct json_schema *s, struct event_validator *plain,
                                   struct json_indexer *indexer, struct str event,
                                   struct event_key *key, struct errmsg *words)
{
    AUTO(json_schema_run) exact = NULL;
    struct json_schema_finding found = {0};
    struct json_view view;
    const uint32_t *at = NULL;
    uint32_t count = 0;
    enum event_code code = event_validate(plain, event, key, words);
    if (code != EVENT_OK) {
        return code;
    }
    must(json_schema_run_new(s, &exact) == ERR_OK);
    must(json_indexer_run(indexer, event.ptr, event.len, &at, &count) == JSON_INDEX_OK);
    must(json_view_init(&view, event, at, count));
    if (json_schema_check_exactly(exact, &view, 0, &found) == JSON_SCHEMA_VALID) {
        return EVENT_OK;
    }
    json_schema_detail(&found, words);
    return EVENT_SCHEMA;
}

static void check_event(struct json_schema *s, struct json_schema_run *used,
                        struct json_indexer *indexer, struct str event)
{
    AUTO(event_validator) plain = NULL;
    AUTO(event_validator) declared = NULL;
    struct errmsg words[2] = {0};
    struct event_key keys[2] = {0};
    struct event_validator_options o = {
        .depth_max = 1 + (uint32_t)event.len % 4, .key_field = STR("a"), .indexer = indexer};
    must(event_validator_new(&o, &plain, NULL) == ERR_OK);
    o.check = used;
    must(event_validator_new(&o, &declared, NULL) == ERR_OK);
    enum event_code apart = judge_apart(s, plain, indexer, event, &keys[0], &words[0]);
    enum event_code at_once = event_validate(declared, event, &keys[1], &words[1]);
    must(apart == at_once);
    must(strcmp(words[0].text, words[1].text) == 0);
    if (apart == EVENT_OK) {
        must(keys[0].has_key == keys[1].has_key && str_eq(keys[0].bytes, keys[1].bytes));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_of(data, size);
    struct str line = {0};
    struct json_schema_finding found = {0};
    AUTO(json_schema) s = NULL;
    AUTO(json_schema) again = NULL;
    AUTO(json_schema_run) used = NULL;
    if (size > JSON_SCHEMA_BYTES_MAX || !str_split(&rest, '\n', &line)) {
        return 0;
    }
    if (json_schema_new(line, &s, &found) != ERR_OK) {
        check_finding(&found);
        return 0;
    }
    must(json_schema_new(json_schema_text(s), &again, NULL) == ERR_OK);
    must(json_schema_equal(s, again));
    must(json_schema_compatible(s, again, NULL));
    must(json_schema_run_new(s, &used) == ERR_OK);
    struct json_indexer *indexer = json_indexer_new();
    for (int i = 0; i < VALUES_MAX && str_split(&rest, '\n', &line); i++) {
        check_value(s, used, indexer, line);
        check_event(s, used, indexer, line);
    }
    json_indexer_free(indexer);
    return 0;
}
