/* SPDX-License-Identifier: MIT */
/* land_round.c - one landing: choose ranges, grow the schema, COPY, publish, commit; then the same
 * for dead letters. See land.h for the invariants.
 *
 * The byte limit of a commit is enforced while reading (log_source), so a round first reads and
 * then knows which offsets it reached. When the records turn out to hold fields without a column,
 * the COPY is thrown away, the columns are inferred over all that is acknowledged, and the COPY
 * starts again: rare, and the only way that no committed file lacks a value. */
#include "flow/land_int.h"

#include "base/log.h"
#include "base/seeded.h"
#include "flow/land_files.h"
#include "os/clock.h"
#include "os/file.h"

enum {
    GROW_ATTEMPTS = EVENT_COLUMNS_MAX + 8, /* each adds at least one column */
    GROUP_ROWS_MIN = 4096,                 /* of a Parquet row group */
    GROUP_ROWS_MAX = 122880,
};

/* What one commit of a table says. */
struct landing {
    enum land_which which;
    struct land_files *files;    /* borrowed; NULL: nothing but the txns */
    const int64_t *next;         /* per partition: the offset after the last one it covers */
    struct event_schema *schema; /* borrowed; ROWS: the table's columns after it */
    struct log_source_counts counts;
    int64_t began_us;
};

/* ---- ranges ---- */

static int64_t end_of(const struct lander *l, const int64_t *ends, uint32_t partition)
{
    int64_t end = l->ends[partition];
    return ends == NULL ? end : MIN(end, ends[partition]);
}

/* What lies between the table and `ends`; `ranges` has room for every partition. */
static size_t pick_ranges(struct lander *l, const int64_t *ends, struct log_range *ranges)
{
    size_t count = 0;
    uint32_t first = l->rotation++;
    for (uint32_t i = 0; i < l->partition_count; i++) {
        uint32_t partition = (first + i) % l->partition_count;
        int64_t from = MAX(l->tables[LAND_ROWS].next[partition], l->starts[partition]);
        int64_t end = end_of(l, ends, partition);
        if (from < end && !l->blocked[partition]) {
            ranges[count++] = (struct log_range){partition, from, end};
        }
    }
    return count;
}

/* A partition whose log cannot be read is left out from the next round on. */
static void block_failed(struct lander *l, struct log_source *source,
                         const struct log_range *ranges, const struct errmsg *msg)
{
    ptrdiff_t index = log_source_failed_range(source);
    if (index >= 0) {
        l->blocked[ranges[index].partition] = true;
        (void)errmsg_set(&l->blocked_why, ERR_CORRUPT, "partition %u: %s", ranges[index].partition,
                         msg == NULL ? "damaged" : msg->text);
    }
}

/* ---- COPY ---- */

/* The table's partition columns, NUL-terminated. */
struct partition_columns {
    char *names[SQL_PARTITION_COLUMNS_MAX]; /* owned */
    size_t count;
};

static void partition_columns_free(struct partition_columns *columns)
{
    for (size_t i = 0; i < columns->count; i++) {
        free(columns->names[i]);
    }
    columns->count = 0;
}

static void add_partition_column(struct partition_columns *columns, struct str name)
{
    if (columns->count < SQL_PARTITION_COLUMNS_MAX) {
        columns->names[columns->count++] = xstrndup(name.ptr, name.len);
    }
}

/* As the table has it; for a new one as the topic declares it. */
static struct partition_columns partition_columns_of(const struct lander *l, enum land_which which)
{
    struct partition_columns columns = {0};
    const struct lake_snapshot *snapshot = l->tables[which].snapshot;
    const struct topic_settings *settings = &l->meta.settings;
    if (snapshot != NULL) {
        const struct lake_metadata *metadata = lake_snapshot_metadata(snapshot);
        for (size_t i = 0; i < metadata->partition_column_count; i++) {
            add_partition_column(&columns, metadata->partition_columns[i]);
        }
    } else if (which == LAND_ROWS && settings->partition_by != NULL) {
        for (size_t i = 0; i < settings->partition_by_count; i++) {
            add_partition_column(&columns, str_from(settings->partition_by[i]));
        }
    } else {
        add_partition_column(&columns, STR("_date"));
    }
    return columns;
}

