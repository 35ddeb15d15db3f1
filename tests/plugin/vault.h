/* SPDX-License-Identifier: Apache-2.0 */
/* parley.credentials/1 for one [credential azure], whose tokens the test hands over. */
#ifndef TESTS_PLUGIN_VAULT_H
#define TESTS_PLUGIN_VAULT_H

/* What the plugin wanted of it. */
struct vault {
    int asked;
    int refused; /* the token that was handed over last */
    int cancelled;
    char scope[64]; /* of the last one that was asked for */
};

extern struct vault vault;

/* Empty, and provided by the fake host; after fake_host_reset(). */
void vault_setup(void);

/* The token that was asked for last, or why there is none. */
void vault_hand_over(const char *token);
void vault_fails(int status, const char *message);

#endif
