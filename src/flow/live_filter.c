/* SPDX-License-Identifier: MIT */
/* live_filter.c - see live_filter.h.
 *
 * The scanner knows strings, brackets and nothing else of JSON: what is in the log was validated at
 * the door (or is a dead letter, for which any answer is fine). It never reads outside. */
#include "flow/live_filter.h"

enum { NAMES_MAX = 6 };

static const struct {
    const char *name;
    const char *const names[NAMES_MAX];
    size_t count;
} fields[LIVE_FIELD_COUNT] = {
    [LIVE_TYPE] = {"type", {"type", "event", "event_type", "kind", "action"}, 5},
    [LIVE_LEVEL] = {"level", {"level", "severity"}, 2},
    [LIVE_SOURCE] = {"source", {"source", "host", "service", "client_ip", "remote_addr", "ip"}, 6},
    [LIVE_ENDPOINT] = {"endpoint", {"endpoint", "path", "url"}, 3},
};

const char *live_field_name(enum live_field field)
{
    ASSERT(field < LIVE_FIELD_COUNT);
    return fields[field].name;
}

/* ---- scanning ---- */

struct scan {
    const char *at;
    const char *end;
};

static void skip_space(struct scan *s)
{
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')) {
        s->at++;
    }
}

static bool take(struct scan *s, char c)
{
    skip_space(s);
    if (s->at >= s->end || *s->at != c) {
        return false;
    }
    s->at++;
    return true;
}

/* From behind the opening quote to behind the closing one. */
static bool take_string(struct scan *s, struct str *out_text)
{
    const char *start = s->at;
    while (s->at < s->end) {
        const char *quote = memchr(s->at, '"', (size_t)(s->end - s->at));
        if (quote == NULL) {
            return false;
        }
        size_t slashes = 0;
        while (quote - slashes > start && quote[-1 - (ptrdiff_t)slashes] == '\\') {
            slashes++;
        }
        s->at = quote + 1;
        if (slashes % 2 == 0) {
            *out_text = str_of(start, (size_t)(quote - start));
            return true;
        }
    }
    return false;
}

/* From an opening bracket to behind the closing one. */
static bool skip_nested(struct scan *s)
{
    size_t depth = 0;
    while (s->at < s->end) {
        char c = *s->at++;
        struct str unused;
        if (c == '"' && !take_string(s, &unused)) {
            return false;
        }
        depth += c == '{' || c == '[' ? 1 : 0;
        if ((c == '}' || c == ']') && --depth == 0) {
            return true;
        }
    }
    return false;
}

static bool take_value(struct scan *s, struct str *out_value)
{
    skip_space(s);
    const char *start = s->at;
    if (s->at >= s->end) {
        return false;
    }
    if (*s->at == '"') {
        s->at++;
        return take_string(s, out_value);
    }
    if (*s->at == '{' || *s->at == '[') {
        bool is_whole = skip_nested(s);
        *out_value = str_of(start, (size_t)(s->at - start));
        return is_whole;
    }
    while (s->at < s->end && *s->at != ',' && *s->at != '}' && *s->at != ' ' && *s->at != '\n' &&
           *s->at != '\r' && *s->at != '\t') {
        s->at++;
    }
    *out_value = str_of(start, (size_t)(s->at - start));
    return s->at > start;
}

static bool take_key(struct scan *s, struct str *out_key)
{
    return take(s, '"') && take_string(s, out_key) && take(s, ':');
}

/* null says as little as no field. A text has its quote before it. */
static bool is_null(struct str value)
{
    return str_is(value, "null") && value.ptr[-1] != '"';
}

bool live_event_field(struct str event, const char *const *names, size_t name_count,
                      struct str *out_value)
{
    if (event.len == 0) {
        return false; /* a record without a value has no bytes to point at */
    }
    struct scan s = {event.ptr, event.ptr + event.len};
    size_t best = name_count;
    struct str key;
    struct str value;
    if (!take(&s, '{')) {
        return false;
    }
    while (best > 0 && take_key(&s, &key) && take_value(&s, &value)) {
        for (size_t i = 0; i < best; i++) {
            if (str_is(key, names[i]) && !is_null(value)) {
                best = i;
                *out_value = value;
            }
        }
        if (!take(&s, ',')) {
            break;
        }
    }
    return best < name_count;
}

