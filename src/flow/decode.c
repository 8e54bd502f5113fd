/* SPDX-License-Identifier: MIT */
/* decode.c - the walk over one record, and what becomes of each field.
 *
 * Every name seen gets a `struct field`, which says once and for all what this schema does with it.
 * `order[n]` remembers which field the n-th key of a record was last time; comparing the key's
 * bytes with that name replaces the hash lookup for records of the same shape. A wrong guess costs
 * time only.
 *
 * `stamp` numbers the records. A field whose stamp is the present one was seen in this record
 * before: a duplicate, and what its first value did is undone.
 *
 * What did not fit, or has no column, waits in `extras` until the record has proved to be a row. */
#include "flow/decode.h"

#include "base/hash.h"
#include "base/timefmt.h"
#include "flow/decode_int.h"
#include "os/clock.h"

enum {
    TIME_RANKS = 5,
    NO_RANK = 255,
    ORDER_MAX = 4096,           /* keys of a record whose place is guessed */
    UNKNOWN_KEPT_MAX = 4096,    /* unknown names remembered from record to record */
    CHUNK_BYTES_MAX = 64 << 20, /* of nested values: more should not be decoded into one chunk */
};
static const size_t text_bytes_max = UINT32_MAX;
static const uint32_t no_extra = UINT32_MAX;

struct field {
    struct field *next; /* in its bucket */
    uint64_t hash;
    uint64_t stamp;     /* the record it was last seen in */
    ptrdiff_t column;   /* event column, or -1 */
    ptrdiff_t sink;     /* place among the projected columns, or -1 */
    uint32_t extra;     /* its place in extras for this record */
    uint32_t row_flags; /* inference: of the record `stamp` */
    uint32_t flags;     /* inference: of the rows before */
    enum col_type type;
    struct nested *nested; /* owned; a column of type STRUCT or LIST */
    uint8_t time_rank;
    bool is_noted; /* for inference */
    bool is_raw;   /* the name is kept as written: it holds a lone surrogate */
    uint32_t name_len;
    char name[];
};

struct extra {
    struct field *field; /* NULL: taken back by a duplicate */
    struct str raw;
};

struct decoder {
    struct event_schema *schema;   /* a reference */
    struct json_indexer *indexer;  /* owned */
    struct json_schema_run *check; /* owned; NULL: any object is a row */
    struct buf text;               /* owned: unescaped text of a value */
    struct buf name;               /* owned: unescaped name */
    struct buf rescued;            /* owned */
    struct field **buckets;        /* owned */
    size_t bucket_count;           /* a power of two */
    uint64_t seed;                 /* of their hashes */
    size_t unknown_count;          /* fields without a column */
    struct field **columns;        /* owned; the fields of the event columns, by index */
    struct field **projected;      /* owned; those that have a sink */
    size_t projected_count;
    ptrdiff_t system_sink[EVENT_SYS_COUNT];
    struct field *order[ORDER_MAX];
    size_t order_count;
    struct extra *extras; /* owned */
    size_t extra_count;
    size_t extra_cap;
    struct infer *overflow; /* owned; flags of unknown names that were dropped; NULL: none */
    uint64_t *misfits;      /* owned; per event column */
    struct decode_counts counts;
    uint64_t stamp;
    char *time_field; /* owned; NULL: the default list */
    size_t time_field_len;
    bool infer;
    bool borrow_text;
    size_t chunk_bytes; /* that the lists of the rows before take, since row 0 */
    /* Of the present record: */
    struct json_view view;
    struct nested_room room; /* for its lists, in the sinks */
    struct col_sink *cols;   /* borrowed; NULL: nothing is stored */
    size_t row;
    size_t seen_count; /* projected event columns */
    uint32_t time_mask;
    int64_t time_us[TIME_RANKS];
    bool failed; /* out of memory */
};

/* ---- fields ---- */

