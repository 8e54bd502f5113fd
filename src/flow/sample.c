/* SPDX-License-Identifier: MIT */
/* sample.c - see sample.h. Each row throws its own dice, seeded by world, table and row. */
#include "flow/sample.h"

#include <math.h>

#include "base/timefmt.h"
#include "flow/dice.h"
#include "flow/words.h"

enum table { TABLE_CUSTOMERS, TABLE_PRODUCTS, TABLE_EMPLOYEES, TABLE_MARKETING, TABLE_ORDERS };

#define DAY_US INT64_C(86400000000)
#define HOUR_US INT64_C(3600000000)

struct sample_world sample_world_make(uint64_t seed, uint64_t orders)
{
    ASSERT(orders >= 1 && orders <= SAMPLE_ROWS_MAX);
    return (struct sample_world){
        .seed = seed,
        .orders = orders,
        .customers = MAX(orders / 5, UINT64_C(20)),
        .products = MIN(MAX(orders / 50, UINT64_C(20)), UINT64_C(2000)),
        .employees = MIN(MAX(orders / 1500, UINT64_C(6)), UINT64_C(500)),
        .campaigns = SAMPLE_MONTHS,
    };
}

static struct dice row_dice(const struct sample_world *w, enum table table, uint64_t row)
{
    return dice_make(dice_mix(w->seed * 8 + table, row));
}

#define PICK(dice, list) (list)[dice_below((dice), ARRAY_LEN(list))]

/* ---- people and things ---- */

static struct sample_person person(struct dice *d)
{
    const struct word_city *city = &words_cities[dice_below(d, words_city_count)];
    return (struct sample_person){
        .first = words_first_names.items[dice_below(d, words_first_names.count)],
        .last = words_last_names.items[dice_below(d, words_last_names.count)],
        .city = city->name,
        .country = city->country,
    };
}

/* Half of the customers were there before the first day; the others came one after the other. */
static int32_t joined_day(const struct sample_world *w, uint64_t row)
{
    uint64_t before = w->customers / 2;
    if (row < before) {
        return SAMPLE_FIRST_DAY - 1 - (int32_t)((before - 1 - row) * 1000 / before);
    }
    return SAMPLE_FIRST_DAY + (int32_t)((row - before) * SAMPLE_DAYS / (w->customers - before));
}

struct sample_customer sample_customer(const struct sample_world *w, uint64_t row)
{
    static const char *const tiers[] = {"bronze", "bronze", "bronze", "silver", "silver", "gold"};
    ASSERT(row < w->customers);
    struct dice d = row_dice(w, TABLE_CUSTOMERS, row);
    struct sample_customer c = {.id = row + 1, .person = person(&d)};
    c.tier = PICK(&d, tiers);
    c.joined = joined_day(w, row);
    return c;
}

struct sample_product sample_product(const struct sample_world *w, uint64_t row)
{
    static const struct {
        const char *noun;
        const char *category;
        int64_t low;
        int64_t high;
    } kinds[] = {{"Espresso Beans", "beans", 900, 2900},
                 {"Filter Beans", "beans", 800, 2600},
                 {"Espresso Machine", "machines", 19900, 129900},
                 {"Filter Machine", "machines", 4900, 24900},
                 {"Hand Grinder", "grinders", 3900, 14900},
                 {"Grinder", "grinders", 8900, 49900},
                 {"Cup", "cups", 600, 2400},
                 {"Travel Mug", "cups", 1400, 3900},
                 {"Paper Filters", "filters", 300, 900},
                 {"Steel Filter", "filters", 1200, 2900},
                 {"Green Tea", "tea", 500, 2200},
                 {"Black Tea", "tea", 400, 1900},
                 {"Milk Jug", "accessories", 1100, 3200},
                 {"Scale", "accessories", 1900, 8900}};
    static const char *const adjectives[] = {"Alpine", "Amber",  "Classic",  "Dawn",  "Fjord",
                                             "Harbor", "Meadow", "Mountain", "North", "Tarn"};
    ASSERT(row < w->products);
    struct dice d = row_dice(w, TABLE_PRODUCTS, row);
    size_t kind = row % ARRAY_LEN(kinds);
    struct sample_product p = {.id = row + 1,
                               .adjective = PICK(&d, adjectives),
                               .noun = kinds[kind].noun,
                               .model = (uint32_t)(row / ARRAY_LEN(kinds) + 1),
                               .category = kinds[kind].category};
    p.price = dice_between(&d, kinds[kind].low / 10, kinds[kind].high / 10) * 10;
    p.cost = p.price * dice_between(&d, 45, 70) / 100;
    return p;
}

