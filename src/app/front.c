/* SPDX-License-Identifier: MIT */
/* front.c - see front.h. One reactor thread; the log's sync thread is inside topic/store. */
#include "app/front.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "app/child.h"
#include "app/cli.h"
#include "app/data_dir.h"
#include "base/log.h"
#include "flow/importer.h"
#include "http/access.h"
#include "http/api.h"
#include "http/console.h"
#include "http/live.h"
#include "meta/meta.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/process.h"

enum {
    TICK_US = 1000 * 1000,
    HOSTS_MAX = 64,
    IMPORT_QUEUE_MAX = 64,
    STOP_CHILDREN_US = 15 * 1000 * 1000,
};

struct front {
    const struct config *config;
    struct data_dir dir;
    struct reactor *reactor;
    struct topic_store *store;
    struct writer_link *writer;
    struct broker *broker;
    struct redrive *redrive;
    struct importer *importer;
    struct meta *meta;
    struct producers *producers;
    struct live *live;
    struct child writer_child;
    struct child query_child;
    int children_left;
    struct api api;
    struct http_route routes[API_ROUTES_MAX];
    struct http_server *server;
    char *token; /* owned, or NULL */
    /* `hosts` and `cors_origins` of the configuration: owned, cut at their commas, and what points
     * into them; the server looks at these as long as it lives. */
    char *host_list;
    const char *hosts[HOSTS_MAX];
    char *origin_list;
    const char *origins[HOSTS_MAX];
    struct reactor_fd wake;
    struct reactor_fd signals;
    struct reactor_hook store_hook;
    struct reactor_timer tick;
    struct reactor_timer give_up; /* children that do not stop */
    const char *url;              /* borrowed from front_run() */
    bool is_address_owed;         /* run/addresses.json found no space */
    bool is_stopping;
};

#define FRONT_OF(pointer, member) (struct front *)((char *)(pointer)-offsetof(struct front, member))

/* ---- the log ---- */

static void on_wake(struct reactor_fd *f, uint32_t events)
{
    (void)events;
    struct front *front = FRONT_OF(f, wake);
    eventfd_t count;
    (void)eventfd_read(f->fd, &count); /* only the wake-up counts */
    api_durable(&front->api);
}

static void on_turn_end(struct reactor_hook *hook)
{
    struct front *front = FRONT_OF(hook, store_hook);
    topic_store_flush_writes(front->store);
    if (front->api.waits != NULL && topic_store_failed(front->store, NULL)) {
        api_durable(&front->api);
    }
}

static void on_tick(struct reactor_timer *timer)
{
    struct front *front = FRONT_OF(timer, tick);
    topic_store_tick(front->store);
    api_tick(&front->api);
    if (front->is_address_owed) {
        front->is_address_owed = data_dir_write_addresses(&front->dir, front->url, NULL) != ERR_OK;
    }
    producers_tick(front->producers);
    redrive_durable(front->redrive); /* one may wait for its turn to ask */
    if (front->api.tails != NULL) {
        api_tails_poll(&front->api); /* page_cache topics have no wake-up of their own */
    }
    reactor_timer_set_us(front->reactor, timer, os_mono_us() + TICK_US);
}

/* ---- the children ---- */

static err writer_started(void *ctx, int fd, struct errmsg *msg)
{
    struct front *front = ctx;
    return writer_link_attach(front->writer, fd, msg);
}
static err query_started(void *ctx, int fd, struct errmsg *msg)
{
    struct front *front = ctx;
    return broker_attach(front->broker, fd, msg);
}
static void writer_lost(void *ctx, const char *why)
{
    struct front *front = ctx;
    child_lost(&front->writer_child, why);
}
static void query_lost(void *ctx, const char *why)
{
    struct front *front = ctx;
    child_lost(&front->query_child, why);
}
static void query_kill(void *ctx, const char *why)
{
    struct front *front = ctx;
    child_kill(&front->query_child, why);
}
static void writer_progress(void *ctx, struct str payload)
{
    struct front *front = ctx;
    broker_progress(front->broker, payload);
    redrive_durable(front->redrive); /* one may wait for its table to catch up */
}
static void child_stopped(void *ctx)
{
    struct front *front = ctx;
    if (--front->children_left == 0) {
        reactor_stop(front->reactor);
    }
}

