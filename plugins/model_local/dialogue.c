/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state        said                      next
 * IDLE         a tool is meant, all known    IDLE (call) or CONFIRMING
 * IDLE         a tool is meant, one missing  ASKED
 * IDLE         anything else                 IDLE (small talk, or sorry)
 * ASKED        the missing argument          as IDLE with the tool meant
 * ASKED        never mind                    IDLE
 * ASKED        something else                another request: as IDLE; else asked once more, then
 * IDLE CONFIRMING   yes                           IDLE (call) CONFIRMING   no IDLE CONFIRMING
 * something else                as ASKED
 */
#include "dialogue.h"

#include <stdlib.h>
#include <string.h>

#include "slots.h"
#include "words.h"

#define MAX_TRIES  2
#define ASK_SCORE  0.7  /* times min_score: enough to ask back, which does no harm */
#define SAME_SCORE 1.03 /* two tools nearer than this cannot be told apart */
#define SURE_SCORE 1.5  /* times min_score: an answer that is rather another request */

/* One turn: what the steps below need. */
struct turn {
    struct dialogue *d;
    const struct catalog *catalog;
    const struct utterance *u;
    const struct dialogue_rules *rules;
    int64_t now_s;
    struct dialogue_reply *reply;
};

static void copy_name(char *to, const char *from)
{
    size_t len = strnlen(from, CATALOG_MAX_NAME);

    memcpy(to, from, len);
    to[len] = '\0';
}

void dialogue_drop(struct dialogue *d)
{
    json_decref(d->arguments);
    d->arguments = NULL;
    d->state = DIALOGUE_IDLE;
    d->tries = 0;
    d->tool[0] = '\0';
}

void dialogue_done(struct dialogue *d)
{
    dialogue_drop(d);
}

void dialogue_reply_done(struct dialogue_reply *reply)
{
    free(reply->arguments);
    reply->arguments = NULL;
}

/* --- Set phrases --------------------------------------------------------------------------------
 */

static const struct phrase {
    const char *said;   /* whole sentences, between bars */
    const char *answer; /* NULL: made from the tools, or from what was said last */
    enum { PHRASE_PLAIN, PHRASE_ABILITIES, PHRASE_AGAIN, PHRASE_DROP, PHRASE_HELLO } kind;
} phrases[] = {
    {"|hello|hi|hey|hello there|hi there|hey there|good morning|good afternoon|good evening|", NULL,
     PHRASE_HELLO},
    {"|thanks|thank you|thank you very much|thanks a lot|thank you so much|great "
     "thanks|great|cool|nice|"
     "perfect|wonderful|",
     "You are welcome.", PHRASE_PLAIN},
    {"|bye|goodbye|good bye|bye bye|see you|good night|that's all|that is all|", "Goodbye.",
     PHRASE_PLAIN},
    {"|how are you|how are you doing|how are you today|how's it going|",
     "I am fine, thank you. What can I do for you?", PHRASE_PLAIN},
    {"|who are you|what are you|what's your name|what is your name|", NULL, PHRASE_ABILITIES},
    {"|what can you do|what can i ask you|what can i say|help|help me|what do you do|can you help "
     "me|"
     "what can you do for me|what are your tools|",
     NULL, PHRASE_ABILITIES},
    {"|say that again|repeat that|repeat|again|pardon|what did you say|come again|can you repeat "
     "that|"
     "could you repeat that|say it again|",
     NULL, PHRASE_AGAIN},
    {"|never mind|nevermind|forget it|forget about it|cancel|cancel that|stop|stop it|no thanks|"
     "no thank you|leave it|drop it|",
     "All right, never mind.", PHRASE_DROP},
    {"|ok|okay|yes|no|all right|alright|yeah|sure|i see|", "All right.", PHRASE_PLAIN},
};

static const char yes_words[] = "|yes|yeah|yep|yup|sure|ok|okay|go ahead|do it|please do|confirm|"
                                "confirmed|of course|certainly|absolutely|yes do it|yes do|right|"
                                "correct|go on|that's right|definitely|do that|yes go ahead|";
static const char no_words[] =
    "|no|nope|nah|don't|do not|don't do it|don't do that|better not|not now|"
    "wait|no don't|no wait|rather not|of course not|certainly not|no no|";

/* The words of the sentence between bars, without punctuation and what is said around them. */
static void join_words(const struct utterance *u, char *out, size_t size)
{
    size_t len = 0;

    out[len++] = '|';
    for (size_t i = 0; i < u->count; i++) {
        const struct token *token = &u->tokens[i];
        size_t word = strlen(token->word);
        if (token->is_sign || utterance_in(u, i, "um uh er well please oh just") ||
            len + word + 3 > size)
            continue;
        if (len > 1)
            out[len++] = ' ';
        memcpy(out + len, token->word, word);
        len += word;
    }
    out[len++] = '|';
    out[len] = '\0';
}

static bool is_said(const char *list, const char *joined)
{
    return joined[1] != '|' && strstr(list, joined) != NULL;
}

static const struct phrase *find_phrase(const char *joined)
{
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        if (is_said(phrases[i].said, joined))
            return &phrases[i];
    }
    return NULL;
}

