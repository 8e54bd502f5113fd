/* SPDX-License-Identifier: MIT */
/* ingest.c - see ingest.h.
 *
 * A part is what one partition gets of this request: finished batches that may not be appended yet
 * (atomic requests), then at most one open batch. Without `atomic` a finished batch is appended at
 * once and its room is used again. */
#include "flow/ingest.h"

#include <xxhash.h>

#include "os/clock.h"

enum { PART_BYTES_MAX = INGEST_ATOMIC_BYTES_MAX + (96 << 20), BATCHES_HELD_MAX = 4096 };

struct range {
    uint32_t partition;
    int64_t first;
    int64_t next;
};

struct part {
    struct buf bytes;             /* owned; finished batches, then the open one */
    struct batch_builder builder; /* in use while `open` */
    bool open;
    uint32_t *held; /* owned; lengths of finished batches not appended yet */
    size_t held_count;
    size_t touched;   /* bytes of the buffer that were written since it was allocated */
    int32_t position; /* records of this request seen for the partition, for idempotency */
};

struct ingest {
    struct topic *topic;               /* borrowed */
    struct idem_request *idem;         /* owned, or NULL */
    struct event_validator *validator; /* owned */
    struct schema_cache *schemas;      /* borrowed; may be NULL */
    uint32_t version;                  /* of the topic, whose schema is in force here */
    bool is_costly;                    /* that schema is */
    struct event_splitter *splitter;   /* owned; NULL for text */
    struct text_spec spec;             /* owned, when there is a reader */
    struct text_reader *reader;        /* owned; NULL for JSON */
    bool bury;
    XXH3_state_t *digest; /* owned, only with idem */
    struct part *parts;   /* owned; part_count of them */
    uint32_t part_count;  /* the topic's when the request began; it may get more meanwhile */
    size_t touched;       /* of all parts together */
    bool atomic;
    bool is_repeat; /* of a finished request: only the digest is wanted */
    uint64_t body_bytes;
    uint64_t accepted;
    uint64_t rejected;
    uint64_t dead;
    struct buf rejects;   /* owned; JSON objects with commas between */
    struct range *ranges; /* owned */
    size_t range_count;
    size_t range_cap;
    uint64_t seq;
    struct buf repeat_answer; /* owned */
    struct errmsg *msg;       /* borrowed during a call */
};

static void note_range(struct ingest *x, uint32_t partition, int64_t first, int64_t count)
{
    for (size_t i = x->range_count; i > 0; i--) {
        struct range *r = &x->ranges[i - 1];
        if (r->partition == partition) {
            if (r->next == first) {
                r->next += count;
                return;
            }
            break;
        }
    }
    if (x->range_count == x->range_cap) {
        x->range_cap = x->range_cap == 0 ? 4 : x->range_cap * 2;
        x->ranges = xrealloc(x->ranges, x->range_cap, sizeof *x->ranges);
    }
    x->ranges[x->range_count++] = (struct range){partition, first, first + count};
}

static err append(struct ingest *x, uint32_t partition, struct str batch, int32_t count)
{
    int64_t base = 0;
    uint64_t seq = 0;
    if (x->idem != NULL) {
        TRY(idem_append(x->idem, partition, batch, &base, &seq, x->msg));
    } else {
        TRY(topic_append(x->topic, partition, batch, &base, &seq, x->msg));
    }
    x->seq = MAX(x->seq, seq);
    note_range(x, partition, base, count);
    return ERR_OK;
}

static void note_touched(struct ingest *x, struct part *p)
{
    if (p->bytes.len > p->touched) {
        x->touched += p->bytes.len - p->touched;
        p->touched = p->bytes.len;
    }
}

static void release_part(struct ingest *x, struct part *p)
{
    ASSERT(x->touched >= p->touched);
    x->touched -= p->touched;
    p->touched = 0;
    buf_deinit(&p->bytes);
}

