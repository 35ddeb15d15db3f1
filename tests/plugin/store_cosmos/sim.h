/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Cosmos DB account in memory, as strict as the service where the plugin could go wrong:
 * signatures and their dates, partition keys, entity tags with quotes, batches that are applied
 * whole or not at all, queries inside one partition, pages. It fails as it is told to. Requests
 * that no plugin should send fail the test.
 */
#ifndef TESTS_COSMOS_SIM_H
#define TESTS_COSMOS_SIM_H

#include <stdbool.h>

#include <jansson.h>

#include <parley/service/http.h>

#define SIM_ENDPOINT "https://contoso.documents.azure.com"
#define SIM_WEST     "https://contoso-westeurope.documents.azure.com"
#define SIM_NORTH    "https://contoso-northeurope.documents.azure.com"
#define SIM_KEY      "cGFybGV5LWxvY2FsLXRlc3Qta2V5"
#define SIM_KEY_2    "cGFybGV5LXNlY29uZGFyeS1rZXk="

#define SIM_MAX_FAULTS 16
#define SIM_MAX_LOG    4096

enum sim_failure {
    SIM_CODE,        /* answer `code`, do nothing */
    SIM_RESET,       /* no answer, do nothing */
    SIM_RESET_AFTER, /* no answer, but it was done */
    SIM_HANG,        /* no answer until the time is over */
    SIM_HTML,        /* answer `code` with a page of HTML */
    SIM_ENTRY,       /* a batch: answer `code` for its first operation */
    SIM_MEANWHILE,   /* call `meanwhile`, then do as asked */
};

/* What goes wrong with the next requests that match. */
struct sim_fault {
    enum sim_failure failure;
    const char *verb; /* NULL: any */
    const char *what; /* a text that URL or body hold; NULL: any */
    unsigned times;   /* how many requests */
    unsigned skip;    /* matching ones that are let through before */
    int code;
    int substatus;
    const char *headers; /* further ones, "name: value\r\n" */
    const char *message; /* of a reset */
    void (*meanwhile)(void);
};

/* One request as it came in. */
struct sim_seen {
    char verb[8];
    char url[256];
    char headers[2048]; /* each line followed by a newline */
    int code;           /* that was answered; 0: none */
    int64_t at_ms;
    int64_t timeout_ms;
    bool is_batch;
    bool is_query;
};

struct sim {
    /* settings, for the test to change */
    bool has_database;
    bool has_container;
    const char *partition_path;
    bool has_no_ttl;
    const char *keys[2];  /* that the account takes */
    const char *token;    /* an Entra token, as it is sent; NULL: keys */
    int64_t clock_off_ms; /* its clock against the host's */
    const char *regions[4];
    const char *region_names[4];
    const char *writer; /* the region for writes */
    bool moved;         /* others than the writer answer writes with 403/3 */
    bool has_many_writers;
    const char *level;
    bool gives_sessions;
    unsigned page_limit; /* most documents of a page; 0: as asked */
    bool has_empty_pages;
    unsigned lag; /* reads with a session token that are answered 404/1002 in readers */
    struct sim_fault faults[SIM_MAX_FAULTS];
    size_t fault_count;
    /* what it has seen */
    struct sim_seen *log;
    size_t log_count;
    unsigned batches;
    size_t most_operations; /* of a batch */
    size_t longest_body;
    /* what it holds */
    json_t *documents; /* "PK\nID" to document */
    uint64_t last_tag;
    uint64_t lsn;
};

extern struct sim sim;

/* An account with database, container, one region and SIM_KEY. */
void sim_reset(void);
void sim_done(void);

/* Let something go wrong from now on. */
void sim_fail(struct sim_fault fault);

/* Answer one request. `headers` and `body` are allocated, the caller's to free. */
struct sim_answer {
    int status; /* of the HTTP client */
    int code;
    char *headers;
    char *body;
    const char *message;
    bool is_hanging;
};

struct sim_answer sim_ask(const struct parley_http_request *request);

/* The document, borrowed; NULL: there is none. */
json_t *sim_document(const char *pk, const char *id);

/* Put it there, with a new tag, as another program would. Takes the reference. */
void sim_put(json_t *take_document);

/* How many documents of this kind there are: "head", "record", "row", "removed". */
size_t sim_count(const char *kind);

/* Requests so far that match, as in a fault. */
size_t sim_asked(const char *verb, const char *what);

#endif
