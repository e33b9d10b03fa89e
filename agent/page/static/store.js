/*
 * The tunnels as the gateway last told of them. Pure: no DOM and no clock; what is pushed comes in (RFC 8641).
 *
 * The state comes as changes, whole at the start of each stream; traffic comes in periods, and of two samples the
 * difference counts. All samples come at the same moments, so that only one list of times is kept.
 */

import { ENTRY, KINDS, OutOfStep, TUNNELS, applyBelow, merge, plain, steps, valueOf } from "./patch.js";
import { instant } from "./words.js";

export { OutOfStep };

/** So many samples make a curve. */
export const SAMPLES = 30;
/* A time since rekey has whole seconds: its moment is known no better, and must not be shown as if it moved. */
const ROUNDING_MS = 2000;

/* Of two samples that are closer the difference says little: counters may be read a moment before or after. */
const CLOSEST_MS = 1000;

export class Tunnels {
  #byId = new Map();
  #byPlace = null;
  #listeners = new Set();
  #lastPatch = null;
  #traffic = new Map();
  #times = [];

  /** Whether the state was told at all, since the beginning or the last `clear`. */
  synced = false;

  /**
   * Take in what was pushed for the subscription `kind`, "state" or "traffic": `notification` is a push-update or
   * push-change-update as JSON, with or without "ietf-restconf:notification" around it.
   *
   * Raises OutOfStep: it is of another form, or does not follow on what came before; a new stream tells all anew.
   */
  push(notification, kind) {
    if (kind === "traffic") return this.traffic(notification);
    const { update, patch } = opened(notification);
    if (update) {
      this.#lastPatch = null;
      return this.#whole(tunnelsIn(update["datastore-contents"]));
    }
    const changes = patch["datastore-changes"]?.["yang-patch"];
    if (!changes || typeof changes !== "object") throw new OutOfStep("a patch has no changes");
    this.#follows(changes["patch-id"]);
    if ("incomplete-update" in patch) throw new OutOfStep("the gateway could not tell all changes");
    const edits = changes.edit ?? [];
    const changed = new Changed();
    try {
      for (const edit of Array.isArray(edits) ? edits : [edits]) this.#edit(edit, changed);
    } finally {
      this.#tell(changed);
    }
  }

