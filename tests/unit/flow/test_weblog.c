/* SPDX-License-Identifier: MIT */
/* test_weblog.c - lines of web servers' logs as events. */
#include "text_test.h"

struct line_case {
    enum text_format format;
    const char *line;
    const char *want; /* the whole JSON, or '!' and what the detail must contain */
};

#define TIME "[17/May/2015:10:05:03 +0000]"
#define UTC "\"timestamp\":\"2015-05-17T10:05:03Z\""
#define GET ",\"method\":\"GET\",\"path\":\"/\",\"query\":null,\"protocol\":\"HTTP/1.1\""
#define OK10 ",\"status\":200,\"bytes\":10"
#define NO_REQUEST ",\"method\":null,\"path\":null,\"query\":null,\"protocol\":null"

static const struct line_case access_cases[] = {
    {TEXT_COMMON, "1.2.3.4 - - " TIME " \"GET / HTTP/1.1\" 200 10",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":null" GET OK10 "}"},
    {TEXT_COMMON, "host.example - frank " TIME " \"GET /a/b?x=1&y HTTP/1.0\" 304 -",
     "{" UTC ",\"remote_addr\":\"host.example\",\"user\":\"frank\",\"method\":\"GET\",\"path\":"
     "\"/a/b\",\"query\":\"x=1&y\",\"protocol\":\"HTTP/1.0\",\"status\":304,\"bytes\":null}"},
    {TEXT_COMMON, "2001:db8::1 - - " TIME " \"GET / HTTP/1.1\" 200 10",
     "{" UTC ",\"remote_addr\":\"2001:db8::1\",\"user\":null" GET OK10 "}"},
    {TEXT_COMMON, "::1 id0 - " TIME " \"GET / HTTP/1.1\" 200 10",
     "{" UTC ",\"remote_addr\":\"::1\",\"ident\":\"id0\",\"user\":null" GET OK10 "}"},
    {TEXT_COMMON, "1.2.3.4 - Ann [x] Lee " TIME " \"GET / HTTP/1.1\" 200 10",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":\"Ann [x] Lee\"" GET OK10 "}"},
    {TEXT_COMMON, "1.2.3.4 - \"\" " TIME " \"GET / HTTP/1.1\" 200 10",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":\"\"" GET OK10 "}"},
    {TEXT_COMMON, "1.2.3.4 - - [17/May/2015:12:35:03 +0230] \"GET / HTTP/1.1\" 200 10",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":null" GET OK10 "}"},
    {TEXT_COMMON, "1.2.3.4 - - [31/Dec/2014:23:05:03 -0200] \"GET / HTTP/1.1\" 200 10",
     "{\"timestamp\":\"2015-01-01T01:05:03Z\",\"remote_addr\":\"1.2.3.4\",\"user\":null" GET OK10
     "}"},
    {TEXT_COMMON, "1.2.3.4 - - " TIME " \"GET /a b c HTTP/1.1\" 200 10",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":null,\"method\":\"GET\",\"path\":\"/a b c\","
     "\"query\":null,\"protocol\":\"HTTP/1.1\"" OK10 "}"},
    {TEXT_COMMON, "1.2.3.4 - - " TIME " \"GET /\" 200 10",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":null,\"method\":\"GET\",\"path\":\"/\","
     "\"query\":null,\"protocol\":null" OK10 "}"},
    {TEXT_COMMON, "1.2.3.4 - - " TIME " \"-\" 408 -",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":null" NO_REQUEST
     ",\"status\":408,\"bytes\":null}"},
    {TEXT_COMMON, "1.2.3.4 - - " TIME " \"\" 400 0",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":null" NO_REQUEST
     ",\"request\":\"\",\"status\":400,\"bytes\":0}"},
    {TEXT_COMMON, "1.2.3.4 - - " TIME " \"\\x16\\x03\\x01\\x00\\xee\" 400 226",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":null" NO_REQUEST
     ",\"request\":\"\\u0016\\u0003\\u0001\\u0000\\\\xee\",\"status\":400,\"bytes\":226}"},
    {TEXT_COMMON, "1.2.3.4 - - " TIME " \"GET /\\\"q\\\"\\\\x\\t\\xc3\\xa9? HTTP/1.1\" 000 10",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":null,\"method\":\"GET\",\"path\":"
     "\"/\\\"q\\\"\\\\x\\t\xc3\xa9\",\"query\":\"\",\"protocol\":\"HTTP/1.1\",\"status\":0,"
     "\"bytes\":10}"},
    {TEXT_COMBINED, "1.2.3.4 - - " TIME " \"GET / HTTP/1.1\" 200 10 \"-\" \"M\\\"o\\\\\"",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":null" GET OK10
     ",\"referrer\":null,\"agent\":\"M\\\"o\\\\\"}"},
    {TEXT_COMBINED, "1.2.3.4 - - " TIME " \"GET / HTTP/1.1\" 200 10 \"\" \"caf\xe9 \xc3\xa9\"",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":null" GET OK10
     ",\"referrer\":\"\",\"agent\":\"caf\\\\xe9 \xc3\xa9\"}"},
    {TEXT_COMBINED, "1.2.3.4 - - " TIME " \"GET / HTTP/1.1\" 200 10 \"\\xe4\\xe5\" \"\\xzz\\q\"",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":null" GET OK10
     ",\"referrer\":\"\\\\xe4\\\\xe5\",\"agent\":\"\\\\xzz\\\\q\"}"},
    {TEXT_NGINX, "1.2.3.4 - - " TIME " \"GET / HTTP/1.1\" 200 10 \"-\" \"a\" \"2.35\"",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":null" GET OK10
     ",\"referrer\":null,\"agent\":\"a\",\"gzip_ratio\":2.35,\"forwarded_for\":null}"},
    {TEXT_NGINX, "1.2.3.4 - - " TIME " \"GET / HTTP/1.1\" 200 10 \"-\" \"a\" \"10.0.0.1, ::1\"",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":null" GET OK10
     ",\"referrer\":null,\"agent\":\"a\",\"forwarded_for\":\"10.0.0.1, ::1\"}"},
    {TEXT_NGINX, "1.2.3.4 - - " TIME " \"GET / HTTP/1.1\" 200 10 \"-\" \"a\"",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":null" GET OK10
     ",\"referrer\":null,\"agent\":\"a\"}"},
    {TEXT_COMBINED, "1.2.3.4 - - " TIME " \"GET / HTTP/1.1\" 200 10 \"-\" \"cut",
     "!agent is not closed"},
    {TEXT_COMBINED, "1.2.3.4 - - " TIME " \"GET / HTTP/1.1\" 200 10 \"-\" \"cut\\\"",
     "!agent is not closed"},
    {TEXT_COMBINED, "1.2.3.4 - - " TIME " \"GET / HTTP/1.1\" 200 10", "!opens the referrer"},
    {TEXT_COMBINED, "1.2.3.4 - - " TIME " \"GET / HTTP/1.1\" 200 10 \"-\" \"a\" more",
     "!more text after the last field"},
    {TEXT_COMMON, "1.2.3.4 - - " TIME " \"GET / HTTP/1.1\" 200 10 \"-\" \"a\"",
     "!is this combined"},
    {TEXT_COMMON, "1.2.3.4 - - [17/Mai/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 10",
     "!no such time"},
    {TEXT_COMMON, "1.2.3.4 - - [31/Feb/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 10",
     "!no such time"},
    {TEXT_COMMON, "1.2.3.4 - - \"GET / HTTP/1.1\" 200 10", "!no time"},
    {TEXT_COMMON, "1.2.3.4 - - " TIME " \"GET / HTTP/1.1\" abc 10",
     "!status is not a number at byte 59"},
    {TEXT_COMMON, "1.2.3.4 - - " TIME " \"GET / HTTP/1.1\" 200 1x", "!size is not a number"},
    {TEXT_COMMON, "1.2.3.4 - - " TIME " \"GET / HTTP/1.1\"", "!no space after the request"},
    {TEXT_COMMON, "www.example.com:80 1.2.3.4 - - " TIME " \"GET / HTTP/1.1\" 200 10",
     "!one field too many before the time"},
    {TEXT_COMMON, "www.example.com:80 1.2.3.4 - ann " TIME " \"GET / HTTP/1.1\" 200 10",
     "!one field too many before the time"},
    {TEXT_COMMON, "hello", "!"},
    {TEXT_COMMON, " x", "!no client address"},
};