struct sample_employee sample_employee(const struct sample_world *w, uint64_t row)
{
    static const struct {
        const char *department;
        const char *title;
        int64_t low; /* of the monthly salary, euro */
        int64_t high;
    } jobs[] = {
        {"sales", "Sales Adviser", 2800, 4200},       {"sales", "Account Manager", 3400, 5200},
        {"warehouse", "Warehouse Clerk", 2400, 3200}, {"marketing", "Campaign Planner", 3200, 4800},
        {"finance", "Accountant", 3400, 5400},        {"engineering", "Engineer", 4200, 6800},
        {"support", "Support Agent", 2600, 3600}};
    ASSERT(row < w->employees);
    struct dice d = row_dice(w, TABLE_EMPLOYEES, row);
    struct sample_employee e = {.id = row + 1, .person = person(&d)};
    size_t job = row % ARRAY_LEN(jobs);
    e.department = row == 0 ? "management" : jobs[job].department;
    e.title = row == 0 ? "Director" : jobs[job].title;
    /* Everyone is led by someone who was there before. */
    e.manager = row == 0 ? 0 : (row - 1) / 6 + 1;
    e.hired = SAMPLE_FIRST_DAY - 3000 + (int32_t)(row * 2900 / w->employees + dice_below(&d, 30));
    int64_t monthly = row == 0 ? 9500 : dice_between(&d, jobs[job].low, jobs[job].high);
    e.salary = monthly * 12 * 100;
    return e;
}

int32_t sample_month_day(uint32_t month)
{
    static const int32_t first[] = {0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335};
    ASSERT(month <= SAMPLE_MONTHS);
    int32_t day = SAMPLE_FIRST_DAY + first[month % 12]; /* 2024 is a leap year */
    return month < 12 ? day : month < 24 ? day + 366 - (month % 12 >= 2 ? 1 : 0) : day + 366 + 365;
}

uint32_t sample_month(int64_t at_us)
{
    int32_t day = time_to_days(at_us);
    uint32_t month = 0;
    while (month + 1 < SAMPLE_MONTHS && sample_month_day(month + 1) <= day) {
        month++;
    }
    return month;
}

struct sample_campaign sample_campaign(const struct sample_world *w, uint64_t row)
{
    static const char *const channels[] = {"email", "search", "social", "affiliate", "podcast"};
    static const char *const themes[] = {"New Year", "Winter",  "Spring",       "Easter",
                                         "May",      "Summer",  "Holiday",      "Iced Coffee",
                                         "Autumn",   "Harvest", "Black Friday", "Gifts"};
    ASSERT(row < w->campaigns);
    struct dice d = row_dice(w, TABLE_MARKETING, row);
    struct sample_campaign c = {.id = row + 1,
                                .channel = PICK(&d, channels),
                                .theme = themes[row % ARRAY_LEN(themes)],
                                .month = (uint32_t)row};
    c.starts = sample_month_day(c.month) + (int32_t)dice_below(&d, 8);
    c.ends = c.starts + 9 + (int32_t)dice_below(&d, 10);
    /* Grows with the shop: some euro for every order of a month. */
    c.spend = (int64_t)(w->orders / SAMPLE_MONTHS + 1) * dice_between(&d, 60, 180);
    c.impressions = (uint64_t)c.spend / 100 * (uint64_t)dice_between(&d, 80, 200);
    c.clicks = c.impressions * (uint64_t)dice_between(&d, 8, 40) / 1000;
    return c;
}

/* ---- business ---- */

const char *sample_status_name(enum sample_status status)
{
    static const char *const names[] = {"completed", "refunded", "cancelled"};
    return names[status];
}

