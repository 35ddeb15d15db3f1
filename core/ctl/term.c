/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/term.h"

#include "base/json.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define USUAL_WIDTH 100
#define MIN_WIDTH   20

const char *term_style(FILE *stream, enum term_style style)
{
    static const char *const sequences[] = {
        [TERM_PLAIN] = "\x1b[0m", [TERM_BOLD] = "\x1b[1m",   [TERM_DIM] = "\x1b[2m",
        [TERM_RED] = "\x1b[31m",  [TERM_GREEN] = "\x1b[32m", [TERM_YELLOW] = "\x1b[33m",
        [TERM_CYAN] = "\x1b[36m",
    };
    const char *no_color = getenv("NO_COLOR");

    if (isatty(fileno(stream)) != 1 || (no_color != NULL && no_color[0] != '\0'))
        return "";
    return sequences[style];
}

size_t term_width(FILE *stream)
{
    struct winsize size;

    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col >= MIN_WIDTH)
        return size.ws_col;
    return USUAL_WIDTH;
}

static void print_json(json_t *tree, size_t flags)
{
    if (tree == NULL)
        return;
    (void)json_dumpf(tree, stdout, flags | json_digits(tree));
    (void)fputc('\n', stdout);
    (void)fflush(stdout);
    json_decref(tree);
}

void term_json(json_t *take_tree)
{
    print_json(take_tree, JSON_INDENT(2));
}

void term_json_line(json_t *take_tree)
{
    print_json(take_tree, JSON_COMPACT);
}

/* C1 controls are two bytes in UTF-8, C2 80 to C2 9F. */
static bool is_control(struct parley_view text, size_t at, size_t *ret_len)
{
    unsigned char c = (unsigned char)text.data[at];

    *ret_len = 1;
    if (c == 0xC2 && at + 1 < text.len && (unsigned char)text.data[at + 1] < 0xA0) {
        *ret_len = 2;
        return true;
    }
    return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
}

void term_safe(FILE *stream, struct parley_view text)
{
    for (size_t at = 0; at < text.len;) {
        size_t len;
        if (!is_control(text, at, &len))
            (void)fputc(text.data[at], stream);
        at += len;
    }
}
