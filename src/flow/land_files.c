/* SPDX-License-Identifier: MIT */
/* land_files.c - see land_files.h. */
#include "flow/land_files.h"

#include "base/hash.h"
#include "base/seeded.h"
#include "os/clock.h"
#include "os/file.h"

enum {
    FOLDER_VALUE_BYTES_MAX = 120, /* a longer value is cut and given its hash */
    LINKS_BYTES_MAX = 64 << 20,
};

struct staged_file {
    char *staged; /* owned: path where COPY wrote it */
    char *target; /* owned: relative to the table */
    char *stats;  /* owned */
    uint64_t size_bytes;
    uint64_t rows;
    struct lake_pair *values; /* owned; keys and values point into `text` */
    size_t value_count;
    struct buf text; /* owned */
    bool linked;
};

struct land_files {
    char *table_dir; /* owned */
    char *staging;   /* owned: <table>/_staging/<uuid> */
    char *dir;       /* owned: <staging>/files */
    char *prefix;    /* owned or NULL */
    struct staged_file *items;
    size_t count;
    size_t cap;
    uint64_t bytes;
};

static void staged_file_deinit(struct staged_file *file)
{
    free(file->staged);
    free(file->target);
    free(file->stats);
    free(file->values);
    buf_deinit(&file->text);
}

void land_files_free(struct land_files *f)
{
    if (f == NULL) {
        return;
    }
    for (size_t i = 0; i < f->count; i++) {
        staged_file_deinit(&f->items[i]);
    }
    free(f->items);
    free(f->table_dir);
    free(f->staging);
    free(f->dir);
    free(f->prefix);
    free(f);
}

err land_files_begin(const char *table_dir, struct land_files **out_files, struct errmsg *msg)
{
    AUTO(land_files) f = xnew(struct land_files);
    f->table_dir = xstrdup(table_dir);
    f->staging = xasprintf("%s/" LAND_STAGING "/%s", table_dir, os_uuid_new().text);
    f->dir = xasprintf("%s/files", f->staging);
    err e = os_mkdirs(f->dir, msg);
    if (e != ERR_OK) {
        (void)os_remove_tree(f->staging, NULL); /* recovery does it when this cannot */
        return e;
    }
    *out_files = TAKE(f);
    return ERR_OK;
}

void land_files_set_prefix(struct land_files *f, const char *prefix)
{
    free(f->prefix);
    f->prefix = xstrdup(prefix);
}

const char *land_files_dir(const struct land_files *f)
{
    return f->dir;
}

size_t land_files_count(const struct land_files *f)
{
    return f->count;
}

uint64_t land_files_bytes(const struct land_files *f)
{
    return f->bytes;
}

double land_files_spread(const struct land_files *f)
{
    double rows = 0;
    double squares = 0;
    for (size_t i = 0; i < f->count; i++) {
        double n = (double)f->items[i].rows;
        rows += n;
        squares += n * n;
    }
    return squares > 0 ? rows * rows / squares : 1;
}

/* ---- names ---- */

static void add_safe(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_' || (c == '.' && i > 0);
        if (safe) {
            buf_add_byte(out, (char)c);
        } else {
            buf_printf(out, "%%%02X", c);
        }
    }
}

void land_files_folder(const struct sql_partition_value *partitions, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        struct str name = str_from(partitions[i].column);
        while (name.len > 1 && name.ptr[0] == '_') {
            name = str_of(name.ptr + 1, name.len - 1);
        }
        struct str value = partitions[i].value;
        buf_puts(out, i == 0 ? "" : "/");
        add_safe(out, name);
        buf_puts(out, "=");
        if (partitions[i].is_null) {
            buf_puts(out, "__HIVE_DEFAULT_PARTITION__");
        } else if (value.len > FOLDER_VALUE_BYTES_MAX / 3) {
            add_safe(out, str_of(value.ptr, FOLDER_VALUE_BYTES_MAX / 3));
            buf_printf(out, "-%016llx", (unsigned long long)hash_xxh3(value));
        } else {
            add_safe(out, value);
        }
    }
}

