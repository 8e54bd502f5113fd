/* SPDX-License-Identifier: MIT */
/* test_journal.c - the journal that shares the group commit: what was durable is read again, a cut
 * end goes, damage is never skipped. */
#include "topic_rig.h"

#include <errno.h>

#include "os/file.h"
#include "os/io.h"
#include "topic/journal.h"

struct entries {
    struct buf text; /* each entry and a line feed */
    int count;
};

static err note(void *ctx, struct str payload, struct errmsg *msg)
{
    (void)msg;
    struct entries *e = ctx;
    assert_true(buf_add_str(&e->text, payload));
    assert_true(buf_add_byte(&e->text, '\n'));
    e->count++;
    return ERR_OK;
}

static char *journal_dir(const struct rig *r)
{
    return xasprintf("%s/redrive/t", r->dir);
}

static err open_journal(struct rig *r, struct topic_journal **out, struct entries *entries)
{
    AUTO_TEXT dir = journal_dir(r);
    buf_deinit(&entries->text);
    *entries = (struct entries){.text = buf_make(1 << 20)};
    return topic_journal_open(r->store, dir, note, entries, out, NULL);
}

static err append(struct rig *r, struct topic_journal *j, const char *text)
{
    uint64_t seq = 0;
    TRY(topic_journal_append(j, str_from(text), 0, &seq, NULL));
    TRY(topic_store_sync_now(r->store, NULL));
    assert_true(topic_store_durable_seq(r->store) >= seq);
    return ERR_OK;
}

/* Entries are there after a crash, in order; a rewritten file holds its one entry and goes on. */
static void test_entries_come_back(void **state)
{
    (void)state;
    struct rig r;
    struct entries entries = {0};
    struct topic_journal *j = NULL;
    rig_start(&r);
    rig_must_open(&r);
    assert_int_equal(open_journal(&r, &j, &entries), ERR_OK);
    assert_int_equal(entries.count, 0);
    assert_int_equal(append(&r, j, "one"), ERR_OK);
    assert_int_equal(append(&r, j, ""), ERR_OK);
    assert_int_equal(append(&r, j, "three"), ERR_OK);
    topic_journal_close(j);
    assert_int_equal(open_journal(&r, &j, &entries), ERR_OK);
    assert_string_equal(buf_cstr(&entries.text), "one\n\nthree\n");
    assert_int_equal(topic_journal_rewrite(j, STR("base"), NULL), ERR_OK);
    assert_int_equal(append(&r, j, "after"), ERR_OK);
    assert_int_equal(topic_journal_bytes(j), 12 + 4 + 12 + 5);
    topic_journal_close(j);
    rig_crash(&r);
    rig_must_open(&r);
    assert_int_equal(open_journal(&r, &j, &entries), ERR_OK);
    assert_string_equal(buf_cstr(&entries.text), "base\nafter\n");
    topic_journal_close(j);
    buf_deinit(&entries.text);
    rig_end(&r);
}

/* Cut at any byte, the whole entries before are read, and what is appended then is read too. A
 * flipped bit in any entry but the last is damage; in the last one it counts as a cut. */
