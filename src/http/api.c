/* SPDX-License-Identifier: MIT */
/* api.c - the table of routes and the helpers behind api.h. */
#include "http/api.h"

#include "flow/json_index.h"
#include "flow/schema_cache.h"
#include "os/clock.h"

static const struct http_route table[] = {
    {HTTP_VERB_GET, "/", &api_root, false, NULL},
    {HTTP_VERB_GET, "/info", &api_info, false, NULL},
    {HTTP_VERB_GET, "/tables", &api_tables_list, false, NULL},
    {HTTP_VERB_GET, "/tables/{table}/schema", &api_table_schema, false, NULL},
    {HTTP_VERB_POST, "/query", &api_query_post, false, NULL},
    {HTTP_VERB_GET, "/docs", &api_docs, false, NULL},
    {HTTP_VERB_GET, "/openapi.json", &api_openapi, false, NULL},
    {HTTP_VERB_GET, "/health", &api_health_get, true, NULL},
    {HTTP_VERB_GET, "/metrics", &api_metrics_prometheus, false, NULL},
    {HTTP_VERB_GET, "/api/v1/health", &api_health_get, true, NULL},
    {HTTP_VERB_GET, "/api/v1/metrics", &api_metrics_json, false, NULL},
    {HTTP_VERB_GET, "/ws/dashboard", &api_live_socket, false, NULL},
    {HTTP_VERB_GET, "/api/v1/analytics/realtime", &api_live_realtime, false, NULL},
    {HTTP_VERB_GET, "/api/v1/analytics/historical", &api_live_historical, false, NULL},
    {HTTP_VERB_GET, "/api/v1/topics", &api_topics_list, false, NULL},
    {HTTP_VERB_POST, "/api/v1/topics", &api_topics_create, false, NULL},
    {HTTP_VERB_GET, "/api/v1/topics/{topic}", &api_topic_get, false, NULL},
    {HTTP_VERB_PATCH, "/api/v1/topics/{topic}", &api_topic_patch, false, NULL},
    {HTTP_VERB_DELETE, "/api/v1/topics/{topic}", &api_topic_delete, false, NULL},
    {HTTP_VERB_PUT, "/api/v1/topics/{topic}/schema", &api_schema_put, false, NULL},
    {HTTP_VERB_GET, "/api/v1/topics/{topic}/schema", &api_schema_get, false, NULL},
    {HTTP_VERB_DELETE, "/api/v1/topics/{topic}/schema", &api_schema_delete, false, NULL},
    {HTTP_VERB_GET, "/api/v1/topics/{topic}/schema/versions", &api_schema_versions, false, NULL},
    {HTTP_VERB_GET, "/api/v1/topics/{topic}/schema/versions/{version}", &api_schema_version, false,
     NULL},
    {HTTP_VERB_POST, "/api/v1/topics/{topic}/events", &api_events_post, false, NULL},
    {HTTP_VERB_GET, "/api/v1/topics/{topic}/records", &api_records_get, false, NULL},
    {HTTP_VERB_GET, "/api/v1/topics/{topic}/tail", &api_tail_get, false, NULL},
    {HTTP_VERB_GET, "/api/v1/topics/{topic}/dead", &api_dead_list, false, NULL},
    {HTTP_VERB_GET, "/api/v1/topics/{topic}/dead/summary", &api_dead_summary, false, NULL},
    {HTTP_VERB_POST, "/api/v1/topics/{topic}/dead/redrive", &api_redrive_start, false, NULL},
    {HTTP_VERB_GET, "/api/v1/topics/{topic}/dead/redrive", &api_redrive_list, false, NULL},
    {HTTP_VERB_GET, "/api/v1/topics/{topic}/dead/redrive/{id}", &api_redrive_get, false, NULL},
    {HTTP_VERB_DELETE, "/api/v1/topics/{topic}/dead/redrive/{id}", &api_redrive_delete, false,
     NULL},
    {HTTP_VERB_POST, "/api/v1/topics/{topic}/partitions/{partition}/repair", &api_topic_repair,
     false, NULL},
    {HTTP_VERB_POST, "/api/v1/query", &api_query_post, false, NULL},
    {HTTP_VERB_GET, "/api/v1/queries", &api_queries_list, false, NULL},
    {HTTP_VERB_DELETE, "/api/v1/queries/{id}", &api_query_delete, false, NULL},
    {HTTP_VERB_GET, "/api/v1/results", &api_results_list, false, NULL},
    {HTTP_VERB_GET, "/api/v1/results/{id}", &api_result_get, false, NULL},
    {HTTP_VERB_DELETE, "/api/v1/results/{id}", &api_result_delete, false, NULL},
    {HTTP_VERB_GET, "/api/v1/results/{id}/export", &api_result_export, false, NULL},
    {HTTP_VERB_POST, "/api/v1/results/{id}/query", &api_result_query, false, NULL},
    {HTTP_VERB_GET, "/api/v1/sql/words", &api_sql_words, false, NULL},
    {HTTP_VERB_POST, "/api/v1/sql/check", &api_sql_check, false, NULL},
    {HTTP_VERB_GET, "/api/v1/catalog", &api_catalog_get, false, NULL},
    {HTTP_VERB_GET, "/api/v1/producers", &api_producers_list, false, NULL},
    {HTTP_VERB_POST, "/api/v1/producers", &api_producers_create, false, NULL},
    {HTTP_VERB_GET, "/api/v1/producers/presets", &api_producers_presets, false, NULL},
    {HTTP_VERB_GET, "/api/v1/producers/{name}", &api_producer_get, false, NULL},
    {HTTP_VERB_PATCH, "/api/v1/producers/{name}", &api_producer_patch, false, NULL},
    {HTTP_VERB_DELETE, "/api/v1/producers/{name}", &api_producer_delete, false, NULL},
    {HTTP_VERB_POST, "/api/v1/producers/{name}/start", &api_producer_start, false, NULL},
    {HTTP_VERB_POST, "/api/v1/producers/{name}/stop", &api_producer_stop, false, NULL},
    {HTTP_VERB_GET, "/api/v1/producers/{name}/sample", &api_producer_sample, false, NULL},
    {HTTP_VERB_GET, "/api/v1/saved-queries", &api_saved_list, false, NULL},
    {HTTP_VERB_POST, "/api/v1/saved-queries", &api_saved_create, false, NULL},
    {HTTP_VERB_GET, "/api/v1/saved-queries/{name}", &api_saved_get, false, NULL},
    {HTTP_VERB_PUT, "/api/v1/saved-queries/{name}", &api_saved_put, false, NULL},
    {HTTP_VERB_DELETE, "/api/v1/saved-queries/{name}", &api_saved_delete, false, NULL},
    {HTTP_VERB_GET, "/api/v1/session", &api_session_get, false, NULL, true},
    {HTTP_VERB_POST, "/api/v1/session", &api_session_post, false, NULL, true},
    {HTTP_VERB_DELETE, "/api/v1/session", &api_session_delete, false, NULL, false},
    {HTTP_VERB_GET, "/api/v1/tables", &api_tables_list, false, NULL},
    {HTTP_VERB_GET, "/api/v1/tables/{table}", &api_table_get, false, NULL},
    {HTTP_VERB_POST, "/api/v1/tables/{table}", &api_table_import, false, NULL},
    {HTTP_VERB_POST, "/upload", &api_upload, false, NULL},
    {HTTP_VERB_GET, "/api/v1/imports", &api_imports_list, false, NULL},
    {HTTP_VERB_GET, "/api/v1/imports/{id}", &api_import_get, false, NULL},
    {HTTP_VERB_DELETE, "/api/v1/imports/{id}", &api_import_delete, false, NULL},
    {HTTP_VERB_GET, "/api/v1/tables/{table}/schema", &api_table_schema, false, NULL},
    {HTTP_VERB_GET, "/api/v1/tables/{table}/history", &api_table_history, false, NULL},
    {HTTP_VERB_GET, "/api/v1/tables/{table}/files", &api_table_files, false, NULL},
    {HTTP_VERB_POST, "/api/v1/tables/{table}/flush", &api_table_flush, false, NULL},
    {HTTP_VERB_POST, "/api/v1/tables/{table}/checkpoint", &api_table_checkpoint, false, NULL},
};

