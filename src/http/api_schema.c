/* SPDX-License-Identifier: MIT */
/* api_schema.c - /api/v1/topics/{topic}/schema: declare, read, list, go back to inferred columns.
 *
 * The body of PUT, and the answer of GET, is the JSON Schema itself: its digits and the order of
 * its names stay as they were sent, so these bodies never become parsed documents. */
#include "base/hash.h"
#include "flow/schema_change.h"
#include "http/api.h"

static const struct http_field schema_type = {"content-type", STR("application/schema+json")};

/* ---- answers ---- */

static void add_starts(struct buf *out, const struct schema_version *declared, uint32_t partitions)
{
    buf_puts(out, ",\"start_offsets\":[");
    for (uint32_t p = 0; p < partitions; p++) {
        buf_puts(out, p == 0 ? "" : ",");
        buf_add_i64(out, p < declared->start_count ? declared->starts[p] : 0);
    }
    buf_puts(out, "]");
}

/* {"version":..,"start_offsets":[..],"is_declared":..[,"schema":..]} */
static void add_version(struct buf *out, const struct topic *t,
                        const struct schema_version *declared, bool is_whole)
{
    buf_printf(out, "{\"version\":%u", declared->version);
    add_starts(out, declared, topic_partition_count(t));
    buf_printf(out, ",\"is_declared\":%s", declared->text == NULL ? "false" : "true");
    if (is_whole) {
        buf_puts(out, ",\"schema\":");
        buf_puts(out, declared->text == NULL ? "null" : declared->text);
    }
    buf_puts(out, "}");
}

static void answer_version(struct http_exchange *ex, int status, const struct topic *t,
                           const struct schema_version *declared)
{
    AUTO_BUF body = buf_make(TOPIC_SCHEMA_BYTES_MAX + (1 << 16));
    add_version(&body, t, declared, true);
    http_respond_json(ex, status, buf_str(&body));
}

static void problem_at(struct http_exchange *ex, int status, const char *code,
                       const struct json_schema_finding *finding, const char *advice)
{
    AUTO_BUF members = buf_make(8192);
    AUTO_BUF detail = buf_make(4096);
    buf_puts(&members, "\"pointer\":");
    buf_add_json_string(&members, str_from(finding->pointer));
    buf_printf(&detail, "%s%s%s%s", finding->pointer, finding->pointer[0] == '\0' ? "" : ": ",
               finding->reason, advice);
    http_problem(ex, status, code, buf_str(&detail), buf_str(&members));
}

/* ---- PUT ---- */

static void refuse(struct http_exchange *ex, err e, const struct json_schema_finding *finding,
                   const struct errmsg *msg)
{
    if (finding->reason[0] == '\0') {
        api_problem(ex, e, msg);
    } else if (e == ERR_CONFLICT) {
        problem_at(
            ex, 409, "schema_incompatible", finding,
            "; a new version of a schema may add optional properties and relax what is there. "
            "For anything else send the events to a new topic, or give the field a new name");
    } else {
        problem_at(ex, 400, e == ERR_UNSUPPORTED ? "schema_unsupported" : "schema_invalid", finding,
                   "");
    }
}

static void put(struct http_exchange *ex, struct str body)
{
    struct api *api = api_of(ex);
    struct json_schema_finding finding;
    struct errmsg msg = {0};
    bool is_new = false;
    struct str name = http_path_param(ex, "topic");
    AUTO(json_schema) trial = NULL; /* a document that is no schema makes no topic */
    err e = json_schema_new(body, &trial, &finding);
    if (e != ERR_OK) {
        refuse(ex, e, &finding, &msg);
        return;
    }
    struct topic *t = api_topic_for_events(ex, name);
    if (t == NULL) {
        return;
    }
    e = schema_change_declare(api->store, t, body, &is_new, &finding, &msg);
    if (e != ERR_OK) {
        refuse(ex, e, &finding, &msg);
        return;
    }
    if (is_new) {
        api_topics_changed(api);
    }
    struct schema_version declared = schema_version_newest(topic_meta_of(t));
    answer_version(ex, is_new ? 201 : 200, t, &declared);
}
static void on_put(struct http_exchange *ex)
{
    api_collect_text(ex, put);
}
const struct http_handler api_schema_put = {.on_request = on_put,
                                            .on_body = api_collect_body,
                                            .on_body_end = api_collect_end,
                                            .on_abort = api_collect_abort};

