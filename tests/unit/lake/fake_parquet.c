/* SPDX-License-Identifier: MIT */
/* fake_parquet.c - see fake_parquet.h. */
#include "fake_parquet.h"

#include "base/buf.h"
#include "os/file.h"

static err fake_read(void *ctx, const char *path, lake_action_fn *on_action, void *action_ctx,
                     struct errmsg *msg)
{
    (void)ctx;
    AUTO_BUF bytes = buf_make(64 << 20);
    TRY(os_read_file(path, &bytes, msg));
    struct str rest = buf_str(&bytes);
    struct str line;
    while (rest.len > 0 && str_split(&rest, '\n', &line)) {
        struct str kind_text;
        uint64_t kind = 0;
        if (!str_split(&line, ' ', &kind_text) || !str_to_u64(kind_text, &kind) ||
            kind >= LAKE_CHECKPOINT_KINDS) {
            return errmsg_set(msg, ERR_CORRUPT, "not a fake Parquet file");
        }
        TRY(on_action(action_ctx, (enum lake_action_kind)kind, line, msg));
    }
    return ERR_OK;
}

static err fake_write(void *ctx, const char *path, lake_action_next_fn *next, void *next_ctx,
                      struct errmsg *msg)
{
    (void)ctx;
    AUTO_BUF bytes = buf_make(64 << 20);
    for (;;) {
        bool more = false;
        enum lake_action_kind kind = LAKE_PROTOCOL;
        struct str json = {NULL, 0};
        TRY(next(next_ctx, &more, &kind, &json, msg));
        if (!more) {
            break;
        }
        buf_printf(&bytes, "%d %.*s\n", (int)kind, STR_ARGS(json));
    }
    TRY(buf_check(&bytes));
    AUTO_FD fd = -1;
    TRY(os_open(path, O_WRONLY | O_CREAT | O_EXCL, &fd, msg));
    return os_pwrite(fd, bytes.data, bytes.len, 0, msg);
}

static err broken_write(void *ctx, const char *path, lake_action_next_fn *next, void *next_ctx,
                        struct errmsg *msg)
{
    (void)ctx;
    (void)path;
    (void)next;
    (void)next_ctx;
    return errmsg_set(msg, ERR_IO, "the fake is broken");
}

const struct lake_parquet fake_parquet = {.read = fake_read, .write = fake_write};
const struct lake_parquet fake_parquet_broken = {.read = fake_read, .write = broken_write};
