/* SPDX-License-Identifier: MIT */
/* query_local.c - see query_local.h. */
#include "app/query_local.h"

#include <unistd.h>

#include "flow/query.h"
#include "os/clock.h"
#include "os/file.h"
#include "topic/reader.h"

enum { HOT_PERCENT = 25 };

/* The topics of a folder, as a server's front would tell them. */
struct found {
    struct wire_topics topics;
    struct wire_ends ends;
    struct topic_meta *metas; /* owned, one per topic */
    char **dirs;              /* owned, likewise */
};

static void found_deinit(struct found *f)
{
    for (size_t i = 0; i < f->topics.count; i++) {
        topic_meta_deinit(&f->metas[i]);
        free(f->dirs[i]);
    }
    for (size_t i = 0; i < f->ends.count; i++) {
        free(f->ends.items[i].ends);
    }
    free(f->metas);
    free(f->dirs);
    free(f->topics.items);
    free(f->ends.items);
}
#define AUTO_FOUND __attribute__((cleanup(found_deinit))) struct found

static err find_ends(struct found *f, const struct topic_meta *meta, const char *dir,
                     struct errmsg *msg)
{
    struct wire_topic_ends *item = &f->ends.items[f->ends.count++];
    *item = (struct wire_topic_ends){.topic = str_from(meta->name),
                                     .ends = xnew_array(int64_t, meta->partition_count),
                                     .partition_count = meta->partition_count};
    for (uint32_t p = 0; p < meta->partition_count; p++) {
        AUTO_TEXT partition = xasprintf("%s/%u", dir, p);
        struct topic_ends ends = {0};
        err e = topic_recover_readonly(partition, &ends, msg);
        if (e != ERR_OK && e != ERR_NOT_FOUND) { /* without a folder: nothing was appended yet */
            return errmsg_wrap(msg, e, "topic %s, partition %u", meta->name, p);
        }
        item->ends[p] = ends.end;
    }
    return ERR_OK;
}

static err find_topics(const char *data_dir, struct found *f, struct errmsg *msg)
{
    AUTO_TEXT root = xasprintf("%s/topics", data_dir);
    AUTO_NAMES names = {0};
    err e = os_list(root, &names, msg);
    if (e != ERR_OK) {
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    }
    size_t room = MAX(names.count, 1);
    f->topics.items = xnew_array(struct wire_topic, room);
    f->ends.items = xnew_array(struct wire_topic_ends, room);
    f->metas = xnew_array(struct topic_meta, room);
    f->dirs = xnew_array(char *, room);
    for (size_t i = 0; i < names.count; i++) {
        AUTO_TEXT dir = xasprintf("%s/%s", root, names.items[i]);
        AUTO_TEXT path = xasprintf("%s/topic.json", dir);
        if (!os_exists(path)) {
            continue; /* being made or removed when the server ended */
        }
        size_t at = f->topics.count;
        TRY(topic_meta_load(path, &f->metas[at], msg));
        const struct topic_meta *meta = &f->metas[at];
        f->dirs[at] = TAKE(dir);
        f->topics.items[at] = (struct wire_topic){.name = str_from(meta->name),
                                                  .table = str_from(meta->table),
                                                  .uuid = str_from(meta->uuid.text),
                                                  .dir = str_from(f->dirs[at]),
                                                  .partition_count = meta->partition_count};
        f->topics.count++;
        TRY(find_ends(f, meta, f->dirs[at], msg));
    }
    return ERR_OK;
}

struct query_local {
    char *data_dir;            /* owned; absolute, as the next one */
    char *scratch;             /* owned */
    struct sql_engine *engine; /* owned, as the next two */
    struct catalog *catalog;
    struct catalog_session *session;
    atomic_bool stop;
    struct query_counts counts;
};

struct sink {
    err (*write)(void *context, struct str piece);
    void *context;
    struct buf *collect;
};

static err no_head(void *ctx, struct str content_type, struct errmsg *msg)
{
    (void)ctx;
    (void)content_type;
    (void)msg;
    return ERR_OK;
}

static err take_data(void *ctx, struct str bytes, struct errmsg *msg)
{
    struct sink *sink = ctx;
    if (sink->collect != NULL) {
        return buf_add_str(sink->collect, bytes)
                   ? ERR_OK
                   : errmsg_set(msg, ERR_TOO_LARGE,
                                "the answer is too large to show; ask for less");
    }
    err e = sink->write(sink->context, bytes);
    return e == ERR_OK ? ERR_OK : errmsg_set(msg, e, "cannot write the answer");
}

/* The topics of the folder and how far they go, as they are now. */
static err refresh(struct query_local *q, struct errmsg *msg)
{
    AUTO_FOUND found = {0};
    TRY(find_topics(q->data_dir, &found, msg));
    catalog_set_topics(q->catalog, &found.topics);
    catalog_set_ends(q->catalog, &found.ends);
    return ERR_OK;
}