size_t api_routes(struct api *api, struct http_route *out_routes)
{
    _Static_assert(ARRAY_LEN(table) <= API_ROUTES_MAX, "room for all routes");
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        out_routes[i] = table[i];
        out_routes[i].ctx = api;
    }
    return ARRAY_LEN(table);
}

void api_wait_start(struct api *api, struct api_wait *wait, uint64_t seq)
{
    ASSERT(!wait->is_waiting);
    wait->seq = seq;
    wait->next = NULL;
    wait->is_waiting = true;
    *(api->waits_tail == NULL ? &api->waits : api->waits_tail) = wait;
    api->waits_tail = &wait->next;
}

void api_wait_stop(struct api *api, struct api_wait *wait)
{
    if (!wait->is_waiting) {
        return;
    }
    struct api_wait **at = &api->waits;
    while (*at != wait) {
        at = &(*at)->next;
    }
    *at = wait->next;
    if (wait->next == NULL) {
        api->waits_tail = at;
    }
    wait->is_waiting = false;
}

void api_deinit(struct api *api)
{
    json_indexer_free(api->indexer);
    schema_cache_free(api->schemas);
    health_log_deinit(&api->health);
    api->indexer = NULL;
    api->schemas = NULL;
}

void api_durable(struct api *api)
{
    bool failed = topic_store_failed(api->store, NULL);
    uint64_t durable = topic_store_durable_seq(api->store);
    /* What is ready is taken out first: an answer may start another wait. */
    struct api_wait *ready = NULL;
    struct api_wait **ready_tail = &ready;
    struct api_wait **at = &api->waits;
    while (*at != NULL) {
        struct api_wait *wait = *at;
        if (wait->seq <= durable || failed) {
            *at = wait->next;
            wait->is_waiting = false;
            wait->next = NULL;
            *ready_tail = wait;
            ready_tail = &wait->next;
        } else {
            at = &wait->next;
        }
    }
    api->waits_tail = at;
    while (ready != NULL) {
        struct api_wait *wait = ready;
        ready = wait->next;
        wait->on_ready(wait, wait->seq > durable);
    }
    writer_link_durable(api->writer);
    redrive_durable(api->redrive);
    if (api->producers != NULL) {
        producers_durable(api->producers);
    }
    if (api->tails != NULL) {
        api_tails_poll(api);
    }
}

