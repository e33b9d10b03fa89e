/* How two states of the configuration differ, as compare-commits writes it as text: one line for each leaf. Pure. */

import { counted } from "./words.js";

const KINDS = Object.freeze({ "+": "added", "-": "removed", "~": "moved" });

/* A certificate is one value, and nobody reads all of it here. */
const LINE_MAX = 2000;

/** Return the lines of `text` as `{sign, kind, text}`: `kind` is "added", "removed", "moved" or "other". */
export function lines(text) {
  return String(text ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map(line);
}

function line(text) {
  const kind = text[1] === " " ? KINDS[text[0]] : undefined;
  if (kind === undefined) return { sign: "", kind: "other", text: cut(text) };
  return { sign: text[0], kind, text: cut(text.slice(2)) };
}

function cut(text) {
  const more = text.length - LINE_MAX;
  return more > 0 ? `${text.slice(0, LINE_MAX)}… (${counted(more, "more character")})` : text;
}

const TUNNEL = /^\/yangswan-ipsec:tunnels\/(?:yangswan-ipsec:)?ipsec\[(?:yangswan-ipsec:)?id=['"]?(\d{1,5})['"]?\]$/;

/** Return the number of the tunnel that an instance-identifier names, null if it names something else. */
export function tunnelOf(target) {
  const found = TUNNEL.exec(String(target ?? ""));
  return found === null ? null : Number(found[1]);
}
