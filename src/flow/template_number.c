/* SPDX-License-Identifier: MIT */
/* template_number.c - generators of numbers, counters, identifiers and times. */
#include <math.h>

#include "base/timefmt.h"
#include "base/uuid.h"
#include "flow/template_int.h"

enum { TRIES_MAX = 16, INT_MAX_DEFAULT = 100, DECIMALS_DEFAULT = 2 };

#define DAY_US INT64_C(86400000000)

/* ---- $int, $float ---- */

/* Indexes of the options that $int and $float share. */
enum { O_MIN, O_MAX, O_DIST, O_MEAN, O_STDDEV, O_EXPONENT, O_DECIMALS = O_EXPONENT };

static const char *const dist_names[] = {"uniform", "normal", "exponential", "zipf", NULL};

static err compile_spread(struct compiler *c, const struct option_value *v, struct generator *g)
{
    uint32_t dist = 0;
    TRY(compiler_word(c, &v[O_DIST], "dist", dist_names, &dist));
    g->dist = (enum dist)dist;
    double width = g->high_number - g->low_number;
    if (width < 0) {
        return compiler_fail(c, "\"min\" is over \"max\"");
    }
    bool has_mean = g->dist == DIST_NORMAL || g->dist == DIST_EXPONENTIAL;
    if ((v[O_MEAN].json != NULL && !has_mean) ||
        (v[O_STDDEV].json != NULL && g->dist != DIST_NORMAL)) {
        return compiler_fail(c, "\"mean\" is for normal and exponential, \"stddev\" for normal");
    }
    g->mean = v[O_MEAN].json != NULL        ? v[O_MEAN].number
              : g->dist == DIST_EXPONENTIAL ? g->low_number + width / 10
                                            : g->low_number + width / 2;
    g->deviation = v[O_STDDEV].json != NULL ? v[O_STDDEV].number : width / 6;
    if (has_mean && (g->mean < g->low_number || g->mean > g->high_number)) {
        return compiler_fail(c, "\"mean\" must lie between \"min\" and \"max\"");
    }
    return ERR_OK;
}

err compile_int(struct compiler *c, const struct option_value *v, const json_t *a,
                struct generator *g)
{
    (void)a;
    g->low = v[O_MIN].integer;
    g->high = v[O_MAX].json != NULL ? v[O_MAX].integer : MAX(g->low, (int64_t)INT_MAX_DEFAULT);
    g->low_number = (double)g->low;
    g->high_number = (double)g->high;
    TRY(compile_spread(c, v, g));
    if (v[O_EXPONENT].json != NULL && g->dist != DIST_ZIPF) {
        return compiler_fail(c, "\"exponent\" is for zipf");
    }
    if (g->dist == DIST_ZIPF) {
        g->zipf = dice_zipf_make((uint64_t)(g->high - g->low) + 1,
                                 v[O_EXPONENT].json != NULL ? v[O_EXPONENT].number : 1.1);
    }
    return ERR_OK;
}

err compile_float(struct compiler *c, const struct option_value *v, const json_t *a,
                  struct generator *g)
{
    (void)a;
    g->low_number = v[O_MIN].number;
    g->high_number = v[O_MAX].json != NULL ? v[O_MAX].number : MAX(g->low_number, 1.0);
    g->digits = v[O_DECIMALS].json != NULL ? (uint32_t)v[O_DECIMALS].integer : DECIMALS_DEFAULT;
    TRY(compile_spread(c, v, g));
    if (g->dist == DIST_ZIPF) {
        return compiler_fail(c, "zipf counts: use it with $int");
    }
    double widest = fmax(fabs(g->low_number), fabs(g->high_number));
    if (widest * pow(10, g->digits) > 9e15) {
        return compiler_fail(c, "such large numbers do not have %u decimals", g->digits);
    }
    return ERR_OK;
}