#define NONE(name) ",\"" name "\":null"

static const struct line_case error_cases[] = {
    {TEXT_APACHE_ERROR,
     "[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4328636416] "
     "[client 72.15.99.187:52746] AH00128: File does not exist: /htdocs/favicon.ico, referer: "
     "http://x/",
     "{\"timestamp\":\"2011-09-09T10:42:29.902022Z\",\"level\":\"error\",\"source\":\"core\","
     "\"pid\":35708,\"tid\":4328636416,\"remote_addr\":\"72.15.99.187\",\"remote_port\":52746,"
     "\"code\":\"AH00128\",\"error\":null,\"file\":null,\"message\":\"File does not exist: "
     "/htdocs/favicon.ico\",\"endpoint\":\"/htdocs/favicon.ico\",\"referrer\":\"http://x/\"}"},
    {TEXT_APACHE_ERROR,
     "[Wed Oct 11 14:32:52 2000] [error] [client 127.0.0.1] client denied: /test",
     "{\"timestamp\":\"2000-10-11T14:32:52Z\",\"level\":\"error\"" NONE("source") NONE("pid")
         NONE("tid") ",\"remote_addr\":\"127.0.0.1\"" NONE("remote_port") NONE("code") NONE("error")
             NONE("file") ",\"message\":\"client denied: /test\",\"endpoint\":\"/test\"" NONE(
                 "referrer") "}"},
    {TEXT_APACHE_ERROR,
     "[Thu May 12 08:28:57.652118 2011] [core:crit] [pid 8777] (13)Permission denied: "
     "[client ::1:4567] AH00035: access to / denied",
     "{\"timestamp\":\"2011-05-12T08:28:57.652118Z\",\"level\":\"crit\",\"source\":\"core\","
     "\"pid\":8777" NONE(
         "tid") ",\"remote_addr\":\"::1\",\"remote_port\":4567,\"code\":\"AH00035\","
                "\"error\":\"(13)Permission denied\"" NONE(
                    "file") ",\"message\":\"access to / denied\"" NONE("endpoint")
                    NONE("referrer") "}"},
    {TEXT_APACHE_ERROR,
     "[Thu May 12 08:28:57.652118 2011] [ssl:trace1] [pid 1:tid 2] ssl_engine.c(415): "
     "[remote [2001:db8::1]:443] [x] hi: there",
     "{\"timestamp\":\"2011-05-12T08:28:57.652118Z\",\"level\":\"trace1\",\"source\":\"ssl\","
     "\"pid\":1,\"tid\":2,\"remote_addr\":\"2001:db8::1\",\"remote_port\":443" NONE("code") NONE(
         "error") ",\"file\":\"ssl_engine.c(415)\",\"message\":\"[x] hi: there\"" NONE("endpoint")
         NONE("referrer") "}"},
    {TEXT_APACHE_ERROR,
     "[Sun Jan  4 03:00:01 2015] [mpm_event:notice] [pid 9:tid 8] AH00489: Apache/2.4 configured",
     "{\"timestamp\":\"2015-01-04T03:00:01Z\",\"level\":\"notice\",\"source\":\"mpm_event\","
     "\"pid\":9,\"tid\":8" NONE("remote_addr") NONE("remote_port") ",\"code\":\"AH00489\"" NONE(
         "error") NONE("file") ",\"message\":\"Apache/2.4 configured\"" NONE("endpoint")
         NONE("referrer") "}"},
    {TEXT_APACHE_ERROR,
     "[Sun Jan  4 03:00:01 2015] [:error] [pid 9] [client 1.2.3.4:5] script '/x.php' not found",
     "{\"timestamp\":\"2015-01-04T03:00:01Z\",\"level\":\"error\"" NONE("source") ",\"pid\":9" NONE(
         "tid") ",\"remote_addr\":\"1.2.3.4\",\"remote_port\":5" NONE("code") NONE("error")
         NONE("file") ",\"message\":\"script '/x.php' not found\"" NONE("endpoint")
             NONE("referrer") "}"},
    {TEXT_APACHE_ERROR, "[Fri Sep 31 10:42:29 2011] [core:error] x", "!does not begin with a time"},
    {TEXT_APACHE_ERROR, "PHP Warning: x", "!does not begin with a time"},
    {TEXT_APACHE_ERROR, "[Fri Sep 09 10:42:29 2011] [client 1.2.3.4] x", "!no [level]"},
    {TEXT_APACHE_ERROR, "[Fri Sep 09 10:42:29 2011] [core:error] [pid 1]", "!no message"},
    {TEXT_APACHE_ERROR, "[Fri Sep 09 10:42:29 2011] [core:error] [pid x] y",
     "!pid is not a number"},
    {TEXT_APACHE_ERROR, "[", "!"},
};

