/* SPDX-License-Identifier: MIT */
/* timefmt.c - proleptic Gregorian calendar arithmetic by 400-year eras. */
#include "base/timefmt.h"

#include "base/base.h"

enum { DAY_SECONDS = 86400, MICROS = 1000000 };

static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month + (month > 2 ? -3U : 9U)) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

static void civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned day_of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = (int64_t)year_of_era + era * 400 + (*month <= 2);
}

/* Reads exactly `count` digits at `at`; false when there are none. */
static bool digits(struct str s, size_t at, size_t count, unsigned *out_value)
{
    if (at + count > s.len) {
        return false;
    }
    unsigned value = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned d = (unsigned)(unsigned char)s.ptr[at + i] - '0';
        if (d > 9) {
            return false;
        }
        value = value * 10 + d;
    }
    *out_value = value;
    return true;
}

static unsigned month_days(unsigned year, unsigned month)
{
    static const unsigned char table[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : table[month - 1];
}

/* "YYYY-MM-DD" at the start of `s`. */
static bool parse_days(struct str s, int64_t *out_days)
{
    unsigned year = 0;
    unsigned month = 0;
    unsigned day = 0;
    if (!digits(s, 0, 4, &year) || !digits(s, 5, 2, &month) || !digits(s, 8, 2, &day) ||
        s.ptr[4] != '-' || s.ptr[7] != '-') {
        return false;
    }
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > month_days(year, month)) {
        return false;
    }
    *out_days = days_from_civil(year, month, day);
    return true;
}

/* "Z", "+hh:mm" or nothing, which is UTC. */
static bool parse_zone(struct str zone, int64_t *out_seconds)
{
    *out_seconds = 0;
    if (zone.len == 0 || (zone.len == 1 && (zone.ptr[0] == 'Z' || zone.ptr[0] == 'z'))) {
        return true;
    }
    unsigned hours = 0;
    unsigned minutes = 0;
    if (zone.len != 6 || (zone.ptr[0] != '+' && zone.ptr[0] != '-') || zone.ptr[3] != ':' ||
        !digits(zone, 1, 2, &hours) || !digits(zone, 4, 2, &minutes) || hours > 23 ||
        minutes > 59) {
        return false;
    }
    int64_t seconds = (int64_t)hours * 3600 + (int64_t)minutes * 60;
    *out_seconds = zone.ptr[0] == '-' ? -seconds : seconds;
    return true;
}

/* Fraction digits after the point at `at`; sets microseconds and the place after them. */
static bool parse_fraction(struct str s, size_t *at, int64_t *out_us)
{
    *out_us = 0;
    if (*at >= s.len || s.ptr[*at] != '.') {
        return true;
    }
    size_t start = ++*at;
    int64_t scale = MICROS / 10;
    while (*at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9') {
        *out_us += scale * (s.ptr[*at] - '0');
        scale /= 10;
        ++*at;
    }
    return *at > start;
}

bool time_parse_rfc3339(struct str s, int64_t *out_us)
{
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    int64_t days = 0;
    if (s.len < 19 || s.len > 64 || !parse_days(s, &days) ||
        (s.ptr[10] != 'T' && s.ptr[10] != 't' && s.ptr[10] != ' ') || s.ptr[13] != ':' ||
        s.ptr[16] != ':' || !digits(s, 11, 2, &hour) || !digits(s, 14, 2, &minute) ||
        !digits(s, 17, 2, &second) || hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    size_t at = 19;
    int64_t fraction_us = 0;
    int64_t zone_seconds = 0;
    if (!parse_fraction(s, &at, &fraction_us) ||
        !parse_zone(str_of(s.ptr + at, s.len - at), &zone_seconds)) {
        return false;
    }
    int64_t seconds = days * DAY_SECONDS + (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
    *out_us = (seconds - zone_seconds) * MICROS + fraction_us;
    return true;
}

bool time_parse_date(struct str text, int32_t *out_days)
{
    int64_t days = 0;
    if (text.len != 10 || !parse_days(text, &days)) {
        return false;
    }
    *out_days = (int32_t)days;
    return true;
}

int32_t time_to_days(int64_t us)
{
    const int64_t day_us = (int64_t)DAY_SECONDS * MICROS;
    int64_t days = us / day_us - (us % day_us < 0);
    return (int32_t)days;
}

void time_format_date(int32_t days, char out[16])
{
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    civil_from_days(days, &year, &month, &day);
    (void)snprintf(out, 16, "%04d-%02u-%02u", (int)year, month, day); /* fits by construction */
}

size_t time_format_rfc3339(int64_t us, char out[TIME_TEXT_BYTES])
{
    int32_t days = time_to_days(us);
    int64_t rest = us - (int64_t)days * DAY_SECONDS * MICROS;
    unsigned fraction = (unsigned)(rest % MICROS);
    unsigned seconds = (unsigned)(rest / MICROS);
    char date[16];
    time_format_date(days, date);
    int len = snprintf(out, TIME_TEXT_BYTES, "%sT%02u:%02u:%02u", date, seconds / 3600,
                       seconds / 60 % 60, seconds % 60);
    if (fraction % 1000 != 0) {
        len += snprintf(out + len, TIME_TEXT_BYTES - (size_t)len, ".%06u", fraction);
    } else if (fraction != 0) {
        len += snprintf(out + len, TIME_TEXT_BYTES - (size_t)len, ".%03u", fraction / 1000);
    }
    out[len++] = 'Z';
    out[len] = '\0';
    return (size_t)len;
}
