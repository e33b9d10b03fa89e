/* What is drawn of one tunnel: how it is and why, its SAs, what happened to it, its log and packets, its configuration. */

import { curve } from "./curve.js";
import { h, replace, setText } from "./dom.js";
import { LOG, PACKETS, following } from "./following.js";
import { status } from "./marks.js";
import { busy, empty, facts, heading, moment, said, section, show, warning } from "./parts.js";
import { recount, sas } from "./sas.js";
import { actions } from "./tunnel-actions.js";
import { eventWords, factsOf, flattened, warningsOf } from "./tunnel-facts.js";
import { visible } from "./visible.js";
import { clock, rate, statusLook } from "./words.js";

const CURVE = { width: 640, height: 160 };

export class TunnelPage {
  trouble = h("div", {});
  element;
  #context;
  #id;
  #name = h("span", {});
  #status = h("p", { class: "now", role: "status" });
  #speed = h("p", { class: "muted" });
  #graph = h("div", { class: "graph" });
  #packetsAsOf = h("p", { class: "muted" });
  #state = section("State");
  #sas = section("Security associations");
  #events = section("Events");
  #log = section("Log");
  #packets = section("Packets");
  #configuration = section("Configuration");
  #sections;
  #followed;
  #words;

  /** `id`: its number, null where the address has none; `afterwards()`: something was done with the tunnel. */
  constructor(context, id, afterwards) {
    this.#context = context;
    this.#id = id;
    const parts = [this.#state, this.#sas, this.#events, this.#log, this.#packets, this.#configuration];
    this.#sections = h("div", {}, actions(context, id, afterwards), parts.map(({ element }) => element));
    this.element = h("div", { class: "view view-tunnel" }, heading(this.#name), this.#status, this.trouble, this.#sections);
    for (const { body } of [this.#state, this.#sas, this.#events, this.#configuration]) busy(body);
    this.#followed = [following(context, id, LOG, this.#log.body), following(context, id, PACKETS, this.#packets.body)];
    this.told(context.tunnels.one(id));
    this.traffic();
  }

  get title() {
    return this.#name.textContent;
  }

  /** Draw what the stream tells, `tunnel`: an entry as JSON, undefined of none. The rest is read. */
  told(tunnel) {
    const description = visible(tunnel?.description ?? "");
    const title = this.#id === null ? "Tunnel" : `Tunnel ${this.#id}`;
    replace(this.#name, title, description && ": ", description && h("bdi", {}, description));
    const look = tunnel === undefined ? null : statusLook(tunnel);
    // Who hears the page is told of a status that is another one, and not each time that it is drawn.
    if (look?.words === this.#words) return;
    this.#words = look?.words;
    replace(this.#status, look && status(look));
  }

  /** Draw what the last samples say. */
  traffic() {
    const { tunnels } = this.#context;
    const carried = tunnels.rate(this.#id);
    setText(this.#speed, carried === null ? "What it carries is not known yet." : `Carries ${rate(carried.in)} in, ${rate(carried.out)} out.`);
    replace(this.#graph, graph(this.#id, tunnels.samples(this.#id)));
    recount(this.#sas.body, tunnels.counters(this.#id));
  }

  /** Draw the tunnel that was read, null of none. */
  draw(tunnel) {
    this.#sections.hidden = tunnel === null;
    if (tunnel === null) return this.#missing();
    this.told(tunnel);
    setText(this.#packetsAsOf, `Packets as of ${clock(this.#context.now())}.`);
    const warnings = warningsOf(tunnel).map((text) => warning(visible(text)));
    show(this.#state.body, warnings, facts(factsOf(tunnel).map(fact)), this.#speed, this.#graph);
    show(this.#sas.body, sas(tunnel.state), tunnel.state?.["child-sa"]?.length ? this.#packetsAsOf : null);
    show(this.#events.body, events(tunnel.state?.event ?? []));
    show(this.#configuration.body, configuration(tunnel));
  }

  /** Follow nothing any more. */
  close() {
    for (const one of this.#followed) one.close();
  }

  #missing() {
    const why = this.#id === null ? "There is no tunnel of that name: they have numbers." : `There is no tunnel ${this.#id}, or you may not read it.`;
    this.told(undefined);
    replace(this.trouble, empty(why), h("p", {}, h("a", { href: "#/tunnels" }, "All tunnels")));
  }
}

/** Return the curve of what a tunnel carried, with what it says in words; null while nothing is known. */
function graph(id, samples) {
  const known = samples.filter((sample) => sample.in !== null);
  if (known.length < 2) return null;
  const most = Math.max(...known.map((sample) => Math.max(sample.in, sample.out)));
  const words = `Since ${clock(known[0].at)} at most ${rate(most)}`;
  return [
    curve(samples, { ...CURVE, label: `Traffic of tunnel ${id}. ${words}.` }),
    h("p", { class: "muted" }, `${words}: the area is what came in, the line what went out.`),
  ];
}

function fact([name, parts]) {
  return [name, parts.map((part) => (typeof part === "string" ? h("bdi", {}, part) : part.at ? moment(part.at) : h("div", {}, h("bdi", {}, part.line))))];
}

function events(found) {
  if (found.length === 0) return empty("Nothing has happened to it since the agent watches it.");
  const newest = [...found].reverse();
  const items = newest.map((event) => h("li", {}, moment(event.time), " ", h("bdi", {}, eventWords(event))));
  return h("ol", { class: "events", tabindex: "0", "aria-label": "Events, the newest first" }, items);
}

function configuration(tunnel) {
  const { id, state, ...rest } = tunnel;
  const pairs = flattened(rest).map(([path, value]) => [path, said(value)]);
  if (pairs.length === 0) return empty("You may not read its configuration.");
  return [facts(pairs), h("p", { class: "muted" }, "Secrets are not shown.")];
}
