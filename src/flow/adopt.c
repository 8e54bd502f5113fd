/* SPDX-License-Identifier: MIT */
/* adopt.c - see adopt.h. */
#include "flow/adopt.h"

#include "base/json.h"
#include "os/file.h"

enum { COMMIT_BYTES_MAX = 256 << 20, VERSION_DIGITS = 20 };

static bool is_ours(const json_t *txn, int64_t *out_version)
{
    struct str app;
    return json_get_str(txn, "appId", &app, NULL) == ERR_OK && str_starts(app, STR("tarn/")) &&
           json_get_i64(txn, "version", out_version, NULL) == ERR_OK;
}

static void raise(const json_t *txn, int64_t *next, bool *found)
{
    int64_t version = 0;
    if (is_ours(txn, &version)) {
        *next = MAX(*next, version + 1);
        *found = true;
    }
}

static err read_checksum(const char *path, int64_t *next, bool *found, struct errmsg *msg)
{
    AUTO_BUF text = buf_make(COMMIT_BYTES_MAX);
    AUTO_JSON json = NULL;
    TRY(os_read_file(path, &text, msg));
    TRY(json_parse(buf_str(&text), &json, msg));
    const json_t *txns = json_object_get(json, "setTransactions");
    for (size_t i = 0; i < json_array_size(txns); i++) {
        raise(json_array_get(txns, i), next, found);
    }
    return ERR_OK;
}

static err read_commit(const char *path, int64_t *next, bool *found, struct errmsg *msg)
{
    AUTO_BUF text = buf_make(COMMIT_BYTES_MAX);
    TRY(os_read_file(path, &text, msg));
    struct str rest = buf_str(&text);
    struct str line;
    while (str_split(&rest, '\n', &line)) {
        if (!str_starts(str_trim(line), STR("{\"txn\""))) {
            continue;
        }
        AUTO_JSON action = NULL;
        TRY(json_parse(line, &action, msg));
        raise(json_object_get(action, "txn"), next, found);
    }
    return ERR_OK;
}

static bool has_form(const char *name, const char *tail)
{
    return strspn(name, "0123456789") == VERSION_DIGITS && strcmp(name + VERSION_DIGITS, tail) == 0;
}

err adopt_next_offset(const char *table_dir, int64_t *next, struct errmsg *msg)
{
    AUTO_TEXT log = xasprintf("%s/_delta_log", table_dir);
    if (!os_exists(log)) {
        return ERR_OK;
    }
    AUTO_NAMES names = {0};
    TRY(os_list(log, &names, msg));
    const char *checksum = NULL;
    for (size_t i = 0; i < names.count; i++) {
        checksum = has_form(names.items[i], ".crc") ? names.items[i] : checksum;
    }
    bool found = false;
    if (checksum != NULL) {
        AUTO_TEXT path = xasprintf("%s/%s", log, checksum);
        TRY(read_checksum(path, next, &found, msg));
    }
    for (size_t i = 0; i < names.count; i++) {
        if (has_form(names.items[i], ".json") &&
            (checksum == NULL || strncmp(names.items[i], checksum, VERSION_DIGITS) > 0)) {
            AUTO_TEXT path = xasprintf("%s/%s", log, names.items[i]);
            TRY(read_commit(path, next, &found, msg));
        }
    }
    return found ? ERR_OK
                 : errmsg_set(msg, ERR_INVALID, "%s was not written by a tarn topic", table_dir);
}
