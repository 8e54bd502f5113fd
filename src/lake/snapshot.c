/* SPDX-License-Identifier: MIT */
/* snapshot.c - the questions a snapshot answers; see snapshot.h. */
#include "lake/snapshot.h"

#include "lake/protocol.h"
#include "lake/schema.h"
#include "lake/state.h"

int64_t lake_snapshot_version(const struct lake_snapshot *s)
{
    return s->version;
}

const char *lake_snapshot_table_dir(const struct lake_snapshot *s)
{
    return s->table_dir;
}

const struct lake_protocol *lake_snapshot_protocol(const struct lake_snapshot *s)
{
    return &s->protocol->protocol;
}

const struct lake_metadata *lake_snapshot_metadata(const struct lake_snapshot *s)
{
    return &s->metadata->metadata;
}

const struct lake_field *lake_snapshot_field(const struct lake_snapshot *s, struct str name)
{
    const struct lake_metadata *m = &s->metadata->metadata;
    return lake_fields_find(m->fields, m->field_count, name);
}

bool lake_snapshot_has_stats(const struct lake_snapshot *s)
{
    return !s->drop_stats;
}

size_t lake_snapshot_file_count(const struct lake_snapshot *s)
{
    return s->files.live;
}

uint64_t lake_snapshot_size_bytes(const struct lake_snapshot *s)
{
    return s->size_bytes;
}

int64_t lake_snapshot_row_count(const struct lake_snapshot *s)
{
    return s->unknown_row_files > 0 ? -1 : s->row_count;
}

int64_t lake_snapshot_timestamp_ms(const struct lake_snapshot *s)
{
    if (s->in_commit_timestamp_ms >= 0) {
        return s->in_commit_timestamp_ms;
    }
    return s->commit_timestamp_ms >= 0 ? s->commit_timestamp_ms : s->stamp.mtime_us / 1000;
}

int64_t lake_snapshot_in_commit_timestamp_ms(const struct lake_snapshot *s)
{
    return s->in_commit_timestamp_ms;
}

int64_t lake_snapshot_checkpoint_version(const struct lake_snapshot *s)
{
    return s->checkpoint_version;
}

size_t lake_snapshot_txn_count(const struct lake_snapshot *s)
{
    return s->txns == NULL ? 0 : s->txns->count;
}

const struct lake_txn *lake_snapshot_txn_at(const struct lake_snapshot *s, size_t index)
{
    ASSERT(index < lake_snapshot_txn_count(s));
    return &s->txns->items[index];
}

const struct lake_txn *lake_snapshot_txn(const struct lake_snapshot *s, struct str app_id)
{
    for (size_t i = 0; i < lake_snapshot_txn_count(s); i++) {
        if (str_eq(s->txns->items[i].app_id, app_id)) {
            return &s->txns->items[i];
        }
    }
    return NULL;
}

size_t lake_snapshot_domain_count(const struct lake_snapshot *s)
{
    return s->domains == NULL ? 0 : s->domains->count;
}

const struct lake_domain *lake_snapshot_domain_at(const struct lake_snapshot *s, size_t index)
{
    ASSERT(index < lake_snapshot_domain_count(s));
    return &s->domains->items[index];
}

bool lake_snapshot_config(const struct lake_snapshot *s, struct str key, struct str *out_value)
{
    const struct lake_metadata *m = &s->metadata->metadata;
    for (size_t i = 0; i < m->configuration_count; i++) {
        if (str_eq(m->configuration[i].key, key)) {
            *out_value = m->configuration[i].value;
            return true;
        }
    }
    return false;
}

struct lake_file_iter lake_snapshot_files(const struct lake_snapshot *s)
{
    return (struct lake_file_iter){.list = &s->files};
}

struct lake_file_iter lake_snapshot_tombstones(const struct lake_snapshot *s)
{
    return (struct lake_file_iter){.list = &s->tombstones};
}

const struct lake_file *lake_files_next(struct lake_file_iter *it)
{
    const struct lake_list *list = it->list;
    for (; it->slot < list->slot_count; it->slot++, it->index = 0) {
        const struct lake_slot *slot = &list->slots[it->slot];
        while (it->index < slot->used) {
            size_t i = it->index++;
            if ((slot->dead_bits[i / 64] >> (i % 64) & 1) == 0) {
                return &slot->segment->files[i];
            }
        }
    }
    return NULL;
}

const struct lake_pair *lake_file_partition(const struct lake_file *f, struct str column)
{
    for (uint32_t i = 0; i < f->partition_value_count; i++) {
        if (str_eq(f->partition_values[i].key, column)) {
            return &f->partition_values[i];
        }
    }
    return NULL;
}

err lake_snapshot_check_plain_read(const struct lake_snapshot *s, struct errmsg *msg)
{
    const struct lake_metadata *m = &s->metadata->metadata;
    if (s->deletion_vectors > 0) {
        return errmsg_set(
            msg, ERR_UNSUPPORTED,
            "the table has deletion vectors (deletionVectors), which tarn cannot apply yet");
    }
    struct str mode = lake_metadata_config(m, "delta.columnMapping.mode");
    if (mode.len > 0 && !str_eq_nocase(mode, STR("none")) &&
        lake_protocol_has(&s->protocol->protocol, "columnMapping")) {
        return errmsg_set(
            msg, ERR_UNSUPPORTED,
            "the table has column mapping (columnMapping, %.*s), which tarn cannot read yet",
            (int)MIN(mode.len, (size_t)20), mode.ptr);
    }
    if (memmem(m->schema_text.ptr, m->schema_text.len, "\"delta.typeChanges\"", 19) != NULL) {
        return errmsg_set(msg, ERR_UNSUPPORTED,
                          "the table has widened types (typeWidening), which tarn cannot read yet");
    }
    for (size_t i = 0; i < m->field_count; i++) {
        if (str_is(m->fields[i].type, "variant") ||
            (m->fields[i].type.len > 0 && m->fields[i].type.ptr[0] == '{' &&
             memmem(m->fields[i].type.ptr, m->fields[i].type.len, "\"variant\"", 9) != NULL)) {
            return errmsg_set(msg, ERR_UNSUPPORTED,
                              "column %.*s is a variant (variantType), which tarn cannot read yet",
                              (int)MIN(m->fields[i].name.len, (size_t)100), m->fields[i].name.ptr);
        }
    }
    return ERR_OK;
}

err lake_snapshot_check_append(const struct lake_snapshot *s, struct errmsg *msg)
{
    return lake_protocol_check_append(&s->protocol->protocol, &s->metadata->metadata, msg);
}