/* A child's own word counts where the system lets nobody else look: they are not dumpable. */
static json_t *told_child_json(const struct child *c, const struct wire_metrics *metrics)
{
    json_t *json = child_json(c);
    int64_t seen = json_integer_value(json_object_get(json, "pss_bytes"));
    if (c->pid > 0 && seen == 0 && metrics != NULL) {
        json_object_set_new(json, "pss_bytes", json_integer((json_int_t)metrics->pss_bytes));
    }
    return json;
}

static json_t *children_json(void *ctx)
{
    struct front *front = ctx;
    json_t *list = json_array();
    json_t *self = json_object();
    json_object_set_new(self, "role", json_string("front"));
    json_object_set_new(self, "pid", json_integer(getpid()));
    json_object_set_new(self, "restarts", json_integer(0));
    json_object_set_new(self, "pss_bytes",
                        json_integer((json_int_t)os_process_pss_bytes(getpid())));
    json_array_append_new(list, self);
    json_array_append_new(
        list, told_child_json(&front->writer_child, writer_link_metrics(front->writer)));
    json_array_append_new(list,
                          told_child_json(&front->query_child, broker_metrics(front->broker)));
    importer_children(front->importer, list);
    return list;
}

static void init_children(struct front *front)
{
    front->writer_child = (struct child){.role = "writer",
                                         .config = front->config,
                                         .reactor = front->reactor,
                                         .on_started = writer_started,
                                         .on_stopped = child_stopped,
                                         .ctx = front};
    front->query_child = (struct child){.role = "query",
                                        .config = front->config,
                                        .reactor = front->reactor,
                                        .on_started = query_started,
                                        .on_stopped = child_stopped,
                                        .ctx = front};
}

/* ---- start ---- */

static err load_token(struct front *front, struct errmsg *msg)
{
    if (front->config->token_file[0] == '\0') {
        return ERR_OK;
    }
    front->token = cli_read_token(front->config->token_file, msg);
    if (front->token == NULL) {
        return ERR_INVALID;
    }
    return strlen(front->token) >= 16
               ? ERR_OK
               : errmsg_set(msg, ERR_INVALID, "%s: a token has at least 16 characters",
                            front->config->token_file);
}

static void fill_settings(struct front *front)
{
    const struct config *c = front->config;
    struct api_settings *s = &front->api.settings;
    s->data_dir = c->data;
    s->auto_create = c->auto_create;
    s->body_bytes_max = c->body_bytes_max;
    s->import_bytes_max = c->import_bytes_max;
    s->record_bytes_max = c->record_bytes_max;
    s->nesting_max = (uint32_t)c->nesting_max;
    s->memory_bytes = c->memory;
    s->unsynced_bytes_max = MIN(c->memory / 16, 64ULL << 20);
    hold_pool_init(&front->api.held, c->memory / 8);
    s->query_timeout_ms = (int64_t)c->query_timeout;
    struct errmsg msg;
    err e = topic_meta_init(&s->defaults, STR("defaults"), &msg);
    ASSERT(e == ERR_OK);
    s->defaults.partition_count = (uint32_t)c->partitions;
    struct topic_settings *t = &s->defaults.settings;
    bool known = topic_durability_parse(str_from(c->durability), &t->durability);
    ASSERT(known);
    t->segment_bytes = c->segment_bytes;
    t->retention_ms = (int64_t)c->retention_age;
    t->retention_bytes = (int64_t)c->retention_bytes;
    t->flush_bytes = c->flush_bytes;
    t->flush_rows = c->flush_rows;
    t->flush_age_ms = (int64_t)c->flush_age;
    t->unlanded_rows_max = c->unlanded_rows_max;
}

/* "HOST:PORT" or "[V6]:PORT" in two parts. */
static err split_address(const char *text, char host[256], uint16_t *port, struct errmsg *msg)
{
    const char *colon = strrchr(text, ':');
    uint64_t number = 0;
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    if (colon == NULL || len == 0 || len >= 256 || !str_to_u64(str_from(colon + 1), &number) ||
        number > 65535) {
        return errmsg_set(msg, ERR_INVALID, "http: \"%s\" is not HOST:PORT", text);
    }
    bool bracketed = text[0] == '[' && text[len - 1] == ']';
    memcpy(host, text + bracketed, len - 2 * (size_t)bracketed);
    host[len - 2 * (size_t)bracketed] = '\0';
    *port = (uint16_t)number;
    return ERR_OK;
}

