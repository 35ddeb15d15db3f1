/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page: its controls, and who is told about what. Reading order: talk.js (the conversation),
 * realtime.js (the connection), audio_in.js and audio_out.js (sound), then the three views
 * conversation.js, timeline.js (on turns.js) and events.js; voices.js draws the two voices.
 */

import { Microphone } from "./audio_in.js";
import { Speaker } from "./audio_out.js";
import { Conversation } from "./conversation.js";
import { EventList } from "./events.js";
import { NeedsKey, Realtime, key, list_agents } from "./realtime.js";
import { Talk } from "./talk.js";
import { Timeline } from "./timeline.js";
import { Turns } from "./turns.js";
import { Voices } from "./voices.js";

const $ = (id) => document.getElementById(id);

const PHASE_WORDS = {
  offline: "Not connected",
  connecting: "Connecting…",
  user: "You are speaking",
  speaking: "Speaking",
  thinking: "Thinking",
};

const conversation = new Conversation({ list: $("conversation"), scroll: $("conversation-scroll"), welcome: $("welcome") }, announce);
const turns = new Turns((turn) => timeline.changed(turn));
const timeline = new Timeline(
  { rows: $("turns"), axis: $("turns-axis"), empty: $("turns-empty"), scroll: $("turns-scroll") }, turns,
  (turn) => conversation.point_at([turn.user_item, ...turn.items]));
const events = new EventList({
  list: $("events"), scroll: $("events-scroll"), filter: $("events-filter"),
  direction: $("events-direction"), count: $("events-count"), empty: $("events-empty"),
});
const voices = new Voices($("voices"));
const speaker = new Speaker({ started: on_play_started, ended: on_play_ended, report: on_play_report });
const microphone = new Microphone({ frame: on_frame, lost: on_microphone_lost });
const realtime = new Realtime({ event: on_event, close: on_close });
const talk = new Talk({ realtime, speaker, conversation, turns }, { changed: show_phase, trouble: show_trouble, ready: on_ready });

let state = "offline"; /* "offline", "connecting" or "connected" */

/* ---- sound ---- */

function on_play_started(item) {
  turns.play_started(item, performance.now());
  show_phase();
}

function on_play_ended(item) {
  turns.play_ended(item, performance.now());
  talk.ended_playing(item);
  show_played({ level: 0, queued_ms: 0 });
}

function on_play_report(report) {
  voices.agent(report.level);
  show_played(report);
}

/* Figures of the loudspeaker for those who cannot listen: tests, and the curious. */
function show_played({ level, queued_ms }) {
  const { dataset } = $("player");
  dataset.playedMs = speaker.played_ms;
  dataset.queuedMs = Math.round(queued_ms);
  dataset.peakRms = Math.max(Number(dataset.peakRms), level).toFixed(4);
}

function on_frame(samples, level) {
  $("mic").style.setProperty("--level", Math.min(1, level * 6).toFixed(2));
  if (state !== "connected" || (talk.is_manual && microphone.is_muted))
    return;
  voices.you(level);
  talk.hear(samples);
}

function on_microphone_lost() {
  microphone.stop();
  show_microphone();
  show_trouble("The microphone went away. Plug it in again and turn it on.");
}

/* First press: turn it on. Later presses: mute and unmute; without turn detection, muting sends. */
async function press_microphone() {
  if (!microphone.is_on)
    await start_microphone();
  else {
    microphone.mute(!microphone.is_muted);
    if (talk.is_manual && microphone.is_muted)
      talk.commit();
  }
  show_microphone();
  show_phase();
}

async function start_microphone() {
  $("mic").disabled = true;
  try {
    await microphone.start();
  } catch (error) {
    show_trouble(error.message);
  }
  $("mic").disabled = state !== "connected";
}

function show_microphone() {
  const live = microphone.is_on && !microphone.is_muted;
  $("mic").setAttribute("aria-pressed", String(live));
  if (!live)
    $("mic").style.setProperty("--level", "0");
  const next = !microphone.is_on ? "Turn the microphone on" : live ? (talk.is_manual ? "Send what you said" : "Mute the microphone") : "Unmute the microphone";
  $("mic-words").textContent = next;
  $("mic").title = next;
  $("mic-state").textContent = !microphone.is_on ? "Microphone off" : live ? "Microphone on" : "Microphone muted";
}

/* ---- connection ---- */

function on_event(event, direction, at) {
  events.add(event, direction, at);
  turns.event(event, direction, at);
  if (direction === "in")
    talk.receive(event);
}

function on_ready() {
  state = "connected";
  show_state();
}

function on_close(end) {
  const was_connected = state === "connected";
  go_offline();
  if (end.needs_key) {
    key.forget();
    ask_for_key(end.words, connect);
  } else if (!end.expected || !was_connected)
    show_trouble(refusal_words(end, was_connected), true);
  conversation.divider("Disconnected");
}

/* A refusal comes as an error event, which says more than the close that follows it. */
function refusal_words(end, was_connected) {
  return was_connected || $("trouble").hidden ? end.words : $("trouble-words").textContent;
}