static uint8_t time_rank_of(const struct decoder *d, struct str name)
{
    static const char *const names[TIME_RANKS] = {"timestamp", "@timestamp", "time", "ts",
                                                  "event_time"};
    if (d->time_field != NULL) {
        return str_eq(name, str_of(d->time_field, d->time_field_len)) ? 0 : NO_RANK;
    }
    for (unsigned i = 0; i < TIME_RANKS; i++) {
        if (str_is(name, names[i])) {
            return i;
        }
    }
    return NO_RANK;
}

static bool field_is(const struct field *f, uint64_t hash, struct str name, bool is_raw)
{
    return f->hash == hash && f->is_raw == is_raw && f->name_len == name.len &&
           memcmp(f->name, name.ptr, name.len) == 0;
}

static bool grow_buckets(struct decoder *d)
{
    size_t count = d->bucket_count == 0 ? 256 : d->bucket_count * 4;
    struct field **buckets = calloc(count, sizeof(*buckets));
    if (buckets == NULL) {
        return d->bucket_count != 0; /* slower, but right */
    }
    for (size_t i = 0; i < d->bucket_count; i++) {
        struct field *next = NULL;
        for (struct field *f = d->buckets[i]; f != NULL; f = next) {
            next = f->next;
            f->next = buckets[f->hash & (count - 1)];
            buckets[f->hash & (count - 1)] = f;
        }
    }
    free(d->buckets);
    d->buckets = buckets;
    d->bucket_count = count;
    return true;
}

/* A new field, judged by the schema. NULL when out of memory. */
static struct field *add_field(struct decoder *d, uint64_t hash, struct str name, bool is_raw)
{
    size_t known = event_schema_count(d->schema) + d->unknown_count;
    if ((d->bucket_count == 0 || known > d->bucket_count) && !grow_buckets(d)) {
        return NULL;
    }
    struct field *f = calloc(1, sizeof(*f) + name.len);
    if (f == NULL) {
        return NULL;
    }
    f->hash = hash;
    f->is_raw = is_raw;
    f->name_len = (uint32_t)name.len;
    memcpy(f->name, name.ptr, name.len);
    f->column = is_raw ? -1 : event_schema_find(d->schema, name);
    f->sink = -1;
    f->extra = no_extra;
    f->time_rank = is_raw ? NO_RANK : time_rank_of(d, name);
    if (f->column >= 0) {
        const struct event_column *column = event_schema_column(d->schema, (size_t)f->column);
        f->type = column->type;
        if (col_type_is_nested(f->type)) {
            f->nested = nested_new(&event_schema_full(d->schema)[f->column]);
        }
        f->is_noted = d->infer && column->provisional;
    } else {
        f->is_noted = d->infer && !is_raw && event_schema_judge(d->schema, name) == EVENT_NAME_NEW;
        d->unknown_count++;
    }
    f->next = d->buckets[hash & (d->bucket_count - 1)];
    d->buckets[hash & (d->bucket_count - 1)] = f;
    return f;
}

static struct field *find_field(struct decoder *d, struct str name, bool is_raw)
{
    uint64_t hash = hash_xxh3_seeded(name, d->seed);
    if (d->bucket_count != 0) {
        for (struct field *f = d->buckets[hash & (d->bucket_count - 1)]; f != NULL; f = f->next) {
            if (field_is(f, hash, name, is_raw)) {
                return f;
            }
        }
    }
    struct field *f = add_field(d, hash, name, is_raw);
    d->failed = d->failed || f == NULL;
    return f;
}

/* The field of the n-th key of this record. NULL when out of memory. */
static inline struct field *field_of_key(struct decoder *d, const struct json_view *view,
                                         uint32_t i, size_t n)
{
    struct str name = json_view_string(view, i);
    bool is_raw = false;
    if (__builtin_expect(json_has_escape(view, name), 0)) {
        buf_reset(&d->name);
        if (json_unescape(name, &d->name)) {
            name = str_of(d->name.len == 0 ? "" : d->name.data, d->name.len);
        } else {
            is_raw = true;
        }
    } else if (n < d->order_count && d->order[n] != NULL) {
        struct field *guess = d->order[n];
        if (guess->name_len == name.len && memcmp(guess->name, name.ptr, name.len) == 0 &&
            !guess->is_raw) {
            return guess;
        }
    }
    struct field *f = find_field(d, name, is_raw);
    if (n < ORDER_MAX) {
        while (d->order_count <= n) {
            d->order[d->order_count++] = NULL;
        }
        d->order[n] = f;
    }
    return f;
}

