/* How two states of the configuration differ, as compare-commits writes it as text: one line for each leaf. Pure. */

const HIDDEN = "(not shown)";

/* A step of a path is a name and predicates, whose values are in quotes and may hold anything but the end of a line. */
const PREDICATES = String.raw`(?:\[(?:[^'"\]]|'[^']*'|"(?:[^"\\]|\\.)*")*\])*`;
const LEAF = new RegExp(String.raw`^([+-]) ((?:/[^/\[\]= ]+${PREDICATES})+) = (.*)$`, "su");
const LAST = new RegExp(String.raw`/(?:[^/:\[\]= ]+:)?([^/\[\]= ]+)${PREDICATES}$`, "u");
const KINDS = Object.freeze({ "+": "added", "-": "removed", "~": "moved" });

/** Leafs that are shown to nobody, whatever he may read: by the end of their path, without modules and keys. */
const SECRETS = Object.freeze(["secret", "ppk/key", "password", "passphrase"]);

/**
 * Return the lines of `text` as `{sign, kind, text}`: `kind` is "added", "removed", "moved" or "other". What a
 * secret was or is stands in none of them.
 */
export function lines(text) {
  return String(text ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map(line);
}

function line(text) {
  const sign = text[0];
  if (!(sign in KINDS) || text[1] !== " ") return { sign: "", kind: "other", text };
  return { sign, kind: KINDS[sign], text: shown(text).slice(2) };
}

/** Return a line without its value where that is a secret, or where it cannot be told of what it is one. */
function shown(text) {
  const found = LEAF.exec(text);
  // A value is behind the path of its leaf, and all else has none.
  if (found === null) return text.includes(" = ") && text[0] !== "~" ? `${text.split(" = ", 1)[0]} = ${HIDDEN}` : text;
  return isSecret(found[2]) ? `${found[1]} ${found[2]} = ${HIDDEN}` : text;
}

/** Return whether the leaf at `path` holds a secret. */
export function isSecret(path) {
  const names = namesOf(path);
  return SECRETS.some((secret) => names === secret || names.endsWith(`/${secret}`));
}

function namesOf(path) {
  const names = [];
  for (let rest = path, found; (found = LAST.exec(rest)) !== null; rest = rest.slice(0, found.index)) names.unshift(found[1]);
  return names.join("/");
}

const TUNNEL = /^\/yangswan-ipsec:tunnels\/(?:yangswan-ipsec:)?ipsec\[(?:yangswan-ipsec:)?id=['"]?(\d{1,5})['"]?\]$/;

/** Return the number of the tunnel that an instance-identifier names, null if it names something else. */
export function tunnelOf(target) {
  const found = TUNNEL.exec(String(target ?? ""));
  return found === null ? null : Number(found[1]);
}
