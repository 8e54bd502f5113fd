/* SPDX-License-Identifier: MIT */
/* produce_shop.c - customers of a shop, and what they pay. */
#include "flow/produce_int.h"

static const struct produce_choice changes[] = {{"login", 520},           {"profile_updated", 150},
                                                {"registered", 90},       {"email_verified", 80},
                                                {"password_changed", 40}, {"support_ticket", 70},
                                                {"newsletter_on", 30},    {"account_closed", 20}};
static const struct produce_choice tiers[] = {{"free", 620}, {"plus", 270}, {"business", 110}};
static const struct produce_choice channels[] = {
    {"web", 480}, {"ios", 240}, {"android", 210}, {"phone", 70}};
static const struct produce_choice cities[] = {{"Berlin", 190},  {"London", 170}, {"New York", 210},
                                               {"Paris", 130},   {"Tokyo", 110},  {"Mumbai", 110},
                                               {"Sao Paulo", 80}};
static const struct produce_choice currencies[] = {
    {"EUR", 430}, {"USD", 390}, {"GBP", 120}, {"JPY", 60}};
static const struct produce_choice methods[] = {
    {"card", 610}, {"paypal", 190}, {"invoice", 90}, {"sepa", 80}, {"gift_card", 30}};
static const struct produce_choice outcomes[] = {
    {"completed", 900}, {"declined", 55}, {"pending", 30}, {"refunded", 15}};
static const struct produce_choice products[] = {
    {"espresso-machine", 60}, {"coffee-beans", 340}, {"grinder", 80},
    {"filter-paper", 220},    {"mug", 180},          {"descaler", 120}};

void produce_customer_events(struct producer *p, struct buf *out)
{
    uint32_t customer = produce_skewed(p, 100000);
    produce_hex(out, "{\"event_id\":\"", produce_random(p), 16, "\"");
    produce_text(out, ",\"timestamp\":", p->time);
    produce_number(out, ",\"customer_id\":", customer);
    produce_text(out, ",\"event_type\":", produce_choose(p, changes));
    produce_number(out, ",\"email\":\"customer", customer);
    (void)buf_puts(out, "@example.com\""); /* sticky, as everywhere here */
    produce_text(out, ",\"tier\":", produce_choose(p, tiers));
    produce_text(out, ",\"channel\":", produce_choose(p, channels));
    produce_text(out, ",\"address\":{\"city\":", produce_choose(p, cities));
    produce_number(out, ",\"postcode\":\"", 10000 + customer % 90000);
    (void)buf_puts(out, customer % 3 == 0 ? "\"},\"marketing\":true}" : "\"},\"marketing\":false}");
}

void produce_transaction_events(struct producer *p, struct buf *out)
{
    uint32_t quantity = 1 + produce_skewed(p, 6);
    uint64_t price = 199 + produce_skewed(p, 60000);
    produce_hex(out, "{\"transaction_id\":\"t", produce_random(p), 16, "\"");
    produce_text(out, ",\"timestamp\":", p->time);
    produce_number(out, ",\"customer_id\":", produce_skewed(p, 100000));
    produce_number(out, ",\"order_id\":", 1000000 + p->serial);
    produce_text(out, ",\"product\":", produce_choose(p, products));
    produce_number(out, ",\"quantity\":", quantity);
    produce_money(out, ",\"amount\":", price * quantity);
    produce_text(out, ",\"currency\":", produce_choose(p, currencies));
    produce_text(out, ",\"payment_method\":", produce_choose(p, methods));
    produce_text(out, ",\"status\":", produce_choose(p, outcomes));
    produce_number(out, ",\"store_id\":", produce_below(p, 40));
    produce_money(out, ",\"risk_score\":", produce_skewed(p, 100));
    (void)buf_add_byte(out, '}');
}