/* ---- GET, DELETE ---- */

static void none_declared(struct http_exchange *ex)
{
    http_problem(
        ex, 404, "schema_not_found",
        STR("the topic has no declared schema: its columns are inferred; declare one with PUT"),
        STR(""));
}

static void on_get(struct http_exchange *ex)
{
    const struct topic *t = api_topic(ex);
    if (t == NULL) {
        return;
    }
    struct schema_version declared = schema_version_newest(topic_meta_of(t));
    if (declared.text == NULL) {
        none_declared(ex);
        return;
    }
    http_respond(ex, 200, &schema_type, 1, str_from(declared.text));
}
const struct http_handler api_schema_get = {.on_request = on_get};

static void on_delete(struct http_exchange *ex)
{
    struct api *api = api_of(ex);
    struct topic *t = api_topic(ex);
    struct errmsg msg = {0};
    if (t == NULL) {
        return;
    }
    err e = schema_change_withdraw(api->store, t, &msg);
    if (e == ERR_NOT_FOUND) {
        none_declared(ex);
    } else if (e != ERR_OK) {
        api_problem(ex, e, &msg);
    } else {
        api_topics_changed(api);
        struct schema_version declared = schema_version_newest(topic_meta_of(t));
        answer_version(ex, 200, t, &declared);
    }
}
const struct http_handler api_schema_delete = {.on_request = on_delete};

/* ---- versions ---- */

static void on_versions(struct http_exchange *ex)
{
    const struct topic *t = api_topic(ex);
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    int64_t limit = API_PAGE_DEFAULT;
    int64_t after = 0;
    if (t == NULL || !api_params_begin(ex, &params)) {
        return;
    }
    err e = http_params_i64(&params, "limit", 1, API_PAGE_MAX, &limit, &msg);
    if (e == ERR_OK) {
        e = http_params_i64(&params, "after", 0, UINT32_MAX, &after, &msg);
    }
    if (!api_params_end(ex, &params, e, &msg)) {
        return;
    }
    AUTO_BUF body = buf_make(64 << 20);
    struct schema_version declared;
    uint32_t last = 0;
    int64_t count = 0;
    bool has_more = false;
    size_t at = 0;
    buf_puts(&body, "{\"versions\":[");
    while (!has_more && schema_version_next(topic_meta_of(t), &at, &declared)) {
        bool is_before =
            (int64_t)declared.version <= after || (declared.version == 1 && declared.text == NULL);
        has_more = !is_before && count == limit;
        if (is_before || has_more) {
            continue;
        }
        buf_puts(&body, count == 0 ? "" : ",");
        add_version(&body, t, &declared, false);
        last = declared.version;
        count++;
    }
    buf_puts(&body, "],\"next\":");
    buf_printf(&body, has_more ? "\"%u\"}" : "null}", last);
    http_respond_json(ex, 200, buf_str(&body));
}
const struct http_handler api_schema_versions = {.on_request = on_versions};

static void on_version(struct http_exchange *ex)
{
    const struct topic *t = api_topic(ex);
    struct schema_version declared;
    uint64_t id = 0;
    size_t at = 0;
    if (t == NULL) {
        return;
    }
    bool is_number = str_to_u64(http_path_param(ex, "version"), &id);
    while (is_number && schema_version_next(topic_meta_of(t), &at, &declared)) {
        if (declared.version == id && (id > 1 || declared.text != NULL)) {
            answer_version(ex, 200, t, &declared);
            return;
        }
    }
    http_problem(ex, 404, "schema_not_found",
                 STR("the topic's schema has no such version; GET .../schema/versions lists them"),
                 STR(""));
}
const struct http_handler api_schema_version = {.on_request = on_version};
