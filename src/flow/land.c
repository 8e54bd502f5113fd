/* SPDX-License-Identifier: MIT */
/* land.c - the state of a lander: loading, policy, progress. One landing is in land_round.c. */
#include "flow/land.h"

#include "flow/land_files.h"
#include "flow/land_int.h"
#include "lake/checkpoint.h"
#include "os/clock.h"
#include "os/file.h"
#include "topic/reader.h"

enum {
    CONFLICT_ATTEMPTS = 8,
    MEASURE_EVERY_MS = 1000,
    COMMIT_BYTES_MIN = 4 << 20,
};

/* ---- life cycle ---- */

/* Prometheus label values escape backslash, quote and newline; topic names have none of them. */
static void metrics_open(struct lander *l)
{
    struct land_metrics *m = &l->metrics;
    m->events = metric_get(METRIC_COUNTER, "tarn_landed_events_total", l->labels,
                           "Events that became rows of the topic's table");
    m->log_bytes = metric_get(METRIC_COUNTER, "tarn_landed_log_bytes_total", l->labels,
                              "Bytes of log that were landed");
    m->files = metric_get(METRIC_COUNTER, "tarn_landed_files_total", l->labels,
                          "Parquet files added to the topic's tables");
    m->file_bytes = metric_get(METRIC_COUNTER, "tarn_landed_file_bytes_total", l->labels,
                               "Bytes of Parquet added to the topic's tables");
    m->landing = metric_get(METRIC_HISTOGRAM, "tarn_landing_seconds", l->labels,
                            "Time of one landing, from reading the log to the commit");
    m->commit =
        metric_get(METRIC_HISTOGRAM, "tarn_commit_seconds", l->labels, "Time of one Delta commit");
    m->lag = metric_get(METRIC_GAUGE, "tarn_lag_events", l->labels,
                        "Acknowledged events that are not in the table yet");
    m->failures = metric_get(METRIC_COUNTER, "tarn_landing_failures_total", l->labels,
                             "Landings that failed and are tried again");
    for (int i = 1; i < EVENT_CODE_COUNT; i++) {
        AUTO_TEXT labels =
            xasprintf("%s,reason=\"%s\"", l->labels, event_code_name((enum event_code)i));
        m->dead[i] = metric_get(METRIC_COUNTER, "tarn_dead_letters_total", labels,
                                "Records that went to the dead-letter table");
    }
}

struct lander *lander_new(const struct lander_options *o)
{
    ASSERT(o->partition_count > 0);
    struct lander *l = xnew(struct lander);
    l->topic = xstrndup(o->topic.ptr, o->topic.len);
    l->uuid = xstrndup(o->uuid.ptr, o->uuid.len);
    l->topic_dir = xstrdup(o->topic_dir);
    l->bronze_dir = xstrdup(o->bronze_dir);
    l->labels = xasprintf("topic=\"%s\"", l->topic);
    l->partition_count = o->partition_count;
    l->conn = o->conn;
    l->parquet = o->parquet;
    l->threads = MAX(o->threads, 1);
    l->commit_bytes = o->commit_bytes != 0 ? o->commit_bytes : LAND_COMMIT_BYTES_DEFAULT;
    l->infer_bytes = o->infer_bytes != 0 ? o->infer_bytes : LAND_INFER_BYTES_MAX;
    l->cancel = o->cancel;
    for (int i = 0; i < LAND_TABLES; i++) {
        struct land_table *table = &l->tables[i];
        table->name =
            xasprintf("%.*s%s", STR_ARGS(o->table), i == LAND_DEAD ? LAND_DEAD_SUFFIX : "");
        table->dir = xasprintf("%s/%s", l->bronze_dir, table->name);
        table->next = xnew_array(int64_t, l->partition_count);
    }
    l->starts = xnew_array(int64_t, l->partition_count);
    l->ends = xnew_array(int64_t, l->partition_count);
    l->dead_clean = xnew_array(int64_t, l->partition_count);
    l->dead_spans = xnew_array(struct log_range, l->partition_count);
    l->blocked = xnew_array(bool, l->partition_count);
    for (uint32_t i = 0; i < l->partition_count; i++) {
        l->ends[i] = -1;
    }
    l->lag_since_ms = -1;
    metrics_open(l);
    return l;
}

