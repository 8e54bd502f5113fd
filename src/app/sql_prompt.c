/* SPDX-License-Identifier: MIT */
/* sql_prompt.c - see sql_prompt.h. libedit calls back without a context of ours but EL_CLIENTDATA.
 *
 * While a line is edited the terminal sends no signals: Ctrl-C is a key that drops the line. While
 * a statement runs the terminal is as it was, and Ctrl-C is a signal (sql_watch.c). */
#include "app/sql_prompt.h"

#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "os/file.h"

enum {
    HISTORY_KEPT = 1000,         /* statements */
    HISTORY_BYTES_MAX = 8 << 20, /* of the file that are read */
    HISTORY_ENTRY_BYTES_MAX = 64 << 10,
    LISTED_MAX = 200, /* completions that are listed at once */
};

struct prompt {
    struct sql_shell *shell; /* borrowed */
    EditLine *edit;          /* owned */
    History *history;        /* owned */
    char *path;              /* owned; of the history file; NULL: none */
    struct buf entered;      /* owned; lines since the last statement ended */
    bool is_dropped;         /* Ctrl-C */
};

/* ---- history ---- */

static char *history_path(void)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    char *dir = state != NULL && state[0] == '/' ? xasprintf("%s/tarn", state)
                : home != NULL && home[0] == '/' ? xasprintf("%s/.local/state/tarn", home)
                                                 : NULL;
    AUTO_TEXT owned = dir;
    if (dir == NULL || os_mkdirs(dir, NULL) != ERR_OK) {
        return NULL; /* the prompt works without a history */
    }
    return xasprintf("%s/sql_history", dir);
}

static void add_escaped(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\n' || c == '\\') {
            buf_puts(out, c == '\n' ? "\\n" : "\\\\");
        } else {
            buf_add_byte(out, c);
        }
    }
}

static void add_unescaped(struct buf *out, struct str line)
{
    for (size_t i = 0; i < line.len; i++) {
        bool escape = line.ptr[i] == '\\' && i + 1 < line.len;
        i += escape;
        buf_add_byte(out, escape && line.ptr[i] == 'n' ? '\n' : line.ptr[i]);
    }
}

static void enter(struct prompt *p, const char *text)
{
    HistEvent event;
    (void)history(p->history, &event, H_ENTER, text); /* memory short: one entry less */
}

/* Position of the line that begins the last HISTORY_KEPT ones. */
static size_t kept_from(struct str text)
{
    size_t lines = 0;
    size_t at = text.len;
    while (at > 0) {
        lines += text.ptr[at - 1] == '\n';
        if (lines > HISTORY_KEPT) {
            return at;
        }
        at--;
    }
    return 0;
}

static void history_load(struct prompt *p)
{
    AUTO_BUF text = buf_make(HISTORY_BYTES_MAX);
    if (p->path == NULL) {
        return;
    }
    err e = os_read_file(p->path, &text, NULL);
    if (e == ERR_TOO_LARGE) {
        (void)os_unlink(p->path, NULL); /* no history is that long: begin anew */
        return;
    }
    if (e != ERR_OK) {
        return;
    }
    size_t from = kept_from(buf_str(&text));
    struct str rest = str_of(text.data + from, text.len - from);
    struct str line;
    while (str_split(&rest, '\n', &line)) {
        AUTO_BUF entry = buf_make(2 * HISTORY_ENTRY_BYTES_MAX);
        add_unescaped(&entry, line);
        if (line.len > 0 && !entry.failed) {
            enter(p, buf_cstr(&entry));
        }
    }
    if (from > text.len / 2) { /* keeps the file from growing for ever */
        (void)os_replace_file(p->path, str_of(text.data + from, text.len - from), NULL);
        (void)chmod(p->path, 0600); /* as in history_append() */
    }
}

static void history_append(struct prompt *p, struct str text)
{
    AUTO_BUF line = buf_make(2 * HISTORY_ENTRY_BYTES_MAX);
    add_escaped(&line, text);
    buf_add_byte(&line, '\n');
    int fd = -1;
    if (p->path == NULL || line.failed ||
        os_open(p->path, O_WRONLY | O_CREAT | O_APPEND, &fd, NULL) != ERR_OK) {
        return;
    }
    (void)chmod(p->path, 0600); /* what people ask is theirs; the folder may be open to others */
    FILE *out = fdopen(fd, "a");
    if (out == NULL) {
        os_close(fd);
        return;
    }
    (void)fputs(buf_cstr(&line), out); /* a full disk costs the history, not the prompt */
    (void)fclose(out);
}

