/* SPDX-License-Identifier: MIT */
/* import_publish.c - see import_publish.h. */
#include "flow/import_publish.h"

#include "base/log.h"
#include "base/seeded.h"
#include "flow/land_files.h"
#include "flow/land_schema.h"
#include "os/file.h"

enum {
    MANIFEST_BYTES_MAX = 256 << 20,
    MANIFEST_FORMAT = 1,
    MANIFEST_FILES_MAX = 100000,
    CONFLICT_ATTEMPTS = 5,
};

err import_name_check(struct str name, struct errmsg *msg)
{
    bool good = name.len > 0 && name.len <= IMPORT_NAME_BYTES_MAX &&
                !(name.ptr[0] >= '0' && name.ptr[0] <= '9');
    for (size_t i = 0; i < name.len && good; i++) {
        char c = name.ptr[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    if (!good) {
        return errmsg_set(msg, ERR_INVALID,
                          "\"%.*s\" cannot be a table's name: use a-z, 0-9 and _, at most %d, not "
                          "beginning with a digit",
                          (int)MIN(name.len, (size_t)100), name.ptr, IMPORT_NAME_BYTES_MAX);
    }
    return str_ends(name, STR(LAND_DEAD_SUFFIX)) ? errmsg_set(msg, ERR_INVALID,
                                                              "names that end in " LAND_DEAD_SUFFIX
                                                              " are those of dead-letter tables")
                                                 : ERR_OK;
}

/* ---- the manifest, from the job's side ---- */

struct import_manifest {
    json_t *files; /* owned */
    char **paths;  /* owned, each too */
    size_t count;
    uint64_t bytes;
};

struct import_manifest *import_manifest_new(void)
{
    struct import_manifest *m = xnew(struct import_manifest);
    m->files = json_array();
    return m;
}

void import_manifest_free(struct import_manifest *m)
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < m->count; i++) {
        free(m->paths[i]);
    }
    free(m->paths);
    json_decref(m->files);
    free(m);
}

static json_t *partitions_json(const struct sql_land_file *file)
{
    json_t *list = json_array();
    for (size_t i = 0; i < file->partition_count; i++) {
        const struct sql_partition_value *p = &file->partitions[i];
        json_t *item = json_object();
        json_object_set_new(item, "column", json_string(p->column));
        json_object_set_new(item, "value", p->is_null ? json_null() : json_from_str(p->value));
        json_array_append_new(list, item);
    }
    return list;
}

err import_manifest_note(void *ctx, const struct sql_land_file *file, struct errmsg *msg)
{
    struct import_manifest *m = ctx;
    if (m->count == MANIFEST_FILES_MAX) {
        return errmsg_set(msg, ERR_LIMIT, "the file makes more than %d Parquet files",
                          MANIFEST_FILES_MAX);
    }
    const char *slash = strrchr(file->path, '/');
    json_t *item = json_object();
    json_object_set_new(item, "name", json_string(slash == NULL ? file->path : slash + 1));
    json_object_set_new(item, "bytes", json_integer((json_int_t)file->size_bytes));
    json_object_set_new(item, "rows", json_integer((json_int_t)file->rows));
    json_t *stats = json_from_str(file->stats_json);
    json_object_set_new(item, "stats", stats != NULL ? stats : json_string(""));
    json_object_set_new(item, "partitions", partitions_json(file));
    m->paths = xrealloc(m->paths, m->count + 1, sizeof *m->paths);
    m->paths[m->count++] = xstrdup(file->path);
    m->bytes += file->size_bytes;
    return json_array_append_new(m->files, item) == 0 ? ERR_OK : ERR_NOMEM;
}

uint64_t import_manifest_bytes(const struct import_manifest *m)
{
    return m->bytes;
}

err import_manifest_write(struct import_manifest *m, const char *dir,
                          const struct sql_import_columns *columns, uint64_t rows,
                          struct errmsg *msg)
{
    AUTO_JSON root = json_object();
    json_t *list = json_array();
    for (size_t i = 0; i < m->count; i++) {
        TRY(os_fsync_path(m->paths[i], msg));
    }
    for (size_t i = 0; i < columns->count; i++) {
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", columns->items[i].name, "delta",
                                              columns->items[i].delta));
    }
    json_object_set_new(root, "format", json_integer(MANIFEST_FORMAT));
    json_object_set_new(root, "rows", json_integer((json_int_t)rows));
    json_object_set_new(root, "columns", list);
    json_object_set(root, "files", m->files);
    AUTO_BUF text = buf_make(MANIFEST_BYTES_MAX);
    TRY(json_write(root, &text));
    AUTO_TEXT path = xasprintf("%s/manifest.json", dir);
    AUTO_FD fd = -1;
    TRY(os_open(path, O_WRONLY | O_CREAT | O_TRUNC, &fd, msg));
    return os_pwrite(fd, text.data, text.len, 0, msg);
}