static void unload(struct lander *l)
{
    for (int i = 0; i < LAND_TABLES; i++) {
        lake_snapshot_unref(l->tables[i].snapshot);
        l->tables[i].snapshot = NULL;
    }
    event_schema_unref(l->schema);
    event_schema_unref(l->in_table);
    l->schema = NULL;
    l->in_table = NULL;
    l->loaded = false;
}

void lander_free(struct lander *l)
{
    if (l == NULL) {
        return;
    }
    unload(l);
    for (int i = 0; i < LAND_TABLES; i++) {
        free(l->tables[i].name);
        free(l->tables[i].dir);
        free(l->tables[i].next);
    }
    if (l->has_meta) {
        topic_meta_deinit(&l->meta);
    }
    free(l->topic);
    free(l->uuid);
    free(l->topic_dir);
    free(l->bronze_dir);
    free(l->labels);
    free(l->starts);
    free(l->ends);
    free(l->dead_clean);
    free(l->dead_spans);
    free(l->blocked);
    free(l->progress_columns);
    free(l->progress_nulls);
    free(l);
}

const char *lander_topic(const struct lander *l)
{
    return l->topic;
}

const char *lander_table(const struct lander *l)
{
    return l->tables[LAND_ROWS].name;
}

const char *lander_uuid(const struct lander *l)
{
    return l->uuid;
}

uint32_t lander_partition_count(const struct lander *l)
{
    return l->partition_count;
}

/* ---- loading ---- */

void land_table_set(struct lander *l, enum land_which which, struct lake_snapshot *snapshot)
{
    struct land_table *table = &l->tables[which];
    if (snapshot != table->snapshot) {
        lake_snapshot_unref(table->snapshot);
        table->snapshot = snapshot;
    } else {
        lake_snapshot_unref(snapshot); /* one reference is enough */
    }
    for (uint32_t i = 0; i < l->partition_count; i++) {
        table->next[i] = land_next_offset(table->snapshot, l->uuid, i, l->starts[i]);
    }
}

err land_schema_refresh(struct lander *l, struct errmsg *msg)
{
    struct event_schema *in_table = NULL;
    struct event_schema *schema = NULL;
    TRY(land_schema_of(l->tables[LAND_ROWS].snapshot, &in_table, msg));
    err e = land_schema_declared(in_table, &l->meta, l->tables[LAND_ROWS].snapshot == NULL, &schema,
                                 msg);
    if (e != ERR_OK) {
        event_schema_unref(in_table);
        return e;
    }
    event_schema_unref(l->schema);
    event_schema_unref(l->in_table);
    l->schema = schema;
    l->in_table = in_table;
    if (l->tables[LAND_ROWS].snapshot == NULL) {
        event_schema_unref(l->in_table);
        l->in_table = NULL;
    }
    return ERR_OK;
}

static err load_meta(struct lander *l, struct errmsg *msg)
{
    AUTO_TEXT path = xasprintf("%s/topic.json", l->topic_dir);
    struct topic_meta meta;
    TRY(topic_meta_load(path, &meta, msg));
    if (strcmp(meta.uuid.text, l->uuid) != 0 || meta.partition_count != l->partition_count) {
        topic_meta_deinit(&meta);
        return errmsg_set(msg, ERR_AGAIN, "%s is of another topic", path);
    }
    if (l->has_meta) {
        topic_meta_deinit(&l->meta);
    }
    l->meta = meta;
    l->has_meta = true;
    return ERR_OK;
}

static err load_starts(struct lander *l, struct errmsg *msg)
{
    for (uint32_t i = 0; i < l->partition_count; i++) {
        AUTO_TEXT dir = xasprintf("%s/%u", l->topic_dir, i);
        AUTO(topic_reader) reader = NULL;
        TRY(topic_reader_open(dir, &reader, msg));
        TRY(topic_reader_log_start(reader, &l->starts[i], msg));
    }
    return ERR_OK;
}