/* A statement, or a command, has been entered wholly. */
static void remember(struct prompt *p)
{
    struct str text = buf_str(&p->entered);
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == ' ')) {
        text.len--;
    }
    if (text.len > 0 && text.len <= HISTORY_ENTRY_BYTES_MAX && text.ptr[0] != ' ') {
        AUTO_TEXT entry = xstrndup(text.ptr, text.len);
        enter(p, entry);
        history_append(p, text);
    }
    buf_reset(&p->entered);
}

/* ---- completion ---- */

static struct prompt *prompt_of(EditLine *edit)
{
    void *data = NULL;
    (void)el_get(edit, EL_CLIENTDATA, &data); /* set right after el_init */
    return data;
}

static size_t common_prefix(const struct sql_matches *m)
{
    size_t len = strlen(m->items[0]);
    for (size_t i = 1; i < m->count; i++) {
        size_t same = 0;
        while (same < len && strncasecmp(m->items[0] + same, m->items[i] + same, 1) == 0) {
            same++;
        }
        len = same;
    }
    return len;
}

static void list_matches(const struct sql_matches *m)
{
    struct winsize size;
    size_t width = 0;
    size_t shown = MIN(m->count, (size_t)LISTED_MAX);
    for (size_t i = 0; i < shown; i++) {
        width = MAX(width, strlen(m->items[i]) + 2);
    }
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    size_t columns = MAX((known ? size.ws_col : 80) / MAX(width, 1), 1);
    size_t rows = (shown + columns - 1) / columns;
    printf("\n");
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = r; i < shown; i += rows) {
            printf("%-*s", (int)width, m->items[i]);
        }
        printf("\n");
    }
    if (shown < m->count) {
        printf("... and %zu more\n", m->count - shown);
    }
    (void)fflush(stdout); /* what cannot be shown is not missed */
}

/* libedit deletes characters, not bytes. */
static int characters_before(const LineInfo *line, size_t bytes)
{
    int count = 0;
    for (size_t i = 1; i <= bytes && line->cursor - i >= line->buffer; i++) {
        count += ((unsigned char)*(line->cursor - i) & 0xc0) != 0x80;
    }
    return count;
}

static unsigned char complete(EditLine *edit, wint_t key)
{
    (void)key;
    struct prompt *p = prompt_of(edit);
    const LineInfo *line = el_line(edit);
    AUTO_BUF text = buf_make(SQL_INPUT_BYTES_MAX);
    AUTO_MATCHES matches = {0};
    buf_add_str(&text, buf_str(&p->shell->input));
    buf_add(&text, line->buffer, (size_t)(line->cursor - line->buffer));
    sql_names_complete(p->shell->names, buf_str(&text), &matches);
    if (matches.count == 0) {
        return CC_REFRESH_BEEP;
    }
    size_t common = common_prefix(&matches);
    if (matches.count > 1 && common <= matches.word_bytes) {
        list_matches(&matches);
        return CC_REDISPLAY;
    }
    const char *whole = matches.items[0];
    char last = whole[strlen(whole) - 1];
    bool is_end = matches.count == 1 && last != '.' && last != '(' && last != ' ';
    AUTO_TEXT word = xasprintf("%.*s%s", (int)common, whole, is_end ? " " : "");
    el_deletestr(edit, characters_before(line, matches.word_bytes));
    (void)el_insertstr(edit, word); /* no room in the line: nothing is inserted */
    return CC_REFRESH;
}

/* ---- lines ---- */

static char *prompt_text(EditLine *edit)
{
    static char fresh[] = "tarn> ";
    static char more[] = "   -> ";
    static char string[] = "   '> ";
    static char name[] = "   \"> ";
    static char dollar[] = "   $> ";
    static char comment[] = "   *> ";
    const struct prompt *p = prompt_of(edit);
    enum sql_open open = SQL_OPEN_NONE;
    if (!sql_shell_is_open(p->shell, &open)) {
        return fresh;
    }
    return open == SQL_OPEN_STRING    ? string
           : open == SQL_OPEN_NAME    ? name
           : open == SQL_OPEN_DOLLAR  ? dollar
           : open == SQL_OPEN_COMMENT ? comment
                                      : more;
}

static unsigned char drop_line(EditLine *edit, wint_t key)
{
    (void)key;
    prompt_of(edit)->is_dropped = true;
    return CC_NEWLINE;
}

static unsigned char suspend(EditLine *edit, wint_t key)
{
    (void)key;
    (void)el_set(edit, EL_PREP_TERM, 0); /* neither can fail */
    (void)raise(SIGTSTP);
    (void)el_set(edit, EL_PREP_TERM, 1);
    return CC_REDISPLAY;
}