/* Closes the open batch and appends it, or keeps it for the end of an atomic request. */
static err close_batch(struct ingest *x, uint32_t partition)
{
    struct part *p = &x->parts[partition];
    if (!p->open) {
        return ERR_OK;
    }
    struct str batch;
    int32_t count = p->builder.count;
    p->open = false;
    TRY(batch_builder_finish(&p->builder, &batch));
    if (x->atomic) {
        if (p->held_count == BATCHES_HELD_MAX) {
            return errmsg_set(x->msg, ERR_TOO_LARGE, "too many batches in one atomic request");
        }
        p->held = xrealloc(p->held, p->held_count + 1, sizeof *p->held);
        p->held[p->held_count++] = (uint32_t)batch.len;
        return ERR_OK;
    }
    err e = append(x, partition, batch, count);
    buf_reset(&p->bytes);
    return e;
}

static err add_record(struct ingest *x, uint32_t partition, const struct record *record,
                      const struct record_header *headers, size_t header_count)
{
    ASSERT(partition < x->part_count);
    struct part *p = &x->parts[partition];
    int32_t position = p->position++;
    if (x->idem != NULL && position < idem_have(x->idem, partition)) {
        int32_t run = 0;
        note_range(x, partition, idem_offset(x->idem, partition, position, &run), 1);
        return ERR_OK; /* in the log since an earlier attempt */
    }
    if (!p->open) {
        if (p->bytes.max == 0) {
            p->bytes = buf_make(PART_BYTES_MAX);
        }
        int64_t producer = x->idem != NULL ? idem_producer_id(x->idem) : -1;
        batch_builder_begin(&p->builder, &p->bytes, os_now_ms(), producer, x->idem != NULL ? 0 : -1,
                            x->idem != NULL ? position : -1);
        p->open = true;
    }
    if (!batch_builder_add_record(&p->builder, record, headers, header_count)) {
        return errmsg_set(x->msg, ERR_TOO_LARGE, "the request does not fit in memory; send less");
    }
    note_touched(x, p);
    return batch_builder_bytes(&p->builder) >= INGEST_BATCH_BYTES ? close_batch(x, partition)
                                                                  : ERR_OK;
}

static void list_reject(struct ingest *x, const struct event_split_record *record,
                        enum event_code code, const char *detail)
{
    x->rejected++;
    if (x->rejected > INGEST_REJECTS_LISTED_MAX || x->rejects.len > INGEST_REJECTS_BYTES_MAX) {
        return;
    }
    if (x->rejects.len > 0) {
        buf_add_byte(&x->rejects, ',');
    }
    buf_printf(&x->rejects, "{\"index\":%llu,\"line\":%llu,\"code\":\"%s\",\"detail\":",
               (unsigned long long)record->index, (unsigned long long)record->line,
               event_code_name(code));
    buf_add_json_string(&x->rejects, str_from(detail));
    if (code == EVENT_SCHEMA) {
        buf_puts(&x->rejects, ",\"pointer\":");
        buf_add_json_string(&x->rejects, str_from(event_validator_pointer(x->validator)));
    }
    buf_add_byte(&x->rejects, '}');
}

static err reject(struct ingest *x, const struct event_split_record *record, enum event_code code,
                  const char *detail)
{
    list_reject(x, record, code, detail);
    return x->bury && !x->atomic ? ingest_add_dead(x, record->bytes, code, detail, x->msg) : ERR_OK;
}

/* The partition of a keyless record: the request's open one, else the topic's present favourite. */
static uint32_t keyless_partition(struct ingest *x)
{
    if (x->idem != NULL) {
        return idem_keyless_partition(x->idem);
    }
    return topic_partition_sticky(x->topic) % x->part_count;
}

/* The schema of a version is what events are checked with from now on. */
static err use_version(struct ingest *x, uint32_t id, struct errmsg *msg)
{
    const struct topic_meta *meta = topic_meta_of(x->topic);
    AUTO(json_schema_run) check = NULL;
    ASSERT(id >= 1 && id <= meta->version_count);
    TRY(schema_cache_get(x->schemas, meta, &meta->versions[id - 1], &check, msg));
    x->is_costly = check != NULL && json_schema_run_is_costly(check);
    event_validator_check(x->validator, check);
    x->version = id;
    return ERR_OK;
}