/* Cuts "a, b" at its commas, in place. Errors: LIMIT past HOSTS_MAX. */
static err split_list(const char *name, char *list, const char *out_items[HOSTS_MAX],
                      size_t *out_count, struct errmsg *msg)
{
    size_t count = 0;
    for (char *at = list; *at != '\0';) {
        char *item = at + strspn(at, " ");
        size_t len = strcspn(item, ", ");
        at = item + len;
        at += strspn(at, " ");
        if (*at != '\0' && *at != ',') {
            return errmsg_set(msg, ERR_INVALID, "%s: names are separated by commas", name);
        }
        at += *at == ',' ? 1 : 0;
        item[len] = '\0';
        if (len > 0 && count == HOSTS_MAX) {
            return errmsg_set(msg, ERR_LIMIT, "%s: at most %d names", name, HOSTS_MAX);
        }
        if (len > 0) {
            out_items[count++] = item;
        }
    }
    *out_count = count;
    return ERR_OK;
}

static err read_origins(struct front *front, struct http_options *options, struct errmsg *msg)
{
    front->origin_list = xstrdup(front->config->cors_origins);
    TRY(split_list("cors_origins", front->origin_list, front->origins, &options->cors_origin_count,
                   msg));
    options->cors_origins = front->origins;
    for (size_t i = 0; i < options->cors_origin_count; i++) {
        const char *origin = front->origins[i];
        if (strcmp(origin, "*") == 0 && front->token == NULL) {
            return errmsg_set(msg, ERR_DENIED,
                              "cors_origins: `*` lets every web page use this server; give "
                              "token_file a file with a token first");
        }
        if (strcmp(origin, "*") != 0 && !http_origin_valid(str_from(origin))) {
            return errmsg_set(msg, ERR_INVALID,
                              "cors_origins: \"%s\" is not an origin as browsers write it, such as "
                              "https://app.example.org or http://localhost:3000 (no path, no "
                              "default port)",
                              origin);
        }
    }
    return ERR_OK;
}

static err open_door(struct front *front, struct errmsg *msg)
{
    char host[256];
    struct http_options options = {.token = front->token,
                                   .pages = console_route,
                                   .answer_bytes_max = front->config->memory / 16,
                                   .connections_max = (uint32_t)front->config->connections_max};
    TRY(split_address(front->config->http, host, &options.port, msg));
    options.host = host;
    front->host_list = xstrdup(front->config->hosts);
    TRY(split_list("hosts", front->host_list, front->hosts, &options.host_count, msg));
    options.hosts = front->hosts;
    TRY(read_origins(front, &options, msg));
    size_t route_count = api_routes(&front->api, front->routes);
    TRY(http_server_open(front->reactor, front->routes, route_count, &options, &front->server,
                         msg));
    if (front->token == NULL && !os_address_is_loopback(http_server_address(front->server))) {
        return errmsg_set(msg, ERR_DENIED,
                          "http: %s is not a loopback address; give token_file a file with a token "
                          "first",
                          front->config->http);
    }
    return ERR_OK;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* the server lowers its cap when this fails */
    }
}

/* ---- stop ---- */

static void on_give_up(struct reactor_timer *timer)
{
    struct front *front = FRONT_OF(timer, give_up);
    log_warn("children did not stop in time", "left=%d", front->children_left);
    reactor_stop(front->reactor);
}

static void door_closed(void *ctx)
{
    struct front *front = ctx;
    topic_store_flush_writes(front->store);
    front->children_left = 2;
    child_expect_stop(&front->writer_child);
    child_expect_stop(&front->query_child);
    front->give_up.on_due = on_give_up;
    reactor_timer_set_us(front->reactor, &front->give_up, os_mono_us() + STOP_CHILDREN_US);
    if (writer_link_is_attached(front->writer)) {
        writer_link_stop(front->writer);
    } else {
        child_stopped(front);
    }
    if (broker_is_attached(front->broker)) {
        broker_stop(front->broker);
    } else {
        child_stopped(front);
    }
}

static void on_signal(struct reactor_fd *f, uint32_t events)
{
    (void)events;
    struct front *front = FRONT_OF(f, signals);
    struct signalfd_siginfo info;
    ssize_t got = read(f->fd, &info, sizeof info);
    (void)got; /* any of the signals means the same */
    if (front->is_stopping) {
        return;
    }
    front->is_stopping = true;
    log_info("stopping", "signal=%u", info.ssi_signo);
    producers_stop(front->producers); /* what they sent is durable before the log is closed */
    http_server_stop(front->server, door_closed, front);
}

/* ---- the whole ---- */

