/* SPDX-License-Identifier: MIT */
/* words.c - see words.h. */
#include "flow/words.h"

static const char *const first_names[] = {
    "Ada",   "Amir",  "Anna",  "Ben",   "Bruno", "Carla", "Chen",  "Clara", "Daniel", "Dilara",
    "Elena", "Emil",  "Emma",  "Farid", "Fatou", "Felix", "Freya", "Hana",  "Hugo",   "Ines",
    "Ivan",  "Jonas", "Julia", "Kai",   "Karim", "Kenji", "Lara",  "Leo",   "Lina",   "Lucas",
    "Maja",  "Mara",  "Marco", "Mei",   "Milan", "Mira",  "Nadia", "Nils",  "Nora",   "Olga",
    "Omar",  "Paula", "Pedro", "Priya", "Rahul", "Rosa",  "Ruth",  "Samir", "Sara",   "Sofia",
    "Sven",  "Tara",  "Theo",  "Tomas", "Uma",   "Vera",  "Wanda", "Yara",  "Yusuf",  "Zoe"};
static const char *const last_names[] = {
    "Abel",    "Adler",  "Almeida", "Andersen", "Baker",  "Bauer",   "Becker",  "Berg",
    "Bianchi", "Brandt", "Castro",  "Chandra",  "Costa",  "Dahl",    "Diallo",  "Duarte",
    "Eriksen", "Farkas", "Fischer", "Fontaine", "Garcia", "Gruber",  "Haddad",  "Hansen",
    "Hoffman", "Horvat", "Ito",     "Jansen",   "Kaya",   "Keller",  "Khan",    "Kim",
    "Klein",   "Kovacs", "Kowal",   "Lang",     "Larsen", "Lehmann", "Lopez",   "Marino",
    "Martin",  "Mehta",  "Meyer",   "Moreau",   "Mori",   "Nakano",  "Nilsson", "Novak",
    "Okafor",  "Olsen",  "Ortiz",   "Pereira",  "Petrov", "Popescu", "Quinn",   "Ramos",
    "Richter", "Rossi",  "Sato",    "Schmidt",  "Silva",  "Singh",   "Sommer",  "Tanaka",
    "Torres",  "Vargas", "Vogel",   "Walker",   "Weber",  "Winter",  "Wolf",    "Zhang"};
static const char *const mail_hosts[] = {"example.com", "example.org", "example.net",
                                         "mail.example", "post.example"};
static const char *const page_parts[] = {
    "about",    "account", "articles", "basket", "beans",  "blog",    "brewing", "checkout",
    "contact",  "cups",    "filters",  "gifts",  "guides", "help",    "home",    "login",
    "machines", "news",    "offers",   "orders", "press",  "recipes", "returns", "reviews",
    "search",   "shop",    "status",   "stores", "tea",    "terms",   "videos",  "wishlist"};
static const char *const text_words[] = {
    "after",  "again", "always", "better", "bright", "bring",  "carry",  "clear",  "cold",
    "daily",  "easy",  "every",  "fast",   "fine",   "fresh",  "good",   "great",  "happy",
    "heavy",  "kind",  "large",  "light",  "little", "long",   "made",   "many",   "morning",
    "never",  "nice",  "often",  "quick",  "quiet",  "ready",  "really", "right",  "short",
    "simple", "slow",  "small",  "smooth", "soon",   "steady", "still",  "strong", "sturdy",
    "sweet",  "taste", "today",  "useful", "warm",   "water",  "well",   "works",  "worth"};

const struct word_list words_first_names = {first_names, ARRAY_LEN(first_names)};
const struct word_list words_last_names = {last_names, ARRAY_LEN(last_names)};
const struct word_list words_mail_hosts = {mail_hosts, ARRAY_LEN(mail_hosts)};
const struct word_list words_page_parts = {page_parts, ARRAY_LEN(page_parts)};
const struct word_list words_text = {text_words, ARRAY_LEN(text_words)};

const struct word_city words_cities[] = {
    {"Amsterdam", "NL"},    {"Athens", "GR"},      {"Bangkok", "TH"},  {"Barcelona", "ES"},
    {"Berlin", "DE"},       {"Bogota", "CO"},      {"Brussels", "BE"}, {"Budapest", "HU"},
    {"Buenos Aires", "AR"}, {"Cairo", "EG"},       {"Chicago", "US"},  {"Copenhagen", "DK"},
    {"Dakar", "SN"},        {"Delhi", "IN"},       {"Dublin", "IE"},   {"Hamburg", "DE"},
    {"Helsinki", "FI"},     {"Istanbul", "TR"},    {"Lagos", "NG"},    {"Lima", "PE"},
    {"Lisbon", "PT"},       {"London", "GB"},      {"Lyon", "FR"},     {"Madrid", "ES"},
    {"Melbourne", "AU"},    {"Mexico City", "MX"}, {"Milan", "IT"},    {"Montreal", "CA"},
    {"Mumbai", "IN"},       {"Munich", "DE"},      {"Nairobi", "KE"},  {"New York", "US"},
    {"Osaka", "JP"},        {"Oslo", "NO"},        {"Paris", "FR"},    {"Prague", "CZ"},
    {"Rome", "IT"},         {"Sao Paulo", "BR"},   {"Seattle", "US"},  {"Seoul", "KR"},
    {"Stockholm", "SE"},    {"Tokyo", "JP"},       {"Toronto", "CA"},  {"Vienna", "AT"},
    {"Warsaw", "PL"},       {"Zurich", "CH"}};
const uint32_t words_city_count = ARRAY_LEN(words_cities);