/* A number of the distribution within the bounds. */
static double spread(struct generator *g, struct dice *d)
{
    double x = 0;
    for (int i = 0; i < TRIES_MAX; i++) {
        switch (g->dist) {
        case DIST_NORMAL:
            x = g->mean + g->deviation * dice_normal(d);
            break;
        case DIST_EXPONENTIAL:
            x = g->low_number + (g->mean - g->low_number) * dice_exponential(d);
            break;
        case DIST_UNIFORM:
        case DIST_ZIPF:
            return g->low_number + (g->high_number - g->low_number) * dice_unit(d);
        }
        if (x >= g->low_number && x <= g->high_number) {
            return x;
        }
    }
    return fmin(fmax(x, g->low_number), g->high_number);
}

void write_int(struct generator *g, struct template *t, struct buf *out)
{
    int64_t value = 0;
    if (g->dist == DIST_UNIFORM) {
        value = dice_between(&t->dice, g->low, g->high);
    } else if (g->dist == DIST_ZIPF) {
        value = g->low + (int64_t)dice_zipf(&t->dice, &g->zipf) - 1;
    } else {
        value = llround(spread(g, &t->dice));
    }
    (void)buf_add_i64(out, value);
}

/* A number with that many decimals; |value| * 10^decimals fits in 53 bits. */
static void write_decimal(struct buf *out, double value, uint32_t decimals)
{
    static const int64_t scales[] = {1,      10,      100,      1000,      10000,
                                     100000, 1000000, 10000000, 100000000, 1000000000};
    int64_t units = llround(value * (double)scales[decimals]);
    uint64_t size = units < 0 ? -(uint64_t)units : (uint64_t)units;
    char text[16];
    if (units < 0) {
        (void)buf_add_byte(out, '-');
    }
    (void)buf_add_u64(out, size / (uint64_t)scales[decimals]);
    uint64_t rest = size % (uint64_t)scales[decimals];
    text[0] = '.';
    for (uint32_t i = decimals; i > 0; i--) {
        text[i] = (char)('0' + rest % 10);
        rest /= 10;
    }
    (void)buf_add(out, text, decimals == 0 ? 0 : decimals + 1);
}

void write_float(struct generator *g, struct template *t, struct buf *out)
{
    write_decimal(out, spread(g, &t->dice), g->digits);
}

/* ---- $times ---- */

err compile_times(struct compiler *c, const struct option_value *v, const json_t *a,
                  struct generator *g)
{
    (void)a;
    size_t count = json_array_size(v[0].json);
    if (!json_is_array(v[0].json) || count < 2 || count > TIMES_MAX) {
        return compiler_fail(c, "\"of\" must list 2 to %d numbers or JSON pointers", TIMES_MAX);
    }
    g->digits = v[1].json != NULL ? (uint32_t)v[1].integer : DECIMALS_DEFAULT;
    g->high = (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        const json_t *factor = json_array_get(v[0].json, i);
        g->factors[i] = json_number_value(factor);
        if (json_is_number(factor)) {
            continue;
        }
        struct str path = str_of(json_string_value(factor), json_string_length(factor));
        g->others[i] = json_is_string(factor) ? compiler_place(c, path) : NULL;
        if (g->others[i] == NULL || g->others[i]->is_text) {
            return compiler_fail(c, "\"%.*s\" is not the place of an earlier generator of numbers",
                                 STR_ARGS(path));
        }
        g->others[i]->is_kept = true;
    }
    return ERR_OK;
}

static double kept_number(const struct generator *g, const struct buf *out)
{
    char text[32];
    if (out->failed || g->len >= sizeof text || g->from + g->len > out->len) {
        return 0;
    }
    memcpy(text, out->data + g->from, g->len);
    text[g->len] = '\0';
    return strtod(text, NULL); /* what is no number counts as 0 */
}

void write_times(struct generator *g, struct template *t, struct buf *out)
{
    (void)t;
    double product = 1;
    for (int64_t i = 0; i < g->high; i++) {
        product *= g->others[i] == NULL ? g->factors[i] : kept_number(g->others[i], out);
    }
    double most = 9e15 / pow(10, g->digits);
    write_decimal(out, isfinite(product) ? fmin(fmax(product, -most), most) : 0, g->digits);
}

/* ---- $bool, $seq, $uuid, $hex ---- */

err compile_bool(struct compiler *c, const struct option_value *v, const json_t *a,
                 struct generator *g)
{
    (void)c;
    (void)a;
    g->mean = v[0].json != NULL ? v[0].number : 0.5;
    return ERR_OK;
}