static err open_loop(struct front *front, struct errmsg *msg)
{
    TRY(reactor_new(&front->reactor, msg));
    front->wake = (struct reactor_fd){
        .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .events = REACTOR_READ, .on_ready = on_wake};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL); /* cannot fail with valid arguments */
    front->signals = (struct reactor_fd){.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
                                         .events = REACTOR_READ,
                                         .on_ready = on_signal};
    if (front->wake.fd < 0 || front->signals.fd < 0) {
        return errmsg_set(msg, ERR_LIMIT, "out of descriptors");
    }
    TRY(reactor_fd_add(front->reactor, &front->wake, msg));
    return reactor_fd_add(front->reactor, &front->signals, msg);
}

static err open_log(struct front *front, struct errmsg *msg)
{
    struct topic_store_options options = {.wake_fd = front->wake.fd};
    TRY(topic_store_open(front->config->data, &options, &front->store, msg));
    struct topic_recovery_stats r = topic_store_recovery(front->store);
    log_info("log recovered",
             "topics=%u partitions=%u damaged=%u cut_bytes=%llu rewritten_bytes=%llu ms=%lld",
             r.topics, r.partitions, r.damaged_partitions, (unsigned long long)r.cut_bytes,
             (unsigned long long)r.rewritten_bytes, (long long)r.elapsed_us / 1000);
    for (size_t i = 0; i < topic_store_count(front->store); i++) {
        const struct topic *t = topic_store_at(front->store, i);
        if (topic_is_waiting(t)) {
            log_warn("a topic waits for space on the disk", "topic=%s", topic_meta_of(t)->name);
        }
    }
    front->store_hook = (struct reactor_hook){.order = REACTOR_ORDER_STORE, .run = on_turn_end};
    reactor_hook_add(front->reactor, &front->store_hook);
    front->tick.on_due = on_tick;
    reactor_timer_set_us(front->reactor, &front->tick, os_mono_us() + TICK_US);
    return ERR_OK;
}

/* Events are accepted also where the small state is damaged: whoever needs it is told why. */
static err open_meta(struct front *front, struct errmsg *msg)
{
    AUTO_TEXT path = xasprintf("%s/meta/tarn.db", front->config->data);
    err e = meta_open(path, &front->meta, msg);
    if (e != ERR_OK && e != ERR_UNSUPPORTED) {
        log_error("goes on without saved queries and producers", "error=\"%s\"", msg->text);
        front->meta = meta_unusable(e, msg);
        *msg = (struct errmsg){0};
        e = ERR_OK;
    }
    front->api.meta = front->meta;
    return e;
}

static err open_importer(struct front *front, struct errmsg *msg)
{
    const struct config *c = front->config;
    struct importer_options options = {.reactor = front->reactor,
                                       .store = front->store,
                                       .writer = front->writer,
                                       .data_dir = c->data,
                                       .concurrency = (uint32_t)c->import_concurrency,
                                       .queue_max = IMPORT_QUEUE_MAX,
                                       .bytes_max = c->import_bytes_max,
                                       .memory_bytes = c->import_memory,
                                       .spill_bytes = c->spill_bytes};
    options.job_args = config_to_args(c, &options.job_arg_count);
    TRY(importer_new(&options, &front->importer, msg));
    front->api.importer = front->importer;
    return ERR_OK;
}

static void open_links(struct front *front)
{
    const struct writer_link_events writer_events = {
        .on_lost = writer_lost, .on_progress = writer_progress, .ctx = front};
    const struct broker_events broker_events = {
        .on_lost = query_lost, .on_kill = query_kill, .ctx = front};
    const struct broker_options broker_options = {
        .concurrency = (uint32_t)front->config->query_concurrency,
        .queue_max = (uint32_t)front->config->query_queue_max};
    front->writer = writer_link_new(front->reactor, front->store, &writer_events);
    front->broker = broker_new(front->reactor, front->store, &broker_options, &broker_events);
    const struct redrive_options redrive_options = {
        .store = front->store,
        .broker = front->broker,
        .data_dir = front->config->data,
        .record_bytes_max = front->config->record_bytes_max,
        .nesting_max = (uint32_t)front->config->nesting_max};
    front->redrive = redrive_new(&redrive_options);
    redrive_recover(front->redrive);
    front->api.reactor = front->reactor;
    front->api.store = front->store;
    front->api.writer = front->writer;
    front->api.broker = front->broker;
    front->api.redrive = front->redrive;
    front->api.started_us = os_mono_us();
    front->api.children = children_json;
    front->api.ctx = front;
    fill_settings(front);
}