/* Orders come in the order of their ids by day, more of them later; few at night. */
static int64_t order_time(const struct sample_world *w, uint64_t row, struct dice *d)
{
    double place = ((double)row + dice_unit(d)) / (double)w->orders;
    /* None on the last day, so that payments are within the world too. */
    int64_t day = MIN((int64_t)(pow(place, 0.8) * SAMPLE_DAYS), (int64_t)SAMPLE_DAYS - 2);
    int64_t hour = MIN((dice_between(d, 0, 23) + dice_between(d, 9, 23)) / 2, 23);
    return (SAMPLE_FIRST_DAY + day) * DAY_US + hour * HOUR_US + dice_between(d, 0, 3599) * 1000000;
}

/* A customer who had joined by then; some buy often. */
static uint64_t order_customer(const struct sample_world *w, int64_t day, struct dice *d)
{
    uint64_t before = w->customers / 2;
    uint64_t since = (uint64_t)(day - SAMPLE_FIRST_DAY) * (w->customers - before) / SAMPLE_DAYS;
    uint64_t count = MAX(before + since, UINT64_C(1));
    uint64_t row = dice_below(d, dice_below(d, count) + 1);
    return row + 1;
}

static void add_lines(const struct sample_world *w, struct sample_order *o, struct dice *d)
{
    static const uint32_t counts[] = {1, 1, 1, 2, 2, 3, 4, 5};
    static const uint32_t pieces[] = {1, 1, 1, 1, 2, 2, 3, 4};
    static const uint32_t discounts[] = {0, 0, 0, 0, 0, 0, 5, 10, 15, 20};
    o->line_count = PICK(d, counts);
    for (uint32_t i = 0; i < o->line_count; i++) {
        struct sample_product p = sample_product(w, dice_below(d, dice_below(d, w->products) + 1));
        struct sample_line *l = &o->lines[i];
        l->product = p.id;
        l->quantity = p.price > 10000 ? 1 : PICK(d, pieces);
        l->unit_price = p.price;
        l->discount_percent = PICK(d, discounts);
        l->amount = l->quantity * l->unit_price * (100 - l->discount_percent) / 100;
        l->cost = l->quantity * p.cost;
        o->total += l->amount;
    }
}

static void add_review(struct sample_order *o, struct dice *d)
{
    static const uint32_t ratings[] = {1, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 5};
    o->is_reviewed = o->status != SAMPLE_CANCELLED && dice_below(d, 100) < 22;
    o->reviewed_line = (uint32_t)dice_below(d, o->line_count);
    o->rating = o->status == SAMPLE_REFUNDED ? 1 + (uint32_t)dice_below(d, 3) : PICK(d, ratings);
    o->review = (uint32_t)dice_below(d, 1000);
    o->reviewed_us = o->at_us + dice_between(d, 2 * DAY_US, 30 * DAY_US);
}

struct sample_order sample_order(const struct sample_world *w, uint64_t row)
{
    static const char *const methods[] = {"card",   "card", "card", "card",    "paypal",
                                          "paypal", "sepa", "sepa", "invoice", "gift card"};
    ASSERT(row < w->orders);
    struct dice d = row_dice(w, TABLE_ORDERS, row);
    struct sample_order o = {.id = row + 1};
    o.at_us = order_time(w, row, &d);
    int64_t day = o.at_us / DAY_US;
    o.customer = order_customer(w, day, &d);
    o.employee = dice_below(&d, 100) < 35 ? dice_below(&d, w->employees) + 1 : 0;
    struct sample_campaign campaign = sample_campaign(w, sample_month(o.at_us));
    bool is_open = day >= campaign.starts && day <= campaign.ends;
    o.campaign = dice_below(&d, 100) < 40 && is_open ? campaign.id : 0;
    uint64_t fate = dice_below(&d, 100);
    o.status = fate < 92 ? SAMPLE_COMPLETED : fate < 96 ? SAMPLE_REFUNDED : SAMPLE_CANCELLED;
    o.method = PICK(&d, methods);
    o.paid_us = o.at_us + dice_between(&d, 5, 600) * 1000000;
    o.refunded_us = o.paid_us + dice_between(&d, 3 * DAY_US, 20 * DAY_US) / 1000000 * 1000000;
    o.refunded_us = MIN(o.refunded_us, (SAMPLE_FIRST_DAY + SAMPLE_DAYS) * DAY_US - 1000000);
    add_lines(w, &o, &d);
    add_review(&o, &d);
    o.reviewed_us = o.reviewed_us / 1000000 * 1000000;
    return o;
}
