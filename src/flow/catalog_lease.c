/* SPDX-License-Identifier: MIT */
/* catalog_lease.c - sessions, and bringing a statement to its tables. See catalog.h. */
#include "base/log.h"
#include "flow/catalog_int.h"
#include "flow/land_schema.h"
#include "os/clock.h"

struct lease_item {
    struct entry *entry; /* referenced */
    bool wants[TABLE_KINDS];
    bool is_claimed;
    struct entry_ends ends;
    int64_t *from[TABLE_KINDS];            /* owned copies; NULL: not wanted */
    struct event_schema *schema;           /* referenced; rows as seen */
    struct log_source *tails[TABLE_KINDS]; /* owned */
    uint64_t tail_ids[TABLE_KINDS];        /* registered as; 0: not */
};
struct catalog_lease {
    struct catalog_session *session; /* borrowed */
    struct lease_item *items;        /* owned, in the order of claiming */
    size_t count;
    uint64_t bytes; /* of what the tables are */
    bool in_transaction;
};

/* ---- sessions ---- */

err catalog_session_open(struct catalog *c, struct catalog_session **out_session,
                         struct errmsg *msg)
{
    struct sql_session *sql = NULL;
    TRY(sql_session_open(c->engine, &sql, msg));
    struct catalog_session *s = xnew(struct catalog_session);
    s->catalog = c;
    s->sql = sql;
    *out_session = s;
    return ERR_OK;
}

static void forget_views(struct catalog_session *s)
{
    for (size_t i = 0; i < s->view_count; i++) {
        free(s->views[i].schema);
        free(s->views[i].name);
    }
    s->view_count = 0;
}

void catalog_session_free(struct catalog_session *s)
{
    if (s == NULL) {
        return;
    }
    forget_views(s);
    free(s->views);
    sql_session_close(s->sql);
    free(s);
}

struct sql_conn *catalog_session_conn(struct catalog_session *s)
{
    return sql_session_conn(s->sql);
}

/* Names that are gone must not go on answering. */
static err drop_stale_views(struct catalog_session *s, struct errmsg *msg)
{
    catalog_lock(s->catalog);
    uint64_t generation = s->catalog->generation;
    catalog_unlock(s->catalog);
    if (generation != s->generation) {
        forget_views(s);
        TRY(sql_session_drop_views(s->sql, msg));
        s->generation = generation;
    }
    return ERR_OK;
}

static err set_view(struct catalog_session *s, const struct entry *e, enum table_kind kind,
                    struct errmsg *msg)
{
    AUTO_TEXT name = xasprintf("%s%s", e->table, kind == TABLE_DEAD ? LAND_DEAD_SUFFIX : "");
    const struct catalog_table *t = &e->tables[kind];
    struct session_view *view = NULL;
    for (size_t i = 0; i < s->view_count && view == NULL; i++) {
        bool same =
            strcmp(s->views[i].name, name) == 0 && strcmp(s->views[i].schema, e->schema) == 0;
        view = same ? &s->views[i] : NULL;
    }
    if (view == NULL) {
        if (s->view_count == s->view_cap) {
            s->view_cap = MAX(16, s->view_cap * 2);
            s->views = xrealloc(s->views, s->view_cap, sizeof *s->views);
        }
        view = &s->views[s->view_count++];
        *view = (struct session_view){.schema = xstrdup(e->schema), .name = xstrdup(name)};
    }
    if (view->serial != t->view_serial) {
        view->serial = 0; /* whatever comes now, it is not the old one */
        TRY(sql_session_set_view(s->sql, e->schema, str_from(name), str_from(t->view), msg));
        view->serial = t->view_serial;
    }
    return ERR_OK;
}

