/* SPDX-License-Identifier: MIT */
/* api_topics.c - /api/v1/topics: list, make, describe, change, delete, repair.
 *
 * Settings in requests and answers have the same names: partitions, durability, segment_bytes,
 * retention_ms, retention_bytes, flush_bytes, flush_rows, flush_age_ms, unlanded_rows_max, key,
 * time, partition_by.
 * Sizes and times are numbers (bytes, milliseconds) or text ("128MiB", "7d"). */
#include "base/timefmt.h"
#include "flow/adopt.h"
#include "flow/importer.h"
#include "flow/schema.h"
#include "flow/schema_change.h"
#include "http/api.h"
#include "http/live.h"
#include "os/clock.h"
#include "os/file.h"

/* ---- settings ---- */

static err number_setting(const char *name, const json_t *value, bool is_time, int64_t low,
                          int64_t high, int64_t *out_number, struct errmsg *msg)
{
    uint64_t number = 0;
    if (json_is_integer(value)) {
        *out_number = json_integer_value(value);
    } else if (json_is_string(value) &&
               (is_time ? str_to_duration_ms(str_from(json_string_value(value)), &number)
                        : str_to_bytes(str_from(json_string_value(value)), &number)) &&
               number <= INT64_MAX) {
        *out_number = (int64_t)number;
    } else {
        return errmsg_set(msg, ERR_INVALID, "\"%s\" must be a number or text such as \"%s\"", name,
                          is_time ? "7d" : "128MiB");
    }
    if (*out_number < low || *out_number > high) {
        return errmsg_set(msg, ERR_INVALID, "\"%s\" must be between %lld and %lld", name,
                          (long long)low, (long long)high);
    }
    return ERR_OK;
}

static err text_setting(const char *name, const json_t *value, char **slot, struct errmsg *msg)
{
    if (json_is_null(value)) {
        topic_text_set(slot, (struct str){0});
        return ERR_OK;
    }
    if (!json_is_string(value) || json_string_length(value) == 0) {
        return errmsg_set(msg, ERR_INVALID, "\"%s\" must be the name of a field, or null", name);
    }
    topic_text_set(slot, str_of(json_string_value(value), json_string_length(value)));
    return ERR_OK;
}

static err partition_by_setting(const json_t *value, struct topic_settings *s, struct errmsg *msg)
{
    size_t count = json_array_size(value);
    struct str columns[16];
    if (!json_is_array(value) || count == 0 || count > ARRAY_LEN(columns)) {
        return errmsg_set(msg, ERR_INVALID,
                          "\"partition_by\" must be a list of 1 to %zu column names",
                          ARRAY_LEN(columns));
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *name = json_array_get(value, i);
        if (!json_is_string(name)) {
            return errmsg_set(msg, ERR_INVALID, "\"partition_by\" must hold column names");
        }
        columns[i] = str_of(json_string_value(name), json_string_length(name));
        if (!event_name_is_column(columns[i])) {
            return errmsg_set(msg, ERR_INVALID,
                              "\"partition_by\": \"%.*s\" cannot be a column's name",
                              (int)MIN(columns[i].len, (size_t)100), columns[i].ptr);
        }
        for (size_t k = 0; k < i; k++) {
            if (event_name_fold_cmp(columns[k], columns[i]) == 0) {
                return errmsg_set(msg, ERR_INVALID, "\"partition_by\" names a column twice");
            }
        }
    }
    topic_partition_by_set(s, columns, count);
    return ERR_OK;
}

