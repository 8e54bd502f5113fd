/* SPDX-License-Identifier: MIT */
/* console.c - see console.h. */
#include "http/console.h"

#include "http/inflate.h"

enum { FILE_BYTES_MAX = 16 << 20, ETAG_BYTES = 64 };

static const char POLICY[] =
    "default-src 'self'; script-src 'self'; connect-src 'self'; style-src 'self' "
    "'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action "
    "'self'; frame-ancestors 'none'";

/* ---- which path, which file ---- */

static bool is_below(struct str path, struct str folder)
{
    return str_starts(path, folder) && (path.len == folder.len || path.ptr[folder.len] == '/');
}

bool console_is_page(struct str path)
{
    static const char *const FOLDERS[] = {"/api", "/assets", "/ws"};
    static const char *const PATHS[] = {"/docs", "/openapi.json", "/health", "/metrics", "/info"};
    for (size_t i = 0; i < ARRAY_LEN(FOLDERS); i++) {
        if (is_below(path, str_from(FOLDERS[i]))) {
            return false;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(PATHS); i++) {
        if (str_is(path, PATHS[i])) {
            return false;
        }
    }
    return true;
}

void console_base(struct str path, struct buf *out)
{
    size_t depth = 0;
    for (size_t i = 1; i < path.len; i++) {
        depth += path.ptr[i] == '/' ? 1 : 0;
    }
    if (depth == 0) {
        buf_puts(out, "./");
    }
    for (; depth > 0; depth--) {
        buf_puts(out, "../");
    }
}

const struct console_file *console_find(const struct console *console, struct str path)
{
    for (size_t i = 0; i < console->file_count; i++) {
        if (str_is(path, console->files[i].path)) {
            return &console->files[i];
        }
    }
    return NULL;
}

/* ---- which form of it ---- */

/* Whether an element of Accept-Encoding has a weight of nothing: "br;q=0", "br; Q=0.000". */
static bool is_refused(struct str parameters)
{
    parameters = str_trim(parameters);
    if (parameters.len < 3 || (parameters.ptr[0] != 'q' && parameters.ptr[0] != 'Q') ||
        parameters.ptr[1] != '=') {
        return false;
    }
    for (size_t i = 2; i < parameters.len; i++) {
        if (parameters.ptr[i] != '0' && parameters.ptr[i] != '.') {
            return false;
        }
    }
    return true;
}

enum console_coding console_coding(struct str accept_encoding)
{
    enum { UNSAID, REFUSED, TAKEN } br = UNSAID, gzip = UNSAID, rest = UNSAID;
    while (accept_encoding.len > 0) {
        ptrdiff_t end = str_find(accept_encoding, ',');
        struct str item = end < 0 ? accept_encoding : str_of(accept_encoding.ptr, (size_t)end);
        accept_encoding =
            end < 0 ? STR("")
                    : str_of(accept_encoding.ptr + end + 1, accept_encoding.len - (size_t)end - 1);
        ptrdiff_t mark = str_find(item, ';');
        struct str name = str_trim(mark < 0 ? item : str_of(item.ptr, (size_t)mark));
        bool is_off =
            mark >= 0 && is_refused(str_of(item.ptr + mark + 1, item.len - (size_t)mark - 1));
        if (str_eq_nocase(name, STR("br"))) {
            br = is_off ? REFUSED : TAKEN;
        } else if (str_eq_nocase(name, STR("gzip")) || str_eq_nocase(name, STR("x-gzip"))) {
            gzip = is_off ? REFUSED : TAKEN;
        } else if (str_is(name, "*")) {
            rest = is_off ? REFUSED : TAKEN;
        }
    }
    if (br == TAKEN || (br == UNSAID && rest == TAKEN)) {
        return CONSOLE_BROTLI;
    }
    return gzip == TAKEN || (gzip == UNSAID && rest == TAKEN) ? CONSOLE_GZIP : CONSOLE_IDENTITY;
}

bool console_matches(struct str if_none_match, struct str etag)
{
    while (if_none_match.len > 0) {
        ptrdiff_t end = str_find(if_none_match, ',');
        struct str one = str_trim(end < 0 ? if_none_match : str_of(if_none_match.ptr, (size_t)end));
        if (str_starts(one, STR("W/"))) {
            one = str_of(one.ptr + 2, one.len - 2);
        }
        if (str_eq(one, etag) || str_is(one, "*")) {
            return true;
        }
        if_none_match =
            end < 0 ? STR("")
                    : str_of(if_none_match.ptr + end + 1, if_none_match.len - (size_t)end - 1);
    }
    return false;
}

static err add_piece(void *ctx, struct str piece, struct errmsg *msg)
{
    return buf_add_str(ctx, piece) ? ERR_OK : errmsg_set(msg, ERR_TOO_LARGE, "over 16 MiB");
}

bool console_inflate(const struct console *console, const struct console_file *file,
                     struct buf *out)
{
    AUTO(inflate) x = NULL;
    struct str input = str_of(console->bytes + file->gz_at, file->gz_len);
    return inflate_new(HTTP_CODING_GZIP, FILE_BYTES_MAX, &x, NULL) == ERR_OK &&
           inflate_feed(x, &input, add_piece, out, NULL) == ERR_OK &&
           inflate_finish(x, NULL) == ERR_OK && out->len == file->size;
}

/* ---- answers ---- */

/* `coding` as Content-Encoding, empty for none; `caching` as Cache-Control. */
static void respond(struct http_exchange *ex, const char *type, struct str etag, struct str vary,
                    struct str caching, struct str coding, struct str body)
{
    bool is_known = console_matches(http_header(ex, "if-none-match"), etag);
    const struct http_field fields[] = {
        {"content-type", str_from(type)},
        {"content-security-policy", str_of(POLICY, sizeof POLICY - 1)},
        {"referrer-policy", STR("no-referrer")},
        {"vary", vary},
        {"etag", etag},
        {"cache-control", caching},
        {"content-encoding", coding}};
    http_respond(ex, is_known ? 304 : 200, fields, ARRAY_LEN(fields) - (coding.len == 0 ? 1 : 0),
                 is_known ? STR("") : body);
}

static void on_file(struct http_exchange *ex)
{
    const struct console *console = &console_embedded;
    const struct console_file *file = console_find(console, http_path(ex));
    if (file == NULL) {
        http_respond_type(ex, 404, "text/plain; charset=utf-8",
                          STR("there is no such file in this build of the console\n"));
        return;
    }
    static const char *const NAMES[] = {"", "gzip", "br"};
    enum console_coding coding = console_coding(http_header(ex, "accept-encoding"));
    AUTO_BUF plain = buf_make(FILE_BYTES_MAX);
    struct str body;
    if (coding == CONSOLE_BROTLI) {
        body = str_of(console->bytes + file->br_at, file->br_len);
    } else if (coding == CONSOLE_GZIP) {
        body = str_of(console->bytes + file->gz_at, file->gz_len);
    } else if (console_inflate(console, file, &plain)) {
        body = buf_str(&plain);
    } else {
        http_problem(ex, 503, "no_memory", STR("there is no memory to unpack the file"), STR(""));
        return;
    }
    char etag[ETAG_BYTES];
    (void)snprintf(etag, sizeof etag, "\"%s%s\"", file->hash, NAMES[coding]); /* fits */
    bool is_hashed = str_starts(http_path(ex), STR("/assets/"));
    respond(ex, file->type, str_from(etag), STR("accept-encoding"),
            is_hashed ? STR("public, max-age=31536000, immutable") : STR("no-cache"),
            str_from(NAMES[coding]), body);
}

/* The page is small and differs by depth, so it is sent as it is. */
static void on_page(struct http_exchange *ex)
{
    static const char BASE[] = "<base href=\"./\" />"; /* web/pack.mjs has made sure it is there */
    const struct console *console = &console_embedded;
    AUTO_BUF plain = buf_make(FILE_BYTES_MAX);
    AUTO_BUF base = buf_make(HTTP_TARGET_BYTES_MAX * 3);
    AUTO_BUF page = buf_make(FILE_BYTES_MAX);
    const struct console_file *file = console_find(console, STR("/index.html"));
    const char *at = file != NULL && console_inflate(console, file, &plain)
                         ? memmem(plain.data, plain.len, BASE, sizeof BASE - 1)
                         : NULL;
    if (at == NULL) {
        http_problem(ex, 503, "no_memory", STR("there is no memory to unpack the page"), STR(""));
        return;
    }
    console_base(http_path(ex), &base);
    size_t before = (size_t)(at - plain.data);
    buf_add(&page, plain.data, before);
    buf_printf(&page, "<base href=\"%s\" />", buf_cstr(&base));
    buf_add(&page, at + sizeof BASE - 1, plain.len - before - (sizeof BASE - 1));
    char etag[ETAG_BYTES];
    (void)snprintf(etag, sizeof etag, "\"%s-%zu\"", file->hash, base.len); /* fits */
    respond(ex, file->type, str_from(etag), STR("accept"), STR("no-cache"), STR(""),
            buf_str(&page));
}

const struct http_route *console_route(const struct http_exchange *ex)
{
    static const struct http_handler FILE_HANDLER = {.on_request = on_file};
    static const struct http_handler PAGE_HANDLER = {.on_request = on_page};
    static const struct http_route FILE_ROUTE = {.path = "/assets/{file...}",
                                                 .handler = &FILE_HANDLER};
    static const struct http_route PAGE_ROUTE = {.path = "/{page...}", .handler = &PAGE_HANDLER};
    struct str path = http_path(ex);
    struct str accept = http_header(ex, "accept");
    if (is_below(path, STR("/assets")) ||
        (!str_is(path, "/index.html") && console_find(&console_embedded, path) != NULL)) {
        return &FILE_ROUTE;
    }
    bool is_person = http_accept_weight(accept, STR("text/html")) >
                     http_accept_weight(accept, STR("application/json"));
    return is_person && console_is_page(path) ? &PAGE_ROUTE : NULL;
}
