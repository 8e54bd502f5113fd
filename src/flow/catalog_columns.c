/* SPDX-License-Identifier: MIT */
/* catalog_columns.c - every table that SQL can name, with its columns, a page at a time.
 *
 * Meant for completion, so cheap: a table's snapshot is looked at, and its hot rows as far as they
 * are there already. Only of a topic that has not landed anything the hot rows are brought up,
 * since nothing else knows its columns. */
#include "base/log.h"
#include "flow/catalog_int.h"
#include "flow/land_schema.h"

enum { PAGE_BYTES_MAX = 8 << 20 }; /* a page may have fewer tables than asked for */

struct named {
    char *name;          /* owned: "bronze.events" */
    struct entry *entry; /* borrowed */
    enum table_kind kind;
};

static int named_cmp(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static const char *kind_of(const struct named *n)
{
    return n->kind == TABLE_DEAD    ? "dead"
           : n->entry->name != NULL ? "topic"
           : n->entry->file != NULL ? "file"
                                    : "import";
}

static bool is_unlanded(const struct entry *e)
{
    const struct catalog_table *t = &e->tables[TABLE_ROWS];
    return e->name != NULL && t->snapshot == NULL && t->hot == NULL;
}

/* Under the claim. NOT_FOUND: it is gone, or was never made. */
static err describe(const struct named *n, const atomic_bool *cancel, json_t *item,
                    struct errmsg *msg)
{
    struct entry *e = n->entry;
    const bool wants[TABLE_KINDS] = {true, n->kind == TABLE_DEAD};
    TRY(entry_refresh(e, wants, msg));
    const struct catalog_table *t = &e->tables[n->kind];
    if (n->kind == TABLE_ROWS && is_unlanded(e) && catalog_lag(e, TABLE_ROWS) > 0) {
        TRY(catalog_bring_up(e, TABLE_ROWS, cancel, msg));
    }
    if (t->snapshot == NULL && e->file == NULL && (e->name == NULL || n->kind == TABLE_DEAD)) {
        return ERR_NOT_FOUND;
    }
    int64_t rows = t->snapshot == NULL ? 0 : lake_snapshot_row_count(t->snapshot);
    bool is_known = e->file == NULL && rows >= 0;
    (void)json_object_set_new(item, "rows", is_known ? json_integer(rows) : json_null());
    if (e->name != NULL) {
        (void)json_object_set_new(item, "topic", json_string(e->name));
        (void)json_object_set_new(item, "lag_events", json_integer(catalog_lag(e, n->kind)));
        return catalog_add_columns(e, n->kind, item);
    }
    if (e->file != NULL) {
        return e->file->result != ERR_OK
                   ? ERR_NOT_FOUND
                   : (json_object_set(item, "columns", e->file->columns) == 0 ? ERR_OK : ERR_NOMEM);
    }
    return catalog_add_plain_columns(t, item);
}

static err add_one(const struct named *n, const atomic_bool *cancel, struct buf *out,
                   struct errmsg *msg)
{
    AUTO_JSON item = json_object();
    struct errmsg detail = {0};
    struct str name = str_from(strchr(n->name, '.') + 1);
    (void)json_object_set_new(item, "schema", json_string(n->entry->schema));
    (void)json_object_set_new(item, "name", json_from_str(name));
    (void)json_object_set_new(item, "kind", json_string(kind_of(n)));
    TRY(entry_claim(n->entry, cancel, msg));
    err e = describe(n, cancel, item, &detail);
    entry_release(n->entry);
    if (e == ERR_CANCELLED || e == ERR_NOMEM) {
        return errmsg_set(msg, e, "%s", detail.text);
    }
    if (e == ERR_NOT_FOUND) {
        return ERR_OK;
    }
    if (e != ERR_OK) { /* a table that cannot be read is there without columns */
        log_debug("a table's columns are not known", "table=%s error=\"%s\"", n->name, detail.text);
        (void)json_object_set_new(item, "columns", json_array());
        (void)json_object_set_new(item, "reason", json_string(detail.text));
    }
    char last = out->len > 0 ? out->data[out->len - 1] : '[';
    buf_puts(out, last == '[' ? "" : ",");
    return json_write(item, out);
}

/* In order; the caller frees each name and the list. */
static struct named *sorted(struct entry **all, size_t count, size_t *out_count)
{
    struct named *list = xnew_array(struct named, 2 * count + 1);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        for (int kind = 0; kind < (all[i]->name != NULL ? TABLE_KINDS : 1); kind++) {
            const char *suffix = kind == TABLE_DEAD ? LAND_DEAD_SUFFIX : "";
            list[used++] =
                (struct named){.name = xasprintf("%s.%s%s", all[i]->schema, all[i]->table, suffix),
                               .entry = all[i],
                               .kind = (enum table_kind)kind};
        }
    }
    qsort(list, used, sizeof *list, named_cmp);
    *out_count = used;
    return list;
}

static err write_page(const struct named *list, size_t count, struct str after, int64_t limit,
                      const atomic_bool *cancel, struct buf *out, struct errmsg *msg)
{
    const char *next = NULL; /* the last one of this page, when more follow */
    const char *last = NULL;
    int64_t used = 0;
    buf_puts(out, "{\"tables\":[");
    for (size_t i = 0; i < count && next == NULL; i++) {
        if (after.len > 0 && str_cmp(str_from(list[i].name), after) <= 0) {
            continue;
        }
        if (cancel != NULL && atomic_load(cancel)) {
            return errmsg_set(msg, ERR_CANCELLED, "cancelled");
        }
        if (used == limit || out->len > PAGE_BYTES_MAX) {
            next = last;
            break;
        }
        size_t before = out->len;
        TRY(add_one(&list[i], cancel, out, msg));
        used += out->len > before;
        last = list[i].name;
    }
    buf_puts(out, "],\"next\":");
    if (next != NULL) {
        buf_add_json_string(out, str_from(next));
    } else {
        buf_puts(out, "null");
    }
    buf_puts(out, "}\n");
    return buf_check(out);
}

err catalog_columns(struct catalog *c, struct str after, int64_t limit, const atomic_bool *cancel,
                    struct buf *out, struct errmsg *msg)
{
    size_t entries = 0;
    size_t count = 0;
    struct entry **all = catalog_all(c, &entries);
    struct named *list = sorted(all, entries, &count);
    err e = write_page(list, count, after, MAX(limit, (int64_t)1), cancel, out, msg);
    for (size_t i = 0; i < count; i++) {
        free(list[i].name);
    }
    free(list);
    for (size_t i = 0; i < entries; i++) {
        entry_unref(all[i]);
    }
    free(all);
    return e;
}