/* An idempotent request keeps the version that it began with. */
static err use_newest(struct ingest *x, struct errmsg *msg)
{
    uint32_t newest = (uint32_t)topic_meta_of(x->topic)->version_count;
    return x->idem == NULL && x->version != newest ? use_version(x, newest, msg) : ERR_OK;
}

bool ingest_is_costly(struct ingest *x)
{
    return use_newest(x, NULL) == ERR_OK && x->is_costly; /* else every event is refused */
}

enum event_code ingest_judge(struct ingest *x, struct str record, struct event_key *out_key,
                             struct errmsg *detail)
{
    if (use_newest(x, detail) != ERR_OK) {
        return EVENT_REFUSED;
    }
    return event_validate(x->validator, record, out_key, detail);
}

err ingest_add_event(struct ingest *x, struct str record, const struct event_key *key,
                     const struct record_header *headers, size_t header_count, struct errmsg *msg)
{
    uint32_t partition = key->has_key ? (hash_murmur2(key->bytes) & 0x7fffffffU) % x->part_count
                                      : keyless_partition(x);
    struct record event = {
        .has_key = key->has_key, .key = key->bytes, .has_value = true, .value = str_trim(record)};
    x->msg = msg;
    TRY(add_record(x, partition, &event, headers, header_count));
    x->accepted++;
    return ERR_OK;
}

static err on_record(void *context, const struct event_split_record *record)
{
    struct ingest *x = context;
    struct errmsg detail = {0};
    if (record->code != EVENT_OK) {
        return reject(x, record, record->code, record->detail);
    }
    struct event_key key = {0};
    enum event_code code = ingest_judge(x, record->bytes, &key, &detail);
    if (code != EVENT_OK) {
        return reject(x, record, code, detail.text);
    }
    return ingest_add_event(x, record->bytes, &key, NULL, 0, x->msg);
}

err ingest_add_dead(struct ingest *x, struct str value, enum event_code code, const char *detail,
                    struct errmsg *msg)
{
    ASSERT(code != EVENT_OK);
    AUTO_BUF verdict = buf_make(ERRMSG_BYTES + 64);
    buf_printf(&verdict, "%s\n%.*s", event_code_name(code), ERRMSG_BYTES, detail);
    struct record_header header = {
        .key = STR(EVENT_DEAD_HEADER), .has_value = true, .value = buf_str(&verdict)};
    struct record record = {.has_value = true, .value = value};
    x->msg = msg;
    TRY(add_record(x, keyless_partition(x), &record, &header, 1));
    x->dead++;
    return ERR_OK;
}

/* A line of text: its JSON goes the way of all events, a bad line with its own bytes. */
static err on_text(void *context, const struct text_record *record)
{
    bool good = record->code == EVENT_OK;
    struct event_split_record event = {.bytes = good ? record->json : record->raw,
                                       .index = record->index,
                                       .line = record->line,
                                       .code = record->code,
                                       .detail = record->detail};
    return on_record(context, &event);
}

/* How the body is to be read, beside the limits: a retry must ask for the same. */
static struct hash128 way_of_reading(const struct ingest_options *o)
{
    AUTO_BUF way = buf_make(4 << 20);
    buf_puts(&way, o->bury ? "bury " : "");
    if (o->key_field.len > 0) {
        buf_printf(&way, "key %zu ", o->key_field.len);
        buf_add_str(&way, o->key_field);
    }
    if (o->text != NULL) {
        text_spec_write(o->text, &way);
    }
    return hash_xxh3_128(buf_str(&way));
}

/* A member of the parameters of an idempotent request, as text; empty when it is not there. */
static struct str param_of(const json_t *params, const char *name)
{
    struct str value = {0};
    (void)json_opt_str(params, name, &value, NULL); /* stays empty */
    return value;
}

