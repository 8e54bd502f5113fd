/* SPDX-License-Identifier: MIT */
/* api_saved.c - /api/v1/saved-queries: statements that people keep, shared by the console and the
 * prompt. Documents of kind "saved_query" in meta/, by name; their version is the ETag. */
#include "base/timefmt.h"
#include "http/api.h"

enum {
    LIST_LIMIT_DEFAULT = 100,
    LIST_LIMIT_MAX = META_PAGE_MAX,
    NAME_BYTES_MAX = 128,
    SQL_BYTES_MAX = 64 << 10, /* what the gate takes: sql/policy.h */
    DESCRIPTION_BYTES_MAX = 4000,
    TAGS_MAX = 20,
    TAG_BYTES_MAX = 64,
};

static const char kind[] = "saved_query";

/* ---- the document ---- */

static err check_name(struct str name, struct errmsg *msg)
{
    bool plain = name.len > 0 && name.len <= NAME_BYTES_MAX && str_is_utf8(name) &&
                 str_trim(name).len == name.len && str_find(name, '/') < 0;
    for (size_t i = 0; i < name.len && plain; i++) {
        plain = (unsigned char)name.ptr[i] >= 0x20 && name.ptr[i] != 0x7f;
    }
    return plain
               ? ERR_OK
               : errmsg_set(msg, ERR_INVALID,
                            "\"name\" must have 1 to %d bytes, no slash, no control character and "
                            "no space at its ends",
                            NAME_BYTES_MAX);
}

static err check_text(const json_t *body, const char *key, size_t bytes_max, struct errmsg *msg)
{
    const json_t *value = json_object_get(body, key);
    if (value != NULL && !json_is_string(value)) {
        return errmsg_set(msg, ERR_INVALID, "\"%s\" must be a text", key);
    }
    size_t len = value == NULL ? 0 : json_string_length(value);
    if (len > bytes_max) {
        return errmsg_set(msg, ERR_TOO_LARGE, "\"%s\" has %zu bytes; at most %zu are kept", key,
                          len, bytes_max);
    }
    if (len > 0 && memchr(json_string_value(value), '\0', len) != NULL) {
        return errmsg_set(msg, ERR_INVALID, "\"%s\" must not hold a zero byte", key);
    }
    return ERR_OK;
}

static err check_tags(const json_t *tags, struct errmsg *msg)
{
    bool good = tags == NULL || (json_is_array(tags) && json_array_size(tags) <= TAGS_MAX);
    for (size_t i = 0; good && i < json_array_size(tags); i++) {
        const json_t *tag = json_array_get(tags, i);
        size_t len = json_string_length(tag); /* 0 for what is no text */
        good = len > 0 && len <= TAG_BYTES_MAX && strlen(json_string_value(tag)) == len;
    }
    return good ? ERR_OK
                : errmsg_set(msg, ERR_INVALID,
                             "\"tags\" must be a list of at most %d texts of 1 to %d bytes",
                             TAGS_MAX, TAG_BYTES_MAX);
}

/* Whether the members are known and well formed. */
static err check_body(const json_t *body, struct errmsg *msg)
{
    static const char *const known[] = {"name", "sql", "description", "tags", "version"};
    if (body == NULL) {
        return errmsg_set(msg, ERR_INVALID, "send {\"name\": \"...\", \"sql\": \"SELECT ...\"}");
    }
    /* jansson's iteration wants a mutable object, and does not change it. */
    for (void *at = json_object_iter((json_t *)(uintptr_t)body); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)body, at)) {
        bool is_known = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++) {
            is_known = is_known || strcmp(json_object_iter_key(at), known[i]) == 0;
        }
        if (!is_known) {
            return errmsg_set(
                msg, ERR_INVALID,
                "unknown member \"%s\"; a saved query has name, sql, description, tags",
                json_object_iter_key(at));
        }
    }
    TRY(check_text(body, "sql", SQL_BYTES_MAX, msg));
    TRY(check_text(body, "description", DESCRIPTION_BYTES_MAX, msg));
    struct str sql = STR("");
    (void)json_get_str(body, "sql", &sql, NULL); /* absent: stays empty */
    if (str_trim(sql).len == 0) {
        return errmsg_set(msg, ERR_INVALID, "\"sql\" is missing or empty");
    }
    return check_tags(json_object_get(body, "tags"), msg);
}

/* What is stored: sql, description, tags, always all three. */
static err write_document(const json_t *body, struct buf *out)
{
    AUTO_JSON doc = json_object();
    json_t *description = json_object_get(body, "description");
    json_t *tags = json_object_get(body, "tags");
    json_object_set(doc, "sql", json_object_get(body, "sql"));
    json_object_set_new(doc, "description",
                        description == NULL ? json_string("") : json_incref(description));
    json_object_set_new(doc, "tags", tags == NULL ? json_array() : json_incref(tags));
    return json_write(doc, out);
}

