// SPDX-License-Identifier: Apache-2.0
/* What the runner has to know about scenarios. The reasons are told at length in docs/tools-mcp.md, "Conformance". */

const SKILLS = "skills are files among a server's resources; parley takes its tools";

export const not_applicable = {
  "sep-2640-client-no-prefetch": SKILLS,
  "sep-2640-client-verify-digest": SKILLS,
  "sep-2640-client-verify-size": SKILLS,
  "sep-2640-client-verify-frontmatter": SKILLS,
};

/* A client passes by doing nothing, so that its words are looked at as well. */
export const refusals = {
  "auth/resource-mismatch": /resource/,
};

/* The suite measures the time between two requests. */
export const alone = new Set(["sse-retry"]);