void write_bool(struct generator *g, struct template *t, struct buf *out)
{
    (void)buf_puts(out, dice_chance(&t->dice, g->mean) ? "true" : "false");
}

err compile_seq(struct compiler *c, const struct option_value *v, const json_t *a,
                struct generator *g)
{
    (void)c;
    (void)a;
    g->low = v[0].json != NULL ? v[0].integer : 1;
    g->high = v[1].json != NULL ? v[1].integer : 1;
    return ERR_OK;
}

void write_seq(struct generator *g, struct template *t, struct buf *out)
{
    (void)t;
    uint64_t value = (uint64_t)g->low + g->counter++ * (uint64_t)g->high; /* goes round */
    (void)buf_add_i64(out, (int64_t)value);
}

void write_uuid(struct generator *g, struct template *t, struct buf *out)
{
    (void)g;
    uint64_t bits[2] = {dice_next(&t->dice), dice_next(&t->dice)};
    struct uuid_text text = uuid_from_random((const unsigned char *)bits);
    (void)buf_add(out, text.text, UUID_TEXT_BYTES - 1);
}

err compile_hex(struct compiler *c, const struct option_value *v, const json_t *a,
                struct generator *g)
{
    (void)c;
    (void)a;
    g->digits = v[0].json != NULL ? (uint32_t)v[0].integer : 16;
    return ERR_OK;
}

void write_hex(struct generator *g, struct template *t, struct buf *out)
{
    char text[64];
    uint64_t bits = 0;
    for (uint32_t i = 0; i < g->digits; i++) {
        bits = i % 16 == 0 ? dice_next(&t->dice) : bits >> 4;
        text[i] = "0123456789abcdef"[bits & 15];
    }
    (void)buf_add(out, text, g->digits);
}

/* ---- $time ---- */

enum { FORM_RFC3339, FORM_UNIX_MS, FORM_UNIX_S };

err compile_time(struct compiler *c, const struct option_value *v, const json_t *a,
                 struct generator *g)
{
    static const char *const forms[] = {"rfc3339", "unix_ms", "unix_s", NULL};
    (void)a;
    TRY(compiler_word(c, &v[3], "format", forms, &g->form));
    g->is_text = g->form == FORM_RFC3339;
    g->low = v[0].integer * 1000;  /* jitter */
    g->mean = v[1].number;         /* share of late ones */
    g->high = v[2].integer * 1000; /* how late at most */
    if (g->mean > 0 && g->high == 0) {
        return compiler_fail(c, "\"late_share\" needs \"late_ms\"");
    }
    return ERR_OK;
}

static void two_digits(char *at, int64_t value)
{
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
}

/* "2026-11-20T12:34:56.789Z"; the date is formatted when it changes. */
static void write_rfc3339(struct template *t, int64_t us, struct buf *out)
{
    int64_t day = us / DAY_US;
    if (day != t->day) {
        time_format_date((int32_t)day, t->day_text);
        t->day = day;
    }
    int64_t ms = us % DAY_US / 1000;
    char text[24];
    memcpy(text, t->day_text, 10);
    text[10] = 'T';
    two_digits(text + 11, ms / 3600000);
    text[13] = ':';
    two_digits(text + 14, ms / 60000 % 60);
    text[16] = ':';
    two_digits(text + 17, ms / 1000 % 60);
    text[19] = '.';
    text[20] = (char)('0' + ms / 100 % 10);
    two_digits(text + 21, ms % 100);
    text[23] = 'Z';
    (void)buf_add(out, text, sizeof text);
}

void write_time(struct generator *g, struct template *t, struct buf *out)
{
    int64_t us = t->now_us;
    if (g->low > 0) {
        us += dice_between(&t->dice, -g->low, g->low);
    }
    if (g->mean > 0 && dice_chance(&t->dice, g->mean)) {
        us -= dice_between(&t->dice, 0, g->high);
    }
    us = MAX(us, 0);
    if (g->form == FORM_RFC3339) {
        write_rfc3339(t, MIN(us, 250000 * DAY_US), out);
    } else {
        (void)buf_add_i64(out, g->form == FORM_UNIX_MS ? us / 1000 : us / 1000000);
    }
}
