/* SPDX-License-Identifier: MIT */
/* log.c - see log.h. delta.md sections 2 and 13. */
#include "lake/log.h"

#include "base/seeded.h"
#include "lake/action.h"
#include "os/clock.h"

enum { VERSION_DIGITS = 20, PART_DIGITS = 10 };

/* Exactly `digits` decimal digits at the start, taken off `rest`. */
static bool take_number(struct str *rest, size_t digits, int64_t *out_value)
{
    if (rest->len < digits || !str_to_i64(str_of(rest->ptr, digits), out_value) || *out_value < 0 ||
        rest->ptr[0] < '0' || rest->ptr[0] > '9') {
        return false;
    }
    rest->ptr += digits;
    rest->len -= digits;
    return true;
}

static bool take_text(struct str *rest, const char *expected)
{
    struct str prefix = str_from(expected);
    if (!str_starts(*rest, prefix)) {
        return false;
    }
    rest->ptr += prefix.len;
    rest->len -= prefix.len;
    return true;
}

static struct lake_log_name checkpoint_name(struct str rest, int64_t version)
{
    struct lake_log_name name = {.version = version};
    struct str after = rest;
    int64_t part = 0;
    int64_t parts = 0;
    if (str_is(rest, "parquet")) {
        name.kind = LAKE_LOG_CHECKPOINT;
    } else if (take_number(&after, PART_DIGITS, &part) && take_text(&after, ".") &&
               take_number(&after, PART_DIGITS, &parts) && str_is(after, ".parquet")) {
        bool sensible = part >= 1 && part <= parts && parts <= INT32_MAX;
        name.kind = sensible ? LAKE_LOG_CHECKPOINT_PART : LAKE_LOG_OTHER;
        name.part = (uint32_t)part;
        name.parts = (uint32_t)parts;
    } else if (rest.len > 36 && uuid_is_valid(str_of(rest.ptr, 36))) {
        struct str suffix = str_of(rest.ptr + 36, rest.len - 36);
        name.kind = str_is(suffix, ".json")      ? LAKE_LOG_CHECKPOINT_V2_JSON
                    : str_is(suffix, ".parquet") ? LAKE_LOG_CHECKPOINT_V2
                                                 : LAKE_LOG_OTHER;
    }
    return name;
}

struct lake_log_name lake_log_name_parse(struct str text)
{
    struct lake_log_name name = {.kind = LAKE_LOG_OTHER};
    struct str rest = text;
    if (!take_number(&rest, VERSION_DIGITS, &name.version) || !take_text(&rest, ".")) {
        return name;
    }
    if (str_is(rest, "json")) {
        name.kind = LAKE_LOG_COMMIT;
    } else if (str_is(rest, "crc")) {
        name.kind = LAKE_LOG_CHECKSUM;
    } else if (take_text(&rest, "checkpoint.")) {
        return checkpoint_name(rest, name.version);
    } else if (take_number(&rest, VERSION_DIGITS, &name.end_version) &&
               str_is(rest, ".compacted.json") && name.end_version > name.version) {
        name.kind = LAKE_LOG_COMPACTED;
    }
    return name;
}

char *lake_log_path(const char *table_dir, const char *name)
{
    return xasprintf("%s/_delta_log/%s", table_dir, name);
}

char *lake_log_commit_path(const char *table_dir, int64_t version)
{
    return xasprintf("%s/_delta_log/%020lld.json", table_dir, (long long)version);
}

err lake_log_list(const char *table_dir, struct lake_log_listing *out_listing, struct errmsg *msg)
{
    AUTO_TEXT dir = xasprintf("%s/_delta_log", table_dir);
    AUTO_LISTING listing = {0};
    err e = os_list(dir, &listing.names, msg);
    if (e == ERR_NOT_FOUND) {
        return errmsg_set(msg, e, "%s is not a Delta table: it has no _delta_log", table_dir);
    }
    TRY(e);
    listing.entries = xnew_array(struct lake_log_entry, listing.names.count + 1);
    for (size_t i = 0; i < listing.names.count; i++) { /* sorted by bytes is sorted by version */
        const char *text = listing.names.items[i];
        struct lake_log_name name = lake_log_name_parse(str_from(text));
        if (name.kind != LAKE_LOG_OTHER) {
            listing.entries[listing.count++] = (struct lake_log_entry){name, text};
        }
    }
    *out_listing = listing;
    listing = (struct lake_log_listing){0};
    return ERR_OK;
}

