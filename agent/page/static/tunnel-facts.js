/* What is said of one tunnel beside its SAs, as `show ipsec N` of the command line says it. Pure: no DOM, no clock. */

import { visible } from "./visible.js";
import { counted, notesOf, reasonWords, statusLook, statusOf } from "./words.js";

export const EXPLAINED = Object.freeze({
  down: "it does not carry traffic",
  connecting: "an IKE SA is being negotiated",
  "ike-established": "the IKE SA is up, and no CHILD_SA carries traffic",
  installed: "it carries traffic",
  retransmission: "the peer does not answer, and is asked again",
});

export const IN_FORCE = Object.freeze({
  pending: "No: the daemon cannot be reached; it will be told when it can",
  refused: "No: the daemon cannot hold this configuration, for instance because it lost an algorithm",
  "not-applied": "No: the agent runs without a daemon",
});

export const RELATIONS = Object.freeze({
  same: "both have the same pair of subnets, to the same peer",
  narrower: "the subnets of this tunnel lie within those of the other: this one carries what both have",
  wider: "the subnets of the other tunnel lie within those of this one: the other one carries what both have",
  crossing: "either is narrower on one side: which of them carries what both have is not certain",
});

export const UNPROTECTED = Object.freeze({
  "switched-off": "it is configured so",
  "far-side-unknown": "the tunnel has no remote-subnet, and any peer may come",
  interface: "all its traffic belongs to an XFRM interface, into which it is routed",
  failed: "the rules could not be put in force",
});

/** Return what the status means, in words: "Down: waits for the peer to call". */
export function statusWords(tunnel) {
  const { key, words } = statusLook(tunnel);
  if (tunnel.state === undefined) return "You may not read the state of this tunnel";
  if (key === "disabled") return "Disabled: it is configured, and the daemon does not know of it";
  const late = "sas-unknown" in tunnel.state ? "; the daemon does not say what SAs there are, this is what it said last" : "";
  if (key === "down" && tunnel.state.applied === "applied" && tunnel.initiator !== true) {
    return `${words}: waits for the peer to call; one of the two gateways needs 'initiator'${late}`;
  }
  return `${words}${EXPLAINED[key] ? `: ${EXPLAINED[key]}` : ""}${late}`;
}

/**
 * Return `[name, parts]` of what is known, in the order of its weight; of the parts, texts and `{at}` (a
 * date-and-time). What is not known is left out.
 */
export function factsOf(tunnel) {
  const state = tunnel.state ?? {};
  return [
    ["Status", [statusWords(tunnel)]],
    ["Since", at(state.since)],
    ["In force", some(IN_FORCE[state.applied])],
    ["Limitation", some(state.limitation)],
    ["Address", some(state["local-address-present"] === false && `no interface has the local address ${tunnel["local-address"]}`)],
    ["Last error", failure(state["last-error"])],
    ["Last down", failure(state["last-down"])],
    ["Unanswered", some(unanswered(state["retransmission-tries"]))],
    ["Next attempt", statusOf(tunnel) === "installed" ? [] : attempt(state.supervision)],
    ["Role", [role(tunnel)]],
    ["NAT", some(nat(state["ike-sa"] ?? []))],
    ["Not carried", notCarried(state.narrowed ?? {})],
    ["Overlap", lines((state.overlap ?? []).map(overlap))],
    ["Covered", some(covered(state["covered-network"] ?? []))],
    ["Leaks", some(protection(state["leak-protection"] ?? {}))],
    ["Counted", some(counters(state.counters ?? {}))],
  ].filter(([, parts]) => parts.length > 0);
}

/** Return what asks for attention, in sentences; the status is not among them. */
export function warningsOf(tunnel) {
  return notesOf(tunnel).filter((note) => note !== "Disabled" && note !== "You may not read the state");
}

/** Return an event in words: "Failed 3 times: The peer did not answer". */
export function eventWords(event) {
  const what = String(event.what ?? "").replaceAll("-", " ");
  const times = event.times > 1 ? ` ${event.times} times` : "";
  const why = reasonWords(event);
  return `${what.charAt(0).toUpperCase()}${what.slice(1)}${times}${why ? `: ${visible(why)}` : ""}`;
}

