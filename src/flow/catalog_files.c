/* SPDX-License-Identifier: MIT */
/* catalog_files.c - the schema `files`: CSV, Parquet and NDJSON files in <data>/files are tables.
 *
 * A table is named after its file: lower case, without the ending, other characters as _. Of two
 * files with one name the first by byte order counts. The folder is listed again when it has
 * changed, a file looked at (its columns, their types) when its size, time or inode have, so what
 * a query costs is two stats. A file that cannot be read is an error of that table alone.
 * Thread: any, under claims; the list has a lock of its own. */
#include "flow/catalog_int.h"
#include "os/clock.h"
#include "sql/import.h"

/* A folder's time of change goes in steps: one list may be from between two changes of one step. */
enum {
    STEP_US = 20 * 1000,           /* of local file systems: the kernel's tick, 10 ms at most */
    STEP_MAX_US = 2 * 1000 * 1000, /* of any */
    REUSE_US = 20 * 1000,          /* for so long a list serves that is fit for local ones alone */
};

static const struct {
    const char *ending;
    enum sql_import_format format;
    char delimiter;
} endings[] = {
    {".csv", SQL_IMPORT_CSV, '\0'},         {".tsv", SQL_IMPORT_CSV, '\t'},
    {".parquet", SQL_IMPORT_PARQUET, '\0'}, {".ndjson", SQL_IMPORT_NDJSON, '\0'},
    {".jsonl", SQL_IMPORT_NDJSON, '\0'},
};

/* Index into endings; -1: not a file that is a table. */
static int ending_of(struct str file, size_t *out_stem)
{
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        size_t len = strlen(endings[i].ending);
        if (file.len > len && file.ptr[0] != '.' &&
            str_eq_nocase(str_of(file.ptr + file.len - len, len), str_from(endings[i].ending))) {
            *out_stem = file.len - len;
            return (int)i;
        }
    }
    return -1;
}

/* False for what is no table. */
static bool table_of(struct str file, char out[TOPIC_NAME_BYTES_MAX + 1])
{
    size_t stem = 0;
    if (ending_of(file, &stem) < 0) {
        return false;
    }
    size_t len = MIN(stem, (size_t)TOPIC_NAME_BYTES_MAX);
    for (size_t i = 0; i < len; i++) {
        char c = file.ptr[i];
        c = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        out[i] = plain ? c : '_';
    }
    out[len] = '\0';
    return true;
}

/* ---- the list ---- */

static void files_lock(struct files_list *l)
{
    (void)pthread_mutex_lock(&l->lock); /* cannot fail: a plain lock */
}

static void files_unlock(struct files_list *l)
{
    (void)pthread_mutex_unlock(&l->lock);
}

/* Under the lock, as the next ones. */
static void forget(struct files_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->items[i].table);
        free(l->items[i].file);
    }
    free(l->items);
    l->items = NULL;
    l->count = 0;
    l->folder = (struct os_stat){0};
}

static int item_cmp(const void *a, const void *b)
{
    const struct files_item *x = a;
    const struct files_item *y = b;
    int order = strcmp(x->table, y->table);
    return order != 0 ? order : strcmp(x->file, y->file);
}

/* Empty when the folder is not there or cannot be read; that is not relied on later. */
static void list_folder(struct catalog *c)
{
    struct files_list *l = &c->files;
    AUTO_TEXT dir = xasprintf("%s/" CATALOG_FILES, c->data_dir);
    AUTO_NAMES names = {0};
    struct os_stat folder = {0};
    char table[TOPIC_NAME_BYTES_MAX + 1];
    forget(l);
    l->listed_us = os_now_us();
    l->listed_mono_us = os_mono_us();
    if (os_stat(dir, &folder, NULL) != ERR_OK || os_list(dir, &names, NULL) != ERR_OK) {
        return;
    }
    size_t count = MIN(names.count, (size_t)CATALOG_FILES_MAX);
    l->folder = folder; /* as it was before: what changed meanwhile has changed since */
    l->items = xnew_array(struct files_item, MAX(count, 1));
    for (size_t i = 0; i < count; i++) {
        if (table_of(str_from(names.items[i]), table)) {
            l->items[l->count++] = (struct files_item){xstrdup(table), TAKE(names.items[i])};
        }
    }
    qsort(l->items, l->count, sizeof l->items[0], item_cmp);
}

