/* SPDX-License-Identifier: MIT */
/* live_docs.c - documents that are sent when they change: each is made once for all who watch, and
 * only while someone does. */
#include "flow/importer.h"
#include "http/live_int.h"
#include "os/clock.h"

enum {
    DOC_BYTES_MAX = 4 << 20,
    HEALTH_TELL_US = 10 * 1000 * 1000, /* health without a change */
};

static int64_t interval_us(enum live_channel channel)
{
    return channel == LIVE_QUERIES_CHANNEL ? 500 * 1000 : 1000 * 1000;
}

bool live_channel_is_doc(enum live_channel channel)
{
    return channel == LIVE_HEALTH || channel == LIVE_QUERIES_CHANNEL || channel == LIVE_PRODUCERS ||
           channel == LIVE_IMPORTS;
}

void live_doc_deinit(struct live_doc *doc)
{
    buf_deinit(&doc->text);
    buf_deinit(&doc->key);
}

static void write_producers(const struct producers *p, struct buf *out)
{
    AUTO_JSON list = json_array();
    for (size_t i = 0; p != NULL && i < producers_count(p); i++) {
        json_array_append_new(list, producers_job_json(producers_at(p, i), false));
    }
    buf_puts(out, "{\"producers\":");
    (void)json_write(list, out); /* what does not fit shows in out->failed */
    buf_puts(out, "}");
}

static void write_doc(struct api *api, enum live_channel channel, struct buf *out)
{
    if (channel == LIVE_QUERIES_CHANNEL) {
        buf_puts(out, "{\"queries\":");
        broker_list(api->broker, out);
        buf_puts(out, "}");
    } else if (channel == LIVE_PRODUCERS) {
        write_producers(api->producers, out);
    } else {
        ASSERT(channel == LIVE_IMPORTS);
        buf_puts(out, "{\"imports\":");
        importer_list(api->importer, out);
        buf_puts(out, "}");
    }
}

/* Uptime and sizes change all the time: what is told at once is a change of state or reason. */
static void refresh_health(struct live *l, struct live_doc *doc, bool force, int64_t now_us)
{
    struct buf key = buf_make(DOC_BYTES_MAX);
    api_health_key(l->api, &key);
    bool is_same = doc->version > 0 && str_eq(buf_str(&key), buf_str(&doc->key));
    buf_deinit(&doc->key);
    doc->key = key;
    if (is_same && !force && now_us - doc->told_us < HEALTH_TELL_US) {
        return;
    }
    bool has_failed = false;
    AUTO_JSON json = api_health_json(l->api, &has_failed);
    buf_reset(&doc->text);
    if (json_write(json, &doc->text) == ERR_OK) {
        doc->version++;
        doc->told_us = now_us;
    }
}

void live_doc_refresh(struct live *l, enum live_channel channel, bool force)
{
    struct live_doc *doc = &l->docs[channel];
    int64_t now_us = os_mono_us();
    if (!force && doc->made_us != 0 && now_us - doc->made_us < interval_us(channel)) {
        return;
    }
    doc->made_us = now_us;
    doc->text.max = DOC_BYTES_MAX;
    if (channel == LIVE_HEALTH) {
        refresh_health(l, doc, force, now_us);
        return;
    }
    struct buf text = buf_make(DOC_BYTES_MAX);
    write_doc(l->api, channel, &text);
    if (text.failed || (doc->version > 0 && str_eq(buf_str(&text), buf_str(&doc->text)))) {
        buf_deinit(&text);
        return;
    }
    buf_deinit(&doc->text);
    doc->text = text;
    doc->version++;
}
