/* SPDX-License-Identifier: MIT */
/* wire.c - see wire.h. Encoders build a jansson object and print it; decoders check every member's
 * type and bound every count before it sizes an allocation. */
#include "flow/wire.h"

#include "base/metrics.h"

const char *wire_type_name(uint16_t type)
{
    switch ((enum wire_type)type) {
    case WIRE_TOPICS:
        return "TOPICS";
    case WIRE_ENDS:
        return "ENDS";
    case WIRE_FLUSH:
        return "FLUSH";
    case WIRE_FLUSHED:
        return "FLUSHED";
    case WIRE_CHECKPOINT:
        return "CHECKPOINT";
    case WIRE_DROP:
        return "DROP";
    case WIRE_STOP:
        return "STOP";
    case WIRE_PROGRESS:
        return "PROGRESS";
    case WIRE_METRICS:
        return "METRICS";
    case WIRE_QUERY:
        return "QUERY";
    case WIRE_CANCEL:
        return "CANCEL";
    case WIRE_CREDIT:
        return "CREDIT";
    case WIRE_HEAD:
        return "HEAD";
    case WIRE_DATA:
        return "DATA";
    case WIRE_DONE:
        return "DONE";
    case WIRE_ERROR:
        return "ERROR";
    case WIRE_PROGRESS_Q:
        return "PROGRESS_Q";
    case WIRE_INFO:
        return "INFO";
    case WIRE_TABLE:
        return "TABLE";
    case WIRE_TABLE_IS:
        return "TABLE_IS";
    case WIRE_PUBLISH:
        return "PUBLISH";
    case WIRE_PUBLISHED:
        return "PUBLISHED";
    case WIRE_JOB:
        return "JOB";
    case WIRE_DATA_END:
        return "DATA_END";
    case WIRE_IMPORTED:
        return "IMPORTED";
    }
    return "UNKNOWN";
}

/* ---- encoding helpers ---- */

static void put(json_t *object, const char *key, json_t *value)
{
    ASSERT(json_object_set_new(object, key, value) == 0);
}

static void put_str(json_t *object, const char *key, struct str value)
{
    json_t *text = json_from_str(value);
    /* Text that came from outside as UTF-8 was checked there; anything else is not worth a frame.
     */
    put(object, key, text != NULL ? text : json_string(""));
}

static void put_i64(json_t *object, const char *key, int64_t value)
{
    put(object, key, json_integer(value));
}

static json_t *offsets_json(const int64_t *offsets, uint32_t count)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++) {
        ASSERT(json_array_append_new(array, json_integer(offsets[i])) == 0);
    }
    return array;
}

/* Prints and drops `object`. */
static void finish(json_t *object, struct buf *out)
{
    if (json_write(object, out) != ERR_OK) {
        out->failed = true;
    }
    json_decref(object);
}

/* ---- decoding helpers ---- */

static err parse_object(struct str payload, json_t **out_root, struct errmsg *msg)
{
    if (payload.len > WIRE_PAYLOAD_BYTES_MAX) {
        return errmsg_set(msg, ERR_TOO_LARGE, "message of %zu bytes", payload.len);
    }
    AUTO_JSON root = NULL;
    TRY(json_parse(payload, &root, msg));
    if (!json_is_object(root)) {
        return errmsg_set(msg, ERR_INVALID, "message is not a JSON object");
    }
    *out_root = TAKE(root);
    return ERR_OK;
}

static err get_array(const json_t *object, const char *key, size_t count_max,
                     const json_t **out_array, struct errmsg *msg)
{
    const json_t *array = json_object_get(object, key);
    if (!json_is_array(array)) {
        return errmsg_set(msg, ERR_INVALID, "%s is not an array", key);
    }
    if (json_array_size(array) > count_max) {
        return errmsg_set(msg, ERR_TOO_LARGE, "%s has %zu items", key, json_array_size(array));
    }
    *out_array = array;
    return ERR_OK;
}