static void note_values(struct staged_file *item, const struct sql_land_file *file)
{
    item->text = buf_make(1 << 20);
    item->value_count = file->partition_count;
    item->values = xnew_array(struct lake_pair, MAX(file->partition_count, 1));
    for (size_t i = 0; i < file->partition_count; i++) {
        buf_puts(&item->text, file->partitions[i].column);
        buf_add_str(&item->text, file->partitions[i].value);
    }
    size_t at = 0;
    for (size_t i = 0; i < file->partition_count && !item->text.failed; i++) {
        const struct sql_partition_value *value = &file->partitions[i];
        size_t name_len = strlen(value->column);
        item->values[i].key = str_of(item->text.data + at, name_len);
        item->values[i].value = str_of(item->text.data + at + name_len, value->value.len);
        item->values[i].is_null = value->is_null;
        at += name_len + value->value.len;
    }
}

err land_files_note(void *ctx, const struct sql_land_file *file, struct errmsg *msg)
{
    struct land_files *f = ctx;
    AUTO_BUF folder = buf_make(4096);
    land_files_folder(file->partitions, file->partition_count, &folder);
    if (buf_check(&folder) != ERR_OK) {
        return errmsg_set(msg, ERR_TOO_LARGE, "the name of a partition's folder");
    }
    if (f->count == f->cap) {
        f->cap = f->cap == 0 ? 32 : f->cap * 2;
        f->items = xrealloc(f->items, f->cap, sizeof *f->items);
    }
    struct staged_file *item = &f->items[f->count];
    *item = (struct staged_file){.size_bytes = file->size_bytes, .rows = file->rows};
    f->count++;
    item->staged = xstrdup(file->path);
    AUTO_TEXT own =
        f->prefix == NULL ? xstrdup(os_uuid_new().text) : xasprintf("%s-%zu", f->prefix, f->count);
    item->target = xasprintf("%s%s%s.parquet", buf_cstr(&folder), folder.len > 0 ? "/" : "", own);
    item->stats =
        xstrndup(file->stats_json.len > 0 ? file->stats_json.ptr : "", file->stats_json.len);
    note_values(item, file);
    f->bytes += file->size_bytes;
    return item->text.failed ? errmsg_set(msg, ERR_TOO_LARGE, "partition values") : ERR_OK;
}

/* ---- publishing ---- */

/* The list of names that recovery needs; it need not outlive a power cut, since then it only leaves
 * work to VACUUM. */
static err write_links(const struct land_files *f, struct errmsg *msg)
{
    AUTO_BUF text = buf_make(LINKS_BYTES_MAX);
    for (size_t i = 0; i < f->count; i++) {
        buf_puts(&text, f->items[i].target);
        buf_puts(&text, "\n");
    }
    TRY(buf_check(&text));
    AUTO_TEXT path = xasprintf("%s/links", f->staging);
    AUTO_FD fd = -1;
    TRY(os_open(path, O_WRONLY | O_CREAT | O_EXCL, &fd, msg));
    return os_pwrite(fd, text.data, text.len, 0, msg);
}

struct folders {
    char **items; /* owned, each too; absolute */
    size_t count;
};

static void folders_free(struct folders *folders)
{
    for (size_t i = 0; i < folders->count; i++) {
        free(folders->items[i]);
    }
    free(folders->items);
}

/* Remembers the folder of a target and every one above it, up to the table's own. */
static void folders_add(struct folders *folders, const char *table_dir, const char *target)
{
    AUTO_TEXT path = xasprintf("%s/%s", table_dir, target);
    size_t floor = strlen(table_dir);
    for (char *slash = strrchr(path, '/'); slash != NULL && slash >= path + floor;
         slash = strrchr(path, '/')) {
        *slash = '\0';
        for (size_t i = folders->count; i > 0; i--) { /* the newest is the likely one */
            if (strcmp(folders->items[i - 1], path) == 0) {
                return; /* then those above are there too */
            }
        }
        folders->items = xrealloc(folders->items, folders->count + 1, sizeof *folders->items);
        folders->items[folders->count++] = xstrdup(path);
    }
}

static err link_file(struct land_files *f, struct staged_file *item, struct errmsg *msg)
{
    AUTO_TEXT path = xasprintf("%s/%s", f->table_dir, item->target);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    TRY(os_mkdirs(path, msg));
    *slash = '/';
    TRY(os_link(item->staged, path, msg));
    item->linked = true;
    return ERR_OK;
}

static err sync_folders(struct land_files *f, struct errmsg *msg)
{
    struct folders folders = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < f->count; i++) {
        folders_add(&folders, f->table_dir, f->items[i].target);
    }
    for (size_t i = 0; i < folders.count && e == ERR_OK; i++) {
        if (!SEEDED_BUG(SEEDED_NO_DIR_FSYNC)) {
            e = os_fsync_dir(folders.items[i], msg);
        }
    }
    folders_free(&folders);
    return e;
}