/* ---- inference ---- */

static void settle_flags(struct field *f)
{
    f->flags |= f->row_flags;
    f->row_flags = 0;
}

/* Where flags of unknown names are kept when the names themselves are dropped: an accumulator over
 * the committed part of the schema. */
static err overflow_of(struct decoder *d, struct infer **out_infer, struct errmsg *msg)
{
    if (d->overflow == NULL) {
        size_t columns = 0;
        size_t nulls = event_schema_null_count(d->schema);
        struct event_column *committed =
            xnew_array(struct event_column, event_schema_count(d->schema) + 1);
        struct str *null_fields = xnew_array(struct str, nulls + 1);
        for (size_t i = 0; i < event_schema_count(d->schema); i++) {
            if (!event_schema_column(d->schema, i)->provisional) {
                committed[columns++] = *event_schema_column(d->schema, i);
            }
        }
        for (size_t i = 0; i < nulls; i++) {
            null_fields[i] = event_schema_null_field(d->schema, i);
        }
        struct event_schema *base = NULL;
        err e = event_schema_new(committed, columns, null_fields, nulls, &base, msg);
        free(committed);
        free(null_fields);
        TRY(e);
        e = infer_new(base, &d->overflow);
        event_schema_unref(base);
        TRY(e);
    }
    *out_infer = d->overflow;
    return ERR_OK;
}

/* Drops the unknown names, so that their number stays bounded; between records only. */
static err drop_unknown(struct decoder *d, struct errmsg *msg)
{
    struct infer *overflow = NULL;
    if (d->infer) {
        TRY(overflow_of(d, &overflow, msg));
    }
    for (size_t i = 0; i < d->bucket_count; i++) {
        struct field **place = &d->buckets[i];
        while (*place != NULL) {
            struct field *f = *place;
            if (f->column >= 0) {
                place = &f->next;
                continue;
            }
            settle_flags(f);
            if (f->is_noted && f->flags != 0) {
                TRY(infer_note(overflow, str_of(f->name, f->name_len), f->flags));
            }
            *place = f->next;
            free(f);
        }
    }
    d->unknown_count = 0;
    d->order_count = 0;
    d->extra_count = 0;
    return ERR_OK;
}

err decoder_infer(struct decoder *d, struct infer *into)
{
    for (size_t i = 0; i < d->bucket_count; i++) {
        for (struct field *f = d->buckets[i]; f != NULL; f = f->next) {
            settle_flags(f);
            if (f->is_noted && f->flags != 0) {
                TRY(infer_note(into, str_of(f->name, f->name_len), f->flags));
                f->flags = 0;
            }
        }
    }
    if (d->overflow != NULL) {
        const struct infer_field *fields = NULL;
        size_t count = infer_fields(d->overflow, &fields);
        for (size_t i = 0; i < count; i++) {
            TRY(infer_note(into, fields[i].name, fields[i].flags));
        }
        infer_reset(d->overflow);
    }
    return ERR_OK;
}

/* ---- life ---- */

static void project_fields(struct decoder *d)
{
    for (size_t i = 0; i < event_schema_count(d->schema); i++) {
        d->columns[i]->sink = -1;
    }
    for (size_t i = 0; i < EVENT_SYS_COUNT; i++) {
        d->system_sink[i] = -1;
    }
    d->projected_count = 0;
}

void decoder_project(struct decoder *d, const uint32_t *full_indexes, size_t count)
{
    size_t columns = event_schema_count(d->schema);
    project_fields(d);
    for (size_t i = 0; i < count; i++) {
        ASSERT(full_indexes[i] < columns + EVENT_SYS_COUNT);
        if (full_indexes[i] >= columns) {
            d->system_sink[full_indexes[i] - columns] = (ptrdiff_t)i;
            continue;
        }
        struct field *f = d->columns[full_indexes[i]];
        ASSERT(f->sink == -1);
        f->sink = (ptrdiff_t)i;
        d->projected[d->projected_count++] = f;
    }
}

