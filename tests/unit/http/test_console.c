/* SPDX-License-Identifier: MIT */
/* test_console.c - which requests the console answers, in which form, and how it finds its root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zlib.h>

#include "http/console.h"

static const char TEXT[] = "function tarn() {}";
static char packed[200];
static struct console_file files[] = {
    {"/assets/a.js", "text/javascript", "1111", sizeof TEXT - 1, 7, 0, 0, 0},
    {"/index.html", "text/html", "2222", 3, 0, 0, 0, 0},
};
const struct console console_embedded = {files, ARRAY_LEN(files), packed, sizeof packed, "2222"};

/* Pages are everything that is not the API, a file, or a path that programs know. */
static void test_pages(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool is_page;
    } CASES[] = {
        {"/", true},           {"/live", true},
        {"/tables", true},     {"/tables/bronze/schema", true},
        {"/topics/api", true}, {"/apiary", true},
        {"/assetsx", true},    {"/wsx/y", true},
        {"/healthy", true},    {"/docs/", true},
        {"/login", true},      {"/api", false},
        {"/api/", false},      {"/api/v1/topics", false},
        {"/assets", false},    {"/assets/x.js", false},
        {"/ws", false},        {"/ws/dashboard", false},
        {"/docs", false},      {"/openapi.json", false},
        {"/health", false},    {"/metrics", false},
        {"/info", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        if (console_is_page(str_from(CASES[i].path)) != CASES[i].is_page) {
            fail_msg("%s", CASES[i].path);
        }
    }
}

/* The base leads from where the browser is up to the console's root, as it counts slashes. */
static void test_base(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *base;
    } CASES[] = {
        {"/", "./"},          {"/live", "./"},          {"/topics/", "../"}, {"/topics/x", "../"},
        {"/a/b/c", "../../"}, {"/topics/a%2Fb", "../"}, {"//x", "../"},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        AUTO_BUF base = buf_make(100);
        console_base(str_from(CASES[i].path), &base);
        assert_string_equal(buf_cstr(&base), CASES[i].base);
    }
}

/* Only a coding that the client names, or takes any of, is used. */
static void test_codings(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum console_coding coding;
    } CASES[] = {
        {"", CONSOLE_IDENTITY},
        {"gzip", CONSOLE_GZIP},
        {"x-gzip", CONSOLE_GZIP},
        {"GZIP;q=0.1", CONSOLE_GZIP},
        {"gzip, deflate", CONSOLE_GZIP},
        {"gzip, deflate, br, zstd", CONSOLE_BROTLI},
        {"br;q=0.1,gzip", CONSOLE_BROTLI},
        {"br;q=0, gzip", CONSOLE_GZIP},
        {"br ; q=0.000 , gzip;q=0", CONSOLE_IDENTITY},
        {"*", CONSOLE_BROTLI},
        {"*, br;q=0", CONSOLE_GZIP},
        {"*;q=0", CONSOLE_IDENTITY},
        {"identity", CONSOLE_IDENTITY},
        {"brotli, gzipped", CONSOLE_IDENTITY},
        {",;,=", CONSOLE_IDENTITY},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        if (console_coding(str_from(CASES[i].header)) != CASES[i].coding) {
            fail_msg("%s", CASES[i].header);
        }
    }
}

/* What a browser has already is recognised in a list, weak or strong, and nothing else is. */
static void test_etags(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool matches;
    } CASES[] = {
        {"", false},
        {"\"a\"", true},
        {"W/\"a\"", true},
        {"\"b\", \"a\"", true},
        {"\"b\",W/\"a\"", true},
        {"*", true},
        {"a", false},
        {"\"aa\"", false},
        {"\"b\"", false},
        {"\"b\", \"c\",", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        if (console_matches(str_from(CASES[i].header), STR("\"a\"")) != CASES[i].matches) {
            fail_msg("%s", CASES[i].header);
        }
    }
}

/* A file comes out as it went in; one that is not what the table says comes out not at all. */
static void test_files(void **state)
{
    (void)state;
    z_stream z = {.next_in = (Bytef *)(uintptr_t)TEXT,
                  .avail_in = sizeof TEXT - 1,
                  .next_out = (Bytef *)packed + 7,
                  .avail_out = sizeof packed - 7};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    files[0].gz_len = (uint32_t)z.total_out;
    assert_int_equal(deflateEnd(&z), Z_OK);
    assert_null(console_find(&console_embedded, STR("/assets/b.js")));
    assert_null(console_find(&console_embedded, STR("/assets/a.j")));
    const struct console_file *file = console_find(&console_embedded, STR("/assets/a.js"));
    assert_ptr_equal(file, &files[0]);
    AUTO_BUF out = buf_make(1000);
    assert_true(console_inflate(&console_embedded, file, &out));
    assert_string_equal(buf_cstr(&out), TEXT);
    struct console_file cut = *file;
    cut.gz_len--;
    AUTO_BUF less = buf_make(1000);
    assert_false(console_inflate(&console_embedded, &cut, &less));
    AUTO_BUF small = buf_make(4);
    assert_false(console_inflate(&console_embedded, file, &small));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages), cmocka_unit_test(test_base),  cmocka_unit_test(test_codings),
        cmocka_unit_test(test_etags), cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
