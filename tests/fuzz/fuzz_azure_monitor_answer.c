/* SPDX-License-Identifier: Apache-2.0 */
/* An answer that calls itself Application Insights': what it says of seven items. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "answer.h"

#define ITEMS 7

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum verdict verdicts[ITEMS];
    char message[ANSWER_MESSAGE];
    unsigned refused = 0;

    bool is_read =
        answer_judge((struct parley_view){(const char *)data, size}, ITEMS, verdicts, message);
    for (unsigned i = 0; i < ITEMS; i++) {
        if (verdicts[i] > VERDICT_REFUSED)
            abort();
        refused += verdicts[i] == VERDICT_REFUSED;
    }
    if (strlen(message) >= ANSWER_MESSAGE || (message[0] != '\0' && is_read && refused == 0))
        abort();
    return 0;
}