err query_local_run(struct query_local *q, const struct query_local_request *request,
                    err (*write)(void *context, struct str piece), void *context,
                    struct buf *collect_or_null, const char **out_code, struct errmsg *msg)
{
    ASSERT(write != NULL || collect_or_null != NULL);
    *out_code = "internal";
    TRY(refresh(q, msg));
    struct sink sink = {write, context, collect_or_null};
    struct wire_query query = {.sql = str_from(request->sql),
                               .format = str_from(request->format),
                               .limit = request->limit,
                               .int64_as_string = request->int64_strings};
    struct query_options options = {.query = &query,
                                    .started_us = os_mono_us(),
                                    .cancel = &q->stop,
                                    .counts = &q->counts,
                                    .scratch_dir = q->scratch};
    struct query_output output = {.ctx = &sink, .head = no_head, .data = take_data};
    struct wire_done done;
    return query_run(q->session, &options, &output, &done, out_code, msg);
}

void query_local_prepare(struct query_local *q)
{
    sql_conn_interrupt_reset(catalog_session_conn(q->session));
    atomic_store(&q->stop, false);
}

void query_local_stop(struct query_local *q)
{
    atomic_store(&q->stop, true);
    sql_conn_interrupt(catalog_session_conn(q->session));
}

struct sql_progress query_local_progress(struct query_local *q)
{
    return sql_conn_progress(catalog_session_conn(q->session));
}

uint64_t query_local_bytes(struct query_local *q)
{
    return atomic_load(&q->counts.bytes_total);
}

/* ---- open and close ---- */

static err open_parts(struct query_local *q, struct errmsg *msg)
{
    AUTO_TEXT lake = xasprintf("%s/lake", q->data_dir);
    AUTO_TEXT topics = xasprintf("%s/topics", q->data_dir);
    AUTO_TEXT files = xasprintf("%s/files", q->data_dir);
    const char *read_dirs[] = {lake, topics, files};
    struct sql_engine_options engine_options = {
        .temp_dir = q->scratch,
        .walls = SQL_WALL_INNER,
        .read_dirs = read_dirs,
        .read_dir_count = ARRAY_LEN(read_dirs),
    };
    TRY(sql_engine_open(&engine_options, &q->engine, msg));
    uint64_t pages = (uint64_t)MAX(sysconf(_SC_PHYS_PAGES), 1L);
    uint64_t memory = pages * (uint64_t)MAX(sysconf(_SC_PAGESIZE), 1L);
    struct catalog_options options = {
        .engine = q->engine,
        .data_dir = q->data_dir,
        .hot_bytes_max = memory / 100 * HOT_PERCENT,
        .threads = (unsigned)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L),
    };
    TRY(catalog_new(&options, &q->catalog, msg));
    return catalog_session_open(q->catalog, &q->session, msg);
}

err query_local_open(const char *data_dir, struct query_local **out_local, struct errmsg *msg)
{
    AUTO(query_local) q = xnew(struct query_local);
    q->data_dir = realpath(data_dir, NULL);
    if (q->data_dir == NULL) {
        return errmsg_set(msg, ERR_NOT_FOUND, "there is no folder %s", data_dir);
    }
    const char *base = getenv("TMPDIR");
    struct uuid_text name = os_uuid_new();
    q->scratch =
        xasprintf("%s/tarn-query-%s", base != NULL && base[0] == '/' ? base : "/tmp", name.text);
    TRY(open_parts(q, msg));
    *out_local = TAKE(q);
    return ERR_OK;
}

void query_local_free(struct query_local *q)
{
    if (q == NULL) {
        return;
    }
    catalog_session_free(q->session);
    catalog_free(q->catalog);
    sql_engine_close(q->engine);
    if (q->scratch != NULL) {
        (void)os_remove_tree(q->scratch, NULL); /* a temporary folder may stay behind */
    }
    free(q->scratch);
    free(q->data_dir);
    free(q);
}

/* ---- what there is ---- */

static void add_table(json_t *list, const char *schema, const char *name)
{
    json_t *table = json_object();
    json_object_set_new(table, "schema", json_string(schema));
    json_object_set_new(table, "name", json_string(name));
    json_array_append_new(list, table);
}

err query_local_tables(struct query_local *q, json_t **out_tables, struct errmsg *msg)
{
    AUTO_FOUND found = {0};
    TRY(find_topics(q->data_dir, &found, msg));
    AUTO_JSON list = json_array();
    for (size_t i = 0; i < found.topics.count; i++) {
        AUTO_TEXT table =
            xstrndup(found.topics.items[i].table.ptr, found.topics.items[i].table.len);
        add_table(list, "bronze", table);
    }
    TRY(refresh(q, msg));
    struct wire_info info = {.what = STR("list")};
    AUTO_BUF text = buf_make(16 << 20);
    AUTO_JSON plain = NULL;
    TRY(catalog_info(q->catalog, &info, &q->stop, &text, msg));
    TRY(json_parse(buf_str(&text), &plain, msg));
    json_array_extend(list, json_object_get(plain, "tables"));
    *out_tables = TAKE(list);
    return ERR_OK;
}

err query_local_describe(struct query_local *q, struct str table, json_t **out_table,
                         struct errmsg *msg)
{
    TRY(refresh(q, msg));
    struct wire_info info = {.table = table, .what = STR("describe")};
    AUTO_BUF text = buf_make(16 << 20);
    TRY(catalog_info(q->catalog, &info, &q->stop, &text, msg));
    return json_parse(buf_str(&text), out_table, msg);
}