static err load_table(struct lander *l, enum land_which which, struct errmsg *msg)
{
    const char *dir = l->tables[which].dir;
    AUTO(lake_snapshot) snapshot = NULL;
    if (lake_table_exists(dir)) {
        struct lake_load_options options = {
            .table_dir = dir, .version = -1, .parquet = l->parquet, .drop_stats = true};
        TRY(lake_snapshot_load_with(&options, &snapshot, msg));
        TRY(lake_snapshot_check_append(snapshot, msg));
    }
    TRY(land_files_recover(dir, snapshot, msg));
    land_table_set(l, which, TAKE(snapshot));
    return ERR_OK;
}

/* A table that is ahead of the log, or behind its start, belongs to another log. */
static void check_starts(struct lander *l)
{
    for (uint32_t i = 0; i < l->partition_count; i++) {
        int64_t next = MIN(l->tables[LAND_ROWS].next[i], l->tables[LAND_DEAD].next[i]);
        if (l->starts[i] > next && !topic_gap_covers(&l->meta, i, next, l->starts[i])) {
            l->blocked[i] = true;
            (void)errmsg_set(&l->blocked_why, ERR_RANGE,
                             "partition %u: the log begins at %lld, the table ends at %lld", i,
                             (long long)l->starts[i], (long long)next);
        }
    }
}

static err load_all(struct lander *l, bool again, struct errmsg *msg)
{
    if (again || !l->has_meta) {
        TRY(load_meta(l, msg));
    }
    TRY(load_starts(l, msg));
    TRY(load_table(l, LAND_ROWS, msg));
    TRY(load_table(l, LAND_DEAD, msg));
    TRY(land_schema_refresh(l, msg));
    for (uint32_t i = 0; i < l->partition_count; i++) {
        l->dead_clean[i] = l->tables[LAND_DEAD].next[i];
        l->dead_spans[i] = (struct log_range){i, l->dead_clean[i], INT64_MAX};
    }
    check_starts(l);
    return ERR_OK;
}

err lander_load(struct lander *l, bool again, struct errmsg *msg)
{
    if (l->loaded && !again) {
        return ERR_OK;
    }
    unload(l);
    err e = load_all(l, again, msg);
    if (e != ERR_OK) {
        unload(l);
        return errmsg_wrap(msg, e, "load table %s", l->tables[LAND_ROWS].name);
    }
    l->loaded = true;
    return ERR_OK;
}

/* ---- policy ---- */

static uint64_t lag_events(const struct lander *l)
{
    uint64_t lag = 0;
    for (uint32_t i = 0; i < l->partition_count; i++) {
        int64_t next = l->tables[LAND_ROWS].next[i];
        if (l->ends[i] > next && !l->blocked[i]) {
            lag += (uint64_t)(l->ends[i] - next);
        }
    }
    return lag;
}

bool lander_has_lag(const struct lander *l)
{
    return lag_events(l) > 0;
}

/* Keeps the time since when something waits. */
static void note_lag(struct lander *l, int64_t since_ms)
{
    uint64_t lag = l->loaded ? lag_events(l) : 0;
    metric_set(l->metrics.lag, (int64_t)lag);
    if (lag == 0) {
        l->lag_since_ms = -1;
    } else if (l->lag_since_ms < 0) {
        l->lag_since_ms = since_ms;
    }
}

void lander_set_ends(struct lander *l, const int64_t *ends, uint32_t count, int64_t now_ms)
{
    if (count != l->partition_count) {
        return; /* of a topic that had the name before, or will have it */
    }
    for (uint32_t i = 0; i < count; i++) {
        l->ends[i] = MAX(l->ends[i], ends[i]);
    }
    note_lag(l, now_ms);
}