void api_problem(struct http_exchange *ex, err e, const struct errmsg *msg)
{
    const char *text = msg != NULL && msg->text[0] != '\0' ? msg->text : err_text(e);
    const struct http_field retry = {"retry-after", STR("1")};
    switch (e) {
    case ERR_NOSPACE:
        http_problem_fields(ex, 507, "disk_full",
                            STR("the disk is full: nothing of this was stored; free space or lower "
                                "retention, and send it again"),
                            STR(""), &retry, 1);
        return;
    case ERR_CORRUPT:
        http_problem(ex, 503, "log_damaged", str_from(text), STR(""));
        return;
    case ERR_FAILED:
    case ERR_IO:
        http_problem(ex, 503, "log_failed", str_from(text), STR(""));
        return;
    default:
        http_problem_err(ex, e, msg);
    }
}

void api_memory_short(struct http_exchange *ex)
{
    const struct http_field retry = {"retry-after", STR("1")};
    http_problem_fields(ex, 429, "memory_short",
                        STR("requests under way hold all the memory that there is for them, and "
                            "nothing of this one was stored; send it again in a second"),
                        STR(""), &retry, 1);
}

void api_hold_problem(struct http_exchange *ex, enum hold_why why)
{
    if (why == HOLD_REFUSED) {
        api_memory_short(ex);
        return;
    }
    http_problemf(
        ex, 408, "too_slow",
        "the body came too slowly (less than %d KiB/s) while memory for requests was short",
        HOLD_RATE_MIN >> 10);
}

void api_meta_problem(struct http_exchange *ex, err e, const struct errmsg *msg)
{
    const char *text = msg->text[0] != '\0' ? msg->text : err_text(e);
    const struct http_field retry = {"retry-after", STR("1")};
    switch (e) {
    case ERR_BUSY:
        http_problem_fields(ex, 503, "state_busy", str_from(text), STR(""), &retry, 1);
        return;
    case ERR_NOSPACE:
        http_problem_fields(ex, 507, "disk_full", str_from(text), STR(""), &retry, 1);
        return;
    case ERR_CORRUPT:
        http_problem(ex, 503, "state_damaged", str_from(text), STR(""));
        return;
    case ERR_FAILED:
    case ERR_IO:
    case ERR_DENIED:
        http_problem(ex, 503, "state_failed", str_from(text), STR(""));
        return;
    case ERR_LIMIT:
        http_problem(ex, 409, "too_many", str_from(text), STR(""));
        return;
    default:
        http_problem_err(ex, e, msg);
    }
}

bool api_params_begin(struct http_exchange *ex, struct http_params *params)
{
    struct errmsg msg = {0};
    err e = http_params_parse(http_query(ex), params, &msg);
    if (e != ERR_OK) {
        http_problem(ex, 400, "bad_query", str_from(msg.text), STR(""));
        return false;
    }
    return true;
}