static const struct line_case json_cases[] = {
    {TEXT_NGINX_JSON,
     "{\"time_iso8601\":\"2015-05-17T12:05:03+02:00\",\"remote_addr\":\"1.2.3.4\",\"remote_user\":"
     "\"-\",\"request\":\"GET /a?b HTTP/1.1\",\"status\":\"200\",\"body_bytes_sent\":\"10\","
     "\"http_referer\":\"\",\"http_user_agent\":\"x\\u0020\\\"y\\\"\",\"request_time\":\"0.005\","
     "\"host\":\"h\"}",
     "{" UTC ",\"remote_addr\":\"1.2.3.4\",\"user\":null,\"method\":\"GET\",\"path\":\"/a\","
     "\"query\":\"b\",\"protocol\":\"HTTP/1.1\"" OK10
     ",\"referrer\":null,\"agent\":\"x \\\"y\\\"\","
     "\"request_time\":0.005,\"host\":\"h\"}"},
    {TEXT_NGINX_JSON,
     "{\"msec\":1431857103.000,\"request_method\":\"GET\",\"request_uri\":\"/x?y=1\",\"uri\":"
     "\"/index.html\",\"server_protocol\":\"HTTP/2.0\",\"status\":404,\"bytes_sent\":\"500\","
     "\"body_bytes_sent\":7,\"more\":{\"a\":[1]},\"upstream_response_time\":\"-\"}",
     "{" UTC ",\"remote_addr\":null,\"user\":null,\"method\":\"GET\",\"path\":\"/x\",\"query\":"
     "\"y=1\",\"protocol\":\"HTTP/2.0\",\"status\":404,\"bytes\":7,\"referrer\":null,"
     "\"agent\":null,\"uri\":\"/index.html\",\"bytes_sent\":500,\"more\":{\"a\":[1]},"
     "\"upstream_response_time\":null}"},
    {TEXT_NGINX_JSON,
     "{\"time_local\":\"17/May/2015:10:05:03 +0000\",\"request\":\"junk\",\"status\":\"x\"}",
     "{" UTC ",\"remote_addr\":null,\"user\":null" NO_REQUEST ",\"status\":\"x\",\"bytes\":null,"
     "\"referrer\":null,\"agent\":null,\"request\":\"junk\"}"},
    {TEXT_NGINX_JSON, "{}",
     "{\"timestamp\":null,\"remote_addr\":null,\"user\":null" NO_REQUEST
     ",\"status\":null,\"bytes\":null,\"referrer\":null,\"agent\":null}"},
    {TEXT_NGINX_JSON, "{\"time_local\":\"yesterday\"}", "!no such time: yesterday"},
    {TEXT_NGINX_JSON, "{\"user\":{\"id\":1}}", "!user must be text or a number"},
    {TEXT_NGINX_JSON, "{\"a\":\"\\x22\"}", "!"},
    {TEXT_NGINX_JSON, "{\"a\":\"\xe9\"}", "!"},
    {TEXT_NGINX_JSON, "[1]", "!"},
    {TEXT_NGINX_JSON, "1.2.3.4 - -", "!"},
};