err catalog_session_lend(struct catalog_session *s, const char *name, struct str select_sql,
                         struct errmsg *msg)
{
    for (size_t i = 0; i < s->view_count; i++) {
        bool same = str_eq_nocase(str_from(s->views[i].name), str_from(name));
        s->views[i].serial = same ? 0 : s->views[i].serial; /* is made again when it is named */
    }
    return sql_session_set_view(s->sql, "main", str_from(name), select_sql, msg);
}

void catalog_session_take_back(struct catalog_session *s, const char *name)
{
    struct errmsg msg = {0};
    sql_conn_interrupt_reset(sql_session_conn(s->sql));
    if (sql_session_drop_view(s->sql, "main", str_from(name), &msg) != ERR_OK) {
        log_warn("a view was not dropped", "name=%s error=\"%s\"", name, msg.text);
    }
}

/* ---- from names to entries ---- */

static struct lease_item *item_for(struct catalog_lease *lease, struct entry *e)
{
    for (size_t i = 0; i < lease->count; i++) {
        if (lease->items[i].entry == e) {
            entry_unref(e);
            return &lease->items[i];
        }
    }
    struct lease_item *item = &lease->items[lease->count++];
    item->entry = e;
    return item;
}

static int item_cmp(const void *a, const void *b)
{
    const struct entry *x = ((const struct lease_item *)a)->entry;
    const struct entry *y = ((const struct lease_item *)b)->entry;
    return ((uintptr_t)x > (uintptr_t)y) - ((uintptr_t)x < (uintptr_t)y);
}

static err resolve(struct catalog_lease *lease, const struct sql_policy_result *statement,
                   struct errmsg *msg)
{
    struct catalog *c = lease->session->catalog;
    lease->items = xnew_array(struct lease_item, statement->table_count + 1);
    for (size_t i = 0; i < statement->table_count; i++) {
        const struct sql_table_ref *ref = &statement->tables[i];
        if (str_eq_nocase(str_from(ref->schema), STR("information_schema"))) {
            continue;
        }
        struct entry *e = NULL;
        enum table_kind kind = TABLE_ROWS;
        err found = catalog_find(c, str_from(ref->schema), str_from(ref->name), &e, &kind, msg);
        if (found != ERR_OK) {
            if (msg != NULL) {
                msg->position = ref->position;
            }
            return found;
        }
        item_for(lease, e)->wants[kind] = true;
    }
    qsort(lease->items, lease->count, sizeof *lease->items, item_cmp);
    int64_t now_us = os_mono_us();
    catalog_lock(c);
    for (size_t i = 0; i < lease->count; i++) {
        for (int kind = 0; kind < TABLE_KINDS; kind++) {
            if (lease->items[i].wants[kind]) {
                lease->items[i].entry->tables[kind].asked_us = now_us;
            }
        }
    }
    catalog_unlock(c);
    return ERR_OK;
}

/* Views of everything there is, without decoding anything: for statements about the catalog. */
static err show_all(struct catalog_session *s, const atomic_bool *cancel, struct errmsg *msg)
{
    size_t count = 0;
    struct entry **all = catalog_all(s->catalog, &count);
    err result = ERR_OK;
    for (size_t i = 0; i < count; i++) {
        struct entry *e = all[i];
        if (result == ERR_OK) {
            result = entry_claim(e, cancel, msg);
        }
        if (result == ERR_OK) {
            const bool wants[TABLE_KINDS] = {true, e->name != NULL};
            struct errmsg detail = {0};
            err shown = entry_refresh(e, wants, &detail);
            for (int kind = 0; kind < TABLE_KINDS && shown == ERR_OK; kind++) {
                shown =
                    wants[kind] ? entry_make_view(e, (enum table_kind)kind, NULL, &detail) : ERR_OK;
                shown = shown == ERR_OK && wants[kind]
                            ? set_view(s, e, (enum table_kind)kind, &detail)
                            : shown;
            }
            if (shown != ERR_OK) { /* a table that cannot be read is not shown */
                log_debug("a table is not shown", "table=%s error=\"%s\"", e->table, detail.text);
            }
            entry_release(e);
        }
        entry_unref(e);
    }
    free(all);
    return result;
}