bool api_params_end(struct http_exchange *ex, const struct http_params *params, err e,
                    const struct errmsg *msg)
{
    struct errmsg own = {0};
    if (e == ERR_OK) {
        e = http_params_check(params, &own);
        msg = &own;
    }
    if (e != ERR_OK) {
        http_problem(ex, 400, "bad_query", str_from(msg->text), STR(""));
        return false;
    }
    return true;
}

/* ---- lists ---- */

err api_page_read(struct http_params *params, struct api_page *out_page, struct errmsg *msg)
{
    *out_page = (struct api_page){.limit = API_PAGE_DEFAULT};
    (void)http_params_str(params, "after", &out_page->after); /* absent: from the start */
    return http_params_i64(params, "limit", 1, API_PAGE_MAX, &out_page->limit, msg);
}

bool api_page_begin(struct http_exchange *ex, struct http_params *params, struct api_page *out_page)
{
    struct errmsg msg = {0};
    if (!api_params_begin(ex, params)) {
        return false;
    }
    err e = api_page_read(params, out_page, &msg);
    return api_params_end(ex, params, e, &msg);
}

bool api_page_takes(struct api_page *page, struct str name)
{
    if (page->has_more || (page->after.len > 0 && str_cmp(name, page->after) <= 0)) {
        return false;
    }
    if (page->count == page->limit) {
        page->has_more = true;
        return false;
    }
    page->count++;
    page->last = name;
    return true;
}

json_t *api_page_next(const struct api_page *page)
{
    return page->has_more ? json_from_str(page->last) : json_null();
}

void api_respond_json(struct http_exchange *ex, int status, json_t *json)
{
    AUTO_JSON owned = json;
    AUTO_BUF body = buf_make(64 << 20);
    if (json_write(owned, &body) != ERR_OK) {
        http_problem(ex, 500, "internal", STR("the answer does not fit"), STR(""));
        return;
    }
    http_respond_json(ex, status, buf_str(&body));
}

struct topic *api_topic(struct http_exchange *ex)
{
    struct str name = http_path_param(ex, "topic");
    struct topic *t = topic_store_find(api_of(ex)->store, name);
    if (t == NULL) {
        http_problemf(ex, 404, "topic_not_found",
                      "there is no topic \"%.*s\"; GET /api/v1/topics lists them", STR_ARGS(name));
    }
    return t;
}

struct topic *api_topic_for_events(struct http_exchange *ex, struct str name)
{
    struct api *api = api_of(ex);
    struct topic *t = topic_store_find(api->store, name);
    if (t != NULL) {
        return t;
    }
    if (!api->settings.auto_create) {
        http_problemf(ex, 404, "topic_not_found",
                      "there is no topic \"%.*s\", and auto_create is off; make it with POST "
                      "/api/v1/topics",
                      STR_ARGS(name));
        return NULL;
    }
    struct errmsg msg = {0};
    err e = api_topic_create(api, name, NULL, false, &t, &msg);
    if (e == ERR_INVALID) {
        http_problem(ex, 400, "bad_topic_name", str_from(msg.text), STR(""));
    } else if (e == ERR_EXISTS) {
        http_problem(ex, 409, "table_exists", str_from(msg.text), STR(""));
    } else if (e != ERR_OK) {
        api_problem(ex, e, &msg);
    }
    return e == ERR_OK ? t : NULL;
}

/* ---- JSON bodies ---- */

enum { COLLECT_MAGIC = 0x434f4c4c, COLLECT_BYTES = 4 << 10 /* beside the body */ };

struct collect {
    uint32_t magic;
    struct hold hold;
    struct http_exchange *ex; /* borrowed */
    struct buf body;          /* owned */
    api_json_fn on_json;
    api_text_fn on_text; /* instead, when not NULL */
};

static void collect_out(struct hold *h, enum hold_why why)
{
    struct http_exchange *ex = ((struct collect *)((char *)h - offsetof(struct collect, hold)))->ex;
    api_collect_abort(ex);
    api_hold_problem(ex, why);
}

/* Says what is held; false after it was refused. */
static bool collect_holds(struct collect *c, size_t bytes)
{
    struct http_exchange *ex = c->ex;
    if (hold_set(&c->hold, bytes, 0)) {
        return true;
    }
    hold_refused(&c->hold);
    api_collect_abort(ex);
    api_memory_short(ex);
    return false;
}