/* A full disk must not keep the server from coming up: the ticks try again. */
static err write_addresses(struct front *front, struct errmsg *msg)
{
    err e = data_dir_write_addresses(&front->dir, front->url, msg);
    front->is_address_owed = e == ERR_NOSPACE;
    return e == ERR_NOSPACE ? ERR_OK : e;
}

static void open_producers(struct front *front)
{
    const struct api_settings *s = &front->api.settings;
    const struct producers_options options = {.reactor = front->reactor,
                                              .store = front->store,
                                              .meta = front->meta,
                                              .record_bytes_max = s->record_bytes_max,
                                              .nesting_max = s->nesting_max,
                                              .unsynced_bytes_max = s->unsynced_bytes_max,
                                              .topic = api_producers_topic,
                                              .on_stored = api_producers_stored,
                                              .ctx = &front->api};
    producers_new(&options, &front->producers);
    front->api.producers = front->producers;
}

static err start(struct front *front, struct errmsg *msg)
{
    TRY(load_token(front, msg));
    TRY(data_dir_open(front->config->data, &front->dir, msg));
    raise_descriptor_limit();
    TRY(open_loop(front, msg));
    init_children(front);
    int writer_fd = -1;
    int query_fd = -1;
    TRY(child_start(&front->writer_child, &writer_fd, msg));
    err e = child_start(&front->query_child, &query_fd, msg);
    if (e == ERR_OK) {
        e = open_log(front, msg);
    }
    if (e != ERR_OK) {
        os_close(writer_fd);
        os_close(query_fd);
        return e;
    }
    open_links(front);
    TRY(open_importer(front, msg));
    TRY(open_meta(front, msg));
    TRY(writer_link_attach(front->writer, writer_fd, msg));
    TRY(broker_attach(front->broker, query_fd, msg));
    open_producers(front);
    front->live = live_new(&front->api);
    front->api.live = front->live;
    TRY(open_door(front, msg));
    return producers_run(front->producers, msg);
}

static void finish(struct front *front)
{
    http_server_close(front->server);
    live_free(front->live);
    producers_free(front->producers);
    if (front->reactor != NULL) {
        reactor_timer_stop(front->reactor, &front->tick);
        reactor_timer_stop(front->reactor, &front->give_up);
        reactor_hook_remove(front->reactor, &front->store_hook);
    }
    redrive_free(front->redrive); /* jobs have queries of the broker */
    broker_free(front->broker);
    importer_free(front->importer);
    writer_link_free(front->writer);
    if (front->reactor != NULL) {
        child_end(&front->writer_child);
        child_end(&front->query_child);
    }
    struct errmsg msg = {0};
    if (front->store != NULL && topic_store_finish(front->store, &msg) != ERR_OK) {
        log_error("the log was not closed in order", "error=\"%s\"", msg.text);
    }
    topic_store_free(front->store);
    meta_free(front->meta);
    if (front->reactor != NULL) {
        reactor_fd_remove(front->reactor, &front->wake);
        reactor_fd_remove(front->reactor, &front->signals);
        os_close(front->wake.fd);
        os_close(front->signals.fd);
    }
    reactor_free(front->reactor);
    api_deinit(&front->api);
    topic_meta_deinit(&front->api.settings.defaults);
    data_dir_close(&front->dir);
    free(front->host_list);
    free(front->origin_list);
    free(front->token);
}

int front_run(const struct config *config, front_serving_fn on_serving, void *ctx)
{
    struct front front = {.config = config, .dir = {.lock_fd = -1}};
    struct errmsg msg = {0};
    err e = start(&front, &msg);
    if (e == ERR_OK) {
        char address[OS_ADDRESS_TEXT_BYTES];
        os_address_format(http_server_address(front.server), address);
        AUTO_TEXT url = xasprintf("http://%s", address);
        front.url = url;
        e = write_addresses(&front, &msg);
        if (e == ERR_OK) {
            log_info("serving", "http=%s data=%s", url, config->data);
            printf("tarn is serving: %s (data in %s)\n", url, config->data);
            (void)fflush(stdout); /* a closed stdout is no reason not to serve */
            if (on_serving != NULL) {
                on_serving(ctx, url, front.producers);
            }
            e = reactor_run(front.reactor, &msg);
        }
    }
    if (e != ERR_OK) {
        log_error("cannot serve", "error=\"%s\"", msg.text);
    }
    finish(&front);
    if (e == ERR_OK) {
        log_info("stopped", "data=%s", config->data);
    }
    return e == ERR_OK ? CLI_OK : CLI_FAILED;
}