/* ---- the manifest, from the writer's side ---- */

static err manifest_read(const char *dir, json_t **out_root, struct errmsg *msg)
{
    AUTO_TEXT path = xasprintf("%s/manifest.json", dir);
    AUTO_BUF text = buf_make(MANIFEST_BYTES_MAX);
    AUTO_JSON root = NULL;
    int64_t format = 0;
    TRY(os_read_file(path, &text, msg));
    TRY(json_parse(buf_str(&text), &root, msg));
    TRY(json_get_i64(root, "format", &format, msg));
    if (format != MANIFEST_FORMAT || !json_is_array(json_object_get(root, "files")) ||
        !json_is_array(json_object_get(root, "columns"))) {
        return errmsg_set(msg, ERR_INVALID, "the import's manifest is not one");
    }
    *out_root = TAKE(root);
    return ERR_OK;
}

static bool file_name_is_plain(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool plain =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (!plain) {
            return false;
        }
    }
    return name.len > 8 && name.len < 200 && name.ptr[0] != '.' && str_ends(name, STR(".parquet"));
}

static err note_file(const json_t *item, const char *dir, struct land_files *files,
                     struct errmsg *msg)
{
    struct str name = {0};
    struct str stats = {0};
    int64_t bytes = 0;
    int64_t rows = 0;
    TRY(json_get_str(item, "name", &name, msg));
    TRY(json_get_str(item, "stats", &stats, msg));
    TRY(json_get_i64(item, "bytes", &bytes, msg));
    TRY(json_get_i64(item, "rows", &rows, msg));
    const json_t *partitions = json_object_get(item, "partitions");
    struct sql_partition_value values[SQL_PARTITION_COLUMNS_MAX] = {0};
    size_t count = json_array_size(partitions);
    if (!file_name_is_plain(name) || bytes <= 0 || rows < 0 || count > ARRAY_LEN(values)) {
        return errmsg_set(msg, ERR_INVALID, "the import's manifest names a file that cannot be");
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *p = json_array_get(partitions, i);
        struct str column = {0};
        TRY(json_get_str(p, "column", &column, msg));
        values[i] = (struct sql_partition_value){
            .column = column.ptr, .is_null = json_is_null(json_object_get(p, "value"))};
        if (!values[i].is_null) {
            TRY(json_get_str(p, "value", &values[i].value, msg));
        }
    }
    AUTO_TEXT path = xasprintf("%s/out/%.*s", dir, STR_ARGS(name));
    struct os_stat stat = {0};
    TRY(os_stat(path, &stat, msg));
    if (!stat.is_file || stat.size_bytes != (uint64_t)bytes) {
        return errmsg_set(msg, ERR_INVALID, "a file of the import is not what its manifest says");
    }
    struct sql_land_file file = {.path = path,
                                 .size_bytes = (uint64_t)bytes,
                                 .rows = (uint64_t)rows,
                                 .partitions = values,
                                 .partition_count = count,
                                 .stats_json = stats};
    return land_files_note(files, &file, msg);
}

/* ---- the table ---- */

static char *table_dir_of(const struct import_target *target, struct str table)
{
    return xasprintf("%s/" IMPORT_SCHEMA "/%.*s", target->lake_dir, STR_ARGS(table));
}

static err load(const struct import_target *target, const char *dir,
                struct lake_snapshot **out_snapshot, struct errmsg *msg)
{
    err e = lake_snapshot_load(dir, -1, target->parquet, out_snapshot, msg);
    if (e == ERR_NOT_FOUND) {
        *out_snapshot = NULL;
        return ERR_OK;
    }
    return e;
}

static err check_mode(const struct wire_import *import, const struct lake_snapshot *snapshot,
                      struct errmsg *msg)
{
    if (str_is(import->mode, "create") && snapshot != NULL) {
        return errmsg_set(msg, ERR_EXISTS,
                          "there is a table \"%.*s\" already; say mode=append to add to it, or "
                          "mode=replace",
                          STR_ARGS(import->table));
    }
    return snapshot != NULL ? lake_snapshot_check_append(snapshot, msg) : ERR_OK;
}