/* Is the folder the one that was listed? */
static bool is_unchanged(const struct catalog *c)
{
    const struct os_stat *then = &c->files.folder;
    AUTO_TEXT dir = xasprintf("%s/" CATALOG_FILES, c->data_dir);
    struct os_stat now = {0};
    return then->is_dir && os_stat(dir, &now, NULL) == ERR_OK && now.device == then->device &&
           now.inode == then->inode && now.ctime_us == then->ctime_us;
}

/* Between the last change and the listing; less than a step: another may have the same time. */
static int64_t quiet_us(const struct files_list *l)
{
    return l->listed_us - l->folder.ctime_us;
}

/* Index of the first file of the table; count: none. */
static size_t place_of(const struct files_list *l, struct str table)
{
    size_t low = 0;
    size_t high = l->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool before = str_cmp(str_from(l->items[middle].table), table) < 0;
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    return low < l->count && str_is(table, l->items[low].table) ? low : l->count;
}

static bool is_file_there(const struct catalog *c, size_t at)
{
    if (at == c->files.count) {
        return false;
    }
    AUTO_TEXT path = xasprintf("%s/" CATALOG_FILES "/%s", c->data_dir, c->files.items[at].file);
    return os_exists(path);
}

err catalog_file_find(struct catalog *c, struct str table, char **out_file)
{
    struct files_list *l = &c->files;
    files_lock(l);
    bool known = is_unchanged(c) && quiet_us(l) >= STEP_US;
    if (known && quiet_us(l) < STEP_MAX_US) {
        known = os_mono_us() - l->listed_mono_us < REUSE_US && is_file_there(c, place_of(l, table));
    }
    if (!known) {
        list_folder(c);
    }
    size_t at = place_of(l, table);
    bool found = at < l->count;
    if (found) {
        *out_file = xstrdup(l->items[at].file);
    }
    files_unlock(l);
    return found ? ERR_OK : ERR_NOT_FOUND;
}

void catalog_file_tables(struct catalog *c, struct os_names *out_names)
{
    struct files_list *l = &c->files;
    files_lock(l);
    list_folder(c);
    *out_names = (struct os_names){.items = xnew_array(char *, MAX(l->count, 1))};
    for (size_t i = 0; i < l->count; i++) {
        if (i == 0 || strcmp(l->items[i].table, l->items[i - 1].table) != 0) {
            out_names->items[out_names->count++] = xstrdup(l->items[i].table);
        }
    }
    files_unlock(l);
}

void catalog_files_init(struct files_list *l)
{
    (void)pthread_mutex_init(&l->lock, NULL); /* cannot fail with default attributes */
}

void catalog_files_deinit(struct files_list *l)
{
    forget(l);
    (void)pthread_mutex_destroy(&l->lock);
}

/* ---- one file ---- */

void entry_file_free(struct entry_file *f)
{
    if (f != NULL) {
        free(f->name);
        json_decref(f->columns);
        free(f);
    }
}

static void set_columns(struct entry_file *f, const struct sql_import_columns *columns)
{
    json_decref(f->columns);
    f->columns = json_array();
    for (size_t i = 0; i < columns->count; i++) {
        json_array_append_new(f->columns, json_pack("{s:s, s:s}", "name", columns->items[i].name,
                                                    "type", columns->items[i].type));
    }
}

/* Finds out names and types, and makes the view. */
static err look(struct entry *e, struct errmsg *msg)
{
    struct catalog_table *t = &e->tables[TABLE_ROWS];
    struct entry_file *f = e->file;
    size_t stem = 0;
    int ending = ending_of(str_from(f->name), &stem);
    ASSERT(ending >= 0);
    if (!f->stat.is_file) {
        return errmsg_set(msg, ERR_INVALID, "it is not a plain file");
    }
    AUTO_TEXT path = xasprintf("%s/" CATALOG_FILES "/%s", e->catalog->data_dir, f->name);
    struct sql_import_options options = {.format = endings[ending].format,
                                         .path = path,
                                         .delimiter = endings[ending].delimiter,
                                         .any_names = true};
    struct sql_import_columns columns = {0};
    AUTO_BUF sql = buf_make(16 << 20);
    TRY(sql_import_view(e->conn, &options, &sql, &columns, msg));
    set_columns(f, &columns);
    sql_import_columns_deinit(&columns);
    t->view = xstrdup(buf_cstr(&sql));
    t->view_serial = atomic_fetch_add(&e->catalog->pool.next_name, 1) + 1;
    t->view_hot_serial = 0;
    t->view_is_filtered = false;
    return ERR_OK;
}

