/* SPDX-License-Identifier: MIT */
/* checksum.c - the version checksum `<version>.crc` (delta.md section 5): the state's size,
 * protocol, metadata, txns and domains. Other engines start from it, and it is our strongest
 * self-check. */
#include "lake/checksum.h"

#include "lake/protocol.h"

enum { CHECKSUM_BYTES_MAX = 64 << 20 };

static void checksum_name(const struct lake_snapshot *s, char out[64])
{
    (void)snprintf(out, 64, "%020lld.crc", (long long)s->version); /* fits */
}

void lake_checksum_encode(const struct lake_snapshot *s, struct str txn_id, struct buf *out)
{
    (void)buf_puts(out, "{"); /* failures of buf are sticky */
    if (txn_id.len > 0) {
        (void)buf_puts(out, "\"txnId\":");
        (void)buf_add_json_string(out, txn_id);
        (void)buf_puts(out, ",");
    }
    (void)buf_printf(out,
                     "\"tableSizeBytes\":%llu,\"numFiles\":%zu,\"numMetadata\":1,\"numProtocol\":1",
                     (unsigned long long)s->size_bytes, s->files.live);
    if (s->in_commit_timestamp_ms >= 0) {
        (void)buf_printf(out, ",\"inCommitTimestampOpt\":%lld",
                         (long long)s->in_commit_timestamp_ms);
    }
    (void)buf_puts(out, ",\"setTransactions\":[");
    for (size_t i = 0; i < lake_snapshot_txn_count(s); i++) {
        (void)buf_puts(out, i > 0 ? "," : "");
        lake_txn_write(lake_snapshot_txn_at(s, i), out);
    }
    (void)buf_puts(out, "],\"domainMetadata\":[");
    for (size_t i = 0; i < lake_snapshot_domain_count(s); i++) {
        (void)buf_puts(out, i > 0 ? "," : "");
        lake_domain_write(lake_snapshot_domain_at(s, i), false, out);
    }
    (void)buf_puts(out, "],\"metadata\":");
    lake_metadata_write(&s->metadata->metadata, out);
    (void)buf_puts(out, ",\"protocol\":");
    lake_protocol_write(&s->protocol->protocol, out);
    if (lake_protocol_has(&s->protocol->protocol, "deletionVectors")) {
        (void)buf_printf(out, ",\"numDeletedRecordsOpt\":%lld,\"numDeletionVectorsOpt\":%zu",
                         (long long)s->deleted_rows, s->deletion_vectors);
    }
    (void)buf_puts(out, "}\n");
}

bool lake_checksum_exists(const struct lake_snapshot *s)
{
    char name[64];
    checksum_name(s, name);
    AUTO_TEXT path = lake_log_path(s->table_dir, name);
    return os_exists(path);
}

err lake_checksum_write(const struct lake_snapshot *s, struct str txn_id, struct errmsg *msg)
{
    char name[64];
    checksum_name(s, name);
    AUTO_BUF bytes = buf_make(CHECKSUM_BYTES_MAX);
    lake_checksum_encode(s, txn_id, &bytes);
    TRY(buf_check(&bytes));
    enum lake_put_outcome outcome = LAKE_PUT_FAILED;
    return lake_log_put(s->table_dir, name, buf_str(&bytes), &outcome, msg);
}