err import_look(const struct import_target *target, const struct wire_import *import,
                struct lake_snapshot **out_snapshot, struct errmsg *msg)
{
    AUTO_TEXT dir = table_dir_of(target, import->table);
    AUTO(lake_snapshot) snapshot = NULL;
    TRY(import_name_check(import->table, msg));
    TRY(load(target, dir, &snapshot, msg));
    TRY(check_mode(import, snapshot, msg));
    *out_snapshot = TAKE(snapshot);
    return ERR_OK;
}

/* The import's files are in the table, or were. */
static bool was_published(const struct lake_snapshot *snapshot, struct str id)
{
    if (snapshot == NULL || SEEDED_BUG(SEEDED_IMPORT_TWICE)) {
        return false;
    }
    struct lake_file_iter lists[] = {lake_snapshot_files(snapshot),
                                     lake_snapshot_tombstones(snapshot)};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (const struct lake_file *f; (f = lake_files_next(&lists[i])) != NULL;) {
            ptrdiff_t at = (ptrdiff_t)f->path.len;
            while (at > 0 && f->path.ptr[at - 1] != '/') {
                at--;
            }
            if (str_starts(str_of(f->path.ptr + at, f->path.len - (size_t)at), id)) {
                return true;
            }
        }
    }
    return false;
}

static err add_columns(struct lake_commit *commit, const json_t *manifest,
                       const struct lake_snapshot *base, bool replaces, struct errmsg *msg)
{
    const json_t *columns = json_object_get(manifest, "columns");
    for (size_t i = 0; i < json_array_size(columns); i++) {
        struct str name = {0};
        struct str type = {0};
        TRY(json_get_str(json_array_get(columns, i), "name", &name, msg));
        TRY(json_get_str(json_array_get(columns, i), "delta", &type, msg));
        const struct lake_field *field =
            base == NULL || replaces ? NULL : lake_snapshot_field(base, name);
        bool nested = field != NULL && field->type.ptr[0] == '{' && str_starts(type, STR("{"));
        if (field != NULL && !nested && !str_eq(field->type, type)) {
            return errmsg_set(msg, ERR_CONFLICT,
                              "column %.*s of the table has become %.*s meanwhile; import again",
                              (int)MIN(name.len, (size_t)100), name.ptr,
                              (int)MIN(field->type.len, (size_t)60), field->type.ptr);
        }
        if (field == NULL || nested) { /* the commit sees whether a nested one fits */
            TRY(lake_commit_add_column(commit, name, type, true, msg));
        }
    }
    return ERR_OK;
}

static struct wire_published published(const struct lake_snapshot *snapshot)
{
    return (struct wire_published){.version = lake_snapshot_version(snapshot),
                                   .rows = lake_snapshot_row_count(snapshot),
                                   .files = (int64_t)lake_snapshot_file_count(snapshot)};
}

static err plan(const struct wire_import *import, const json_t *manifest,
                struct lake_snapshot *base, struct land_files *files, struct lake_commit *commit,
                struct errmsg *msg)
{
    bool replaces = base != NULL && str_is(import->mode, "replace");
    AUTO_TEXT dir = xstrndup(import->dir.ptr, import->dir.len);
    if (base == NULL) {
        lake_commit_create_table(commit, import->table, STR("imported"), NULL, 0);
    } else if (replaces) {
        lake_commit_replace_columns(commit);
        struct lake_file_iter it = lake_snapshot_files(base);
        for (const struct lake_file *f; (f = lake_files_next(&it)) != NULL;) {
            lake_commit_remove_file(commit, f, true);
        }
    }
    TRY(add_columns(commit, manifest, base, replaces, msg));
    const json_t *list = json_object_get(manifest, "files");
    for (size_t i = 0; i < json_array_size(list); i++) {
        TRY(note_file(json_array_get(list, i), dir, files, msg));
    }
    lake_commit_parameter(commit, "mode",
                          base == NULL || !replaces ? STR("\"Append\"") : STR("\"Overwrite\""));
    AUTO_BUF id = buf_make(4096);
    buf_add_json_string(&id, import->id);
    lake_commit_parameter(commit, "import", buf_str(&id));
    return land_files_publish(files, commit, STR(""), msg);
}