static err init_columns(struct decoder *d)
{
    size_t count = event_schema_count(d->schema);
    for (size_t i = 0; i < count; i++) {
        struct str name = event_schema_column(d->schema, i)->name;
        d->columns[i] = add_field(d, hash_xxh3_seeded(name, d->seed), name, false);
        if (d->columns[i] == NULL) {
            return ERR_NOMEM;
        }
    }
    uint32_t *all = xnew_array(uint32_t, count + EVENT_SYS_COUNT);
    for (uint32_t i = 0; i < count + EVENT_SYS_COUNT; i++) {
        all[i] = i;
    }
    decoder_project(d, all, count + EVENT_SYS_COUNT);
    free(all);
    return ERR_OK;
}

err decoder_new(struct event_schema *schema, const struct decode_options *options,
                struct decoder **out_decoder, struct errmsg *msg)
{
    AUTO(decoder) d = xnew(struct decoder);
    d->seed = os_random_u64();
    size_t count = event_schema_count(schema);
    d->schema = event_schema_ref(schema);
    d->text = buf_make(text_bytes_max);
    d->name = buf_make(text_bytes_max);
    d->rescued = buf_make(text_bytes_max);
    d->columns = xnew_array(struct field *, count + 1);
    d->projected = xnew_array(struct field *, count + 1);
    d->misfits = xnew_array(uint64_t, count + 1);
    d->infer = options->infer;
    d->borrow_text = options->borrow_text;
    if (options->time_field.ptr != NULL) {
        d->time_field = xstrndup(options->time_field.ptr, options->time_field.len);
        d->time_field_len = options->time_field.len;
    }
    d->indexer = json_indexer_new();
    if (options->check != NULL) {
        TRY(json_schema_run_new(options->check, &d->check));
    }
    if (d->indexer == NULL || init_columns(d) != ERR_OK) {
        return errmsg_set(msg, ERR_NOMEM, "no memory for a decoder");
    }
    *out_decoder = TAKE(d);
    return ERR_OK;
}

void decoder_free(struct decoder *d)
{
    if (d == NULL) {
        return;
    }
    for (size_t i = 0; i < d->bucket_count; i++) {
        struct field *next = NULL;
        for (struct field *f = d->buckets[i]; f != NULL; f = next) {
            next = f->next;
            nested_free(f->nested);
            free(f);
        }
    }
    json_indexer_free(d->indexer);
    json_schema_run_free(d->check);
    infer_free(d->overflow);
    event_schema_unref(d->schema);
    buf_deinit(&d->text);
    buf_deinit(&d->name);
    buf_deinit(&d->rescued);
    free(d->buckets);
    free(d->columns);
    free(d->projected);
    free(d->extras);
    free(d->misfits);
    free(d->time_field);
    free(d);
}

struct decode_counts decoder_counts(const struct decoder *d)
{
    struct decode_counts counts = d->counts;
    counts.misfits = d->misfits;
    return counts;
}

/* ---- one value ---- */

static void add_extra(struct decoder *d, struct field *f, struct str raw)
{
    if (d->extra_count == d->extra_cap) {
        size_t cap = d->extra_cap == 0 ? 64 : d->extra_cap * 2;
        struct extra *grown = realloc(d->extras, cap * sizeof(*grown));
        if (grown == NULL) {
            d->failed = true;
            return;
        }
        d->extras = grown;
        d->extra_cap = cap;
    }
    f->extra = (uint32_t)d->extra_count;
    d->extras[d->extra_count++] = (struct extra){f, raw};
}

/* The field again: its first value does not count. */
static void take_back(struct decoder *d, struct field *f, struct col_sink *sink)
{
    if (f->extra != no_extra) {
        d->extras[f->extra].field = NULL;
        f->extra = no_extra;
    }
    if (sink != NULL) {
        col_set_valid(sink, d->row);
    }
    if (f->time_rank != NO_RANK) {
        d->time_mask &= ~(1U << f->time_rank);
    }
    f->row_flags = 0;
}

