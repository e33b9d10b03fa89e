/* One tunnel: how it is and why, its SAs, what happened to it, its log and packets, its configuration. */

import { curve } from "./curve.js";
import { h, replace, setText } from "./dom.js";
import { LOG, PACKETS, following } from "./following.js";
import { status } from "./marks.js";
import { busy, empty, endDialogs, facts, heading, moment, said, section, show as draw, warning } from "./parts.js";
import { hearing, numberOf, standing } from "./reading.js";
import { recount, sas } from "./sas.js";
import { actions } from "./tunnel-actions.js";
import { CONFIGURATION, eventWords, factsOf, flattened, warningsOf } from "./tunnel-facts.js";
import { visible } from "./visible.js";
import { clock, rate, statusLook } from "./words.js";

const OF_THE_TUNNEL = [
  "yangswan-ipsec:tunnel-state-changed",
  "yangswan-ipsec:negotiation-failed",
  "yangswan-ipsec:rekeyed",
  "yangswan-ipsec:drift-repaired",
];
const OF_ALL = ["ietf-netconf-notifications:netconf-config-change", "yangswan-daemon:daemon-started", "yangswan-daemon:daemon-stopped"];
const CURVE = { width: 640, height: 160 };

export async function show(main, context, parameters) {
  const id = numberOf(parameters.id);
  const page = frame(context, id, () => reader.now());
  replace(main, page.element);
  const reader = standing(context, {
    view: page.element,
    trouble: page.trouble,
    doing: `Tunnel ${id} cannot be shown`,
    names: OF_ALL,
    read: (signal) => read(context.api, id, signal),
    draw: page.draw,
  });
  const ends = [
    hearing(context, OF_THE_TUNNEL, ({ content }) => content.id === id && reader.again()),
    watching(context.tunnels, id, { changed: reader.again, sampled: page.traffic }),
    reader.close,
    page.close,
    endDialogs,
  ];
  return { title: page.title(), close: () => ends.forEach((end) => end()) };
}

/** Return the tunnel as JSON, without its secrets; null where there is none, or none that may be read. */
async function read(api, id, signal) {
  if (id === null) return null;
  try {
    const found = await api.get(`/data/yangswan-ipsec:tunnels/ipsec=${id}?fields=${CONFIGURATION};state`, { signal });
    return found?.["yangswan-ipsec:ipsec"]?.[0] ?? null;
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** Tell apart what is said of the state of a tunnel from samples of its traffic; returns what ends that. */
function watching(tunnels, id, { changed, sampled }) {
  const written = () => JSON.stringify(tunnels.one(id) ?? null);
  let before = written();
  return tunnels.listen(({ ids, whole }) => {
    if (!whole && !ids.has(id)) return;
    const now = written();
    if (now !== before) changed();
    before = now;
    sampled();
  });
}

function frame(context, id, again) {
  const name = h("span", {}, titleOf(id));
  const now = h("p", { class: "now", role: "status" });
  const speed = h("p", { class: "muted" });
  const graph = h("div", { class: "graph" });
  const parts = Object.fromEntries(
    [["state", "State"], ["sas", "Security associations"], ["events", "Events"], ["log", "Log"], ["packets", "Packets"], ["configuration", "Configuration"]]
      .map(([key, title]) => [key, section(title)]),
  );
  const read = h("p", { class: "muted" });
  const trouble = h("div", {});
  const sections = h("div", {}, actions(context, id, again), Object.values(parts).map(({ element }) => element));
  const element = h("div", { class: "view view-tunnel" }, heading(name), now, trouble, sections);
  for (const key of ["state", "sas", "events", "configuration"]) busy(parts[key].body);
  const followed = [following(context, id, LOG, parts.log.body), following(context, id, PACKETS, parts.packets.body)];
  named(context.tunnels.one(id));
  traffic();

  function named(tunnel) {
    const description = visible(tunnel?.description ?? "");
    replace(name, titleOf(id), description && ": ", description && h("bdi", {}, description));
  }

  function traffic() {
    const carried = context.tunnels.rate(id);
    setText(speed, carried === null ? "What it carries is not known yet." : `Carries ${rate(carried.in)} in, ${rate(carried.out)} out.`);
    const samples = context.tunnels.samples(id);
    const known = samples.filter((sample) => sample.in !== null);
    const told = known.length > 1 && graphed(id, samples, known);
    replace(graph, told);
    recount(parts.sas.body, context.tunnels.counters?.(id) ?? new Map());
  }

  function drawn(tunnel) {
    sections.hidden = tunnel === null;
    if (tunnel === null) {
      replace(now);
      replace(trouble, empty(id === null ? "There is no tunnel of that name: they have numbers." : `There is no tunnel ${id}, or you may not read it.`), h("p", {}, h("a", { href: "#/tunnels" }, "All tunnels")));
      return;
    }
    named(tunnel);
    replace(now, status(statusLook(tunnel)));
    setText(read, `Packets as of ${clock(context.now())}.`);
    draw(parts.state.body, warningsOf(tunnel).map((text) => warning(visible(text))), facts(factsOf(tunnel).map(fact)), speed, graph);
    draw(parts.sas.body, sas(tunnel.state), tunnel.state?.["child-sa"]?.length ? read : null);
    draw(parts.events.body, events(tunnel.state?.event ?? []));
    draw(parts.configuration.body, configuration(tunnel));
  }

  return {
    element,
    traffic,
    draw: drawn,
    trouble,
    title: () => name.textContent,
    close: () => followed.forEach((one) => one.close()),
  };
}

/** Return the curve of what a tunnel carried, with what it says in words. */
function graphed(id, samples, known) {
  const most = Math.max(...known.map((sample) => Math.max(sample.in, sample.out)));
  const words = `Since ${clock(known[0].at)} at most ${rate(most)}`;
  return [
    curve(samples, { ...CURVE, label: `Traffic of tunnel ${id}. ${words}.` }),
    h("p", { class: "muted" }, `${words}: the area is what came in, the line what went out.`),
  ];
}

function titleOf(id) {
  return id === null ? "Tunnel" : `Tunnel ${id}`;
}

function fact([name, parts]) {
  return [name, parts.map((part) => (typeof part === "string" ? h("bdi", {}, part) : part.at ? moment(part.at) : h("div", {}, h("bdi", {}, part.line))))];
}

function events(found) {
  if (found.length === 0) return empty("Nothing has happened to it since the agent watches it.");
  const newest = [...found].reverse();
  return h("ol", { class: "events", reversed: true }, newest.map((event) => h("li", {}, moment(event.time), " ", h("bdi", {}, eventWords(event)))));
}

function configuration(tunnel) {
  const { id, state, ...rest } = tunnel;
  const pairs = flattened(rest).map(([path, value]) => [path, said(value)]);
  const hidden = h("p", { class: "muted" }, "Secrets are not shown.");
  return pairs.length ? [facts(pairs), hidden] : empty("You may not read its configuration.");
}