/* One attempt on the table as it is now. */
static err attempt(const struct import_target *target, const struct wire_import *import,
                   const json_t *manifest, struct wire_published *out, struct errmsg *msg)
{
    AUTO_TEXT dir = table_dir_of(target, import->table);
    AUTO_TEXT parent = xasprintf("%s/" IMPORT_SCHEMA, target->lake_dir);
    AUTO_TEXT id = xstrndup(import->id.ptr, import->id.len);
    AUTO(lake_snapshot) base = NULL;
    AUTO(lake_snapshot) after = NULL;
    AUTO(land_files) files = NULL;
    TRY(load(target, dir, &base, msg));
    TRY(land_files_recover(dir, base, msg));
    if (was_published(base, import->id)) {
        *out = published(base);
        return ERR_OK;
    }
    TRY(check_mode(import, base, msg));
    AUTO(lake_commit) commit = lake_commit_new(base == NULL ? "CREATE TABLE AS SELECT" : "WRITE");
    TRY(land_files_begin(dir, &files, msg));
    land_files_set_prefix(files, id);
    err e = plan(import, manifest, base, files, commit, msg);
    if (e == ERR_OK && base == NULL) {
        e = os_fsync_dir(parent, msg);
    }
    if (e != ERR_OK) {
        land_files_discard(files);
        return e;
    }
    e = lake_commit_run(commit, dir, base, target->parquet, &after, NULL, msg);
    if (e == ERR_OK) {
        land_files_finish(files);
        *out = published(after);
    } else if (e == ERR_CONFLICT || e == ERR_EXISTS) {
        land_files_discard(files);
    }
    return e;
}

/* A folder of a table that was never made. */
static void drop_empty(const struct import_target *target, struct str table)
{
    AUTO_TEXT dir = table_dir_of(target, table);
    AUTO_TEXT staging = xasprintf("%s/" LAND_STAGING, dir);
    if (!lake_table_exists(dir)) {
        AUTO_TEXT log = xasprintf("%s/_delta_log", dir);
        (void)os_rmdir(staging, NULL); /* each only when it is empty */
        (void)os_rmdir(log, NULL);
        (void)os_rmdir(dir, NULL);
    }
}

err import_publish(const struct import_target *target, const struct wire_import *import,
                   struct wire_published *out_published, struct errmsg *msg)
{
    AUTO_JSON manifest = NULL;
    AUTO_TEXT dir = xstrndup(import->dir.ptr, import->dir.len);
    TRY(import_name_check(import->table, msg));
    err e = manifest_read(dir, &manifest, msg);
    for (int i = 0; i < CONFLICT_ATTEMPTS && manifest != NULL; i++) {
        e = attempt(target, import, manifest, out_published, msg);
        bool again = e == ERR_CONFLICT || (e == ERR_EXISTS && !str_is(import->mode, "create"));
        if (!again) {
            break;
        }
    }
    if (e != ERR_OK && e != ERR_CONFLICT && e != ERR_EXISTS && manifest != NULL) {
        /* The commit may be there all the same: what the table says counts. */
        AUTO(lake_snapshot) now = NULL;
        AUTO_TEXT table_dir = table_dir_of(target, import->table);
        if (load(target, table_dir, &now, NULL) == ERR_OK) {
            (void)land_files_recover(table_dir, now, NULL); /* else at the next start */
            if (was_published(now, import->id)) {
                *out_published = published(now);
                return ERR_OK;
            }
        }
    }
    drop_empty(target, import->table);
    return e;
}

void import_recover(const struct import_target *target)
{
    AUTO_TEXT root = xasprintf("%s/" IMPORT_SCHEMA, target->lake_dir);
    AUTO_NAMES names = {0};
    if (os_list(root, &names, NULL) != ERR_OK) {
        return; /* nothing was ever imported */
    }
    for (size_t i = 0; i < names.count; i++) {
        AUTO_TEXT dir = xasprintf("%s/%s", root, names.items[i]);
        AUTO_TEXT staging = xasprintf("%s/" LAND_STAGING, dir);
        AUTO(lake_snapshot) snapshot = NULL;
        struct errmsg msg = {0};
        if (!os_exists(staging)) {
            continue;
        }
        err e = load(target, dir, &snapshot, &msg);
        e = e == ERR_OK ? land_files_recover(dir, snapshot, &msg) : e;
        if (e != ERR_OK) {
            log_warn("what an import left behind stays for now", "table=%s error=\"%s\"",
                     names.items[i], msg.text);
        }
        drop_empty(target, str_from(names.items[i]));
    }
}
