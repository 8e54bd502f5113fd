/* SPDX-License-Identifier: MIT */
/* api_info.c - what this server is: GET / for a program (a browser gets the console), GET /info. */
#include "http/api.h"
#include "http/console.h"
#include "os/clock.h"

enum { ROOT_BYTES_MAX = 1 << 16 };

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

static void on_root(struct http_exchange *ex)
{
    AUTO_JSON answer = name_json();
    AUTO_BUF body = buf_make(ROOT_BYTES_MAX);
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
    json_object_set_new(answer, "build", json_string(console_embedded.build));
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