static err apply_setting(struct topic_meta *m, const char *name, const json_t *value,
                         struct errmsg *msg)
{
    struct topic_settings *s = &m->settings;
    struct topic_version *version = &m->versions[m->version_count - 1];
    int64_t number = 0;
    struct str text = json_is_string(value) ? str_from(json_string_value(value)) : STR("");
    if (strcmp(name, "name") == 0) {
        return ERR_OK;
    }
    if (strcmp(name, "partitions") == 0) {
        TRY(number_setting(name, value, false, 1, TOPIC_PARTITIONS_MAX, &number, msg));
        m->partition_count = (uint32_t)number;
    } else if (strcmp(name, "durability") == 0) {
        if (!topic_durability_parse(text, &s->durability)) {
            return errmsg_set(msg, ERR_INVALID, "\"durability\" must be fsync or page_cache");
        }
    } else if (strcmp(name, "segment_bytes") == 0) {
        TRY(number_setting(name, value, false, 1 << 20, 1 << 30, &number, msg));
        s->segment_bytes = (uint64_t)number;
    } else if (strcmp(name, "retention_ms") == 0) {
        return number_setting(name, value, true, -1, TOPIC_TIME_MS_MAX, &s->retention_ms, msg);
    } else if (strcmp(name, "retention_bytes") == 0) {
        return number_setting(name, value, false, -1, INT64_MAX, &s->retention_bytes, msg);
    } else if (strcmp(name, "flush_bytes") == 0) {
        TRY(number_setting(name, value, false, 1 << 16, INT64_MAX, &number, msg));
        s->flush_bytes = (uint64_t)number;
    } else if (strcmp(name, "flush_rows") == 0) {
        TRY(number_setting(name, value, false, 0, INT64_MAX, &number, msg));
        s->flush_rows = (uint64_t)number;
    } else if (strcmp(name, "flush_age_ms") == 0) {
        return number_setting(name, value, true, 100, TOPIC_TIME_MS_MAX, &s->flush_age_ms, msg);
    } else if (strcmp(name, "unlanded_rows_max") == 0) {
        TRY(number_setting(name, value, false, 0, INT64_MAX, &number, msg));
        s->unlanded_rows_max = (uint64_t)number;
    } else if (strcmp(name, "key") == 0) {
        return text_setting(name, value, &version->key_field, msg);
    } else if (strcmp(name, "time") == 0) {
        return text_setting(name, value, &version->time_field, msg);
    } else if (strcmp(name, "partition_by") == 0) {
        return partition_by_setting(value, s, msg);
    } else {
        return errmsg_set(msg, ERR_INVALID, "there is no topic setting \"%s\"", name);
    }
    return ERR_OK;
}

static err apply_settings(struct topic_meta *m, json_t *change, struct errmsg *msg)
{
    for (void *at = json_object_iter(change); at != NULL; at = json_object_iter_next(change, at)) {
        TRY(apply_setting(m, json_object_iter_key(at), json_object_iter_value(at), msg));
    }
    return ERR_OK;
}

void api_topics_changed(struct api *api)
{
    broker_topics_changed(api->broker);
    writer_link_topics_changed(api->writer);
    if (api->live != NULL) {
        live_topics_changed(api->live);
    }
}

/* Offsets of a topic over existing tables start after everything that both hold. */
static err adopted_starts(struct api *api, const struct topic_meta *m, int64_t *starts,
                          struct errmsg *msg)
{
    static const char *const tails[] = {"", "__dead"};
    int64_t next = 0;
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        AUTO_TEXT dir =
            xasprintf("%s/lake/bronze/%s%s", api->settings.data_dir, m->table, tails[i]);
        TRY(adopt_next_offset(dir, &next, msg));
    }
    for (uint32_t p = 0; p < m->partition_count; p++) {
        starts[p] = next;
    }
    return ERR_OK;
}

static bool tables_exist(const struct api *api, const struct topic_meta *m)
{
    AUTO_TEXT table = xasprintf("%s/lake/bronze/%s/_delta_log", api->settings.data_dir, m->table);
    AUTO_TEXT dead =
        xasprintf("%s/lake/bronze/%s__dead/_delta_log", api->settings.data_dir, m->table);
    return os_exists(table) || os_exists(dead);
}

