/* SPDX-License-Identifier: MIT */
/* params.c - see params.h. Storage is reserved once, as decoding never lengthens a text. */
#include "http/params.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

err http_percent_decode(struct str text, bool plus_is_space, struct buf *out, struct errmsg *msg)
{
    size_t start = out->len;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 1 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return errmsg_set(msg, ERR_INVALID, "'%%' without two hex digits at position %zu",
                                  i);
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == '\0') {
            return errmsg_set(msg, ERR_INVALID, "a zero byte at position %zu", i);
        }
        if (!buf_add_byte(out, c)) {
            return errmsg_set(msg, ERR_TOO_LARGE, "longer than %zu bytes", out->max);
        }
    }
    if (!str_is_utf8(str_of(out->data + start, out->len - start))) {
        return errmsg_set(msg, ERR_INVALID, "not UTF-8 once decoded");
    }
    return ERR_OK;
}

static err add_param(struct http_params *params, struct str part, const char *repeated,
                     struct errmsg *msg)
{
    if (params->count == HTTP_PARAMS_MAX) {
        return errmsg_set(msg, ERR_LIMIT, "more than %d parameters", HTTP_PARAMS_MAX);
    }
    ptrdiff_t equals = str_find(part, '=');
    struct str name = equals < 0 ? part : str_of(part.ptr, (size_t)equals);
    struct str value = equals < 0 ? str_of(part.ptr + part.len, 0)
                                  : str_of(name.ptr + name.len + 1, part.len - name.len - 1);
    size_t name_at = params->storage.len;
    TRY(http_percent_decode(name, true, &params->storage, msg));
    size_t value_at = params->storage.len;
    err e = http_percent_decode(value, true, &params->storage, msg);
    struct str decoded_name = str_of(params->storage.data + name_at, value_at - name_at);
    if (e != ERR_OK) {
        return errmsg_wrap(msg, e, "parameter %.*s", (int)MIN(decoded_name.len, (size_t)60),
                           decoded_name.ptr);
    }
    if (decoded_name.len == 0) {
        return errmsg_set(msg, ERR_INVALID, "a parameter without a name");
    }
    bool may_repeat = repeated != NULL && str_is(decoded_name, repeated);
    for (size_t i = 0; i < params->count && !may_repeat; i++) {
        if (str_eq(params->items[i].name, decoded_name)) {
            return errmsg_set(msg, ERR_INVALID, "parameter %.*s is given twice",
                              (int)MIN(decoded_name.len, (size_t)60), decoded_name.ptr);
        }
    }
    params->items[params->count++] = (struct http_param){
        .name = decoded_name,
        .value = str_of(params->storage.data + value_at, params->storage.len - value_at),
    };
    return ERR_OK;
}

err http_params_parse(struct str query, struct http_params *out_params, struct errmsg *msg)
{
    return http_params_parse_list(query, NULL, out_params, msg);
}

err http_params_parse_list(struct str query, const char *repeated, struct http_params *out_params,
                           struct errmsg *msg)
{
    /* Only what is used: the items are many and most queries short. */
    out_params->count = 0;
    out_params->storage = buf_make(query.len);
    if (query.len == 0) {
        return ERR_OK;
    }
    if (!buf_reserve(&out_params->storage, query.len)) {
        return errmsg_set(msg, ERR_NOMEM, "no memory for the query");
    }
    struct str rest = query;
    struct str part;
    while (str_split(&rest, '&', &part)) {
        if (part.len > 0) { /* "a=1&" and "a=1&&b=2" are harmless */
            TRY(add_param(out_params, part, repeated, msg));
        }
    }
    return ERR_OK;
}

void http_params_deinit(struct http_params *params)
{
    buf_deinit(&params->storage);
    params->count = 0;
}

bool http_params_str(struct http_params *params, const char *name, struct str *value)
{
    size_t at = 0;
    return http_params_next(params, name, &at, value);
}

bool http_params_next(struct http_params *params, const char *name, size_t *at, struct str *value)
{
    for (size_t i = *at; i < params->count; i++) {
        if (str_is(params->items[i].name, name)) {
            params->items[i].is_known = true;
            *value = params->items[i].value;
            *at = i + 1;
            return true;
        }
    }
    return false;
}

err http_params_i64(struct http_params *params, const char *name, int64_t min, int64_t max,
                    int64_t *value, struct errmsg *msg)
{
    struct str text;
    if (!http_params_str(params, name, &text)) {
        return ERR_OK;
    }
    int64_t number = 0;
    if (!str_to_i64(text, &number) || number < min || number > max) {
        return errmsg_set(msg, ERR_INVALID, "%s must be a whole number from %lld to %lld", name,
                          (long long)min, (long long)max);
    }
    *value = number;
    return ERR_OK;
}

err http_params_bool(struct http_params *params, const char *name, bool *value, struct errmsg *msg)
{
    struct str text;
    if (!http_params_str(params, name, &text)) {
        return ERR_OK;
    }
    if (str_is(text, "true") || str_is(text, "1")) {
        *value = true;
    } else if (str_is(text, "false") || str_is(text, "0")) {
        *value = false;
    } else {
        return errmsg_set(msg, ERR_INVALID, "%s must be true or false", name);
    }
    return ERR_OK;
}

err http_params_check(const struct http_params *params, struct errmsg *msg)
{
    for (size_t i = 0; i < params->count; i++) {
        const struct http_param *p = &params->items[i];
        if (!p->is_known) {
            return errmsg_set(msg, ERR_INVALID, "there is no parameter %.*s here",
                              (int)MIN(p->name.len, (size_t)60), p->name.ptr);
        }
    }
    return ERR_OK;
}

/* ---- Accept ---- */

/* "0.5" in thousandths; 1000 for what is no weight. */
static uint32_t weight_of(struct str text)
{
    if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1')) {
        return 1000;
    }
    uint32_t weight = text.ptr[0] == '1' ? 1000 : 0;
    uint32_t unit = 100;
    for (size_t i = 2; i < text.len && weight < 1000; i++, unit /= 10) {
        char digit = text.ptr[i];
        weight += digit >= '0' && digit <= '9' ? (uint32_t)(digit - '0') * unit : 0;
    }
    return MIN(weight, 1000u);
}

/* 3 for the type itself, 2 for its group, 1 for everything, 0 for another one. */
static int specificity(struct str range, struct str type)
{
    ptrdiff_t slash = str_find(type, '/');
    ASSERT(slash > 0);
    if (str_eq_nocase(range, type)) {
        return 3;
    }
    if (str_is(range, "*/*")) {
        return 1;
    }
    struct str group = str_of(type.ptr, (size_t)slash + 1);
    bool is_group = range.len == group.len + 1 && range.ptr[group.len] == '*' &&
                    str_eq_nocase(str_of(range.ptr, group.len), group);
    return is_group ? 2 : 0;
}

uint32_t http_accept_weight(struct str accept, struct str type)
{
    uint32_t weight = accept.len == 0 ? 1000 : 0;
    int best = 0;
    struct str item;
    while (str_split(&accept, ',', &item)) {
        struct str range = {0};
        struct str parameter;
        uint32_t q = 1000;
        (void)str_split(&item, ';', &range); /* an empty item has an empty range */
        while (str_split(&item, ';', &parameter)) {
            parameter = str_trim(parameter);
            if (str_starts(parameter, STR("q=")) || str_starts(parameter, STR("Q="))) {
                q = weight_of(str_of(parameter.ptr + 2, parameter.len - 2));
            }
        }
        int now = specificity(str_trim(range), type);
        if (now > best) {
            best = now;
            weight = q;
        }
    }
    return weight;
}