/** Return a configuration as `[path, value]` for each leaf: `["ike / proposal 10 / cipher", "aes256"]`. */
export function flattened(content, above = "") {
  return Object.entries(content).flatMap(([name, value]) => {
    const path = above ? `${above} / ${name}` : name;
    if (Array.isArray(value) && value.some((one) => one !== null && typeof one === "object")) {
      return value.flatMap((one) => flattened(withoutKey(one), `${path} ${keyOf(one)}`));
    }
    if (Array.isArray(value)) return [[path, value.map((one) => (one === null ? "yes" : String(one))).join(", ")]];
    if (value !== null && typeof value === "object") return flattened(value, path);
    return [[path, value === true ? "yes" : value === false ? "no" : String(value)]];
  });
}

/* Of the lists of a tunnel each has one key, which stands first. */
function keyOf(entry) {
  return String(Object.values(entry)[0]);
}

function withoutKey(entry) {
  return Object.fromEntries(Object.entries(entry).slice(1));
}

function some(text) {
  return text ? [visible(text)] : [];
}

function at(text) {
  return text ? [{ at: text }] : [];
}

function lines(texts) {
  return texts.map((text) => ({ line: visible(text) }));
}

function failure(found) {
  const why = visible(reasonWords(found));
  if (!found?.time) return some(why);
  return [{ at: found.time }, ...(why ? [`: ${why}`] : [])];
}

function unanswered(tries) {
  return tries === undefined ? "" : `a request, sent again ${counted(tries, "time")} so far`;
}

function attempt(supervision) {
  const { attempts } = supervision ?? {};
  const next = at(supervision?.["next-attempt"]);
  if (attempts === undefined) return next;
  return [...next, `${next.length ? ", " : ""}${counted(attempts, "attempt")} so far`];
}

function role(tunnel) {
  const local = tunnel["local-address"] ?? "an address of this gateway";
  return `${tunnel.initiator === true ? "initiator" : "responder"}, from ${local} to ${tunnel.peer ?? "any peer"}`;
}

/* Who forces ESP into UDP falsifies the hash of its own address (RFC 7296 section 2.23), which the peer cannot tell
   from a NAT. The newest IKE SA counts. */
function nat(sas) {
  const sa = sas[sas.length - 1] ?? {};
  const found = [];
  if (sa["nat-local"] === true) found.push("this gateway is behind one");
  if (sa["nat-remote"] === true) found.push("the peer is behind one, or pretends to be, to have ESP in UDP");
  if (sa["nat-any"] === true && found.length === 0) found.push("none; this gateway pretends one, to have ESP in UDP");
  return found.join("; ");
}

function notCarried(narrowed) {
  const sides = [["local-subnet", "this side"], ["remote-subnet", "the peer's side"]];
  const found = sides.filter(([leaf]) => narrowed[leaf]?.length);
  return lines(found.map(([leaf, side]) => `${narrowed[leaf].join(", ")} on ${side}: the peer did not take all of it`));
}

function overlap({ tunnel, relation, detail }) {
  return `with tunnel ${tunnel}: ${detail ?? RELATIONS[relation] ?? relation ?? ""}`;
}

function covered(networks) {
  return networks.length ? `${networks.join(", ")}: reach this gateway through the tunnel only` : "";
}

function protection(found) {
  if (found["in-force"] === undefined) return "";
  const why = UNPROTECTED[found.reason] ?? found.reason;
  const words = found["in-force"] ? "packets in clear are dropped" : "packets may pass in clear";
  const [out, back] = ["out", "in"].map((way) => found[`dropped-packets-${way}`] ?? "0");
  const dropped = out !== "0" || back !== "0" ? `; ${out} dropped on their way out, ${back} on their way in` : "";
  return `${words}${why ? `: ${why}` : ""}${found.detail ? ` (${found.detail})` : ""}${dropped}`;
}

const COUNTERS = [["ups", "up"], ["downs", "down"], ["failures", "failed"], ["rekeys", "rekeyed"], ["retransmissions", "sent again"]];

function counters(found) {
  return COUNTERS.filter(([leaf]) => found[leaf] !== undefined)
    .map(([leaf, name]) => `${name} ${found[leaf]}`)
    .join(", ");
}
