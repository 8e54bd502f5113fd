/* SPDX-License-Identifier: MIT */
/* catalog.c - the list of tables: names, claims, what the front tells. See catalog.h. */
#include "flow/catalog.h"

#include "base/log.h"
#include "flow/catalog_int.h"
#include "flow/land_schema.h"
#include "os/clock.h"
#include "os/file.h"
#include "sql/lake_parquet.h"

enum {
    CLAIM_POLL_US = 20 * 1000,
    WARM_FOR_US = 60 * 1000 * 1000,
    KEEP_FOR_US = 10 * 60 * 1000 * 1000,
    NEAR_NAMES = 3,
};
static const char *const schemas[] = {"main", "gold", "silver", "bronze", CATALOG_FILES};

/* ---- entries ---- */

static struct entry *entry_new(struct catalog *c, const char *schema, struct str table)
{
    struct entry *e = xnew(struct entry);
    e->catalog = c;
    e->refs = 1;
    e->schema = xstrdup(schema);
    e->table = xstrndup(table.ptr, table.len);
    e->tables[TABLE_ROWS].dir = xasprintf("%s/lake/%s/%s", c->data_dir, schema, e->table);
    if (strcmp(schema, CATALOG_FILES) == 0) {
        e->file = xnew(struct entry_file);
    }
    return e;
}

static void entry_destroy(struct entry *e)
{
    for (int kind = 0; kind < TABLE_KINDS; kind++) {
        catalog_table_deinit(&e->tables[kind]);
    }
    sql_conn_close(e->conn);
    entry_file_free(e->file);
    if (e->has_meta) {
        topic_meta_deinit(&e->meta);
    }
    free(e->schema);
    free(e->name);
    free(e->table);
    free(e->uuid);
    free(e->topic_dir);
    free(e->acked);
    free(e->state);
    free(e);
}

void entry_unref(struct entry *e)
{
    if (e == NULL) {
        return;
    }
    struct catalog *c = e->catalog;
    catalog_lock(c);
    bool last = --e->refs == 0;
    catalog_unlock(c);
    if (last) {
        entry_destroy(e);
    }
}

bool entry_try_claim(struct entry *e)
{
    catalog_lock(e->catalog);
    bool mine = !e->is_busy;
    e->is_busy = true;
    catalog_unlock(e->catalog);
    return mine;
}

err entry_claim(struct entry *e, const atomic_bool *cancel, struct errmsg *msg)
{
    struct catalog *c = e->catalog;
    catalog_lock(c);
    while (e->is_busy && !(cancel != NULL && atomic_load(cancel))) {
        int64_t until_us = os_mono_us() + CLAIM_POLL_US;
        struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
        (void)pthread_cond_clockwait(&c->released, &c->lock, CLOCK_MONOTONIC, &until);
    }
    bool mine = !e->is_busy;
    e->is_busy = true;
    catalog_unlock(c);
    return mine ? ERR_OK : errmsg_set(msg, ERR_CANCELLED, "cancelled");
}

void entry_release(struct entry *e)
{
    struct catalog *c = e->catalog;
    catalog_lock(c);
    ASSERT(e->is_busy);
    e->is_busy = false;
    (void)pthread_cond_broadcast(&c->released);
    catalog_unlock(c);
}

/* Under the lock. */
static void list_add(struct catalog *c, struct entry *e)
{
    if (c->count == c->cap) {
        c->cap = MAX(16, c->cap * 2);
        c->entries = xrealloc(c->entries, c->cap, sizeof(struct entry *));
    }
    c->entries[c->count++] = e;
}

/* ---- names ---- */

/* Does `name` mean this entry? The kind of table by its suffix. */
static bool entry_matches(const struct entry *e, struct str schema, struct str name,
                          enum table_kind *out_kind)
{
    if (schema.len > 0 && !str_eq_nocase(schema, str_from(e->schema))) {
        return false;
    }
    *out_kind = TABLE_ROWS;
    if (str_eq_nocase(name, str_from(e->table))) {
        return true;
    }
    size_t len = strlen(e->table);
    *out_kind = TABLE_DEAD;
    return e->name != NULL && name.len == len + strlen(LAND_DEAD_SUFFIX) &&
           str_eq_nocase(str_of(name.ptr, len), str_from(e->table)) &&
           str_eq_nocase(str_of(name.ptr + len, name.len - len), STR(LAND_DEAD_SUFFIX));
}