/* A COPY encodes a row group on the thread that read its rows only when they fill at least half of
 * one; what is less is collected and encoded by a single thread at the end. So with many files the
 * groups are made as large as the share of one thread and file will be, by the last landing. */
static uint64_t group_rows(const struct lander *l, const struct log_range *ranges, size_t count)
{
    double rows = 0;
    for (size_t i = 0; i < count; i++) {
        rows += (double)(ranges[i].end - ranges[i].from);
    }
    if (l->bytes_per_event > 0) {
        rows = MIN(rows, (double)l->commit_bytes / l->bytes_per_event);
    }
    double share = rows / MAX(l->file_spread, 1) / MAX(l->threads, 1);
    return (uint64_t)MIN(MAX(share, GROUP_ROWS_MIN), GROUP_ROWS_MAX);
}

/* Reads the source into Parquet files in the staging folder. `rows_per_group`: 0 for the default.
 */
static err copy_source(struct lander *l, enum land_which which, struct log_source *source,
                       uint64_t rows_per_group, struct land_files *files, struct errmsg *msg)
{
    struct sql_engine *engine = sql_conn_engine(l->conn);
    uint64_t id = 0;
    TRY(log_source_register(source, engine, &id, msg));
    char sql[64];
    (void)snprintf(sql, sizeof sql, "SELECT * FROM tarn_source(%llu)",
                   (unsigned long long)id); /* fits */
    struct partition_columns columns = partition_columns_of(l, which);
    const char *names[SQL_PARTITION_COLUMNS_MAX];
    for (size_t i = 0; i < columns.count; i++) {
        names[i] = columns.names[i];
    }
    struct sql_copy_options options = {
        .select_sql = sql,
        .target_dir = land_files_dir(files),
        .partition_columns = names,
        .partition_count = columns.count,
        .row_group_rows = rows_per_group,
    };
    uint64_t rows = 0;
    err e = sql_copy_partitioned(l->conn, &options, land_files_note, files, &rows, msg);
    sql_source_unregister(engine, id);
    partition_columns_free(&columns);
    if (e == ERR_OK) {
        struct log_source_counts counts = log_source_counts(source);
        ASSERT(rows == (which == LAND_DEAD ? counts.dead : counts.rows));
    }
    return e;
}

static err open_source(struct lander *l, enum log_source_mode mode, struct event_schema *schema,
                       const struct log_range *ranges, size_t count, struct log_source **out_source,
                       struct errmsg *msg)
{
    struct log_source_options options = {
        .topic_dir = l->topic_dir,
        .meta = &l->meta,
        .schema = schema,
        .mode = mode,
        .ranges = ranges,
        .range_count = count,
        .threads_max = l->threads,
        .bytes_max = mode == LOG_SOURCE_INFER ? l->infer_bytes : l->commit_bytes,
        .stop_at_new_columns = mode == LOG_SOURCE_ROWS,
        .cancel = l->cancel,
    };
    return log_source_new(&options, out_source, msg);
}

/* ---- schema growth ---- */

/* Types the fields without a column over all that is acknowledged, not just over what is landed. */
static err grow_schema(struct lander *l, struct event_schema **schema, struct errmsg *msg)
{
    struct log_range *ranges = xnew_array(struct log_range, l->partition_count);
    size_t count = pick_ranges(l, NULL, ranges);
    AUTO(log_source) source = NULL;
    struct event_schema *grown = NULL;
    err e = open_source(l, LOG_SOURCE_INFER, *schema, ranges, count, &source, msg);
    if (e == ERR_OK) {
        e = log_source_scan(source, msg);
        if (e != ERR_OK) {
            block_failed(l, source, ranges, msg);
        }
    }
    if (e == ERR_OK) {
        e = infer_schema(log_source_infer(source), false, &grown, msg);
    }
    free(ranges);
    if (e == ERR_OK) {
        event_schema_unref(*schema);
        *schema = grown;
    }
    return e;
}

