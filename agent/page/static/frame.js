/* What is around each view: the way to the others, who is logged in, and how well the gateway is heard. */

import { h, replace, setAttribute, setText } from "./dom.js";
import { clock, octets, roughly } from "./words.js";

const PLACES = [["tunnels", "Tunnels"], ["history", "History"], ["sessions", "Sessions"], ["daemon", "Daemon"], ["certificates", "Certificates"]];
const MESSAGE_MS = 8000;
const MESSAGES = 4;

export class Frame {
  #connection = h("span", { role: "status", class: "connection" });
  #banner = h("div", { class: "banner", hidden: true });
  #since = h("span", {});
  #now = h("button", { type: "button" }, "Try now");
  #who = h("span", { class: "who" });
  #out = h("button", { type: "button" }, "Log out");
  #links = PLACES.map(([place, words]) => h("a", { href: `#/${place}`, "data-place": place }, words));
  #session = h("div", { class: "session", hidden: true });
  #nav = h("nav", { "aria-label": "Main", hidden: true }, this.#links);
  #told = h("div", { class: "told", "aria-live": "polite" });
  #alerts = h("div", { class: "told", role: "alert" });
  #link = null;

  /** Build into `header` and `messages`, two elements of the page. `onLogout`: the button was pressed. */
  constructor(header, messages, { onLogout, onHurry }) {
    this.#out.addEventListener("click", onLogout);
    this.#session.append(this.#connection, this.#who, this.#out);
    replace(header, h("div", { class: "bar" }, h("span", { class: "brand" }, "yangswan"), this.#nav, this.#session), this.#banner);
    this.#now.addEventListener("click", onHurry);
    replace(this.#banner, this.#since, this.#now);
    replace(messages, this.#alerts, this.#told);
    setInterval(() => this.#tick(), 1000);
  }

  /** Show who is logged in and the connection `link`, or, with null, that nobody is. */
  session(who, link) {
    this.#link = link;
    setAttribute(this.#session, "hidden", who === null);
    setAttribute(this.#nav, "hidden", who === null);
    setAttribute(this.#out, "hidden", who?.by === "certificate");
    setText(this.#who, who === null ? "" : who.by === "certificate" ? `${who.user}, by certificate` : who.user);
    link?.listen(() => this.#connected());
    this.#connected();
  }

  /** Mark the place where one is. */
  place(place) {
    for (const link of this.#links) setAttribute(link, "aria-current", link.dataset.place === place ? "page" : null);
  }

  /** Say something for a while; `kind`: "error" is said at once and stays until it is put away. */
  say(message, kind = "info") {
    const box = kind === "error" ? this.#alerts : this.#told;
    const text = h("span", {}, message);
    const one = h("div", { class: `message message-${kind === "error" ? "error" : "info"}` }, text);
    one.append(h("button", { type: "button", "aria-label": "Put this message away", onclick: () => one.remove() }, "Close"));
    while (box.childElementCount >= MESSAGES) box.firstChild.remove();
    box.append(one);
    if (kind !== "error") setTimeout(() => one.remove(), MESSAGE_MS);
  }

  /** Take all messages away. */
  quiet() {
    replace(this.#alerts);
    replace(this.#told);
  }

  #connected() {
    const state = this.#link?.state ?? "none";
    document.body.dataset.connection = state;
    const heardAt = this.#link?.heardAt ?? null;
    setText(this.#connection, words(state, heardAt, this.#link?.loading ?? null));
    setAttribute(this.#banner, "hidden", state !== "lost");
    this.#tick();
  }

  #tick() {
    if (this.#link?.state !== "lost") return;
    const { heardAt, loading } = this.#link;
    setAttribute(this.#now, "hidden", loading !== null);
    if (loading !== null) {
      return setText(this.#since, `The gateway is there again, and tells everything anew: ${octets(loading)}. Until then, what is shown may be old.`);
    }
    const since = heardAt === null
      ? "The gateway does not answer."
      : `The gateway was last heard at ${clock(heardAt)}, ${roughly(Math.max(0, Date.now() - heardAt) / 1000)} ago. What is shown is of then and may be old.`;
    setText(this.#since, `${since} The page goes on trying to reach it.`);
  }
}

function words(state, heardAt, loading) {
  if (loading !== null) return `Loading ${octets(loading)}`;
  if (state === "live") return "Live";
  if (state === "lost") return heardAt === null ? "The gateway does not answer" : `Lost the gateway, last seen ${clock(heardAt)}`;
  return state === "connecting" ? "Connecting" : "";
}
