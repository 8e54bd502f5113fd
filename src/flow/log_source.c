/* SPDX-License-Identifier: MIT */
/* log_source.c - see log_source.h.
 *
 * A partition's reader is used under the partition's lock: claim it, read one block, move the
 * position, let go; decoding happens outside. Threads begin at different partitions and prefer one
 * that nobody is reading, so that with several partitions nobody waits.
 *
 * A fill never crosses a block: the decoder may leave pointers into the block in the vectors, and
 * those must hold until the thread's next fill. */
#include "flow/log_source.h"

#include <pthread.h>

#include "base/seeded.h"
#include "flow/decode.h"
#include "os/process.h"
#include "topic/reader.h"

struct log_part {
    pthread_mutex_t lock;        /* guards reader and next */
    struct topic_reader *reader; /* owned */
    struct log_range range;
    int64_t next;
};

struct log_source {
    atomic_uint references;
    char *topic_dir; /* owned */
    struct topic_meta meta;
    struct event_schema *schema;    /* referenced */
    struct event_schema *committed; /* referenced; for inference */
    enum log_source_mode mode;
    struct log_part *parts; /* owned, part_count */
    size_t part_count;
    uint32_t threads_max;
    size_t block_bytes;
    uint64_t bytes_max;
    bool infers;
    bool stop_at_new_columns;
    const atomic_bool *cancel; /* borrowed */
    atomic_uint threads_open;
    atomic_uint next_start; /* where the next thread begins to look */
    atomic_ullong bytes;
    atomic_bool wants_columns;
    atomic_int failed_range; /* -1: none */

    pthread_mutex_t lock;          /* guards what follows */
    struct json_schema **declared; /* owned; per version of the meta, NULL until needed */
    struct infer *infer;           /* owned */
    uint64_t rows;
    uint64_t dead;
    uint64_t rescued_rows;
    uint64_t dead_by_reason[EVENT_CODE_COUNT];
    uint64_t *dead_by_range;      /* owned, part_count */
    struct log_range *dead_spans; /* owned, part_count */
    uint64_t *misfits;            /* owned, event columns */
};

/* One reading thread. */
struct log_thread {
    struct log_source *source;           /* referenced */
    struct decoder *decoder;             /* owned; of `version` */
    const struct topic_version *version; /* borrowed from the source's meta */
    uint32_t *projected;                 /* owned */
    size_t projected_count;
    size_t part_index; /* of the block, and where to look first for the next */
    struct buf block;
    size_t block_at;    /* of the next batch */
    int64_t block_from; /* offsets of the block */
    int64_t block_next;
    bool in_batch;
    struct batch_iter iter;
    struct infer *infer; /* owned; since the last merge */
    uint64_t dead_by_reason[EVENT_CODE_COUNT];
    uint64_t dead_in_part; /* since the block began */
    uint64_t dead;
};

/* ---- life cycle ---- */

