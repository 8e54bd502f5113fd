/* SPDX-License-Identifier: MIT */
/* hot_test.h - land_test.h's topic with a catalog beside it: what SQL sees at any moment. */
#pragma once
#include "flow/catalog.h"
#include "land_test.h"

struct hot_rig {
    struct rig land;
    struct catalog *catalog;
    struct catalog_session *session;
    uint64_t hot_bytes;
};

static inline void hot_tell(struct hot_rig *r)
{
    const struct topic_meta *meta = topic_meta_of(r->land.topic);
    int64_t ends[16] = {0};
    rig_ends(&r->land, ends);
    struct wire_topic_ends item = {str_from(meta->name), ends, meta->partition_count};
    struct wire_ends message = {.items = &item, .count = 1};
    catalog_set_ends(r->catalog, &message);
}

static inline void hot_tell_topics(struct hot_rig *r)
{
    const struct topic_meta *meta = topic_meta_of(r->land.topic);
    struct wire_topic topic = {str_from(meta->name), str_from(meta->table),
                               str_from(meta->uuid.text), str_from(topic_dir(r->land.topic)),
                               meta->partition_count};
    struct wire_topics topics = {.items = &topic, .count = 1};
    catalog_set_topics(r->catalog, &topics);
}

/* The query process starts: it knows nothing but what it is told. */
static inline void hot_start(struct hot_rig *r)
{
    struct catalog_options options = {.engine = r->land.engine,
                                      .data_dir = r->land.dir,
                                      .hot_bytes_max = r->hot_bytes,
                                      .threads = 2};
    OK(sql_exec(r->land.conn, "DROP SCHEMA IF EXISTS memory.hot CASCADE", &msg_));
    OK(catalog_new(&options, &r->catalog, &msg_));
    OK(catalog_session_open(r->catalog, &r->session, &msg_));
    hot_tell_topics(r);
}

static inline void hot_stop(struct hot_rig *r)
{
    catalog_session_free(r->session);
    catalog_free(r->catalog);
    r->session = NULL;
    r->catalog = NULL;
}

static inline void hot_open(struct hot_rig *r)
{
    rig_open(&r->land, NULL);
    r->hot_bytes = r->hot_bytes == 0 ? 64 << 20 : r->hot_bytes;
    hot_start(r);
}

static inline void hot_close(struct hot_rig *r)
{
    hot_stop(r);
    rig_close(&r->land);
    r->hot_bytes = 0;
}

/* Runs `sql` with the tables prepared for it; `rows` and `dead` say which it names. */
static inline err hot_ask(struct hot_rig *r, bool rows, bool dead, const char *sql, struct buf *out,
                          struct buf *tail, struct errmsg *msg)
{
    struct sql_table_ref refs[2];
    size_t count = 0;
    char empty[] = "";
    char rows_name[] = "web_logs";
    char dead_name[] = "WEB_logs__dead";
    if (rows) {
        refs[count++] = (struct sql_table_ref){empty, rows_name};
    }
    if (dead) {
        refs[count++] = (struct sql_table_ref){empty, dead_name};
    }
    struct sql_policy_result statement = {.tables = refs, .table_count = count};
    AUTO(catalog_lease) lease = NULL;
    TRY(catalog_prepare(r->session, &statement, NULL, &lease, msg));
    if (tail != NULL) {
        catalog_lease_write(lease, tail);
    }
    return sql_query_text(catalog_session_conn(r->session), sql, out, msg);
}

/* One value of the answer, as text. */
static inline char *hot_text(struct hot_rig *r, bool rows, bool dead, const char *sql)
{
    hot_tell(r);
    AUTO_BUF out = buf_make(1 << 20);
    OK(hot_ask(r, rows, dead, sql, &out, NULL, &msg_));
    return xstrdup(buf_cstr(&out));
}

static inline void hot_expect(struct hot_rig *r, bool rows, bool dead, const char *sql,
                              const char *wanted)
{
    AUTO_TEXT got = hot_text(r, rows, dead, sql);
    if (strcmp(got, wanted) != 0) {
        fail_msg("%s: %s, not %s", sql, got, wanted);
    }
}

/* Every acknowledged offset is in exactly one of both tables, exactly once, as a query sees it. */
static inline void hot_exactly_once(struct hot_rig *r)
{
    int64_t ends[16] = {0};
    int64_t total = 0;
    rig_ends(&r->land, ends);
    for (uint32_t i = 0; i < topic_partition_count(r->land.topic); i++) {
        total += ends[i] - topic_log_start(r->land.topic, i);
    }
    AUTO_TEXT wanted = xasprintf("%lld %lld", (long long)total, (long long)total);
    hot_expect(r, true, true,
               "SELECT count(*)::VARCHAR || ' ' || count(DISTINCT (_partition, _offset))::VARCHAR "
               "FROM (SELECT _partition, _offset FROM web_logs UNION ALL "
               "SELECT _partition, _offset FROM web_logs__dead)",
               wanted);
}