static struct collect *collect_begin(struct http_exchange *ex)
{
    static const struct hold_events events = {.on_out = collect_out}; /* never loose, never waits */
    struct collect *c = xnew(struct collect);
    c->magic = COLLECT_MAGIC;
    c->ex = ex;
    hold_begin(&api_of(ex)->held, &c->hold, &events, os_mono_us());
    http_set_user(ex, c);
    return collect_holds(c, COLLECT_BYTES) ? c : NULL;
}

void api_collect(struct http_exchange *ex, api_json_fn on_json)
{
    struct collect *c = collect_begin(ex);
    if (c == NULL) {
        return;
    }
    c->body = buf_make(API_JSON_BYTES_MAX);
    c->on_json = on_json;
}

void api_collect_text(struct http_exchange *ex, api_text_fn on_text)
{
    api_collect(ex, NULL);
    struct collect *c = http_user(ex);
    if (c != NULL) {
        c->on_text = on_text;
    }
}

bool api_is_collecting(const struct http_exchange *ex)
{
    const struct collect *c = http_user(ex);
    return c != NULL && c->magic == COLLECT_MAGIC;
}

void api_collect_abort(struct http_exchange *ex)
{
    struct collect *c = http_user(ex);
    if (c != NULL) {
        http_set_user(ex, NULL);
        hold_end(&c->hold);
        buf_deinit(&c->body);
        free(c);
    }
}

void api_collect_body(struct http_exchange *ex, struct str piece)
{
    struct collect *c = http_user(ex);
    if (c != NULL && !buf_add_str(&c->body, piece)) {
        api_collect_abort(ex);
        http_problemf(ex, 413, "body_too_large", "the body is over %d MiB",
                      API_JSON_BYTES_MAX >> 20);
    } else if (c != NULL) {
        hold_received(&c->hold, piece.len);
        (void)collect_holds(c, COLLECT_BYTES + c->body.cap); /* or it is answered */
    }
}

/* What curl says when nobody told it: a form of another site cannot come here, since the server
 * checks Origin. */
static bool is_json_type(struct str content_type)
{
    return content_type.len == 0 || str_is(content_type, "application/x-www-form-urlencoded") ||
           str_is(content_type, "application/json") || str_ends(content_type, STR("+json"));
}

void api_collect_end(struct http_exchange *ex)
{
    struct collect *c = http_user(ex);
    if (c == NULL) {
        return;
    }
    AUTO_JSON json = NULL;
    AUTO_BUF body = c->body;
    struct errmsg msg = {0};
    char type[64];
    struct str content_type = http_content_type(ex, type);
    bool has_body = str_trim(buf_str(&body)).len > 0;
    api_json_fn on_json = c->on_json;
    api_text_fn on_text = c->on_text;
    c->body = (struct buf){0};
    api_collect_abort(ex);
    err e = has_body && on_text == NULL ? json_parse(buf_str(&body), &json, &msg) : ERR_OK;
    if (has_body && !is_json_type(content_type)) {
        http_problemf(ex, 415, "unsupported_media_type", "send application/json, not %.*s",
                      STR_ARGS(content_type));
    } else if (on_text != NULL) {
        on_text(ex, body.len == 0 ? STR("") : buf_str(&body));
    } else if (e != ERR_OK) {
        http_problem(ex, 400, "invalid_json", str_from(msg.text), STR(""));
    } else if (has_body && !json_is_object(json)) {
        http_problem(ex, 400, "invalid_json", STR("the body must be a JSON object"), STR(""));
    } else {
        on_json(ex, json);
    }
}

struct api_topic_metrics api_topic_metrics(struct topic *t)
{
    struct api_topic_metrics *kept = *topic_slot(t); /* finding them by name takes three searches */
    if (kept != NULL) {
        return *kept;
    }
    char labels[TOPIC_NAME_BYTES_MAX + 16];
    (void)snprintf(labels, sizeof labels, "topic=\"%s\"", topic_meta_of(t)->name); /* fits */
    kept = xnew(struct api_topic_metrics);
    *kept = (struct api_topic_metrics){
        .events = metric_get(METRIC_COUNTER, "tarn_events_total", labels, "Events acknowledged."),
        .bytes = metric_get(METRIC_COUNTER, "tarn_event_bytes_total", labels,
                            "Bytes of request bodies that carried them, decoded."),
        .rejected =
            metric_get(METRIC_COUNTER, "tarn_events_rejected_total", labels, "Events refused."),
        .slowed = metric_get(METRIC_COUNTER, "tarn_topic_slowed_total", labels,
                             "Requests refused because the table is too far behind."),
    };
    *topic_slot(t) = kept;
    return *kept;
}
