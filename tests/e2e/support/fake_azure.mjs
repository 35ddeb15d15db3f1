// SPDX-License-Identifier: Apache-2.0
/*
 * A server that stands where Azure would, with the same answers as fake_openai.mjs: Azure OpenAI (GA), Voice Live (the preview's names,
 * a flat session, items that are told of once), a voice agent of Foundry (GA). It is as strict as the service about paths, keys and
 * names: what GA alone knows is an error to Voice Live.
 */
import { start_openai } from "./fake_openai.mjs";

const PATHS = {
  "azure-openai": (url) => url.pathname === "/openai/v1/realtime" && url.searchParams.has("model") && !url.searchParams.has("api-version"),
  "voice-live": (url) => url.pathname === "/voice-live/realtime" && url.searchParams.has("api-version") && (url.searchParams.has("model") || url.searchParams.has("agent-name")),
  "voice-agent": (url) => /^\/api\/projects\/[^/]+\/agents\/[^/]+\/endpoint\/protocols\/voice$/.test(url.pathname) && url.searchParams.get("api-version") === "v1",
};

/* options: {service, key | token: what is accepted, others as of start_openai()}. `endpoint` is for the INI. */
export async function start_azure({ service, key, token, ...options }) {
  const fake = await start_openai({
    ...options,
    check: ({ url, headers }) => {
      const at = new URL(url, "http://x");
      if (!PATHS[service](at))
        return { status: at.searchParams.has("api-version") && service === "azure-openai" ? 401 : 404, body: { error: { code: "404", message: "Resource not found" } } };
      if (key !== undefined && headers["api-key"] !== key)
        return { status: 401, body: { error: { code: "401", message: "Access denied due to invalid subscription key or wrong API endpoint." } } };
      if (token !== undefined && headers.authorization !== `Bearer ${typeof token === "function" ? token() : token}`)
        return { status: 401, body: { error: { code: "PermissionDenied", message: "The access token has an invalid audience" } } };
      return undefined;
    },
    dialect: service === "voice-live" ? voice_live : undefined,
  });
  const root = `http://127.0.0.1:${fake.server.address().port}`;
  fake.endpoint = service === "voice-agent" ? `${root}/api/projects/demo` : root;
  return fake;
}

/* ---- Voice Live ---- */

const RENAMED = {
  "response.output_audio.delta": "response.audio.delta", "response.output_audio.done": "response.audio.done",
  "response.output_audio_transcript.delta": "response.audio_transcript.delta", "response.output_audio_transcript.done": "response.audio_transcript.done",
  "response.output_text.delta": "response.text.delta", "response.output_text.done": "response.text.done",
  "conversation.item.added": "conversation.item.created",
};
const FORMATS = { "audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw" };
const format_of = (name) => ({ type: Object.keys(FORMATS).find((type) => FORMATS[type] === name) });

const item_out = (item) => item && { ...item, content: item.content?.map((part) => ({ ...part, type: part.type.replace(/^output_/, "") })) };

const response_out = ({ output_modalities, audio, ...response }) => ({
  ...response, modalities: output_modalities?.[0] === "text" ? ["text"] : ["text", "audio"], output: response.output?.map(item_out),
});

/* Its own fields stay as they were set. */
const session_out = (session) => ({
  id: session.id, model: session.model, expires_at: session.expires_at, instructions: session.instructions, tools: session.tools ?? [],
  modalities: session.output_modalities[0] === "text" ? ["text"] : ["text", "audio"],
  voice: session.azure?.voice ?? session.audio.output.voice, turn_detection: session.azure?.turn_detection ?? session.audio.input.turn_detection,
  input_audio_format: FORMATS[session.audio.input.format.type], output_audio_format: FORMATS[session.audio.output.format.type], ...session.azure,
});

const SESSION = new Set(["modalities", "instructions", "tools", "tool_choice", "voice", "input_audio_format", "output_audio_format", "turn_detection",
  "input_audio_transcription", "input_audio_noise_reduction", "input_audio_echo_cancellation", "interim_response", "max_response_output_tokens"]);

function session_in(flat) {
  const unknown = Object.keys(flat).find((key) => !SESSION.has(key));
  if (unknown)
    throw new Error(`unknown_parameter session.${unknown}`);
  const input = { ...(flat.input_audio_format ? { format: format_of(flat.input_audio_format) } : {}) };
  const output = { ...(flat.output_audio_format ? { format: format_of(flat.output_audio_format) } : {}) };
  const { modalities, instructions, tools, tool_choice, ...azure } = flat;
  return { output_modalities: modalities?.includes("audio") === false ? ["text"] : ["audio"], ...(instructions === undefined ? {} : { instructions }),
    ...(tools ? { tools } : {}), audio: { input, output }, azure };
}

const voice_live = {
  /* Events that go out in place of a GA one. */
  out(event) {
    if (event.type === "conversation.item.done")
      return [];
    return [{ ...event, type: RENAMED[event.type] ?? event.type, ...(event.item ? { item: item_out(event.item) } : {}),
      ...(event.response ? { response: response_out(event.response) } : {}), ...(event.session ? { session: session_out(event.session) } : {}),
      ...(event.part ? { part: { ...event.part, type: event.part.type.replace(/^output_/, "") } } : {}) }];
  },
  /* A client's event as GA has it; throws when it is none of the dialect. */
  in(event) {
    if (event.type === "session.update")
      return { ...event, session: session_in(event.session) };
    if (event.item?.content?.some(({ type }) => type.startsWith("output_")))
      throw new Error("invalid_value item.content[0].type");
    if (event.response?.output_modalities || event.response?.audio)
      throw new Error("unknown_parameter response.output_modalities");
    return event;
  },
};
