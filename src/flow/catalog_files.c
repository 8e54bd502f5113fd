/* SPDX-License-Identifier: MIT */
/* catalog_files.c - the schema `files`: CSV, Parquet and NDJSON files in <data>/files are tables.
 *
 * A table is named after its file: lower case, without the ending, other characters as _. Of two
 * files with one name the first by byte order counts. A file is looked at (its columns, their
 * types) when its size, time or inode have changed, so what a query costs is a stat. A file that
 * cannot be read is an error of that table alone. Thread: any, under claims. */
#include "flow/catalog_int.h"
#include "sql/import.h"

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

/* The folder's names in byte order; none when it is not there. */
static void list_folder(const struct catalog *c, struct os_names *out_names)
{
    AUTO_TEXT dir = xasprintf("%s/" CATALOG_FILES, c->data_dir);
    if (os_list(dir, out_names, NULL) != ERR_OK) {
        *out_names = (struct os_names){0};
    }
    while (out_names->count > CATALOG_FILES_MAX) {
        free(out_names->items[--out_names->count]);
    }
}

err catalog_file_find(const struct catalog *c, struct str table, char **out_file)
{
    AUTO_NAMES names = {0};
    char name[TOPIC_NAME_BYTES_MAX + 1];
    list_folder(c, &names);
    for (size_t i = 0; i < names.count; i++) {
        if (table_of(str_from(names.items[i]), name) && str_eq_nocase(table, str_from(name))) {
            *out_file = xstrdup(names.items[i]);
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

void catalog_file_tables(const struct catalog *c, struct os_names *out_names)
{
    char name[TOPIC_NAME_BYTES_MAX + 1];
    size_t kept = 0;
    list_folder(c, out_names);
    for (size_t i = 0; i < out_names->count; i++) {
        bool is_table = table_of(str_from(out_names->items[i]), name);
        free(out_names->items[i]);
        if (is_table) {
            out_names->items[kept++] = xstrdup(name);
        }
    }
    out_names->count = kept;
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

err catalog_files_left_out(const struct catalog *c, json_t *list)
{
    AUTO_NAMES names = {0};
    list_folder(c, &names);
    for (size_t i = 0; i < names.count; i++) {
        char name[TOPIC_NAME_BYTES_MAX + 1];
        AUTO_TEXT first = NULL;
        if (!table_of(str_from(names.items[i]), name) ||
            catalog_file_find(c, str_from(name), &first) != ERR_OK ||
            strcmp(first, names.items[i]) == 0) {
            continue;
        }
        AUTO_TEXT reason = xasprintf("the file %s has the same table name and comes first", first);
        json_t *item = json_object();
        json_object_set_new(item, "name", json_string(name));
        json_object_set_new(item, "schema", json_string(CATALOG_FILES));
        json_t *file = json_string(names.items[i]);
        json_object_set_new(item, "file", file != NULL ? file : json_string("?"));
        json_object_set_new(item, "state", json_string("clash"));
        json_t *why = json_string(reason);
        json_object_set_new(item, "reason", why != NULL ? why : json_string("name clash"));
        if (json_array_append_new(list, item) != 0) {
            return ERR_NOMEM;
        }
    }
    return ERR_OK;
}