/* Under the lock; schemas in their order of search. */
static struct entry *list_find(struct catalog *c, struct str schema, struct str name,
                               enum table_kind *out_kind)
{
    for (size_t s = 0; s < ARRAY_LEN(schemas); s++) {
        if (schema.len > 0 && !str_eq_nocase(schema, str_from(schemas[s]))) {
            continue;
        }
        for (size_t i = 0; i < c->count; i++) {
            if (entry_matches(c->entries[i], str_from(schemas[s]), name, out_kind)) {
                c->entries[i]->refs++;
                return c->entries[i];
            }
        }
    }
    return NULL;
}

static err not_found(struct catalog *c, struct str schema, struct str name, struct errmsg *msg)
{
    AUTO_BUF near = buf_make(4096);
    size_t listed = 0;
    size_t limit = MAX(name.len / 3, 2);
    catalog_lock(c);
    for (size_t i = 0; i < c->count && listed < NEAR_NAMES; i++) {
        const struct entry *e = c->entries[i];
        struct str table = str_from(e->table);
        bool inside = name.len >= 3 && (str_starts(table, name) || str_starts(name, table));
        if (inside || str_distance_nocase(name, table, limit) <= limit) {
            buf_printf(&near, "%s%s.%s", listed == 0 ? "" : ", ", e->schema, e->table);
            listed++;
        }
    }
    size_t count = c->count;
    catalog_unlock(c);
    const char *dot = schema.len > 0 ? "." : "";
    if (listed > 0) {
        return errmsg_set(msg, ERR_NOT_FOUND, "there is no table %.*s%s%.*s; did you mean %s?",
                          STR_ARGS(schema), dot, STR_ARGS(name), buf_cstr(&near));
    }
    return errmsg_set(msg, ERR_NOT_FOUND,
                      count == 0 ? "there is no table %.*s%s%.*s, nor any other yet"
                                 : "there is no table %.*s%s%.*s; SHOW TABLES lists what is there",
                      STR_ARGS(schema), dot, STR_ARGS(name));
}

static bool is_on_disk(struct catalog *c, const struct entry *e)
{
    AUTO_TEXT file = NULL;
    return e->file != NULL ? catalog_file_find(c, str_from(e->table), &file) == ERR_OK
                           : lake_table_exists(e->tables[TABLE_ROWS].dir);
}

/* A Delta table that no topic owns, or a file, becomes an entry. */
static struct entry *find_on_disk(struct catalog *c, const char *schema, struct str name)
{
    char table[TOPIC_NAME_BYTES_MAX + 1];
    if (!topic_name_valid(name)) {
        return NULL;
    }
    topic_table_name(name, table);
    struct entry *e = entry_new(c, schema, str_from(table));
    if (!is_on_disk(c, e)) {
        entry_destroy(e);
        return NULL;
    }
    enum table_kind kind;
    catalog_lock(c);
    struct entry *other = list_find(c, str_from(schema), name, &kind);
    if (other == NULL) {
        e->refs++;
        list_add(c, e);
    }
    catalog_unlock(c);
    if (other != NULL) {
        entry_destroy(e);
        return other;
    }
    return e;
}

err catalog_find(struct catalog *c, struct str schema, struct str name, struct entry **out_entry,
                 enum table_kind *out_kind, struct errmsg *msg)
{
    struct entry *e = NULL;
    for (size_t s = 0; s < ARRAY_LEN(schemas) && e == NULL; s++) {
        if (schema.len > 0 && !str_eq_nocase(schema, str_from(schemas[s]))) {
            continue;
        }
        catalog_lock(c);
        e = list_find(c, str_from(schemas[s]), name, out_kind);
        catalog_unlock(c);
        if (e == NULL) {
            e = find_on_disk(c, schemas[s], name);
            *out_kind = e != NULL ? TABLE_ROWS : *out_kind;
        }
    }
    if (e == NULL) {
        return not_found(c, schema, name, msg);
    }
    *out_entry = e;
    return ERR_OK;
}

