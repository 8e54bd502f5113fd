/* SPDX-License-Identifier: MIT */
/* console.h - the web console: files that are linked into the program, compressed when it was built
 * (scripts/build_web), and which requests they answer.
 *
 *     /assets/NAME             a file; its name holds a hash of it, so it may be kept for ever
 *     /favicon.svg and such    a file; asked for again each time, by its ETag
 *     any other path,          index.html, whose script shows the page of that path; only for who
 *     for a browser            prefers text/html, and not below /api, /ws, nor the few paths that
 *                              programs know (/docs, /health ...)
 *
 * index.html is sent with the way from the request's path up to the console's root in <base href>,
 * and the page asks for everything relative to that: so it works below any prefix that a proxy puts
 * in front, without being told.
 * Files need no token: who has none must see where to give it. */
#pragma once
#include "http/server.h"

struct console_file {
    const char *path; /* "/assets/index-B2x.js"; the table is in this order */
    const char *type;
    const char *hash; /* of the content */
    uint32_t size;
    uint32_t gz_at, gz_len, br_at, br_len; /* in the bytes */
};
struct console {
    const struct console_file *files;
    size_t file_count;
    const char *bytes;
    size_t byte_count;
    const char *build; /* tells one build from another: the hash of index.html */
};
/* Made by web/pack.mjs. */
extern const struct console console_embedded;

/* For http_options.pages, over console_embedded. */
const struct http_route *console_route(const struct http_exchange *ex);

/* ---- its parts, for tests ---- */
/* Whether a browser gets index.html at this path (as sent, percent coding and all). */
bool console_is_page(struct str path);
/* Adds "./" or as many "../" as lead from `path` to the root. */
void console_base(struct str path, struct buf *out);
enum console_coding { CONSOLE_IDENTITY, CONSOLE_GZIP, CONSOLE_BROTLI };
/* The best coding that Accept-Encoding allows; brotli when all are equal. */
enum console_coding console_coding(struct str accept_encoding);
/* NULL when there is none. */
const struct console_file *console_find(const struct console *console, struct str path);
/* True when If-None-Match names `etag` (with its quotes), weak or strong, or is "*". */
bool console_matches(struct str if_none_match, struct str etag);
/* Unpacks a file; false when it is not what the table says or `out` is full. */
bool console_inflate(const struct console *console, const struct console_file *file,
                     struct buf *out);
