/*
 * The JSON of what is pushed (RFC 8641) as plain values, and the edits of its patches (RFC 8072) on them. Pure.
 *
 * In anydata a server may not know the types of what it writes: "7" for 7, one entry of a list without its array, ""
 * for a container in which nothing is. SHAPE has what the page reads; the rest stays as it came.
 */

/** What came cannot be understood, or does not fit what is there: only the whole anew can help. */
export class OutOfStep extends Error {}

const MODULE = "yangswan-ipsec";

const number = (value) => {
  const found = Number(value);
  if (value === "" || !Number.isFinite(found)) throw new OutOfStep(`"${value}" is no number`);
  return found;
};
const boolean = (value) => value === true || value === "true";
const text = (value) => String(value);
const container = (members = {}) => ({ members });
const list = (key, members) => ({ key, members });
const texts = { scalar: text };

const FAILURE = { reason: text, detail: text, time: text };

/** An entry of the list of tunnels. A function makes a leaf's value; `key`: of a list, its only one. */
export const ENTRY = container({
  id: number,
  description: text,
  enabled: boolean,
  initiator: boolean,
  peer: text,
  "local-address": text,
  state: container({
    status: text,
    applied: text,
    limitation: text,
    since: text,
    "local-address-present": boolean,
    "remote-address-in-use": text,
    "last-error": container(FAILURE),
    "last-down": container(FAILURE),
    narrowed: container({ "local-subnet": texts, "remote-subnet": texts }),
    "leak-protection": container({ "in-force": boolean, reason: text, detail: text }),
    overlap: list("tunnel", { tunnel: number, relation: text, detail: text }),
    "time-since-rekey": number,
    "child-sa": list("unique-id", { "unique-id": number, "bytes-in": number, "bytes-out": number }),
  }),
});
export const TUNNELS = container({ ipsec: list("id", ENTRY.members) });

/** Return `value` as `shape` has it. Raises OutOfStep where the two cannot go together. */
export function plain(value, shape) {
  if (shape === undefined) return unknown(value);
  if (typeof shape === "function") {
    if (typeof value === "object") throw new OutOfStep("an object or array stands where a value should");
    return shape(value);
  }
  if (shape.scalar) return array(value).map(shape.scalar);
  if (shape.key) return array(value).map((one) => members(one, shape.members));
  return members(value, shape.members);
}