err land_files_publish(struct land_files *f, struct lake_commit *commit, struct str tags_json,
                       struct errmsg *msg)
{
    for (size_t i = 0; i < f->count; i++) {
        TRY(os_fsync_path(f->items[i].staged, msg));
    }
    TRY(write_links(f, msg));
    int64_t now_ms = os_now_ms();
    for (size_t i = 0; i < f->count; i++) {
        struct staged_file *item = &f->items[i];
        TRY(link_file(f, item, msg));
        struct lake_new_file file = {
            .path = str_from(item->target),
            .size_bytes = item->size_bytes,
            .modification_ms = now_ms,
            .partition_values = item->values,
            .partition_value_count = item->value_count,
            .num_records = (int64_t)item->rows,
            .stats = str_from(item->stats),
            .tags = tags_json,
        };
        TRY(lake_commit_add_file(commit, &file, msg));
    }
    return sync_folders(f, msg);
}

void land_files_discard(struct land_files *f)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->items[i].linked) {
            AUTO_TEXT path = xasprintf("%s/%s", f->table_dir, f->items[i].target);
            (void)os_unlink(path, NULL); /* unreferenced: VACUUM's when this fails */
        }
    }
    land_files_finish(f);
}

void land_files_finish(struct land_files *f)
{
    (void)os_remove_tree(f->staging, NULL); /* recovery does it when this cannot */
}

/* ---- recovery ---- */

static int str_compare(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Names in `links` that the iterator's files have are emptied. */
static void strike_out(struct str *links, size_t count, struct lake_file_iter it, bool *struck)
{
    for (const struct lake_file *file; (file = lake_files_next(&it)) != NULL;) {
        struct str *found = bsearch(&file->path, links, count, sizeof *links, str_compare);
        if (found != NULL) {
            struck[found - links] = true;
        }
    }
}

/* Removes the links that no version of the table we know of names. */
static err remove_orphans(const char *table_dir, struct str text,
                          const struct lake_snapshot *snapshot, struct errmsg *msg)
{
    size_t cap = 1;
    for (size_t i = 0; i < text.len; i++) {
        cap += text.ptr[i] == '\n';
    }
    struct str *links = xnew_array(struct str, cap);
    bool *struck = xnew_array(bool, cap);
    size_t count = 0;
    struct str rest = text;
    struct str line;
    while (str_split(&rest, '\n', &line)) {
        if (str_ends(line, STR(".parquet")) && line.ptr[0] != '/' && line.ptr[0] != '_') {
            links[count++] = line; /* a line cut by a crash has no such end */
        }
    }
    qsort(links, count, sizeof *links, str_compare);
    if (snapshot != NULL && count > 0) {
        strike_out(links, count, lake_snapshot_files(snapshot), struck);
        strike_out(links, count, lake_snapshot_tombstones(snapshot), struck);
    }
    err e = ERR_OK;
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        if (!struck[i]) {
            AUTO_TEXT path = xasprintf("%s/%.*s", table_dir, STR_ARGS(links[i]));
            e = os_unlink(path, msg);
            e = e == ERR_NOT_FOUND ? ERR_OK : e;
        }
    }
    free(links);
    free(struck);
    return e;
}

static err recover_one(const char *table_dir, const char *staging,
                       const struct lake_snapshot *snapshot, struct errmsg *msg)
{
    AUTO_TEXT path = xasprintf("%s/links", staging);
    AUTO_BUF text = buf_make(LINKS_BYTES_MAX);
    err e = os_read_file(path, &text, msg);
    if (e == ERR_OK) {
        TRY(remove_orphans(table_dir, buf_str(&text), snapshot, msg));
    } else if (e != ERR_NOT_FOUND) {
        return e;
    }
    return os_remove_tree(staging, msg);
}

err land_files_recover(const char *table_dir, const struct lake_snapshot *snapshot,
                       struct errmsg *msg)
{
    AUTO_TEXT root = xasprintf("%s/" LAND_STAGING, table_dir);
    AUTO_NAMES names = {0};
    err e = os_list(root, &names, msg);
    if (e == ERR_NOT_FOUND) {
        return ERR_OK;
    }
    TRY(e);
    for (size_t i = 0; i < names.count; i++) {
        AUTO_TEXT staging = xasprintf("%s/%s", root, names.items[i]);
        TRY(recover_one(table_dir, staging, snapshot, msg));
    }
    return ERR_OK;
}
