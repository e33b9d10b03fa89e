/* How two states of the configuration differ, as compare-commits writes it as text: one line for each leaf. Pure. */

const KINDS = Object.freeze({ "+": "added", "-": "removed", "~": "moved" });

/** Return the lines of `text` as `{sign, kind, text}`: `kind` is "added", "removed", "moved" or "other". */
export function lines(text) {
  return String(text ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map(line);
}

function line(text) {
  const kind = text[1] === " " ? KINDS[text[0]] : undefined;
  return kind === undefined ? { sign: "", kind: "other", text } : { sign: text[0], kind, text: text.slice(2) };
}

const TUNNEL = /^\/yangswan-ipsec:tunnels\/(?:yangswan-ipsec:)?ipsec\[(?:yangswan-ipsec:)?id=['"]?(\d{1,5})['"]?\]$/;

/** Return the number of the tunnel that an instance-identifier names, null if it names something else. */
export function tunnelOf(target) {
  const found = TUNNEL.exec(String(target ?? ""));
  return found === null ? null : Number(found[1]);
}
