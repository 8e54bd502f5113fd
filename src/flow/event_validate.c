/* SPDX-License-Identifier: MIT */
/* event_validate.c - the judgement on one record, and its key.
 * The fast path is stage 1 plus one walk, in which the schema, if there is one, is checked too.
 * Whatever that walk is not sure of is walked without the schema, then checked with it; what is no
 * JSON is read again by json_diagnose(), which finds the reason. So bad JSON is told before what
 * breaks the schema, wherever in the event each is. */
#include "flow/event.h"

#include "flow/json_schema.h"
#include "flow/json_walk.h"

struct event_validator {
    struct json_indexer *indexer; /* owned if owns_indexer, else borrowed */
    bool owns_indexer;
    uint32_t depth_max;
    size_t record_bytes_max;
    struct str key_field;             /* owned; NULL: none */
    struct buf key;                   /* owned: an unescaped key */
    struct buf name;                  /* owned: an unescaped field name */
    struct json_schema_run *check;    /* referenced; NULL: none */
    struct json_schema_finding found; /* of the last EVENT_SCHEMA */
};

#define EVENT_CODE_NAME_(code, name, text) [code] = name,
#define EVENT_CODE_TEXT_(code, name, text) [code] = text,
static const char *const code_names[EVENT_CODE_COUNT] = {EVENT_CODE_LIST(EVENT_CODE_NAME_)};
static const char *const code_texts[EVENT_CODE_COUNT] = {EVENT_CODE_LIST(EVENT_CODE_TEXT_)};

enum event_code event_code_find(struct str name)
{
    for (int i = 0; i < EVENT_CODE_COUNT; i++) {
        if (str_is(name, code_names[i])) {
            return (enum event_code)i;
        }
    }
    return EVENT_OK;
}

const char *event_code_name(enum event_code code)
{
    ASSERT(code < EVENT_CODE_COUNT);
    return code_names[code];
}

const char *event_code_text(enum event_code code)
{
    ASSERT(code < EVENT_CODE_COUNT);
    return code_texts[code];
}

err event_validator_new(const struct event_validator_options *options,
                        struct event_validator **out_validator, struct errmsg *msg)
{
    uint32_t depth_max = options->depth_max == 0 ? EVENT_DEPTH_DEFAULT : options->depth_max;
    size_t bytes_max =
        options->record_bytes_max == 0 ? EVENT_RECORD_BYTES_DEFAULT : options->record_bytes_max;
    if (depth_max > EVENT_DEPTH_MAX || bytes_max > EVENT_RECORD_BYTES_MAX) {
        return errmsg_set(msg, ERR_INVALID, "records may nest %d deep and hold %d bytes at most",
                          EVENT_DEPTH_MAX, EVENT_RECORD_BYTES_MAX);
    }
    struct event_validator *v = xnew(struct event_validator);
    v->depth_max = depth_max;
    v->record_bytes_max = bytes_max;
    v->key = buf_make(bytes_max);
    v->name = buf_make(bytes_max);
    v->check = json_schema_run_ref(options->check);
    v->owns_indexer = options->indexer == NULL;
    v->indexer = v->owns_indexer ? json_indexer_new() : options->indexer;
    if (options->key_field.ptr != NULL) {
        v->key_field = str_of(xstrndup(options->key_field.ptr, options->key_field.len),
                              options->key_field.len);
    }
    if (v->indexer == NULL) {
        event_validator_free(v);
        return errmsg_set(msg, ERR_NOMEM, "no memory for a JSON parser");
    }
    *out_validator = v;
    return ERR_OK;
}

void event_validator_free(struct event_validator *v)
{
    if (v == NULL) {
        return;
    }
    if (v->owns_indexer) {
        json_indexer_free(v->indexer);
    }
    json_schema_run_free(v->check);
    buf_deinit(&v->key);
    buf_deinit(&v->name);
    free((void *)(uintptr_t)v->key_field.ptr); /* ours, made by xstrndup */
    free(v);
}

static bool is_key_field(struct event_validator *v, const struct json_view *view, uint32_t i)
{
    struct str name = json_view_string(view, i);
    if (!json_has_escape(view, name)) {
        return str_eq(name, v->key_field);
    }
    buf_reset(&v->name);
    return json_unescape(name, &v->name) && str_eq(buf_str(&v->name), v->key_field);
}

/* The key that the value at tokens [i, next) stands for. */
static struct event_key key_of(struct event_validator *v, const struct json_view *view, uint32_t i,
                               uint32_t next)
{
    const char *p = view->base + view->at[i];
    struct str text = json_view_string(view, i);
    if (*p == 'n') {
        return (struct event_key){0};
    }
    if (*p == '"') {
        if (json_has_escape(view, text)) {
            buf_reset(&v->key);
            text = json_unescape(text, &v->key) ? buf_str(&v->key) : text;
        }
        return (struct event_key){true, text};
    }
    const char *end = view->base + view->at[next - 1] + 1;
    if (*p != '{' && *p != '[') {
        end = view->base + view->at[next];
        while (json_is_space(end[-1])) {
            end--;
        }
    }
    return (struct event_key){true, str_of(p, (size_t)(end - p))};
}

