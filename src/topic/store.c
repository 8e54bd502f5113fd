/* SPDX-License-Identifier: MIT */
/* store.c - all topics of a data folder: open and close, create, change, delete, and the look-ups.
 * What happens to bytes is in store_partition.c, store_sync.c and recover.c.
 *
 *   DIR/starts                   how often this folder was opened: the leader epoch
 *   DIR/topics/<name>/           one topic: topic.json, one folder per partition, request journals
 *   DIR/topics/+new-<uuid>/      being made;  +gone-<uuid>/ being removed ('+' is in no topic name)
 *
 * A topic appears by the rename of its complete, fsynced folder and vanishes by a rename. */
#include "topic/store.h"

#include "base/seeded.h"
#include "os/clock.h"
#include "os/file.h"
#include "topic/store_int.h"

enum { HOLD_US = 60 * 1000 * 1000 }; /* files stay open so long after the last append */

/* Topics. */

static void topic_free(struct topic *t)
{
    if (t == NULL) {
        return;
    }
    if (t->partitions != NULL) {
        for (uint32_t i = 0; i < t->meta.partition_count; i++) {
            partition_free(t->partitions[i]);
        }
    }
    free(t->partitions);
    idem_table_free(t->idem);
    topic_meta_deinit(&t->meta);
    free(t->slot);
    free(t->dir);
    free(t);
}
AUTO_DEFINE(topic)

static char *topic_json_path(const char *topic_directory)
{
    return xasprintf("%s/topic.json", topic_directory);
}

/* Opens a topic that is complete on disk. */
static err topic_open(struct topic_store *s, const char *name, struct topic **out_topic,
                      struct errmsg *msg)
{
    AUTO(topic) t = xnew(struct topic);
    t->store = s;
    t->dir = xasprintf("%s/%s", s->topics_dir, name);
    AUTO_TEXT json = topic_json_path(t->dir);
    err e = topic_meta_load(json, &t->meta, msg);
    if (e == ERR_NOT_FOUND) {
        return errmsg_set(msg, ERR_CORRUPT, "%s is missing", json);
    }
    TRY(e);
    if (strcmp(t->meta.name, name) != 0) {
        return errmsg_set(msg, ERR_CORRUPT, "%s is of another topic (%s)", json, t->meta.name);
    }
    t->partitions = xnew_array(struct partition *, t->meta.partition_count);
    for (uint32_t i = 0; i < t->meta.partition_count; i++) {
        t->partitions[i] = partition_new(t, i);
        e = partition_open(t->partitions[i], msg);
        if (e != ERR_OK) {
            return errmsg_wrap(msg, e, "topic %s, partition %u", name, i);
        }
        s->recovery.partitions++;
    }
    TRY(idem_recover(t, msg));
    e = t->is_waiting ? ERR_OK : idem_recover_finish(t, msg);
    t->is_waiting |= e == ERR_NOSPACE;
    TRY(e == ERR_NOSPACE ? ERR_OK : e);
    s->recovery.topics++;
    *out_topic = TAKE(t);
    return ERR_OK;
}

static void topics_insert(struct topic_store *s, struct topic *t)
{
    s->topics = xrealloc(s->topics, s->topic_count + 1, sizeof *s->topics);
    size_t at = s->topic_count++;
    while (at > 0 && strcmp(s->topics[at - 1]->meta.name, t->meta.name) > 0) {
        s->topics[at] = s->topics[at - 1];
        at--;
    }
    s->topics[at] = t;
}

/* Opening and closing the store. */

/* Writes the start counter. A full disk has no room for a new file beside it; then the old one is
 * written over, which needs none: a few bytes of one sector. */
static err write_starts(const char *path, struct str text, struct errmsg *msg)
{
    err e = os_replace_file(path, text, msg);
    if (e != ERR_NOSPACE || !os_exists(path)) {
        return e;
    }
    AUTO_FD fd = -1;
    TRY(os_open(path, O_WRONLY, &fd, msg));
    TRY(os_pwrite(fd, text.ptr, text.len, 0, msg));
    return os_fdatasync(fd, msg);
}

