/* SPDX-License-Identifier: MIT */
/* api_docs.c - the API describes itself: /openapi.json, /docs, and what tarn is at /.
 *
 * docs/openapi.json and docs.html are linked into the binary as they are. */
#include "http/api.h"

#define EMBED(symbol, path)                                                                        \
    __asm__(".section .rodata\n"                                                                   \
            ".global embedded_" #symbol "\n"                                                       \
            ".global embedded_" #symbol "_end\n"                                                   \
            "embedded_" #symbol ":\n"                                                              \
            ".incbin \"" path "\"\n"                                                               \
            "embedded_" #symbol "_end:\n"                                                          \
            ".byte 0\n"                                                                            \
            ".previous\n");                                                                        \
    extern const char embedded_##symbol[];                                                         \
    extern const char embedded_##symbol##_end[];

EMBED(openapi, TARN_OPENAPI_FILE)
EMBED(docs_page, TARN_DOCS_FILE)

static void on_openapi(struct http_exchange *ex)
{
    http_respond_json(ex, 200,
                      str_of(embedded_openapi, (size_t)(embedded_openapi_end - embedded_openapi)));
}
const struct http_handler api_openapi = {.on_request = on_openapi};

static void on_docs(struct http_exchange *ex)
{
    const struct http_field fields[] = {
        {"content-type", STR("text/html; charset=utf-8")},
        {"content-security-policy",
         STR("default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
             "connect-src 'self'")}};
    http_respond(ex, 200, fields, ARRAY_LEN(fields),
                 str_of(embedded_docs_page, (size_t)(embedded_docs_page_end - embedded_docs_page)));
}
const struct http_handler api_docs = {.on_request = on_docs};

static void on_info(struct http_exchange *ex)
{
    http_respond_json(ex, 200,
                      STR("{\"name\":\"tarn\",\"version\":\"" TARN_VERSION "\","
                          "\"docs\":\"/docs\",\"openapi\":\"/openapi.json\","
                          "\"health\":\"/api/v1/health\"}"));
}
const struct http_handler api_info = {.on_request = on_info};