/* ---- bringing up ---- */

/* What found no room in memory is read from the log by the statement itself. */
static err make_tail(struct lease_item *item, enum table_kind kind, const atomic_bool *cancel,
                     struct errmsg *msg)
{
    struct entry *e = item->entry;
    struct hot_goal goal = entry_goal(e, kind, item->ends.items, cancel);
    TRY(hot_rows_tail(e->tables[kind].hot, &goal, &item->tails[kind], msg));
    return log_source_register_shared(item->tails[kind], e->catalog->engine, &item->tail_ids[kind],
                                      msg);
}

static err bring_up(struct catalog_lease *lease, struct lease_item *item, const atomic_bool *cancel,
                    struct errmsg *msg)
{
    struct entry *e = item->entry;
    TRY(entry_bring_up(e, item->wants, cancel, &item->ends, msg));
    for (int kind = 0; kind < TABLE_KINDS; kind++) {
        struct catalog_table *t = &e->tables[kind];
        if (!item->wants[kind]) {
            continue;
        }
        if (e->name != NULL) {
            item->from[kind] = xnew_array(int64_t, MAX(item->ends.count, 1));
            memcpy(item->from[kind], t->from, item->ends.count * sizeof(int64_t));
            if (kind == TABLE_ROWS) {
                item->schema = event_schema_ref(hot_rows_schema(t->hot));
            }
            if (hot_rows_has_tail(t->hot, item->ends.items)) {
                TRY(make_tail(item, (enum table_kind)kind, cancel, msg));
            }
        }
        AUTO_TEXT tail = xasprintf("tarn_source(%llu)", (unsigned long long)item->tail_ids[kind]);
        TRY(entry_make_view(e, (enum table_kind)kind, item->tails[kind] != NULL ? tail : NULL,
                            msg));
        TRY(set_view(lease->session, e, (enum table_kind)kind, msg));
        lease->bytes += t->snapshot == NULL ? 0 : lake_snapshot_size_bytes(t->snapshot);
        lease->bytes += t->hot == NULL ? 0 : hot_rows_bytes(t->hot);
    }
    return ERR_OK;
}

static err bring_up_all(struct catalog_lease *lease, const atomic_bool *cancel, struct errmsg *msg)
{
    for (size_t i = 0; i < lease->count; i++) {
        TRY(entry_claim(lease->items[i].entry, cancel, msg));
        lease->items[i].is_claimed = true;
    }
    for (size_t i = 0; i < lease->count; i++) {
        TRY(bring_up(lease, &lease->items[i], cancel, msg));
    }
    struct sql_conn *conn = catalog_session_conn(lease->session);
    TRY(sql_exec(conn, "BEGIN TRANSACTION", msg));
    lease->in_transaction = true;
    /* DuckDB begins with a database when it is first touched: what memory.hot is to this statement
     * is decided here. */
    return sql_exec(conn, "SELECT 1 FROM memory.hot.anchor", msg);
}

static void release_all(struct catalog_lease *lease)
{
    for (size_t i = 0; i < lease->count; i++) {
        if (lease->items[i].is_claimed) {
            lease->items[i].is_claimed = false;
            entry_release(lease->items[i].entry);
        }
    }
}

err catalog_prepare(struct catalog_session *s, const struct sql_policy_result *statement,
                    const atomic_bool *cancel, struct catalog_lease **out_lease, struct errmsg *msg)
{
    AUTO(catalog_lease) lease = xnew(struct catalog_lease);
    lease->session = s;
    TRY(drop_stale_views(s, msg));
    if (statement->all_tables) {
        TRY(show_all(s, cancel, msg));
    }
    TRY(resolve(lease, statement, msg));
    err e = bring_up_all(lease, cancel, msg);
    release_all(lease);
    TRY(e);
    *out_lease = TAKE(lease);
    return ERR_OK;
}