static enum nested_fit take_nested(struct decoder *d, struct field *f, const struct value *v,
                                   struct col_sink *sink)
{
    return v->kind != VALUE_NESTED ? NESTED_MISFIT
                                   : nested_store(f->nested, &d->view, v->token, d->borrow_text,
                                                  &d->text, sink, d->row, &d->room);
}

static inline void take_value(struct decoder *d, struct field *f, struct value *v)
{
    struct col_sink *sink = d->cols != NULL && f->sink >= 0 ? &d->cols[f->sink] : NULL;
    if (__builtin_expect(f->stamp == d->stamp, 0)) {
        take_back(d, f, sink);
    } else {
        f->stamp = d->stamp;
        f->extra = no_extra;
        f->flags |= f->row_flags;
        f->row_flags = 0;
        d->seen_count += f->sink >= 0;
    }
    if (f->time_rank != NO_RANK &&
        value_event_time(v, d->time_field != NULL, &d->text, &d->time_us[f->time_rank])) {
        d->time_mask |= 1U << f->time_rank;
    }
    if (f->is_noted) {
        f->row_flags = value_infer_kind(v, &d->text);
    }
    if (v->kind == VALUE_NULL) {
        if (sink != NULL) {
            col_set_null(sink, d->row);
        }
        return;
    }
    if (f->column >= 0) {
        enum nested_fit fit = f->nested != NULL ? take_nested(d, f, v, sink)
                              : value_store(v, f->type, d->borrow_text, &d->text, sink, d->row)
                                  ? NESTED_FITS
                                  : NESTED_MISFIT;
        if (fit == NESTED_FITS) {
            return;
        }
        if (sink != NULL && fit == NESTED_MISFIT) {
            col_set_null(sink, d->row);
        }
    }
    add_extra(d, f, v->raw);
}

/* Walks the record's object. False when it is not JSON, too deep, or memory is out. */
static bool walk_record(struct decoder *d, const struct json_view *view)
{
    uint32_t i = 1;
    if (json_at(view, i) == '}') {
        return view->count == 2;
    }
    for (size_t n = 0;; n++) {
        if (!json_key_ok(view, i)) {
            return false;
        }
        struct value v;
        uint32_t next = read_value(view, i + 2, &v);
        struct field *f = next == 0 ? NULL : field_of_key(d, view, i, n);
        if (f == NULL) {
            return false;
        }
        take_value(d, f, &v);
        i = next;
        if (json_at(view, i) != ',') {
            return json_at(view, i) == '}' && i + 1 == view->count;
        }
        i++;
    }
}

/* ---- one row ---- */

static int64_t timestamp_us(const struct record *record)
{
    const int64_t max_ms = INT64_C(253402300799999); /* 9999-12-31 */
    const int64_t min_ms = INT64_C(-62135596800000); /* 0001-01-01 */
    return MAX(min_ms, MIN(max_ms, record->timestamp_ms)) * 1000;
}

static struct col_sink *system_sink(const struct decoder *d, enum event_system which)
{
    return d->cols != NULL && d->system_sink[which] >= 0 ? &d->cols[d->system_sink[which]] : NULL;
}

static bool key_is_text(const struct record *record)
{
    const char *p = record->key.ptr;
    size_t i = 0;
    for (; i + 8 <= record->key.len; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        if (word & UINT64_C(0x8080808080808080)) {
            return str_is_utf8(record->key);
        }
    }
    for (; i < record->key.len; i++) {
        if ((unsigned char)p[i] >= 0x80) {
            return str_is_utf8(record->key);
        }
    }
    return true;
}

static void rescue_name(struct buf *out, const struct field *f)
{
    struct str name = str_of(f->name, f->name_len);
    if (f->is_raw) {
        (void)buf_add_byte(out, '"'); /* sticky, here and below */
        (void)buf_add_str(out, name);
        (void)buf_add_byte(out, '"');
    } else {
        (void)buf_add_json_string(out, name);
    }
}