/* ---- commit ---- */

static void set_txns(struct lander *l, struct lake_commit *commit, const struct landing *landing)
{
    for (uint32_t i = 0; i < l->partition_count; i++) {
        if (landing->next[i] > l->tables[landing->which].next[i]) {
            char id[LAND_APP_ID_BYTES];
            int64_t last = landing->next[i] - 1;
            lake_commit_set_txn(commit, land_app_id(l->uuid, i, id),
                                SEEDED_BUG(SEEDED_TXN_OFF_BY_ONE) ? last + 1 : last);
        }
    }
}

static void describe_commit(struct lander *l, struct lake_commit *commit,
                            const struct landing *landing)
{
    AUTO_BUF text = buf_make(4096);
    buf_add_json_string(&text, str_from(l->topic));
    lake_commit_parameter(commit, "topic", buf_str(&text));
    lake_commit_parameter(commit, "mode", STR("\"Append\""));
    lake_commit_metric(commit, "logBytes", (int64_t)landing->counts.bytes);
    lake_commit_metric(commit, "deadRecords", (int64_t)landing->counts.dead);
    lake_commit_metric(commit, "rescuedRows", (int64_t)landing->counts.rescued_rows);
    lake_commit_metric(commit, "landingMs", (os_mono_us() - landing->began_us) / 1000);
}

static void create_table(struct lander *l, struct lake_commit *commit, enum land_which which)
{
    struct partition_columns columns = partition_columns_of(l, which);
    struct str names[SQL_PARTITION_COLUMNS_MAX];
    for (size_t i = 0; i < columns.count; i++) {
        names[i] = str_from(columns.names[i]);
    }
    lake_commit_create_table(commit, str_from(l->tables[which].name),
                             which == LAND_DEAD ? STR("records that are no events")
                                                : STR("events of a topic"),
                             names, columns.count);
    lake_commit_set_config(commit, STR(LAND_TOPIC_KEY), str_from(l->topic));
    lake_commit_set_config(commit, STR(LAND_TOPIC_UUID_KEY), str_from(l->uuid));
    partition_columns_free(&columns);
}

static err plan_commit(struct lander *l, struct lake_commit *commit, const struct landing *landing,
                       struct errmsg *msg)
{
    bool created = l->tables[landing->which].snapshot == NULL;
    if (created) {
        create_table(l, commit, landing->which);
    }
    AUTO_BUF tags = buf_make(4096);
    if (landing->which == LAND_ROWS) {
        TRY(land_schema_commit(commit, l->in_table, landing->schema, msg));
        land_schema_tag(event_schema_full(landing->schema),
                        event_schema_full_count(landing->schema), &tags);
    } else {
        if (created) {
            TRY(land_dead_commit(commit, msg));
        }
        land_schema_tag(event_dead_columns(), EVENT_DEAD_COUNT, &tags);
    }
    if (landing->files != NULL) {
        TRY(land_files_publish(landing->files, commit, buf_str(&tags), msg));
    }
    if (created) { /* the folder's own name; an earlier attempt may have made it and died */
        TRY(os_mkdirs(l->tables[landing->which].dir, msg));
        TRY(os_fsync_dir(l->bronze_dir, msg));
    }
    set_txns(l, commit, landing);
    describe_commit(l, commit, landing);
    return ERR_OK;
}

