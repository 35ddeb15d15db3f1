/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <string.h>

static const char stop_words[] =
    " a about am an and another any anything are as ask asked asks at available be been "
    "but by called can can't cannot conversation could current currently default did do "
    "does doing don't down each either else every everything exactly example for from "
    "function functions get gets give given gives go going good got had has have he hello "
    "her here hers hey hi him his how i i'd i'll i'm i've if in instead into is isn't it "
    "it's its just kindly leave let let's like list's look lot make makes making many may "
    "maybe me might mine more most much must my named need needs next no not now of off "
    "ok okay on one ones only onto optional or other our out over parameter per please "
    "put question questions really return returned returns right say says she should so "
    "some something soon specific specified such take takes taking tell tells than thank "
    "thanks that that's the their them then there these they thing things this those to "
    "too tool tools um up us use used user users uses using value values very want wants "
    "was we well were what what's whatever when where which while who who's whom whose "
    "why will with within without won't would yes yet you you'd your yours ";

static const char time_words[] =
    " afternoon april august day days december evening february friday hour hours january july "
    "june march midday midnight minute minutes monday month morning night noon november now "
    "october saturday second seconds september soon sunday thursday today tomorrow tonight "
    "tuesday wednesday week weekend year yesterday ";

static const char destructive_words[] =
    " cancel clear close delete destroy discard drop empty erase format kill overwrite purge "
    "remove reset terminate uninstall wipe ";

bool word_in(const char *list, const char *word)
{
    size_t len = strlen(word);

    if (len == 0)
        return false;
    for (const char *at = list; (at = strstr(at, word)) != NULL; at++) {
        bool starts = at == list || at[-1] == ' ';
        if (starts && (at[len] == ' ' || at[len] == '\0'))
            return true;
    }
    return false;
}

bool word_is_stop(const char *word)
{
    return word_in(stop_words, word);
}

bool word_is_time(const char *word)
{
    return word_in(time_words, word);
}

bool word_is_destructive(const char *word)
{
    return word_in(destructive_words, word);
}

double word_time_unit(const char *word)
{
    static const struct {
        const char *names;
        double seconds;
    } units[] = {
        {"millisecond milliseconds ms", 0.001},
        {"second seconds sec secs s", 1},
        {"minute minutes min mins", 60},
        {"hour hours hr hrs h", 3600},
        {"day days", 86400},
        {"week weeks", 604800},
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (word_in(units[i].names, word))
            return units[i].seconds;
    }
    return 0;
}

static int index_in(const char *const *names, int count, const char *word)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], word) == 0)
            return i;
    }
    return -1;
}

int word_month(const char *word)
{
    static const char *const months[] = {"january",   "february", "march",    "april",
                                         "may",       "june",     "july",     "august",
                                         "september", "october",  "november", "december"};
    int index = index_in(months, 12, word);

    return index < 0 ? -1 : index + 1;
}

int word_weekday(const char *word)
{
    static const char *const weekdays[] = {"sunday",   "monday", "tuesday", "wednesday",
                                           "thursday", "friday", "saturday"};

    return index_in(weekdays, 7, word);
}

/* What recognisers write for spoken numbers. */
bool word_homophone(const char *word, double *ret_value)
{
    static const struct {
        const char *words;
        double value;
    } homophones[] = {
        {"won", 1},  {"to too due dew do", 2}, {"free tree", 3}, {"for fore fo", 4},
        {"hive", 5}, {"sex sicks", 6},         {"ate", 8},       {"nein", 9},
        {"tin", 10},
    };

    for (size_t i = 0; i < sizeof(homophones) / sizeof(homophones[0]); i++) {
        if (word_in(homophones[i].words, word)) {
            *ret_value = homophones[i].value;
            return true;
        }
    }
    return false;
}

/* --- Stems --------------------------------------------------------------------------------------
 */

static bool ends_with(const char *word, size_t len, const char *ending)
{
    size_t n = strlen(ending);

    return len > n && memcmp(word + len - n, ending, n) == 0;
}

static bool has_vowel(const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr("aeiouy", word[i]) != NULL)
            return true;
    }
    return false;
}

static size_t cut_plural(char *word, size_t len)
{
    if (len > 4 && ends_with(word, len, "ies")) {
        word[len - 3] = 'y';
        return len - 2;
    }
    if (len > 4 && (ends_with(word, len, "sses") || ends_with(word, len, "xes") ||
                    ends_with(word, len, "ches") || ends_with(word, len, "shes")))
        return len - 2;
    if (len > 3 && word[len - 1] == 's' && strchr("sui", word[len - 2]) == NULL)
        return len - 1;
    return len;
}