static void add_time(json_t *json, const char *key, int64_t time_us)
{
    char text[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(time_us, text); /* the length is not needed */
    json_object_set_new(json, key, json_string(text));
}

/* What an answer shows; NULL when the stored text is no JSON object. */
static json_t *doc_json(const struct meta_doc *doc)
{
    AUTO_JSON stored = NULL;
    if (json_parse(str_from(doc->json), &stored, NULL) != ERR_OK || !json_is_object(stored)) {
        return NULL;
    }
    json_t *json = json_object();
    json_object_set_new(json, "name", json_string(doc->id));
    json_object_update(json, stored);
    json_object_set_new(json, "version", json_integer(doc->version));
    add_time(json, "created", doc->created_us);
    add_time(json, "updated", doc->updated_us);
    return json;
}

/* ---- answers ---- */

static void problem(struct http_exchange *ex, err e, const struct errmsg *msg)
{
    switch (e) {
    case ERR_NOT_FOUND:
        http_problemf(ex, 404, "saved_query_not_found",
                      "%s among the saved queries; GET /api/v1/saved-queries lists them",
                      msg->text);
        return;
    case ERR_EXISTS:
        http_problemf(ex, 409, "saved_query_exists", "%s among the saved queries; PUT replaces it",
                      msg->text);
        return;
    case ERR_CONFLICT:
        http_problem(ex, 409, "version_conflict", str_from(msg->text), STR(""));
        return;
    default:
        api_meta_problem(ex, e, msg);
    }
}

static void respond_doc(struct http_exchange *ex, int status, const struct meta_doc *doc)
{
    AUTO_JSON json = doc_json(doc);
    AUTO_BUF body = buf_make(2 * META_JSON_BYTES_MAX);
    if (json == NULL || json_write(json, &body) != ERR_OK) {
        http_problemf(ex, 503, "state_damaged", "the saved query \"%s\" is damaged; save it again",
                      doc->id);
        return;
    }
    char tag[32];
    (void)snprintf(tag, sizeof tag, "\"%lld\"", (long long)doc->version); /* fits */
    const struct http_field fields[] = {{"content-type", STR("application/json")},
                                        {"etag", str_from(tag)}};
    http_respond(ex, status, fields, ARRAY_LEN(fields), buf_str(&body));
}

/* ---- conditions ---- */

/* The version that a change expects, by If-Match or by the body's "version": META_ANY for none.
 * Answers and returns false for one that cannot be. */
static bool expected_version(struct http_exchange *ex, const json_t *body, int64_t *out_version,
                             bool *out_by_header)
{
    struct str match = http_header(ex, "if-match");
    const json_t *member = json_object_get(body, "version");
    *out_version = META_ANY;
    *out_by_header = match.len > 0;
    if (match.len > 0 && !str_is(match, "*")) {
        bool quoted = match.len > 2 && match.ptr[0] == '"' && match.ptr[match.len - 1] == '"';
        if (!quoted || !str_to_i64(str_of(match.ptr + 1, match.len - 2), out_version) ||
            *out_version <= 0) {
            http_problem(ex, 400, "invalid",
                         STR("If-Match must be the ETag of an answer, such as \"7\", or *"),
                         STR(""));
            return false;
        }
    } else if (member != NULL) {
        if (!json_is_integer(member) || json_integer_value(member) <= 0) {
            http_problem(ex, 400, "invalid",
                         STR("\"version\" must be the version of an answer that is replaced"),
                         STR(""));
            return false;
        }
        *out_version = json_integer_value(member);
    }
    return true;
}

/* A failed If-Match is 412, whatever failed it. */
static void change_problem(struct http_exchange *ex, err e, const struct errmsg *msg,
                           bool by_header)
{
    if (by_header && (e == ERR_CONFLICT || e == ERR_NOT_FOUND)) {
        http_problem(ex, 412, "version_conflict", str_from(msg->text), STR(""));
    } else {
        problem(ex, e, msg);
    }
}

/* ---- handlers ---- */

static void on_list(struct http_exchange *ex)
{
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    int64_t limit = LIST_LIMIT_DEFAULT;
    struct str after = {0};
    struct str prefix = {0};
    if (!api_params_begin(ex, &params)) {
        return;
    }
    (void)http_params_str(&params, "after", &after);   /* absent: from the start */
    (void)http_params_str(&params, "prefix", &prefix); /* absent: all */
    err e = http_params_i64(&params, "limit", 1, LIST_LIMIT_MAX, &limit, &msg);
    if (!api_params_end(ex, &params, e, &msg)) {
        return;
    }
    AUTO_META_PAGE page = {0};
    e = meta_list(api_of(ex)->meta, kind, prefix, after, (uint32_t)limit, &page, &msg);
    if (e != ERR_OK) {
        problem(ex, e, &msg);
        return;
    }
    AUTO_JSON answer = json_object();
    json_t *list = json_array();
    for (size_t i = 0; i < page.count; i++) {
        json_t *json = doc_json(&page.docs[i]);
        if (json != NULL) { /* a damaged one says so when it is asked for by name */
            json_array_append_new(list, json);
        }
    }
    json_object_set_new(answer, "saved_queries", list);
    json_object_set_new(answer, "next",
                        page.more ? json_string(page.docs[page.count - 1].id) : json_null());
    AUTO_BUF body = buf_make(64 << 20);
    if (json_write(answer, &body) != ERR_OK) {
        http_problem(ex, 500, "internal", STR("the answer does not fit; use a smaller limit"),
                     STR(""));
        return;
    }
    http_respond_json(ex, 200, buf_str(&body));
}
const struct http_handler api_saved_list = {.on_request = on_list};

static void create(struct http_exchange *ex, json_t *body)
{
    struct errmsg msg = {0};
    struct str name = STR("");
    AUTO_BUF text = buf_make(META_JSON_BYTES_MAX);
    AUTO_META_DOC doc = {0};
    err e = check_body(body, &msg);
    if (e == ERR_OK) {
        (void)json_get_str(body, "name", &name, NULL); /* absent: stays empty, and is refused */
        e = check_name(name, &msg);
    }
    if (e == ERR_OK) {
        e = write_document(body, &text);
    }
    if (e == ERR_OK) {
        e = meta_put(api_of(ex)->meta, kind, name, META_NEW, buf_str(&text), &doc, &msg);
    }
    if (e != ERR_OK) {
        problem(ex, e, &msg);
        return;
    }
    respond_doc(ex, 201, &doc);
}

static void replace(struct http_exchange *ex, json_t *body)
{
    struct errmsg msg = {0};
    struct str name = http_path_param(ex, "name");
    struct str named = name;
    int64_t expected = META_ANY;
    bool by_header = false;
    AUTO_BUF text = buf_make(META_JSON_BYTES_MAX);
    AUTO_META_DOC old = {0};
    AUTO_META_DOC doc = {0};
    err e = check_body(body, &msg);
    if (e == ERR_OK) {
        e = check_name(name, &msg);
    }
    if (e == ERR_OK && json_opt_str(body, "name", &named, NULL) == ERR_OK && !str_eq(name, named)) {
        e = errmsg_set(&msg, ERR_INVALID,
                       "\"name\" is not the one of the path; to rename, make a new one and delete "
                       "this");
    }
    if (e == ERR_OK) {
        e = write_document(body, &text);
    }
    if (e != ERR_OK) {
        problem(ex, e, &msg);
        return;
    }
    if (!expected_version(ex, body, &expected, &by_header)) {
        return;
    }
    struct meta *meta = api_of(ex)->meta;
    err found = meta_get(meta, kind, name, &old, &msg);
    bool must_be_there = by_header && expected == META_ANY; /* If-Match: * */
    e = must_be_there ? found : ERR_OK;
    if (e == ERR_OK) {
        e = meta_put(meta, kind, name, expected, buf_str(&text), &doc, &msg);
    }
    if (e != ERR_OK) {
        change_problem(ex, e, &msg, by_header);
        return;
    }
    respond_doc(ex, found == ERR_OK ? 200 : 201, &doc);
}

static void on_post(struct http_exchange *ex)
{
    api_collect(ex, create);
}
static void on_put(struct http_exchange *ex)
{
    api_collect(ex, replace);
}
const struct http_handler api_saved_create = {.on_request = on_post,
                                              .on_body = api_collect_body,
                                              .on_body_end = api_collect_end,
                                              .on_abort = api_collect_abort};
const struct http_handler api_saved_put = {.on_request = on_put,
                                           .on_body = api_collect_body,
                                           .on_body_end = api_collect_end,
                                           .on_abort = api_collect_abort};

static void on_get(struct http_exchange *ex)
{
    struct errmsg msg = {0};
    AUTO_META_DOC doc = {0};
    err e = meta_get(api_of(ex)->meta, kind, http_path_param(ex, "name"), &doc, &msg);
    if (e != ERR_OK) {
        problem(ex, e, &msg);
        return;
    }
    respond_doc(ex, 200, &doc);
}
const struct http_handler api_saved_get = {.on_request = on_get};

static void on_delete(struct http_exchange *ex)
{
    struct errmsg msg = {0};
    int64_t expected = META_ANY;
    bool by_header = false;
    if (!expected_version(ex, NULL, &expected, &by_header)) {
        return;
    }
    struct str name = http_path_param(ex, "name");
    err e = meta_delete(api_of(ex)->meta, kind, name, expected, &msg);
    if (e != ERR_OK) {
        change_problem(ex, e, &msg, by_header);
        return;
    }
    http_respond(ex, 204, NULL, 0, STR(""));
}
const struct http_handler api_saved_delete = {.on_request = on_delete};
