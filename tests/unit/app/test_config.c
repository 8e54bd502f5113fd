/* SPDX-License-Identifier: MIT */
/* test_config.c - settings from defaults, files and options. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "app/config.h"
#include "os/clock.h"
#include "os/file.h"

static char *with_file(const char *text)
{
    char *path = xasprintf("/tmp/tarn-config-%s.yaml", os_uuid_new().text);
    assert_int_equal(os_replace_file(path, str_from(text), NULL), ERR_OK);
    return path;
}

/* `c` is initialised already. */
static err load(struct config *c, const char *text, struct errmsg *msg)
{
    AUTO_TEXT path = with_file(text);
    config_deinit(c);
    config_init(c);
    err e = config_load_file(c, path, msg);
    assert_int_equal(os_unlink(path, NULL), ERR_OK);
    return e;
}

static void a_file_changes_what_it_names(void **state)
{
    /* What a file names is changed, everything else keeps its default; an empty file is fine. */
    (void)state;
    struct config c = {0};
    assert_int_equal(
        load(&c, "flush_age: 10s\nmemory: 512MiB\npartitions: 8\nauto_create: no\n", NULL), ERR_OK);
    assert_int_equal(c.flush_age, 10000);
    assert_int_equal(c.memory, 512ULL << 20);
    assert_int_equal(c.partitions, 8);
    assert_false(c.auto_create);
    assert_string_equal(c.http, "127.0.0.1:8276");
    assert_int_equal(load(&c, "# nothing\n", NULL), ERR_OK);
    assert_int_equal(load(&c, "", NULL), ERR_OK);
    config_deinit(&c);
}

static void mistakes_are_named(void **state)
{
    /* A mistake in a file is refused with words that name the setting or the place. */
    (void)state;
    static const struct {
        const char *text;
        const char *word;
    } cases[] = {
        {"flush_age: soon\n", "flush_age"},
        {"memory: 1KiB\n", "memory"},
        {"partitions: 0\n", "partitions"},
        {"durability: maybe\n", "durability"},
        {"auto_create: perhaps\n", "auto_create"},
        {"colour: blue\n", "colour"},
        {"a: [b\n", ".yaml"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config c = {0};
        struct errmsg msg = {0};
        assert_int_equal(load(&c, cases[i].text, &msg), ERR_INVALID);
        assert_non_null(strstr(msg.text, cases[i].word));
        config_deinit(&c);
    }
}

static void options_win_over_the_file(void **state)
{
    /* Options win over the file wherever it stands among them; unknown words stay in order. */
    (void)state;
    AUTO_TEXT path = with_file("flush_age: 10s\nhttp: 127.0.0.1:1\n");
    char words[][64] = {"tarn", "--flush-age", "5s", "--other", "--http=127.0.0.1:0", "word"};
    AUTO_TEXT option = xasprintf("--config=%s", path);
    char *argv[] = {words[0], words[1], words[2], option, words[3], words[4], words[5], NULL};
    int argc = 7;
    struct config c = {0};
    config_init(&c);
    assert_int_equal(config_from_args(&c, &argc, argv, NULL), ERR_OK);
    assert_int_equal(c.flush_age, 5000);
    assert_string_equal(c.http, "127.0.0.1:0");
    assert_int_equal(argc, 3);
    assert_string_equal(argv[1], "--other");
    assert_string_equal(argv[2], "word");
    assert_null(argv[3]);
    config_deinit(&c);
    assert_int_equal(os_unlink(path, NULL), ERR_OK);
}

static void children_get_the_same_settings(void **state)
{
    /* The words made for a child bring it to equal settings. */
    (void)state;
    struct config c = {0};
    struct config copy = {0};
    config_init(&c);
    assert_int_equal(config_set(&c, "flush_age", "123ms", NULL), ERR_OK);
    assert_int_equal(config_set(&c, "data", "/some where/else", NULL), ERR_OK);
    assert_int_equal(config_set(&c, "auto-create", "false", NULL), ERR_OK);
    assert_int_equal(config_set(&c, "memory", "300MiB", NULL), ERR_OK);
    size_t count = 0;
    char **words = config_to_args(&c, &count);
    assert_int_equal(count, 4);
    int argc = (int)count;
    config_init(&copy);
    char *argv[8] = {0};
    memcpy(argv, words, count * sizeof *words);
    assert_int_equal(config_from_args(&copy, &argc, argv, NULL), ERR_OK);
    assert_int_equal(argc, 0);
    assert_int_equal(copy.flush_age, 123);
    assert_string_equal(copy.data, "/some where/else");
    assert_false(copy.auto_create);
    assert_int_equal(copy.memory, 300ULL << 20);
    config_deinit(&c);
    config_deinit(&copy);
    for (size_t i = 0; i < count; i++) {
        free(words[i]);
    }
    free(words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_changes_what_it_names),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(options_win_over_the_file),
        cmocka_unit_test(children_get_the_same_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