/* Bytes and events of a partition's segments. */
static void measure_partition(struct lander *l, uint32_t partition, double *bytes, double *events)
{
    AUTO_TEXT dir = xasprintf("%s/%u", l->topic_dir, partition);
    int64_t first = 0;
    uint64_t size = 0;
    if (topic_log_size(dir, &first, &size, NULL) != ERR_OK) {
        return; /* an estimate goes on without it */
    }
    *bytes += (double)size;
    if (l->ends[partition] > first) {
        *events += (double)(l->ends[partition] - first);
    }
}

static double bytes_per_event(struct lander *l, int64_t now_ms)
{
    if (l->bytes_per_event > 0 && now_ms - l->measured_ms < MEASURE_EVERY_MS) {
        return l->bytes_per_event;
    }
    double bytes = 0;
    double events = 0;
    for (uint32_t i = 0; i < l->partition_count; i++) {
        measure_partition(l, i, &bytes, &events);
    }
    l->measured_ms = now_ms;
    l->bytes_per_event = events > 0 ? bytes / events : 1;
    return l->bytes_per_event;
}

/* The dead-letter table must not hold back retention because nothing lands any more. */
static bool dead_is_due(struct lander *l, int64_t now_ms)
{
    if (l->dead_commit_ms == 0) {
        l->dead_commit_ms = now_ms;
    }
    bool behind = false;
    for (uint32_t i = 0; i < l->partition_count; i++) {
        behind |= l->tables[LAND_DEAD].next[i] < l->tables[LAND_ROWS].next[i] && !l->blocked[i];
    }
    return behind && now_ms - l->dead_commit_ms >= LAND_DEAD_MS;
}

bool lander_is_due(struct lander *l, int64_t now_ms)
{
    if (!l->loaded) {
        return true;
    }
    uint64_t lag = lag_events(l);
    if (lag == 0) {
        return dead_is_due(l, now_ms);
    }
    const struct topic_settings *s = &l->meta.settings;
    if (s->flush_rows != 0 && lag >= s->flush_rows) {
        return true;
    }
    if (s->unlanded_rows_max != 0 && lag >= MAX(s->unlanded_rows_max / 2, 1)) {
        return true; /* at half of it, so that senders need not be slowed meanwhile */
    }
    if (l->lag_since_ms >= 0 && now_ms - l->lag_since_ms >= s->flush_age_ms) {
        return true;
    }
    return (double)lag * bytes_per_event(l, now_ms) >= (double)s->flush_bytes;
}

/* ---- landing ---- */

err lander_land(struct lander *l, const int64_t *ends, bool flush, int64_t now_ms, bool *out_more,
                struct errmsg *msg)
{
    for (int attempt = 0;; attempt++) {
        TRY(lander_load(l, !l->has_meta, msg));
        err e = land_round(l, ends, flush, now_ms, out_more, msg);
        if (e == ERR_OK) {
            l->lag_since_ms = -1;
            note_lag(l, now_ms); /* what is left came after this landing began */
            return ERR_OK;
        }
        metric_add(l->metrics.failures, 1);
        l->loaded = false; /* whatever happened: what counts is in the tables */
        if (e == ERR_NOMEM) {
            l->commit_bytes = MAX(l->commit_bytes / 2, COMMIT_BYTES_MIN);
        }
        if ((e != ERR_CONFLICT && e != ERR_EXISTS) || attempt == CONFLICT_ATTEMPTS) {
            return errmsg_wrap(msg, e, "land %s", l->topic);
        }
    }
}

const char *lander_blocked(const struct lander *l)
{
    for (uint32_t i = 0; i < l->partition_count; i++) {
        if (l->blocked[i]) {
            return l->blocked_why.text;
        }
    }
    return NULL;
}

void lander_unblock(struct lander *l)
{
    memset(l->blocked, 0, l->partition_count * sizeof *l->blocked);
    l->blocked_why.text[0] = '\0';
    l->loaded = false;
}

bool lander_reached(const struct lander *l, const int64_t *ends)
{
    for (uint32_t i = 0; i < l->partition_count; i++) {
        if (l->tables[LAND_ROWS].next[i] < ends[i] || l->tables[LAND_DEAD].next[i] < ends[i]) {
            return false;
        }
    }
    return l->loaded;
}

