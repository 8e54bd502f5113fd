/* SPDX-License-Identifier: MIT */
/* fuzz_json_schema.c - a schema on the first line, values on the others.
 * Must hold: whatever the bytes, compiling ends with a schema or a place and a reason; a schema
 * follows and equals itself, also by its own text; a value gets the same verdict and finding from a
 * run that has seen others as from a fresh one; findings are UTF-8. */
#include "flow/json_index.h"
#include "flow/json_schema.h"

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
    }
    json_indexer_free(indexer);
    return 0;
}