/* A key that is no text, in hex; an event's own field `_key` keeps the name. */
static void rescue_key(struct buf *out, struct str key)
{
    static const char hex[] = "0123456789abcdef";
    (void)buf_puts(out, out->len == 0 ? "{" : ","); /* sticky, here and below */
    (void)buf_puts(out, "\"_key\":\"");
    for (size_t i = 0; i < key.len; i++) {
        (void)buf_add_byte(out, hex[(unsigned char)key.ptr[i] >> 4]);
        (void)buf_add_byte(out, hex[(unsigned char)key.ptr[i] & 15]);
    }
    (void)buf_add_byte(out, '"');
}

/* Builds _rescued and counts. False when out of memory. */
static bool finish_rescued(struct decoder *d, const struct record *record, bool key_rescued)
{
    struct col_sink *sink = system_sink(d, EVENT_SYS_RESCUED);
    bool any = key_rescued;
    bool own_key = false;
    buf_reset(&d->rescued);
    for (size_t i = 0; i < d->extra_count; i++) {
        const struct field *f = d->extras[i].field;
        if (f == NULL) {
            continue;
        }
        any = true;
        if (f->column >= 0) {
            d->misfits[f->column]++;
        }
        if (sink == NULL) {
            continue;
        }
        own_key = own_key || (!f->is_raw && str_is(str_of(f->name, f->name_len), "_key"));
        (void)buf_add_byte(&d->rescued, d->rescued.len == 0 ? '{' : ','); /* sticky, as below */
        rescue_name(&d->rescued, f);
        (void)buf_add_byte(&d->rescued, ':');
        (void)buf_add_str(&d->rescued, d->extras[i].raw);
    }
    d->counts.rescued_rows += any;
    if (sink == NULL) {
        return true;
    }
    if (!any) {
        col_set_null(sink, d->row);
        return true;
    }
    if (key_rescued && !own_key) {
        rescue_key(&d->rescued, record->key);
    }
    (void)buf_add_byte(&d->rescued, '}');
    if (d->rescued.failed) {
        return false;
    }
    col_set_str(sink, d->row, d->rescued.data, d->rescued.len);
    return true;
}

static void finish_times(struct decoder *d, const struct record *record)
{
    int64_t stored_us = timestamp_us(record);
    int64_t event_us = d->time_mask != 0 ? d->time_us[__builtin_ctz(d->time_mask)] : stored_us;
    struct col_sink *time = system_sink(d, EVENT_SYS_TIME);
    struct col_sink *date = system_sink(d, EVENT_SYS_DATE);
    struct col_sink *timestamp = system_sink(d, EVENT_SYS_TIMESTAMP);
    if (time != NULL) {
        col_set_i64(time, d->row, event_us);
    }
    if (date != NULL) {
        col_set_i32(date, d->row, decode_date(event_us, stored_us));
    }
    if (timestamp != NULL) {
        col_set_i64(timestamp, d->row, stored_us);
    }
}

/* Nulls for what was missing, and the system columns. False when out of memory. */
static bool finish_row(struct decoder *d, const struct record *record, int32_t partition)
{
    struct col_sink *sink_partition = system_sink(d, EVENT_SYS_PARTITION);
    struct col_sink *sink_offset = system_sink(d, EVENT_SYS_OFFSET);
    struct col_sink *sink_key = system_sink(d, EVENT_SYS_KEY);
    bool key_text = record->has_key && key_is_text(record);
    for (size_t i = 0; d->cols != NULL && d->seen_count < d->projected_count; i++) {
        ASSERT(i < d->projected_count);
        struct field *f = d->projected[i];
        if (f->stamp != d->stamp) {
            col_set_null(&d->cols[f->sink], d->row);
            d->seen_count++;
        }
    }
    finish_times(d, record);
    if (sink_partition != NULL) {
        col_set_i32(sink_partition, d->row, partition);
    }
    if (sink_offset != NULL) {
        col_set_i64(sink_offset, d->row, record->offset);
    }
    if (sink_key != NULL && key_text) {
        struct str key = record->key;
        if (d->borrow_text) {
            col_set_str_ref(sink_key, d->row, key.ptr, key.len);
        } else {
            col_set_str(sink_key, d->row, key.ptr, key.len);
        }
    } else if (sink_key != NULL) {
        col_set_null(sink_key, d->row);
    }
    return finish_rescued(d, record, record->has_key && !key_text);
}