void lake_log_listing_deinit(struct lake_log_listing *listing)
{
    os_names_free(&listing->names);
    free(listing->entries);
    *listing = (struct lake_log_listing){0};
}

bool lake_table_exists(const char *table_dir)
{
    AUTO_LISTING listing = {0};
    if (lake_log_list(table_dir, &listing, NULL) != ERR_OK) {
        return false;
    }
    for (size_t i = 0; i < listing.count; i++) {
        if (listing.entries[i].name.kind != LAKE_LOG_CHECKSUM) {
            return true;
        }
    }
    return false;
}

err lake_log_read_commit(const char *table_dir, int64_t version, struct buf *out,
                         struct lake_log_stamp *out_stamp, struct errmsg *msg)
{
    AUTO_TEXT path = lake_log_commit_path(table_dir, version);
    struct os_stat st;
    TRY(os_stat(path, &st, msg));
    if (st.size_bytes > LAKE_COMMIT_BYTES_MAX) {
        return errmsg_set(msg, ERR_TOO_LARGE, "commit %lld has %llu bytes, more than %d",
                          (long long)version, (unsigned long long)st.size_bytes,
                          LAKE_COMMIT_BYTES_MAX);
    }
    TRY(os_read_file(path, out, msg));
    *out_stamp = (struct lake_log_stamp){st.mtime_us, st.size_bytes};
    return ERR_OK;
}

/* A durable file under a name of its own. */
static err write_temporary(const char *path, struct str bytes, struct errmsg *msg)
{
    AUTO_FD fd = -1;
    TRY(os_open(path, O_WRONLY | O_CREAT | O_EXCL, &fd, msg));
    TRY(os_pwrite(fd, bytes.ptr, bytes.len, 0, msg));
    return os_fdatasync(fd, msg);
}

static err give_name(const char *temporary, const char *target, struct errmsg *msg)
{
    if (SEEDED_BUG(SEEDED_COMMIT_OVERWRITES)) {
        return os_rename(temporary, target, msg);
    }
    return os_link(temporary, target, msg);
}

err lake_log_put(const char *table_dir, const char *name, struct str bytes,
                 enum lake_put_outcome *out_outcome, struct errmsg *msg)
{
    AUTO_TEXT dir = xasprintf("%s/_delta_log", table_dir);
    AUTO_TEXT target = lake_log_path(table_dir, name);
    AUTO_TEXT temporary = xasprintf("%s/.%s.tmp", dir, os_uuid_new().text);
    *out_outcome = LAKE_PUT_FAILED;
    err e = write_temporary(temporary, bytes, msg);
    if (e == ERR_OK) {
        e = give_name(temporary, target, msg);
        *out_outcome = e == ERR_OK       ? LAKE_PUT_DONE
                       : e == ERR_EXISTS ? LAKE_PUT_LOST
                                         : LAKE_PUT_UNKNOWN;
    }
    (void)os_unlink(temporary, NULL); /* a stray one is invisible, and swept by the log clean-up */
    if (*out_outcome == LAKE_PUT_LOST) {
        return ERR_OK;
    }
    TRY(e);
    if (SEEDED_BUG(SEEDED_NO_DIR_FSYNC)) {
        return ERR_OK;
    }
    e = os_fsync_dir(dir, msg);
    if (e != ERR_OK) {
        *out_outcome = LAKE_PUT_UNKNOWN;
        return errmsg_wrap(msg, e, "%s is in place but perhaps not durable", name);
    }
    return ERR_OK;
}
