/* SPDX-License-Identifier: MIT */
/* sample.h - the rows of the sample tables: a shop that sells coffee, two years of its business.
 *
 * Every row is a pure function of the world (seed and sizes) and the row's number, so that a row
 * can be made alone, a producer's foreign keys meet what `tarn sample` writes, and tables agree:
 * every key exists, an order's total is the sum of its lines, and so on (docs/producers.md lists
 * what holds). Money is in cents, days count from 1970, rows count from 0 and ids from 1.
 * Thread: any. */
#pragma once
#include "base/buf.h"

enum {
    SAMPLE_ROWS_DEFAULT = 10000, /* orders; the other tables follow */
    SAMPLE_LINES_MAX = 5,
    SAMPLE_MONTHS = 24,
    SAMPLE_FIRST_DAY = 19723, /* 2024-01-01 */
    SAMPLE_DAYS = 731,
};
#define SAMPLE_SEED_DEFAULT UINT64_C(1)
#define SAMPLE_ROWS_MAX UINT64_C(1000000000)

struct sample_world {
    uint64_t seed;
    uint64_t orders;
    uint64_t customers;
    uint64_t products;
    uint64_t employees;
    uint64_t campaigns; /* the rows of `marketing`: one each month */
};
/* `orders` from 1 to SAMPLE_ROWS_MAX. */
struct sample_world sample_world_make(uint64_t seed, uint64_t orders);

/* ---- people and things ---- */
struct sample_person {
    const char *first; /* static, as all text here */
    const char *last;
    const char *city;
    const char *country;
};
struct sample_customer {
    uint64_t id;
    struct sample_person person;
    const char *tier;
    int32_t joined;
};
struct sample_product {
    uint64_t id;
    const char *adjective; /* the name is "<adjective> <noun> <model>" */
    const char *noun;
    uint32_t model;
    const char *category;
    int64_t price;
    int64_t cost;
};
struct sample_employee {
    uint64_t id;
    struct sample_person person;
    const char *department;
    const char *title;
    uint64_t manager; /* 0: none */
    int32_t hired;
    int64_t salary; /* a year; a multiple of 12 euro */
};
struct sample_campaign {
    uint64_t id;
    const char *channel;
    const char *theme;
    uint32_t month; /* from 0 */
    int32_t starts;
    int32_t ends; /* inclusive */
    int64_t spend;
    uint64_t impressions;
    uint64_t clicks;
};
struct sample_customer sample_customer(const struct sample_world *w, uint64_t row);
struct sample_product sample_product(const struct sample_world *w, uint64_t row);
struct sample_employee sample_employee(const struct sample_world *w, uint64_t row);
struct sample_campaign sample_campaign(const struct sample_world *w, uint64_t row);

/* ---- business ---- */
enum sample_status { SAMPLE_COMPLETED, SAMPLE_REFUNDED, SAMPLE_CANCELLED };
struct sample_line {
    uint64_t product; /* id */
    uint32_t quantity;
    int64_t unit_price;
    uint32_t discount_percent;
    int64_t amount;
    int64_t cost; /* of the goods, all pieces */
};
struct sample_order {
    uint64_t id;
    uint64_t customer; /* ids */
    uint64_t employee; /* 0: ordered without one */
    uint64_t campaign; /* 0: none */
    int64_t at_us;
    enum sample_status status;
    int64_t paid_us;     /* not for cancelled ones */
    int64_t refunded_us; /* refunded ones */
    const char *method;
    int64_t total;
    uint32_t line_count;
    struct sample_line lines[SAMPLE_LINES_MAX];
    bool is_reviewed;
    uint32_t reviewed_line;
    uint32_t rating; /* 1 to 5 */
    uint32_t review; /* which text */
    int64_t reviewed_us;
};
struct sample_order sample_order(const struct sample_world *w, uint64_t row);
const char *sample_status_name(enum sample_status status);
/* The month, from 0, of an instant within the world; instants after its end count as the last. */
uint32_t sample_month(int64_t at_us);
/* The first day of month 0 to SAMPLE_MONTHS. */
int32_t sample_month_day(uint32_t month);

/* ---- single columns, for foreign keys ---- */
struct sample_column; /* static */
/* NULL when there is no such table or column. */
const struct sample_column *sample_column_find(struct str table, struct str column);
/* The tables that can be referred to; the columns of one, or "" when there is no such table. */
const char *sample_column_tables(void);
const char *sample_column_names(struct str table);
uint64_t sample_column_rows(const struct sample_column *c, const struct sample_world *w);
bool sample_column_is_text(const struct sample_column *c);
/* Appends the value without quotes; text needs no escaping. Failure is sticky in `out`. */
void sample_column_write(const struct sample_column *c, const struct sample_world *w, uint64_t row,
                         struct buf *out);

/* Shared writing: "12.34". */
void sample_write_money(struct buf *out, int64_t cents);
/* "ada.berg17@example.com" of a person and a number. */
void sample_write_email(struct buf *out, const struct sample_person *p, uint64_t number);