function go_offline() {
  state = "offline";
  microphone.stop();
  talk.reset();
  conversation.settle_unheard();
  show_microphone();
  show_state();
}

async function connect() {
  hide_trouble();
  state = "connecting";
  show_state();
  const agent = $("agent").value;
  conversation.agent = agent;
  conversation.divider(`Talking to ${agent}`);
  try {
    await speaker.start();
  } catch (error) {
    show_trouble(`Sound cannot be played: ${error.message}`);
  }
  talk.reset();
  events.start(performance.now());
  realtime.connect(agent);
}

function disconnect() {
  realtime.close();
  go_offline();
  conversation.divider("Disconnected");
}

async function load_agents() {
  try {
    show_agents(await list_agents());
  } catch (error) {
    if (error instanceof NeedsKey) {
      key.forget();
      ask_for_key(error.message, load_agents);
    } else
      show_trouble(error.message, true);
    show_state();
  }
}

function show_agents(names) {
  const select = $("agent");
  const before = select.value;
  select.replaceChildren(...names.map((name) => new Option(name, name)));
  if (names.includes(before))
    select.value = before;
  if (names.length === 0)
    show_trouble("This server has no agent. Add an [agent NAME] section to its configuration and reload it.");
  show_state();
}

/* ---- key ---- */

function ask_for_key(why, then) {
  const dialog = $("key-dialog");
  if (why)
    $("key-why").textContent = `${why} The key is kept in this tab only.`;
  $("key").value = "";
  dialog.onclose = () => {
    if (dialog.returnValue !== "use")
      return show_trouble("Without a key this server cannot be used.", true);
    key.set($("key").value.trim());
    then();
  };
  dialog.returnValue = "";
  if (!dialog.open)
    dialog.showModal();
}

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  $("key-dialog").close("use");
});
$("key-cancel").addEventListener("click", () => $("key-dialog").close(""));

/* ---- what is shown ---- */

function ready_words() {
  if (!microphone.is_on)
    return "Ready";
  return microphone.is_muted ? "Microphone muted" : "Listening";
}

function phase_words(phase) {
  if (phase === "ready")
    return ready_words();
  if (phase === "tool")
    return `Using ${[...talk.tools.values()].join(", ")}`;
  return PHASE_WORDS[phase];
}

function show_phase() {
  const phase = state === "connected" ? talk.phase : state;
  document.body.dataset.phase = phase;
  if ($("status-words").textContent !== phase_words(phase))
    $("status-words").textContent = phase_words(phase);
  $("stop").disabled = state !== "connected" || !talk.can_stop;
}

function show_state() {
  const is_on = state !== "offline";
  const has_agents = $("agent").value !== "";
  $("connect").textContent = is_on ? "Disconnect" : "Connect";
  $("connect").disabled = !has_agents;
  $("connect").classList.toggle("primary", !is_on);
  $("agent").disabled = is_on || !has_agents;
  for (const id of ["mic", "text", "send"])
    $(id).disabled = state !== "connected";
  show_microphone();
  show_phase();
}

function show_trouble(words, can_reconnect = false) {
  $("trouble").hidden = false;
  $("trouble-words").textContent = words;
  $("reconnect").hidden = !can_reconnect;
  $("reconnect").textContent = $("agent").value ? "Reconnect" : "Try again";
}

function hide_trouble() {
  $("trouble").hidden = true;
  $("trouble-words").textContent = "";
}

/* Final words only: a screen reader would stumble over each delta. */
function announce(text) {
  const line = document.createElement("span");
  line.textContent = text;
  $("announce").append(line);
  while ($("announce").childElementCount > 5)
    $("announce").firstChild.remove();
}

function show_view(view) {
  document.body.dataset.view = view;
  for (const button of document.querySelectorAll(".views button"))
    button.setAttribute("aria-pressed", String(button.dataset.view === view));
  if (view === "events")
    events.to_end();
}

function save_events() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([events.as_text()], { type: "application/x-ndjson" }));
  link.download = "parley-events.jsonl";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/* ---- controls ---- */

function send_text() {
  const text = $("text").value.trim();
  if (!text || state !== "connected")
    return;
  $("text").value = "";
  talk.say(text);
}

$("connect-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (state === "offline")
    connect();
  else
    disconnect();
});
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send_text();
});
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send_text();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !$("key-dialog").open && talk.can_stop)
    talk.stop();
});
$("mic").addEventListener("click", press_microphone);
$("stop").addEventListener("click", () => talk.stop());
$("reconnect").addEventListener("click", () => {
  hide_trouble();
  if ($("agent").value)
    connect();
  else
    load_agents();
});
$("trouble-close").addEventListener("click", hide_trouble);
$("events-clear").addEventListener("click", () => events.clear());
$("events-save").addEventListener("click", save_events);
for (const button of document.querySelectorAll(".views button"))
  button.addEventListener("click", () => show_view(button.dataset.view));

load_agents();