static size_t cut_verb_ending(const char *word, size_t len)
{
    size_t cut = 0;

    if (len > 5 && ends_with(word, len, "ing"))
        cut = 3;
    else if (len > 4 && ends_with(word, len, "ed"))
        cut = 2;
    if (cut == 0 || !has_vowel(word, len - cut))
        return len;
    len -= cut;
    bool is_doubled = word[len - 1] == word[len - 2] && strchr("lsz", word[len - 1]) == NULL;
    return is_doubled ? len - 1 : len; /* setting, planned */
}

void word_stem(char *word)
{
    size_t len = strlen(word);

    if (ends_with(word, len, "'s"))
        len -= 2;
    len = cut_plural(word, len);
    len = cut_verb_ending(word, len);
    if (len > 5 && (ends_with(word, len, "tor")))
        len -= 2;
    else if (len > 6 && ends_with(word, len, "tion"))
        len -= 3;
    else if (len > 4 && word[len - 1] == 'e')
        len -= 1;
    word[len] = '\0';
}

/* --- Synonyms -----------------------------------------------------------------------------------
 */

/* Stem said -> stems to look for besides. One way only: both ways would join unlike things. */
static const struct {
    const char *said;
    const char *means[WORD_MAX_SYNONYMS];
} synonyms[] = {
    {"alarm", {"timer", "wake"}},
    {"appointment", {"calendar", "event", "meet"}},
    {"bulb", {"light", "lamp"}},
    {"buy", {"order", "purchas"}},
    {"cold", {"weather", "temperatur"}},
    {"cost", {"price"}},
    {"countdown", {"timer"}},
    {"delet", {"remov", "clear", "eras"}},
    {"dial", {"call", "phone"}},
    {"discard", {"delet", "clear", "remov"}},
    {"drop", {"delet", "remov"}},
    {"eras", {"delet", "clear", "remov"}},
    {"find", {"search"}},
    {"forecast", {"weather"}},
    {"forget", {"delet", "clear", "remov"}},
    {"googl", {"search", "web"}},
    {"google", {"search", "web"}},
    {"hot", {"weather", "temperatur"}},
    {"jot", {"note", "writ"}},
    {"lamp", {"light"}},
    {"light", {"lamp"}},
    {"lookup", {"search", "find"}},
    {"mail", {"email"}},
    {"email", {"mail", "messag"}},
    {"memo", {"note"}},
    {"minu", {"subtract"}},
    {"minus", {"subtract"}},
    {"money", {"account", "balanc"}},
    {"o'clock", {"time"}},
    {"phone", {"call"}},
    {"plus", {"add", "sum"}},
    {"rain", {"weather", "forecast"}},
    {"rainy", {"weather", "forecast"}},
    {"read", {"list"}},
    {"recall", {"list", "remember"}},
    {"reminder", {"remind"}},
    {"remind", {"reminder"}},
    {"remov", {"delet", "clear", "eras"}},
    {"ring", {"call", "phone"}},
    {"reserv", {"book"}},
    {"show", {"list"}},
    {"sm", {"messag", "text"}},
    {"sms", {"messag", "text"}},
    {"snow", {"weather", "forecast"}},
    {"song", {"music", "play"}},
    {"stor", {"save", "remember"}},
    {"sum", {"add"}},
    {"sunny", {"weather", "forecast"}},
    {"temperatur", {"weather", "thermostat"}},
    {"text", {"messag"}},
    {"total", {"sum", "add"}},
    {"track", {"order", "music"}},
    {"tune", {"music"}},
    {"wake", {"alarm"}},
    {"warm", {"weather", "temperatur"}},
    {"wip", {"delet", "clear", "eras"}},
    {"writ", {"written"}},
    {"write", {"written"}},
    {"wipe", {"delet", "clear", "eras"}},
};

size_t word_synonyms(const char *stem, const char **ret)
{
    size_t count = 0;

    for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++) {
        if (strcmp(synonyms[i].said, stem) != 0)
            continue;
        while (count < WORD_MAX_SYNONYMS && synonyms[i].means[count] != NULL) {
            ret[count] = synonyms[i].means[count];
            count++;
        }
        break;
    }
    return count;
}
