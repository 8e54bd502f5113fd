/* SPDX-License-Identifier: MIT */
/* sql_watch.c - a statement under way: its thread, its progress on standard error, its Ctrl-C.
 *
 * The first Ctrl-C asks the place to stop it, and goes on asking until the place has heard; the
 * second, or STOP_PATIENCE_US, lets go of it. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "app/sql_shell.h"
#include "app/text_table.h"
#include "os/clock.h"
#include "os/process.h"

enum {
    TICK_US = 50 * 1000,
    LOOK_EVERY_US = 200 * 1000,
    SHOW_AFTER_US = 400 * 1000, /* short statements show no bar */
    STOP_PATIENCE_US = 3 * 1000 * 1000,
    BAR_WIDTH = 24,
};

static atomic_int interrupts; /* one of the mutable globals: a signal handler has nothing else */

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    atomic_fetch_add(&interrupts, 1);
}

void sql_watch_signals(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL); /* cannot fail with valid arguments */
}

bool sql_watch_interrupted(void)
{
    return atomic_exchange(&interrupts, 0) > 0;
}

struct watch {
    struct sql_place *place; /* borrowed, as the next ones */
    const struct sql_ask *ask;
    client_body_fn on_piece;
    void *context;
    struct sql_failure *failure;
    err result; /* under the lock, as the next one */
    bool is_done;
    pthread_mutex_t lock;
    pthread_cond_t done;
    /* the prompt's thread alone */
    int64_t started_us;
    int64_t looked_us;
    int64_t stopped_us; /* 0: not asked to stop */
    bool has_heard;     /* the place knows of the stop */
    bool has_bar;
};

static void *watch_main(void *arg)
{
    struct watch *w = arg;
    os_thread_name("statement");
    err e = sql_place_run(w->place, w->ask, w->on_piece, w->context, w->failure);
    (void)pthread_mutex_lock(&w->lock); /* cannot fail: a plain lock */
    w->result = e;
    w->is_done = true;
    (void)pthread_cond_signal(&w->done);
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* True when the statement has ended; waits for it at most a tick. */
static bool wait_a_tick(struct watch *w)
{
    int64_t until_us = os_mono_us() + TICK_US;
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    (void)pthread_mutex_lock(&w->lock);
    if (!w->is_done) {
        (void)pthread_cond_timedwait(&w->done, &w->lock, &until); /* looked at again anyway */
    }
    bool is_done = w->is_done;
    (void)pthread_mutex_unlock(&w->lock);
    return is_done;
}

/* "1.2M" */
static void add_count(struct buf *out, int64_t count)
{
    static const char units[] = {' ', 'k', 'M', 'G', 'T'};
    double value = (double)count;
    size_t unit = 0;
    while (value >= 10000 && unit + 1 < sizeof units) {
        value /= 1000;
        unit++;
    }
    if (unit == 0) {
        buf_add_i64(out, count);
    } else {
        buf_printf(out, "%.*f%c", value < 100 ? 1 : 0, value, units[unit]);
    }
}

static void draw(struct watch *w, const struct sql_look *look, int64_t now_us)
{
    AUTO_BUF line = buf_make(512);
    if (look->percent >= 0 && !look->is_waiting) {
        int filled = (int)(MIN(look->percent, 100.0) / 100 * BAR_WIDTH);
        buf_add_byte(&line, '[');
        for (int i = 0; i < BAR_WIDTH; i++) {
            buf_add_byte(&line, i < filled ? '#' : '.');
        }
        buf_printf(&line, "] %3.0f%%  ", MIN(look->percent, 100.0));
    }
    if (look->is_waiting) {
        buf_puts(&line, "waits for its turn  ");
    }
    if (look->rows_read > 0) {
        add_count(&line, look->rows_read);
        if (look->rows_total > 0) {
            buf_puts(&line, " of ");
            add_count(&line, look->rows_total);
        }
        buf_puts(&line, " rows");
        if (look->bytes_read > 0) {
            buf_puts(&line, ", ");
            add_count(&line, look->bytes_read);
            buf_puts(&line, "B");
        }
        buf_puts(&line, " read  ");
    }
    if (look->bytes > 0) {
        add_count(&line, look->rows);
        buf_puts(&line, " rows, ");
        add_count(&line, look->bytes);
        buf_puts(&line, "B answered  ");
    }
    buf_printf(&line, "%.1f s  %s", (double)(now_us - w->started_us) / 1e6,
               w->stopped_us > 0 ? "stopping" : "Ctrl-C stops it");
    struct winsize size;
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    size_t shown = known ? text_cut(buf_str(&line), size.ws_col - 1U) : line.len;
    /* A bar that cannot be drawn harms nobody. */
    (void)fprintf(stderr, "\r\x1b[K%.*s", (int)shown, line.data);
    (void)fflush(stderr);
    w->has_bar = true;
}

static void show_progress(struct watch *w, int64_t now_us)
{
    struct sql_look look;
    if (now_us - w->started_us < SHOW_AFTER_US || now_us - w->looked_us < LOOK_EVERY_US) {
        return;
    }
    w->looked_us = now_us;
    if (sql_place_look(w->place, &look)) {
        draw(w, &look, now_us);
    }
}

static void stop_on_interrupt(struct watch *w, int64_t now_us)
{
    bool again = sql_watch_interrupted();
    if (again && w->stopped_us == 0) {
        w->stopped_us = now_us;
        again = false;
    }
    if (w->stopped_us > 0 && !w->has_heard) {
        w->has_heard = sql_place_stop(w->place);
    }
    if (w->stopped_us > 0 && (again || now_us - w->stopped_us > STOP_PATIENCE_US)) {
        sql_place_drop(w->place);
    }
}

static void watch(struct watch *w, bool shows_progress)
{
    while (!wait_a_tick(w)) {
        int64_t now_us = os_mono_us();
        stop_on_interrupt(w, now_us);
        if (shows_progress) {
            show_progress(w, now_us);
        }
    }
    if (w->has_bar) {
        (void)fputs("\r\x1b[K", stderr); /* as in draw() */
        (void)fflush(stderr);
    }
}

err sql_watch_run(struct sql_place *place, const struct sql_ask *ask, bool shows_progress,
                  client_body_fn on_piece, void *context, struct sql_failure *out_failure)
{
    struct watch w = {.place = place,
                      .ask = ask,
                      .on_piece = on_piece,
                      .context = context,
                      .failure = out_failure,
                      .started_us = os_mono_us()};
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic); /* none of these can fail with valid arguments */
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&w.lock, NULL);
    (void)pthread_cond_init(&w.done, &monotonic);
    pthread_t thread;
    *out_failure = (struct sql_failure){0};
    (void)sql_watch_interrupted(); /* what came before was not meant for this statement */
    sql_place_prepare(place);
    err e = ERR_OK;
    if (pthread_create(&thread, NULL, watch_main, &w) != 0) {
        e = errmsg_set(&out_failure->msg, ERR_NOMEM, "cannot start a thread");
    } else {
        watch(&w, shows_progress);
        (void)pthread_join(thread, NULL); /* joinable, joined once */
        e = w.result;
    }
    if (e != ERR_OK && w.stopped_us > 0) {
        e = errmsg_set(&out_failure->msg, ERR_CANCELLED, "stopped");
    }
    (void)pthread_cond_destroy(&w.done); /* nobody waits */
    (void)pthread_mutex_destroy(&w.lock);
    (void)pthread_condattr_destroy(&monotonic);
    return e;
}