static void item_deinit(struct lease_item *item)
{
    for (int kind = 0; kind < TABLE_KINDS; kind++) {
        if (item->tail_ids[kind] != 0) {
            sql_source_unregister(item->entry->catalog->engine, item->tail_ids[kind]);
        }
        log_source_free(item->tails[kind]);
        free(item->from[kind]);
    }
    event_schema_unref(item->schema);
    free(item->ends.items);
    entry_unref(item->entry);
}

/* A cancel may come between the two calls, but each statement is cancelled once at most. */
static void end_transaction(struct catalog_lease *lease, struct sql_conn *conn)
{
    struct errmsg msg = {0};
    err e = lease->in_transaction ? ERR_CANCELLED : ERR_OK;
    for (int tries = 0; tries < 3 && e == ERR_CANCELLED; tries++) {
        sql_conn_interrupt_reset(conn);
        e = sql_exec(conn, "ROLLBACK", &msg);
    }
    if (e != ERR_OK) {
        log_warn("a transaction was not ended", "error=\"%s\"", msg.text);
    }
}

void catalog_lease_free(struct catalog_lease *lease)
{
    if (lease == NULL) {
        return;
    }
    release_all(lease);
    struct sql_conn *conn = catalog_session_conn(lease->session);
    end_transaction(lease, conn);
    for (size_t i = 0; i < lease->count; i++) {
        item_deinit(&lease->items[i]);
    }
    free(lease->items);
    free(lease);
}

err catalog_lease_commit(struct catalog_lease *lease, struct errmsg *msg)
{
    ASSERT(lease->in_transaction);
    TRY(sql_exec(catalog_session_conn(lease->session), "COMMIT", msg));
    lease->in_transaction = false;
    return ERR_OK;
}

/* ---- what the answer says about them ---- */

uint64_t catalog_lease_bytes(const struct catalog_lease *lease)
{
    return lease->bytes;
}

static void write_as_of(const struct lease_item *item, enum table_kind kind, struct buf *out)
{
    AUTO_TEXT name =
        xasprintf("%s%s", item->entry->name, kind == TABLE_DEAD ? LAND_DEAD_SUFFIX : "");
    buf_add_json_string(out, str_from(name));
    buf_puts(out, ":{");
    for (uint32_t p = 0; p < item->ends.count; p++) {
        buf_printf(out, "%s\"%u\":{\"table\":%lld,\"log\":%lld}", p == 0 ? "" : ",", p,
                   (long long)item->from[kind][p], (long long)item->ends.items[p]);
    }
    buf_puts(out, "}");
}

static void write_provisional(const struct catalog_lease *lease, struct buf *out)
{
    const char *open = ",\"provisional\":[";
    const char *comma = open;
    for (size_t i = 0; i < lease->count; i++) {
        const struct event_schema *schema = lease->items[i].schema;
        for (size_t j = 0; schema != NULL && j < event_schema_count(schema); j++) {
            const struct event_column *column = event_schema_column(schema, j);
            if (column->provisional) {
                buf_puts(out, comma);
                buf_add_json_string(out, column->name);
                comma = ",";
            }
        }
    }
    buf_puts(out, comma == open ? "" : "]");
}

void catalog_lease_write(const struct catalog_lease *lease, struct buf *out)
{
    buf_puts(out, ",\"as_of\":{");
    const char *comma = "";
    for (size_t i = 0; i < lease->count; i++) {
        for (int kind = 0; kind < TABLE_KINDS; kind++) {
            if (lease->items[i].wants[kind] && lease->items[i].entry->name != NULL) {
                buf_puts(out, comma);
                write_as_of(&lease->items[i], (enum table_kind)kind, out);
                comma = ",";
            }
        }
    }
    buf_puts(out, "}");
    write_provisional(lease, out);
}