/* Caller owns *out_offsets. Offsets are not negative. */
static err read_offsets(const json_t *array, const char *what, int64_t **out_offsets,
                        uint32_t *out_count, struct errmsg *msg)
{
    if (!json_is_array(array) || json_array_size(array) > WIRE_PARTITIONS_MAX) {
        return errmsg_set(msg, ERR_INVALID, "%s is not a list of offsets", what);
    }
    size_t count = json_array_size(array);
    int64_t *offsets = xnew_array(int64_t, MAX(count, 1));
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(array, i);
        offsets[i] = json_is_integer(item) ? json_integer_value(item) : -1;
        if (offsets[i] < 0) {
            free(offsets);
            return errmsg_set(msg, ERR_INVALID, "%s[%zu] is not an offset", what, i);
        }
    }
    *out_offsets = offsets;
    *out_count = (uint32_t)count;
    return ERR_OK;
}

static err get_offsets(const json_t *object, const char *key, int64_t **out_offsets,
                       uint32_t *out_count, struct errmsg *msg)
{
    return read_offsets(json_object_get(object, key), key, out_offsets, out_count, msg);
}

/* ---- TOPICS ---- */

void wire_topics_encode(const struct wire_topics *topics, struct buf *out)
{
    json_t *root = json_object();
    json_t *list = json_array();
    for (size_t i = 0; i < topics->count; i++) {
        const struct wire_topic *topic = &topics->items[i];
        json_t *item = json_object();
        put_str(item, "name", topic->name);
        put_str(item, "table", topic->table);
        put_str(item, "uuid", topic->uuid);
        put_str(item, "dir", topic->dir);
        put_i64(item, "partitions", topic->partition_count);
        ASSERT(json_array_append_new(list, item) == 0);
    }
    put(root, "topics", list);
    finish(root, out);
}

static err topic_decode(const json_t *item, struct wire_topic *topic, struct errmsg *msg)
{
    int64_t partitions = 0;
    TRY(json_get_str(item, "name", &topic->name, msg));
    TRY(json_get_str(item, "table", &topic->table, msg));
    TRY(json_get_str(item, "uuid", &topic->uuid, msg));
    TRY(json_get_str(item, "dir", &topic->dir, msg));
    TRY(json_get_i64(item, "partitions", &partitions, msg));
    if (partitions < 1 || partitions > WIRE_PARTITIONS_MAX) {
        return errmsg_set(msg, ERR_INVALID, "%lld partitions", (long long)partitions);
    }
    topic->partition_count = (uint32_t)partitions;
    return ERR_OK;
}

static err topics_decode(struct str payload, struct wire_topics *topics, struct errmsg *msg)
{
    TRY(parse_object(payload, &topics->root, msg));
    const json_t *list = NULL;
    TRY(get_array(topics->root, "topics", WIRE_TOPICS_MAX, &list, msg));
    size_t count = json_array_size(list);
    topics->items = xnew_array(struct wire_topic, MAX(count, 1));
    topics->count = count;
    for (size_t i = 0; i < count; i++) {
        TRY(topic_decode(json_array_get(list, i), &topics->items[i], msg));
    }
    return ERR_OK;
}

void wire_topics_deinit(struct wire_topics *topics)
{
    free(topics->items);
    json_decref(topics->root);
    *topics = (struct wire_topics){0};
}