  /** Take in a sample of the counters: a push-update of the subscription "traffic". Raises OutOfStep. */
  traffic(notification) {
    const { update, time } = opened(notification);
    const at = instant(time);
    if (!update || Number.isNaN(at)) throw new OutOfStep("traffic comes as a push-update with its time");
    // Where the gateway's clock was put back, no time of before says how far one of now is from it.
    if (at <= this.#times.at(-1) - CLOSEST_MS) this.#forgetSamples();
    const before = this.#times.at(-1);
    if (at - before < CLOSEST_MS) return;
    this.#times.push(at);
    if (this.#times.length > SAMPLES) this.#times.shift();
    const passedS = before === undefined ? null : (at - before) / 1000;
    const told = new Map(tunnelsIn(update["datastore-contents"]).map((entry) => [entry.id, entry.state ?? {}]));
    for (const id of this.#traffic.keys()) if (!told.has(id) && !this.#byId.has(id)) this.#traffic.delete(id);
    for (const [id, state] of told) {
      const flow = this.#traffic.get(id) ?? new Flow();
      this.#traffic.set(id, flow);
      flow.take(state, at, passedS, this.#isUp(id));
    }
    for (const [id, flow] of this.#traffic) {
      if (!told.has(id)) flow.take({}, at, passedS, this.#isUp(id));
      flow.upSince = this.one(id)?.state?.since;
    }
    this.#tell(new Changed([...this.#traffic.keys()]));
  }

  /** Return all tunnels in the order of their numbers: entries of the list as JSON. They change in place. */
  rows() {
    this.#byPlace ??= [...this.#byId.values()].sort((one, other) => one.id - other.id);
    return this.#byPlace;
  }

  /** Return a tunnel by its number, undefined if there is none. */
  one(id) {
    return this.#byId.get(Number(id));
  }

  /** Return what a tunnel carried between the last two samples, `{in, out}` in octets a second; null: not known. */
  rate(id) {
    const flow = this.#traffic.get(Number(id));
    return flow === undefined ? null : flow.last();
  }

  /** Return the samples of a tunnel, oldest first: `{at, in, out}` (ms since 1970, octets a second or null). */
  samples(id) {
    const flow = this.#traffic.get(Number(id));
    return flow === undefined ? [] : this.#times.map((at, place) => flow.sample(at, this.#times.length - place));
  }

  /** Return the counters of a tunnel's CHILD_SAs at the last sample: octets `[in, out]` by their unique-id. */
  counters(id) {
    return this.#traffic.get(Number(id))?.counters ?? new Map();
  }

  /** Return when the CHILD_SA in use was installed, as far as it was told (ms since 1970), null. */
  rekeyedAt(id) {
    const tunnel = this.one(id);
    if (tunnel?.state?.status !== "installed") return null;
    const flow = this.#traffic.get(Number(id));
    const told = flow?.rekeyedAt ?? null;
    const { since } = tunnel.state;
    const sampled = this.#times.at(-1);
    if (sampled === undefined || (told !== null && since === flow.upSince)) return told;
    // What went up after the last sample has its SA since then.
    const up = instant(since);
    return up > sampled ? up : told;
  }

  /** Call `callback` after each change with `{ids, whole}`: numbers of tunnels; `whole`: some came or went. */
  listen(callback) {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  /** A new stream begins: its first update is awaited, what is there stays until then. */
  begin() {
    this.#lastPatch = null;
  }

  /** Forget everything, for instance because another user logs in. */
  clear() {
    const gone = new Changed([...this.#byId.keys()]);
    gone.whole = true;
    this.#byId.clear();
    this.#forgetSamples();
    this.#byPlace = null;
    this.#lastPatch = null;
    this.synced = false;
    this.#tell(gone);
  }

  /**
   * Whether the last sample tells nothing of SAs though tunnels are up: who may not read them gets an answer in which
   * they are not.
   */
  get trafficUntold() {
    const up = [...this.#traffic].filter(([id]) => this.#isUp(id));
    return up.length > 0 && up.every(([, flow]) => !flow.isTold);
  }

  #forgetSamples() {
    this.#traffic.clear();
    this.#times = [];
  }

  #isUp(id) {
    return this.#byId.get(id)?.state?.status === "installed";
  }

  #follows(id) {
    const now = Number(id);
    if (this.#lastPatch !== null && now !== this.#lastPatch + 1) throw new OutOfStep(`patch ${id} follows ${this.#lastPatch}`);
    this.#lastPatch = Number.isNaN(now) ? null : now;
  }

  #whole(entries) {
    const changed = new Changed();
    const there = new Map();
    for (const entry of entries) {
      const before = this.#byId.get(entry.id);
      const same = before !== undefined && JSON.stringify(before) === JSON.stringify(entry);
      there.set(entry.id, same ? before : entry);
      if (!same) changed.ids.add(entry.id);
      if (before === undefined) changed.whole = true;
    }
    for (const id of this.#byId.keys()) {
      if (!there.has(id)) {
        changed.ids.add(id);
        changed.whole = true;
      }
    }
    this.#byId = there;
    this.#byPlace = null;
    if (!this.synced) changed.whole = true;
    this.synced = true;
    this.#tell(changed);
  }

  #edit(edit, changed) {
    const way = steps(edit?.target);
    const kind = KINDS[edit.operation];
    if (kind === undefined) throw new OutOfStep(`${edit.operation} is no operation`);
    if (way.length === 0) return this.#several(edit.value ?? {}, kind, changed);
    if (way[0].name !== "tunnels") throw new OutOfStep(`${edit.target} was not asked for`);
    if (way.length === 1) {
      return this.#several(kind === "remove" ? {} : { tunnels: valueOf(edit, "tunnels") }, kind, changed);
    }
    const [, step, ...below] = way;
    const id = Number(step.keys[0]);
    if (step.name !== "ipsec" || step.keys.length !== 1 || !Number.isInteger(id)) {
      throw new OutOfStep(`${edit.target} is no tunnel`);
    }
    if (below.length === 0) return this.#entry(id, edit, kind, changed);
    const entry = this.#byId.get(id);
    if (entry === undefined) throw new OutOfStep(`there is no tunnel ${id}`);
    changed.ids.add(id);
    applyBelow(entry, ENTRY, below, edit);
  }

  #entry(id, edit, kind, changed) {
    if (kind === "remove") this.#drop(id, changed);
    else if (kind !== "none") {
      const entry = plain(valueOf(edit, "ipsec"), TUNNELS.members.ipsec)[0];
      if (entry?.id !== id) throw new OutOfStep(`what comes for tunnel ${id} is another one`);
      this.#put(entry, kind, changed);
    }
  }

  #several(value, kind, changed) {
    const entries = tunnelsIn(value);
    if (kind === "remove" || kind === "set") {
      const kept = new Set(entries.map(({ id }) => id));
      for (const id of [...this.#byId.keys()]) if (!kept.has(id)) this.#drop(id, changed);
    }
    for (const entry of entries) this.#put(entry, kind, changed);
  }

  #put(entry, kind, changed) {
    const there = this.#byId.get(entry.id);
    changed.ids.add(entry.id);
    if (there !== undefined && kind === "merge") return merge(there, entry);
    if (there === undefined) changed.whole = true;
    this.#byId.set(entry.id, entry);
    this.#byPlace = null;
  }

  #drop(id, changed) {
    if (!this.#byId.delete(id)) return;
    changed.ids.add(id);
    changed.whole = true;
    this.#byPlace = null;
  }

  #tell(changed) {
    if (!changed.ids.size && !changed.whole) return;
    for (const callback of [...this.#listeners]) callback({ ids: changed.ids, whole: changed.whole });
  }
}

class Changed {
  whole = false;
  constructor(ids = []) {
    this.ids = new Set(ids);
  }
}

/** What one tunnel carries: a ring of rates, and the counters of its CHILD_SAs at the last sample. */
class Flow {
  rekeyedAt = null;
  /** Since when the tunnel was up, as the gateway had said at the last sample. */
  upSince = undefined;
  isTold = false;
  counters = null;
  #rates = new Float64Array(2 * SAMPLES).fill(NaN);
  #next = 0;

  /** Take a sample: `passedS` since the last one, null: there was none; `isUp`: the tunnel has SAs, told or not. */
  take(state, at, passedS, isUp) {
    const ageS = state["time-since-rekey"];
    const rekeyedAt = ageS === undefined ? null : at - 1000 * ageS;
    const moved = rekeyedAt === null || this.rekeyedAt === null || Math.abs(rekeyedAt - this.rekeyedAt) > ROUNDING_MS;
    if (moved) this.rekeyedAt = rekeyedAt;
    this.isTold = state["child-sa"] !== undefined || ageS !== undefined;
    const sas = state["child-sa"] ?? [];
    const [received, sent] = isUp && !this.isTold ? [NaN, NaN] : this.#grown(sas, ageS, passedS);
    this.counters = new Map(sas.map((sa) => [sa["unique-id"], [sa["bytes-in"] ?? 0, sa["bytes-out"] ?? 0]]));
    this.#rates[2 * this.#next] = passedS === null ? NaN : received / passedS;
    this.#rates[2 * this.#next + 1] = passedS === null ? NaN : sent / passedS;
    this.#next = (this.#next + 1) % SAMPLES;
  }

  /** Return the octets, in and out, that came to the counters since the last sample; NaN: not known. */
  #grown(sas, ageS, passedS) {
    if (this.counters === null || passedS === null) return sas.length ? [NaN, NaN] : [0, 0];
    let received = 0;
    let sent = 0;
    for (const sa of sas) {
      const now = [sa["bytes-in"] ?? 0, sa["bytes-out"] ?? 0];
      const before = this.counters.get(sa["unique-id"]);
      // One that is new counts from 0, if it came since the last sample; of an older one nobody knows what of its
      // octets are new. A counter that went back is that of another SA which got the number.
      const known = before !== undefined && now[0] >= before[0] && now[1] >= before[1];
      if (!known && !(ageS <= passedS + 1)) continue;
      received += now[0] - (known ? before[0] : 0);
      sent += now[1] - (known ? before[1] : 0);
    }
    return [received, sent];
  }

  /** Return the sample that is the `back`th from the end, at `at`. */
  sample(at, back) {
    const place = (this.#next - back + 2 * SAMPLES) % SAMPLES;
    const [received, sent] = [this.#rates[2 * place], this.#rates[2 * place + 1]];
    return { at, in: Number.isNaN(received) ? null : received, out: Number.isNaN(sent) ? null : sent };
  }

  last() {
    const { in: received, out } = this.sample(0, 1);
    return received === null ? null : { in: received, out };
  }
}

/** Return what a notification has: `{update}` or `{patch}`, and its `time`. */
function opened(notification) {
  const inside = notification?.["ietf-restconf:notification"] ?? notification;
  const update = inside?.["ietf-yang-push:push-update"];
  const patch = inside?.["ietf-yang-push:push-change-update"];
  const found = update ?? patch;
  if (found === null || typeof found !== "object") throw new OutOfStep("this is no update");
  return { update, patch, time: inside.eventTime };
}

/** Return the tunnels in a datastore's contents, each once. */
function tunnelsIn(contents) {
  if (contents === "" || contents === undefined || contents === null) return [];
  if (typeof contents !== "object") throw new OutOfStep("contents are members");
  const tunnels = contents["yangswan-ipsec:tunnels"] ?? contents.tunnels;
  const entries = tunnels === undefined ? [] : (plain(tunnels, TUNNELS).ipsec ?? []);
  if (entries.some(({ id }) => !Number.isInteger(id))) throw new OutOfStep("a tunnel has no number");
  return entries;
}
