/* SPDX-License-Identifier: Apache-2.0 */
/* The calculator of tools_builtin: whatever a model was talked into sending as an expression. */
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>

#include "calculator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[64];
    double value = 0;

    if (calculator_eval((struct parley_view){(const char *)data, size}, &value, NULL) < 0)
        return 0;
    if (!isfinite(value))
        abort(); /* the result is promised to be finite */
    calculator_format(value, text, sizeof(text));
    return 0;
}
