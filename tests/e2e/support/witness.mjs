// SPDX-License-Identifier: Apache-2.0
/*
 * What a client was told of a conversation, and what of it it may count on after its connection broke: all of it, or,
 * when the server died, all up to the last promise (docs/sessions.md, "What is a promise"). What it then finds must be
 * the same, in the same order, and nothing twice.
 */

const PROMISES = new Set(["conversation.item.done", "conversation.item.input_audio_transcription.completed", "response.done"]);
const SOUND = new Set(["response.output_audio.delta", "input_audio_buffer.speech_started"]);

const gist = ({ type, role, status, content, name, arguments: args, call_id, output }) =>
  JSON.stringify({ type, role, status, content: content?.map((part) => part.text ?? part.transcript ?? null), name, args, call_id, output });

/* More may be known of it than was told: the words of what was spoken. */
const agrees = (was, now) => was === now || was.replace("[null]", "") === now.replace(/"content":\["[^"]*"\]/, '"content":');

/* What is in the events of a log: id → item, as it ended. */
function told_by(log) {
  const told = new Map();
  for (const event of log) {
    if (event.type === "conversation.item.done")
      told.set(event.item.id, structuredClone(event.item));
    else if (event.type === "conversation.item.input_audio_transcription.completed" && told.has(event.item_id))
      told.get(event.item_id).content[0].transcript = event.transcript;
  }
  return told;
}

export class Witness {
  constructor() {
    this.begin();
    this.counts = { told: new Set(), missing: [], twice: [], changed: [], moved: [] };
  }

  /* A session that was told of nothing yet. */
  begin() {
    this.events = new Set(); /* ids */
    this.owed = []; /* [{id, gist}] in order, until it was found again */
    this.last_event_id = null;
    this.has_died = false; /* the server, since it was last heard of */
    this.#look_anew();
  }

  #look_anew() {
    this.log = []; /* of the view that it has now */
    this.promised = 0; /* events of the log that can be counted on, whatever comes */
    this.since = 0; /* where in the log the client began to be answered so */
    this.is_spoken = false; /* ... in sound */
    this.items = new Map(); /* id → {item, is_done} */
    this.order = []; /* of the ids, as previous_item_id tells */
  }

  /* Another event; its kind decides. */
  take(event) {
    const { type, event_id } = event;
    this.log.push(event);
    if (type === "session.created")
      return;
    this.last_event_id = event_id;
    if (this.events.has(event_id))
      this.counts.twice.push(`event ${event_id}`);
    this.events.add(event_id);
    if (type === "conversation.item.added")
      this.added(event);
    else if (type === "conversation.item.done")
      this.done(event);
    else if (type === "conversation.item.input_audio_transcription.completed")
      this.transcribed(event);
    else if (type === "response.done")
      this.answered(event.response);
  }

  added({ item, previous_item_id }) {
    if (this.items.has(item.id))
      this.counts.twice.push(`${item.id} is added`);
    this.items.set(item.id, { item, is_done: false });
    this.#place(item.id, previous_item_id);
  }

  #place(id, previous_item_id) {
    const before = this.order.indexOf(previous_item_id);
    this.order.splice(before < 0 && previous_item_id !== null ? this.order.length : before + 1, 0, id);
  }

  done({ item, previous_item_id }) {
    if (this.items.get(item.id)?.is_done)
      this.counts.twice.push(`${item.id} is done`);
    if (!this.items.has(item.id))
      this.#place(item.id, previous_item_id);
    this.items.set(item.id, { item: structuredClone(item), is_done: true });
    this.counts.told.add(item.id);
  }

  transcribed({ item_id, transcript }) {
    const part = this.items.get(item_id)?.item.content?.[0];
    if (part)
      part.transcript = transcript;
  }

  answered({ output }) {
    for (const item of output) {
      const known = this.items.get(item.id);
      if (!known)
        this.counts.missing.push(`${item.id}, which a response tells of`);
      else if (known.is_done && gist(known.item) !== gist(item))
        this.counts.changed.push(`${gist(known.item)} is ${gist(item)} in its response`);
    }
  }

  has(id) {
    return this.items.get(id)?.is_done === true;
  }

  find(look) {
    return [...this.items.values()].find(({ item, is_done }) => is_done && look(item))?.item;
  }

  /* How many events can be counted on, should the server die now. Where sound may follow, nobody knows yet. */
  #safe() {
    const may_sound = this.is_spoken || this.log.slice(this.since).some(({ type }) => SOUND.has(type));
    const last = may_sound ? -1 : this.log.findLastIndex(({ type }) => PROMISES.has(type));
    return last >= this.since ? last + 1 : this.promised;
  }

  /* The client says something, to be answered in sound or not. */
  speak(is_spoken) {
    this.promised = this.#safe();
    if (is_spoken !== this.is_spoken)
      this.since = this.log.length;
    this.is_spoken = is_spoken;
  }

  /* The connection broke, or the server died while it was broken. */
  lost(has_died) {
    this.has_died ||= has_died;
  }

  is_owed_nothing() {
    return this.owed.length === 0 && this.#safe() === 0;
  }

  /* It may have been told anew only in part: what is new has its place behind what it followed. */
  #merge(ids, more) {
    more.forEach((id, i) => {
      if (!ids.includes(id))
        ids.splice(i === 0 ? 0 : ids.indexOf(more[i - 1]) + 1, 0, id);
    });
    return ids;
  }

  /* It is back, and is told what it missed, or everything anew. */
  back(resumed) {
    if (resumed === "conversation") {
      const told = told_by(this.log.slice(0, this.has_died ? this.#safe() : this.log.length));
      const before = new Map(this.owed.map((item) => [item.id, item.gist]));
      const owed = this.#merge([...before.keys()], this.order.filter((id) => told.has(id)));
      this.owed = owed.map((id) => ({ id, gist: told.has(id) ? gist(told.get(id)) : before.get(id) }));
      this.#look_anew();
    } else if (this.has_died) {
      this.counts.missing.push("what the server knew of its client was not lost with it?");
    }
    this.has_died = false;
  }

  /* All that it was owed must be there by now. */
  check() {
    const { order } = this;
    let place = -1;
    for (const { id, gist: was } of this.owed) {
      const now = this.items.get(id);
      if (!now?.is_done) {
        this.counts.missing.push(`${id} ${was}`);
        continue;
      }
      if (!agrees(was, gist(now.item)))
        this.counts.changed.push(`${was} became ${gist(now.item)}`);
      if (order.indexOf(id) < place)
        this.counts.moved.push(`${id} ${was}`);
      place = order.indexOf(id);
    }
    this.owed = [];
    const calls = [...this.items.values()].map(({ item }) => `${item.type} of ${item.call_id}`).filter((text) => text.startsWith("function"));
    this.counts.twice.push(...calls.filter((text, i) => calls.indexOf(text) < i));
  }

  /* What a store has kept, [{id, item}] in order, against all that was told. */
  compare(kept) {
    for (const { item, transcript } of kept)
      if (transcript !== undefined)
        item.content[0].transcript = transcript;
    const ids = kept.map(({ id }) => id);
    const calls = kept.map(({ item }) => `${item.type} of ${item.call_id}`).filter((text) => text.startsWith("function"));
    this.counts.twice.push(...ids.filter((id, i) => ids.indexOf(id) < i).map((id) => `${id} in the store`));
    this.counts.twice.push(...calls.filter((text, i) => calls.indexOf(text) < i).map((text) => `${text} in the store`));
    for (const { item, is_done } of this.items.values()) {
      const found = kept.find(({ id }) => id === item.id);
      if (is_done && !found)
        this.counts.missing.push(`${item.id} ${gist(item)} in the store`);
      else if (is_done && !agrees(gist(item), gist(found.item)))
        this.counts.changed.push(`${gist(item)} is ${gist(found.item)} in the store`);
    }
  }
}
