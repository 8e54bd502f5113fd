/* SPDX-License-Identifier: MIT */
/* produce_web.c - requests of a web site, and what visitors do on its pages. */
#include "flow/produce_int.h"

static const struct produce_choice methods[] = {
    {"GET", 830}, {"POST", 120}, {"PUT", 20}, {"DELETE", 10}, {"HEAD", 20}};
static const struct produce_choice statuses[] = {{"200", 840}, {"304", 60}, {"301", 20},
                                                 {"302", 15},  {"404", 40}, {"403", 8},
                                                 {"500", 10},  {"503", 7}};
static const struct produce_choice paths[] = {{"/", 180},
                                              {"/products", 140},
                                              {"/products/search", 90},
                                              {"/cart", 80},
                                              {"/checkout", 50},
                                              {"/login", 60},
                                              {"/api/v1/items", 120},
                                              {"/api/v1/orders", 70},
                                              {"/blog/welcome", 40},
                                              {"/static/app.js", 90},
                                              {"/static/site.css", 60},
                                              {"/favicon.ico", 20}};
static const struct produce_choice agents[] = {
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/141.0", 380},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) Safari/605.1", 240},
    {"Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Firefox/144.0", 150},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1", 130},
    {"Googlebot/2.1 (+http://www.google.com/bot.html)", 60},
    {"curl/8.16.0", 40}};
static const struct produce_choice referrers[] = {{"-", 480},
                                                  {"https://www.google.com/", 270},
                                                  {"https://news.example.org/", 120},
                                                  {"https://social.example.net/", 130}};
static const struct produce_choice actions[] = {{"page_view", 560},  {"click", 240},
                                                {"scroll", 90},      {"search", 60},
                                                {"add_to_cart", 30}, {"sign_up", 20}};
static const struct produce_choice devices[] = {{"web", 520}, {"ios", 260}, {"android", 220}};
static const struct produce_choice countries[] = {
    {"DE", 210}, {"US", 290}, {"GB", 110}, {"FR", 100}, {"JP", 80}, {"BR", 90}, {"IN", 120}};

void produce_web_logs(struct producer *p, struct buf *out)
{
    const char *status = produce_choose(p, statuses);
    bool failed = status[0] == '5';
    uint32_t host = produce_skewed(p, 60000);
    produce_text(out, "{\"timestamp\":", p->time);
    produce_number(out, ",\"client_ip\":\"10.", host >> 12);
    produce_number(out, ".", host >> 4 & 255);
    produce_number(out, ".", (host & 15) * 16 + 1);
    produce_text(out, "\",\"method\":", produce_choose(p, methods));
    produce_text(out, ",\"path\":", produce_choose(p, paths));
    (void)buf_puts(out, ",\"status\":"); /* sticky, as everywhere here */
    (void)buf_puts(out, status);
    produce_number(out, ",\"bytes\":", failed ? 512 : 200 + produce_skewed(p, 250000));
    produce_money(out, ",\"duration_ms\":", (failed ? 50000 : 100) + produce_skewed(p, 40000));
    produce_text(out, ",\"user_agent\":", produce_choose(p, agents));
    produce_text(out, ",\"referrer\":", produce_choose(p, referrers));
    (void)buf_add_byte(out, '}');
}

void produce_analytics_events(struct producer *p, struct buf *out)
{
    uint32_t visitor = produce_skewed(p, 50000);
    produce_hex(out, "{\"event_id\":\"", produce_random(p), 16, "\"");
    produce_text(out, ",\"timestamp\":", p->time);
    produce_text(out, ",\"event_type\":", produce_choose(p, actions));
    produce_number(out, ",\"visitor_id\":", visitor);
    produce_hex(out, ",\"session_id\":\"s", visitor * UINT64_C(2654435761) + p->serial / 5000, 8,
                "\"");
    produce_text(out, ",\"page\":", produce_choose(p, paths));
    produce_number(out, ",\"time_on_page_ms\":", produce_skewed(p, 90000));
    produce_text(out, ",\"properties\":{\"device\":", produce_choose(p, devices));
    produce_text(out, ",\"country\":", produce_choose(p, countries));
    produce_number(out, ",\"experiment\":", visitor % 4);
    (void)buf_puts(out, "}}");
}
