/* What joins the page to the gateway: the stream, the tunnels it keeps true, and how well they are known. */

import * as api from "./api.js";
import { open } from "./events.js";

const COUNTERS =
  "/data/yangswan-ipsec:tunnels?fields=ipsec(id;state(time-since-rekey;child-sa(unique-id;bytes-in;bytes-out)))";
/* What is there sooner needs no word. */
const SLOW_MS = 2000;
const STATE_CHANGES = "ietf-subscribed-notifications:subscription-";

/**
 * The connection of who is logged in.
 *
 * `state`: "connecting", "live", "lost"; "live" is said when the state of the tunnels is known to be true again, not
 * when the line is there. `heardAt`: when the gateway was last heard (ms, null). `refused`: what the user may not
 * read, the server's words by "state" or "traffic". `troubles`: what else is not told, sentences by the same names.
 * `loading`: of how many octets the event is that is on its way for a while, null: of none.
 */
export class Link {
  state = "connecting";
  heardAt = null;
  refused = {};
  troubles = {};
  loading = null;
  #slow = 0;
  #tunnels;
  #user;
  #onOther;
  #subscriptions = {};
  #ahead = 0;
  #isOpen = true;
  #restarts = 0;
  #version = null;
  #awaitsSample = false;
  #listeners = new Set();
  #followers = new Set();
  #stream;

  /**
   * `user`: whose it is; `allowed`: tells whether there still is a session; `onOver(reason)`: the gateway ended it;
   * `onOther()`: the stream is that of another user.
   */
  constructor(tunnels, { user, allowed, onOver, onOther }) {
    this.#tunnels = tunnels;
    this.#user = user;
    this.#onOther = onOther;
    this.#stream = open(
      (name, value) => this.#take(name, value),
      (state, detail) => (state === "over" ? onOver(detail.reason) : this.#moved(state, detail)),
      { allowed },
    );
  }

  /** Return the gateway's clock, in ms since 1970: the two clocks need not agree. */
  now() {
    return Date.now() + this.#ahead;
  }

  /** Call `callback` when anything of the link has changed; returns what ends that. */
  listen(callback) {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  /** Call `callback` with each event as RESTCONF has it in JSON; returns what ends that. */
  onNotification(callback) {
    this.#followers.add(callback);
    return () => this.#followers.delete(callback);
  }

  /** Call `callback` each time that the gateway is there again after it was lost; returns what ends that. */
  onLiveAgain(callback) {
    let before = this.state;
    return this.listen(() => {
      const isBack = this.state === "live" && before === "lost";
      before = this.state;
      if (isBack) callback();
    });
  }

  /** Try at once to reach a gateway that was lost. */
  hurry() {
    this.#stream.hurry();
  }

  close() {
    this.#isOpen = false;
    clearTimeout(this.#slow);
    this.#stream.close();
    this.#listeners.clear();
    this.#followers.clear();
  }

  #moved(state, { at, reason }) {
    if (state === "live") return;
    this.#arrived();
    if (at !== null && at !== undefined) this.heardAt = at;
    // What was not understood is told anew in a moment; only if that helps nothing it is a loss.
    if (reason === "not understood" && this.#restarts++ === 0) return this.#become("connecting");
    // Who has lost the gateway is told so until it is there again, and not of each try.
    if (this.state !== "lost") this.#become(state);
  }

  #become(state) {
    this.state = state;
    this.#tell();
  }

  #tell() {
    for (const callback of [...this.#listeners]) guarded(callback);
  }

  #take(name, value) {
    this.#arrived();
    if (value?.now) this.#set(value.now);
    if (name === "hello") this.#greeted(value);
    else if (name === "push") this.#pushed(value);
    else if (name === "notification") for (const callback of [...this.#followers]) guarded(callback, value);
    else if (name === "large") this.#slow = setTimeout(() => this.#awaits(Number(value.octets) || 0), SLOW_MS);
  }

  #arrived() {
    clearTimeout(this.#slow);
    if (this.loading !== null) this.#awaits(null);
  }

  #awaits(octets) {
    this.loading = octets;
    this.#tell();
  }

  /* The periods of all pages end at the same moments, and the next end may be long to wait for. */
  async #sample() {
    try {
      const found = await api.get(COUNTERS);
      const contents = { "yangswan-ipsec:tunnels": found?.["yangswan-ipsec:tunnels"] ?? {} };
      const update = { "ietf-yang-push:push-update": { "datastore-contents": contents } };
      if (this.#isOpen) this.#tunnels.traffic({ eventTime: new Date(this.now()).toISOString(), ...update });
    } catch (error) {
      console.info("there is no first sample:", error.message);
    }
  }

  #greeted(value) {
    // All tabs have one cookie: what it opens may be somebody else's by now.
    if (value.user !== this.#user) return this.#onOther();
    this.#tunnels.begin();
    this.#subscriptions = value.subscriptions ?? {};
    this.refused = value.refused ?? {};
    this.troubles = {};
    this.#version ??= value.version;
    if (value.version !== this.#version) this.troubles.version = OTHER_VERSION;
    this.#awaitsSample = this.#subscriptions.traffic !== undefined;
    if (this.#subscriptions.state === undefined) {
      this.#tunnels.clear();
      this.#become("live");
    } else {
      this.#tell();
    }
  }

  #pushed(value) {
    const inside = value?.["ietf-restconf:notification"] ?? value;
    const [name, body] = Object.entries(inside).find(([member]) => member.includes(":")) ?? ["", {}];
    const kind = ["state", "traffic"].find((one) => String(this.#subscriptions[one]) === String(body?.id));
    if (kind === undefined) return;
    if (name.startsWith(STATE_CHANGES)) return this.#changed(name.slice(STATE_CHANGES.length), kind, body);
    this.#tunnels.push(value, kind);
    if (kind !== "state") return;
    this.#restarts = 0;
    if (this.state !== "live") this.#become("live");
    if (this.#awaitsSample && this.#tunnels.rows().some(({ state }) => state?.status === "installed")) this.#sample();
    this.#awaitsSample = false;
  }

  #changed(what, kind, body) {
    if (what === "suspended") {
      const why = String(body.reason ?? "").replace(/^.*:/, "");
      this.troubles[kind] = `The gateway tells nothing more of ${NAMES[kind]} for now${why ? ` (${why})` : ""}: what is shown may be old.`;
      this.#become("live");
    } else if (what === "resumed" || what === "terminated" || what === "completed") {
      this.#stream.again();
    }
  }

  #set(now) {
    const ahead = Date.parse(now) - Date.now();
    if (!Number.isNaN(ahead)) this.#ahead = ahead;
  }
}

const OTHER_VERSION = "The agent has another version now than this page: load the page again.";
const NAMES = { state: "the tunnels", traffic: "the traffic" };

/* A fault of one view is no reason to believe that the stream is broken. */
function guarded(callback, ...given) {
  try {
    callback(...given);
  } catch (error) {
    console.error(error);
  }
}