static int64_t version_of(const struct lander *l, enum land_which which)
{
    const struct lake_snapshot *snapshot = l->tables[which].snapshot;
    return snapshot == NULL ? -1 : lake_snapshot_version(snapshot);
}

struct wire_flushed lander_versions(const struct lander *l)
{
    return (struct wire_flushed){version_of(l, LAND_ROWS), version_of(l, LAND_DEAD)};
}

err lander_checkpoint(struct lander *l, struct errmsg *msg)
{
    TRY(lander_load(l, !l->has_meta, msg));
    for (int i = 0; i < LAND_TABLES; i++) {
        if (l->tables[i].snapshot != NULL) {
            TRY(lake_checkpoint_write(l->tables[i].snapshot, l->parquet, msg));
        }
    }
    return ERR_OK;
}

err lander_drop_tables(struct lander *l, struct errmsg *msg)
{
    unload(l);
    for (int i = 0; i < LAND_TABLES; i++) {
        /* The log goes first: half a table must not look like one. */
        AUTO_TEXT log = xasprintf("%s/_delta_log", l->tables[i].dir);
        TRY(os_remove_tree(log, msg));
        TRY(os_remove_tree(l->tables[i].dir, msg));
    }
    return os_exists(l->bronze_dir) ? os_fsync_dir(l->bronze_dir, msg) : ERR_OK;
}

/* ---- progress ---- */

static void progress_schema(struct lander *l, struct wire_progress *p)
{
    const struct event_schema *schema = l->in_table;
    if (schema == NULL) {
        return;
    }
    size_t count = event_schema_full_count(schema);
    const struct col_def *full = event_schema_full(schema);
    l->progress_columns = xrealloc(l->progress_columns, count, sizeof *l->progress_columns);
    for (size_t i = 0; i < count; i++) {
        l->progress_columns[i] =
            (struct wire_column){str_from(full[i].name), str_from(event_schema_type(schema, i))};
    }
    size_t null_count = event_schema_null_count(schema);
    l->progress_nulls = xrealloc(l->progress_nulls, null_count + 1, sizeof *l->progress_nulls);
    for (size_t i = 0; i < null_count; i++) {
        l->progress_nulls[i] = event_schema_null_field(schema, i);
    }
    p->columns = l->progress_columns;
    p->column_count = count;
    p->null_fields = l->progress_nulls;
    p->null_field_count = null_count;
}

void lander_progress(struct lander *l, struct wire_progress *out_progress)
{
    struct wire_progress p = {
        .topic = str_from(l->topic),
        .table = str_from(lander_table(l)),
        .uuid = str_from(l->uuid),
        .committed = l->tables[LAND_ROWS].next,
        .dead_committed = l->tables[LAND_DEAD].next,
        .partition_count = l->partition_count,
        .version = version_of(l, LAND_ROWS),
        .dead_version = version_of(l, LAND_DEAD),
        .lag_events = (int64_t)lag_events(l),
        .rescued = l->rescued,
        .last_commit_ms = l->last_commit_ms,
        .commit_took_us = l->commit_took_us,
    };
    const struct lake_snapshot *rows = l->tables[LAND_ROWS].snapshot;
    const struct lake_snapshot *dead = l->tables[LAND_DEAD].snapshot;
    if (rows != NULL) {
        p.rows = MAX(lake_snapshot_row_count(rows), 0);
        p.files = (int64_t)lake_snapshot_file_count(rows);
        p.bytes = (int64_t)lake_snapshot_size_bytes(rows);
        if (p.last_commit_ms == 0) { /* none by this process: the one that was found */
            p.last_commit_ms = MAX(lake_snapshot_timestamp_ms(rows), 0);
        }
    }
    if (dead != NULL) {
        p.dead_rows = MAX(lake_snapshot_row_count(dead), 0);
    }
    progress_schema(l, &p);
    *out_progress = p;
}