static err same_way(const struct ingest *x, struct str wanted, struct errmsg *msg)
{
    AUTO_JSON first = NULL;
    AUTO_JSON now = NULL;
    if (json_parse(idem_params(x->idem), &first, NULL) == ERR_OK &&
        json_parse(wanted, &now, NULL) == ERR_OK && param_of(first, "way").len > 0 &&
        !str_eq(param_of(first, "way"), param_of(now, "way"))) {
        return errmsg_set(
            msg, ERR_CONFLICT,
            "this Idempotency-Key was used with another format or key; use a new one");
    }
    return ERR_OK;
}

static err begin_idempotent(struct ingest *x, const struct ingest_options *o, struct errmsg *msg)
{
    AUTO_BUF params = buf_make(IDEM_PARAMS_BYTES_MAX);
    const struct topic_meta *meta = topic_meta_of(o->topic);
    struct hash128 way = way_of_reading(o);
    bool is_plain = o->text == NULL && !o->bury && o->key_field.len == 0;
    buf_printf(&params,
               "{\"record_bytes_max\":%zu,\"nesting_max\":%u,\"way\":\"%016llx%016llx\","
               "\"version\":%u}",
               o->record_bytes_max, o->nesting_max, is_plain ? 0ULL : (unsigned long long)way.high,
               is_plain ? 0ULL : (unsigned long long)way.low,
               meta->versions[meta->version_count - 1].id);
    TRY(idem_begin(o->topic, o->idempotency_key, buf_str(&params), &x->idem, msg));
    x->digest = XXH3_createState();
    if (x->digest == NULL) {
        return ERR_NOMEM;
    }
    (void)XXH3_128bits_reset(x->digest); /* cannot fail with a valid state */
    if (!is_plain) {
        (void)XXH3_128bits_update(x->digest, &way, sizeof way); /* likewise */
    }
    x->seq = idem_begin_seq(x->idem);
    x->part_count = idem_partition_count(x->idem);
    if (idem_state_of(x->idem) == IDEM_DONE) {
        x->is_repeat = true;
        return idem_answer(x->idem, &x->repeat_answer, msg);
    }
    return same_way(x, buf_str(&params), msg);
}

/* The limits and the version of the first attempt, so that a retry judges the same bytes the same
 * way. */
static void first_limits(struct ingest *x, size_t *record_bytes_max, uint32_t *nesting_max)
{
    AUTO_JSON params = NULL;
    int64_t bytes = (int64_t)*record_bytes_max;
    int64_t nesting = *nesting_max;
    int64_t version = x->version;
    if (x->idem != NULL && json_parse(idem_params(x->idem), &params, NULL) == ERR_OK &&
        json_opt_i64(params, "record_bytes_max", &bytes, NULL) == ERR_OK &&
        json_opt_i64(params, "nesting_max", &nesting, NULL) == ERR_OK &&
        json_opt_i64(params, "version", &version, NULL) == ERR_OK && bytes > 0 && nesting > 0 &&
        version > 0 && version <= x->version) {
        *record_bytes_max = (size_t)bytes;
        *nesting_max = (uint32_t)nesting;
        x->version = (uint32_t)version;
    }
}

/* What cuts the body into records: a reader of text or a splitter of JSON. */
static err open_reader(struct ingest *x, const struct ingest_options *o, size_t record_bytes_max,
                       struct errmsg *msg)
{
    if (o->text == NULL) {
        struct event_splitter_options s = {.format = o->format,
                                           .record_bytes_max = record_bytes_max,
                                           .on_record = on_record,
                                           .ctx = x};
        return event_splitter_new(&s, &x->splitter);
    }
    const struct topic_version *version = &topic_meta_of(x->topic)->versions[x->version - 1];
    AUTO_JSON schema = NULL; /* whose types a CSV follows */
    x->spec = *o->text;
    *o->text = (struct text_spec){.format = x->spec.format};
    if (version->schema != NULL && json_parse(str_from(version->schema), &schema, NULL) == ERR_OK) {
        text_spec_hint(&x->spec, schema);
    }
    struct text_reader_options r = {
        .spec = &x->spec, .record_bytes_max = record_bytes_max, .on_record = on_text, .ctx = x};
    return text_reader_new(&r, &x->reader, msg);
}

