/* SPDX-License-Identifier: MIT */
/* test_session.c - sessions of browsers, tries of wrong tokens, and what a cookie or an origin
 * says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "http/access.h"
#include "http/session.h"

enum { SECOND_US = 1000 * 1000 };

static struct os_address address_of(const char *text)
{
    struct os_address address = {.len = sizeof address.storage};
    struct sockaddr_in *v4 = (void *)&address.storage;
    struct sockaddr_in6 *v6 = (void *)&address.storage;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
        v6->sin6_family = AF_INET6;
    }
    return address;
}

/* A session is known by its exact text only, and no more after it was ended. */
static void test_a_session_is_its_text(void **state)
{
    (void)state;
    struct http_sessions *s = http_sessions_new();
    char one[HTTP_SESSION_TEXT_BYTES];
    char two[HTTP_SESSION_TEXT_BYTES];
    http_session_begin(s, 1, one);
    http_session_begin(s, 1, two);
    assert_string_not_equal(one, two);
    assert_true(http_session_use(s, str_from(one), 2));
    for (size_t i = 0; i < sizeof one - 1; i++) {
        char wrong[HTTP_SESSION_TEXT_BYTES];
        memcpy(wrong, one, sizeof wrong);
        wrong[i] = one[i] == '0' ? '1' : '0';
        assert_false(http_session_use(s, str_from(wrong), 2));
        assert_false(http_session_use(s, str_of(one, i), 2));
    }
    static const char *const NONE[] = {"", "0", "ffff", "zzzz"};
    for (size_t i = 0; i < ARRAY_LEN(NONE); i++) {
        assert_false(http_session_use(s, str_from(NONE[i]), 2));
        http_session_end(s, str_from(NONE[i]));
    }
    http_session_end(s, str_from(one));
    assert_false(http_session_use(s, str_from(one), 2));
    assert_true(http_session_use(s, str_from(two), 2));
    http_sessions_free(s);
}

/* A session lasts while it is used, and ends when it was not used for its time. */
static void test_a_session_ends_when_it_is_not_used(void **state)
{
    (void)state;
    struct http_sessions *s = http_sessions_new();
    char text[HTTP_SESSION_TEXT_BYTES];
    int64_t now = 1;
    http_session_begin(s, now, text);
    for (int i = 0; i < 5; i++) {
        now += HTTP_SESSION_IDLE_US - 1;
        assert_true(http_session_use(s, str_from(text), now));
    }
    assert_false(http_session_use(s, str_from(text), now + HTTP_SESSION_IDLE_US));
    http_sessions_free(s);
}

/* Their number is bounded: the one used longest ago makes room. */
static void test_the_oldest_session_makes_room(void **state)
{
    (void)state;
    struct http_sessions *s = http_sessions_new();
    char first[HTTP_SESSION_TEXT_BYTES];
    char second[HTTP_SESSION_TEXT_BYTES];
    char text[HTTP_SESSION_TEXT_BYTES];
    http_session_begin(s, 1, first);
    http_session_begin(s, 2, second);
    for (int i = 2; i < HTTP_SESSIONS_MAX; i++) {
        http_session_begin(s, i + 1, text);
    }
    assert_true(http_session_use(s, str_from(first), 5000));
    http_session_begin(s, 5001, text);
    assert_true(http_session_use(s, str_from(first), 5002));
    assert_false(http_session_use(s, str_from(second), 5002));
    assert_true(http_session_use(s, str_from(text), 5002));
    http_sessions_free(s);
}

