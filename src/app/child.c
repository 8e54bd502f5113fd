/* SPDX-License-Identifier: MIT */
/* child.c - see child.h. */
#include "app/child.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/metrics.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/process.h"

enum {
    GOOD_LIFE_US = 10 * 1000 * 1000,
    DELAY_FIRST_US = 50 * 1000,
    DELAY_MAX_US = 5 * 1000 * 1000,
    REAP_MS = 2000,
};

err child_start(struct child *c, int *out_socket, struct errmsg *msg)
{
    size_t count = 0;
    char **settings = config_to_args(c->config, &count);
    char **argv = xnew_array(char *, count + 4);
    char program[] = "tarn";
    char verb[] = "role";
    AUTO_TEXT role = xstrdup(c->role);
    argv[0] = program;
    argv[1] = verb;
    argv[2] = role;
    for (size_t i = 0; i < count; i++) {
        argv[3 + i] = settings[i];
    }
    err e = os_spawn_self(argv, &c->pid, out_socket, msg);
    for (size_t i = 0; i < count; i++) {
        free(settings[i]);
    }
    free(settings);
    free(argv);
    c->started_us = os_mono_us();
    return e;
}

static void start_again(struct child *c)
{
    struct errmsg msg = {0};
    int fd = -1;
    err e = child_start(c, &fd, &msg);
    if (e == ERR_OK) {
        e = c->on_started(c->ctx, fd, &msg);
    }
    if (e != ERR_OK) {
        log_error("a process could not be started", "process=%s error=\"%s\"", c->role, msg.text);
        reactor_timer_set_us(c->reactor, &c->timer, os_mono_us() + DELAY_MAX_US);
    }
}

static void on_due(struct reactor_timer *timer)
{
    start_again((struct child *)((char *)timer - offsetof(struct child, timer)));
}

static void reap(struct child *c, int *out_status)
{
    *out_status = 0;
    if (c->pid <= 0) {
        return;
    }
    /* Its socket is closed, so it has ended or must. */
    if (c->is_stopping && os_child_wait(c->pid, REAP_MS, out_status)) {
        c->pid = 0;
        return;
    }
    os_kill(c->pid, SIGKILL);
    if (!os_child_wait(c->pid, REAP_MS, out_status)) {
        log_warn("a killed process is not gone yet", "process=%s pid=%d", c->role, (int)c->pid);
    }
    c->pid = 0;
}

void child_lost(struct child *c, const char *why)
{
    int status = 0;
    reap(c, &status);
    if (c->is_stopping) {
        c->on_stopped(c->ctx);
        return;
    }
    bool lived = os_mono_us() - c->started_us > GOOD_LIFE_US;
    c->delay_us =
        lived ? 0 : MIN(MAX(c->delay_us * 2, (int64_t)DELAY_FIRST_US), (int64_t)DELAY_MAX_US);
    c->restarts++;
    char labels[64];
    (void)snprintf(labels, sizeof labels, "process=\"%s\"", c->role); /* fits */
    metric_add(metric_get(METRIC_COUNTER, "tarn_child_restarts_total", labels,
                          "Times a process was started again."),
               1);
    log_warn("a process ended and is started again",
             "process=%s signal=%d exit=%d reason=\"%s\" restarts=%llu", c->role,
             WIFSIGNALED(status) ? WTERMSIG(status) : 0,
             WIFEXITED(status) ? WEXITSTATUS(status) : 0, why, (unsigned long long)c->restarts);
    c->timer.on_due = on_due;
    reactor_timer_set_us(c->reactor, &c->timer,
                         os_mono_us() + (c->restarts == 1 ? 0 : c->delay_us));
}

void child_kill(struct child *c, const char *why)
{
    log_warn("a process is killed", "process=%s pid=%d reason=\"%s\"", c->role, (int)c->pid, why);
    os_kill(c->pid, SIGKILL);
}

void child_expect_stop(struct child *c)
{
    c->is_stopping = true;
    reactor_timer_stop(c->reactor, &c->timer);
}

void child_end(struct child *c)
{
    int status = 0;
    reactor_timer_stop(c->reactor, &c->timer);
    c->is_stopping = false; /* no patience left */
    reap(c, &status);
}

json_t *child_json(const struct child *c)
{
    json_t *json = json_object();
    json_object_set_new(json, "role", json_string(c->role));
    json_object_set_new(json, "pid", json_integer(c->pid));
    json_object_set_new(json, "restarts", json_integer((json_int_t)c->restarts));
    json_object_set_new(json, "pss_bytes",
                        json_integer(c->pid > 0 ? (json_int_t)os_process_pss_bytes(c->pid) : 0));
    return json;
}