/* Unqualified names find imported tables first. */
static bool is_imported(const struct api *api, const char *table)
{
    AUTO_TEXT log = xasprintf("%s/lake/main/%s/_delta_log", api->settings.data_dir, table);
    return os_exists(log) || importer_is_busy(api->importer, str_from(table));
}

err api_topic_create(struct api *api, struct str name, const json_t *change, bool adopt,
                     struct topic **out_topic, struct errmsg *msg)
{
    AUTO_TOPIC_META meta = {0};
    TRY(topic_meta_init(&meta, name, msg));
    const struct topic_meta *defaults = &api->settings.defaults;
    char **none = meta.settings.partition_by;
    meta.settings = defaults->settings;
    meta.settings.partition_by = none;
    meta.settings.partition_by_count = 0;
    meta.partition_count = defaults->partition_count;
    AUTO_JSON copy = change == NULL ? json_object() : json_deep_copy(change);
    TRY(apply_settings(&meta, copy, msg));
    meta.created_us = os_now_us();
    int64_t *starts = NULL;
    err e = ERR_OK;
    if (is_imported(api, meta.table)) {
        return errmsg_set(msg, ERR_EXISTS,
                          "the table main.%s was made by an import; a topic of that name would be "
                          "hidden behind it, so choose another",
                          meta.table);
    }
    if (tables_exist(api, &meta)) {
        if (!adopt) {
            return errmsg_set(msg, ERR_EXISTS,
                              "the table bronze.%s is there already; create the topic with "
                              "?adopt=true to go on with it",
                              meta.table);
        }
        starts = xnew_array(int64_t, meta.partition_count);
        e = adopted_starts(api, &meta, starts, msg);
    } else {
        e = redrive_forget(api->redrive, meta.table, msg); /* of tables that are gone */
    }
    if (e == ERR_OK) {
        e = topic_store_create(api->store, &meta, starts, out_topic, msg);
    }
    free(starts);
    if (e == ERR_OK) {
        api_topics_changed(api);
    }
    return e;
}

/* ---- answers ---- */

static json_t *partition_json(struct api *api, const struct topic *t, uint32_t p)
{
    const struct wire_progress *progress =
        writer_link_progress(api->writer, str_from(topic_meta_of(t)->name));
    struct errmsg msg = {0};
    static const char *const states[] = {[TOPIC_PARTITION_OK] = "ok",
                                         [TOPIC_PARTITION_DAMAGED] = "damaged",
                                         [TOPIC_PARTITION_WAITING] = "waiting_for_space"};
    enum topic_partition_state state = topic_partition_state(t, p, &msg);
    json_t *json = json_object();
    json_object_set_new(json, "partition", json_integer(p));
    json_object_set_new(json, "start", json_integer(topic_log_start(t, p)));
    json_object_set_new(json, "end", json_integer(topic_acked_end(t, p)));
    json_object_set_new(json, "bytes", json_integer((json_int_t)topic_partition_bytes(t, p)));
    if (progress != NULL && p < progress->partition_count) {
        json_object_set_new(json, "committed", json_integer(progress->committed[p]));
        json_object_set_new(json, "dead_next", json_integer(progress->dead_committed[p]));
    }
    json_object_set_new(json, "state", json_string(states[state]));
    if (state != TOPIC_PARTITION_OK) {
        json_object_set_new(json, "reason", json_string(msg.text));
    }
    return json;
}

