/* SPDX-License-Identifier: MIT */
/* fuzz_segment_recovery.c - whatever bytes a segment holds after a crash: recovering twice is the
 * same as once, everything up to the end found can be read (unless there is damage before the
 * mark), and no byte before the mark is ever cut.
 *
 * Input: u8 flags (1: put the checksums right, 2: no mark, 4: damaged mark, 8: an index of the
 * rest's first bytes) | u16 mark position | u16 mark end | the segment. */
#include <unistd.h>

#include "base/hash.h"
#include "os/file.h"
#include "topic/reader.h"
#include "topic/recover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64];

static void put_file(const char *name, const void *bytes, size_t len)
{
    AUTO_TEXT path = xasprintf("%s/%s", dir, name);
    int fd = -1;
    ASSERT(os_open(path, O_WRONLY | O_CREAT | O_TRUNC, &fd, NULL) == ERR_OK);
    ASSERT(os_pwrite(fd, bytes, len, 0, NULL) == ERR_OK);
    os_close(fd);
}

/* Puts right the checksum of every batch that has a sound header. */
static void fix_checksums(char *bytes, size_t len)
{
    struct batch_header h;
    while (batch_header_decode(str_of(bytes, len), &h, NULL) == ERR_OK && h.total_bytes <= len) {
        uint32_t crc = __builtin_bswap32(crc32c(0, bytes + 21, h.total_bytes - 21));
        memcpy(bytes + 17, &crc, sizeof crc);
        bytes += h.total_bytes;
        len -= h.total_bytes;
    }
}

static void read_all(int64_t from, int64_t end, bool is_damaged)
{
    AUTO(topic_reader) reader = NULL;
    ASSERT(topic_reader_open(dir, &reader, NULL) == ERR_OK);
    AUTO_BUF out = buf_make(1 << 20);
    while (from < end) {
        struct topic_read read;
        buf_reset(&out);
        err e = topic_reader_read(reader, from, end, 1000, &out, &read, NULL);
        ASSERT(e == ERR_OK || (is_damaged && (e == ERR_CORRUPT || e == ERR_RANGE)));
        if (e != ERR_OK) {
            return;
        }
        ASSERT(read.next_offset > from);
        from = read.next_offset;
    }
}

static void recover_and_check(uint64_t kept)
{
    struct recover_options options = {.verify_bytes = UINT64_MAX};
    AUTO_RECOVERY first = {0};
    AUTO_RECOVERY second = {0};
    ASSERT(recover_plan(dir, &options, &first, NULL) == ERR_OK);
    ASSERT(recover_apply(dir, &first, NULL) == ERR_OK);
    ASSERT(recover_plan(dir, &options, &second, NULL) == ERR_OK);
    ASSERT(second.is_damaged == first.is_damaged);
    ASSERT(second.end == first.end);
    if (first.is_tail_usable) {
        ASSERT(second.part_count == 0 && second.cut_bytes == 0);
    }
    read_all(first.log_start, first.end, first.is_damaged);
    AUTO_TEXT path = segment_path(dir, 0, ".log");
    struct os_stat st;
    ASSERT(os_stat(path, &st, NULL) == ERR_OK);
    ASSERT(st.size_bytes >= kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 5) {
        return 0;
    }
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(dir, sizeof dir, "%s/tarn-fuzz-%d", base, (int)getpid()); /* fits */
    ASSERT(os_mkdirs(dir, NULL) == ERR_OK);
    unsigned flags = data[0];
    struct segment_mark mark = {.position = (uint64_t)data[1] << 8 | data[2],
                                .end = data[3] << 8 | data[4]};
    size_t len = size - 5;
    char *bytes = malloc(len + 1);
    ASSERT(bytes != NULL);
    memcpy(bytes, data + 5, len);
    if ((flags & 1) != 0) {
        fix_checksums(bytes, len);
    }
    put_file("00000000000000000000.log", bytes, len);
    if ((flags & 8) != 0) {
        put_file("00000000000000000000.index", bytes, MIN(len, (size_t)64));
    }
    if ((flags & 4) != 0) {
        put_file("mark", bytes, MIN(len, (size_t)SEGMENT_MARK_BYTES));
    } else if ((flags & 2) == 0) {
        ASSERT(segment_mark_create(dir, &mark, NULL) == ERR_OK);
    }
    recover_and_check((flags & 6) == 0 ? MIN(mark.position, (uint64_t)len) : 0);
    free(bytes);
    ASSERT(os_remove_tree(dir, NULL) == ERR_OK);
    return 0;
}
