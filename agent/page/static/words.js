/* What the state of a tunnel means in words, those of the command line; times and sizes. Pure: no DOM, no clock. */

/**
 * Statuses, in the order of how much they ask for attention. `words`: as the command line has them; `kind`: one of
 * "up", "trying", "down", "off", "unknown", which has a colour; `shape`: the outline of its mark in a square of
 * 16, so that no colour is needed to tell them apart.
 */
export const STATUSES = Object.freeze({
  down: { words: "Down", kind: "down", shape: "M3.5 3.5 L12.5 12.5 M12.5 3.5 L3.5 12.5" },
  retransmission: { words: "Down(Retransmission)", kind: "trying", shape: "M8 2 L14.5 13.5 L1.5 13.5 Z M8 6.5 V9.5 M8 11.4 V11.6" },
  "ike-established": { words: "Down(IKE Established)", kind: "trying", shape: "M8 2 A6 6 0 1 0 8 14 A6 6 0 1 0 8 2 M8 2 V14" },
  connecting: { words: "Down(Connecting)", kind: "trying", shape: "M3 8 H3.2 M7.9 8 H8.1 M12.8 8 H13" },
  installed: { words: "Up(Installed)", kind: "up", shape: "M2.5 8.5 L6.5 12.5 L13.5 4" },
  disabled: { words: "Disabled", kind: "off", shape: "M3 8 H13" },
  unknown: { words: "Not known", kind: "unknown", shape: "M5 5.8 A3 3 0 1 1 8 8.8 V10 M8 12.9 V13.1" },
});

/** Return the key of STATUSES that fits a tunnel (an entry of the list as JSON). */
export function statusOf(tunnel) {
  if (tunnel.enabled === false) return "disabled";
  const status = tunnel.state?.status;
  if (status === undefined) return "unknown";
  return status in STATUSES ? status : "unknown";
}

/** Return `{key, words, kind, shape}` of a tunnel. A status that the page does not know is shown by its name. */
export function statusLook(tunnel) {
  const key = statusOf(tunnel);
  const status = tunnel.state?.status;
  const look = STATUSES[key];
  return { key, ...look, words: key === "unknown" && status !== undefined ? String(status) : look.words };
}

/** Why something failed or went down: the sentences of yangswan-types. */
export const REASONS = Object.freeze({
  unknown: "The daemon gave no reason",
  "authentication-failed": "A secret or an identity was not accepted by this gateway or by its peer",
  "certificate-revoked": "The certificate of the peer, or of an authority above it, was revoked",
  "revocation-unknown": "It is not known whether the certificate of the peer was revoked, and certificates/revocation is strict",
  "no-proposal-chosen": "No proposal is acceptable to both, or the peer has no tunnel that matches",
  "selectors-mismatch": "The subnets of the two gateways do not match",
  "peer-silent": "The peer did not answer",
  "peer-closed": "The peer ended the SA",
  "peer-restarted": "The peer began anew and dropped what it had before",
  "local-address-missing": "No interface of this gateway has the local address",
  "install-failed": "An SA, a policy or a route could not be installed",
  "identity-conflict":
    "A peer came with the identity or the secret of another tunnel, and was refused, or its SA was ended at once",
  "lifetime-expired": "An SA came to the end of its life before it was rekeyed",
  inactive: "It carried nothing for as long as its lifetime permits",
  terminated: "A client asked for it: action terminate or restart",
  "configuration-changed": "The tunnel was changed, disabled or deleted",
  drift: "Another party had changed what the daemon holds",
  "daemon-lost": "The daemon ended, or cannot be reached any more",
  "daemon-unavailable": "There is no daemon: it cannot be started or reached, or another program has the ports of IKE",
  other: "None of these; the detail says more",
});

/** Return why something failed, of `{reason, detail}`: a sentence and what the daemon said; "" of nothing. */
export function reasonWords(failure) {
  if (!failure) return "";
  const { reason, detail } = failure;
  const said = reason === undefined ? "" : (REASONS[reason] ?? String(reason));
  return said && detail ? `${said} (${detail})` : said || String(detail ?? "");
}

const NOT_APPLIED = Object.freeze({
  pending: "Not in force: the daemon cannot be reached",
  refused: "Not in force: the daemon refuses it",
  "not-applied": "Not in force: the agent runs without a daemon",
});

