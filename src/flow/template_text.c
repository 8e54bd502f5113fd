/* SPDX-License-Identifier: MIT */
/* template_text.c - generators of names, places, addresses and sentences. What they write needs no
 * escaping: the words are plain, and text from options is escaped when it is compiled. */
#include <arpa/inet.h>

#include "flow/template_int.h"
#include "flow/words.h"

static const char *pick(struct template *t, const struct word_list *list)
{
    return list->items[dice_below(&t->dice, list->count)];
}

/* ---- $name, $city, $country, $email ---- */

enum { NAME_FULL, NAME_FIRST, NAME_LAST };

err compile_name(struct compiler *c, const struct option_value *v, const json_t *a,
                 struct generator *g)
{
    static const char *const parts[] = {"full", "first", "last", NULL};
    (void)a;
    return compiler_word(c, &v[0], "part", parts, &g->form);
}

void write_name(struct generator *g, struct template *t, struct buf *out)
{
    if (g->form != NAME_LAST) {
        (void)buf_puts(out, pick(t, &words_first_names));
    }
    if (g->form == NAME_FULL) {
        (void)buf_add_byte(out, ' ');
    }
    if (g->form != NAME_FIRST) {
        (void)buf_puts(out, pick(t, &words_last_names));
    }
}

void write_city(struct generator *g, struct template *t, struct buf *out)
{
    (void)g;
    (void)buf_puts(out, words_cities[dice_below(&t->dice, words_city_count)].name);
}

void write_country(struct generator *g, struct template *t, struct buf *out)
{
    (void)g;
    (void)buf_puts(out, words_cities[dice_below(&t->dice, words_city_count)].country);
}

void write_email(struct generator *g, struct template *t, struct buf *out)
{
    (void)g;
    struct sample_person person = {.first = pick(t, &words_first_names),
                                   .last = pick(t, &words_last_names)};
    sample_write_email(out, &person, dice_below(&t->dice, 10000));
}

/* ---- $ip ---- */

enum { O_VERSION, O_DISTINCT, O_NET };

/* "10.0.0.0/8" into the bits that are fixed and those that are free. */
static err read_net(struct compiler *c, struct str text, struct generator *g)
{
    struct str rest = text;
    struct str address = {0};
    char host[16] = "";
    struct in_addr net;
    uint64_t bits = 32;
    (void)str_split(&rest, '/', &address); /* an empty text is no address either way */
    if (address.len < sizeof host) {
        memcpy(host, address.ptr, address.len);
    }
    if (inet_pton(AF_INET, host, &net) != 1 || !str_to_u64(rest, &bits) || bits > 32) {
        return compiler_fail(c, "\"net\" must be an IPv4 network such as \"10.0.0.0/8\"");
    }
    uint64_t free_mask = (UINT64_C(1) << (32 - bits)) - 1;
    g->low = (int64_t)(ntohl(net.s_addr) & ~free_mask);
    g->high = (int64_t)free_mask;
    return ERR_OK;
}

err compile_ip(struct compiler *c, const struct option_value *v, const json_t *a,
               struct generator *g)
{
    (void)a;
    g->form = v[O_VERSION].json != NULL ? (uint32_t)v[O_VERSION].integer : 4;
    g->counter = 0;
    g->mean = (double)v[O_DISTINCT].integer; /* 0: any number */
    g->low = 0x01000000;
    g->high = 0xdeffffff - 0x01000000; /* up to 223.255.255.255: no multicast */
    if (g->form == 5) {
        return compiler_fail(c, "\"version\" must be 4 or 6");
    }
    if (v[O_NET].json == NULL) {
        return ERR_OK;
    }
    return g->form == 6 ? compiler_fail(c, "\"net\" is for version 4")
                        : read_net(c, v[O_NET].text, g);
}

static void write_ipv6(uint64_t x, struct buf *out)
{
    /* The prefix is the one for documentation, RFC 3849. */
    (void)buf_printf(out, "2001:db8:%x:%x:%x::%x", (unsigned)(x & 0xfff) + 1,
                     (unsigned)(x >> 12 & 0xfff) + 1, (unsigned)(x >> 24 & 0xfff) + 1,
                     (unsigned)(x >> 36 & 0xffff) + 1);
}

void write_ip(struct generator *g, struct template *t, struct buf *out)
{
    uint64_t x = dice_next(&t->dice);
    if (g->mean > 0) { /* a few come often */
        uint64_t few = dice_below(&t->dice, (uint64_t)g->mean) + 1;
        x = dice_mix(77, dice_below(&t->dice, few));
    }
    if (g->form == 6) {
        write_ipv6(x, out);
        return;
    }
    uint64_t spread = (uint64_t)(((unsigned __int128)x * ((uint64_t)g->high + 1)) >> 64);
    uint64_t address = (uint64_t)g->low + spread;
    for (int i = 3; i >= 0; i--) {
        (void)buf_add_u64(out, address >> (8 * i) & 255);
        if (i > 0) {
            (void)buf_add_byte(out, '.');
        }
    }
}

/* ---- $url, $text ---- */

err compile_url(struct compiler *c, const struct option_value *v, const json_t *a,
                struct generator *g)
{
    (void)a;
    struct str base = v[0].json != NULL ? v[0].text : STR("https://www.example.com");
    AUTO_BUF escaped = buf_make(8192);
    if (!buf_add_json_string(&escaped, base)) {
        return compiler_fail(c, "\"base\" is too long");
    }
    g->text = arena_dup(c->template->arena, str_of(escaped.data + 1, escaped.len - 2));
    if (g->text.ptr == NULL) {
        return compiler_fail(c, "the template is too large");
    }
    g->digits = v[1].json != NULL ? (uint32_t)v[1].integer : 2;
    return ERR_OK;
}

void write_url(struct generator *g, struct template *t, struct buf *out)
{
    uint64_t depth = dice_below(&t->dice, g->digits + 1);
    (void)buf_add_str(out, g->text);
    if (depth == 0) {
        (void)buf_add_byte(out, '/');
    }
    for (uint64_t i = 0; i < depth; i++) {
        (void)buf_add_byte(out, '/');
        (void)buf_puts(out, pick(t, &words_page_parts));
    }
}

err compile_text(struct compiler *c, const struct option_value *v, const json_t *a,
                 struct generator *g)
{
    (void)a;
    g->low = v[0].json != NULL ? v[0].integer : MIN(v[1].json != NULL ? v[1].integer : 3, 3);
    g->high = v[1].json != NULL ? v[1].integer : MAX(g->low, 10);
    return g->low > g->high ? compiler_fail(c, "\"min\" is over \"max\"") : ERR_OK;
}

void write_text(struct generator *g, struct template *t, struct buf *out)
{
    int64_t words = dice_between(&t->dice, g->low, g->high);
    for (int64_t i = 0; i < words; i++) {
        if (i > 0) {
            (void)buf_add_byte(out, ' ');
        }
        (void)buf_puts(out, pick(t, &words_text));
    }
}
