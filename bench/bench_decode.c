/* SPDX-License-Identifier: MIT */
/* bench_decode.c - nanoseconds of CPU per event for splitting, validating, decoding and producing.
 *
 *     bench_decode [FILE.ndjson [SCHEMA.json]]
 *
 * FILE: for instance what bench/events.py writes; without one, events of our own. SCHEMA: a JSON
 * Schema that they are to hold; with it, only splitting and validating are timed, without the
 * schema and with it in turns. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "flow/decode.h"
#include "flow/json_index.h"
#include "flow/json_schema.h"
#include "flow/producer.h"

enum { EVENTS = 200000, ROUNDS = 5, FILE_BYTES_MAX = 1 << 28 };

static double cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct bench {
    struct buf text;
    struct record *records;
    size_t count;
    struct event_validator *validator;
    uint64_t good;
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_decode: %s\n", what);
    exit(1);
}

static void check(err e, const char *what)
{
    if (e != ERR_OK) {
        fail(what);
    }
}

/* A preset, or a template as text. */
static struct producer *new_producer(const char *preset, const char *template)
{
    AUTO_JSON change = NULL;
    AUTO_JSON spec = NULL;
    struct producer *p = NULL;
    if (template != NULL) {
        check(json_parse(str_from(template), &change, NULL), "template");
    }
    check(producer_spec(preset, change, &spec, NULL), "preset");
    check(producer_compile(spec, 1, 0, &p, NULL), "specification");
    return p;
}

static void read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    char piece[65536];
    size_t got = 0;
    while (f != NULL && (got = fread(piece, 1, sizeof(piece), f)) > 0) {
        (void)buf_add(out, piece, got);
    }
    if (f == NULL || out->failed) {
        fail("cannot read the file");
    }
    (void)fclose(f);
}

static void make_events(struct bench *b, const char *path)
{
    b->text = buf_make(FILE_BYTES_MAX);
    if (path == NULL) {
        AUTO(producer) p = new_producer("analytics", NULL);
        for (size_t i = 0; i < EVENTS; i++) {
            (void)producer_next(p, (int64_t)i * 1000, &b->text);
            (void)buf_add_byte(&b->text, '\n');
        }
        return;
    }
    read_file(path, &b->text);
}

static err keep(void *ctx, const struct event_split_record *record)
{
    struct bench *b = ctx;
    b->records[b->count] = (struct record){.offset = (int64_t)b->count,
                                           .timestamp_ms = 1800000000000,
                                           .value = record->bytes,
                                           .has_value = true};
    b->count++;
    return ERR_OK;
}

static err validate(void *ctx, const struct event_split_record *record)
{
    struct bench *b = ctx;
    struct event_key key;
    b->good += event_validate(b->validator, record->bytes, &key, NULL) == EVENT_OK;
    return ERR_OK;
}

static double run_split(struct bench *b, event_split_cb cb, enum event_format format, size_t piece)
{
    AUTO(event_splitter) s = NULL;
    struct event_splitter_options o = {.format = format, .on_record = cb, .ctx = b};
    check(event_splitter_new(&o, &s), "splitter");
    b->count = 0;
    double start = cpu_ns();
    for (size_t at = 0; at < b->text.len; at += piece) {
        check(event_splitter_feed(s, str_of(b->text.data + at, MIN(piece, b->text.len - at))),
              "feed");
    }
    check(event_splitter_finish(s), "finish");
    return (cpu_ns() - start) / (double)event_splitter_count(s);
}

/* Infers the schema of all records, as the writer does before it lands them. */
static struct event_schema *infer_all(struct bench *b, double *out_ns)
{
    struct event_schema *empty = NULL;
    struct event_schema *schema = NULL;
    AUTO(decoder) d = NULL;
    AUTO(infer) x = NULL;
    enum event_code reason;
    struct decode_options o = {.infer = true};
    check(event_schema_new(NULL, 0, NULL, 0, &empty, NULL), "schema");
    check(decoder_new(empty, &o, &d, NULL), "decoder");
    check(infer_new(empty, &x), "infer");
    double start = cpu_ns();
    for (size_t i = 0; i < b->count; i++) {
        (void)decode_row(d, &b->records[i], 0, NULL, 0, &reason, NULL);
    }
    check(decoder_infer(d, x), "infer");
    *out_ns = (cpu_ns() - start) / (double)b->count;
    check(infer_schema(x, false, &schema, NULL), "schema");
    event_schema_unref(empty);
    return schema;
}

static double run_decode(struct bench *b, struct event_schema *schema, bool borrow)
{
    AUTO(decoder) d = NULL;
    struct decode_options o = {.infer = true, .borrow_text = borrow};
    struct col_block block;
    enum event_code reason;
    check(decoder_new(schema, &o, &d, NULL), "decoder");
    check(col_block_init(&block, event_schema_full(schema), event_schema_full_count(schema),
                         64 << 20),
          "block");
    b->good = 0;
    double start = cpu_ns();
    for (size_t i = 0; i < b->count; i++) {
        if (i % SOURCE_ROWS == 0) {
            col_block_reset(&block);
        }
        b->good += decode_row(d, &b->records[i], 3, block.cols, i % SOURCE_ROWS, &reason, NULL) ==
                   DECODE_ROW;
    }
    double ns = (cpu_ns() - start) / (double)b->count;
    col_block_deinit(&block);
    return ns;
}