struct entry **catalog_all(struct catalog *c, size_t *out_count)
{
    for (size_t s = 0; s < ARRAY_LEN(schemas); s++) {
        AUTO_TEXT dir = xasprintf("%s/lake/%s", c->data_dir, schemas[s]);
        AUTO_NAMES names = {0};
        if (strcmp(schemas[s], CATALOG_FILES) == 0) {
            catalog_file_tables(c, &names);
        } else if (os_list(dir, &names, NULL) != ERR_OK) {
            continue; /* not made yet */
        }
        for (size_t i = 0; i < names.count; i++) {
            enum table_kind kind;
            struct entry *e = NULL;
            if (catalog_find(c, str_from(schemas[s]), str_from(names.items[i]), &e, &kind, NULL) ==
                ERR_OK) {
                entry_unref(e);
            }
        }
    }
    catalog_lock(c);
    size_t count = c->count;
    struct entry **all = xnew_array(struct entry *, MAX(count, 1));
    for (size_t i = 0; i < count; i++) {
        all[i] = c->entries[i];
        all[i]->refs++;
    }
    catalog_unlock(c);
    *out_count = count;
    return all;
}

/* ---- what the front tells ---- */

static struct entry *topic_entry_new(struct catalog *c, const struct wire_topic *topic)
{
    struct entry *e = entry_new(c, "bronze", topic->table);
    e->name = xstrndup(topic->name.ptr, topic->name.len);
    e->uuid = xstrndup(topic->uuid.ptr, topic->uuid.len);
    e->topic_dir = xasprintf("%s/topics/%s", c->data_dir, e->name);
    e->tables[TABLE_DEAD].dir =
        xasprintf("%s/lake/bronze/%s" LAND_DEAD_SUFFIX, c->data_dir, e->table);
    e->is_meta_stale = true;
    return e;
}

static bool entry_is_topic(const struct entry *e, const struct wire_topic *topic)
{
    return e->name != NULL && str_is(topic->name, e->name) && str_is(topic->uuid, e->uuid);
}

static int entry_name_cmp(const void *a, const void *b)
{
    return strcmp((*(struct entry *const *)a)->name, (*(struct entry *const *)b)->name);
}

/* Under the lock: after the list has changed. */
static void index_topics(struct catalog *c)
{
    c->topics = xrealloc(c->topics, MAX(c->count, 1), sizeof(struct entry *));
    c->topic_count = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (c->entries[i]->name != NULL) {
            c->topics[c->topic_count++] = c->entries[i];
        }
    }
    qsort(c->topics, c->topic_count, sizeof(struct entry *), entry_name_cmp);
}

