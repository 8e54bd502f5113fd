/* SPDX-License-Identifier: MIT */
/* test_json_schema_suite.c - the official JSON-Schema-Test-Suite, draft 2020-12.
 *
 * Where it lies: TARN_JSON_SCHEMA_SUITE, else deps/json-schema-test-suite (./dev setup puts it
 * there); without it the test says so and is skipped. Every case of every file is run. A schema
 * that uses a keyword or format that tarn does not have must be refused by name, and is counted;
 * every other case must come out as the suite says. The exceptions are listed below, with the
 * reason. */
#include "flow_test.h"

#include "flow/json_schema_int.h"
#include "os/file.h"

struct totals {
    struct json_indexer *indexer;
    unsigned passed;
    unsigned refused;  /* cases whose schema was refused by name */
    unsigned excepted; /* cases that are exceptions */
    unsigned failed;
};

struct exception {
    const char *file;
    const char *test;   /* the beginning of the case's description; NULL: all of the schema */
    const char *schema; /* the beginning of the schema's description */
};
static const struct exception exceptions[] = {
    /* tarn asserts `format`, as the dialect's format-assertion vocabulary does. */
    {"format.json", "invalid ", ""},
};

static bool is_exception(const char *file, struct str schema, struct str test)
{
    for (size_t i = 0; i < ARRAY_LEN(exceptions); i++) {
        const struct exception *e = &exceptions[i];
        if (strcmp(file, e->file) == 0 && str_starts(schema, str_from(e->schema)) &&
            (e->test == NULL || str_starts(test, str_from(e->test)))) {
            return true;
        }
    }
    return false;
}

/* The value at token i as it is written. */
static struct str raw_of(const struct json_view *view, uint32_t i)
{
    uint32_t next = json_schema_skip(view, i);
    return str_trim(str_of(view->base + view->at[i], view->at[next] - view->at[i]));
}

/* The token of a member's value, or 0. */
static uint32_t member(const struct json_view *view, uint32_t i, const char *name)
{
    for (i++; json_at(view, i) != '}'; i += json_at(view, i) == ',') {
        if (str_is(json_view_string(view, i), name)) {
            return i + 2;
        }
        i = json_schema_skip(view, i + 2);
    }
    return 0;
}

static void run_case(struct totals *t, const char *file, const struct json_view *view, uint32_t i,
                     struct str schema_name, struct json_schema_run *run)
{
    struct json_schema_finding finding = {0};
    enum json_schema_verdict verdict = JSON_SCHEMA_NOMEM;
    struct str name = json_view_string(view, member(view, i, "description"));
    struct str data = raw_of(view, member(view, i, "data"));
    bool wanted = json_at(view, member(view, i, "valid")) == 't';
    assert_int_equal(json_schema_check_text(run, t->indexer, data, &verdict, &finding), ERR_OK);
    if (verdict == (wanted ? JSON_SCHEMA_VALID : JSON_SCHEMA_BAD)) {
        t->passed++;
    } else if (is_exception(file, schema_name, name)) {
        t->excepted++;
    } else {
        t->failed++;
        print_message("FAILED %s: %.*s: %.*s: %.*s should be %s; %s: %s\n", file,
                      STR_ARGS(schema_name), STR_ARGS(name), (int)MIN(data.len, 200), data.ptr,
                      wanted ? "valid" : "bad", finding.pointer, finding.reason);
    }
}

static void run_schema(struct totals *t, const char *file, const struct json_view *view, uint32_t i)
{
    struct json_schema *schema = NULL;
    struct json_schema_run *run = NULL;
    struct json_schema_finding finding = {0};
    struct str name = json_view_string(view, member(view, i, "description"));
    uint32_t tests = member(view, i, "tests");
    err e = json_schema_new(raw_of(view, member(view, i, "schema")), &schema, &finding);
    if (e != ERR_OK) {
        bool by_name = e == ERR_UNSUPPORTED && strchr(finding.reason, '"') != NULL;
        bool is_pattern = str_starts(str_from(finding.reason), STR("the pattern"));
        if (by_name || is_pattern) {
            t->refused += (unsigned)json_schema_count(view, tests);
            if (is_pattern) {
                print_message("refused %s: %.*s: %s\n", file, STR_ARGS(name), finding.reason);
            }
            return;
        }
        t->failed++;
        print_message("FAILED %s: %.*s: refused: %s: %s\n", file, STR_ARGS(name), finding.pointer,
                      finding.reason);
        return;
    }
    assert_int_equal(json_schema_run_new(schema, &run), ERR_OK);
    for (uint32_t n = tests + 1; json_at(view, n) != ']'; n += json_at(view, n) == ',') {
        run_case(t, file, view, n, name, run);
        n = json_schema_skip(view, n);
    }
    json_schema_run_free(run);
    json_schema_unref(schema);
}

static void run_file(struct totals *t, const char *folder, const char *name)
{
    AUTO_TEXT path = xasprintf("%s/%s", folder, name);
    AUTO_BUF text = buf_make(64 << 20);
    struct errmsg msg = {0};
    const uint32_t *at = NULL;
    uint32_t count = 0;
    struct json_view view;
    (void)buf_puts(&text, "{\"\":"); /* any value inside, so that it can be viewed; sticky */
    assert_int_equal(os_read_file(path, &text, &msg), ERR_OK);
    (void)buf_add_byte(&text, '}');
    struct json_indexer *indexer = json_indexer_new();
    assert_int_equal(json_indexer_run(indexer, text.data, text.len, &at, &count), JSON_INDEX_OK);
    assert_true(json_view_init(&view, buf_str(&text), at, count));
    assert_int_equal(json_walk_nested(&view, 0, EVENT_DEPTH_MAX), count);
    for (uint32_t i = 4; json_at(&view, i) != ']'; i += json_at(&view, i) == ',') {
        run_schema(t, name, &view, i);
        i = json_schema_skip(&view, i);
    }
    json_indexer_free(indexer);
}

static void run_folder(struct totals *t, const char *root, const char *inner)
{
    AUTO_TEXT folder = xasprintf("%s/draft2020-12%s", root, inner);
    AUTO_NAMES names = {0};
    struct errmsg msg = {0};
    assert_int_equal(os_list(folder, &names, &msg), ERR_OK);
    for (size_t i = 0; i < names.count; i++) {
        if (str_ends(str_from(names.items[i]), STR(".json"))) {
            run_file(t, folder, names.items[i]);
        }
    }
}

/* Every case comes out as the official suite says, or its schema is refused by name. */
static void official_cases(void **unused)
{
    (void)unused;
    const char *root = getenv("TARN_JSON_SCHEMA_SUITE");
    struct totals t = {.indexer = json_indexer_new()};
    root = root != NULL ? root : SUITE_PATH;
    AUTO_TEXT there = xasprintf("%s/draft2020-12/type.json", root);
    if (!os_exists(there)) {
        print_message("SKIPPED: %s is not there; ./dev setup brings the suite\n", there);
        json_indexer_free(t.indexer);
        skip();
    }
    run_folder(&t, root, "");
    run_folder(&t, root, "/optional");
    run_folder(&t, root, "/optional/format");
    json_indexer_free(t.indexer);
    print_message("%u cases came out as the suite says, %u of schemas that are refused by name, %u "
                  "exceptions, %u failed\n",
                  t.passed, t.refused, t.excepted, t.failed);
    assert_int_equal(t.failed, 0);
    assert_true(t.passed > 500); /* a suite that lost its files proves nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(official_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
