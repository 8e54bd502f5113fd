/* SPDX-License-Identifier: MIT */
/* api_info.c - what this server is: GET / for a program (JSON) or a person (a page), GET /info.
 *
 * The page is start.html with its {{names}} filled in: the address as the client wrote it in Host
 * (which the server has checked), and the first tables. */
#include "http/api.h"
#include "http_embedded.h" /* made by scripts/embed.py when start.html changes */
#include "os/clock.h"

enum { PAGE_TABLES_MAX = 50, PAGE_BYTES_MAX = 1 << 20 };

static json_t *links_json(void)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "docs", "/docs", "openapi",
                     "/openapi.json", "health", "/api/v1/health", "metrics", "/metrics", "topics",
                     "/api/v1/topics", "tables", "/tables", "query", "/query", "info", "/info");
}

static json_t *name_json(void)
{
    return json_pack("{s:s, s:s, s:o}", "name", "tarn", "version", TARN_VERSION, "links",
                     links_json());
}

/* ---- the page ---- */

static void add_html(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&':
            buf_puts(out, "&amp;");
            break;
        case '<':
            buf_puts(out, "&lt;");
            break;
        case '>':
            buf_puts(out, "&gt;");
            break;
        case '"':
            buf_puts(out, "&quot;");
            break;
        default:
            buf_add_byte(out, text.ptr[i]);
        }
    }
}

static void add_tables(struct buf *out, const struct api *api)
{
    size_t count = topic_store_count(api->store);
    if (count == 0) {
        buf_puts(out, "<p>No topic has one yet: send an event.</p>");
        return;
    }
    buf_puts(out, "<table><tr><th>table<th>topic<th>rows landed");
    for (size_t i = 0; i < count && i < PAGE_TABLES_MAX; i++) {
        const struct topic_meta *m = topic_meta_of(topic_store_at(api->store, i));
        struct str name = str_from(m->name);
        struct str table = str_from(m->table);
        const struct wire_progress *p = writer_link_progress(api->writer, name);
        buf_puts(out, "<tr><td><code>");
        add_html(out, table);
        buf_puts(out, "</code><td>");
        add_html(out, name);
        buf_puts(out, "<td class=n>");
        buf_add_i64(out, p == NULL ? 0 : p->rows);
    }
    buf_puts(out, "</table>");
    if (count > PAGE_TABLES_MAX) {
        buf_puts(out, "<p>These are the first.</p>");
    }
}

static void add_value(struct buf *out, struct str name, struct http_exchange *ex)
{
    struct str host = http_header(ex, "host");
    if (str_is(name, "version")) {
        buf_puts(out, TARN_VERSION);
    } else if (str_is(name, "address")) {
        buf_puts(out, "http://");
        add_html(out, host.len > 0 ? host : STR("localhost"));
    } else {
        ASSERT(str_is(name, "tables"));
        add_tables(out, api_of(ex));
    }
}

static void respond_page(struct http_exchange *ex)
{
    AUTO_BUF page = buf_make(PAGE_BYTES_MAX);
    struct str rest = str_of(start_html, sizeof start_html);
    while (rest.len > 0) {
        const char *open = memmem(rest.ptr, rest.len, "{{", 2);
        const char *close =
            open == NULL ? NULL : memmem(open, rest.len - (size_t)(open - rest.ptr), "}}", 2);
        if (close == NULL) {
            buf_add_str(&page, rest);
            break;
        }
        buf_add(&page, rest.ptr, (size_t)(open - rest.ptr));
        add_value(&page, str_of(open + 2, (size_t)(close - open) - 2), ex);
        rest = str_of(close + 2, rest.len - (size_t)(close - rest.ptr) - 2);
    }
    const struct http_field fields[] = {
        {"content-type", STR("text/html; charset=utf-8")},
        {"content-security-policy",
         STR("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")},
        {"vary", STR("accept")},
        {"cache-control", STR("no-store")}};
    http_respond(ex, 200, fields, ARRAY_LEN(fields), buf_str(&page));
}

/* ---- resources ---- */

static void on_root(struct http_exchange *ex)
{
    struct str accept = http_header(ex, "accept");
    if (http_accept_weight(accept, STR("text/html")) >
        http_accept_weight(accept, STR("application/json"))) {
        respond_page(ex);
        return;
    }
    AUTO_JSON answer = name_json();
    AUTO_BUF body = buf_make(PAGE_BYTES_MAX);
    err e = json_write(answer, &body);
    const struct http_field fields[] = {{"content-type", STR("application/json")},
                                        {"vary", STR("accept")}};
    http_respond(ex, e == ERR_OK ? 200 : 500, fields, ARRAY_LEN(fields), buf_str(&body));
}
const struct http_handler api_root = {.on_request = on_root};

static void on_info(struct http_exchange *ex)
{
    struct api *api = api_of(ex);
    const struct api_settings *s = &api->settings;
    json_t *answer = name_json();
    json_object_set_new(answer, "uptime_seconds",
                        json_integer((os_mono_us() - api->started_us) / 1000000));
    json_object_set_new(answer, "topics", json_integer((json_int_t)topic_store_count(api->store)));
    json_object_set_new(
        answer, "limits",
        json_pack("{s:I, s:I, s:I, s:I, s:I}", "memory_bytes", (json_int_t)s->memory_bytes,
                  "body_bytes", (json_int_t)s->body_bytes_max, "record_bytes",
                  (json_int_t)s->record_bytes_max, "nesting", (json_int_t)s->nesting_max,
                  "query_timeout_ms", (json_int_t)s->query_timeout_ms));
    api_respond_json(ex, 200, answer);
}
const struct http_handler api_info = {.on_request = on_info};
