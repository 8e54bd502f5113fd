/* SPDX-License-Identifier: MIT */
/* api_docs.c - the API describes itself: /openapi.json and /docs.
 *
 * docs/openapi.json and docs.html are linked into the binary as they are. */
#include "http/api.h"
#include "http_embedded.h" /* made by scripts/embed.py when docs/openapi.json or docs.html change */

static void on_openapi(struct http_exchange *ex)
{
    http_respond_json(ex, 200, str_of(openapi_json, sizeof openapi_json));
}
const struct http_handler api_openapi = {.on_request = on_openapi};

static void on_docs(struct http_exchange *ex)
{
    const struct http_field fields[] = {
        {"content-type", STR("text/html; charset=utf-8")},
        {"content-security-policy",
         STR("default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
             "connect-src 'self'")}};
    http_respond(ex, 200, fields, ARRAY_LEN(fields), str_of(docs_html, sizeof docs_html));
}
const struct http_handler api_docs = {.on_request = on_docs};