static void check_line(const struct line_case *c)
{
    AUTO_BUF got = buf_make(1 << 20);
    AUTO_BUF want = buf_make(1 << 20);
    struct text_spec spec = {.format = c->format};
    struct errmsg msg = {0};
    assert_int_equal(read_text(&spec, str_from(c->line), strlen(c->line), 0, &got, &msg), ERR_OK);
    if (c->want[0] == '!') {
        if (strncmp(buf_cstr(&got), "1 !", 3) != 0 || strstr(got.data, c->want + 1) == NULL ||
            strstr(got.data, c->line) == NULL) {
            fail_msg("%s\n gives %s wanted %s", c->line, buf_cstr(&got), c->want);
        }
        return;
    }
    buf_printf(&want, "1 %s\n", c->want);
    assert_string_equal(buf_cstr(&got), buf_cstr(&want));
}

/* Each line of an access log is the event that its fields say, or bad for a reason that names the
 * place. */
static void access_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(access_cases); i++) {
        check_line(&access_cases[i]);
    }
}

/* Both generations of Apache's error log are understood. */
static void error_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(error_cases); i++) {
        check_line(&error_cases[i]);
    }
}

/* Whatever variables nginx logs as JSON, the fields are named as in the other formats. */
static void nginx_json_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(json_cases); i++) {
        check_line(&json_cases[i]);
    }
}