/* The record is no row: what it did to the sinks and to inference is undone. */
static void undo_row(struct decoder *d)
{
    for (size_t i = 0; d->cols != NULL && i < d->projected_count; i++) {
        col_set_valid(&d->cols[d->projected[i]->sink], d->row);
    }
    for (size_t i = 0; i < d->bucket_count; i++) {
        for (struct field *f = d->buckets[i]; f != NULL; f = f->next) {
            f->row_flags = f->stamp == d->stamp ? 0 : f->row_flags;
        }
    }
}

static enum decode_result out_of_memory(struct decoder *d, struct errmsg *detail)
{
    d->failed = false;
    (void)errmsg_set(detail, ERR_NOMEM, "no memory to decode a record");
    return DECODE_FAILED;
}

/* What is wrong with a value that the fast path refused. */
static enum event_code reason_of(struct str value, struct errmsg *detail)
{
    enum event_code code = json_diagnose(value, EVENT_DEPTH_MAX, detail);
    if (code != EVENT_OK) {
        return code;
    }
    (void)errmsg_set(detail, ERR_INVALID, "the parser refused it");
    return EVENT_INVALID_JSON;
}

/* What the door wrote when it found no event in these bytes. */
static void read_verdict(struct str verdict, enum event_code *out_reason, struct errmsg *detail)
{
    struct str name = {0};
    struct str rest = verdict;
    (void)str_split(&rest, '\n', &name); /* an empty header is no name either */
    enum event_code code = event_code_find(name);
    *out_reason = code == EVENT_OK ? EVENT_REFUSED : code;
    struct str text = code == EVENT_OK ? verdict : rest;
    text.len = MIN(text.len, (size_t)ERRMSG_BYTES - 1);
    if (text.len == 0 || !str_is_utf8(text) || memchr(text.ptr, 0, text.len) != NULL) {
        text = str_from(event_code_text(*out_reason));
    }
    (void)errmsg_set(detail, ERR_INVALID, "%.*s", STR_ARGS(text));
}

/* False for what is a dead letter before its value is looked at. */
static bool may_be_row(const struct record *record, enum event_code *out_reason,
                       struct errmsg *detail)
{
    struct str verdict = {0};
    if (record->headers.len > 1 && record_header(record, STR(EVENT_DEAD_HEADER), &verdict)) {
        read_verdict(verdict, out_reason, detail);
        return false;
    }
    if (record->has_value && record->value.len > 0) {
        return true;
    }
    (void)errmsg_set(detail, ERR_INVALID, "the record has no value");
    *out_reason = EVENT_EMPTY;
    return false;
}

/* The schema's verdict on a record that is well-formed. */
static enum decode_result check_schema(struct decoder *d, const struct json_view *view,
                                       enum event_code *out_reason, struct errmsg *detail)
{
    struct json_schema_finding found;
    if (d->check == NULL) {
        return DECODE_ROW;
    }
    switch (json_schema_check(d->check, view, 0, detail == NULL ? NULL : &found)) {
    case JSON_SCHEMA_VALID:
        return DECODE_ROW;
    case JSON_SCHEMA_BAD:
        break;
    case JSON_SCHEMA_NOMEM:
        return out_of_memory(d, detail);
    }
    if (detail != NULL) {
        json_schema_detail(&found, detail);
    }
    *out_reason = EVENT_SCHEMA;
    return DECODE_DEAD;
}