err ingest_new(const struct ingest_options *o, struct ingest **out_ingest, struct errmsg *msg)
{
    AUTO(ingest) x = xnew(struct ingest);
    x->topic = o->topic;
    x->atomic = o->atomic;
    x->bury = o->bury;
    x->part_count = topic_partition_count(o->topic);
    x->rejects = buf_make(INGEST_REJECTS_BYTES_MAX + 8192);
    x->repeat_answer = buf_make(IDEM_ANSWER_BYTES_MAX);
    if (o->idempotency_key.len > 0) {
        TRY(begin_idempotent(x, o, msg));
    }
    size_t record_bytes_max = o->record_bytes_max;
    uint32_t nesting_max = o->nesting_max;
    const struct topic_meta *meta = topic_meta_of(o->topic);
    x->schemas = o->schemas;
    x->version = (uint32_t)meta->version_count;
    first_limits(x, &record_bytes_max, &nesting_max);
    const char *own_key = meta->versions[x->version - 1].key_field;
    struct event_validator_options v = {
        .depth_max = nesting_max,
        .record_bytes_max = record_bytes_max,
        .indexer = o->indexer,
        .key_field = o->key_field.len > 0 ? o->key_field : str_from(own_key),
    };
    TRY(event_validator_new(&v, &x->validator, msg));
    TRY(use_version(x, x->version, msg));
    TRY(open_reader(x, o, record_bytes_max, msg));
    x->parts = xnew_array(struct part, x->part_count);
    *out_ingest = TAKE(x);
    return ERR_OK;
}

void ingest_free(struct ingest *x)
{
    if (x == NULL) {
        return;
    }
    for (uint32_t i = 0; x->parts != NULL && i < x->part_count; i++) {
        buf_deinit(&x->parts[i].bytes);
        free(x->parts[i].held);
    }
    free(x->parts);
    event_splitter_free(x->splitter);
    text_reader_free(x->reader);
    text_spec_deinit(&x->spec);
    event_validator_free(x->validator);
    idem_release(x->idem);
    (void)XXH3_freeState(x->digest); /* always reports success; NULL is fine */
    buf_deinit(&x->rejects);
    buf_deinit(&x->repeat_answer);
    free(x->ranges);
    free(x);
}

bool ingest_ready(const struct ingest *x, const struct topic_store *store)
{
    return x->idem == NULL || topic_store_durable_seq(store) >= idem_begin_seq(x->idem);
}

err ingest_feed(struct ingest *x, struct str chunk, struct errmsg *msg)
{
    x->msg = msg;
    x->body_bytes += chunk.len;
    if (x->digest != NULL) {
        (void)XXH3_128bits_update(x->digest, chunk.ptr, chunk.len); /* cannot fail */
    }
    if (x->is_repeat) {
        return ERR_OK;
    }
    if (x->atomic && x->body_bytes > INGEST_ATOMIC_BYTES_MAX) {
        return errmsg_set(msg, ERR_TOO_LARGE, "atomic=true takes bodies up to %d MiB",
                          INGEST_ATOMIC_BYTES_MAX >> 20);
    }
    return x->reader != NULL ? text_reader_feed(x->reader, chunk, msg)
                             : event_splitter_feed(x->splitter, chunk);
}

size_t ingest_held(const struct ingest *x, size_t *out_loose)
{
    *out_loose = x->atomic ? 0 : x->touched;
    return x->rejects.cap + x->repeat_answer.cap + x->range_cap * sizeof *x->ranges +
           x->part_count * sizeof *x->parts + (x->atomic ? x->touched : 0) +
           (x->splitter != NULL ? event_splitter_held(x->splitter) : 0) +
           (x->reader != NULL ? text_reader_held(x->reader) : 0);
}

err ingest_flush(struct ingest *x, struct errmsg *msg)
{
    x->msg = msg;
    if (x->splitter != NULL) {
        event_splitter_trim(x->splitter);
    }
    if (x->reader != NULL) {
        text_reader_trim(x->reader);
    }
    for (uint32_t i = 0; !x->atomic && x->touched > 0 && i < x->part_count; i++) {
        TRY(close_batch(x, i));
        release_part(x, &x->parts[i]);
    }
    return ERR_OK;
}