static void answer_phrase(struct turn *t, const struct phrase *phrase)
{
    struct say *s = &t->reply->say;

    if (phrase->answer != NULL)
        say(s, "%s", phrase->answer);
    else if (phrase->kind == PHRASE_HELLO)
        say(s, "Hello. What can I do for you?");
    else if (phrase->kind == PHRASE_AGAIN)
        say(s, "%s", t->d->last.len > 0 ? t->d->last.text : "I have not said anything yet.");
    else
        say_abilities(s, t->catalog);
}

/* "yes please": the first word decides when the whole sentence is not in the list. */
static bool agrees(const struct utterance *u, const char *joined)
{
    return is_said(yes_words, joined) ||
           (u->count <= 5 && utterance_in(u, 0, "yes yeah yep sure ok okay"));
}

static bool declines(const struct utterance *u, const char *joined)
{
    return is_said(no_words, joined) || (u->count <= 5 && utterance_in(u, 0, "no nope don't"));
}

/* --- Proposals ----------------------------------------------------------------------------------
 */

static void call(struct turn *t, const struct tool *tool)
{
    char *arguments = json_dumps(t->d->arguments, JSON_COMPACT);

    dialogue_drop(t->d);
    if (arguments == NULL) {
        say(&t->reply->say, "Sorry, there is no memory left for that.");
        return;
    }
    t->reply->is_call = true;
    t->reply->arguments = arguments;
    copy_name(t->reply->tool, tool->name);
}

static bool must_confirm(const struct turn *t, const struct tool *tool)
{
    if (t->rules->confirm == CONFIRM_ALL)
        return !tool->is_read_only;
    return t->rules->confirm == CONFIRM_DESTRUCTIVE && tool->is_destructive;
}

/* The dialogue holds the arguments: ask for what is missing, ask for leave, or call. */
static void propose(struct turn *t, const struct tool *tool)
{
    const struct parameter *missing = slots_missing(tool, t->d->arguments);

    if (missing != NULL) {
        t->d->state = DIALOGUE_ASKED;
        copy_name(t->d->missing, missing->name);
        say_question(&t->reply->say, missing);
    } else if (must_confirm(t, tool)) {
        t->d->state = DIALOGUE_CONFIRMING;
        say_confirmation(&t->reply->say, tool, t->d->arguments);
    } else {
        call(t, tool);
    }
}

static void take_match(struct turn *t, const struct match *match)
{
    dialogue_drop(t->d);
    t->d->arguments = json_incref(match->arguments);
    copy_name(t->d->tool, match->tool->name);
    propose(t, match->tool);
}

static void note_choice(struct dialogue_choice *choice, const struct match *matches, size_t count,
                        bool is_meant)
{
    if (count > 0 && is_meant)
        copy_name(choice->tool, matches[0].tool->name);
    choice->score = count > 0 ? matches[0].score : 0;
    if (count > 1) {
        copy_name(choice->second, matches[1].tool->name);
        choice->second_score = matches[1].score;
    }
}

/* Take the best tool when it is good enough and stands out. `floor` is the least score. */
static bool take_best(struct turn *t, double floor)
{
    struct match matches[SCORE_MAX_MATCHES];
    size_t count = score_tools(t->catalog, t->u, t->now_s, matches);
    bool stands_out = count < 2 || matches[0].score >= matches[1].score * SAME_SCORE;
    bool is_asking = count > 0 && slots_missing(matches[0].tool, matches[0].arguments) != NULL;
    bool is_meant =
        count > 0 && stands_out && matches[0].score >= floor * (is_asking ? ASK_SCORE : 1);

    note_choice(&t->reply->choice, matches, count, is_meant);
    if (is_meant)
        take_match(t, &matches[0]);
    score_done(matches, count);
    return is_meant;
}

static void apologise(struct turn *t)
{
    say(&t->reply->say, "Sorry, I have no tool for that. ");
    say_abilities(&t->reply->say, t->catalog);
}

/* --- Turns --------------------------------------------------------------------------------------
 */

static void turn_idle(struct turn *t, const char *joined)
{
    const struct phrase *phrase = find_phrase(joined);

    if (phrase != NULL)
        answer_phrase(t, phrase);
    else if (!take_best(t, t->rules->min_score))
        apologise(t);
}

/* The answer is not one: another request, the question again, or giving up. */
static void turn_astray(struct turn *t, const char *joined, const struct parameter *missing,
                        const struct tool *tool)
{
    const struct phrase *phrase = find_phrase(joined);

    if (phrase == NULL && take_best(t, t->rules->min_score * SURE_SCORE))
        return;
    if (++t->d->tries >= MAX_TRIES) {
        dialogue_drop(t->d);
        say(&t->reply->say, "Sorry, I did not understand. Let us leave that.");
        return;
    }
    say(&t->reply->say, "Sorry, I did not understand. ");
    if (missing != NULL)
        say_question(&t->reply->say, missing);
    else
        say_confirmation(&t->reply->say, tool, t->d->arguments);
}

