/* SPDX-License-Identifier: Apache-2.0 */
/* Making nodes. Text only ever enters as text, never as markup. */

const SVG = "http://www.w3.org/2000/svg";

export function element(name, className, text) {
  const node = document.createElement(name);
  if (className)
    node.className = className;
  if (text !== undefined)
    node.textContent = text;
  return node;
}

export function svg(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes))
    node.setAttribute(key, value);
  if (text !== undefined)
    node.textContent = text;
  return node;
}
