/* SPDX-License-Identifier: MIT */
/* commit_encode.c - the bytes of a commit file: commitInfo first, then one action a line. Pure. */
#include "lake/commit_int.h"

static void pair_string(struct buf *out, const char *key, int64_t value, bool *is_first)
{
    (void)buf_puts(out, *is_first ? "" : ","); /* failures of buf are sticky */
    (void)buf_add_json_string(out, str_from(key));
    (void)buf_printf(out, ":\"%lld\"", (long long)value);
    *is_first = false;
}

/* Spark's readers of history want strings here. */
static void encode_metrics(const struct lake_commit *c, struct buf *out)
{
    bool is_first = true;
    int64_t rows = 0;
    int64_t bytes = 0;
    for (size_t i = 0; i < c->add_count; i++) {
        rows += MAX(c->adds[i].num_records, (int64_t)0);
        bytes += (int64_t)c->adds[i].size_bytes;
    }
    (void)buf_puts(out, ",\"operationMetrics\":{");
    pair_string(out, "numFiles", (int64_t)c->add_count, &is_first);
    pair_string(out, "numOutputRows", rows, &is_first);
    pair_string(out, "numOutputBytes", bytes, &is_first);
    if (c->remove_count > 0) {
        pair_string(out, "numRemovedFiles", (int64_t)c->remove_count, &is_first);
    }
    for (size_t i = 0; i < c->metric_count; i++) {
        pair_string(out, c->metrics[i].key, c->metrics[i].value, &is_first);
    }
    (void)buf_add_byte(out, '}');
}

static void encode_info(const struct lake_commit *c, const struct lake_commit_frame *frame,
                        struct buf *out)
{
    bool is_blind_append = c->remove_count == 0 && c->add_count > 0;
    bool changes_data = c->add_count == 0;
    for (size_t i = 0; i < c->add_count; i++) {
        changes_data = changes_data || c->adds[i].data_change;
    }
    (void)buf_puts(out, "{\"commitInfo\":{");
    if (frame->in_commit_timestamp_ms >= 0) {
        (void)buf_printf(out, "\"inCommitTimestamp\":%lld,",
                         (long long)frame->in_commit_timestamp_ms);
    }
    (void)buf_printf(out, "\"timestamp\":%lld,\"operation\":", (long long)frame->timestamp_ms);
    (void)buf_add_json_string(out, str_from(c->operation));
    (void)buf_puts(out, ",\"operationParameters\":{");
    for (size_t i = 0; i < c->parameter_count; i++) {
        (void)buf_puts(out, i > 0 ? "," : "");
        (void)buf_add_json_string(out, str_from(c->parameters[i].key));
        (void)buf_printf(out, ":%s", c->parameters[i].json);
    }
    (void)buf_add_byte(out, '}');
    if (frame->version > 0) {
        (void)buf_printf(out, ",\"readVersion\":%lld", (long long)frame->version - 1);
    }
    (void)buf_printf(out, ",\"isolationLevel\":\"%s\",\"isBlindAppend\":%s",
                     changes_data ? "Serializable" : "SnapshotIsolation",
                     is_blind_append ? "true" : "false");
    encode_metrics(c, out);
    (void)buf_printf(out, ",\"engineInfo\":\"tarn/%s\",\"txnId\":\"%s\"}}\n", TARN_VERSION,
                     c->txn_id.text);
}

static void encode_metadata(const struct lake_commit *c, const struct lake_commit_frame *frame,
                            struct buf *out)
{
    if (c->creates) {
        const struct lake_protocol oldest = {.reader_version = 1, .writer_version = 2};
        (void)buf_puts(out, "{\"protocol\":");
        lake_protocol_write(&oldest, out);
        (void)buf_puts(out, "}\n");
    }
    if (frame->metadata != NULL) {
        (void)buf_puts(out, "{\"metaData\":");
        lake_metadata_write(&frame->metadata->metadata, out);
        (void)buf_puts(out, "}\n");
    }
}

err lake_commit_encode(const struct lake_commit *c, const struct lake_commit_frame *frame,
                       struct buf *out, struct errmsg *msg)
{
    encode_info(c, frame, out);
    encode_metadata(c, frame, out);
    for (size_t i = 0; i < c->txn_count; i++) {
        struct lake_txn txn = c->txns[i];
        txn.last_updated_ms = frame->timestamp_ms;
        (void)buf_puts(out, "{\"txn\":");
        lake_txn_write(&txn, out);
        (void)buf_puts(out, "}\n");
    }
    for (size_t i = 0; i < c->remove_count; i++) {
        struct lake_file file = c->removes[i];
        file.deletion_ms = frame->timestamp_ms;
        (void)buf_puts(out, "{\"remove\":");
        lake_remove_write(&file, file.data_change, out);
        (void)buf_puts(out, "}\n");
    }
    for (size_t i = 0; i < c->add_count; i++) {
        (void)buf_puts(out, "{\"add\":");
        lake_add_write(&c->adds[i], c->adds[i].data_change, true, out);
        (void)buf_puts(out, "}\n");
    }
    err e = buf_check(out);
    return e == ERR_OK ? e : errmsg_set(msg, e, "the commit has more than %zu bytes", out->max);
}