/* A whole sentence that means some tool clearly, said instead of a short answer. */
static bool is_other_request(struct turn *t, const struct tool *tool)
{
    struct match matches[SCORE_MAX_MATCHES];
    size_t count = t->u->count > 3 ? score_tools(t->catalog, t->u, t->now_s, matches) : 0;
    bool is_other = count > 0 && matches[0].tool != tool &&
                    matches[0].score >= t->rules->min_score * SURE_SCORE &&
                    slots_missing(matches[0].tool, matches[0].arguments) == NULL;

    score_done(matches, count);
    return is_other;
}

static bool is_free_text(const struct parameter *parameter)
{
    return parameter->kind == SLOT_TEXT || parameter->kind == SLOT_LIST ||
           parameter->kind == SLOT_NAME;
}

static void turn_asked(struct turn *t, const char *joined, const struct tool *tool)
{
    const struct parameter *missing = tool_parameter(tool, t->d->missing);
    json_t *answer = NULL;

    if (missing != NULL && (is_free_text(missing) || !is_other_request(t, tool)))
        answer = slots_answer(t->u, missing, t->now_s);
    if (answer == NULL) {
        turn_astray(t, joined, missing, tool);
        return;
    }
    (void)json_object_set_new(t->d->arguments, missing->name, answer);
    t->d->tries = 0;
    propose(t, tool);
}

static void turn_confirming(struct turn *t, const char *joined, const struct tool *tool)
{
    if (agrees(t->u, joined)) {
        call(t, tool);
    } else if (declines(t->u, joined)) {
        dialogue_drop(t->d);
        say(&t->reply->say, "All right, I will not do that.");
    } else {
        turn_astray(t, joined, NULL, tool);
    }
}

static void turn(struct turn *t)
{
    const struct tool *tool = catalog_find(t->catalog, t->d->tool);
    char joined[UTTERANCE_MAX_BYTES + 4];
    const struct phrase *phrase = NULL;

    join_words(t->u, joined, sizeof(joined));
    phrase = find_phrase(joined);
    if (joined[1] == '|' || t->u->count == 0) {
        say(&t->reply->say, "Sorry, I did not catch that.");
    } else if (t->d->state == DIALOGUE_IDLE || tool == NULL) {
        dialogue_drop(t->d);
        turn_idle(t, joined);
    } else if (phrase != NULL && phrase->kind != PHRASE_PLAIN) {
        if (phrase->kind == PHRASE_DROP)
            dialogue_drop(t->d);
        answer_phrase(t, phrase);
    } else if (t->d->state == DIALOGUE_CONFIRMING) {
        turn_confirming(t, joined, tool);
    } else {
        turn_asked(t, joined, tool);
    }
}

static void finish(struct turn *t)
{
    if (!t->reply->is_call)
        t->d->last = t->reply->say;
}

void dialogue_turn(struct dialogue *d, const struct catalog *catalog, struct parley_view said,
                   const struct dialogue_rules *rules, int64_t now_s,
                   struct dialogue_reply *ret_reply)
{
    struct utterance u;
    struct turn t = {d, catalog, &u, rules, now_s, ret_reply};

    *ret_reply = (struct dialogue_reply){0};
    utterance_read(&u, said);
    turn(&t);
    finish(&t);
}

static void force(struct turn *t, const char *name)
{
    static const struct dialogue_rules any = {.confirm = CONFIRM_NONE};
    const struct tool *tool = name != NULL ? catalog_find(t->catalog, name) : NULL;
    struct slots slots = {.u = t->u, .tool = tool, .now_s = t->now_s};
    struct arithmetic arithmetic;

    t->rules = &any;
    if (tool == NULL) {
        if (!take_best(t, 0))
            apologise(t);
        return;
    }
    slots.arithmetic = arithmetic_find(t->u, &arithmetic) ? &arithmetic : NULL;
    if (!slots_fill(&slots)) {
        say(&t->reply->say, "Sorry, there is no memory left for that.");
        return;
    }
    dialogue_drop(t->d);
    t->d->arguments = slots.arguments;
    copy_name(t->d->tool, tool->name);
    propose(t, tool);
}

void dialogue_force(struct dialogue *d, const struct catalog *catalog, const char *tool,
                    struct parley_view said, int64_t now_s, struct dialogue_reply *ret_reply)
{
    struct utterance u;
    struct turn t = {d, catalog, &u, NULL, now_s, ret_reply};

    *ret_reply = (struct dialogue_reply){0};
    utterance_read(&u, said);
    force(&t, tool);
    finish(&t);
}

void dialogue_greet(struct dialogue *d, const struct catalog *catalog,
                    struct dialogue_reply *ret_reply)
{
    *ret_reply = (struct dialogue_reply){0};
    say(&ret_reply->say, "Hello. ");
    say_abilities(&ret_reply->say, catalog);
    d->last = ret_reply->say;
}

void dialogue_results(struct dialogue *d, const struct parley_view *outputs, size_t count,
                      struct dialogue_reply *ret_reply)
{
    *ret_reply = (struct dialogue_reply){0};
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            say(&ret_reply->say, " ");
        say_result(&ret_reply->say, outputs[i]);
    }
    d->last = ret_reply->say;
}
