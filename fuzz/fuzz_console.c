/* SPDX-License-Identifier: MIT */
/* fuzz_console.c - headers and paths that choose a file of the console. What is answered comes from
 * the table alone: no coding is used that the client did not name, no path leads out of it, and the
 * way to the root has as many steps as the path has slashes. */
#include "http/access.h"
#include "http/console.h"

static const struct console_file FILES[] = {
    {"/assets/a.js", "text/javascript", "1", 1, 0, 1, 0, 1}};
const struct console console_embedded = {FILES, ARRAY_LEN(FILES), "x", 1, "1"};

static bool has(struct str text, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= text.len; i++) {
        if (str_eq_nocase(str_of(text.ptr + i, len), str_of(word, len))) {
            return true;
        }
    }
    return false;
}

static void check_coding(struct str header)
{
    enum console_coding coding = console_coding(header);
    bool is_any = has(header, "*");
    ASSERT(coding != CONSOLE_BROTLI || is_any || has(header, "br"));
    ASSERT(coding != CONSOLE_GZIP || is_any || has(header, "gzip"));
}

static void check_path(struct str path)
{
    const struct console_file *file = console_find(&console_embedded, path);
    ASSERT(file == NULL || str_is(path, file->path));
    ASSERT(file == NULL || !console_is_page(path));
    size_t slashes = 0;
    for (size_t i = 1; i < path.len; i++) {
        slashes += path.ptr[i] == '/' ? 1 : 0;
    }
    AUTO_BUF base = buf_make(1 << 20);
    console_base(path, &base);
    ASSERT(base.failed || base.len == (slashes == 0 ? 2 : 3 * slashes));
}

static void check_cookie(struct str header)
{
    struct str value = http_cookie(header, "tarn_session");
    ASSERT(value.len == 0 ||
           (value.ptr >= header.ptr && value.ptr + value.len <= header.ptr + header.len));
    ASSERT(str_find(value, ';') < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = str_of((const char *)data, size);
    ptrdiff_t end = str_find(all, '\n');
    struct str one = end < 0 ? all : str_of(all.ptr, (size_t)end);
    struct str two = end < 0 ? STR("") : str_of(all.ptr + end + 1, all.len - (size_t)end - 1);
    check_coding(one);
    check_path(one);
    check_cookie(one);
    (void)console_matches(one, STR("\"1\""));
    ASSERT(!console_matches(one, STR("\"1\"")) || has(one, "\"1\"") || has(one, "*"));
    ASSERT(!http_origin_own(one, two, STR("")) || (two.len > 0 && one.len > two.len));
    return 0;
}
