/* The IKE daemon behind the tunnels, and the agent: what they are, what they can do, and how much they give. */

import { h } from "./dom.js";
import { OF_COMMITS, pendingOf } from "./commits.js";
import { pendingNote } from "./history.js";
import { empty, facts, moment, said, sectioned, show as draw, warning } from "./parts.js";
import { orNothing, standing } from "./reading.js";
import { visible } from "./visible.js";
import { counted, grouped } from "./words.js";

const OF_DAEMON = ["yangswan-daemon:daemon-started", "yangswan-daemon:daemon-stopped", "yangswan-ipsec:tunnel-state-changed", ...OF_COMMITS];
/* Its SAs change with each tunnel that comes and goes. */
const PAUSE_MS = 2000;

export const BACKENDS = Object.freeze({
  managed: "the agent has started it, and keeps it running",
  external: "others run it, and the agent uses it",
  none: "there is none: configuration is kept, and nothing is applied",
});
export const SOURCES = Object.freeze({
  "vici-alert": "alerts of the daemon",
  "error-notify": "the daemon's plugin error-notify",
  log: "the daemon's log, as there is nothing better",
});
const ALGORITHMS = [["Ciphers", "encryption"], ["AEAD ciphers", "aead"], ["Integrity", "integrity"], ["PRFs", "prf"], ["Key exchanges", "ke"]];

export async function show(main, context) {
  const { view, trouble, places } = sectioned(main, "Daemon", { daemon: "IKE daemon", commit: "Confirmed commit", agent: "Agent", limits: "Limits" });
  const { close } = standing(context, {
    view,
    trouble,
    doing: "The daemon cannot be shown",
    names: OF_DAEMON,
    pauseMs: PAUSE_MS,
    read: (signal) => read(context.api, signal),
    draw({ daemon, agent }) {
      draw(places.daemon, daemon === undefined ? empty("The gateway tells nothing of its daemon, or you may not read it.") : told(daemon));
      const pending = pendingOf(agent, context.now());
      draw(places.commit, pending === null ? empty("None waits to be confirmed.") : waiting(pending));
      draw(places.agent, agent === undefined ? empty("You may not read the state of the agent.") : own(agent));
      draw(places.limits, limits(agent?.limits ?? {}));
    },
  });
  return { title: "Daemon", close };
}

async function read(api, signal) {
  const daemon = await orNothing(api.get("/data/yangswan-daemon:daemon", { signal }));
  const fields = "limits;refused-connections;history-read-only;confirmed-commit;history(commit-count;newest-commit)";
  const agent = await orNothing(api.get(`/data/yangswan-agent:agent?fields=${fields}`, { signal }));
  return { daemon: daemon?.["yangswan-daemon:daemon"], agent: agent?.["yangswan-agent:agent"] };
}

function told(daemon) {
  const away = daemon.connected === false && daemon.backend !== "none";
  const sas = daemon["ike-sas"];
  return [
    away && warning("The agent does not reach its daemon."),
    daemon.trouble && warning(said(daemon.trouble)),
    facts([
      ["Daemon", said(daemon.version ?? "not known")],
      ["Connected", daemon.connected === undefined ? "" : daemon.connected ? "✓ yes" : "✕ no"],
      ["Backend", daemon.backend ? `${daemon.backend}: ${BACKENDS[daemon.backend] ?? ""}` : ""],
      ["Started", moment(daemon["started-at"])],
      ["IKE SAs", sas?.total === undefined ? "" : `${grouped(sas.total)}, ${grouped(sas["half-open"] ?? 0)} of them being negotiated`],
      ["Failures", daemon["failure-source"] ? `told by ${SOURCES[daemon["failure-source"]] ?? daemon["failure-source"]}` : ""],
      ["Silent peers", patience(daemon.retransmission ?? {})],
      ...ALGORITHMS.map(([name, leaf]) => [name, words(daemon.algorithms?.[leaf])]),
      ["Plugins", words(daemon.plugin)],
    ]),
  ];
}

/* A name is broken nowhere but where a blank stands. */
function words(found) {
  return found?.length ? said(found.join(" "), { class: "names" }) : "";
}

/** Return how long a peer may be silent: attempt n is followed by timeout * base ^ n seconds. */
export function patience({ tries, timeout, base }) {
  const [first, factor] = [Number(timeout), Number(base)];
  if (tries === undefined || Number.isNaN(first) || Number.isNaN(factor)) return "";
  let wholeS = 0;
  for (let attempt = 0; attempt <= tries; attempt += 1) wholeS += first * factor ** attempt;
  return `asked again ${counted(tries, "time")}, given up after ${Math.round(wholeS)} s`;
}

function waiting(pending) {
  return [
    pendingNote(pending),
    pending.notWorking.length > 0 && [
      h("p", {}, "What does not work yet:"),
      h("ul", {}, pending.notWorking.map(({ entry, reason }) => h("li", {}, h("code", {}, said(entry)), `: ${visible(reason)}`))),
    ],
    h("p", {}, h("a", { href: "#/history" }, "History")),
  ];
}

function own(agent) {
  const history = agent.history ?? {};
  return [
    agent["history-read-only"] && warning("Nothing can be committed: ", said(agent["history-read-only"])),
    facts([
      ["Commits", history["commit-count"] === undefined ? "" : `${grouped(history["commit-count"])} are kept`],
      ["Refused", agent["refused-connections"] === undefined ? "" : `${counted(agent["refused-connections"], "connection")} since it started`],
    ]),
  ];
}

function limits(found) {
  const pairs = Object.entries(found).map(([name, value]) => limit(name, grouped(value)));
  return pairs.length ? facts(pairs, { class: "facts facts-many" }) : empty("You may not read the limits.");
}

/* The unit of a limit is a part of its name: idle-timeout-s, unfinished-octets-per-user. */
function limit(name, value) {
  const words = name.split("-");
  const unit = words.find((word) => word === "octets") ?? (["s", "cs"].includes(words.at(-1)) ? words.at(-1) : "");
  const title = words.filter((word) => word !== unit).join(" ");
  return [title.charAt(0).toUpperCase() + title.slice(1), `${value} ${unit}`.trim()];
}