/* Sessions must not go on answering for a file that is gone. */
static err gone(struct entry *e, struct errmsg *msg)
{
    struct entry_file *f = e->file;
    if (f->name != NULL) {
        free(f->name);
        f->name = NULL;
        catalog_lock(e->catalog);
        e->catalog->generation++;
        catalog_unlock(e->catalog);
    }
    return errmsg_set(msg, ERR_NOT_FOUND,
                      "there is no file for the table " CATALOG_FILES ".%s any more", e->table);
}

err entry_refresh_file(struct entry *e, struct errmsg *msg)
{
    struct catalog_table *t = &e->tables[TABLE_ROWS];
    struct entry_file *f = e->file;
    AUTO_TEXT name = NULL;
    if (catalog_file_find(e->catalog, str_from(e->table), &name) != ERR_OK) {
        return gone(e, msg);
    }
    AUTO_TEXT path = xasprintf("%s/" CATALOG_FILES "/%s", e->catalog->data_dir, name);
    struct os_stat now = {0};
    err e_stat = os_stat(path, &now, msg);
    if (e_stat != ERR_OK) {
        return e_stat == ERR_NOT_FOUND ? gone(e, msg) : e_stat;
    }
    bool same = f->name != NULL && strcmp(f->name, name) == 0 &&
                now.size_bytes == f->stat.size_bytes && now.mtime_us == f->stat.mtime_us &&
                now.inode == f->stat.inode;
    if (!same) {
        free(f->name);
        f->name = TAKE(name);
        f->stat = now;
        free(t->view);
        t->view = NULL;
        f->why.text[0] = '\0';
        f->result = look(e, &f->why);
    }
    if (f->result != ERR_OK) {
        bool passes = f->result == ERR_CANCELLED || f->result == ERR_NOMEM;
        f->stat.inode = passes ? 0 : f->stat.inode; /* that was no look at the file */
        return errmsg_set(msg, passes ? f->result : ERR_INVALID, "files/%.100s: %.380s", f->name,
                          f->why.text);
    }
    return ERR_OK;
}

/* ---- what is no table ---- */

static err add_left_out(const struct files_item *item, const char *first, json_t *list)
{
    AUTO_TEXT reason = xasprintf("the file %s has the same table name and comes first", first);
    json_t *json = json_object();
    json_object_set_new(json, "name", json_string(item->table));
    json_object_set_new(json, "schema", json_string(CATALOG_FILES));
    json_t *file = json_string(item->file);
    json_object_set_new(json, "file", file != NULL ? file : json_string("?"));
    json_object_set_new(json, "state", json_string("clash"));
    json_t *why = json_string(reason);
    json_object_set_new(json, "reason", why != NULL ? why : json_string("name clash"));
    return json_array_append_new(list, json) == 0 ? ERR_OK : ERR_NOMEM;
}

err catalog_files_left_out(struct catalog *c, const atomic_bool *cancel, json_t *list,
                           struct errmsg *msg)
{
    struct files_list *l = &c->files;
    err result = ERR_OK;
    size_t first = 0;
    files_lock(l);
    if (!is_unchanged(c) || quiet_us(l) < STEP_MAX_US) {
        list_folder(c);
    }
    for (size_t i = 1; i < l->count && result == ERR_OK; i++) {
        if (cancel != NULL && atomic_load(cancel)) {
            result = errmsg_set(msg, ERR_CANCELLED, "cancelled");
        } else if (strcmp(l->items[i].table, l->items[first].table) == 0) {
            result = add_left_out(&l->items[i], l->items[first].file, list);
        } else {
            first = i;
        }
    }
    files_unlock(l);
    return result;
}
