/* Statuses as they are seen: a mark of its own shape, and the words beside it. */

import { h, svg } from "./dom.js";

/** Return the mark of a status (`look`: of words.statusLook), which says nothing to who hears the page. */
export function mark(look) {
  const outline = svg("path", { d: look.shape });
  return svg("svg", { class: `mark mark-${look.kind}`, viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" }, outline);
}

/** Return a status with its mark and its words. */
export function status(look) {
  return h("span", { class: `status status-${look.kind}` }, mark(look), h("span", {}, look.words));
}
