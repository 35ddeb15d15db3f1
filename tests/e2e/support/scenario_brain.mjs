// SPDX-License-Identifier: Apache-2.0
/* What the scenario needs of a service: it hears a turn after a second and a half, calls a tool when asked for the weather, and speaks
   for long when asked for a story. */
export function brain() {
  const heard = new Map(), running = new Map();
  const last_text = (it) => it.log.all("conversation.item.create").at(-1)?.item.content?.[0]?.text ?? "";
  const respond = (it) => {
    const item = it.log.all("conversation.item.create").at(-1)?.item;
    if (item?.type === "function_call_output")
      return it.answer(`It is ${item.output}.`);
    if (last_text(it).includes("weather")) {
      const response = { object: "realtime.response", id: it.id("resp"), status: "in_progress", output: [], conversation_id: "conv_1", output_modalities: ["audio"], usage: null, metadata: null };
      const call = { id: it.id("item"), object: "realtime.item", type: "function_call", status: "in_progress", name: "get_weather", call_id: it.id("call"), arguments: "" };
      const place = { response_id: response.id, item_id: call.id, output_index: 0, call_id: call.call_id };
      it.send({ type: "response.created", response });
      it.send({ type: "response.output_item.added", response_id: response.id, output_index: 0, item: call });
      it.send({ type: "conversation.item.added", previous_item_id: null, item: call });
      it.send({ type: "response.function_call_arguments.delta", ...place, delta: '{"city":"Paris"}' });
      it.send({ type: "response.function_call_arguments.done", ...place, name: call.name, arguments: '{"city":"Paris"}' });
      const whole = { ...call, status: "completed", arguments: '{"city":"Paris"}' };
      it.send({ type: "conversation.item.done", previous_item_id: null, item: whole });
      it.send({ type: "response.output_item.done", response_id: response.id, output_index: 0, item: whole });
      return it.done(response, [whole]);
    }
    if (last_text(it).includes("story")) {
      const begun = it.begin("audio");
      it.send({ type: "response.output_audio_transcript.delta", ...begun.place, delta: "Once upon a time" });
      it.send({ type: "response.output_audio.delta", ...begun.place, delta: Buffer.alloc(48_000).toString("base64") });
      running.set(it, begun);
      return undefined;
    }
    return it.answer("The service says hello.");
  };
  return {
    "response.create": respond,
    "response.cancel": (it) => {
      const begun = running.get(it);
      const cut = { ...begun.item, status: "incomplete", content: [{ type: "output_audio", transcript: "Once upon a time" }] };
      it.send({ type: "response.output_audio.done", ...begun.place });
      it.send({ type: "response.output_audio_transcript.done", ...begun.place, transcript: "Once upon a time" });
      it.send({ type: "response.content_part.done", ...begun.place, part: cut.content[0] });
      it.send({ type: "conversation.item.done", previous_item_id: null, item: cut });
      it.send({ type: "response.output_item.done", response_id: begun.response.id, output_index: 0, item: cut });
      it.done(begun.response, [cut], { status: "cancelled", status_details: { type: "cancelled", reason: "client_cancelled" } });
    },
    "conversation.item.truncate": (it, { item_id, content_index, audio_end_ms }) => it.send({ type: "conversation.item.truncated", item_id, content_index, audio_end_ms }),
    "input_audio_buffer.append": (it, { audio }) => {
      const before = heard.get(it) ?? 0, now = before + Buffer.byteLength(audio, "base64");
      heard.set(it, now);
      if (before >= 72_000 || now < 72_000)
        return;
      const item_id = it.id("item");
      it.send({ type: "input_audio_buffer.speech_started", audio_start_ms: 300, item_id });
      it.send({ type: "input_audio_buffer.speech_stopped", audio_end_ms: 1500, item_id });
      it.send({ type: "input_audio_buffer.committed", previous_item_id: null, item_id });
      it.item({ id: item_id, type: "message", role: "user", content: [{ type: "input_audio", transcript: null }] });
      it.send({ type: "conversation.item.input_audio_transcription.completed", item_id, content_index: 0, transcript: "hello there", usage: { type: "duration", seconds: 1 } });
      it.answer("I heard you.");
    },
  };
}
