/* SPDX-License-Identifier: MIT */
/* produce.c - the table of kinds, and the parts the generators share. Random numbers come from
 * xoshiro256** (public domain, Blackman and Vigna), seeded by splitmix64. */
#include "flow/produce.h"

#include "base/timefmt.h"
#include "flow/produce_int.h"

static const struct {
    const char *name;
    void (*next)(struct producer *p, struct buf *out);
} kinds[] = {
    {"web_logs", produce_web_logs},
    {"customer_events", produce_customer_events},
    {"transaction_events", produce_transaction_events},
    {"analytics_events", produce_analytics_events},
};

const char *producer_kinds(void)
{
    return "web_logs, customer_events, transaction_events, analytics_events";
}

struct producer *producer_new(const char *kind, uint64_t seed)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].name, kind) != 0) {
            continue;
        }
        struct producer *p = xnew(struct producer);
        p->next = kinds[i].next;
        p->time_ms = INT64_MIN;
        for (size_t j = 0; j < ARRAY_LEN(p->random); j++) {
            seed += UINT64_C(0x9e3779b97f4a7c15);
            uint64_t z = (seed ^ (seed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
            z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
            p->random[j] = z ^ (z >> 31);
        }
        return p;
    }
    return NULL;
}

void producer_free(struct producer *p)
{
    free(p);
}

/* The present time as text; formatted anew only when the second changes. */
static void set_time(struct producer *p, int64_t now_us)
{
    int64_t ms = now_us / 1000;
    if (ms / 1000 != p->time_ms / 1000 || p->time[0] == '\0') {
        char text[TIME_TEXT_BYTES];
        (void)time_format_rfc3339(ms / 1000 * 1000000, text); /* "2026-11-20T12:34:56Z" */
        memcpy(p->time, text, 19);
        memcpy(p->time + 19, ".000Z", 6);
    }
    unsigned fraction = (unsigned)(ms % 1000);
    p->time[20] = (char)('0' + fraction / 100);
    p->time[21] = (char)('0' + fraction / 10 % 10);
    p->time[22] = (char)('0' + fraction % 10);
    p->time_ms = ms;
}

void producer_next(struct producer *p, int64_t now_us, struct buf *out)
{
    ASSERT(now_us >= 0);
    set_time(p, now_us);
    p->serial++;
    p->next(p, out);
}

uint64_t produce_random(struct producer *p)
{
    uint64_t *s = p->random;
    uint64_t result = ((s[1] * 5) << 7 | (s[1] * 5) >> 57) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = s[3] << 45 | s[3] >> 19;
    return result;
}

uint32_t produce_below(struct producer *p, uint32_t bound)
{
    return (uint32_t)((produce_random(p) >> 32) * bound >> 32);
}

uint32_t produce_skewed(struct producer *p, uint32_t bound)
{
    uint64_t a = produce_random(p) >> 32;
    uint64_t b = produce_random(p) >> 32;
    return (uint32_t)((a * b >> 32) * bound >> 32);
}

const char *produce_choose(struct producer *p, const struct produce_choice *choices)
{
    uint32_t point = produce_below(p, PRODUCE_WEIGHT);
    size_t i = 0;
    while (choices[i].weight <= point) {
        point -= choices[i].weight;
        i++;
        ASSERT(i < PRODUCE_WORDS_MAX);
    }
    return choices[i].text;
}

/* Results of buf_ functions are sticky in `out`, which the caller checks. */
void produce_text(struct buf *out, const char *before, const char *text)
{
    (void)buf_puts(out, before);
    (void)buf_add_byte(out, '"');
    (void)buf_puts(out, text);
    (void)buf_add_byte(out, '"');
}

void produce_number(struct buf *out, const char *before, uint64_t value)
{
    (void)buf_puts(out, before);
    (void)buf_add_u64(out, value);
}

void produce_money(struct buf *out, const char *before, uint64_t cents)
{
    char rest[3] = {'.', (char)('0' + cents / 10 % 10), (char)('0' + cents % 10)};
    produce_number(out, before, cents / 100);
    (void)buf_add(out, rest, sizeof(rest));
}

void produce_hex(struct buf *out, const char *before, uint64_t value, unsigned digits,
                 const char *after)
{
    char text[16];
    ASSERT(digits <= sizeof(text));
    for (unsigned i = 0; i < digits; i++) {
        text[i] = "0123456789abcdef"[value >> (4 * (digits - 1 - i)) & 15];
    }
    (void)buf_puts(out, before);
    (void)buf_add(out, text, digits);
    (void)buf_puts(out, after);
}