/* Raises the start counter; a damaged one is refused rather than started over. */
static err bump_starts(struct topic_store *s, struct errmsg *msg)
{
    AUTO_TEXT path = xasprintf("%s/starts", s->dir);
    AUTO_BUF text = buf_make(64);
    int64_t starts = 0;
    err e = os_read_file(path, &text, msg);
    if (e == ERR_OK) {
        if (!str_to_i64(str_trim(buf_str(&text)), &starts) || starts < 0 || starts >= INT32_MAX) {
            return errmsg_set(msg, ERR_CORRUPT, "%s does not hold a count", path);
        }
    } else if (e != ERR_NOT_FOUND) {
        return e;
    }
    s->epoch = (int32_t)starts + 1;
    buf_reset(&text);
    (void)buf_printf(&text, "%d\n", s->epoch); /* fits */
    return write_starts(path, buf_str(&text), msg);
}

static err open_topics(struct topic_store *s, struct errmsg *msg)
{
    AUTO_NAMES names = {0};
    TRY(os_list(s->topics_dir, &names, msg));
    for (size_t i = 0; i < names.count; i++) {
        if (!topic_name_valid(str_from(names.items[i]))) {
            s->has_trash |= names.items[i][0] == '+';
            continue;
        }
        struct topic *t = NULL;
        TRY(topic_open(s, names.items[i], &t, msg));
        topics_insert(s, t);
    }
    return ERR_OK;
}

static struct topic_store *store_new(const char *dir, const struct topic_store_options *options)
{
    struct topic_store *s = xnew(struct topic_store);
    s->dir = xstrdup(dir);
    s->topics_dir = xasprintf("%s/topics", dir);
    s->options = *options;
    s->data_fd = -1;
    struct topic_store_options *o = &s->options;
    o->reserve_bytes = o->reserve_bytes == 0 ? 16u << 20 : o->reserve_bytes;
    o->verify_bytes = o->verify_bytes == 0 ? 8u << 20 : o->verify_bytes;
    o->mark_interval_us = o->mark_interval_us == 0 ? 100000 : o->mark_interval_us;
    o->idempotency_ms = o->idempotency_ms == 0 ? 24ll * 3600 * 1000 : o->idempotency_ms;
    o->idempotency_keys_max = o->idempotency_keys_max == 0 ? 1000000 : o->idempotency_keys_max;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->to_thread, &monotonic);
    pthread_cond_init(&s->to_reactor, NULL);
    pthread_condattr_destroy(&monotonic);
    return s;
}

err topic_store_open(const char *dir, const struct topic_store_options *options,
                     struct topic_store **out_store, struct errmsg *msg)
{
    ASSERT(dir != NULL && options != NULL);
    int64_t started = os_mono_us();
    AUTO(topic_store) s = store_new(dir, options);
    TRY(os_mkdirs(s->topics_dir, msg));
    TRY(os_open(s->topics_dir, O_RDONLY | O_DIRECTORY, &s->data_fd, msg));
    TRY(bump_starts(s, msg));
    TRY(open_topics(s, msg));
    TRY(store_sync_start(s, msg));
    s->recovery.elapsed_us = os_mono_us() - started;
    *out_store = TAKE(s);
    return ERR_OK;
}

err topic_store_finish(struct topic_store *s, struct errmsg *msg)
{
    TRY(topic_store_sync_now(s, msg));
    for (size_t i = 0; i < s->topic_count; i++) {
        for (uint32_t k = 0; k < s->topics[i]->meta.partition_count; k++) {
            struct partition *p = s->topics[i]->partitions[k];
            partition_index_flush(p);
            if (p->file != NULL && p->reserved > p->position) {
                (void)os_truncate(p->file->fd, p->position, NULL); /* only gives space back */
            }
        }
    }
    return ERR_OK;
}

void topic_store_free(struct topic_store *s)
{
    if (s == NULL) {
        return;
    }
    store_sync_stop(s);
    for (size_t i = 0; i < s->topic_count; i++) {
        topic_free(s->topics[i]);
    }
    store_sync_deinit(s);
    idem_global_free(s->idem);
    os_close(s->data_fd);
    pthread_cond_destroy(&s->to_thread);
    pthread_cond_destroy(&s->to_reactor);
    pthread_mutex_destroy(&s->mutex);
    free(s->topics);
    free(s->touched);
    free(s->topics_dir);
    free(s->dir);
    free(s);
}

struct topic_recovery_stats topic_store_recovery(const struct topic_store *s)
{
    return s->recovery;
}

int32_t topic_store_epoch(const struct topic_store *s)
{
    return s->epoch;
}

/* Creating. */

