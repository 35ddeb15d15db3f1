/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Voice Live for a host that knows GA alone: the preview's names and a flat session out, GA's names
 * and a nested session in. Fields of Azure's own come from the configuration. Audio is renamed as
 * bytes, everything else through a tree.
 */
#ifndef MODEL_FOUNDRY_VOICE_LIVE_H
#define MODEL_FOUNDRY_VOICE_LIVE_H

#include "config.h"
#include "parts/realtime/link.h"

#include <jansson.h>

extern const struct link_dialect voice_live_dialect; /* its config: struct foundry_config */

/* ---- voice_live_out.c: to the service, changed in place or made anew ---- */

/* A GA session as the service has it: a new reference. */
json_t *voice_live_session_out(const json_t *session, const struct foundry_config *c);
void voice_live_response_out(json_t *response, const struct foundry_config *c);
void voice_live_item_out(json_t *item);

/* ---- voice_live_in.c: to the host ---- */

/* A flat session as GA has it: a new reference. */
json_t *voice_live_session_in(const json_t *flat);
void voice_live_response_in(json_t *response);
void voice_live_item_in(json_t *item);
/* GA's name of an event; NULL: the same name; "": GA has nothing like it, it is left out. */
const char *voice_live_event_in(struct parley_view type);

#endif