/* Each public decoder fills a local struct, hands it over when good and releases it when not. */
#define DECODE(type, step, deinit)                                                                 \
    struct type decoded = {0};                                                                     \
    err e = step(payload, &decoded, msg);                                                          \
    if (e != ERR_OK) {                                                                             \
        deinit(&decoded);                                                                          \
        return errmsg_wrap(msg, e, #type);                                                         \
    }

err wire_topics_decode(struct str payload, struct wire_topics *out_topics, struct errmsg *msg)
{
    DECODE(wire_topics, topics_decode, wire_topics_deinit)
    *out_topics = decoded;
    return ERR_OK;
}

/* ---- ENDS ---- */

void wire_ends_encode(const struct wire_ends *ends, struct buf *out)
{
    json_t *root = json_object();
    for (size_t i = 0; i < ends->count; i++) {
        const struct wire_topic_ends *item = &ends->items[i];
        ASSERT(json_object_setn_new(root, item->topic.ptr, item->topic.len,
                                    offsets_json(item->ends, item->partition_count)) == 0);
    }
    finish(root, out);
}

static err ends_decode(struct str payload, struct wire_ends *ends, struct errmsg *msg)
{
    TRY(parse_object(payload, &ends->root, msg));
    size_t count = json_object_size(ends->root);
    if (count > WIRE_TOPICS_MAX) {
        return errmsg_set(msg, ERR_TOO_LARGE, "%zu topics", count);
    }
    ends->items = xnew_array(struct wire_topic_ends, MAX(count, 1));
    for (void *at = json_object_iter(ends->root); at != NULL;
         at = json_object_iter_next(ends->root, at)) {
        struct wire_topic_ends *item = &ends->items[ends->count];
        item->topic = str_of(json_object_iter_key(at), json_object_iter_key_len(at));
        TRY(read_offsets(json_object_iter_value(at), "ends", &item->ends, &item->partition_count,
                         msg));
        ends->count++;
    }
    return ERR_OK;
}

void wire_ends_deinit(struct wire_ends *ends)
{
    for (size_t i = 0; i < ends->count; i++) {
        free(ends->items[i].ends);
    }
    free(ends->items);
    json_decref(ends->root);
    *ends = (struct wire_ends){0};
}

err wire_ends_decode(struct str payload, struct wire_ends *out_ends, struct errmsg *msg)
{
    DECODE(wire_ends, ends_decode, wire_ends_deinit)
    *out_ends = decoded;
    return ERR_OK;
}

/* ---- FLUSH, FLUSHED, CHECKPOINT, DROP ---- */

void wire_flush_encode(const struct wire_flush *flush, struct buf *out)
{
    json_t *root = json_object();
    put_str(root, "table", flush->table);
    put(root, "ends", offsets_json(flush->ends, flush->partition_count));
    finish(root, out);
}

static err flush_decode(struct str payload, struct wire_flush *flush, struct errmsg *msg)
{
    TRY(parse_object(payload, &flush->root, msg));
    TRY(json_get_str(flush->root, "table", &flush->table, msg));
    return get_offsets(flush->root, "ends", &flush->ends, &flush->partition_count, msg);
}

void wire_flush_deinit(struct wire_flush *flush)
{
    free(flush->ends);
    json_decref(flush->root);
    *flush = (struct wire_flush){0};
}

err wire_flush_decode(struct str payload, struct wire_flush *out_flush, struct errmsg *msg)
{
    DECODE(wire_flush, flush_decode, wire_flush_deinit)
    *out_flush = decoded;
    return ERR_OK;
}

void wire_flushed_encode(const struct wire_flushed *flushed, struct buf *out)
{
    json_t *root = json_object();
    put_i64(root, "version", flushed->version);
    put_i64(root, "dead_version", flushed->dead_version);
    finish(root, out);
}

err wire_flushed_decode(struct str payload, struct wire_flushed *out_flushed, struct errmsg *msg)
{
    AUTO_JSON root = NULL;
    struct wire_flushed flushed = {-1, -1};
    TRY(parse_object(payload, &root, msg));
    TRY(json_get_i64(root, "version", &flushed.version, msg));
    TRY(json_get_i64(root, "dead_version", &flushed.dead_version, msg));
    *out_flushed = flushed;
    return ERR_OK;
}

void wire_checkpoint_encode(const struct wire_checkpoint *checkpoint, struct buf *out)
{
    json_t *root = json_object();
    put_str(root, "table", checkpoint->table);
    finish(root, out);
}

static err checkpoint_decode(struct str payload, struct wire_checkpoint *checkpoint,
                             struct errmsg *msg)
{
    TRY(parse_object(payload, &checkpoint->root, msg));
    return json_get_str(checkpoint->root, "table", &checkpoint->table, msg);
}

void wire_checkpoint_deinit(struct wire_checkpoint *checkpoint)
{
    json_decref(checkpoint->root);
    *checkpoint = (struct wire_checkpoint){0};
}

err wire_checkpoint_decode(struct str payload, struct wire_checkpoint *out_checkpoint,
                           struct errmsg *msg)
{
    DECODE(wire_checkpoint, checkpoint_decode, wire_checkpoint_deinit)
    *out_checkpoint = decoded;
    return ERR_OK;
}

void wire_drop_encode(const struct wire_drop *drop, struct buf *out)
{
    json_t *root = json_object();
    put_str(root, "topic", drop->topic);
    put(root, "drop", json_boolean(drop->drop));
    put(root, "ends", offsets_json(drop->ends, drop->partition_count));
    finish(root, out);
}

static err drop_decode(struct str payload, struct wire_drop *drop, struct errmsg *msg)
{
    TRY(parse_object(payload, &drop->root, msg));
    TRY(json_get_str(drop->root, "topic", &drop->topic, msg));
    TRY(json_get_bool(drop->root, "drop", &drop->drop, msg));
    return get_offsets(drop->root, "ends", &drop->ends, &drop->partition_count, msg);
}

void wire_drop_deinit(struct wire_drop *drop)
{
    free(drop->ends);
    json_decref(drop->root);
    *drop = (struct wire_drop){0};
}

err wire_drop_decode(struct str payload, struct wire_drop *out_drop, struct errmsg *msg)
{
    DECODE(wire_drop, drop_decode, wire_drop_deinit)
    *out_drop = decoded;
    return ERR_OK;
}

/* ---- INFO ---- */

void wire_info_encode(const struct wire_info *info, struct buf *out)
{
    json_t *root = json_object();
    put_str(root, "table", info->table);
    put_str(root, "what", info->what);
    put_str(root, "after", info->after);
    put(root, "limit", json_integer(info->limit));
    finish(root, out);
}

static err info_decode(struct str payload, struct wire_info *info, struct errmsg *msg)
{
    TRY(parse_object(payload, &info->root, msg));
    TRY(json_get_str(info->root, "table", &info->table, msg));
    TRY(json_get_str(info->root, "what", &info->what, msg));
    TRY(json_opt_str(info->root, "after", &info->after, msg));
    return json_get_i64(info->root, "limit", &info->limit, msg);
}

void wire_info_deinit(struct wire_info *info)
{
    json_decref(info->root);
    *info = (struct wire_info){0};
}

err wire_info_decode(struct str payload, struct wire_info *out_info, struct errmsg *msg)
{
    DECODE(wire_info, info_decode, wire_info_deinit)
    *out_info = decoded;
    return ERR_OK;
}

/* ---- PROGRESS ---- */

/* The plain numbers of PROGRESS, so that both directions walk the same list. */
static const struct {
    const char *key;
    size_t offset;
} progress_numbers[] = {
    {"version", offsetof(struct wire_progress, version)},
    {"dead_version", offsetof(struct wire_progress, dead_version)},
    {"rows", offsetof(struct wire_progress, rows)},
    {"files", offsetof(struct wire_progress, files)},
    {"bytes", offsetof(struct wire_progress, bytes)},
    {"dead_rows", offsetof(struct wire_progress, dead_rows)},
    {"lag_events", offsetof(struct wire_progress, lag_events)},
    {"rescued", offsetof(struct wire_progress, rescued)},
    {"last_commit_ms", offsetof(struct wire_progress, last_commit_ms)},
    {"commit_took_us", offsetof(struct wire_progress, commit_took_us)},
};

void wire_progress_encode(const struct wire_progress *progress, struct buf *out)
{
    json_t *root = json_object();
    put_str(root, "topic", progress->topic);
    put_str(root, "table", progress->table);
    put_str(root, "uuid", progress->uuid);
    put_str(root, "state", progress->state);
    put_str(root, "detail", progress->detail);
    put(root, "committed", offsets_json(progress->committed, progress->partition_count));
    put(root, "dead_committed", offsets_json(progress->dead_committed, progress->partition_count));
    for (size_t i = 0; i < ARRAY_LEN(progress_numbers); i++) {
        int64_t value = 0;
        memcpy(&value, (const char *)progress + progress_numbers[i].offset, sizeof value);
        put_i64(root, progress_numbers[i].key, value);
    }
    json_t *columns = json_array();
    for (size_t i = 0; i < progress->column_count; i++) {
        json_t *column = json_object();
        put_str(column, "name", progress->columns[i].name);
        put_str(column, "type", progress->columns[i].type);
        ASSERT(json_array_append_new(columns, column) == 0);
    }
    put(root, "columns", columns);
    json_t *null_fields = json_array();
    for (size_t i = 0; i < progress->null_field_count; i++) {
        json_t *name = json_from_str(progress->null_fields[i]);
        ASSERT(name == NULL || json_array_append_new(null_fields, name) == 0);
    }
    put(root, "null_fields", null_fields);
    finish(root, out);
}

static err progress_columns_decode(struct wire_progress *progress, struct errmsg *msg)
{
    const json_t *columns = NULL;
    const json_t *null_fields = NULL;
    TRY(get_array(progress->root, "columns", WIRE_COLUMNS_MAX, &columns, msg));
    TRY(get_array(progress->root, "null_fields", WIRE_COLUMNS_MAX, &null_fields, msg));
    progress->column_count = json_array_size(columns);
    progress->columns = xnew_array(struct wire_column, MAX(progress->column_count, 1));
    for (size_t i = 0; i < progress->column_count; i++) {
        const json_t *column = json_array_get(columns, i);
        TRY(json_get_str(column, "name", &progress->columns[i].name, msg));
        TRY(json_get_str(column, "type", &progress->columns[i].type, msg));
    }
    progress->null_field_count = json_array_size(null_fields);
    progress->null_fields = xnew_array(struct str, MAX(progress->null_field_count, 1));
    for (size_t i = 0; i < progress->null_field_count; i++) {
        const json_t *name = json_array_get(null_fields, i);
        if (!json_is_string(name)) {
            return errmsg_set(msg, ERR_INVALID, "null_fields[%zu] is not text", i);
        }
        progress->null_fields[i] = str_of(json_string_value(name), json_string_length(name));
    }
    return ERR_OK;
}

static err progress_decode(struct str payload, struct wire_progress *progress, struct errmsg *msg)
{
    TRY(parse_object(payload, &progress->root, msg));
    const json_t *root = progress->root;
    TRY(json_get_str(root, "topic", &progress->topic, msg));
    TRY(json_get_str(root, "table", &progress->table, msg));
    TRY(json_get_str(root, "uuid", &progress->uuid, msg));
    TRY(json_get_str(root, "state", &progress->state, msg));
    TRY(json_get_str(root, "detail", &progress->detail, msg));
    uint32_t dead_count = 0;
    TRY(get_offsets(root, "committed", &progress->committed, &progress->partition_count, msg));
    TRY(get_offsets(root, "dead_committed", &progress->dead_committed, &dead_count, msg));
    if (dead_count != progress->partition_count) {
        return errmsg_set(msg, ERR_INVALID, "committed and dead_committed differ in length");
    }
    for (size_t i = 0; i < ARRAY_LEN(progress_numbers); i++) {
        int64_t value = 0;
        TRY(json_get_i64(root, progress_numbers[i].key, &value, msg));
        memcpy((char *)progress + progress_numbers[i].offset, &value, sizeof value);
    }
    return progress_columns_decode(progress, msg);
}

void wire_progress_deinit(struct wire_progress *progress)
{
    free(progress->committed);
    free(progress->dead_committed);
    free(progress->columns);
    free(progress->null_fields);
    json_decref(progress->root);
    *progress = (struct wire_progress){0};
}

err wire_progress_decode(struct str payload, struct wire_progress *out_progress, struct errmsg *msg)
{
    DECODE(wire_progress, progress_decode, wire_progress_deinit)
    *out_progress = decoded;
    return ERR_OK;
}

/* ---- METRICS ---- */

void wire_metrics_encode(uint64_t pss_bytes, struct buf *out)
{
    AUTO_BUF text = buf_make(WIRE_PAYLOAD_BYTES_MAX / 4);
    metrics_write_prometheus(&text);
    buf_printf(out, "{\"pss_bytes\":%llu,\"prometheus\":", (unsigned long long)pss_bytes);
    buf_add_json_string(out, buf_check(&text) == ERR_OK ? buf_str(&text) : STR(""));
    buf_puts(out, ",\"metrics\":");
    metrics_write_json(out);
    buf_puts(out, "}");
}

static err metrics_decode(struct str payload, struct wire_metrics *metrics, struct errmsg *msg)
{
    TRY(parse_object(payload, &metrics->root, msg));
    int64_t pss_bytes = 0;
    TRY(json_get_i64(metrics->root, "pss_bytes", &pss_bytes, msg));
    metrics->pss_bytes = pss_bytes < 0 ? 0 : (uint64_t)pss_bytes;
    TRY(json_get_str(metrics->root, "prometheus", &metrics->prometheus, msg));
    metrics->metrics = json_object_get(metrics->root, "metrics");
    if (!json_is_object(metrics->metrics)) {
        return errmsg_set(msg, ERR_INVALID, "metrics is not an object");
    }
    return ERR_OK;
}

void wire_metrics_deinit(struct wire_metrics *metrics)
{
    json_decref(metrics->root);
    *metrics = (struct wire_metrics){0};
}

err wire_metrics_decode(struct str payload, struct wire_metrics *out_metrics, struct errmsg *msg)
{
    DECODE(wire_metrics, metrics_decode, wire_metrics_deinit)
    *out_metrics = decoded;
    return ERR_OK;
}

/* ---- QUERY and its answers ---- */

bool wire_query_is_light(const struct wire_query *query)
{
    return str_is(query->purpose, "window") || str_is(query->purpose, "check");
}

void wire_query_encode(const struct wire_query *query, struct buf *out)
{
    json_t *root = json_object();
    put_str(root, "sql", query->sql);
    put_str(root, "format", query->format);
    if (query->params != NULL) {
        put(root, "params", json_deep_copy(query->params));
    }
    put_i64(root, "limit", query->limit);
    put_i64(root, "timeout_ms", query->timeout_ms);
    put(root, "int64_as_string", json_boolean(query->int64_as_string));
    put_i64(root, "credit_bytes", (int64_t)query->credit_bytes);
    if (query->purpose.len > 0) {
        put_str(root, "purpose", query->purpose);
        put_str(root, "result", query->result);
        put_str(root, "sort", query->sort);
        if (query->filters != NULL) {
            put(root, "filters", json_deep_copy(query->filters));
        }
        put_i64(root, "offset", query->offset);
        put_i64(root, "limit_shown", query->limit_shown);
        put(root, "guard_formulas", json_boolean(query->guard_formulas));
    }
    finish(root, out);
}

static err query_decode(struct str payload, struct wire_query *query, struct errmsg *msg)
{
    TRY(parse_object(payload, &query->root, msg));
    const json_t *root = query->root;
    int64_t credit_bytes = 0;
    TRY(json_get_str(root, "sql", &query->sql, msg));
    TRY(json_get_str(root, "format", &query->format, msg));
    TRY(json_opt_i64(root, "limit", &query->limit, msg));
    TRY(json_opt_i64(root, "timeout_ms", &query->timeout_ms, msg));
    TRY(json_opt_bool(root, "int64_as_string", &query->int64_as_string, msg));
    TRY(json_get_i64(root, "credit_bytes", &credit_bytes, msg));
    TRY(json_opt_str(root, "purpose", &query->purpose, msg));
    TRY(json_opt_str(root, "result", &query->result, msg));
    TRY(json_opt_str(root, "sort", &query->sort, msg));
    TRY(json_opt_i64(root, "offset", &query->offset, msg));
    TRY(json_opt_i64(root, "limit_shown", &query->limit_shown, msg));
    TRY(json_opt_bool(root, "guard_formulas", &query->guard_formulas, msg));
    query->filters = json_object_get(root, "filters");
    query->params = json_object_get(root, "params");
    bool params_ok =
        query->params == NULL || json_is_array(query->params) || json_is_object(query->params);
    bool shown_ok = (query->filters == NULL || json_is_array(query->filters)) &&
                    query->offset >= 0 && query->limit_shown >= 0;
    if (!params_ok || !shown_ok || query->limit < 0 || query->timeout_ms < 0 || credit_bytes < 0 ||
        query->sql.len > WIRE_SQL_BYTES_MAX) {
        return errmsg_set(msg, ERR_INVALID, "a member is out of its range");
    }
    query->credit_bytes = (uint64_t)credit_bytes;
    return ERR_OK;
}

void wire_query_deinit(struct wire_query *query)
{
    json_decref(query->root);
    *query = (struct wire_query){0};
}

err wire_query_decode(struct str payload, struct wire_query *out_query, struct errmsg *msg)
{
    DECODE(wire_query, query_decode, wire_query_deinit)
    *out_query = decoded;
    return ERR_OK;
}

void wire_credit_encode(uint64_t bytes, struct buf *out)
{
    buf_puts(out, "{\"bytes\":");
    buf_add_u64(out, MIN(bytes, (uint64_t)INT64_MAX));
    buf_puts(out, "}");
}

err wire_credit_decode(struct str payload, uint64_t *out_bytes, struct errmsg *msg)
{
    AUTO_JSON root = NULL;
    int64_t bytes = 0;
    TRY(parse_object(payload, &root, msg));
    TRY(json_get_i64(root, "bytes", &bytes, msg));
    if (bytes < 0) {
        return errmsg_set(msg, ERR_INVALID, "credit is negative");
    }
    *out_bytes = (uint64_t)bytes;
    return ERR_OK;
}

void wire_head_encode(const struct wire_head *head, struct buf *out)
{
    json_t *root = json_object();
    put_str(root, "content_type", head->content_type);
    finish(root, out);
}

static err head_decode(struct str payload, struct wire_head *head, struct errmsg *msg)
{
    TRY(parse_object(payload, &head->root, msg));
    return json_get_str(head->root, "content_type", &head->content_type, msg);
}

void wire_head_deinit(struct wire_head *head)
{
    json_decref(head->root);
    *head = (struct wire_head){0};
}

err wire_head_decode(struct str payload, struct wire_head *out_head, struct errmsg *msg)
{
    DECODE(wire_head, head_decode, wire_head_deinit)
    *out_head = decoded;
    return ERR_OK;
}

void wire_done_encode(const struct wire_done *done, struct buf *out)
{
    json_t *root = json_object();
    put_i64(root, "rows", done->rows);
    put(root, "truncated", json_boolean(done->truncated));
    put_i64(root, "elapsed_us", done->elapsed_us);
    finish(root, out);
}

err wire_done_decode(struct str payload, struct wire_done *out_done, struct errmsg *msg)
{
    AUTO_JSON root = NULL;
    struct wire_done done = {0};
    TRY(parse_object(payload, &root, msg));
    TRY(json_get_i64(root, "rows", &done.rows, msg));
    TRY(json_get_bool(root, "truncated", &done.truncated, msg));
    TRY(json_get_i64(root, "elapsed_us", &done.elapsed_us, msg));
    *out_done = done;
    return ERR_OK;
}

void wire_error_encode(const struct wire_error *error, struct buf *out)
{
    buf_puts(out, "{\"code\":");
    buf_add_json_string(out, error->code);
    buf_puts(out, ",\"detail\":");
    buf_add_json_string(out, error->detail); /* may hold bytes of a bad record: made UTF-8 here */
    buf_puts(out, ",\"position\":");
    buf_add_i64(out, error->position);
    buf_puts(out, "}");
}

static err error_decode(struct str payload, struct wire_error *error, struct errmsg *msg)
{
    TRY(parse_object(payload, &error->root, msg));
    error->position = 0;
    TRY(json_get_str(error->root, "code", &error->code, msg));
    TRY(json_get_str(error->root, "detail", &error->detail, msg));
    return json_opt_i64(error->root, "position", &error->position, msg);
}

void wire_error_deinit(struct wire_error *error)
{
    json_decref(error->root);
    *error = (struct wire_error){0};
}

err wire_error_decode(struct str payload, struct wire_error *out_error, struct errmsg *msg)
{
    DECODE(wire_error, error_decode, wire_error_deinit)
    *out_error = decoded;
    return ERR_OK;
}

void wire_query_progress_encode(const struct wire_query_progress *progress, struct buf *out)
{
    json_t *root = json_object();
    put(root, "percent", json_real(progress->percent));
    put_i64(root, "rows", progress->rows);
    put_i64(root, "rows_read", progress->rows_read);
    put_i64(root, "rows_total", progress->rows_total);
    put_i64(root, "bytes_read", progress->bytes_read);
    put_i64(root, "bytes_total", progress->bytes_total);
    finish(root, out);
}

err wire_query_progress_decode(struct str payload, struct wire_query_progress *out_progress,
                               struct errmsg *msg)
{
    AUTO_JSON root = NULL;
    struct wire_query_progress progress = {0};
    TRY(parse_object(payload, &root, msg));
    const json_t *percent = json_object_get(root, "percent");
    if (!json_is_number(percent)) {
        return errmsg_set(msg, ERR_INVALID, "percent is not a number");
    }
    progress.percent = json_number_value(percent);
    TRY(json_get_i64(root, "rows", &progress.rows, msg));
    TRY(json_get_i64(root, "rows_read", &progress.rows_read, msg));
    TRY(json_get_i64(root, "rows_total", &progress.rows_total, msg));
    TRY(json_get_i64(root, "bytes_read", &progress.bytes_read, msg));
    TRY(json_get_i64(root, "bytes_total", &progress.bytes_total, msg));
    *out_progress = progress;
    return ERR_OK;
}