/* Publishes and commits. On success the table of the lander is the new version. */
static err commit_landing(struct lander *l, const struct landing *landing, struct errmsg *msg)
{
    struct land_table *table = &l->tables[landing->which];
    AUTO(lake_commit) commit = lake_commit_new("STREAMING UPDATE");
    err e = plan_commit(l, commit, landing, msg);
    if (e != ERR_OK) {
        if (landing->files != NULL) {
            land_files_discard(landing->files);
        }
        return e;
    }
    int64_t commit_began_us = os_mono_us();
    AUTO(lake_snapshot) snapshot = NULL;
    struct lake_commit_result result = {0};
    e = lake_commit_run(commit, table->dir, table->snapshot, l->parquet, &snapshot, &result, msg);
    if (e != ERR_OK) {
        /* After any other error the commit may be there; loading the table finds out, and
         * land_files_recover() removes what it does not name. */
        if ((e == ERR_CONFLICT || e == ERR_EXISTS) && landing->files != NULL) {
            land_files_discard(landing->files);
        }
        return errmsg_wrap(msg, e, "commit to %s", table->name);
    }
    metric_observe_us(l->metrics.commit, (uint64_t)(os_mono_us() - commit_began_us));
    if (result.upkeep.text[0] != '\0') {
        log_debug("upkeep of a table", "table=%s detail=\"%s\"", table->name, result.upkeep.text);
    }
    land_table_set(l, landing->which, TAKE(snapshot));
    if (landing->files != NULL) {
        metric_add(l->metrics.files, (int64_t)land_files_count(landing->files));
        metric_add(l->metrics.file_bytes, (int64_t)land_files_bytes(landing->files));
        land_files_finish(landing->files);
    }
    l->last_commit_ms = os_now_ms();
    return ERR_OK;
}

/* ---- rows ---- */

static void count_misfits(struct lander *l, const struct event_schema *schema,
                          const struct log_source_counts *counts)
{
    for (size_t i = 0; i < counts->misfit_count; i++) {
        if (counts->misfits[i] == 0) {
            continue;
        }
        AUTO_BUF labels = buf_make(4096);
        buf_printf(&labels, "%s,column=\"", l->labels);
        struct str name = event_schema_column(schema, i)->name;
        for (size_t j = 0; j < name.len; j++) {
            if (name.ptr[j] == '"' || name.ptr[j] == '\\') {
                buf_add_byte(&labels, '\\');
            }
            buf_add_byte(&labels, name.ptr[j]);
        }
        buf_puts(&labels, "\"");
        metric_add(metric_get(METRIC_COUNTER, "tarn_rescued_values_total", buf_cstr(&labels),
                              "Values that did not fit their column and went to _rescued"),
                   (int64_t)counts->misfits[i]);
    }
}

/* What is known about dead records after rows [range.from, reached) were landed. */
static void note_dead_spans(struct lander *l, const struct log_range *ranges, size_t count,
                            const struct landing *landing)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t partition = ranges[i].partition;
        int64_t reached = landing->next[partition];
        if (l->dead_clean[partition] < ranges[i].from) {
            l->dead_spans[partition].end = INT64_MAX; /* something older waits: look at all of it */
        } else if (landing->counts.dead_by_range[i] == 0) {
            l->dead_clean[partition] = reached;
        } else {
            l->dead_spans[partition] = landing->counts.dead_spans[i];
        }
    }
}

static void rows_landed(struct lander *l, const struct log_range *ranges, size_t count,
                        const struct landing *landing)
{
    const struct log_source_counts *counts = &landing->counts;
    note_dead_spans(l, ranges, count, landing);
    count_misfits(l, landing->schema, counts);
    l->rescued += (int64_t)counts->rescued_rows;
    l->dead_rounds++;
    l->commit_took_us = os_mono_us() - landing->began_us;
    metric_add(l->metrics.events, (int64_t)counts->rows);
    metric_add(l->metrics.log_bytes, (int64_t)counts->bytes);
    metric_observe_us(l->metrics.landing, (uint64_t)l->commit_took_us);
}

