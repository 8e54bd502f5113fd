/* SPDX-License-Identifier: MIT */
/* words.h - short lists of names, places and words for made-up data. All text is plain ASCII that
 * needs no escaping in JSON, CSV or URLs, but for the space in some cities' names. */
#pragma once
#include "base/base.h"

struct word_list {
    const char *const *items;
    uint32_t count;
};
extern const struct word_list words_first_names;
extern const struct word_list words_last_names;
extern const struct word_list words_mail_hosts; /* reserved names of RFC 2606 */
extern const struct word_list words_page_parts; /* of paths and URLs */
extern const struct word_list words_text;       /* of sentences */

struct word_city {
    const char *name;
    const char *country; /* ISO 3166-1 alpha-2 */
};
extern const struct word_city words_cities[];
extern const uint32_t words_city_count;