static err check_free(struct topic_store *s, const struct topic_meta *meta, struct errmsg *msg)
{
    if (topic_store_find(s, str_from(meta->name)) != NULL) {
        return errmsg_set(msg, ERR_EXISTS, "topic %s exists already", meta->name);
    }
    if (s->topic_count >= TOPIC_COUNT_MAX) {
        return errmsg_set(msg, ERR_LIMIT,
                          "there are %d topics already, which is the most; delete one, or tell "
                          "events apart by a field",
                          TOPIC_COUNT_MAX);
    }
    const struct topic *other = topic_store_find_table(s, str_from(meta->table));
    if (other != NULL) {
        return errmsg_set(msg, ERR_EXISTS, "topic %s has the table name %s already",
                          other->meta.name, meta->table);
    }
    if (!topic_name_valid(str_from(meta->name)) || meta->partition_count < 1 ||
        meta->partition_count > TOPIC_PARTITIONS_MAX || meta->version_count < 1) {
        return errmsg_set(msg, ERR_INVALID, "a topic has 1 to %d partitions", TOPIC_PARTITIONS_MAX);
    }
    return ERR_OK;
}

/* The complete folder under a name no topic has. */
static err build_folder(const char *dir, const struct topic_meta *meta,
                        const int64_t *start_offsets, struct errmsg *msg)
{
    TRY(os_mkdirs(dir, msg));
    for (uint32_t i = 0; i < meta->partition_count; i++) {
        AUTO_TEXT partition = xasprintf("%s/%u", dir, i);
        TRY(partition_create(partition, start_offsets == NULL ? 0 : start_offsets[i], msg));
    }
    AUTO_TEXT json = topic_json_path(dir);
    TRY(topic_meta_save(json, meta, msg));
    return os_fsync_dir(dir, msg);
}

err topic_store_create(struct topic_store *s, const struct topic_meta *meta,
                       const int64_t *start_offsets, struct topic **out_topic, struct errmsg *msg)
{
    TRY(store_check(s, msg));
    TRY(check_free(s, meta, msg));
    AUTO_TOPIC_META fresh = {0};
    topic_meta_copy(meta, &fresh);
    fresh.uuid = os_uuid_new();
    fresh.created_us = os_now_us();
    AUTO_TEXT staging = xasprintf("%s/+new-%s", s->topics_dir, fresh.uuid.text);
    AUTO_TEXT final = xasprintf("%s/%s", s->topics_dir, fresh.name);
    err e = build_folder(staging, &fresh, start_offsets, msg);
    if (e == ERR_OK) {
        e = os_rename(staging, final, msg);
    }
    if (e == ERR_OK && !SEEDED_BUG(SEEDED_NO_DIR_FSYNC)) {
        e = os_fsync_dir(s->topics_dir, msg);
        if (e != ERR_OK) {
            store_fail(s, "the topics folder cannot be synced"); /* is the topic there or not? */
        }
    }
    if (e != ERR_OK) {
        s->has_trash = true; /* what is left goes with the ticks */
        return e;
    }
    struct topic *t = NULL;
    TRY(topic_open(s, fresh.name, &t, msg));
    topics_insert(s, t);
    *out_topic = t;
    return ERR_OK;
}

/* Looking up. */