static void source_unref(struct log_source *s)
{
    if (s == NULL || atomic_fetch_sub(&s->references, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < s->part_count; i++) {
        topic_reader_free(s->parts[i].reader);
        pthread_mutex_destroy(&s->parts[i].lock);
    }
    pthread_mutex_destroy(&s->lock);
    infer_free(s->infer);
    for (size_t i = 0; s->declared != NULL && i < s->meta.version_count; i++) {
        json_schema_unref(s->declared[i]);
    }
    free(s->declared);
    event_schema_unref(s->schema);
    event_schema_unref(s->committed);
    topic_meta_deinit(&s->meta);
    free(s->parts);
    free(s->topic_dir);
    free(s->dead_by_range);
    free(s->dead_spans);
    free(s->misfits);
    free(s);
}

void log_source_free(struct log_source *s)
{
    source_unref(s);
}

static err open_parts(struct log_source *s, const struct log_range *ranges, size_t count,
                      struct errmsg *msg)
{
    for (size_t i = 0; i < count; i++) {
        struct log_part *part = &s->parts[i];
        if (ranges[i].partition >= s->meta.partition_count || ranges[i].from > ranges[i].end) {
            return errmsg_set(msg, ERR_INVALID, "range of partition %u", ranges[i].partition);
        }
        part->range = ranges[i];
        part->next = ranges[i].from;
        AUTO_TEXT dir = xasprintf("%s/%u", s->topic_dir, ranges[i].partition);
        TRY(topic_reader_open(dir, &part->reader, msg));
    }
    return ERR_OK;
}

err log_source_new(const struct log_source_options *options, struct log_source **out_source,
                   struct errmsg *msg)
{
    ASSERT(options->schema != NULL);
    ASSERT(options->meta != NULL);
    AUTO(log_source) s = xnew(struct log_source);
    atomic_store(&s->references, 1);
    pthread_mutex_init(&s->lock, NULL);
    s->topic_dir = xstrdup(options->topic_dir);
    topic_meta_copy(options->meta, &s->meta);
    s->declared = xnew_array(struct json_schema *, s->meta.version_count);
    s->schema = event_schema_ref(options->schema);
    s->committed =
        event_schema_ref(options->committed != NULL ? options->committed : options->schema);
    s->mode = options->mode;
    s->threads_max = MIN(MAX(options->threads_max, 1), LOG_SOURCE_THREADS_MAX);
    s->block_bytes = options->block_bytes != 0 ? options->block_bytes : LOG_SOURCE_BLOCK_BYTES;
    s->bytes_max = options->bytes_max;
    s->stop_at_new_columns = options->stop_at_new_columns && s->mode == LOG_SOURCE_ROWS;
    s->infers = s->mode == LOG_SOURCE_INFER ||
                (s->mode == LOG_SOURCE_ROWS && (options->infer || s->stop_at_new_columns));
    s->cancel = options->cancel;
    s->part_count = options->range_count;
    s->parts = xnew_array(struct log_part, MAX(s->part_count, 1));
    s->dead_by_range = xnew_array(uint64_t, MAX(s->part_count, 1));
    s->dead_spans = xnew_array(struct log_range, MAX(s->part_count, 1));
    atomic_store(&s->failed_range, -1);
    s->misfits = xnew_array(uint64_t, MAX(event_schema_count(s->schema), 1));
    for (size_t i = 0; i < s->part_count; i++) {
        pthread_mutex_init(&s->parts[i].lock, NULL);
    }
    TRY(open_parts(s, options->ranges, options->range_count, msg));
    if (s->infers) {
        TRY(infer_new(s->committed, &s->infer));
    }
    *out_source = TAKE(s);
    return ERR_OK;
}

/* ---- one reading thread ---- */

/* Adds what the decoder counted to the source's totals. The rows that a decoder judged in INFER
 * mode count as rows too. */
static void take_decoder_counts(struct log_thread *t)
{
    struct log_source *s = t->source;
    if (t->decoder == NULL) {
        return;
    }
    struct decode_counts counts = decoder_counts(t->decoder);
    pthread_mutex_lock(&s->lock);
    s->rows += counts.rows;
    s->rescued_rows += counts.rescued_rows;
    for (size_t i = 0; i < event_schema_count(s->schema) && counts.misfits != NULL; i++) {
        s->misfits[i] += counts.misfits[i];
    }
    pthread_mutex_unlock(&s->lock);
    decoder_free(t->decoder);
    t->decoder = NULL;
}

static bool text_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Do two versions decode alike? The key is the door's business. */
static bool decodes_same(const struct topic_version *a, const struct topic_version *b)
{
    return a == b || (text_same(a->time_field, b->time_field) && text_same(a->schema, b->schema));
}

/* The schema declared by a version, compiled once a source; borrowed. NULL: none is. */
static err schema_of(struct log_source *s, const struct topic_version *version,
                     struct json_schema **out_schema, struct errmsg *msg)
{
    err e = ERR_OK;
    *out_schema = NULL;
    if (version->schema == NULL) {
        return ERR_OK;
    }
    pthread_mutex_lock(&s->lock);
    struct json_schema **place = &s->declared[version - s->meta.versions];
    if (*place == NULL) {
        struct json_schema_finding found;
        e = json_schema_new(str_from(version->schema), place, &found);
        if (e != ERR_OK) {
            e = errmsg_set(msg, e, "version %u of the schema of topic %s at %s: %s", version->id,
                           s->meta.name, found.pointer, found.reason);
        }
    }
    *out_schema = *place;
    pthread_mutex_unlock(&s->lock);
    return e;
}

static err make_decoder(struct log_thread *t, const struct topic_version *version,
                        struct errmsg *msg)
{
    take_decoder_counts(t);
    struct decode_options options = {.time_field = str_from(version->time_field),
                                     .infer = t->source->infers,
                                     .borrow_text = true};
    TRY(schema_of(t->source, version, &options.check, msg));
    TRY(decoder_new(t->source->schema, &options, &t->decoder, msg));
    if (t->source->mode == LOG_SOURCE_ROWS) {
        decoder_project(t->decoder, t->projected, t->projected_count);
    }
    t->version = version;
    return ERR_OK;
}

/* Adds everything a thread counted to the totals: at the end of the input, and when it is closed.
 */
static void thread_counts(struct log_thread *t)
{
    struct log_source *s = t->source;
    take_decoder_counts(t);
    pthread_mutex_lock(&s->lock);
    s->dead += t->dead;
    t->dead = 0;
    for (int i = 0; i < EVENT_CODE_COUNT; i++) {
        s->dead_by_reason[i] += t->dead_by_reason[i];
        t->dead_by_reason[i] = 0;
    }
    pthread_mutex_unlock(&s->lock);
}

static void log_thread_free(struct log_thread *t)
{
    if (t == NULL) {
        return;
    }
    struct log_source *s = t->source;
    thread_counts(t);
    infer_free(t->infer);
    buf_deinit(&t->block);
    free(t->projected);
    free(t);
    atomic_fetch_sub(&s->threads_open, 1);
    source_unref(s);
}
AUTO_DEFINE(log_thread)

static err thread_new(struct log_source *s, const uint32_t *projected, size_t count,
                      struct log_thread **out_thread, struct errmsg *msg)
{
    AUTO(log_thread) t = xnew(struct log_thread);
    t->source = s;
    atomic_fetch_add(&s->references, 1);
    atomic_fetch_add(&s->threads_open, 1);
    t->projected_count = count;
    t->projected = xnew_array(uint32_t, MAX(count, 1));
    if (count > 0) {
        memcpy(t->projected, projected, count * sizeof *projected);
    }
    t->part_index = atomic_fetch_add(&s->next_start, 1);
    t->block = buf_make((size_t)BATCH_BYTES_MAX + s->block_bytes + TOPIC_READ_PADDING);
    if (s->infers) {
        TRY(infer_new(s->committed, &t->infer));
    }
    TRY(make_decoder(t, &s->meta.versions[s->meta.version_count - 1], msg));
    *out_thread = TAKE(t);
    return ERR_OK;
}

/* True when some field holds a value and has no column. */
static bool asks_for_column(struct infer *infer)
{
    const struct infer_field *fields = NULL;
    size_t count = infer_fields(infer, &fields);
    for (size_t i = 0; i < count; i++) {
        if (!fields[i].only_null) {
            return true;
        }
    }
    return false;
}

/* After a block: hands over what was noted about unknown fields, and the dead of the partition. */
static err block_done(struct log_thread *t, struct errmsg *msg)
{
    struct log_source *s = t->source;
    if (t->dead_in_part > 0) {
        pthread_mutex_lock(&s->lock);
        struct log_range *span = &s->dead_spans[t->part_index];
        bool first = s->dead_by_range[t->part_index] == 0;
        span->partition = s->parts[t->part_index].range.partition;
        span->from = first ? t->block_from : MIN(span->from, t->block_from);
        span->end = first ? t->block_next : MAX(span->end, t->block_next);
        s->dead_by_range[t->part_index] += t->dead_in_part;
        pthread_mutex_unlock(&s->lock);
        t->dead_in_part = 0;
    }
    if (!s->infers) {
        return ERR_OK;
    }
    infer_reset(t->infer);
    TRY(decoder_infer(t->decoder, t->infer));
    pthread_mutex_lock(&s->lock);
    err e = infer_merge(s->infer, t->infer);
    pthread_mutex_unlock(&s->lock);
    TRY(e);
    if (asks_for_column(t->infer)) {
        atomic_store(&s->wants_columns, true);
    }
    if (s->stop_at_new_columns && atomic_load(&s->wants_columns)) {
        return errmsg_set(msg, ERR_AGAIN,
                          "the events have fields that the table has no column for");
    }
    return ERR_OK;
}

/* Remembers where reading failed when it was the log's fault. */
static err log_failed(struct log_source *s, size_t index, err e)
{
    if (e == ERR_CORRUPT || e == ERR_RANGE) {
        atomic_store(&s->failed_range, (int)index);
    }
    return e;
}

/* Reads the next block of a partition whose lock is held. */
static err read_block(struct log_thread *t, struct log_part *part, struct errmsg *msg)
{
    struct topic_read got = {0};
    TRY(topic_reader_read(part->reader, part->next, part->range.end, t->source->block_bytes,
                          &t->block, &got, msg));
    if (got.next_offset <= part->next) {
        return errmsg_set(msg, ERR_RANGE, "partition %u has nothing at offset %lld",
                          part->range.partition, (long long)part->next);
    }
    t->block_from = part->next;
    t->block_next = got.next_offset;
    part->next = got.next_offset;
    atomic_fetch_add(&t->source->bytes, got.bytes);
    return ERR_OK;
}

/* Claims the next block of any partition; *out_more false when nothing is left. */
static err next_block(struct log_thread *t, bool *out_more, struct errmsg *msg)
{
    struct log_source *s = t->source;
    buf_reset(&t->block);
    t->block_at = 0;
    *out_more = false;
    if (s->cancel != NULL && atomic_load(s->cancel)) {
        return errmsg_set(msg, ERR_CANCELLED, "cancelled");
    }
    if (s->bytes_max != 0 && atomic_load(&s->bytes) >= s->bytes_max) {
        return ERR_OK;
    }
    /* First round: partitions nobody is reading. Second: wait for them. */
    for (size_t i = 0; i < s->part_count * 2; i++) {
        ASSERT(s->part_count > 0);
        size_t index = (t->part_index + 1 + i) % s->part_count;
        struct log_part *part = &s->parts[index];
        if (i >= s->part_count) {
            pthread_mutex_lock(&part->lock);
        } else if (pthread_mutex_trylock(&part->lock) != 0) {
            continue;
        }
        err e = ERR_OK;
        bool have = part->next < part->range.end;
        if (have) {
            e = read_block(t, part, msg);
        }
        pthread_mutex_unlock(&part->lock);
        if (have) {
            t->part_index = index;
            *out_more = e == ERR_OK;
            return log_failed(s, index, e);
        }
    }
    return ERR_OK;
}

/* Steps into the next batch of the block; false at its end. */
static err next_batch(struct log_thread *t, bool *out_more, struct errmsg *msg)
{
    struct log_source *s = t->source;
    *out_more = false;
    while (t->block_at < t->block.len) {
        struct str rest = str_of(t->block.data + t->block_at, t->block.len - t->block_at);
        struct batch_header header;
        TRY(batch_header_decode(rest, &header, msg));
        if (header.total_bytes > rest.len) {
            return errmsg_set(msg, ERR_CORRUPT, "a batch is cut short");
        }
        t->block_at += header.total_bytes;
        if (batch_is_control(&header)) {
            continue;
        }
        const struct topic_version *version =
            topic_version_at(&s->meta, s->parts[t->part_index].range.partition, header.base_offset);
        if (!decodes_same(version, t->version)) {
            /* What the old decoder noted must not be lost. */
            TRY(block_done(t, msg));
            TRY(make_decoder(t, version, msg));
        }
        TRY(batch_iter_init(&t->iter, str_of(rest.ptr, header.total_bytes), msg));
        t->in_batch = true;
        *out_more = true;
        return ERR_OK;
    }
    return ERR_OK;
}

/* The next record of the block that is in the range; false at the block's end. */
static err next_record(struct log_thread *t, struct record *out_record, bool *out_more,
                       struct errmsg *msg)
{
    const struct log_range *range = &t->source->parts[t->part_index].range;
    for (;;) {
        if (!t->in_batch) {
            TRY(next_batch(t, out_more, msg));
            if (!*out_more) {
                return ERR_OK;
            }
        }
        err e = ERR_OK;
        if (!batch_iter_next(&t->iter, out_record, &e)) {
            if (e != ERR_OK) {
                return errmsg_set(msg, e, "a batch of partition %u is damaged", range->partition);
            }
            t->in_batch = false;
            continue;
        }
        if (out_record->offset >= range->from && out_record->offset < range->end) {
            *out_more = true;
            return ERR_OK;
        }
    }
}

static void note_dead(struct log_thread *t, enum event_code reason)
{
    if (SEEDED_BUG(SEEDED_DEAD_DROPPED)) {
        return;
    }
    t->dead++;
    t->dead_in_part++;
    t->dead_by_reason[reason]++;
}

/* Decodes records of the present block into rows until the sinks or the block are full. */
static err decode_some(struct log_thread *t, struct col_sink *cols, size_t capacity,
                       size_t *out_rows, bool *out_block_ended, struct errmsg *msg)
{
    struct log_source *s = t->source;
    int32_t partition = (int32_t)s->parts[t->part_index].range.partition;
    size_t rows = 0;
    struct record record;
    struct errmsg detail;
    bool more = true;
    while (rows < capacity && !(rows > 0 && decoder_chunk_is_full(t->decoder))) {
        TRY(log_failed(s, t->part_index, next_record(t, &record, &more, msg)));
        if (!more) {
            break;
        }
        enum event_code reason = EVENT_OK;
        detail.text[0] = '\0';
        if (s->mode == LOG_SOURCE_DEAD) {
            if (!decode_is_row(t->decoder, &record, &reason, &detail)) {
                note_dead(t, reason);
                decode_dead_row(&record, partition, reason, &detail, t->projected,
                                t->projected_count, cols, rows);
                rows += SEEDED_BUG(SEEDED_DEAD_DROPPED) ? 0 : 1;
            }
            continue;
        }
        switch (decode_row(t->decoder, &record, partition, cols, rows, &reason, &detail)) {
        case DECODE_ROW:
            rows++;
            break;
        case DECODE_DEAD:
            note_dead(t, reason);
            break;
        case DECODE_FAILED:
            return errmsg_set(msg, ERR_NOMEM, "%s", detail.text);
        }
    }
    *out_rows = rows;
    *out_block_ended = !more;
    return ERR_OK;
}

/* ---- as a sql_source ---- */

/* Everything as it was when the source was new. */
static void source_begin(void *ctx)
{
    struct log_source *s = ctx;
    ASSERT(atomic_load(&s->threads_open) == 0);
    for (size_t i = 0; i < s->part_count; i++) {
        s->parts[i].next = s->parts[i].range.from;
        s->dead_by_range[i] = 0;
    }
    atomic_store(&s->bytes, 0);
    atomic_store(&s->wants_columns, false);
    atomic_store(&s->failed_range, -1);
    s->rows = 0;
    s->dead = 0;
    s->rescued_rows = 0;
    memset(s->dead_by_reason, 0, sizeof s->dead_by_reason);
    memset(s->misfits, 0, event_schema_count(s->schema) * sizeof *s->misfits);
    if (s->infer != NULL) {
        infer_reset(s->infer);
    }
}

static err source_thread_open(void *ctx, const uint32_t *projected, size_t count,
                              void **out_thread_ctx, struct errmsg *msg)
{
    struct log_thread *t = NULL;
    TRY(thread_new(ctx, projected, count, &t, msg));
    *out_thread_ctx = t;
    return ERR_OK;
}

static err source_fill(void *thread_ctx, struct col_sink *cols, size_t capacity, size_t *out_rows,
                       struct errmsg *msg)
{
    struct log_thread *t = thread_ctx;
    for (;;) {
        if (!t->in_batch && t->block_at >= t->block.len) {
            bool more = false;
            TRY(next_block(t, &more, msg));
            if (!more) {
                thread_counts(t);
                *out_rows = 0;
                return ERR_OK;
            }
        }
        bool ended = false;
        TRY(decode_some(t, cols, capacity, out_rows, &ended, msg));
        if (ended) {
            TRY(block_done(t, msg));
        }
        if (*out_rows > 0) {
            return ERR_OK;
        }
    }
}

static void source_thread_close(void *thread_ctx)
{
    log_thread_free(thread_ctx);
}

static void source_release(void *ctx)
{
    source_unref(ctx);
}

/* A source over the same stretch for one reference in a statement. */
static err source_bind(void *ctx, void **out_bound_ctx, struct errmsg *msg)
{
    const struct log_source *s = ctx;
    struct log_range *ranges = xnew_array(struct log_range, MAX(s->part_count, 1));
    for (size_t i = 0; i < s->part_count; i++) {
        ranges[i] = s->parts[i].range;
    }
    struct log_source_options options = {
        .topic_dir = s->topic_dir,
        .meta = &s->meta,
        .schema = s->schema,
        .committed = s->committed,
        .mode = s->mode,
        .ranges = ranges,
        .range_count = s->part_count,
        .threads_max = s->threads_max,
        .block_bytes = s->block_bytes,
        .cancel = s->cancel,
    };
    struct log_source *bound = NULL;
    err e = log_source_new(&options, &bound, msg);
    free(ranges);
    *out_bound_ctx = bound;
    return e;
}

static void source_unbind(void *bound_ctx)
{
    source_unref(bound_ctx);
}

static err register_source(struct log_source *s, struct sql_engine *engine, bool is_shared,
                           uint64_t *out_id, struct errmsg *msg)
{
    ASSERT(s->mode != LOG_SOURCE_INFER);
    bool dead = s->mode == LOG_SOURCE_DEAD;
    struct sql_source source = {
        .columns = dead ? event_dead_columns() : event_schema_full(s->schema),
        .column_count = dead ? EVENT_DEAD_COUNT : event_schema_full_count(s->schema),
        .threads_max = s->threads_max,
        .ctx = s,
        .bind = is_shared ? source_bind : NULL,
        .unbind = is_shared ? source_unbind : NULL,
        .begin = source_begin,
        .thread_open = source_thread_open,
        .fill = source_fill,
        .thread_close = source_thread_close,
        .release = source_release,
    };
    atomic_fetch_add(&s->references, 1);
    err e = sql_source_register(engine, &source, out_id, msg);
    if (e != ERR_OK) {
        source_unref(s);
    }
    return e;
}

err log_source_register(struct log_source *s, struct sql_engine *engine, uint64_t *out_id,
                        struct errmsg *msg)
{
    return register_source(s, engine, false, out_id, msg);
}

err log_source_register_shared(struct log_source *s, struct sql_engine *engine, uint64_t *out_id,
                               struct errmsg *msg)
{
    return register_source(s, engine, true, out_id, msg);
}

/* ---- without SQL ---- */

struct scan_thread {
    pthread_t thread;
    struct log_source *source;
    err result;
    struct errmsg msg;
};

static err scan_blocks(struct log_source *s, struct errmsg *msg)
{
    ASSERT(s->mode == LOG_SOURCE_INFER);
    AUTO(log_thread) t = NULL;
    TRY(thread_new(s, NULL, 0, &t, msg));
    for (;;) {
        bool more = false;
        TRY(next_block(t, &more, msg));
        if (!more) {
            return ERR_OK;
        }
        size_t rows = 0;
        bool ended = false;
        TRY(decode_some(t, NULL, SIZE_MAX, &rows, &ended, msg));
        TRY(block_done(t, msg));
    }
}

static void *scan_main(void *arg)
{
    struct scan_thread *scan = arg;
    os_thread_name("log-scan");
    scan->result = scan_blocks(scan->source, &scan->msg);
    return NULL;
}

err log_source_scan(struct log_source *s, struct errmsg *msg)
{
    struct scan_thread *scans = xnew_array(struct scan_thread, s->threads_max);
    uint32_t started = 0;
    for (uint32_t i = 1; i < s->threads_max; i++) {
        scans[i].source = s;
        if (pthread_create(&scans[i].thread, NULL, scan_main, &scans[i]) != 0) {
            break; /* the others do its work */
        }
        started = i;
    }
    err e = scan_blocks(s, msg);
    for (uint32_t i = 1; i <= started; i++) {
        pthread_join(scans[i].thread, NULL);
        if (e == ERR_OK && scans[i].result != ERR_OK) {
            e = errmsg_set(msg, scans[i].result, "%s", scans[i].msg.text);
        }
    }
    free(scans);
    return e;
}

/* ---- results ---- */

bool log_source_wants_columns(struct log_source *s)
{
    return atomic_load(&s->wants_columns);
}

ptrdiff_t log_source_failed_range(const struct log_source *s)
{
    return atomic_load(&s->failed_range);
}

struct infer *log_source_infer(struct log_source *s)
{
    return s->infer;
}

int64_t log_source_reached(const struct log_source *s, size_t index)
{
    ASSERT(index < s->part_count);
    return s->parts[index].next;
}

struct log_source_counts log_source_counts(struct log_source *s)
{
    struct log_source_counts counts = {
        .rows = s->rows,
        .dead = s->dead,
        .rescued_rows = s->rescued_rows,
        .bytes = atomic_load(&s->bytes),
        .dead_by_range = s->dead_by_range,
        .dead_spans = s->dead_spans,
        .misfits = s->misfits,
        .misfit_count = event_schema_count(s->schema),
    };
    memcpy(counts.dead_by_reason, s->dead_by_reason, sizeof counts.dead_by_reason);
    return counts;
}
