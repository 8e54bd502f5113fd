/* SPDX-License-Identifier: MIT */
/* sample_column.c - single columns of the sample tables, by name. */
#include "flow/sample.h"

#include "base/timefmt.h"
#include "flow/words.h"

struct sample_column {
    const char *table;
    const char *name;
    bool is_text;
    void (*write)(const struct sample_world *w, uint64_t row, struct buf *out);
};

/* What buf_ functions answer is sticky in `out`, which the caller checks. */

void sample_write_money(struct buf *out, int64_t cents)
{
    uint64_t size = cents < 0 ? -(uint64_t)cents : (uint64_t)cents;
    if (cents < 0) {
        (void)buf_add_byte(out, '-');
    }
    char rest[3] = {'.', (char)('0' + size / 10 % 10), (char)('0' + size % 10)};
    (void)buf_add_u64(out, size / 100);
    (void)buf_add(out, rest, sizeof rest);
}

static void add_lower(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        (void)buf_add_byte(out, *text >= 'A' && *text <= 'Z' ? (char)(*text + 32) : *text);
    }
}

void sample_write_email(struct buf *out, const struct sample_person *p, uint64_t number)
{
    add_lower(out, p->first);
    (void)buf_add_byte(out, '.');
    add_lower(out, p->last);
    (void)buf_add_u64(out, number);
    (void)buf_add_byte(out, '@');
    (void)buf_puts(out, words_mail_hosts.items[number % words_mail_hosts.count]);
}

static void write_id(const struct sample_world *w, uint64_t row, struct buf *out)
{
    (void)w;
    (void)buf_add_u64(out, row + 1);
}

static void write_person(const struct sample_person *p, struct buf *out)
{
    (void)buf_puts(out, p->first);
    (void)buf_add_byte(out, ' ');
    (void)buf_puts(out, p->last);
}

static void customer_name(const struct sample_world *w, uint64_t row, struct buf *out)
{
    struct sample_customer c = sample_customer(w, row);
    write_person(&c.person, out);
}
static void customer_email(const struct sample_world *w, uint64_t row, struct buf *out)
{
    struct sample_customer c = sample_customer(w, row);
    sample_write_email(out, &c.person, c.id);
}
static void customer_city(const struct sample_world *w, uint64_t row, struct buf *out)
{
    (void)buf_puts(out, sample_customer(w, row).person.city);
}
static void customer_country(const struct sample_world *w, uint64_t row, struct buf *out)
{
    (void)buf_puts(out, sample_customer(w, row).person.country);
}
static void customer_tier(const struct sample_world *w, uint64_t row, struct buf *out)
{
    (void)buf_puts(out, sample_customer(w, row).tier);
}

static void product_name(const struct sample_world *w, uint64_t row, struct buf *out)
{
    struct sample_product p = sample_product(w, row);
    (void)buf_printf(out, "%s %s %u", p.adjective, p.noun, p.model);
}
static void product_category(const struct sample_world *w, uint64_t row, struct buf *out)
{
    (void)buf_puts(out, sample_product(w, row).category);
}
static void product_price(const struct sample_world *w, uint64_t row, struct buf *out)
{
    sample_write_money(out, sample_product(w, row).price);
}

static void employee_name(const struct sample_world *w, uint64_t row, struct buf *out)
{
    struct sample_employee e = sample_employee(w, row);
    write_person(&e.person, out);
}
static void employee_email(const struct sample_world *w, uint64_t row, struct buf *out)
{
    struct sample_employee e = sample_employee(w, row);
    sample_write_email(out, &e.person, e.id);
}
static void employee_department(const struct sample_world *w, uint64_t row, struct buf *out)
{
    (void)buf_puts(out, sample_employee(w, row).department);
}

static void campaign_channel(const struct sample_world *w, uint64_t row, struct buf *out)
{
    (void)buf_puts(out, sample_campaign(w, row).channel);
}

static const struct sample_column columns[] = {
    {"customers", "customer_id", false, write_id},
    {"customers", "name", true, customer_name},
    {"customers", "email", true, customer_email},
    {"customers", "city", true, customer_city},
    {"customers", "country", true, customer_country},
    {"customers", "tier", true, customer_tier},
    {"products", "product_id", false, write_id},
    {"products", "name", true, product_name},
    {"products", "category", true, product_category},
    {"products", "price", false, product_price},
    {"employees", "employee_id", false, write_id},
    {"employees", "name", true, employee_name},
    {"employees", "email", true, employee_email},
    {"employees", "department", true, employee_department},
    {"marketing", "campaign_id", false, write_id},
    {"marketing", "channel", true, campaign_channel},
    {"orders", "order_id", false, write_id},
};

const struct sample_column *sample_column_find(struct str table, struct str column)
{
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        if (str_is(table, columns[i].table) && str_is(column, columns[i].name)) {
            return &columns[i];
        }
    }
    return NULL;
}

const char *sample_column_tables(void)
{
    return "customers, products, employees, marketing, orders";
}

const char *sample_column_names(struct str table)
{
    static const char *const names[][2] = {
        {"customers", "customer_id, name, email, city, country, tier"},
        {"products", "product_id, name, category, price"},
        {"employees", "employee_id, name, email, department"},
        {"marketing", "campaign_id, channel"},
        {"orders", "order_id"},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_is(table, names[i][0])) {
            return names[i][1];
        }
    }
    return "";
}

uint64_t sample_column_rows(const struct sample_column *c, const struct sample_world *w)
{
    switch (c->table[0]) {
    case 'c':
        return w->customers;
    case 'p':
        return w->products;
    case 'e':
        return w->employees;
    case 'm':
        return w->campaigns;
    default:
        return w->orders;
    }
}

bool sample_column_is_text(const struct sample_column *c)
{
    return c->is_text;
}

void sample_column_write(const struct sample_column *c, const struct sample_world *w, uint64_t row,
                         struct buf *out)
{
    c->write(w, row, out);
}