/* Wrong tokens are counted by address, a whole /64 being one, and forgiven with time. */
static void test_wrong_tokens_are_slowed(void **state)
{
    (void)state;
    static const struct {
        const char *spends;
        const char *is_stopped_too;
    } CASES[] = {{"10.1.2.3", "10.1.2.3"}, {"2001:db8::1", "2001:db8::ffff"}};
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct http_sessions *s = http_sessions_new();
        struct os_address one = address_of(CASES[i].spends);
        struct os_address same = address_of(CASES[i].is_stopped_too);
        int64_t now = 100 * SECOND_US;
        for (int k = 0; k < HTTP_TRIES_MAX; k++) {
            assert_true(http_try_allowed(s, &one, now));
            http_try_failed(s, &one, now);
        }
        assert_false(http_try_allowed(s, &same, now));
        assert_false(http_try_allowed(s, &same, now + HTTP_TRY_US - 1));
        assert_true(http_try_allowed(s, &same, now + HTTP_TRY_US));
        http_try_failed(s, &same, now + HTTP_TRY_US);
        assert_false(http_try_allowed(s, &one, now + HTTP_TRY_US));
        int64_t later = now + HTTP_TRIES_MAX * HTTP_TRY_US * 2;
        for (int k = 0; k < HTTP_TRIES_MAX; k++) {
            assert_true(http_try_allowed(s, &one, later));
            http_try_failed(s, &one, later);
        }
        assert_false(http_try_allowed(s, &one, later));
        http_sessions_free(s);
    }
}

/* One address that tries without end does not stop most others. */
static void test_tries_of_one_do_not_stop_the_others(void **state)
{
    (void)state;
    struct http_sessions *s = http_sessions_new();
    struct os_address bad = address_of("192.0.2.1");
    for (int i = 0; i < 1000; i++) {
        http_try_failed(s, &bad, 1);
    }
    int allowed = 0;
    for (int i = 0; i < 200; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "10.0.0.%d", i + 1);
        struct os_address other = address_of(text);
        allowed += http_try_allowed(s, &other, 1) ? 1 : 0;
    }
    assert_in_range(allowed, 180, 200);
    http_sessions_free(s);
}

/* The first cookie of that very name is found, whatever is around it. */
static void test_cookies(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        const char *value;
    } CASES[] = {
        {"", ""},           {"a=1", "1"},      {"b=2; a=1", "1"},  {"b=2;a=1;c=3", "1"},
        {"xa=2; a=1", "1"}, {"A=2; a=1", "1"}, {"a=1; a=2", "1"},  {"a; a=1", "1"},
        {"a=", ""},         {"a=x=y", "x=y"},  {";;; a=1 ;", "1"}, {"=1", ""},
        {"ab=1", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct str value = http_cookie(str_from(CASES[i].header), "a");
        if (!str_is(value, CASES[i].value)) {
            fail_msg("%s: %.*s", CASES[i].header, STR_ARGS(value));
        }
    }
}

/* Only a page of the very same host and port is the server's own, or what the browser says is. */
static void test_own_origins(void **state)
{
    (void)state;
    static const struct {
        const char *origin;
        const char *host;
        const char *fetch_site;
        bool is_own;
    } CASES[] = {
        {"http://localhost:8276", "localhost:8276", "", true},
        {"http://LOCALHOST:8276", "localhost:8276", "", true},
        {"https://lake.example.org", "lake.example.org", "", true},
        {"http://[::1]:8276", "[::1]:8276", "", true},
        {"http://localhost:3000", "localhost:8276", "", false},
        {"http://localhost", "localhost:8276", "", false},
        {"http://127.0.0.1:8276", "localhost:8276", "", false},
        {"http://localhost:3000", "localhost:8276", "same-site", false},
        {"https://lake.example.org", "127.0.0.1:8276", "same-origin", true},
        {"", "localhost:8276", "same-origin", true},
        {"", "localhost:8276", "", false},
        {"", "", "", false},
        {"", "localhost:8276", "none", false},
        {"null", "null", "", false},
        {"null", "localhost:8276", "cross-site", false},
        {"ftp://localhost:8276", "localhost:8276", "", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        if (http_origin_own(str_from(CASES[i].origin), str_from(CASES[i].host),
                            str_from(CASES[i].fetch_site)) != CASES[i].is_own) {
            fail_msg("%s at %s (%s)", CASES[i].origin, CASES[i].host, CASES[i].fetch_site);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session_is_its_text),
        cmocka_unit_test(test_a_session_ends_when_it_is_not_used),
        cmocka_unit_test(test_the_oldest_session_makes_room),
        cmocka_unit_test(test_wrong_tokens_are_slowed),
        cmocka_unit_test(test_tries_of_one_do_not_stop_the_others),
        cmocka_unit_test(test_cookies),
        cmocka_unit_test(test_own_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
