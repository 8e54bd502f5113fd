/* SPDX-License-Identifier: MIT */
/* data_dir.c - see data_dir.h. */
#include "app/data_dir.h"

#include "base/json.h"
#include "os/file.h"

static err check_format(const char *path, bool *out_exists, struct errmsg *msg)
{
    AUTO_TEXT file = xasprintf("%s/format.json", path);
    AUTO_BUF text = buf_make(65536);
    AUTO_JSON json = NULL;
    int64_t format = 0;
    *out_exists = os_exists(file);
    if (!*out_exists) {
        return ERR_OK;
    }
    TRY(os_read_file(file, &text, msg));
    err e = json_parse(buf_str(&text), &json, msg);
    if (e == ERR_OK) {
        e = json_get_i64(json, "format", &format, msg);
    }
    if (e != ERR_OK) {
        return errmsg_wrap(msg, ERR_CORRUPT, "%s", file);
    }
    if (format > DATA_DIR_FORMAT) {
        return errmsg_set(
            msg, ERR_UNSUPPORTED,
            "%s was written by a newer tarn (format %lld, this one knows %d); use that "
            "version",
            path, (long long)format, DATA_DIR_FORMAT);
    }
    if (format < DATA_DIR_FORMAT) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "%s has format %lld, which no tarn ever wrote",
                          path, (long long)format);
    }
    return ERR_OK;
}

err data_dir_check(const char *path, struct errmsg *msg)
{
    bool exists = false;
    TRY(check_format(path, &exists, msg));
    return exists
               ? ERR_OK
               : errmsg_set(msg, ERR_NOT_FOUND, "%s is no tarn data folder (no format.json)", path);
}

static err make_folders(const char *path, struct errmsg *msg)
{
    static const char *const folders[] = {"topics", "files", "lake/bronze", "run/spill"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        AUTO_TEXT folder = xasprintf("%s/%s", path, folders[i]);
        TRY(os_mkdirs(folder, msg));
    }
    return ERR_OK;
}

err data_dir_open(const char *path, struct data_dir *out_dir, struct errmsg *msg)
{
    struct data_dir d = {.lock_fd = -1};
    bool exists = false;
    TRY(os_mkdirs(path, msg));
    AUTO_TEXT lock = xasprintf("%s/lock", path);
    AUTO_FD fd = -1;
    err e = os_lock_file(lock, &fd, msg);
    if (e == ERR_BUSY) {
        return errmsg_set(msg, ERR_BUSY,
                          "%s is in use by another tarn server; stop that one, or choose another "
                          "folder with --data",
                          path);
    }
    TRY(e);
    TRY(check_format(path, &exists, msg));
    TRY(make_folders(path, msg));
    if (!exists) {
        AUTO_TEXT file = xasprintf("%s/format.json", path);
        AUTO_TEXT text =
            xasprintf("{\"format\":%d,\"tarn\":\"%s\"}\n", DATA_DIR_FORMAT, TARN_VERSION);
        TRY(os_replace_file(file, str_from(text), msg));
    }
    d.path = xstrdup(path);
    d.lock_fd = os_take_fd(&fd);
    *out_dir = d;
    return ERR_OK;
}

void data_dir_close(struct data_dir *d)
{
    if (d->path != NULL) {
        AUTO_TEXT addresses = xasprintf("%s/run/addresses.json", d->path);
        (void)os_unlink(addresses, NULL); /* may never have been written */
    }
    os_close(d->lock_fd);
    free(d->path);
    *d = (struct data_dir){.lock_fd = -1};
}

err data_dir_write_addresses(const struct data_dir *d, const char *http_url, struct errmsg *msg)
{
    AUTO_TEXT file = xasprintf("%s/run/addresses.json", d->path);
    AUTO_TEXT text = xasprintf("{\"http\":\"%s\"}\n", http_url);
    return os_replace_file(file, str_from(text), msg);
}