static err open_editor(struct prompt *p, struct errmsg *msg)
{
    HistEvent event;
    p->edit = el_init("tarn", stdin, stdout, stderr);
    p->history = history_init();
    if (p->edit == NULL || p->history == NULL) {
        return errmsg_set(msg, ERR_IO, "this terminal cannot be edited on; use -c, or a pipe");
    }
    /* With these arguments none of them fails. Functions are named by wide texts, since libedit
     * never frees what it makes of narrow ones. */
    (void)history(p->history, &event, H_SETSIZE, HISTORY_KEPT);
    (void)history(p->history, &event, H_SETUNIQUE, 1);
    (void)el_set(p->edit, EL_CLIENTDATA, p);
    (void)el_set(p->edit, EL_PROMPT, prompt_text);
    (void)el_set(p->edit, EL_EDITOR, "emacs");
    (void)el_set(p->edit, EL_HIST, history, p->history);
    (void)el_wset(p->edit, EL_ADDFN, L"tarn-complete", L"Complete the word", complete);
    (void)el_wset(p->edit, EL_ADDFN, L"tarn-drop", L"Drop the line", drop_line);
    (void)el_wset(p->edit, EL_ADDFN, L"tarn-suspend", L"Stop until continued", suspend);
    (void)el_source(p->edit, NULL); /* ~/.editrc, where there is one */
    (void)el_set(p->edit, EL_BIND, "^I", "tarn-complete", NULL);
    (void)el_set(p->edit, EL_BIND, "^C", "tarn-drop", NULL);
    (void)el_set(p->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    (void)el_set(p->edit, EL_BIND, "\033[1~", "ed-move-to-beg", NULL);
    (void)el_set(p->edit, EL_BIND, "\033[4~", "ed-move-to-end", NULL);
    (void)el_set(p->edit, EL_BIND, "\033[3~", "ed-delete-next-char", NULL);
    (void)el_set(p->edit, EL_BIND, "\033[1;5D", "ed-prev-word", NULL);
    (void)el_set(p->edit, EL_BIND, "\033[1;5C", "em-next-word", NULL);
    (void)el_set(p->edit, EL_BIND, "^Z", "tarn-suspend", NULL);
    (void)el_set(p->edit, EL_SETTY, "-d", "-isig", NULL);
    return ERR_OK;
}

static void take_line(struct prompt *p, struct str line)
{
    enum sql_open open = SQL_OPEN_NONE;
    buf_add_str(&p->entered, line);
    buf_add_byte(&p->entered, '\n');
    bool was_open = sql_shell_is_open(p->shell, &open);
    bool is_command = !was_open && str_trim(line).len > 0 && str_trim(line).ptr[0] == '\\';
    struct sql_split split = {0};
    if (!is_command) {
        AUTO_BUF all = buf_make(SQL_INPUT_BYTES_MAX);
        buf_add_str(&all, buf_str(&p->shell->input));
        buf_add_str(&all, line);
        split = sql_split_first(buf_str(&all));
    }
    if (is_command || split.is_complete) {
        remember(p); /* before it runs, so that it is kept whatever happens */
    }
    p->shell->is_stopped = false;
    sql_shell_line(p->shell, line);
}

static void read_lines(struct prompt *p)
{
    while (!p->shell->is_over) {
        int count = 0;
        p->is_dropped = false;
        el_resize(p->edit); /* the window may have changed while a statement ran */
        const char *line = el_gets(p->edit, &count);
        if (p->is_dropped) {
            printf("^C\n");
            sql_shell_drop(p->shell);
            buf_reset(&p->entered);
            continue;
        }
        if (line == NULL || count <= 0) {
            printf("\n");
            return;
        }
        struct str text = str_of(line, (size_t)count);
        text.len -= text.ptr[text.len - 1] == '\n';
        take_line(p, text);
    }
}

err sql_prompt_run(struct sql_shell *s, struct errmsg *msg)
{
    struct prompt p = {.shell = s, .entered = buf_make(SQL_INPUT_BYTES_MAX)};
    if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
        (void)setlocale(LC_CTYPE, "C.UTF-8"); /* names and texts are UTF-8 whatever the locale */
    }
    err e = open_editor(&p, msg);
    if (e == ERR_OK) {
        p.path = history_path();
        history_load(&p);
        read_lines(&p);
    }
    if (p.edit != NULL) {
        el_end(p.edit);
    }
    if (p.history != NULL) {
        history_end(p.history);
    }
    buf_deinit(&p.entered);
    free(p.path);
    return e;
}
