/* One tunnel in the table: its cells are made once, and only what has changed is written again. */

import { curve, redraw } from "./curve.js";
import { h, setAttribute, setText } from "./dom.js";
import { mark } from "./marks.js";
import { peerOf } from "./selection.js";
import { visible } from "./visible.js";
import { instant, notesOf, rate, reasonWords, shortDuration, statusLook } from "./words.js";

const CURVE = { width: 96, height: 20, label: "" };

/* Roles are said though they are those of the elements: as cards, on a narrow screen, some browsers drop them. */
const cell = (name, ...children) => h("td", { role: "cell", class: `cell-${name}` }, ...children);

export class Row {
  #id = h("a", {});
  #description = cell("description");
  #peer = cell("peer");
  #words = h("span", { class: "status-words" });
  #why = h("span", { class: "why" });
  #status = h("span", { class: "status" }, this.#words);
  #rekey = cell("rekey");
  #in = h("span", { class: "rate" });
  #out = h("span", { class: "rate" });
  #curve = curve([], CURVE);
  #rates = h(
    "span",
    { class: "rates" },
    h("span", { class: "way" }, h("span", { class: "way-name" }, "in "), this.#in),
    h("span", { class: "way" }, h("span", { class: "way-name" }, " out "), this.#out),
  );
  #look = "";
  #isUp = false;
  element;

  constructor(id) {
    setText(this.#id, String(id));
    this.#id.href = `#/tunnels/${id}`;
    this.id = id;
    this.element = h(
      "tr",
      { role: "row" },
      h("th", { role: "rowheader", scope: "row", class: "cell-id" }, this.#id),
      this.#description,
      this.#peer,
      cell("status", h("div", { class: "line" }, this.#status, this.#why)),
      this.#rekey,
      cell("traffic", h("div", { class: "line" }, this.#rates, this.#curve)),
    );
  }

  /** Show the tunnel as it is. `place`: its number among all rows, from 1 on; `now`: ms on the gateway's clock. */
  update(tunnel, tunnels, now, place) {
    setAttribute(this.element, "aria-rowindex", place + 1); // the row of headings is the first
    // What a narrow column cuts off is there when one points at it, and on the tunnel's page.
    const description = visible(tunnel.description);
    setText(this.#description, description);
    setAttribute(this.#description, "title", description || null);
    setText(this.#peer, peerOf(tunnel) || "any");
    setAttribute(this.#peer, "title", peerOf(tunnel) || null);
    const look = statusLook(tunnel);
    if (this.#look !== look.words) {
      this.#look = look.words;
      this.#status.replaceChildren(mark(look), this.#words);
      setText(this.#words, look.words);
      setAttribute(this.#status, "class", `status status-${look.kind}`);
    }
    this.#isUp = look.kind === "up";
    const why = visible(whyOf(tunnel));
    setText(this.#why, why);
    setAttribute(this.#why, "title", why || null);
    this.tick(tunnels, now);
  }

  /** Show the traffic as it is: after each sample. */
  flow(tunnels) {
    const now = this.#isUp ? tunnels.rate(this.id) : null;
    setAttribute(this.#rates, "hidden", now === null);
    setText(this.#in, now === null ? "" : rate(now.in));
    setText(this.#out, now === null ? "" : rate(now.out));
    const samples = tunnels.samples(this.id);
    const isIdle = samples.every((sample) => (this.#isUp ? sample.in === null : !sample.in && !sample.out));
    setAttribute(this.#curve, "hidden", isIdle);
    redraw(this.#curve, isIdle ? [] : samples, CURVE);
  }

  /** Let time go on. */
  tick(tunnels, now) {
    const at = tunnels.rekeyedAt(this.id);
    setText(this.#rekey, at === null ? "" : shortDuration((now - at) / 1000));
  }
}

/** Return what is to be known beside the status: what stands against the tunnel, and why it is down. */
export function whyOf(tunnel) {
  const state = tunnel.state ?? {};
  if (tunnel.enabled === false) return "";
  const notes = notesOf(tunnel);
  if (state.status === "installed" || tunnel.state === undefined) return notes.join("; ");
  const [error, down] = [state["last-error"], state["last-down"]];
  const latest = (instant(error?.time) || 0) >= (instant(down?.time) || 0) ? (error ?? down) : down;
  return [reasonWords(latest), ...notes].filter(Boolean).join("; ");
}
