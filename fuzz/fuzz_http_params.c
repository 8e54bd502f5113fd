/* SPDX-License-Identifier: MIT */
/* fuzz_http_params.c - query strings, authorities, origins, Accept and tokens from anybody. What
 * is accepted holds no zero byte, is UTF-8, has distinct names, and says the same when written
 * out and read again. */
#include "http/access.h"
#include "http/params.h"

static void put_coded(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        buf_printf(out, "%%%02x", (unsigned)(unsigned char)s.ptr[i]);
    }
}

static void check_params(struct str query)
{
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    if (http_params_parse(query, &params, &msg) != ERR_OK) {
        ASSERT(msg.text[0] != '\0');
        return;
    }
    AUTO_BUF coded = buf_make(1 << 20);
    for (size_t i = 0; i < params.count; i++) {
        ASSERT(params.items[i].name.len > 0);
        ASSERT(str_is_utf8(params.items[i].name) && str_is_utf8(params.items[i].value));
        ASSERT(str_find(params.items[i].value, '\0') < 0);
        put_coded(&coded, params.items[i].name);
        buf_add_byte(&coded, '=');
        put_coded(&coded, params.items[i].value);
        buf_add_byte(&coded, '&');
    }
    AUTO_PARAMS again = {0};
    ASSERT(http_params_parse(buf_str(&coded), &again, NULL) == ERR_OK);
    ASSERT(again.count == params.count);
    for (size_t i = 0; i < params.count; i++) {
        ASSERT(str_eq(params.items[i].name, again.items[i].name));
        ASSERT(str_eq(params.items[i].value, again.items[i].value));
    }
    ASSERT(params.count == 0 || http_params_check(&params, NULL) == ERR_INVALID);
    int64_t number = 7;
    if (http_params_i64(&params, "limit", 1, 1000, &number, NULL) == ERR_OK) {
        ASSERT(number >= 1 && number <= 1000);
    }
    bool flag = false;
    (void)http_params_bool(&params, "atomic", &flag, NULL); /* any result, no crash */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str text = str_of(data, len);
    check_params(text);
    struct str name;
    bool is_address = false;
    if (http_authority_parse(text, &name, &is_address)) {
        ASSERT(name.len > 0 && name.len <= len);
    }
    static const char *const NAMES[] = {"lake.example.org"};
    (void)http_origin_allowed(text, NAMES, 1, STR("10.0.0.1")); /* any answer, no crash */
    static const char *const ORIGINS[] = {"https://app.example.org"};
    bool is_any = false;
    if (http_origin_named(text, ORIGINS, 1, &is_any)) {
        ASSERT(http_origin_valid(text) && !is_any); /* only what could be on the list */
    }
    ASSERT(http_accept_weight(text, STR("text/html")) <= 1000);
    ASSERT(!http_token_matches(text, STR("")));
    return 0;
}