/* The fast path: walks the whole object and picks up the key. */
static bool walk_object(struct event_validator *v, const struct json_view *view,
                        struct event_key *key)
{
    uint32_t i = 1;
    if (json_at(view, i) == '}') {
        return view->count == 2;
    }
    for (;;) {
        if (!json_key_ok(view, i)) {
            return false;
        }
        uint32_t value = i + 2;
        char c = json_at(view, value);
        uint32_t next = value + 1;
        if (c == '{' || c == '[') {
            next = json_walk_nested(view, value, v->depth_max - 1);
            if (next == 0 || next >= view->count) {
                return false;
            }
        } else if (!json_scalar_ok(view, value)) {
            return false;
        }
        if (v->key_field.ptr != NULL && is_key_field(v, view, i)) {
            *key = key_of(v, view, value, next);
        }
        i = next;
        if (json_at(view, i) != ',') {
            return json_at(view, i) == '}' && i + 1 == view->count;
        }
        i++;
    }
}

const char *event_validator_pointer(const struct event_validator *v)
{
    return v->found.pointer;
}

void event_validator_check(struct event_validator *v, struct json_schema_run *check)
{
    struct json_schema_run *old = v->check;
    v->check = json_schema_run_ref(check);
    json_schema_run_free(old);
}

/* Grammar, schema and key in one walk. False when not sure. */
static bool walk_declared(struct event_validator *v, const struct json_view *view,
                          struct event_key *key)
{
    struct json_schema_look look = {.depth_max = v->depth_max, .key = v->key_field};
    if (json_schema_walk(v->check, view, 0, &look) != view->count) {
        return false;
    }
    if (look.key_at != 0) {
        *key = key_of(v, view, look.key_at, look.key_next);
    }
    return true;
}

/* The schema's verdict on an event that is well-formed, when that walk was not sure. */
static enum event_code check_schema(struct event_validator *v, const struct json_view *view,
                                    struct errmsg *detail)
{
    switch (json_schema_check_exactly(v->check, view, 0, &v->found)) {
    case JSON_SCHEMA_VALID:
        return EVENT_OK;
    case JSON_SCHEMA_BAD:
        json_schema_detail(&v->found, detail);
        return EVENT_SCHEMA;
    case JSON_SCHEMA_NOMEM:
        break;
    }
    (void)errmsg_set(detail, ERR_NOMEM, "no memory to check the event");
    return EVENT_RECORD_TOO_LARGE;
}

enum event_code event_diagnose(struct str record, uint32_t depth_max, struct errmsg *detail)
{
    enum event_code code = json_diagnose(record, depth_max, detail);
    if (code == EVENT_OK) {
        (void)errmsg_set(detail, ERR_OK, "nothing is wrong");
    }
    return code;
}

enum event_code event_validate(struct event_validator *v, struct str record,
                               struct event_key *out_key, struct errmsg *detail)
{
    if (record.len > v->record_bytes_max) {
        (void)errmsg_set(detail, ERR_TOO_LARGE, "%zu bytes, the limit is %zu", record.len,
                         v->record_bytes_max);
        return EVENT_RECORD_TOO_LARGE;
    }
    const uint32_t *at = NULL;
    uint32_t count = 0;
    enum json_index_result result =
        json_indexer_run(v->indexer, record.ptr, record.len, &at, &count);
    if (result == JSON_INDEX_NOMEM) {
        (void)errmsg_set(detail, ERR_NOMEM, "no memory for a record of %zu bytes", record.len);
        return EVENT_RECORD_TOO_LARGE;
    }
    struct json_view view;
    struct event_key key = {0};
    bool is_view = result == JSON_INDEX_OK && json_view_init(&view, record, at, count);
    bool is_declared = is_view && v->check != NULL && walk_declared(v, &view, &key);
    if (is_declared || (is_view && walk_object(v, &view, &key))) {
        enum event_code verdict =
            is_declared || v->check == NULL ? EVENT_OK : check_schema(v, &view, detail);
        if (verdict != EVENT_OK) {
            return verdict;
        }
        if (out_key != NULL) {
            *out_key = key;
        }
        return EVENT_OK;
    }
    enum event_code code = json_diagnose(record, v->depth_max, detail);
    if (code == EVENT_OK) {
        /* The two readers disagree: a bug, but one record's, so it is refused and not fatal. */
        (void)errmsg_set(detail, ERR_INVALID, "the parser refused it");
        return EVENT_INVALID_JSON;
    }
    return code;
}
