/* SPDX-License-Identifier: MIT */
/* hot.c - see hot.h. */
#include "flow/hot.h"

#include "base/log.h"

enum {
    FIRST_PIECE_BYTES = 2 << 20, /* enough to see the columns of most topics */
    PIECE_BYTES = 64 << 20,      /* one INSERT */
    PARALLEL_EVENTS = 20000,     /* fewer are not worth a second thread */
    TRIM_ALWAYS_EVENTS = 20000,  /* keeping so few is done at once */
    REBUILDS_BEFORE_INFER = 2,
};

struct hot_part {
    int64_t oldest;   /* no row below */
    int64_t reached;  /* every row below, from the goal's `from` on */
    int64_t inferred; /* the accumulator has seen everything below; at least `reached` */
};

struct hot_rows {
    struct hot_rows_options options;
    struct infer *infer;            /* owned; NULL for dead letters */
    struct event_schema *committed; /* referenced */
    struct event_schema *schema;    /* referenced; the table's columns */
    char *table;                    /* owned; NULL: there is no table */
    uint64_t serial;
    struct hot_part *parts; /* owned */
    uint32_t part_count;
    uint64_t bytes;
};

err hot_set_up(struct sql_conn *conn, struct errmsg *msg)
{
    return sql_exec(conn, "CREATE SCHEMA IF NOT EXISTS memory.hot", msg);
}

struct hot_rows *hot_rows_new(const struct hot_rows_options *options)
{
    struct hot_rows *h = xnew(struct hot_rows);
    h->options = *options;
    return h;
}

static void drop_table(struct hot_rows *h)
{
    if (h->table != NULL) {
        struct errmsg msg = {0};
        if (sql_execf(h->options.conn, &msg, "DROP TABLE IF EXISTS %s", h->table) != ERR_OK) {
            log_warn("hot rows were not dropped", "table=%s error=\"%s\"", h->table, msg.text);
        }
        free(h->table);
        h->table = NULL;
    }
    atomic_fetch_sub(&h->options.pool->bytes, h->bytes);
    h->bytes = 0;
}

void hot_rows_free(struct hot_rows *h)
{
    if (h == NULL) {
        return;
    }
    drop_table(h);
    infer_free(h->infer);
    event_schema_unref(h->committed);
    event_schema_unref(h->schema);
    free(h->parts);
    free(h);
}

static const struct col_def *columns_of(const struct hot_rows *h, size_t *out_count)
{
    if (h->options.is_dead) {
        *out_count = EVENT_DEAD_COUNT;
        return event_dead_columns();
    }
    *out_count = event_schema_full_count(h->schema);
    return event_schema_full(h->schema);
}

static char *new_table_name(struct hot_rows *h)
{
    return xasprintf("memory.hot.\"h%llu\"",
                     (unsigned long long)atomic_fetch_add(&h->options.pool->next_name, 1));
}

static void use_table(struct hot_rows *h, char *table)
{
    h->table = table;
    h->serial = atomic_fetch_add(&h->options.pool->next_name, 1) + 1;
}

/* An empty table with the schema's columns, starting at `from`. */
static err make_table(struct hot_rows *h, const int64_t *from, struct errmsg *msg)
{
    drop_table(h);
    size_t count = 0;
    const struct col_def *columns = columns_of(h, &count);
    AUTO_TEXT table = new_table_name(h);
    AUTO_BUF sql = buf_make(16 << 20);
    buf_printf(&sql, "CREATE TABLE %s (", table);
    for (size_t i = 0; i < count; i++) {
        buf_puts(&sql, i == 0 ? "" : ", ");
        sql_add_name(&sql, str_from(columns[i].name));
        buf_add_byte(&sql, ' ');
        col_def_sql(&columns[i], &sql);
    }
    buf_puts(&sql, ")");
    TRY(buf_check(&sql));
    TRY(sql_exec(h->options.conn, buf_cstr(&sql), msg));
    use_table(h, TAKE(table));
    for (uint32_t p = 0; p < h->part_count; p++) {
        h->parts[p].oldest = from[p];
        h->parts[p].reached = from[p];
        h->parts[p].inferred = MAX(h->parts[p].inferred, from[p]);
    }
    return ERR_OK;
}