/* COPY and commit with the schema as it is. *out_grow: failed because it lacks columns. */
static err try_rows(struct lander *l, const struct log_range *ranges, size_t count,
                    struct event_schema *schema, int64_t began_us, bool *out_grow,
                    struct errmsg *msg)
{
    AUTO(log_source) source = NULL;
    AUTO(land_files) files = NULL;
    TRY(open_source(l, LOG_SOURCE_ROWS, schema, ranges, count, &source, msg));
    TRY(land_files_begin(l->tables[LAND_ROWS].dir, &files, msg));
    err e = copy_source(l, LAND_ROWS, source, group_rows(l, ranges, count), files, msg);
    struct event_schema *final = NULL;
    if (e == ERR_OK) { /* fields seen only as null come without another pass */
        e = infer_schema(log_source_infer(source), false, &final, msg);
    } else {
        block_failed(l, source, ranges, msg);
        *out_grow = log_source_wants_columns(source);
    }
    if (e != ERR_OK) {
        land_files_discard(files);
        return e;
    }
    int64_t *next = xnew_array(int64_t, l->partition_count);
    memcpy(next, l->tables[LAND_ROWS].next, l->partition_count * sizeof *next);
    for (size_t i = 0; i < count; i++) {
        next[ranges[i].partition] = log_source_reached(source, i);
    }
    struct landing landing = {.which = LAND_ROWS,
                              .files = files,
                              .next = next,
                              .schema = final,
                              .counts = log_source_counts(source),
                              .began_us = began_us};
    e = commit_landing(l, &landing, msg);
    if (e == ERR_OK) {
        rows_landed(l, ranges, count, &landing);
        l->file_spread = land_files_spread(files);
        e = land_schema_refresh(l, msg);
    }
    event_schema_unref(final);
    free(next);
    return e;
}

static err land_rows(struct lander *l, const struct log_range *ranges, size_t count,
                     struct errmsg *msg)
{
    int64_t began_us = os_mono_us();
    struct event_schema *schema = event_schema_ref(l->schema);
    bool grow = event_schema_count(schema) == 0;
    err e = ERR_OK;
    for (int attempt = 0; attempt < GROW_ATTEMPTS; attempt++) {
        e = grow ? grow_schema(l, &schema, msg) : ERR_OK;
        if (e != ERR_OK) {
            break;
        }
        grow = false;
        e = try_rows(l, ranges, count, schema, began_us, &grow, msg);
        if (e == ERR_OK || !grow) {
            break;
        }
    }
    event_schema_unref(schema);
    return e;
}

/* ---- dead letters ---- */

/* Where dead records can be that are not in their table. What cannot hold any becomes clean. */
static size_t pick_dead_ranges(struct lander *l, struct log_range *ranges)
{
    size_t count = 0;
    for (uint32_t i = 0; i < l->partition_count; i++) {
        int64_t next = l->tables[LAND_ROWS].next[i];
        if (l->dead_clean[i] >= next || l->blocked[i]) {
            continue;
        }
        int64_t from = MAX(MAX(l->dead_clean[i], l->dead_spans[i].from), l->starts[i]);
        int64_t end = MIN(next, l->dead_spans[i].end);
        if (from < end) {
            ranges[count++] = (struct log_range){i, from, end};
        } else {
            l->dead_clean[i] = next;
        }
    }
    return count;
}

static bool dead_txn_is_behind(const struct lander *l)
{
    for (uint32_t i = 0; i < l->partition_count; i++) {
        if (l->dead_clean[i] > l->tables[LAND_DEAD].next[i]) {
            return true;
        }
    }
    return false;
}

static err commit_dead(struct lander *l, struct land_files *files,
                       const struct log_source_counts *counts, const int64_t *clean,
                       int64_t began_us, int64_t now_ms, struct errmsg *msg)
{
    struct landing landing = {
        .which = LAND_DEAD, .files = files, .next = clean, .began_us = began_us};
    if (counts != NULL) {
        landing.counts = *counts;
    }
    TRY(commit_landing(l, &landing, msg));
    memcpy(l->dead_clean, clean, l->partition_count * sizeof *clean);
    l->dead_rounds = 0;
    l->dead_commit_ms = now_ms;
    for (int i = 1; i < EVENT_CODE_COUNT; i++) {
        metric_add(l->metrics.dead[i], (int64_t)landing.counts.dead_by_reason[i]);
    }
    return ERR_OK;
}