static void test_cuts_and_damage(void **state)
{
    (void)state;
    struct rig r;
    struct entries entries = {0};
    struct topic_journal *j = NULL;
    rig_start(&r);
    rig_must_open(&r);
    AUTO_TEXT dir = journal_dir(&r);
    AUTO_TEXT path = xasprintf("%s/journal", dir);
    AUTO_BUF whole = buf_make(1 << 20);
    assert_int_equal(open_journal(&r, &j, &entries), ERR_OK);
    assert_int_equal(append(&r, j, "first entry"), ERR_OK);
    assert_int_equal(append(&r, j, "second entry"), ERR_OK);
    topic_journal_close(j);
    rig_read_file(path, &whole);
    size_t used = 12 + 11 + 12 + 12;
    for (size_t len = 0; len <= used; len++) {
        rig_write_file(path, str_of(whole.data, len));
        assert_int_equal(open_journal(&r, &j, &entries), ERR_OK);
        assert_int_equal(entries.count, len < 23 ? 0 : len < used ? 1 : 2);
        assert_int_equal(append(&r, j, "more"), ERR_OK);
        int before = entries.count;
        topic_journal_close(j);
        assert_int_equal(open_journal(&r, &j, &entries), ERR_OK);
        assert_int_equal(entries.count, before + 1);
        topic_journal_close(j);
    }
    for (size_t bit = 0; bit < used * 8; bit++) {
        whole.data[bit / 8] ^= (char)(1 << bit % 8);
        rig_write_file(path, str_of(whole.data, used));
        err e = open_journal(&r, &j, &entries);
        assert_int_equal(e, bit / 8 < 23 ? ERR_CORRUPT : ERR_OK);
        assert_true(e != ERR_OK || entries.count == 1);
        if (e == ERR_OK) {
            topic_journal_close(j);
        }
        whole.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    buf_deinit(&entries.text);
    rig_end(&r);
}

/* With the room that an append took along, the next one succeeds on a disk that has become full. */
static void test_reserved_room(void **state)
{
    (void)state;
    struct rig r;
    struct entries entries = {0};
    struct topic_journal *j = NULL;
    uint64_t seq = 0;
    rig_start(&r);
    rig_must_open(&r);
    assert_int_equal(open_journal(&r, &j, &entries), ERR_OK);
    assert_int_equal(topic_journal_append(j, STR("intent"), 100, &seq, NULL), ERR_OK);
    os_io_faults_start(OS_IO_SPACE, 1, ENOSPC, 1);
    char done[100];
    memset(done, 'd', sizeof done);
    assert_int_equal(topic_journal_append(j, str_of(done, sizeof done), 0, &seq, NULL), ERR_OK);
    assert_int_equal(topic_journal_append(j, STR("x"), 0, &seq, NULL), ERR_NOSPACE);
    os_io_faults_stop();
    assert_int_equal(topic_journal_append(j, STR("y"), 0, &seq, NULL), ERR_OK);
    topic_journal_close(j);
    assert_int_equal(topic_store_sync_now(r.store, NULL), ERR_OK);
    assert_int_equal(open_journal(&r, &j, &entries), ERR_OK);
    assert_int_equal(entries.count, 3);
    topic_journal_close(j);
    buf_deinit(&entries.text);
    rig_end(&r);
}

/* Five entries and a rewrite while the n-th call fails: then a fresh start reads everything that
 * was durable, in order, and nothing that was never appended. */
static void fault_loop(unsigned kinds, int error, int for_ever)
{
    static const char *const texts[] = {"a", "b", "c", "d", "e"};
    for (unsigned n = 1;; n++) {
        struct rig r;
        struct entries entries = {0};
        struct topic_journal *j = NULL;
        rig_start(&r);
        rig_must_open(&r);
        int durable = 0;
        bool is_rewritten = false;
        os_io_faults_start(kinds, n, error, for_ever);
        err e = open_journal(&r, &j, &entries);
        for (size_t i = 0; e == ERR_OK && i < ARRAY_LEN(texts); i++) {
            e = append(&r, j, texts[i]);
            durable += e == ERR_OK;
            if (e == ERR_NOSPACE) {
                e = ERR_OK; /* nothing happened; the next may succeed */
                break;
            }
        }
        if (e == ERR_OK && durable == 5) {
            is_rewritten = topic_journal_rewrite(j, STR("a\nb\nc\nd\ne"), NULL) == ERR_OK;
        }
        bool hit = os_io_faults_hit();
        os_io_faults_stop();
        topic_journal_close(j);
        rig_crash(&r);
        rig_must_open(&r);
        assert_int_equal(open_journal(&r, &j, &entries), ERR_OK);
        const char *got = buf_cstr(&entries.text);
        assert_true(strncmp(got, "a\nb\nc\nd\ne\n", entries.text.len) == 0);
        assert_true((int)entries.text.len >= durable * 2);
        assert_true(!is_rewritten || entries.count == 1);
        topic_journal_close(j);
        buf_deinit(&entries.text);
        rig_end(&r);
        if (!hit) {
            assert_int_equal(durable, 5);
            assert_true(is_rewritten);
            return;
        }
    }
}

static void test_faults(void **state)
{
    (void)state;
    fault_loop(OS_IO_ALL & ~(unsigned)OS_IO_SPACE, EIO, 0);
    fault_loop(OS_IO_WRITE | OS_IO_SYNC, EIO, 1);
    fault_loop(OS_IO_SPACE, ENOSPC, 0);
    fault_loop(OS_IO_SPACE | OS_IO_WRITE, ENOSPC, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_come_back),
        cmocka_unit_test(test_cuts_and_damage),
        cmocka_unit_test(test_reserved_room),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests_name("topic_journal", tests, NULL, NULL);
}