bool ingest_is_repeatable(const struct ingest *x)
{
    return x->idem != NULL || x->range_count == 0;
}

/* Appends what an atomic request has held back. */
static err append_held(struct ingest *x, uint32_t partition)
{
    struct part *p = &x->parts[partition];
    size_t at = 0;
    for (size_t i = 0; i < p->held_count; i++) {
        struct str batch = str_of(p->bytes.data + at, p->held[i]);
        struct batch_header header;
        TRY(batch_header_decode(batch, &header, x->msg));
        TRY(append(x, partition, batch, header.record_count));
        at += p->held[i];
    }
    return ERR_OK;
}

static err finish_idempotent(struct ingest *x, struct errmsg *msg)
{
    XXH128_hash_t d = XXH3_128bits_digest(x->digest);
    struct hash128 digest = {d.low64, d.high64};
    if (x->is_repeat) {
        struct hash128 first = idem_digest(x->idem);
        if (first.low != digest.low || first.high != digest.high) {
            return errmsg_set(msg, ERR_CONFLICT,
                              "this Idempotency-Key was used with another body; use a new key");
        }
        return ERR_OK;
    }
    AUTO_BUF answer = buf_make(IDEM_ANSWER_BYTES_MAX);
    ingest_answer(x, &answer);
    uint64_t seq = 0;
    TRY(idem_finish(x->idem, digest, buf_str(&answer), &seq, msg));
    x->seq = MAX(x->seq, seq);
    return ERR_OK;
}

err ingest_end(struct ingest *x, struct errmsg *msg)
{
    x->msg = msg;
    if (!x->is_repeat) {
        TRY(x->reader != NULL ? text_reader_finish(x->reader, msg)
                              : event_splitter_finish(x->splitter));
        for (uint32_t i = 0; i < x->part_count; i++) {
            TRY(close_batch(x, i));
        }
    }
    if (x->atomic && x->rejected > 0) {
        x->accepted = 0;
    } else if (x->atomic && !x->is_repeat) {
        for (uint32_t i = 0; i < x->part_count; i++) {
            TRY(append_held(x, i));
        }
    }
    for (uint32_t i = 0; x->touched > 0 && i < x->part_count; i++) {
        release_part(x, &x->parts[i]); /* the answer may wait for the disk */
    }
    return x->idem != NULL ? finish_idempotent(x, msg) : ERR_OK;
}

uint64_t ingest_seq(const struct ingest *x)
{
    return x->seq;
}

uint64_t ingest_accepted(const struct ingest *x)
{
    return x->accepted;
}

uint64_t ingest_dead(const struct ingest *x)
{
    return x->dead;
}

uint64_t ingest_rejected(const struct ingest *x)
{
    return x->rejected;
}

bool ingest_is_repeat(const struct ingest *x)
{
    return x->is_repeat;
}

void ingest_answer(const struct ingest *x, struct buf *out)
{
    if (x->is_repeat) {
        buf_add_str(out, buf_str(&x->repeat_answer));
        return;
    }
    buf_puts(out, "\"accepted\":");
    buf_add_u64(out, x->accepted);
    buf_puts(out, ",\"rejected\":[");
    buf_add_str(out, buf_str(&x->rejects));
    buf_puts(out, "],\"rejected_count\":");
    buf_add_u64(out, x->rejected);
    buf_puts(out, ",\"dead\":");
    buf_add_u64(out, x->dead);
    buf_puts(out, ",\"offsets\":[");
    for (size_t i = 0; i < x->range_count; i++) {
        const struct range *r = &x->ranges[i];
        buf_puts(out, i == 0 ? "{\"partition\":" : ",{\"partition\":");
        buf_add_u64(out, r->partition);
        buf_puts(out, ",\"first\":");
        buf_add_i64(out, r->first);
        buf_puts(out, ",\"next\":");
        buf_add_i64(out, r->next);
        buf_add_byte(out, '}');
    }
    buf_puts(out, "]");
}