/* The columns that everything seen so far asks for. */
static err wanted_schema(struct hot_rows *h, struct event_schema **out_schema, struct errmsg *msg)
{
    return infer_schema(h->infer, true, out_schema, msg);
}

static err begin_anew(struct hot_rows *h, const struct hot_goal *goal, struct errmsg *msg)
{
    drop_table(h);
    if (!h->options.is_dead) {
        infer_free(h->infer);
        h->infer = NULL;
        TRY(infer_new(goal->committed, &h->infer));
        struct event_schema *schema = NULL;
        TRY(wanted_schema(h, &schema, msg));
        event_schema_unref(h->schema);
        h->schema = schema;
    }
    event_schema_unref(h->committed);
    h->committed = event_schema_ref(goal->committed);
    for (uint32_t p = 0; p < h->part_count; p++) {
        h->parts[p].inferred = goal->from[p];
    }
    return make_table(h, goal->from, msg);
}

static void adopt_partitions(struct hot_rows *h, const struct hot_goal *goal)
{
    uint32_t count = goal->meta->partition_count;
    if (count == h->part_count) {
        return;
    }
    if (count < h->part_count) {
        drop_table(h); /* another topic of the same name: begin anew */
    }
    h->parts = xrealloc(h->parts, MAX(count, 1), sizeof *h->parts);
    for (uint32_t p = h->part_count; p < count; p++) {
        h->parts[p] = (struct hot_part){goal->from[p], goal->from[p], goal->from[p]};
    }
    h->part_count = count;
}

static bool same_columns(const struct event_schema *a, const struct event_schema *b)
{
    size_t count = event_schema_full_count(a);
    if (count != event_schema_full_count(b)) {
        return false;
    }
    const struct col_def *x = event_schema_full(a);
    const struct col_def *y = event_schema_full(b);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(x[i].name, y[i].name) != 0 || !col_def_same_type(&x[i], &y[i])) {
            return false;
        }
    }
    return true;
}

/* Columns were committed. When they are what the table has, in its order, its rows are what they
 * would be if they were decoded again: inference gave each column a type that held all its values.
 * Otherwise committed stays what it was, and the table is stale. */
static err adopt_committed(struct hot_rows *h, const struct hot_goal *goal, struct errmsg *msg)
{
    if (h->table == NULL || h->options.is_dead ||
        event_schema_equal(h->committed, goal->committed)) {
        return ERR_OK;
    }
    AUTO(infer) fresh = NULL;
    TRY(infer_new(goal->committed, &fresh));
    struct event_schema *schema = NULL;
    TRY(infer_schema(fresh, true, &schema, msg));
    if (!same_columns(schema, h->schema)) {
        event_schema_unref(schema);
        return ERR_OK;
    }
    infer_free(h->infer);
    h->infer = TAKE(fresh);
    event_schema_unref(h->schema);
    h->schema = schema;
    event_schema_unref(h->committed);
    h->committed = event_schema_ref(goal->committed);
    return ERR_OK;
}

/* True when the table may not be kept: other columns were committed, or the offsets went back. */
static bool is_stale(const struct hot_rows *h, const struct hot_goal *goal)
{
    if (h->table == NULL ||
        (!h->options.is_dead && !event_schema_equal(h->committed, goal->committed))) {
        return true;
    }
    for (uint32_t p = 0; p < h->part_count; p++) {
        if (goal->from[p] < h->parts[p].oldest || goal->ends[p] < h->parts[p].reached) {
            return true;
        }
    }
    return false;
}

/* Offsets held that are landed by now, and that are not. */
static void count_landed(const struct hot_rows *h, const int64_t *from, int64_t *out_landed,
                         int64_t *out_kept)
{
    *out_landed = 0;
    *out_kept = 0;
    for (uint32_t p = 0; p < h->part_count; p++) {
        const struct hot_part *part = &h->parts[p];
        int64_t border = MIN(MAX(from[p], part->oldest), part->reached);
        *out_landed += border - part->oldest;
        *out_kept += part->reached - border;
    }
}

