// SPDX-License-Identifier: Apache-2.0
/*
 * The two upstreams that every client test runs against, brought to the same behaviour: the rule engine
 * with real speech (model_local), and a script (model_script) that answers the same questions the same way.
 *
 *   hello                          a friendly remark
 *   what is two plus three         the calculator, run by parley; five
 *   what is the weather in Paris   get_weather, a tool of the client
 *   read me the story              read_story, a tool of the client, whose result is read aloud
 */
import { fileURLToPath } from "node:url";

const script = (name) => fileURLToPath(new URL(`../scripts/${name}.json`, import.meta.url));

const AGENT = {
  description: "Answers questions for tests",
  model: "main",
  instructions: "Answer in one short sentence.",
  tools: "builtin",
  client_may_set: "*",
  client_trace: "yes",
};

const COMMON = {
  "tools builtin": { plugin: "tools_builtin" },
  "store main": { plugin: "store_memory" },
};

export const upstreams = {
  model_script: (more = {}) => ({
    server: {},
    "model main": { plugin: "model_script", script: script("assistant") },
    ...COMMON,
    "agent assistant": AGENT,
    ...more,
  }),
  model_local: (more = {}) => ({
    server: {},
    "model main": { plugin: "model_local" },
    "speech main": { plugin: "speech_local" },
    ...COMMON,
    "agent assistant": AGENT,
    ...more,
  }),
};

const text = (description) => ({ type: "string", description });

export const WEATHER = {
  type: "function",
  name: "get_weather",
  description: "Tells the weather in a city",
  parameters: { type: "object", properties: { city: text("The city") }, required: ["city"] },
};
export const WEATHER_RESULT = "It is eighteen degrees and sunny in Paris.";

export const STORY = {
  type: "function",
  name: "read_story",
  description: "Reads a story aloud",
  parameters: { type: "object", properties: {} },
};
export const STORY_RESULT = "Once upon a time there was a small boat that wanted to see the other side of the sea. "
  + "It asked the wind, and the wind laughed. It asked the moon, and the moon was silent. So it went alone, night after night, "
  + "past the last lamp of the harbour, past the grey rocks and the sleeping whales, until one morning it found a quiet bay "
  + "where the sand was white and nobody had ever drawn a boat.";

export const SUM = /\bfive\b|\b5\b/i;
