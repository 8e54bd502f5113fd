/* SPDX-License-Identifier: MIT */
/* json.c - see json.h. */
#include "base/json.h"

err json_parse(struct str text, json_t **out_json, struct errmsg *msg)
{
    json_error_t detail;
    json_t *json = json_loadb(text.ptr == NULL ? "" : text.ptr, text.len,
                              JSON_DECODE_ANY | JSON_ALLOW_NUL, &detail);
    if (json == NULL) {
        return errmsg_set(msg, ERR_INVALID, "bad JSON at line %d column %d: %s", detail.line,
                          detail.column, detail.text);
    }
    *out_json = json;
    return ERR_OK;
}

static int append(const char *bytes, size_t len, void *context)
{
    struct buf *out = context;
    return buf_add(out, bytes, len) ? 0 : -1;
}

err json_write(const json_t *json, struct buf *out)
{
    int result = json_dump_callback(json, append, out, JSON_COMPACT | JSON_ENCODE_ANY);
    return result == 0 ? ERR_OK : out->failed ? ERR_TOO_LARGE : ERR_NOMEM;
}

static err member(const json_t *object, const char *key, json_t **out_value, struct errmsg *msg)
{
    if (!json_is_object(object)) {
        return errmsg_set(msg, ERR_INVALID, "expected a JSON object with \"%s\"", key);
    }
    json_t *value = json_object_get(object, key);
    if (value == NULL || json_is_null(value)) {
        return errmsg_set(msg, ERR_NOT_FOUND, "\"%s\" is missing", key);
    }
    *out_value = value;
    return ERR_OK;
}

err json_get_str(const json_t *object, const char *key, struct str *out_value, struct errmsg *msg)
{
    json_t *value = NULL;
    TRY(member(object, key, &value, msg));
    if (!json_is_string(value)) {
        return errmsg_set(msg, ERR_INVALID, "\"%s\" must be a string", key);
    }
    *out_value = str_of(json_string_value(value), json_string_length(value));
    return ERR_OK;
}

err json_get_i64(const json_t *object, const char *key, int64_t *out_value, struct errmsg *msg)
{
    json_t *value = NULL;
    TRY(member(object, key, &value, msg));
    if (!json_is_integer(value)) {
        return errmsg_set(msg, ERR_INVALID, "\"%s\" must be an integer", key);
    }
    *out_value = json_integer_value(value);
    return ERR_OK;
}

err json_get_bool(const json_t *object, const char *key, bool *out_value, struct errmsg *msg)
{
    json_t *value = NULL;
    TRY(member(object, key, &value, msg));
    if (!json_is_boolean(value)) {
        return errmsg_set(msg, ERR_INVALID, "\"%s\" must be true or false", key);
    }
    *out_value = json_is_true(value);
    return ERR_OK;
}

err json_opt_str(const json_t *object, const char *key, struct str *value, struct errmsg *msg)
{
    err e = json_get_str(object, key, value, msg);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

err json_opt_i64(const json_t *object, const char *key, int64_t *value, struct errmsg *msg)
{
    err e = json_get_i64(object, key, value, msg);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

err json_opt_bool(const json_t *object, const char *key, bool *value, struct errmsg *msg)
{
    err e = json_get_bool(object, key, value, msg);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}
