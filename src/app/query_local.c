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
                   : errmsg_set(msg, ERR_TOO_LARGE, "the answer is too large to show; use --limit");
    }
    err e = sink->write(sink->context, bytes);
    return e == ERR_OK ? ERR_OK : errmsg_set(msg, e, "cannot write the answer");
}

static err run(const struct query_local_request *request, struct sql_engine *engine,
               const char *data_dir, const char *scratch, struct sink *sink, struct errmsg *msg)
{
    AUTO_FOUND found = {0};
    TRY(find_topics(data_dir, &found, msg));
    uint64_t pages = (uint64_t)MAX(sysconf(_SC_PHYS_PAGES), 1L);
    uint64_t memory = pages * (uint64_t)MAX(sysconf(_SC_PAGESIZE), 1L);
    struct catalog_options options = {
        .engine = engine,
        .data_dir = data_dir,
        .hot_bytes_max = memory / 100 * HOT_PERCENT,
        .threads = (unsigned)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L),
    };
    AUTO(catalog) catalog = NULL;
    TRY(catalog_new(&options, &catalog, msg));
    catalog_set_topics(catalog, &found.topics);
    catalog_set_ends(catalog, &found.ends);
    AUTO(catalog_session) session = NULL;
    TRY(catalog_session_open(catalog, &session, msg));
    struct wire_query query = {.sql = str_from(request->sql),
                               .format = str_from(request->format),
                               .limit = request->limit};
    struct query_options run_options = {
        .query = &query, .started_us = os_mono_us(), .scratch_dir = scratch};
    struct query_output output = {.ctx = sink, .head = no_head, .data = take_data};
    struct wire_done done;
    const char *code = NULL;
    return query_run(session, &run_options, &output, &done, &code, msg);
}

err query_local(const struct query_local_request *request,
                err (*write)(void *context, struct str piece), void *context,
                struct buf *collect_or_null, struct errmsg *msg)
{
    ASSERT(write != NULL || collect_or_null != NULL);
    AUTO_TEXT data_dir = realpath(request->data_dir, NULL);
    if (data_dir == NULL) {
        return errmsg_set(msg, ERR_NOT_FOUND, "there is no folder %s", request->data_dir);
    }
    const char *base = getenv("TMPDIR");
    struct uuid_text name = os_uuid_new();
    AUTO_TEXT scratch =
        xasprintf("%s/tarn-query-%s", base != NULL && base[0] == '/' ? base : "/tmp", name.text);
    AUTO_TEXT lake = xasprintf("%s/lake", data_dir);
    AUTO_TEXT topics = xasprintf("%s/topics", data_dir);
    const char *read_dirs[] = {lake, topics};
    struct sql_engine_options options = {
        .temp_dir = scratch,
        .walls = SQL_WALL_INNER,
        .read_dirs = read_dirs,
        .read_dir_count = ARRAY_LEN(read_dirs),
    };
    AUTO(sql_engine) engine = NULL;
    struct sink sink = {write, context, collect_or_null};
    err e = sql_engine_open(&options, &engine, msg);
    if (e == ERR_OK) {
        e = run(request, engine, data_dir, scratch, &sink, msg);
    }
    sql_engine_close(TAKE(engine));
    (void)os_remove_tree(scratch, NULL); /* a temporary folder may stay behind */
    return e;
}