bool hot_rows_has_landed(const struct hot_rows *h, const int64_t *from)
{
    int64_t landed = 0;
    int64_t kept = 0;
    count_landed(h, from, &landed, &kept);
    return landed > 0;
}

/* Copies what is not landed into a fresh table. */
static err copy_kept(struct hot_rows *h, const struct hot_goal *goal, double share,
                     struct errmsg *msg)
{
    AUTO_TEXT table = new_table_name(h);
    AUTO_BUF sql = buf_make(1 << 20);
    buf_printf(&sql, "CREATE TABLE %s AS FROM %s WHERE _offset >= ([", table, h->table);
    for (uint32_t p = 0; p < h->part_count; p++) {
        buf_printf(&sql, "%s%lld", p == 0 ? "" : ",", (long long)goal->from[p]);
    }
    buf_puts(&sql, "]::BIGINT[])[_partition + 1]");
    TRY(buf_check(&sql));
    TRY(sql_exec(h->options.conn, buf_cstr(&sql), msg));
    uint64_t bytes = (uint64_t)((double)h->bytes * share);
    drop_table(h);
    h->bytes = bytes;
    atomic_fetch_add(&h->options.pool->bytes, bytes);
    use_table(h, TAKE(table));
    return ERR_OK;
}

static uint64_t room_left(const struct hot_rows *h)
{
    uint64_t used = atomic_load(&h->options.pool->bytes);
    return used >= h->options.pool->bytes_max ? 0 : h->options.pool->bytes_max - used;
}

static err trim(struct hot_rows *h, const struct hot_goal *goal, struct errmsg *msg)
{
    int64_t landed = 0;
    int64_t kept = 0;
    count_landed(h, goal->from, &landed, &kept);
    bool worth = landed > 0 && (landed >= kept || kept <= TRIM_ALWAYS_EVENTS || room_left(h) == 0);
    if (worth && kept > 0) {
        err e = copy_kept(h, goal, (double)kept / (double)(landed + kept), msg);
        for (uint32_t p = 0; p < h->part_count && e == ERR_OK; p++) {
            h->parts[p].oldest = MAX(h->parts[p].oldest, goal->from[p]);
        }
        TRY(e == ERR_NOMEM ? ERR_OK : e); /* the old table will do for now */
    } else if (worth) {
        TRY(make_table(h, goal->from, msg));
    }
    for (uint32_t p = 0; p < h->part_count; p++) {
        struct hot_part *part = &h->parts[p];
        if (part->reached == part->oldest) {
            part->oldest = MAX(part->oldest, goal->from[p]); /* it has no rows */
        }
        part->reached = MAX(part->reached, goal->from[p]);
        part->inferred = MAX(part->inferred, goal->from[p]);
    }
    return ERR_OK;
}

/* ---- reading the log ---- */

enum stretch { STRETCH_NEW, STRETCH_UNINFERRED };

/* The ranges that are left up to the goal; the caller frees them. Returns the offsets in them. */
static int64_t ranges_left(const struct hot_rows *h, const int64_t *ends, enum stretch stretch,
                           struct log_range **out_ranges, size_t *out_count)
{
    struct log_range *ranges = xnew_array(struct log_range, MAX(h->part_count, 1));
    size_t count = 0;
    int64_t events = 0;
    for (uint32_t p = 0; p < h->part_count; p++) {
        const struct hot_part *part = &h->parts[p];
        int64_t from = stretch == STRETCH_NEW ? part->reached : part->inferred;
        if (from < ends[p]) {
            ranges[count++] = (struct log_range){.partition = p, .from = from, .end = ends[p]};
            events += ends[p] - from;
        }
    }
    *out_ranges = ranges;
    *out_count = count;
    return events;
}

