/* SPDX-License-Identifier: MIT */
/* sample_write.c - see sample_write.h. */
#include "flow/sample_write.h"

#include "base/timefmt.h"

enum { PIECE_BYTES = 256 << 10 };

struct writer {
    const struct sample_world *w;
    struct buf out;
    sample_sink_fn sink;
    void *ctx;
    uint64_t rows;
    struct errmsg *msg;
};

/* ---- fields; what the buffer answers is sticky and looked at after each row ---- */

static void add_day(struct buf *out, int32_t day)
{
    char text[16];
    time_format_date(day, text);
    (void)buf_puts(out, text);
}

static void add_time(struct buf *out, int64_t us)
{
    char text[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(us, text); /* the length is not needed */
    (void)buf_puts(out, text);
}

/* Empty stands for none. */
static void add_id(struct buf *out, uint64_t id)
{
    if (id != 0) {
        (void)buf_add_u64(out, id);
    }
}

static void comma(struct buf *out)
{
    (void)buf_add_byte(out, ',');
}

static err end_row(struct writer *x)
{
    (void)buf_add_byte(&x->out, '\n');
    x->rows++;
    if (x->out.len < PIECE_BYTES) {
        return ERR_OK;
    }
    TRY(buf_check(&x->out));
    TRY(x->sink(x->ctx, buf_str(&x->out), x->msg));
    buf_reset(&x->out);
    return ERR_OK;
}

/* ---- people and things ---- */

static err write_employees(struct writer *x)
{
    for (uint64_t i = 0; i < x->w->employees; i++) {
        struct sample_employee e = sample_employee(x->w, i);
        struct buf *o = &x->out;
        (void)buf_printf(o, "%llu,%s %s,", (unsigned long long)e.id, e.person.first, e.person.last);
        sample_write_email(o, &e.person, e.id);
        (void)buf_printf(o, ",%s,%s,", e.department, e.title);
        add_id(o, e.manager);
        comma(o);
        add_day(o, e.hired);
        comma(o);
        sample_write_money(o, e.salary);
        (void)buf_printf(o, ",%s", e.person.city);
        TRY(end_row(x));
    }
    return ERR_OK;
}

static err write_products(struct writer *x)
{
    for (uint64_t i = 0; i < x->w->products; i++) {
        struct sample_product p = sample_product(x->w, i);
        (void)buf_printf(&x->out, "%llu,%s %s %u,%s,", (unsigned long long)p.id, p.adjective,
                         p.noun, p.model, p.category);
        sample_write_money(&x->out, p.price);
        comma(&x->out);
        sample_write_money(&x->out, p.cost);
        TRY(end_row(x));
    }
    return ERR_OK;
}

static err write_customers(struct writer *x)
{
    for (uint64_t i = 0; i < x->w->customers; i++) {
        struct sample_customer c = sample_customer(x->w, i);
        struct buf *o = &x->out;
        (void)buf_printf(o, "%llu,%s %s,", (unsigned long long)c.id, c.person.first, c.person.last);
        sample_write_email(o, &c.person, c.id);
        (void)buf_printf(o, ",%s,%s,%s,", c.person.city, c.person.country, c.tier);
        add_day(o, c.joined);
        TRY(end_row(x));
    }
    return ERR_OK;
}

static err write_marketing(struct writer *x)
{
    for (uint64_t i = 0; i < x->w->campaigns; i++) {
        struct sample_campaign c = sample_campaign(x->w, i);
        (void)buf_printf(&x->out, "%llu,%s %u,%s,", (unsigned long long)c.id, c.theme,
                         2024 + c.month / 12, c.channel);
        add_day(&x->out, c.starts);
        comma(&x->out);
        add_day(&x->out, c.ends);
        comma(&x->out);
        sample_write_money(&x->out, c.spend);
        (void)buf_printf(&x->out, ",%llu,%llu", (unsigned long long)c.impressions,
                         (unsigned long long)c.clicks);
        TRY(end_row(x));
    }
    return ERR_OK;
}

/* ---- business ---- */

static err write_order(struct writer *x, const struct sample_order *o)
{
    struct buf *out = &x->out;
    add_id(out, o->id);
    comma(out);
    add_id(out, o->customer);
    comma(out);
    add_id(out, o->employee);
    comma(out);
    add_id(out, o->campaign);
    comma(out);
    add_time(out, o->at_us);
    (void)buf_printf(out, ",%s,%u,", sample_status_name(o->status), o->line_count);
    sample_write_money(out, o->total);
    return end_row(x);
}

static err write_sales(struct writer *x, const struct sample_order *o)
{
    for (uint32_t i = 0; i < o->line_count; i++) {
        const struct sample_line *l = &o->lines[i];
        (void)buf_printf(&x->out, "%llu,%llu,%llu,%u,", (unsigned long long)x->rows + 1,
                         (unsigned long long)o->id, (unsigned long long)l->product, l->quantity);
        sample_write_money(&x->out, l->unit_price);
        (void)buf_printf(&x->out, ",%u,", l->discount_percent);
        sample_write_money(&x->out, l->amount);
        comma(&x->out);
        add_day(&x->out, time_to_days(o->at_us));
        TRY(end_row(x));
    }
    return ERR_OK;
}

static err write_transaction(struct writer *x, const struct sample_order *o, const char *kind,
                             int64_t amount, int64_t at_us)
{
    (void)buf_printf(&x->out, "%llu,%llu,%llu,%s,%s,", (unsigned long long)x->rows + 1,
                     (unsigned long long)o->id, (unsigned long long)o->customer, kind, o->method);
    sample_write_money(&x->out, amount);
    comma(&x->out);
    add_time(&x->out, at_us);
    return end_row(x);
}

static err write_transactions(struct writer *x, const struct sample_order *o)
{
    if (o->status == SAMPLE_CANCELLED) {
        return ERR_OK;
    }
    TRY(write_transaction(x, o, "payment", o->total, o->paid_us));
    return o->status == SAMPLE_REFUNDED
               ? write_transaction(x, o, "refund", -o->total, o->refunded_us)
               : ERR_OK;
}

static const char *review_text(const struct sample_order *o)
{
    static const char *const good[] = {"Arrived quickly and works as it should.",
                                       "Would buy it again, and have.",
                                       "Better than the one it took the place of.",
                                       "The morning begins well now.",
                                       "Sturdy, simple, no fuss.",
                                       "A present that was liked."};
    static const char *const fair[] = {"Fine, but the lid is loose.",
                                       "Does what it says, not more.", "Good, a little dear.",
                                       "It took a week, then all was well."};
    static const char *const poor[] = {"Came broken, went back.", "Not what the picture shows.",
                                       "It stopped after a month.",
                                       "Too small for us, and too late."};
    return o->rating >= 4   ? good[o->review % ARRAY_LEN(good)]
           : o->rating == 3 ? fair[o->review % ARRAY_LEN(fair)]
                            : poor[o->review % ARRAY_LEN(poor)];
}

static err write_review(struct writer *x, const struct sample_order *o)
{
    if (!o->is_reviewed) {
        return ERR_OK;
    }
    (void)buf_printf(&x->out, "%llu,%llu,%llu,%llu,%u,\"%s\",", (unsigned long long)x->rows + 1,
                     (unsigned long long)o->id,
                     (unsigned long long)o->lines[o->reviewed_line].product,
                     (unsigned long long)o->customer, o->rating, review_text(o));
    add_time(&x->out, o->reviewed_us);
    return end_row(x);
}

typedef err (*order_fn)(struct writer *x, const struct sample_order *o);

static err each_order(struct writer *x, order_fn each)
{
    for (uint64_t i = 0; i < x->w->orders; i++) {
        struct sample_order o = sample_order(x->w, i);
        TRY(each(x, &o));
    }
    return ERR_OK;
}

static err write_finance(struct writer *x)
{
    struct {
        int64_t revenue;
        int64_t refunds;
        int64_t goods;
        int64_t marketing;
    } months[SAMPLE_MONTHS] = {0};
    int64_t salaries = 0;
    for (uint64_t i = 0; i < x->w->employees; i++) {
        salaries += sample_employee(x->w, i).salary / 12; /* all were there before the first day */
    }
    for (uint64_t i = 0; i < x->w->campaigns; i++) {
        struct sample_campaign c = sample_campaign(x->w, i);
        months[c.month].marketing += c.spend;
    }
    for (uint64_t i = 0; i < x->w->orders; i++) {
        struct sample_order o = sample_order(x->w, i);
        if (o.status == SAMPLE_CANCELLED) {
            continue;
        }
        uint32_t month = sample_month(o.paid_us);
        months[month].revenue += o.total;
        for (uint32_t l = 0; l < o.line_count; l++) {
            months[month].goods += o.lines[l].cost;
        }
        if (o.status == SAMPLE_REFUNDED) {
            months[sample_month(o.refunded_us)].refunds += o.total;
        }
    }
    for (uint32_t m = 0; m < SAMPLE_MONTHS; m++) {
        const int64_t values[] = {months[m].revenue,
                                  months[m].refunds,
                                  months[m].goods,
                                  months[m].marketing,
                                  salaries,
                                  months[m].revenue - months[m].refunds - months[m].goods -
                                      months[m].marketing - salaries};
        add_day(&x->out, sample_month_day(m));
        for (size_t i = 0; i < ARRAY_LEN(values); i++) {
            comma(&x->out);
            sample_write_money(&x->out, values[i]);
        }
        TRY(end_row(x));
    }
    return ERR_OK;
}

/* ---- tables ---- */

static const struct {
    const char *name;
    const char *columns;
    bool is_large;
    err (*write)(struct writer *x); /* or, for each order: */
    order_fn each;
} tables[SAMPLE_TABLE_COUNT] = {
    [SAMPLE_EMPLOYEES] = {"employees",
                          "employee_id BIGINT, name VARCHAR, email VARCHAR, department VARCHAR, "
                          "title VARCHAR, manager_id BIGINT, hired_on DATE, salary DOUBLE, "
                          "city VARCHAR",
                          false, write_employees, NULL},
    [SAMPLE_PRODUCTS] = {"products",
                         "product_id BIGINT, name VARCHAR, category VARCHAR, price DOUBLE, "
                         "cost DOUBLE",
                         false, write_products, NULL},
    [SAMPLE_CUSTOMERS] = {"customers",
                          "customer_id BIGINT, name VARCHAR, email VARCHAR, city VARCHAR, "
                          "country VARCHAR, tier VARCHAR, joined_on DATE",
                          false, write_customers, NULL},
    [SAMPLE_MARKETING] = {"marketing",
                          "campaign_id BIGINT, name VARCHAR, channel VARCHAR, starts_on DATE, "
                          "ends_on DATE, spend DOUBLE, impressions BIGINT, clicks BIGINT",
                          false, write_marketing, NULL},
    [SAMPLE_ORDERS] = {"orders",
                       "order_id BIGINT, customer_id BIGINT, employee_id BIGINT, "
                       "campaign_id BIGINT, ordered_at TIMESTAMPTZ, status VARCHAR, "
                       "line_count BIGINT, total DOUBLE",
                       true, NULL, write_order},
    [SAMPLE_SALES] = {"sales",
                      "sale_id BIGINT, order_id BIGINT, product_id BIGINT, quantity BIGINT, "
                      "unit_price DOUBLE, discount_percent BIGINT, amount DOUBLE, sold_on DATE",
                      true, NULL, write_sales},
    [SAMPLE_TRANSACTIONS] = {"transactions",
                             "transaction_id BIGINT, order_id BIGINT, customer_id BIGINT, "
                             "kind VARCHAR, method VARCHAR, amount DOUBLE, booked_at TIMESTAMPTZ",
                             true, NULL, write_transactions},
    [SAMPLE_REVIEWS] = {"reviews",
                        "review_id BIGINT, order_id BIGINT, product_id BIGINT, "
                        "customer_id BIGINT, rating BIGINT, comment VARCHAR, "
                        "reviewed_at TIMESTAMPTZ",
                        false, NULL, write_review},
    [SAMPLE_FINANCE] = {"finance",
                        "month DATE, revenue DOUBLE, refunds DOUBLE, cost_of_goods DOUBLE, "
                        "marketing DOUBLE, salaries DOUBLE, profit DOUBLE",
                        false, write_finance, NULL},
};

const char *sample_table_name(enum sample_table table)
{
    return tables[table].name;
}

const char *sample_table_columns(enum sample_table table)
{
    return tables[table].columns;
}

bool sample_table_is_large(enum sample_table table)
{
    return tables[table].is_large;
}

/* The names out of "name TYPE, name TYPE". */
static void write_header(struct buf *out, const char *columns)
{
    struct str rest = str_from(columns);
    struct str part;
    bool is_first = true;
    while (str_split(&rest, ',', &part)) {
        part = str_trim(part);
        if (!is_first) {
            comma(out);
        }
        is_first = false;
        (void)buf_add(out, part.ptr, (size_t)str_find(part, ' '));
    }
    (void)buf_add_byte(out, '\n');
}

err sample_write(const struct sample_world *w, enum sample_table table, sample_sink_fn sink,
                 void *ctx, uint64_t *out_rows, struct errmsg *msg)
{
    ASSERT(table < SAMPLE_TABLE_COUNT);
    struct writer x = {
        .w = w, .out = buf_make(PIECE_BYTES * 2), .sink = sink, .ctx = ctx, .msg = msg};
    write_header(&x.out, tables[table].columns);
    err e =
        tables[table].write != NULL ? tables[table].write(&x) : each_order(&x, tables[table].each);
    if (e == ERR_OK) {
        e = buf_check(&x.out);
    }
    if (e == ERR_OK && x.out.len > 0) {
        e = sink(ctx, buf_str(&x.out), msg);
    }
    buf_deinit(&x.out);
    *out_rows = x.rows;
    return e;
}
