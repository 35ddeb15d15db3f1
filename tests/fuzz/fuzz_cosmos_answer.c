/* SPDX-License-Identifier: Apache-2.0 */
/* An answer that calls itself Cosmos DB's: a line for the code, headers, an empty line, the body.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "answer.h"
#include "around.h"
#include "document.h"
#include "dump.h"
#include "shared.h"

static struct parley_view take_until(struct parley_view *rest, const char *mark)
{
    const char *at = memmem(rest->data, rest->len, mark, strlen(mark));
    size_t len = at == NULL ? rest->len : (size_t)(at - rest->data);
    struct parley_view taken = {rest->data, len};
    size_t used = at == NULL ? len : len + strlen(mark);

    rest->data += used;
    rest->len -= used;
    return taken;
}

static volatile size_t sink;

/* What is read must be readable to its end. */
static void look_at_text(const char *text, struct parley_view data)
{
    size_t sum = strlen(text);

    for (size_t i = 0; i < data.len; i++)
        sum += (unsigned char)data.data[i];
    sink = sum;
}

static void look_at_document(const json_t *document)
{
    struct parley_store_record record;
    struct parley_store_head head;
    json_t *stripped = document_strip(document), *row = document_row(document, 1, 1);

    document_tell_head(document, NULL, &head);
    look_at_text(head.agent, head.data);
    document_tell_record(document, &record);
    look_at_text(record.id, record.data);
    json_decref(document_tombstone(document, document_is_purged(document)));
    json_decref(stripped);
    json_decref(row);
}

static void look_at_account(const json_t *body)
{
    static const char *const regions[] = {"West Europe", "north"};
    const struct config config = {.endpoint = "https://contoso.documents.azure.com/",
                                  .preferred_regions = {regions, 2}};
    struct account a;
    char *text = dump(body);

    if (account_init(&a, &config) && text != NULL)
        (void)account_read(&a, text, 1, NULL);
    for (unsigned i = 0; i < ACCOUNT_MAX_REGIONS + 2; i++)
        look_at_text(account_describer(&a, i), (struct parley_view){"", 0});
    (void)account_mark_down(&a, account_reader(&a, 1), false, 1);
    (void)account_mark_down(&a, account_writer(&a, 1), true, 1);
    account_done(&a);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parley_view rest = {(const char *)data, size};
    struct parley_view code = take_until(&rest, "\n");
    struct parley_http_response response = {.size = sizeof(response)};
    struct shared *shared = shared_create();
    struct answer a;
    struct tries tries = {0};
    int64_t wait_ms;
    json_t *document;
    size_t i;

    for (i = 0; i < code.len && i < 3; i++)
        response.code = response.code * 10 + (unsigned char)code.data[i] % 10;
    response.headers = take_until(&rest, "\n\n");
    response.body = rest;
    answer_read(&a, &response, code.len > 3, 1795417200);
    if (json_is_array(a.body))
        answer_read_batch(&a, json_array_size(a.body));
    shared_note_session(shared, a.session);
    free(shared_session(shared));
    (void)retry_judge(&a.outcome, &tries, &wait_ms);
    if (wait_ms < 0)
        abort();
    json_array_foreach(json_object_get(a.body, "Documents"), i, document)
        look_at_document(document);
    if (json_is_object(a.body)) {
        look_at_document(a.body);
        look_at_account(a.body);
    }
    answer_done(&a);
    shared_destroy(shared);
    return 0;
}
