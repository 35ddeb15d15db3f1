/* SPDX-License-Identifier: Apache-2.0 */
/*
 * convert/ stands between a session and a model that lacks one of the Realtime audio formats: the
 * session may ask for any, the model hears and speaks what it knows. It is a model itself, behind
 * the same table as a plugin, so that nobody above can tell. Only what carries audio or names a
 * format is touched; a direction whose format the model has costs one look at an event's type.
 *
 *   session.update                  the format in place of the one that is asked for
 *   session.created, .updated       the other way round
 *   input_audio_buffer.append       the audio
 *   response.output_audio.delta     the audio; its last 1.5 ms come before
 * response.output_audio.done conversation.item.create, .retrieved     the audio inside of items
 */
#ifndef CONVERT_CONVERTER_H
#define CONVERT_CONVERTER_H

#include "host/model.h"

struct converter;

/* Does a model with these capabilities lack a format that can be converted? */
bool converter_helps(const struct parley_model_caps *caps);

/* Around this model, which must outlive it. NULL without memory. Thread: the worker's. */
struct converter *converter_create(const struct model *inner);

/* Every session of it has closed. NULL is fine. Returns NULL. */
struct converter *converter_destroy(struct converter *c);

/* The model to open sessions on; lives as long as the converter. */
const struct model *converter_model(const struct converter *c);

#endif
