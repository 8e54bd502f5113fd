/* SPDX-License-Identifier: MIT */
/* redrive_book.c - what is known of each topic's re-drives, and its journal. See redrive_int.h. */
#include "flow/redrive_int.h"

#include "base/log.h"
#include "base/seeded.h"
#include "flow/redrive_scan.h"
#include "os/clock.h"
#include "os/file.h"

enum { JOURNAL_REWRITE_BYTES = 4 << 20 };

static void book_free(struct redrive_book *b)
{
    if (b != NULL) {
        topic_journal_close(b->journal);
        redrive_state_deinit(&b->state);
        free(b);
    }
}

static err take_entry(void *ctx, struct str payload, struct errmsg *msg)
{
    struct redrive_book *b = ctx;
    return redrive_state_apply(&b->state, payload, msg);
}

static char *book_dir(const struct redrive *r, const char *table)
{
    return xasprintf("%s/redrive/%s", r->data_dir, table);
}

static void book_load(struct redrive *r, struct redrive_book *b)
{
    AUTO_TEXT dir = book_dir(r, b->table);
    if (topic_journal_open(r->options.store, dir, take_entry, b, &b->journal, &b->damage) !=
        ERR_OK) {
        redrive_state_deinit(&b->state);
        log_error("a re-drive journal cannot be read", "topic=%s error=\"%s\"", b->name,
                  b->damage.text);
    }
}

static struct redrive_book **find_book(struct redrive *r, const char *table)
{
    struct redrive_book **at = &r->books;
    while (*at != NULL && strcmp((*at)->table, table) != 0) {
        at = &(*at)->next;
    }
    return at;
}

static void drop_book(struct redrive_book **at)
{
    struct redrive_book *b = *at;
    *at = b->next;
    book_free(b);
}

struct redrive_book *redrive_book(struct redrive *r, const struct topic *t)
{
    const struct topic_meta *m = topic_meta_of(t);
    struct redrive_book **at = find_book(r, m->table);
    if (*at != NULL && strcmp((*at)->uuid.text, m->uuid.text) != 0) {
        drop_book(at); /* made anew under the old name */
        at = find_book(r, m->table);
    }
    if (*at == NULL) {
        struct redrive_book *b = xnew(struct redrive_book);
        memcpy(b->name, m->name, sizeof b->name);
        memcpy(b->table, m->table, sizeof b->table);
        b->uuid = m->uuid;
        book_load(r, b);
        *at = b;
    }
    return *at;
}

err redrive_book_append(struct redrive_book *b, struct str entry, size_t reserve_bytes,
                        uint64_t *out_seq, struct errmsg *msg)
{
    TRY(topic_journal_append(b->journal, entry, reserve_bytes, out_seq, msg));
    err e = redrive_state_apply(&b->state, entry, msg);
    if (e != ERR_OK) { /* memory was out: what is on disk is right, and the next start reads it */
        b->damage = *msg;
        topic_journal_close(b->journal);
        b->journal = NULL;
    }
    return e;
}

err redrive_book_settle(struct redrive *r, struct redrive_book *b, struct topic *t,
                        struct errmsg *msg)
{
    if (!b->state.is_open) {
        return ERR_OK;
    }
    AUTO_BUF entry = buf_make(JOURNAL_ENTRY_BYTES_MAX);
    struct redrive_set found = {0};
    bool is_certain = false;
    if (topic_is_waiting(t)) { /* the log's end is not settled itself */
        return errmsg_set(msg, ERR_NOSPACE, "the topic waits for room on the disk");
    }
    TRY(topic_store_sync_now(r->options.store, msg));
    err e = redrive_scan(t, &b->state, &found, &is_certain, msg);
    if (SEEDED_BUG(SEEDED_REDRIVE_NOT_SETTLED)) {
        redrive_set_deinit(&found);
        is_certain = true;
    }
    if (e == ERR_OK && is_certain) {
        redrive_encode_done(b->state.id, os_now_us(), found.ranges, found.count, &entry);
    } else if (e == ERR_OK) {
        log_warn(
            "a stretch of the log that a re-drive wrote to is gone: its rows are not tried again",
            "topic=%s rows=%llu", b->name, (unsigned long long)b->state.sources.offsets);
        redrive_encode_done_all(b->state.id, os_now_us(), &entry);
    }
    uint64_t rows = found.offsets;
    redrive_set_deinit(&found);
    uint64_t seq = 0;
    TRY(e);
    TRY(redrive_book_append(b, buf_str(&entry), 0, &seq, msg));
    TRY(topic_store_sync_now(r->options.store, msg));
    log_info("a re-drive that was cut off is settled", "topic=%s rows=%llu", b->name,
             (unsigned long long)rows);
    return ERR_OK;
}

err redrive_book_ready(struct redrive *r, struct redrive_book *b, struct topic *t,
                       struct errmsg *msg)
{
    if (b->journal == NULL) {
        return errmsg_set(msg, ERR_CORRUPT, "the re-drive journal cannot be read: %s",
                          b->damage.text);
    }
    TRY(redrive_book_settle(r, b, t, msg));
    if (topic_journal_bytes(b->journal) < JOURNAL_REWRITE_BYTES + b->state.done.count * 40) {
        return ERR_OK;
    }
    AUTO_BUF base = buf_make(JOURNAL_ENTRY_BYTES_MAX);
    redrive_encode_base(&b->state, os_now_us(), &base);
    TRY(buf_check(&base));
    return topic_journal_rewrite(b->journal, buf_str(&base), msg);
}

void redrive_books_free(struct redrive *r)
{
    while (r->books != NULL) {
        drop_book(&r->books);
    }
}

void redrive_hold(struct redrive *r, struct topic *t, bool hold)
{
    redrive_book(r, t)->is_held = hold;
}

err redrive_forget(struct redrive *r, const char *table, struct errmsg *msg)
{
    struct redrive_book **at = find_book(r, table);
    if (*at != NULL) {
        drop_book(at);
    }
    AUTO_TEXT dir = book_dir(r, table);
    return os_exists(dir) ? os_remove_tree(dir, msg) : ERR_OK;
}

bool redrive_has(struct redrive *r, struct topic *t, uint32_t partition, int64_t offset)
{
    return redrive_set_has(&redrive_book(r, t)->state.done, partition, offset);
}

err redrive_count(struct redrive *r, struct topic *t, uint64_t *out_count, struct errmsg *msg)
{
    const struct redrive_book *b = redrive_book(r, t);
    if (b->journal == NULL) {
        return errmsg_set(msg, ERR_CORRUPT, "the re-drive journal cannot be read: %s",
                          b->damage.text);
    }
    *out_count = b->state.done.offsets;
    return ERR_OK;
}