/* One COPY over the ranges. Commits when there are dead records. */
static err try_dead(struct lander *l, const struct log_range *ranges, size_t count, int64_t now_ms,
                    struct errmsg *msg)
{
    int64_t began_us = os_mono_us();
    AUTO(log_source) source = NULL;
    AUTO(land_files) files = NULL;
    TRY(open_source(l, LOG_SOURCE_DEAD, l->schema, ranges, count, &source, msg));
    TRY(land_files_begin(l->tables[LAND_DEAD].dir, &files, msg));
    err e = copy_source(l, LAND_DEAD, source, 0, files, msg);
    if (e != ERR_OK) {
        block_failed(l, source, ranges, msg);
        land_files_discard(files);
        return e;
    }
    int64_t *clean = xnew_array(int64_t, l->partition_count);
    memcpy(clean, l->dead_clean, l->partition_count * sizeof *clean);
    for (size_t i = 0; i < count; i++) {
        uint32_t partition = ranges[i].partition;
        int64_t reached = log_source_reached(source, i);
        /* Beyond the last span there is nothing dead up to the table's own next offset. */
        clean[partition] =
            reached >= ranges[i].end ? l->tables[LAND_ROWS].next[partition] : reached;
    }
    struct log_source_counts counts = log_source_counts(source);
    if (counts.dead > 0) {
        e = commit_dead(l, files, &counts, clean, began_us, now_ms, msg);
    } else {
        land_files_discard(files);
        memcpy(l->dead_clean, clean, l->partition_count * sizeof *clean);
    }
    free(clean);
    return e;
}

/* Brings the dead-letter table to where the rows' table is. */
static err land_dead(struct lander *l, bool flush, int64_t now_ms, struct errmsg *msg)
{
    struct log_range *ranges = xnew_array(struct log_range, l->partition_count);
    err e = ERR_OK;
    for (size_t count; e == ERR_OK && (count = pick_dead_ranges(l, ranges)) > 0;) {
        e = try_dead(l, ranges, count, now_ms, msg);
    }
    free(ranges);
    TRY(e);
    if (l->dead_commit_ms == 0) {
        l->dead_commit_ms = now_ms;
    }
    bool due =
        flush || l->dead_rounds >= LAND_DEAD_ROUNDS || now_ms - l->dead_commit_ms >= LAND_DEAD_MS;
    if (!due || !dead_txn_is_behind(l)) {
        return ERR_OK;
    }
    int64_t *clean = xnew_array(int64_t, l->partition_count);
    memcpy(clean, l->dead_clean, l->partition_count * sizeof *clean);
    e = commit_dead(l, NULL, NULL, clean, os_mono_us(), now_ms, msg);
    free(clean);
    return e;
}

/* ---- a round ---- */

/* Takes what other programs have committed since. */
static err refresh(struct lander *l, struct errmsg *msg)
{
    for (int i = 0; i < LAND_TABLES; i++) {
        struct land_table *table = &l->tables[i];
        if (table->snapshot == NULL) {
            continue;
        }
        struct lake_snapshot *snapshot = NULL;
        TRY(lake_snapshot_refresh(table->snapshot, &snapshot, msg));
        bool changed = snapshot != table->snapshot;
        land_table_set(l, (enum land_which)i, snapshot);
        if (changed && i == LAND_ROWS) {
            TRY(land_schema_refresh(l, msg));
        }
    }
    return ERR_OK;
}

static bool has_more(const struct lander *l, const int64_t *ends)
{
    for (uint32_t i = 0; i < l->partition_count; i++) {
        int64_t next = MAX(l->tables[LAND_ROWS].next[i], l->starts[i]);
        if (!l->blocked[i] && next < end_of(l, ends, i)) {
            return true;
        }
    }
    return false;
}

err land_round(struct lander *l, const int64_t *ends, bool flush, int64_t now_ms, bool *out_more,
               struct errmsg *msg)
{
    TRY(refresh(l, msg));
    struct log_range *ranges = xnew_array(struct log_range, l->partition_count);
    size_t count = pick_ranges(l, ends, ranges);
    err e = count > 0 ? land_rows(l, ranges, count, msg) : ERR_OK;
    free(ranges);
    TRY(e);
    bool more = has_more(l, ends);
    TRY(land_dead(l, flush && !more, now_ms, msg));
    *out_more = more;
    return ERR_OK;
}