/* An error log's times are in the zone that the caller names. */
static void zone_of_error_times(void **state)
{
    (void)state;
    AUTO_BUF got = buf_make(1 << 20);
    AUTO_TEXT_SPEC spec = {.format = TEXT_APACHE_ERROR};
    struct errmsg msg = {0};
    struct str line = STR("[Wed Oct 11 01:32:52 2000] [error] x");
    assert_int_equal(text_spec_set(&spec, "zone", STR("+02:00"), &msg), ERR_OK);
    assert_int_equal(read_text(&spec, line, line.len, 0, &got, &msg), ERR_OK);
    assert_non_null(strstr(buf_cstr(&got), "\"2000-10-10T23:32:52Z\""));
    assert_int_equal(text_spec_set(&spec, "zone", STR("-0130"), &msg), ERR_OK);
    assert_int_equal(spec.zone_seconds, -5400);
    assert_int_equal(text_spec_set(&spec, "zone", STR("CET"), &msg), ERR_INVALID);
    assert_int_equal(text_spec_set(&spec, "delimiter", STR(","), &msg), ERR_INVALID);
}

/* Lines are the same in one piece and in many, with LF or CR LF, a byte order mark, blank lines and
 * no line end at the end; a line over the limit is bad and cut. */
static void lines_and_pieces(void **state)
{
    (void)state;
    static const char body[] = "\xef\xbb\xbf{\"a\":1}\n\n  \n{\"b\":2}\r\nlong long long long\n{}";
    static const char want[] = "1 {\"a\":1}\n4 {\"b\":2}\n"
                               "5 !the line is over the size limit <long long >\n6 {}\n";
    struct text_spec spec = {.format = TEXT_NDJSON};
    AUTO_BUF got = buf_make(1 << 20);
    for (size_t piece = 1; piece <= sizeof body; piece++) {
        assert_int_equal(read_text(&spec, STR(body), piece, 10, &got, NULL), ERR_OK);
        assert_string_equal(buf_cstr(&got), want);
    }
    assert_int_equal(read_text(&spec, STR(""), 1, 10, &got, NULL), ERR_OK);
    assert_string_equal(buf_cstr(&got), "");
    spec.format = TEXT_COMMON;
    assert_int_equal(read_text(&spec, STR("\xef\xbb"), 1, 10, &got, NULL), ERR_OK);
    assert_string_equal(buf_cstr(&got), "1 !no ident at byte 3 <\xef\xbb>\n");
}

/* A request of control bytes that is no request line fits where it is written, whatever its length:
 * each of its bytes becomes six. */
static void escaped_requests_fit(void **state)
{
    (void)state;
    static const size_t lengths[] = {2000, 10500, 21400, 43200};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        AUTO_BUF body = buf_make(1 << 20);
        AUTO_BUF got = buf_make(1 << 22);
        buf_puts(&body, "h - u [17/May/2015:10:05:03 +0000] \"GET  HTTP/");
        for (size_t k = 0; k < lengths[i]; k++) {
            buf_add_byte(&body, '\1');
        }
        buf_puts(&body, "\" 200 1\n");
        struct text_spec spec = {.format = TEXT_COMMON};
        assert_int_equal(read_text(&spec, buf_str(&body), body.len, 1 << 20, &got, NULL), ERR_OK);
        assert_non_null(strstr(buf_cstr(&got), "\"protocol\":null"));
        assert_non_null(strstr(buf_cstr(&got), "\"request\":\"GET  HTTP/\\"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(access_lines),     cmocka_unit_test(error_lines),
        cmocka_unit_test(nginx_json_lines), cmocka_unit_test(zone_of_error_times),
        cmocka_unit_test(lines_and_pieces), cmocka_unit_test(escaped_requests_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
