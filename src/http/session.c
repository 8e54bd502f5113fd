/* SPDX-License-Identifier: MIT */
/* session.c - see session.h. A session's text names its place in the table, so that one comparison
 * is enough and its time tells nothing of the others. */
#include "http/session.h"

#include "base/hash.h"
#include "os/clock.h"

enum { SESSION_BYTES = 32, TRY_SLOTS = 256 };

struct session {
    unsigned char id[SESSION_BYTES];
    int64_t used_us;
    bool is_open;
};
struct tries {
    uint32_t spent;
    int64_t counted_us; /* up to when HTTP_TRY_US have been given back */
};
struct http_sessions {
    struct session items[HTTP_SESSIONS_MAX];
    struct tries tries[TRY_SLOTS];
    uint64_t seed; /* strangers cannot choose whom they share a counter with */
};

struct http_sessions *http_sessions_new(void)
{
    struct http_sessions *s = xnew(struct http_sessions);
    *s = (struct http_sessions){.seed = os_random_u64()};
    return s;
}

void http_sessions_free(struct http_sessions *s)
{
    free(s);
}

static bool has_ended(const struct session *x, int64_t now_us)
{
    return !x->is_open || now_us - x->used_us >= HTTP_SESSION_IDLE_US;
}

/* A free place, or that of the session which was used longest ago. */
static size_t place_for_new(const struct http_sessions *s, int64_t now_us)
{
    size_t oldest = 0;
    for (size_t i = 0; i < HTTP_SESSIONS_MAX; i++) {
        if (has_ended(&s->items[i], now_us)) {
            return i;
        }
        if (s->items[i].used_us < s->items[oldest].used_us) {
            oldest = i;
        }
    }
    return oldest;
}

static void put_hex(char *out, unsigned value)
{
    static const char DIGITS[] = "0123456789abcdef";
    out[0] = DIGITS[(value >> 4) & 15];
    out[1] = DIGITS[value & 15];
}

static void write_text(size_t place, const unsigned char id[SESSION_BYTES],
                       char out_text[HTTP_SESSION_TEXT_BYTES])
{
    put_hex(out_text, (unsigned)(place >> 8));
    put_hex(out_text + 2, (unsigned)place);
    for (size_t i = 0; i < SESSION_BYTES; i++) {
        put_hex(out_text + 4 + 2 * i, id[i]);
    }
    out_text[HTTP_SESSION_TEXT_BYTES - 1] = '\0';
}

void http_session_begin(struct http_sessions *s, int64_t now_us,
                        char out_text[HTTP_SESSION_TEXT_BYTES])
{
    size_t place = place_for_new(s, now_us);
    struct session *x = &s->items[place];
    *x = (struct session){.used_us = now_us, .is_open = true};
    os_random(x->id, sizeof x->id);
    write_text(place, x->id, out_text);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The session of that text, whether it has ended or not; NULL when it is none. */
static struct session *find(struct http_sessions *s, struct str text)
{
    size_t place = 0;
    if (text.len != HTTP_SESSION_TEXT_BYTES - 1) {
        return NULL;
    }
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_digit(text.ptr[i]);
        if (digit < 0) {
            return NULL;
        }
        place = place * 16 + (size_t)digit;
    }
    if (place >= HTTP_SESSIONS_MAX || !s->items[place].is_open) {
        return NULL;
    }
    char expected[HTTP_SESSION_TEXT_BYTES];
    write_text(place, s->items[place].id, expected);
    unsigned difference = 0;
    for (size_t i = 0; i < text.len; i++) {
        difference |= (unsigned)((unsigned char)text.ptr[i] ^ (unsigned char)expected[i]);
    }
    return difference == 0 ? &s->items[place] : NULL;
}

bool http_session_use(struct http_sessions *s, struct str text, int64_t now_us)
{
    struct session *x = find(s, text);
    if (x == NULL || has_ended(x, now_us)) {
        return false;
    }
    x->used_us = now_us;
    return true;
}

void http_session_end(struct http_sessions *s, struct str text)
{
    struct session *x = find(s, text);
    if (x != NULL) {
        *x = (struct session){0};
    }
}

/* ---- tries ---- */

static struct tries *tries_of(struct http_sessions *s, const struct os_address *peer,
                              int64_t now_us)
{
    struct str bytes = STR("");
    if (peer->storage.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)&peer->storage;
        bytes = str_of((const char *)&v4->sin_addr, sizeof v4->sin_addr);
    } else if (peer->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)&peer->storage;
        bytes = str_of((const char *)&v6->sin6_addr, 8); /* one customer has a whole /64 */
    }
    struct tries *t = &s->tries[hash_xxh3_seeded(bytes, s->seed) % TRY_SLOTS];
    if (t->spent == 0) {
        t->counted_us = now_us;
    }
    int64_t back = (now_us - t->counted_us) / HTTP_TRY_US;
    if (back >= t->spent) {
        *t = (struct tries){.counted_us = now_us};
    } else if (back > 0) {
        t->spent -= (uint32_t)back;
        t->counted_us += back * HTTP_TRY_US;
    }
    return t;
}

bool http_try_allowed(struct http_sessions *s, const struct os_address *peer, int64_t now_us)
{
    return tries_of(s, peer, now_us)->spent < HTTP_TRIES_MAX;
}

void http_try_failed(struct http_sessions *s, const struct os_address *peer, int64_t now_us)
{
    struct tries *t = tries_of(s, peer, now_us);
    t->spent += t->spent < HTTP_TRIES_MAX ? 1 : 0;
}
