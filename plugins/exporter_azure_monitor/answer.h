/* SPDX-License-Identifier: Apache-2.0 */
/* What the service says of the items it was sent, read without trusting it. Pure functions. */
#ifndef AZURE_MONITOR_ANSWER_H
#define AZURE_MONITOR_ANSWER_H

#include <parley/types.h>

#include <stdbool.h>
#include <stdint.h>

#define ANSWER_MAX_BYTES (1u << 20) /* more of an answer is not read */
#define ANSWER_MESSAGE   160

/* What an answer's code asks for. */
enum ruling {
    RULING_DONE,
    RULING_PART,      /* 206: answer_judge() tells of each item */
    RULING_REDIRECT,  /* 307, 308 */
    RULING_LATER,     /* the service is not well; also when no answer came */
    RULING_THROTTLED, /* 429; 439: the daily quota is used up */
    RULING_DENIED,    /* 401, 403: token or role may be repaired */
    RULING_TOO_LARGE, /* 413: in smaller parts, perhaps */
    RULING_DROP,      /* will never be taken */
};
enum ruling answer_ruling(int code);

/* Items are accepted unless the answer says something else of them. */
enum verdict { VERDICT_ACCEPTED, VERDICT_AGAIN, VERDICT_REFUSED };

/*
 * The answer to `count` items. message: the first refusal's, fit for a line of the log; "" for
 * none. False when it cannot be read: then it is not known which were accepted.
 */
bool answer_judge(struct parley_view body, uint32_t count, enum verdict *verdicts,
                  char message[ANSWER_MESSAGE]);

#endif