function members(value, shapes) {
  if (value === "" || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw new OutOfStep("a value stands where members should");
  const found = {};
  for (const [name, inner] of Object.entries(value)) {
    const own = local(name);
    found[own] = plain(inner, Object.hasOwn(shapes, own) ? shapes[own] : undefined);
  }
  return found;
}

function unknown(value) {
  if (Array.isArray(value)) return value.map(unknown);
  return value !== null && typeof value === "object" ? members(value, {}) : value;
}

function array(value) {
  return Array.isArray(value) ? value : [value];
}

/** Return a name without the module of the tunnels; that of another module stays, so that no two are the same. */
function local(name) {
  return name.startsWith(`${MODULE}:`) ? name.slice(MODULE.length + 1) : name;
}

/** Return the steps `{name, keys}` of a target (RFC 8040 section 3.5.3): "/yangswan-ipsec:tunnels/ipsec=1". */
export function steps(target) {
  if (typeof target !== "string" || (target !== "" && !target.startsWith("/"))) {
    throw new OutOfStep(`${JSON.stringify(target)} is no target`);
  }
  return target.split("/").filter((step) => step !== "").map((step) => {
    const at = step.indexOf("=");
    const name = local(at < 0 ? step : step.slice(0, at));
    return { name, keys: at < 0 ? [] : step.slice(at + 1).split(",").map(decoded) };
  });
}

function decoded(key) {
  try {
    return decodeURIComponent(key);
  } catch {
    throw new OutOfStep(`${key} is no key`);
  }
}

/** Return the only member of an edit's `value`, whatever module stands before its name. */
export function valueOf(edit, name) {
  const value = edit.value;
  if (value === null || typeof value !== "object") throw new OutOfStep("an edit has no value");
  const found = Object.entries(value).find(([member]) => local(member) === name);
  if (found === undefined) throw new OutOfStep(`an edit has no value of ${name}`);
  return found[1];
}

/** What an edit makes of the place where it stands. */
export const KINDS = Object.freeze({
  create: "set", insert: "set", replace: "set", merge: "merge", delete: "remove", remove: "remove", move: "none",
});

/**
 * Carry out an edit below `entry`, a container or list entry made by `plain`. `way`: the steps from there, at
 * least one. What lies above and is not there is made: containers without presence come and go unsaid.
 */
export function applyBelow(entry, shape, way, edit) {
  const kind = KINDS[edit.operation];
  if (kind === undefined) throw new OutOfStep(`${edit.operation} is no operation`);
  let node = entry;
  let of = shape;
  for (const step of way.slice(0, -1)) {
    of = of?.members?.[step.name];
    node = step.keys.length ? found(node, step, of) : inner(node, step.name, kind);
    if (node === undefined) return;
  }
  const last = way[way.length - 1];
  const own = of?.members?.[last.name];
  if (last.keys.length) return entryEdit(node, last, own, kind, edit);
  if (kind === "remove") delete node[last.name];
  else if (kind !== "none") put(node, last.name, plain(valueOf(edit, last.name), own), kind);
}

function inner(node, name, kind) {
  if (node[name] === undefined || node[name] === "") {
    if (kind === "remove") return undefined;
    node[name] = {};
  }
  if (typeof node[name] !== "object" || Array.isArray(node[name])) throw new OutOfStep(`${name} is no container`);
  return node[name];
}

function put(node, name, value, kind) {
  const there = node[name];
  if (kind !== "merge" || there === undefined || typeof value !== "object" || value === null) node[name] = value;
  else if (Array.isArray(value)) node[name] = merged(there, value);
  else merge(there, value);
}

/** Bring the members of `from` into `into`; arrays of a leaf-list grow by what they lack. */
export function merge(into, from) {
  for (const [name, value] of Object.entries(from)) put(into, name, value, "merge");
}

function merged(there, more) {
  if ([...there, ...more].some((one) => typeof one === "object")) throw new OutOfStep("lists merge by their entries");
  return [...new Set([...there, ...more])];
}

/** Return the name of a list's key: where the shape does not say it, the first member, which keys are. */
function keyOf(shape, one) {
  return shape?.key ?? Object.keys(one)[0];
}

function indexOf(entries, step, shape) {
  return entries.findIndex((one) => {
    if (one === null || typeof one !== "object") return String(one) === step.keys[0];
    if (step.keys.length === 1) return String(one[keyOf(shape, one)]) === step.keys[0];
    return step.keys.every((key, at) => String(Object.values(one)[at]) === key);
  });
}

function found(node, step, shape) {
  const entries = node[step.name] ?? [];
  const at = Array.isArray(entries) ? indexOf(entries, step, shape) : -1;
  if (at < 0) throw new OutOfStep(`there is no ${step.name} ${step.keys}`);
  return entries[at];
}

function entryEdit(node, step, shape, kind, edit) {
  const entries = (node[step.name] ??= []);
  if (!Array.isArray(entries)) throw new OutOfStep(`${step.name} is no list`);
  const at = indexOf(entries, step, shape);
  if (kind === "remove") {
    if (at >= 0) entries.splice(at, 1);
    if (!entries.length) delete node[step.name];
  } else if (kind !== "none") {
    const value = plain(valueOf(edit, step.name), shape ?? { key: undefined });
    const one = Array.isArray(value) ? value[0] : value;
    if (at < 0) entries.push(one);
    else if (kind === "merge" && typeof one === "object") merge(entries[at], one);
    else entries[at] = one;
  }
}
