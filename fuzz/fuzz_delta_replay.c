/* SPDX-License-Identifier: MIT */
/* fuzz_delta_replay.c - arbitrary bytes as commits of a Delta log, separated by the byte 0x1e. Each
 * is parsed and applied as if it came from disk; what was accepted is written back and must be
 * accepted again. The small decoders of the log get the same bytes. */
#include <stddef.h>
#include <stdint.h>

#include "lake/checkpoint.h"
#include "lake/path.h"
#include "lake/state.h"

enum { COMMITS_MAX = 32, INPUT_BYTES_MAX = 1 << 20 };

static void small_decoders(struct str input)
{
    char hex[33];
    bool is_absolute = false;
    AUTO_BUF path = buf_make(1 << 20);
    (void)lake_stats_num_records(input);
    (void)lake_log_name_parse(input);
    (void)lake_path_is_inside(input);
    (void)(lake_json_checksum(input, hex, NULL) == ERR_OK); /* either is fine */
    if (lake_path_decode(input, &path, &is_absolute, NULL) == ERR_OK) {
        AUTO_BUF uri = buf_make(4 << 20);
        AUTO_BUF again = buf_make(1 << 20);
        bool again_absolute = false;
        lake_path_encode(buf_str(&path), is_absolute, &uri);
        ASSERT(lake_path_decode(buf_str(&uri), &again, &again_absolute, NULL) == ERR_OK);
        ASSERT(is_absolute || str_eq(buf_str(&path), buf_str(&again)));
    }
}

/* What a checkpoint of this state would hold must be accepted by the reader that made the state. */
static void write_and_read(const struct lake_snapshot *s)
{
    AUTO_BUF text = buf_make(64 << 20);
    struct lake_file_iter it = lake_snapshot_files(s);
    buf_puts(&text, "{\"protocol\":");
    lake_protocol_write(lake_snapshot_protocol(s), &text);
    buf_puts(&text, "}\n{\"metaData\":");
    lake_metadata_write(lake_snapshot_metadata(s), &text);
    buf_puts(&text, "}\n");
    size_t count = 0;
    for (const struct lake_file *f; (f = lake_files_next(&it)) != NULL; count++) {
        buf_puts(&text, "{\"add\":");
        lake_add_write(f, false, true, &text);
        buf_puts(&text, "}\n");
    }
    ASSERT(count == lake_snapshot_file_count(s));
    if (text.failed) {
        return;
    }
    struct errmsg msg = {{0}};
    AUTO_ACTIONS actions;
    lake_actions_init(&actions);
    err e = lake_actions_parse_commit(buf_str(&text), &actions, &msg);
    /* The one path may be live with two deletion vectors in a state, not in one commit. */
    ASSERT(e == ERR_OK || strstr(msg.text, "two adds") != NULL);
    ASSERT(e != ERR_OK || actions.add_count == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_BYTES_MAX) {
        return 0;
    }
    struct str rest = str_of(data, size);
    struct str part;
    AUTO(lake_snapshot) s = lake_state_new("/table", NULL, size % 2 == 0);
    if (size % 3 == 0) {
        lake_state_index(s);
    }
    bool is_good = true;
    small_decoders(rest);
    for (int64_t version = 0; is_good && version < COMMITS_MAX && str_split(&rest, 0x1e, &part);
         version++) {
        AUTO_ACTIONS actions;
        lake_actions_init(&actions);
        is_good = lake_actions_parse_commit(part, &actions, NULL) == ERR_OK &&
                  lake_state_apply(s, &actions, NULL) == ERR_OK;
        if (is_good) {
            lake_state_set_commit(s, version, &actions, (struct lake_log_stamp){0});
        }
    }
    if (is_good && lake_state_finish(s, NULL) == ERR_OK) {
        (void)(lake_snapshot_check_append(s, NULL) == ERR_OK);     /* either is fine */
        (void)(lake_snapshot_check_plain_read(s, NULL) == ERR_OK); /* the same */
        write_and_read(s);
    }
    return 0;
}