/* Under the lock. */
static struct entry *topic_find(struct catalog *c, struct str name)
{
    size_t low = 0;
    size_t high = c->topic_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(str_from(c->topics[middle]->name), name);
        if (order == 0) {
            return c->topics[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

/* Under the lock: takes out what is no longer said; the entries to unref go to `gone`. */
static size_t take_out(struct catalog *c, const struct wire_topics *topics, struct entry **gone)
{
    for (size_t i = 0; i < c->count; i++) {
        c->entries[i]->is_gone = true; /* plain tables are found again when they are named */
    }
    for (size_t j = 0; j < topics->count; j++) {
        struct entry *e = topic_find(c, topics->items[j].name);
        if (e != NULL && entry_is_topic(e, &topics->items[j])) {
            e->is_gone = false;
            e->is_meta_stale = true;
        }
    }
    size_t kept = 0;
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++) {
        struct entry *e = c->entries[i];
        if (e->is_gone) {
            gone[count++] = e;
        } else {
            c->entries[kept++] = e;
        }
    }
    c->count = kept;
    index_topics(c);
    return count;
}

void catalog_set_topics(struct catalog *c, const struct wire_topics *topics)
{
    catalog_lock(c);
    struct entry **gone = xnew_array(struct entry *, c->count + 1);
    size_t gone_count = take_out(c, topics, gone);
    for (size_t j = 0; j < topics->count; j++) {
        if (topic_find(c, topics->items[j].name) == NULL) {
            list_add(c, topic_entry_new(c, &topics->items[j]));
        }
    }
    index_topics(c);
    c->generation += gone_count > 0;
    catalog_unlock(c);
    for (size_t i = 0; i < gone_count; i++) {
        entry_unref(gone[i]);
    }
    free(gone);
}

void catalog_set_ends(struct catalog *c, const struct wire_ends *ends)
{
    catalog_lock(c);
    for (size_t i = 0; i < ends->count; i++) {
        const struct wire_topic_ends *item = &ends->items[i];
        struct entry *e = topic_find(c, item->topic);
        if (e == NULL) {
            continue;
        }
        if (e->acked_count < item->partition_count) {
            e->acked = xrealloc(e->acked, item->partition_count, sizeof *e->acked);
            memset(e->acked + e->acked_count, 0,
                   (item->partition_count - e->acked_count) * sizeof *e->acked);
            e->acked_count = item->partition_count;
        }
        for (uint32_t p = 0; p < item->partition_count; p++) {
            e->acked[p] = MAX(e->acked[p], item->ends[p]);
        }
    }
    catalog_unlock(c);
}

void catalog_set_progress(struct catalog *c, const struct wire_progress *progress)
{
    catalog_lock(c);
    struct entry *e = topic_find(c, progress->topic);
    if (e != NULL) {
        free(e->state);
        e->state = xstrndup(progress->state.ptr, progress->state.len);
    }
    catalog_unlock(c);
}

/* ---- keeping warm ---- */

static void warm_entry(struct entry *e, const atomic_bool *cancel)
{
    struct catalog *c = e->catalog;
    int64_t now_us = os_mono_us();
    bool wants[TABLE_KINDS];
    catalog_lock(c);
    bool any = false;
    bool full = atomic_load(&c->pool.bytes) >= c->pool.bytes_max;
    bool old[TABLE_KINDS];
    for (int kind = 0; kind < TABLE_KINDS; kind++) {
        int64_t asked_us = e->tables[kind].asked_us;
        wants[kind] = asked_us != 0 && now_us - asked_us < WARM_FOR_US;
        old[kind] = !wants[kind] && asked_us != 0 && (full || now_us - asked_us > KEEP_FOR_US);
        any = any || wants[kind] || old[kind];
    }
    bool mine = any && !e->is_busy && !e->is_gone && e->name != NULL;
    e->is_busy = e->is_busy || mine;
    catalog_unlock(c);
    if (!mine) {
        return;
    }
    for (int kind = 0; kind < TABLE_KINDS; kind++) {
        if (old[kind]) {
            catalog_table_forget_hot(&e->tables[kind]);
        }
    }
    struct entry_ends ends = {0};
    struct errmsg msg = {0};
    err result = wants[TABLE_ROWS] || wants[TABLE_DEAD]
                     ? entry_bring_up(e, wants, cancel, &ends, &msg)
                     : ERR_OK;
    free(ends.items);
    if (result != ERR_OK) {
        log_debug("a topic was not kept warm", "topic=%s error=\"%s\"", e->name, msg.text);
    }
    entry_release(e);
}

void catalog_warm(struct catalog *c, const atomic_bool *cancel)
{
    catalog_lock(c);
    size_t count = c->count;
    struct entry **all = xnew_array(struct entry *, MAX(count, 1));
    for (size_t i = 0; i < count; i++) {
        all[i] = c->entries[i];
        all[i]->refs++;
    }
    catalog_unlock(c);
    for (size_t i = 0; i < count; i++) {
        if (!atomic_load(cancel)) {
            warm_entry(all[i], cancel);
        }
        entry_unref(all[i]);
    }
    free(all);
}

/* ---- life cycle ---- */

err catalog_new(const struct catalog_options *options, struct catalog **out_catalog,
                struct errmsg *msg)
{
    struct sql_conn *conn = NULL;
    TRY(sql_conn_open(options->engine, &conn, msg));
    err e = hot_set_up(conn, msg);
    if (e == ERR_OK) {
        e = sql_exec(conn, "CREATE TABLE memory.hot.anchor(nothing BOOLEAN)", msg);
    }
    sql_conn_close(conn);
    TRY(e);
    struct catalog *c = xnew(struct catalog);
    c->engine = options->engine;
    c->data_dir = xstrdup(options->data_dir);
    c->threads = MAX(options->threads, 1);
    c->pool.bytes_max = options->hot_bytes_max;
    (void)pthread_mutex_init(&c->lock, NULL); /* neither can fail with default attributes */
    (void)pthread_cond_init(&c->released, NULL);
    catalog_files_init(&c->files);
    *out_catalog = c;
    return ERR_OK;
}

void catalog_free(struct catalog *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->count; i++) {
        ASSERT(c->entries[i]->refs == 1);
        entry_destroy(c->entries[i]);
    }
    (void)pthread_cond_destroy(&c->released); /* nobody waits */
    (void)pthread_mutex_destroy(&c->lock);
    free(c->entries);
    catalog_files_deinit(&c->files);
    free(c->topics);
    free(c->data_dir);
    free(c);
}

uint64_t catalog_hot_bytes(const struct catalog *c)
{
    return atomic_load(&((struct catalog *)(uintptr_t)c)->pool.bytes);
}
