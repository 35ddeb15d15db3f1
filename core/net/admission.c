/* SPDX-License-Identifier: Apache-2.0 */
#include "net/admission.h"

#include "base/map.h"
#include "base/str.h"

#include <pthread.h>
#include <stdlib.h>

struct admission {
    pthread_mutex_t lock;
    struct map counts; /* key -> int64_t */
};

struct admission *admission_create(void)
{
    struct admission *a = calloc(1, sizeof(*a));

    if (a != NULL)
        pthread_mutex_init(&a->lock, NULL);
    return a;
}

struct admission *admission_destroy(struct admission *a)
{
    struct parley_view key;
    size_t at = 0;
    void *count;

    if (a == NULL)
        return NULL;
    while (map_next(&a->counts, &at, &key, &count))
        free(count);
    map_done(&a->counts);
    pthread_mutex_destroy(&a->lock);
    free(a);
    return NULL;
}

static bool enter(struct admission *a, struct parley_view key, int64_t most)
{
    int64_t *count = map_get(&a->counts, key);

    if (count == NULL) {
        count = calloc(1, sizeof(*count));
        if (count == NULL || !map_set(&a->counts, key, count)) {
            free(count);
            return false;
        }
    }
    if (most > 0 && *count >= most)
        return false;
    ++*count;
    return true;
}

bool admission_enter(struct admission *a, const char *key, int64_t most)
{
    pthread_mutex_lock(&a->lock);
    bool entered = enter(a, view_of(key), most);
    pthread_mutex_unlock(&a->lock);
    return entered;
}

void admission_leave(struct admission *a, const char *key)
{
    pthread_mutex_lock(&a->lock);
    int64_t *count = map_get(&a->counts, view_of(key));
    if (count != NULL && --*count <= 0)
        free(map_remove(&a->counts, view_of(key)));
    pthread_mutex_unlock(&a->lock);
}