const LEAKS = Object.freeze({
  "far-side-unknown": "the tunnel has no remote-subnet, and any peer may come",
  interface: "all traffic belongs to a tunnel with an XFRM interface: what is routed into that never passes in clear, and nothing else can be told from other traffic",
  failed: "the rules could not be put in force",
});

/**
 * Return what an operator should know of a tunnel beyond its status, each in a few words, as `show ipsec` says it.
 * What was not asked for (the table asks for little) is not told of.
 */
export function notesOf(tunnel) {
  if (tunnel.enabled === false) return ["Disabled"];
  const state = tunnel.state;
  if (state === undefined) return ["You may not read the state"];
  const notes = [];
  if (state.applied in NOT_APPLIED) notes.push(NOT_APPLIED[state.applied]);
  if ("sas-unknown" in state) notes.push("The daemon does not say what SAs there are: this is what it said last");
  if (state["local-address-present"] === false) notes.push("No interface has the local address");
  if (state.limitation !== undefined) notes.push("The daemon cannot do all that is configured");
  const narrowed = state.narrowed ?? {};
  if (narrowed["local-subnet"]?.length || narrowed["remote-subnet"]?.length) notes.push("The peer did not take all subnets");
  if ((state.overlap ?? []).some(({ relation }) => relation === "crossing" || relation === "same")) {
    notes.push("Another tunnel wants the same traffic");
  }
  const protection = state["leak-protection"] ?? {};
  if (protection["in-force"] === false && protection.reason !== "switched-off") {
    const why = LEAKS[protection.reason] ?? protection.reason;
    notes.push(why ? `Packets may leak in clear: ${why}` : "Packets may leak in clear");
  }
  return notes;
}

/** Return "1 tunnel" or "2,000 tunnels". */
export function counted(count, noun, plural = `${noun}s`) {
  return `${grouped(count)} ${count === 1 ? noun : plural}`;
}

/** Return a whole number with its thousands apart: 1,998. */
export function grouped(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Return a duration as a column has it, its two largest units: "42 s", "3 min", "2 h 11 min", "5 d 3 h". */
export function shortDuration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${grouped(Math.floor(hours / 24))} d ${hours % 24} h`;
}

const UNITS = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];

/** Return a duration in its largest unit: "29 days"; below two of that, in the next one: "28 hours". */
export function roughly(seconds) {
  const [size, noun] = UNITS.find(([unit]) => seconds >= 2 * unit) ?? [1, "second"];
  return counted(Math.floor(seconds / size), noun);
}

/** Return a date-and-time (RFC 6991) in milliseconds since 1970, NaN for what is none. */
export function instant(text) {
  return typeof text === "string" ? Date.parse(text) : NaN;
}

/** Return the time of day in the place where the page is looked at: 12:01:03. `at`: milliseconds since 1970. */
export function clock(at) {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
}

/** Return a date-and-time in the place where the page is looked at: 2026-11-27 12:03:11; what is none as it is. */
export function stamp(text) {
  const at = instant(text);
  if (Number.isNaN(at)) return String(text ?? "");
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(at)}`;
}

/** Return "in 12 minutes", "3 hours ago" or "now", "" for what is no date-and-time. `now`: milliseconds. */
export function distance(text, now) {
  const seconds = Math.round((instant(text) - now) / 1000);
  if (Number.isNaN(seconds)) return "";
  if (seconds > 0) return `in ${roughly(seconds)}`;
  return seconds < 0 ? `${roughly(-seconds)} ago` : "now";
}

/** Return a date-and-time with its distance: 2026-11-27 12:03:11 (2 hours ago). */
export function when(text, now) {
  const away = distance(text, now);
  return away ? `${stamp(text)} (${away})` : stamp(text);
}

const SIZES = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/** Return a number of octets with three digits at most: "0 B", "999 B", "1.2 MB", "340 GB". */
export function octets(count) {
  let value = Number(count);
  let at = 0;
  while (value >= 999.5 && at < SIZES.length - 1) {
    value /= 1000;
    at += 1;
  }
  const digits = at > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${SIZES[at]}`;
}

/** Return octets a second: "1.2 MB/s". */
export function rate(octetsPerS) {
  return `${octets(octetsPerS)}/s`;
}

function two(number) {
  return String(number).padStart(2, "0");
}