static void set_settings(json_t *json, const struct topic_meta *m)
{
    const struct topic_settings *s = &m->settings;
    const struct topic_version *v = &m->versions[m->version_count - 1];
    json_object_set_new(json, "durability", json_string(topic_durability_name(s->durability)));
    json_object_set_new(json, "segment_bytes", json_integer((json_int_t)s->segment_bytes));
    json_object_set_new(json, "retention_ms", json_integer(s->retention_ms));
    json_object_set_new(json, "retention_bytes", json_integer(s->retention_bytes));
    json_object_set_new(json, "flush_bytes", json_integer((json_int_t)s->flush_bytes));
    json_object_set_new(json, "flush_rows", json_integer((json_int_t)s->flush_rows));
    json_object_set_new(json, "flush_age_ms", json_integer(s->flush_age_ms));
    json_object_set_new(json, "unlanded_rows_max", json_integer((json_int_t)s->unlanded_rows_max));
    struct schema_version declared = schema_version_newest(m);
    json_object_set_new(json, "schema_version",
                        declared.text ? json_integer(declared.version) : json_null());
    json_object_set_new(json, "key", v->key_field ? json_string(v->key_field) : json_null());
    json_object_set_new(json, "time", v->time_field ? json_string(v->time_field) : json_null());
    json_t *columns = json_array();
    for (size_t i = 0; i < s->partition_by_count; i++) {
        json_array_append_new(columns, json_string(s->partition_by[i]));
    }
    if (s->partition_by_count == 0) {
        json_array_append_new(columns, json_string("_date"));
    }
    json_object_set_new(json, "partition_by", columns);
}