static double run_judge(struct bench *b, struct event_schema *schema)
{
    AUTO(decoder) d = NULL;
    struct decode_options o = {0};
    enum event_code reason;
    check(decoder_new(schema, &o, &d, NULL), "decoder");
    double start = cpu_ns();
    for (size_t i = 0; i < b->count; i++) {
        b->good += decode_judge(d, &b->records[i], &reason, NULL) == DECODE_ROW;
    }
    return (cpu_ns() - start) / (double)b->count;
}

static void time_producer(const char *name, struct producer *p)
{
    AUTO_BUF out = buf_make(FILE_BYTES_MAX);
    (void)buf_reserve(&out, FILE_BYTES_MAX / 2); /* growing it is not what is measured */
    double start = cpu_ns();
    for (int64_t i = 0; i < EVENTS; i++) {
        (void)producer_next(p, 1800000000000000 + i * 10, &out);
    }
    (void)printf("produce %-20s %7.1f ns/event, %zu bytes each\n", name,
                 (cpu_ns() - start) / EVENTS, out.len / EVENTS);
    producer_free(p);
}

static void run_produce(void)
{
    static const char *const presets[] = {"web_logs", "customers", "transactions", "analytics"};
    time_producer("small", new_producer(NULL, "{\"template\":{\"id\":{\"$seq\":{}},\"at\":"
                                              "{\"$time\":{}},\"kind\":{\"$choice\":{\"values\":"
                                              "[\"a\",\"b\"]}},\"n\":{\"$int\":{}}}}"));
    for (size_t k = 0; k < ARRAY_LEN(presets); k++) {
        time_producer(presets[k], new_producer(presets[k], NULL));
    }
}

/* Validating alone, without the schema and with it in turns; the least of each. */
static void run_schema(struct bench *b, const char *path)
{
    enum { TURNS = 15 };
    AUTO_BUF text = buf_make(FILE_BYTES_MAX);
    AUTO(json_schema) schema = NULL;
    AUTO(json_schema_run) run = NULL;
    struct json_schema_finding found;
    double least[2] = {1e9, 1e9};
    read_file(path, &text);
    if (json_schema_new(buf_str(&text), &schema, &found) != ERR_OK) {
        fail(found.reason);
    }
    check(json_schema_run_new(schema, &run), "schema");
    for (int turn = 0; turn < 2 * TURNS; turn++) {
        struct event_validator_options o = {.check = turn % 2 == 0 ? NULL : run};
        check(event_validator_new(&o, &b->validator, NULL), "validator");
        b->good = 0;
        double ns = run_split(b, validate, EVENT_FORMAT_NDJSON, 65536);
        least[turn % 2] = MIN(least[turn % 2], ns);
        event_validator_free(b->validator);
    }
    (void)printf("ns/event: split+validate %.1f, with the schema %.1f (%llu are good)\n", least[0],
                 least[1], (unsigned long long)b->good);
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    make_events(&b, argc > 1 ? argv[1] : NULL);
    if (argc > 2) {
        run_schema(&b, argv[2]);
        buf_deinit(&b.text);
        return 0;
    }
    b.records = calloc(b.text.len / 2 + 1, sizeof(*b.records));
    struct event_validator_options v = {.key_field = STR("customer_id")};
    struct event_validator_options no_key = {0};
    (void)printf("simdjson kernel: %s\n", json_indexer_name());
    struct event_schema *schema = NULL;
    for (int round = 0; round < ROUNDS; round++) {
        double infer_ns = 0;
        double split = run_split(&b, keep, EVENT_FORMAT_NDJSON, b.text.len);
        check(event_validator_new(&no_key, &b.validator, NULL), "validator");
        double both = run_split(&b, validate, EVENT_FORMAT_NDJSON, 65536);
        event_validator_free(b.validator);
        check(event_validator_new(&v, &b.validator, NULL), "validator");
        double keyed = run_split(&b, validate, EVENT_FORMAT_NDJSON, 65536);
        event_validator_free(b.validator);
        (void)run_split(&b, keep, EVENT_FORMAT_NDJSON, b.text.len);
        event_schema_unref(schema);
        schema = infer_all(&b, &infer_ns);
        double copied = run_decode(&b, schema, false);
        double borrowed = run_decode(&b, schema, true);
        double judged = run_judge(&b, schema);
        (void)printf("ns/event: split %.1f, split+validate %.1f, with key %.1f, infer %.1f, "
                     "decode %.1f, decode borrowing %.1f, judge %.1f (%zu events of %zu bytes)\n",
                     split, both, keyed, infer_ns, copied, borrowed, judged, b.count,
                     b.text.len / b.count);
    }
    run_produce();
    for (size_t i = 0; i < event_schema_count(schema); i++) {
        const struct event_column *c = event_schema_column(schema, i);
        (void)printf("column %.*s %s\n", STR_ARGS(c->name), col_type_sql(c->type));
    }
    event_schema_unref(schema);
    buf_deinit(&b.text);
    free(b.records);
    return 0;
}