static err open_source(const struct hot_rows *h, const struct hot_goal *goal, enum stretch stretch,
                       enum log_source_mode mode, uint64_t bytes_max,
                       struct log_source **out_source, struct log_range **out_ranges,
                       struct errmsg *msg)
{
    size_t count = 0;
    int64_t events = ranges_left(h, goal->ends, stretch, out_ranges, &count);
    struct log_source_options options = {
        .topic_dir = goal->topic_dir,
        .meta = goal->meta,
        .schema = mode == LOG_SOURCE_ROWS ? h->schema : h->committed,
        .committed = h->committed,
        .mode = mode,
        .ranges = *out_ranges,
        .range_count = count,
        .threads_max = events < PARALLEL_EVENTS ? 1 : h->options.threads,
        .bytes_max = bytes_max,
        .infer = mode == LOG_SOURCE_ROWS,
        .cancel = goal->cancel,
    };
    return log_source_new(&options, out_source, msg);
}

static bool is_behind(const struct hot_rows *h, const int64_t *ends)
{
    for (uint32_t p = 0; p < h->part_count; p++) {
        if (h->parts[p].reached < ends[p]) {
            return true;
        }
    }
    return false;
}

bool hot_rows_has_tail(const struct hot_rows *h, const int64_t *ends)
{
    return is_behind(h, ends);
}

/* Names the partition where the log is damaged or cut. */
static err name_partition(const struct log_source *source, const struct log_range *ranges, err e,
                          struct errmsg *msg)
{
    ptrdiff_t index = log_source_failed_range(source);
    if (e == ERR_OK || index < 0) {
        return e;
    }
    return errmsg_wrap(msg, e, "partition %u", ranges[index].partition);
}

static err insert_from(struct hot_rows *h, struct log_source *source, struct errmsg *msg)
{
    uint64_t id = 0;
    TRY(log_source_register(source, h->options.engine, &id, msg));
    err e = sql_execf(h->options.conn, msg, "INSERT INTO %s FROM tarn_source(%llu)", h->table,
                      (unsigned long long)id);
    sql_source_unregister(h->options.engine, id);
    return e;
}

/* Takes over what a source has noted; *out_changed when the columns have to be others. */
static err take_notes(struct hot_rows *h, struct log_source *source, bool *out_changed,
                      struct errmsg *msg)
{
    if (h->options.is_dead) {
        *out_changed = false;
        return ERR_OK;
    }
    TRY(infer_merge(h->infer, log_source_infer(source)));
    struct event_schema *wanted = NULL;
    TRY(wanted_schema(h, &wanted, msg));
    *out_changed = !event_schema_equal(wanted, h->schema);
    if (*out_changed) {
        drop_table(h); /* what it holds was decoded by other columns */
        event_schema_unref(h->schema);
        h->schema = wanted;
    } else {
        event_schema_unref(wanted);
    }
    return ERR_OK;
}

/* Adds the next stretch of log. */
static err add_piece(struct hot_rows *h, const struct hot_goal *goal, bool *out_changed,
                     struct errmsg *msg)
{
    uint64_t bytes_max = MIN(room_left(h), (uint64_t)PIECE_BYTES);
    if (h->bytes == 0) {
        bytes_max = MIN(bytes_max, (uint64_t)FIRST_PIECE_BYTES);
    }
    struct log_range *ranges = NULL;
    AUTO(log_source) source = NULL;
    enum log_source_mode mode = h->options.is_dead ? LOG_SOURCE_DEAD : LOG_SOURCE_ROWS;
    err e = open_source(h, goal, STRETCH_NEW, mode, bytes_max, &source, &ranges, msg);
    if (e == ERR_OK) {
        e = name_partition(source, ranges, insert_from(h, source, msg), msg);
    }
    if (e == ERR_OK) {
        uint64_t bytes = log_source_counts(source).bytes;
        if (h->options.is_dead) {
            bytes = bytes / 64 + 1; /* few of the records that were read are held */
        }
        h->bytes += bytes;
        atomic_fetch_add(&h->options.pool->bytes, bytes);
        size_t index = 0;
        for (uint32_t p = 0; p < h->part_count; p++) {
            struct hot_part *part = &h->parts[p];
            if (part->reached < goal->ends[p]) {
                part->reached = log_source_reached(source, index++);
                part->inferred = MAX(part->inferred, part->reached);
            }
        }
        e = take_notes(h, source, out_changed, msg);
        if (e != ERR_OK) {
            drop_table(h); /* what came in may ask for other columns */
        }
    }
    free(ranges);
    return e;
}

