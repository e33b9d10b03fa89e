/* Requests to the server: the session, and RESTCONF (RFC 8040) with the rights of who is logged in. */

const RESTCONF = "/restconf";
const YANG_JSON = "application/yang-data+json";

/**
 * What the server refused, or that it could not be asked.
 *
 * `status`: of HTTP, 0 when no answer came; `tag`: the error-tag; `message`: for people; `path`: the instance that
 * the error is about, ""; `waitS`: seconds that are to be waited before the next try (Retry-After), null;
 * `errors`: all that was told, as RESTCONF has them.
 */
export class ApiError extends Error {
  constructor(status, tag, message, { path = "", waitS = null, errors = [] } = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.tag = tag;
    this.path = path;
    this.waitS = waitS;
    this.errors = errors;
  }
}

/* The only thing kept of a session: it opens nothing without the cookie, which no script can read. */
let csrfToken = "";
const strangers = new Set();
const known = new Set();

/** Call `callback` whenever an answer says that nobody is logged in any more; returns what ends that. */
export function onLoggedOut(callback) {
  strangers.add(callback);
  return () => strangers.delete(callback);
}

/** Call `callback({user, expires, by})` whenever the gateway says who is logged in; returns what ends that. */
export function onUser(callback) {
  known.add(callback);
  return () => known.delete(callback);
}

/** Log in; returns `{user, expires, by}`. The password is not kept. */
export async function login(user, password) {
  return kept(await ask("POST", "/session", JSON.stringify({ user, password }), "application/json"));
}

/** Return `{user, expires, by}` of who has a session or a client certificate; null: nobody is logged in. */
export async function whoAmI() {
  try {
    const answer = await ask("GET", "/session");
    if (answer === null) return null;
    const who = kept(answer);
    for (const callback of [...known]) callback(who);
    return who;
  } catch (error) {
    if (error.status === 401) return null;
    throw error;
  }
}

/** End the session. */
export async function logout() {
  await ask("DELETE", "/session");
  csrfToken = "";
}

/**
 * Return what RESTCONF has at `path` ("/data/yangswan-ipsec:tunnels", query and all) as JSON (RFC 7951);
 * null where there is nothing (204). `signal`: aborts the request.
 */
export function get(path, { signal } = {}) {
  return told("GET", RESTCONF + path, undefined, undefined, { signal });
}

/**
 * Carry out an operation ("/operations/yangswan-ipsec:…") or an action ("/data/…/ipsec=1/restart").
 * `input`: its parameters, with or without "MODULE:input" around them; undefined for none. `keepalive`: the request
 * is to outlive the page. Returns the output without what is around it, null if there is none.
 */
export async function invoke(path, input, { keepalive = false } = {}) {
  const body = input === undefined ? undefined : JSON.stringify(around(path, input));
  const answer = await told("POST", RESTCONF + path, body, body && YANG_JSON, { keepalive });
  return answer === null ? null : (Object.values(answer)[0] ?? null);
}

/** Return a value as it stands in a path of RESTCONF (a key of a list). */
export function key(value) {
  return encodeURIComponent(value);
}

function around(path, input) {
  const names = Object.keys(input);
  return names.length === 1 && names[0].endsWith(":input") ? input : { [`${moduleOf(path)}:input`]: input };
}

/** Return the module of the last step of `path` that names one. */
function moduleOf(path) {
  const named = path.split("?")[0].split("/").filter((step) => step.split("=")[0].includes(":"));
  return named.length ? named[named.length - 1].split(":")[0] : "";
}

async function told(...request) {
  try {
    return await ask(...request);
  } catch (error) {
    if (error.status === 401) for (const callback of [...strangers]) callback();
    throw error;
  }
}

async function ask(method, path, body, type, options) {
  const headers = { Accept: path.startsWith(RESTCONF) ? YANG_JSON : "application/json" };
  if (type) headers["Content-Type"] = type;
  if (csrfToken) headers["X-CSRF-Token"] = csrfToken;
  let response;
  try {
    response = await fetch(path, { method, headers, body, credentials: "same-origin", cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", "The gateway does not answer");
  }
  const text = await textOf(response);
  if (!response.ok) throw refusal(response, text);
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(response.status, "malformed-message", "The gateway answered with what is no JSON");
  }
}

async function textOf(response) {
  try {
    return await response.text();
  } catch {
    throw new ApiError(0, "unreachable", "The answer of the gateway broke off");
  }
}

function refusal(response, text) {
  let said = null;
  try {
    said = JSON.parse(text);
  } catch {
    /* A proxy in between may answer with a page of its own. */
  }
  const errors = said?.["ietf-restconf:errors"]?.error ?? (said?.error ? [said.error] : []);
  const first = errors[0] ?? {};
  return new ApiError(
    response.status,
    first["error-tag"] ?? first.tag ?? "unknown",
    first["error-message"] ?? first.message ?? `The gateway answered with ${response.status} ${response.statusText}`.trim(),
    { path: first["error-path"] ?? "", waitS: waitOf(response), errors },
  );
}

/** Return the seconds of Retry-After, null where there are none. */
function waitOf(response) {
  const text = response.headers.get("Retry-After") ?? "";
  return /^\d{1,6}$/.test(text) ? Number(text) : null;
}

function kept(answer) {
  csrfToken = String(answer?.["csrf-token"] ?? "");
  return { user: String(answer?.user ?? ""), expires: answer?.expires ?? "", by: answer?.by ?? "password" };
}
