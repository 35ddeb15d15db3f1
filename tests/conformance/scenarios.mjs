// SPDX-License-Identifier: Apache-2.0
/* What the runner has to know about scenarios. The reasons are told at length in docs/tools-mcp.md, "Conformance". */

const SKILLS = "skills are files among a server's resources; parley takes its tools";

const NO_PERSON = "it exchanges the ID token of a person who is signed in, and a server has none";

export const not_applicable = {
  "auth/cross-app-access-complete-flow": NO_PERSON,
  "auth/enterprise-managed-authorization": NO_PERSON,
  "sep-2640-client-no-prefetch": SKILLS,
  "sep-2640-client-verify-digest": SKILLS,
  "sep-2640-client-verify-size": SKILLS,
  "sep-2640-client-verify-frontmatter": SKILLS,
};

/* A client passes by doing nothing, so that its words are looked at as well. */
export const refusals = {
  "auth/resource-mismatch": /resource/,
};

/* The suite measures the time between two requests: they run alone, and a busy machine is forgiven twice. */
export const timed = new Set(["sse-retry"]);