bool live_event_get(struct str event, enum live_field field, struct str *out_value)
{
    ASSERT(field < LIVE_FIELD_COUNT);
    return live_event_field(event, fields[field].names, fields[field].count, out_value);
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool live_text_found(struct str text, struct str needle)
{
    if (needle.len == 0) {
        return true;
    }
    char first = fold(needle.ptr[0]);
    for (size_t i = 0; i + needle.len <= text.len; i++) {
        if (fold(text.ptr[i]) == first && str_eq_nocase(str_of(text.ptr + i, needle.len), needle)) {
            return true;
        }
    }
    return false;
}

/* ---- filters ---- */

void live_filter_deinit(struct live_filter *f)
{
    for (size_t k = 0; k < LIVE_FIELD_COUNT; k++) {
        for (size_t i = 0; i < f->counts[k]; i++) {
            free(f->values[k][i]);
        }
        free(f->values[k]);
    }
    free(f->text);
    *f = (struct live_filter){0};
}

static err take_text(const json_t *json, const char *name, char **out_text, struct errmsg *msg)
{
    if (!json_is_string(json) || json_string_length(json) > LIVE_FILTER_VALUE_BYTES_MAX) {
        return errmsg_set(msg, ERR_INVALID, "filter.%s: texts of at most %d bytes", name,
                          LIVE_FILTER_VALUE_BYTES_MAX);
    }
    *out_text = xstrndup(json_string_value(json), json_string_length(json));
    return ERR_OK;
}

static err parse_values(const json_t *json, enum live_field field, struct live_filter *f,
                        struct errmsg *msg)
{
    bool is_list = json_is_array(json);
    size_t count = is_list ? json_array_size(json) : 1;
    if (count > LIVE_FILTER_VALUES_MAX) {
        return errmsg_set(msg, ERR_INVALID, "filter.%s: at most %d values", fields[field].name,
                          LIVE_FILTER_VALUES_MAX);
    }
    f->values[field] = xnew_array(char *, MAX(count, (size_t)1));
    for (size_t i = 0; i < count; i++) {
        TRY(take_text(is_list ? json_array_get(json, i) : json, fields[field].name,
                      &f->values[field][i], msg));
        f->counts[field]++;
    }
    return ERR_OK;
}

static err parse_member(const char *name, const json_t *value, struct live_filter *f,
                        struct errmsg *msg)
{
    if (json_is_null(value)) {
        return ERR_OK;
    }
    if (strcmp(name, "text") == 0) {
        return take_text(value, name, &f->text, msg);
    }
    for (size_t k = 0; k < LIVE_FIELD_COUNT; k++) {
        if (strcmp(name, fields[k].name) == 0) {
            return parse_values(value, (enum live_field)k, f, msg);
        }
    }
    return errmsg_set(msg, ERR_INVALID,
                      "filter has type, level, source, endpoint and text; \"%.64s\" is none of "
                      "them",
                      name);
}

err live_filter_parse(const json_t *json, struct live_filter *out_filter, struct errmsg *msg)
{
    struct live_filter f = {0};
    const char *name = NULL;
    json_t *value = NULL;
    if (json != NULL && !json_is_null(json) && !json_is_object(json)) {
        return errmsg_set(msg, ERR_INVALID, "filter must be an object");
    }
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        err e = parse_member(name, value, &f, msg);
        if (e != ERR_OK) {
            live_filter_deinit(&f);
            return e;
        }
    }
    *out_filter = f;
    return ERR_OK;
}

bool live_filter_is_empty(const struct live_filter *f)
{
    for (size_t k = 0; k < LIVE_FIELD_COUNT; k++) {
        if (f->counts[k] > 0) {
            return false;
        }
    }
    return f->text == NULL || f->text[0] == '\0';
}

static bool is_one_of(struct str value, char *const *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_is(value, values[i])) {
            return true;
        }
    }
    return false;
}

bool live_filter_matches(const struct live_filter *f, struct str event)
{
    for (size_t k = 0; k < LIVE_FIELD_COUNT; k++) {
        struct str value;
        if (f->counts[k] > 0 && (!live_event_get(event, (enum live_field)k, &value) ||
                                 !is_one_of(value, f->values[k], f->counts[k]))) {
            return false;
        }
    }
    return f->text == NULL || live_text_found(event, str_from(f->text));
}
