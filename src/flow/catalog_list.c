/* SPDX-License-Identifier: MIT */
/* catalog_list.c - the plain tables (imported ones, other programs', files) with their size and
 * state. Those of topics are listed by the front, which knows them from the writer. */
#include "base/timefmt.h"
#include "flow/catalog_int.h"
#include "os/file.h"

static void set_time(json_t *item, const char *key, int64_t time_us)
{
    char text[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(time_us, text); /* the length is not needed */
    json_object_set_new(item, key, json_string(text));
}

static void add_snapshot(const struct lake_snapshot *s, json_t *item)
{
    int64_t rows = lake_snapshot_row_count(s);
    json_object_set_new(item, "version", json_integer(lake_snapshot_version(s)));
    json_object_set_new(item, "rows", rows < 0 ? json_null() : json_integer(rows));
    json_object_set_new(item, "files", json_integer((json_int_t)lake_snapshot_file_count(s)));
    json_object_set_new(item, "bytes", json_integer((json_int_t)lake_snapshot_size_bytes(s)));
    json_object_set_new(item, "columns",
                        json_integer((json_int_t)lake_snapshot_metadata(s)->field_count));
    set_time(item, "last_commit", lake_snapshot_timestamp_ms(s) * 1000);
}

static void add_file(const struct entry_file *f, json_t *item)
{
    if (f->name == NULL) {
        return;
    }
    json_t *name = json_string(f->name);
    json_object_set_new(item, "file", name != NULL ? name : json_string("?"));
    json_object_set_new(item, "files", json_integer(1));
    json_object_set_new(item, "bytes", json_integer((json_int_t)f->stat.size_bytes));
    set_time(item, "modified", f->stat.mtime_us);
    if (f->result == ERR_OK) {
        json_object_set_new(item, "columns", json_integer((json_int_t)json_array_size(f->columns)));
    }
}

/* Under the claim. False: there is no such table any more. */
static bool describe(struct entry *e, json_t *item)
{
    const bool wants[TABLE_KINDS] = {true, false};
    struct errmsg msg = {0};
    err result = entry_refresh(e, wants, &msg);
    const struct lake_snapshot *s = e->tables[TABLE_ROWS].snapshot;
    if (result == ERR_NOT_FOUND || (result == ERR_OK && e->file == NULL && s == NULL)) {
        return false;
    }
    json_object_set_new(item, "name", json_string(e->table));
    json_object_set_new(item, "schema", json_string(e->schema));
    if (e->file != NULL) {
        add_file(e->file, item);
    } else if (s != NULL) {
        add_snapshot(s, item);
    }
    json_object_set_new(item, "state", json_string(result == ERR_OK ? "ok" : "unreadable"));
    if (result != ERR_OK) {
        json_t *why = json_string(msg.text);
        json_object_set_new(item, "reason", why != NULL ? why : json_string(err_text(result)));
    }
    return true;
}

static err list_one(struct entry *e, const atomic_bool *cancel, json_t *list, struct errmsg *msg)
{
    if (e->name != NULL) {
        return ERR_OK;
    }
    if (cancel != NULL && atomic_load(cancel)) {
        return errmsg_set(msg, ERR_CANCELLED, "cancelled");
    }
    AUTO_JSON item = json_object();
    TRY(entry_claim(e, cancel, msg));
    bool is_there = describe(e, item);
    entry_release(e);
    return !is_there || json_array_append(list, item) == 0 ? ERR_OK : ERR_NOMEM;
}

err catalog_list(struct catalog *c, const atomic_bool *cancel, struct buf *out, struct errmsg *msg)
{
    AUTO_JSON list = json_array();
    size_t count = 0;
    struct entry **all = catalog_all(c, &count);
    err result = ERR_OK;
    for (size_t i = 0; i < count; i++) {
        result = result == ERR_OK ? list_one(all[i], cancel, list, msg) : result;
        entry_unref(all[i]);
    }
    free(all);
    TRY(result);
    TRY(catalog_files_left_out(c, cancel, list, msg));
    AUTO_JSON answer = json_pack("{s:O}", "tables", list);
    return answer == NULL ? ERR_NOMEM : json_write(answer, out);
}
