/* SPDX-License-Identifier: MIT */
/* err.c - tables behind err.h. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/base.h"
#include "base/str.h"

#undef errmsg_set
#undef errmsg_wrap

static const struct {
    const char *name;
    const char *text;
    enum err_disposition disposition;
} err_rows[] = {
#define ERR_ROW_(code, name, text, disposition) [code] = {name, text, disposition},
    ERR_LIST(ERR_ROW_)
#undef ERR_ROW_
};

const char *err_name(err e)
{
    ASSERT((unsigned)e < ERR_COUNT);
    return err_rows[e].name;
}

const char *err_text(err e)
{
    ASSERT((unsigned)e < ERR_COUNT);
    return err_rows[e].text;
}

enum err_disposition err_disposition(err e)
{
    ASSERT((unsigned)e < ERR_COUNT);
    return err_rows[e].disposition;
}

/* Messages name files and quote what came from outside, and are cut anywhere: but they end up in
 * JSON, which must be UTF-8, and whose library takes a text whole or not at all. */
static void make_utf8(char *text)
{
    size_t len = strlen(text);
    if (str_is_utf8(str_of(text, len))) {
        return;
    }
    for (size_t i = 0; i < len;) {
        size_t sequence = (unsigned char)text[i] < 0x80 ? 1 : 2;
        while (sequence <= 4 && (i + sequence > len || !str_is_utf8(str_of(text + i, sequence)))) {
            sequence++;
        }
        if (sequence > 4) {
            text[i] = '?';
            sequence = 1;
        }
        i += sequence;
    }
}

err errmsg_set(struct errmsg *msg, err e, const char *format, ...)
{
    if (msg != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(msg->text, sizeof msg->text, format, args); /* cut text is fine */
        va_end(args);
        make_utf8(msg->text);
        msg->position = 0;
    }
    return e;
}

err errmsg_wrap(struct errmsg *msg, err e, const char *format, ...)
{
    if (msg != NULL) {
        struct errmsg inner = *msg;
        va_list args;
        va_start(args, format);
        (void)vsnprintf(msg->text, sizeof msg->text, format, args); /* cut text is fine */
        va_end(args);
        size_t used = strlen(msg->text);
        const char *detail = inner.text[0] != '\0' ? inner.text : err_text(e);
        (void)snprintf(msg->text + used, sizeof msg->text - used, ": %s", detail); /* likewise */
        make_utf8(msg->text);
    }
    return e;
}