struct topic *topic_store_find(struct topic_store *s, struct str name)
{
    size_t low = 0;
    size_t high = s->topic_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(str_from(s->topics[middle]->meta.name), name);
        if (order == 0) {
            return s->topics[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

struct topic *topic_store_find_table(struct topic_store *s, struct str table)
{
    for (size_t i = 0; i < s->topic_count; i++) {
        if (str_is(table, s->topics[i]->meta.table)) {
            return s->topics[i];
        }
    }
    return NULL;
}

size_t topic_store_count(const struct topic_store *s)
{
    return s->topic_count;
}

struct topic *topic_store_at(struct topic_store *s, size_t index)
{
    ASSERT(index < s->topic_count);
    return s->topics[index];
}

const struct topic_meta *topic_meta_of(const struct topic *t)
{
    return &t->meta;
}

void **topic_slot(struct topic *t)
{
    return &t->slot;
}

const char *topic_dir(const struct topic *t)
{
    return t->dir;
}

/* Changing. */

static bool text_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool decodes_same(const struct topic_version *a, const struct topic_version *b)
{
    return text_same(a->schema, b->schema) && text_same(a->key_field, b->key_field) &&
           text_same(a->time_field, b->time_field);
}

/* topic.json must stay readable: so many versions, and so much text of schemas. */
static err room_for_version(const struct topic_meta *m, const struct topic_version *wanted,
                            struct errmsg *msg)
{
    size_t bytes = wanted->schema == NULL ? 0 : strlen(wanted->schema);
    if (bytes > TOPIC_SCHEMA_BYTES_MAX) {
        return errmsg_set(msg, ERR_TOO_LARGE, "a schema may hold %d bytes, this one has %zu",
                          TOPIC_SCHEMA_BYTES_MAX, bytes);
    }
    for (size_t i = 0; i < m->version_count; i++) {
        bytes += m->versions[i].schema == NULL ? 0 : strlen(m->versions[i].schema);
    }
    if (m->version_count >= TOPIC_VERSIONS_MAX || bytes > TOPIC_SCHEMAS_BYTES_MAX) {
        return errmsg_set(msg, ERR_INVALID,
                          "the schema, key or time field of topic %s was changed too often; go on "
                          "with a new topic",
                          m->name);
    }
    return ERR_OK;
}

/* Adds a version in force from the present ends on; the caller has just synced. */
static void add_version(struct topic *t, struct topic_meta *m, const struct topic_version *wanted)
{
    m->versions = xrealloc(m->versions, m->version_count + 1, sizeof *m->versions);
    struct topic_version *v = &m->versions[m->version_count];
    *v = (struct topic_version){.id = (uint32_t)m->version_count + 1,
                                .start_count = t->meta.partition_count};
    v->start_offsets = xnew_array(int64_t, t->meta.partition_count);
    for (uint32_t i = 0; i < t->meta.partition_count; i++) {
        v->start_offsets[i] = t->partitions[i]->next_offset;
    }
    topic_text_set(&v->key_field, str_from(wanted->key_field));
    topic_text_set(&v->time_field, str_from(wanted->time_field));
    topic_text_set(&v->schema, str_from(wanted->schema));
    m->version_count++;
}

/* Opens the partitions from the present count up to that of `m`, made by the caller. */
static err open_more(struct topic *t, const struct topic_meta *m, struct errmsg *msg)
{
    t->partitions = xrealloc(t->partitions, m->partition_count, sizeof(struct partition *));
    for (uint32_t i = t->meta.partition_count; i < m->partition_count; i++) {
        struct partition *p = partition_new(t, i);
        err e = partition_open(p, msg);
        if (e != ERR_OK) {
            partition_free(p);
            store_fail(t->store, "a new partition cannot be opened");
            return e;
        }
        t->partitions[i] = p;
        t->meta.partition_count = i + 1;
    }
    return ERR_OK;
}

err topic_store_update(struct topic_store *s, struct topic *t, const struct topic_meta *new_meta,
                       struct errmsg *msg)
{
    if (new_meta->partition_count < t->meta.partition_count ||
        new_meta->partition_count > TOPIC_PARTITIONS_MAX || new_meta->version_count < 1) {
        return errmsg_set(msg, ERR_INVALID, "a topic's partitions can become more, up to %d",
                          TOPIC_PARTITIONS_MAX);
    }
    TRY(topic_store_sync_now(s, msg)); /* the start offsets of a version must be durable ends */
    AUTO_TOPIC_META m = {0};
    topic_meta_copy(&t->meta, &m);
    struct str *columns = xnew_array(struct str, new_meta->settings.partition_by_count + 1);
    for (size_t i = 0; i < new_meta->settings.partition_by_count; i++) {
        columns[i] = str_from(new_meta->settings.partition_by[i]);
    }
    topic_partition_by_set(&m.settings, columns, new_meta->settings.partition_by_count);
    free(columns);
    char **kept = m.settings.partition_by;
    size_t kept_count = m.settings.partition_by_count;
    m.settings = new_meta->settings;
    m.settings.partition_by = kept;
    m.settings.partition_by_count = kept_count;
    const struct topic_version *wanted = &new_meta->versions[new_meta->version_count - 1];
    bool has_new_version = !decodes_same(wanted, &m.versions[m.version_count - 1]);
    if (has_new_version || new_meta->partition_count != m.partition_count) {
        TRY(topic_wait_check(t, msg)); /* settings may change: retention can make room */
    }
    if (has_new_version) {
        TRY(room_for_version(&m, wanted, msg));
        add_version(t, &m, wanted);
    }
    m.partition_count = new_meta->partition_count;
    for (uint32_t i = t->meta.partition_count; i < m.partition_count; i++) {
        AUTO_TEXT dir = xasprintf("%s/%u", t->dir, i);
        TRY(partition_create(dir, 0, msg));
    }
    TRY(os_fsync_dir(t->dir, msg));
    AUTO_TEXT json = topic_json_path(t->dir);
    err e = topic_meta_save(json, &m, msg);
    if (e != ERR_OK) {
        if (e != ERR_NOSPACE && e != ERR_INVALID) {
            store_fail(s, "a topic.json cannot be written"); /* old or new? a restart will tell */
        }
        return e;
    }
    TRY(open_more(t, &m, msg));
    topic_meta_deinit(&t->meta);
    t->meta = m;
    m = (struct topic_meta){0};
    return ERR_OK;
}

/* Deleting. */

void topic_set_closing(struct topic *t, bool is_closing)
{
    t->is_closing = is_closing;
}

bool topic_is_closing(const struct topic *t)
{
    return t->is_closing;
}

err topic_store_delete(struct topic_store *s, struct topic *t, struct errmsg *msg)
{
    if (idem_is_in_flight(t->idem)) {
        return errmsg_set(msg, ERR_BUSY, "requests with a key are under way in topic %s",
                          t->meta.name);
    }
    TRY(topic_store_sync_now(s, msg)); /* so that nothing of it waits for a sync any more */
    AUTO_TEXT gone = xasprintf("%s/+gone-%s", s->topics_dir, os_uuid_new().text);
    for (uint32_t i = 0; i < t->meta.partition_count; i++) {
        partition_index_flush(t->partitions[i]);
    }
    TRY(os_rename(t->dir, gone, msg));
    if (os_fsync_dir(s->topics_dir, msg) != ERR_OK) {
        store_fail(s, "the topics folder cannot be synced");
        return ERR_FAILED;
    }
    for (uint32_t i = 0; i < t->meta.partition_count; i++) {
        store_forget(s, t->partitions[i]);
    }
    for (size_t i = 0; i < s->topic_count; i++) {
        if (s->topics[i] == t) {
            memmove(&s->topics[i], &s->topics[i + 1],
                    (s->topic_count - i - 1) * sizeof s->topics[0]);
            s->topic_count--;
            break;
        }
    }
    topic_free(t);
    s->has_trash = true;
    return ERR_OK;
}

/* Appending. */

err topic_append(struct topic *t, uint32_t partition, struct str batch, int64_t *out_base_offset,
                 uint64_t *out_seq, struct errmsg *msg)
{
    struct topic_store *s = t->store;
    TRY(store_check(s, msg));
    if (partition >= t->meta.partition_count) {
        return errmsg_set(msg, ERR_RANGE, "topic %s has no partition %u", t->meta.name, partition);
    }
    struct partition *p = t->partitions[partition];
    if (p->is_damaged) {
        return errmsg_set(msg, ERR_CORRUPT, "log_damaged: topic %s, partition %u: %s", t->meta.name,
                          partition, p->why);
    }
    TRY(topic_wait_check(t, msg));
    if (t->is_closing) {
        return errmsg_set(msg, ERR_BUSY, "the topic %s is being deleted", t->meta.name);
    }
    struct batch_header h;
    if (batch_header_decode(batch, &h, msg) != ERR_OK || h.total_bytes != batch.len ||
        h.record_count < 1) {
        return errmsg_set(msg, ERR_INVALID, "not one whole record batch");
    }
    TRY(partition_append(p, batch, &h, out_base_offset, msg));
    if (t->meta.settings.durability == TOPIC_PAGE_CACHE) {
        *out_seq = 0;
    } else {
        s->appended_bytes += batch.len;
        *out_seq = ++s->next_seq;
    }
    return ERR_OK;
}

/* Partitions. */

uint32_t topic_partition_count(const struct topic *t)
{
    return t->meta.partition_count;
}

static const struct partition *partition_of(const struct topic *t, uint32_t partition)
{
    ASSERT(partition < t->meta.partition_count);
    return t->partitions[partition];
}

int64_t topic_log_start(const struct topic *t, uint32_t partition)
{
    return partition_of(t, partition)->log_start;
}

int64_t topic_durable_end(const struct topic *t, uint32_t partition)
{
    return atomic_load(&partition_of(t, partition)->durable_end);
}

int64_t topic_written_end(const struct topic *t, uint32_t partition)
{
    return partition_of(t, partition)->next_offset;
}

int64_t topic_acked_end(const struct topic *t, uint32_t partition)
{
    if (partition_of(t, partition)->is_waiting) {
        return topic_written_end(t, partition); /* what was acknowledged is among it */
    }
    return t->meta.settings.durability == TOPIC_PAGE_CACHE && !atomic_load(&t->store->is_failed)
               ? topic_written_end(t, partition)
               : topic_durable_end(t, partition);
}

uint64_t topic_partition_bytes(const struct topic *t, uint32_t partition)
{
    const struct partition *p = partition_of(t, partition);
    return p->sealed_bytes + p->position;
}

uint64_t topic_bytes(const struct topic *t)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < t->meta.partition_count; i++) {
        bytes += topic_partition_bytes(t, i);
    }
    return bytes;
}

enum topic_partition_state topic_partition_state(const struct topic *t, uint32_t partition,
                                                 struct errmsg *msg)
{
    const struct partition *p = partition_of(t, partition);
    if (p->is_damaged) {
        (void)errmsg_set(msg, ERR_CORRUPT, "%s", p->why);
        return TOPIC_PARTITION_DAMAGED;
    }
    return topic_wait_check(t, msg) == ERR_OK ? TOPIC_PARTITION_OK : TOPIC_PARTITION_WAITING;
}

void topic_report_damage(struct topic *t, uint32_t partition, const char *what)
{
    ASSERT(partition < t->meta.partition_count);
    struct partition *p = t->partitions[partition];
    if (p->is_damaged) {
        return;
    }
    partition_damaged(p, what);
    pthread_mutex_lock(&t->store->mutex);
    p->mark_flags |= SEGMENT_MARK_DAMAGED;
    pthread_mutex_unlock(&t->store->mutex);
    if (p->has_mark && partition_hold(p, NULL) == ERR_OK) {
        store_want_mark(t->store, p);
    }
}

/* Choosing a partition. */

uint32_t topic_partition_for_key(const struct topic *t, struct str key)
{
    return (hash_murmur2(key) & 0x7fffffff) % t->meta.partition_count;
}

uint32_t topic_partition_sticky(struct topic *t)
{
    uint64_t round = t->store->turn_round; /* so that one turn's events stay together */
    uint32_t count = t->meta.partition_count;
    if (round != t->sticky_round) {
        t->sticky_round = round;
        t->sticky = (t->sticky + 1) % count;
    }
    for (uint32_t i = 0; i < count && t->partitions[t->sticky]->is_damaged; i++) {
        t->sticky = (t->sticky + 1) % count;
    }
    return t->sticky;
}

/* Retention. */

void topic_set_committed(struct topic *t, uint32_t partition, int64_t table_next, int64_t dead_next)
{
    ASSERT(partition < t->meta.partition_count);
    struct partition *p = t->partitions[partition];
    p->table_next = MAX(p->table_next, table_next);
    p->dead_next = MAX(p->dead_next, dead_next);
}

uint64_t topic_unlanded_rows(const struct topic *t)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < t->meta.partition_count; i++) {
        const struct partition *p = t->partitions[i];
        int64_t from = MAX(p->table_next, p->log_start);
        if (p->table_next >= 0 && p->next_offset > from) {
            rows += (uint64_t)(p->next_offset - from);
        }
    }
    return rows;
}

bool topic_is_too_far_behind(const struct topic *t)
{
    uint64_t max = t->meta.settings.unlanded_rows_max;
    return max > 0 && topic_unlanded_rows(t) >= max;
}

void topic_store_tick(struct topic_store *s)
{
    int64_t now = os_now_us();
    idem_tick(s, now);
    if (atomic_load(&s->is_failed)) {
        return;
    }
    for (size_t i = 0; i < s->topic_count; i++) {
        struct topic *t = s->topics[i];
        uint64_t bytes = topic_bytes(t);
        for (uint32_t k = 0; k < t->meta.partition_count; k++) {
            partition_retain(t->partitions[k], &bytes, now);
            if (now - t->partitions[k]->last_append_us > HOLD_US) {
                partition_let_go(t->partitions[k]);
            }
        }
        store_wait_step(t);
    }
    if (s->has_trash) {
        store_trash_step(s);
    }
}