/* Notes what everything up to the ends asks for, where that has not been seen yet. */
static err infer_rest(struct hot_rows *h, const struct hot_goal *goal, bool *out_changed,
                      struct errmsg *msg)
{
    *out_changed = false;
    if (h->options.is_dead) {
        return ERR_OK;
    }
    struct log_range *ranges = NULL;
    AUTO(log_source) source = NULL;
    err e = open_source(h, goal, STRETCH_UNINFERRED, LOG_SOURCE_INFER, 0, &source, &ranges, msg);
    if (e == ERR_OK) {
        e = name_partition(source, ranges, log_source_scan(source, msg), msg);
    }
    free(ranges);
    TRY(e);
    TRY(take_notes(h, source, out_changed, msg));
    for (uint32_t p = 0; p < h->part_count; p++) {
        h->parts[p].inferred = MAX(h->parts[p].inferred, goal->ends[p]);
    }
    return ERR_OK;
}

static bool is_uninferred(const struct hot_rows *h, const int64_t *ends)
{
    bool behind = false;
    for (uint32_t p = 0; p < h->part_count; p++) {
        behind = behind || h->parts[p].inferred < ends[p];
    }
    return behind && !h->options.is_dead;
}

static err extend(struct hot_rows *h, const struct hot_goal *goal, struct errmsg *msg)
{
    unsigned rebuilds = 0;
    bool has_room = true;
    for (;;) {
        bool changed = false;
        if (is_behind(h, goal->ends) && has_room && room_left(h) > 0) {
            err e = add_piece(h, goal, &changed, msg);
            /* Without memory for them the rest of the rows is left to the statements to scan. */
            has_room = e != ERR_NOMEM || h->table == NULL;
            TRY(has_room ? e : ERR_OK);
        } else if (is_uninferred(h, goal->ends)) {
            TRY(infer_rest(h, goal, &changed, msg));
        } else {
            return ERR_OK;
        }
        if (changed && ++rebuilds >= REBUILDS_BEFORE_INFER) {
            TRY(infer_rest(h, goal, &changed, msg)); /* so that no piece brings a surprise */
            changed = true;
        }
        if (changed) {
            TRY(make_table(h, goal->from, msg));
        }
    }
}

err hot_rows_advance(struct hot_rows *h, const struct hot_goal *goal, struct errmsg *msg)
{
    ASSERT(goal->committed != NULL);
    adopt_partitions(h, goal);
    for (uint32_t p = 0; p < h->part_count; p++) {
        ASSERT(goal->ends[p] >= goal->from[p]);
    }
    TRY(adopt_committed(h, goal, msg));
    if (is_stale(h, goal)) {
        TRY(begin_anew(h, goal, msg));
    }
    TRY(trim(h, goal, msg));
    err e = extend(h, goal, msg);
    if (e != ERR_OK && h->table == NULL) {
        h->serial = 0;
    }
    return e;
}

/* ---- what readers need ---- */

const char *hot_rows_table(const struct hot_rows *h)
{
    return h->table;
}

struct event_schema *hot_rows_schema(const struct hot_rows *h)
{
    return h->schema;
}

uint64_t hot_rows_serial(const struct hot_rows *h)
{
    return h->serial;
}

uint64_t hot_rows_bytes(const struct hot_rows *h)
{
    return h->bytes;
}

err hot_rows_tail(const struct hot_rows *h, const struct hot_goal *goal,
                  struct log_source **out_source, struct errmsg *msg)
{
    struct log_range *ranges = NULL;
    enum log_source_mode mode = h->options.is_dead ? LOG_SOURCE_DEAD : LOG_SOURCE_ROWS;
    err e = open_source(h, goal, STRETCH_NEW, mode, 0, out_source, &ranges, msg);
    free(ranges);
    return e;
}