static json_t *topic_json(struct api *api, const struct topic *t, bool is_whole)
{
    const struct topic_meta *m = topic_meta_of(t);
    const struct wire_progress *progress = writer_link_progress(api->writer, str_from(m->name));
    int64_t events = 0;
    int64_t lag = 0;
    uint32_t not_ok = 0;
    for (uint32_t p = 0; p < topic_partition_count(t); p++) {
        events += topic_acked_end(t, p) - topic_log_start(t, p);
        if (progress != NULL && p < progress->partition_count) {
            lag += MAX(topic_acked_end(t, p) - progress->committed[p], (int64_t)0);
        }
        not_ok += topic_partition_state(t, p, NULL) != TOPIC_PARTITION_OK;
    }
    json_t *json = json_object();
    char created[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(m->created_us, created); /* the length is not needed */
    json_object_set_new(json, "name", json_string(m->name));
    json_object_set_new(json, "table", json_string(m->table));
    json_object_set_new(json, "uuid", json_string(m->uuid.text));
    json_object_set_new(json, "created", json_string(created));
    json_object_set_new(json, "partitions", json_integer(m->partition_count));
    json_object_set_new(json, "events", json_integer(events));
    json_object_set_new(json, "bytes", json_integer((json_int_t)topic_bytes(t)));
    json_object_set_new(json, "lag_events", json_integer(lag));
    json_object_set_new(json, "slowed", json_boolean(topic_is_too_far_behind(t)));
    json_object_set_new(json, "partitions_not_ok", json_integer(not_ok));
    set_settings(json, m);
    if (is_whole) {
        json_t *gaps = json_array();
        for (size_t i = 0; i < m->gap_count; i++) {
            json_array_append_new(
                gaps, json_pack("{s:i,s:I,s:I}", "partition", (int)m->gaps[i].partition, "from",
                                (json_int_t)m->gaps[i].from, "next", (json_int_t)m->gaps[i].next));
        }
        json_object_set_new(json, "gaps", gaps);
        json_t *partitions = json_array();
        for (uint32_t p = 0; p < topic_partition_count(t); p++) {
            json_array_append_new(partitions, partition_json(api, t, p));
        }
        json_object_set_new(json, "partition_list", partitions);
    }
    return json;
}

/* ---- resources ---- */

static void on_list(struct http_exchange *ex)
{
    struct api *api = api_of(ex);
    AUTO_PARAMS params = {0};
    struct api_page page;
    if (!api_page_begin(ex, &params, &page)) {
        return;
    }
    json_t *topics = json_array();
    for (size_t i = 0; i < topic_store_count(api->store); i++) {
        const struct topic *t = topic_store_at(api->store, i);
        if (api_page_takes(&page, str_from(topic_meta_of(t)->name))) {
            json_array_append_new(topics, topic_json(api, t, false));
        }
    }
    json_t *answer = json_object();
    json_object_set_new(answer, "topics", topics);
    json_object_set_new(answer, "next", api_page_next(&page));
    api_respond_json(ex, 200, answer);
}
const struct http_handler api_topics_list = {.on_request = on_list};

static void create(struct http_exchange *ex, json_t *body)
{
    struct api *api = api_of(ex);
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    bool adopt = false;
    if (!api_params_begin(ex, &params)) {
        return;
    }
    err e = http_params_bool(&params, "adopt", &adopt, &msg);
    if (!api_params_end(ex, &params, e, &msg)) {
        return;
    }
    struct str name;
    if (body == NULL || json_get_str(body, "name", &name, &msg) != ERR_OK) {
        http_problem(ex, 400, "invalid", STR("send {\"name\": \"...\"} and settings"), STR(""));
        return;
    }
    struct topic *t = NULL;
    e = api_topic_create(api, name, body, adopt, &t, &msg);
    if (e == ERR_EXISTS) {
        http_problem(ex, 409, "exists", str_from(msg.text), STR(""));
    } else if (e != ERR_OK) {
        api_problem(ex, e, &msg);
    } else {
        api_respond_json(ex, 201, topic_json(api, t, true));
    }
}
static void on_create(struct http_exchange *ex)
{
    api_collect(ex, create);
}
const struct http_handler api_topics_create = {.on_request = on_create,
                                               .on_body = api_collect_body,
                                               .on_body_end = api_collect_end,
                                               .on_abort = api_collect_abort};

static void on_get(struct http_exchange *ex)
{
    struct topic *t = api_topic(ex);
    if (t != NULL) {
        api_respond_json(ex, 200, topic_json(api_of(ex), t, true));
    }
}
const struct http_handler api_topic_get = {.on_request = on_get};

static void patch(struct http_exchange *ex, json_t *body)
{
    struct api *api = api_of(ex);
    struct topic *t = api_topic(ex);
    if (t == NULL) {
        return;
    }
    AUTO_TOPIC_META meta = {0};
    struct errmsg msg = {0};
    topic_meta_copy(topic_meta_of(t), &meta);
    err e = body == NULL ? errmsg_set(&msg, ERR_INVALID, "send the settings to change")
                         : apply_settings(&meta, body, &msg);
    if (e == ERR_OK && meta.settings.partition_by_count > 0 && tables_exist(api, &meta) &&
        json_object_get(body, "partition_by") != NULL) {
        e = errmsg_set(&msg, ERR_INVALID,
                       "the table is there already: its partitioning cannot change");
    }
    if (e == ERR_OK) {
        e = topic_store_update(api->store, t, &meta, &msg);
    }
    if (e != ERR_OK) {
        api_problem(ex, e, &msg);
        return;
    }
    api_topics_changed(api);
    api_respond_json(ex, 200, topic_json(api, t, true));
}
static void on_patch(struct http_exchange *ex)
{
    api_collect(ex, patch);
}
const struct http_handler api_topic_patch = {.on_request = on_patch,
                                             .on_body = api_collect_body,
                                             .on_body_end = api_collect_end,
                                             .on_abort = api_collect_abort};

/* A delete waits for the writer to land (or drop) what is there. */
struct deletion {
    struct api *api;
    struct http_exchange *ex; /* NULL once the client is gone; the deletion goes on */
    char name[TOPIC_NAME_BYTES_MAX + 1];
    char table[TOPIC_NAME_BYTES_MAX + 1];
    struct uuid_text uuid;
    bool drop;
};

/* The topic that is to go; NULL: it has gone. */
static struct topic *topic_of(const struct deletion *d)
{
    struct topic *t = topic_store_find(d->api->store, str_from(d->name));
    return t != NULL && strcmp(topic_meta_of(t)->uuid.text, d->uuid.text) == 0 ? t : NULL;
}

static void on_dropped(void *ctx, const char *code, const char *detail, int64_t version,
                       int64_t dead_version)
{
    (void)dead_version;
    struct deletion *d = ctx;
    struct errmsg msg = {0};
    err e = ERR_OK;
    struct topic *t = topic_of(d);
    if (code == NULL && t != NULL) {
        char labels[TOPIC_NAME_BYTES_MAX + 16];
        (void)snprintf(labels, sizeof labels, "topic=\"%s\"", d->name); /* fits */
        metric_drop_labels(labels);
        e = topic_store_delete(d->api->store, t, &msg);
        api_topics_changed(d->api);
    }
    if (code == NULL && e == ERR_OK && d->drop) {
        (void)redrive_forget(d->api->redrive, d->table, NULL); /* else a create does it */
    } else if (t != NULL && (code != NULL || e != ERR_OK)) {
        redrive_hold(d->api->redrive, t, false);
        topic_set_closing(t, false);
    }
    struct http_exchange *ex = d->ex;
    free(d);
    if (ex == NULL) {
        return;
    }
    http_set_user(ex, NULL);
    if (code != NULL) {
        http_problem(ex, 503, code, str_from(detail), STR(""));
    } else if (e != ERR_OK) {
        api_problem(ex, e, &msg);
    } else {
        json_t *answer = json_object();
        json_object_set_new(answer, "deleted", json_true());
        json_object_set_new(answer, "version", json_integer(version));
        api_respond_json(ex, 200, answer);
    }
}

static void on_delete(struct http_exchange *ex)
{
    struct api *api = api_of(ex);
    struct topic *t = api_topic(ex);
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    bool drop = false;
    if (t == NULL || !api_params_begin(ex, &params)) {
        return;
    }
    err e = http_params_bool(&params, "drop", &drop, &msg);
    if (!api_params_end(ex, &params, e, &msg)) {
        return;
    }
    if (topic_is_waiting(t) && !drop) { /* it cannot be landed; dropping it makes room */
        api_problem(ex, ERR_NOSPACE, NULL);
        return;
    }
    if (redrive_is_running(api->redrive, t)) {
        http_problem(ex, 409, "redrive_running",
                     STR("dead letters of this topic are being re-driven; cancel that first"),
                     STR(""));
        return;
    }
    if (topic_is_closing(t)) {
        http_problem(ex, 409, "topic_deleting", STR("the topic is being deleted already"), STR(""));
        return;
    }
    redrive_hold(api->redrive, t, true);
    topic_set_closing(t, true);
    struct deletion *d = xnew(struct deletion);
    d->drop = drop;
    memcpy(d->table, topic_meta_of(t)->table, sizeof d->table);
    d->api = api;
    d->ex = ex;
    memcpy(d->name, topic_meta_of(t)->name, sizeof d->name);
    d->uuid = topic_meta_of(t)->uuid;
    http_set_user(ex, d);
    (void)writer_link_drop(api->writer, t, drop, on_dropped, d); /* goes on without the client */
}
static void on_delete_abort(struct http_exchange *ex)
{
    struct deletion *d = http_user(ex);
    if (d != NULL) {
        d->ex = NULL;
    }
}
const struct http_handler api_topic_delete = {.on_request = on_delete, .on_abort = on_delete_abort};

static void on_repair(struct http_exchange *ex)
{
    struct topic *t = api_topic(ex);
    uint64_t partition = 0;
    struct errmsg msg = {0};
    int64_t lost = 0;
    if (t == NULL) {
        return;
    }
    if (!str_to_u64(http_path_param(ex, "partition"), &partition) ||
        partition >= topic_partition_count(t)) {
        http_problem(ex, 404, "partition_not_found", STR("the topic has no such partition"),
                     STR(""));
        return;
    }
    err e = topic_repair(t, (uint32_t)partition, &lost, &msg);
    if (e != ERR_OK) {
        api_problem(ex, e, &msg);
        return;
    }
    api_topics_changed(api_of(ex));
    json_t *answer = json_object();
    json_object_set_new(answer, "lost_offsets", json_integer(lost));
    api_respond_json(ex, 200, answer);
}
const struct http_handler api_topic_repair = {.on_request = on_repair};