enum decode_result decode_row(struct decoder *d, const struct record *record, int32_t partition,
                              struct col_sink *cols, size_t row, enum event_code *out_reason,
                              struct errmsg *detail)
{
    ASSERT(out_reason != NULL);
    if (!may_be_row(record, out_reason, detail)) {
        d->counts.dead++;
        return DECODE_DEAD;
    }
    if (d->unknown_count > UNKNOWN_KEPT_MAX && drop_unknown(d, detail) != ERR_OK) {
        return out_of_memory(d, detail);
    }
    d->stamp++;
    d->cols = cols;
    d->row = row;
    d->chunk_bytes = row == 0 ? 0 : d->chunk_bytes + d->room.used;
    d->room = nested_room_of(record->value.len);
    d->seen_count = 0;
    d->time_mask = 0;
    d->extra_count = 0;
    const uint32_t *at = NULL;
    uint32_t count = 0;
    enum json_index_result result =
        json_indexer_run(d->indexer, record->value.ptr, record->value.len, &at, &count);
    enum decode_result verdict = DECODE_DEAD;
    *out_reason = EVENT_OK;
    if (result == JSON_INDEX_OK && json_view_init(&d->view, record->value, at, count) &&
        walk_record(d, &d->view) && !d->failed) {
        verdict = check_schema(d, &d->view, out_reason, detail);
        if (verdict == DECODE_ROW && finish_row(d, record, partition)) {
            d->counts.rows++;
            return DECODE_ROW;
        }
    }
    if (result == JSON_INDEX_NOMEM || verdict != DECODE_DEAD || d->failed) {
        return out_of_memory(d, detail);
    }
    undo_row(d);
    d->counts.dead++;
    *out_reason = *out_reason == EVENT_OK ? reason_of(record->value, detail) : *out_reason;
    return DECODE_DEAD;
}

bool decoder_chunk_is_full(const struct decoder *d)
{
    return d->cols != NULL && d->chunk_bytes + d->room.used >= CHUNK_BYTES_MAX;
}

enum decode_result decode_judge(struct decoder *d, const struct record *record,
                                enum event_code *out_reason, struct errmsg *detail)
{
    ASSERT(out_reason != NULL);
    if (!may_be_row(record, out_reason, detail)) {
        return DECODE_DEAD;
    }
    const uint32_t *at = NULL;
    uint32_t count = 0;
    struct json_view view;
    enum json_index_result result =
        json_indexer_run(d->indexer, record->value.ptr, record->value.len, &at, &count);
    if (result == JSON_INDEX_NOMEM) {
        return out_of_memory(d, detail);
    }
    if (result == JSON_INDEX_OK && json_view_init(&view, record->value, at, count) &&
        json_walk_nested(&view, 0, EVENT_DEPTH_MAX) == count) {
        return check_schema(d, &view, out_reason, detail);
    }
    *out_reason = reason_of(record->value, detail);
    return DECODE_DEAD;
}

/* ---- dead letters ---- */

static void dead_bytes(struct col_sink *sink, size_t row, bool there, struct str bytes)
{
    if (there) {
        col_set_str(sink, row, bytes.ptr, bytes.len);
    } else {
        col_set_null(sink, row);
    }
}

void decode_dead_row(const struct record *record, int32_t partition, enum event_code reason,
                     const struct errmsg *detail, const uint32_t *full_indexes, size_t count,
                     struct col_sink *cols, size_t row)
{
    int64_t us = timestamp_us(record);
    for (size_t i = 0; i < count; i++) {
        struct col_sink *sink = &cols[i];
        switch ((enum event_dead)full_indexes[i]) {
        case EVENT_DEAD_REASON:
            dead_bytes(sink, row, true, str_from(event_code_name(reason)));
            break;
        case EVENT_DEAD_DETAIL:
            dead_bytes(sink, row, detail != NULL, str_from(detail == NULL ? "" : detail->text));
            break;
        case EVENT_DEAD_VALUE:
            dead_bytes(sink, row, record->has_value, record->value);
            break;
        case EVENT_DEAD_KEY:
            dead_bytes(sink, row, record->has_key, record->key);
            break;
        case EVENT_DEAD_DATE:
            col_set_i32(sink, row, time_to_days(us));
            break;
        case EVENT_DEAD_PARTITION:
            col_set_i32(sink, row, partition);
            break;
        case EVENT_DEAD_OFFSET:
            col_set_i64(sink, row, record->offset);
            break;
        case EVENT_DEAD_TIMESTAMP:
            col_set_i64(sink, row, us);
            break;
        case EVENT_DEAD_COUNT:
            ASSERT(false);
            break;
        }
    }
}
