/* Commits in words, and which of them wait to be confirmed (RFC 6241 section 8.4). Pure: no DOM, no clock. */

import { tunnelOf } from "./differences.js";
import { clock, counted, stamp } from "./words.js";

export const AGENT = "yangswan-agent";
/** What changes the history, or what became of a commit. */
export const OF_COMMITS = [
  "ietf-netconf-notifications:netconf-config-change",
  "ietf-netconf-notifications:netconf-confirmed-commit",
  "yangswan-agent:verify-ended",
];
export const LEAFS = "time;user;session-id;source-address;comment;cause;outcome;reason;taken-back-by;changed-count";

export const CAUSES = Object.freeze({
  client: "a client committed",
  "confirmed-commit": "a client made a confirmed commit",
  rollback: "a confirmed commit was taken back",
  start: "the agent started",
  repair: "access was closed, because rules of access control had been lost",
  import: "a file was imported while the agent did not run",
});

export const OUTCOMES = Object.freeze({
  committed: "committed",
  undone: "undone before it was in force",
  applying: "being carried out",
});

export function causeWords(commit) {
  return CAUSES[commit.cause] ?? String(commit.cause ?? "");
}

/**
 * Return what became of a commit, `{kind, sign, words}`: `kind` is "done", "undone" or "waiting".
 * `pending`: of `pendingOf`, null.
 */
export function outcomeOf(commit, pending, now) {
  const back = commit["taken-back-by"];
  if (back !== undefined) return { kind: "undone", sign: "↶", words: `taken back by ${back}` };
  if (commit.outcome === "undone") return { kind: "undone", sign: "✕", words: OUTCOMES.undone };
  if (commit.outcome === "applying") return { kind: "waiting", sign: "…", words: OUTCOMES.applying };
  if (pending !== null && commit.id > pending.kept) return { kind: "waiting", sign: "…", words: waits(pending, now) };
  return { kind: "done", sign: "✓", words: OUTCOMES[commit.outcome] ?? String(commit.outcome ?? "not known") };
}

function waits({ until, verified }, now) {
  const what = verified ? "being verified" : "to be confirmed";
  if (until === null) return what;
  const today = stamp(new Date(until).toISOString()).slice(0, 10) === stamp(new Date(now).toISOString()).slice(0, 10);
  const by = today ? clock(until) : stamp(new Date(until).toISOString());
  return `${what} ${verified ? "until" : "by"} ${by}`;
}

/**
 * Return the confirmed commit that waits, `{kept, until, user, session, persistent, verified, notWorking}`, null of
 * none: commits after `kept` are taken back at `until` (ms since 1970, null if it is not known).
 */
export function pendingOf(agent, now) {
  const found = agent?.["confirmed-commit"];
  // Who may not read which commits are meant is not told of any.
  if (found?.["rollback-to"] === undefined) return null;
  const leftS = found.verify?.["remaining-s"] ?? found["remaining-s"];
  return {
    kept: found["rollback-to"],
    until: leftS === undefined ? null : now + leftS * 1000,
    user: found.user ?? "",
    session: found.persistent === true ? null : (found["session-id"] ?? null),
    verified: found.verify !== undefined,
    notWorking: found.verify?.["not-working"] ?? [],
  };
}

/** Return a pending confirmed commit in a sentence; when it ends stands elsewhere. */
export function pendingWords(pending) {
  const whose = pending.user ? ` of ${pending.user}` : "";
  const ends = pending.session === null ? "" : `, or when session ${pending.session} ends`;
  if (pending.verified) return `A confirmed commit${whose} waits until everything works that it is about; else it is taken back${ends}`;
  return `A confirmed commit${whose} waits to be confirmed; else it is taken back${ends}`;
}

/** Return how much a commit changed: "3 changes", "" if that may not be known. */
export function changedWords(commit) {
  const count = commit["changed-count"];
  return count === undefined ? "" : counted(count, "change");
}

/** Return the numbers of the tunnels among what a commit changed. */
export function tunnelsOf(commit) {
  return (commit.change ?? []).map(({ target }) => tunnelOf(target)).filter((id) => id !== null);
}

/** Return the ids of the page before `id`, newest first: at most `size`, none below `oldest`. */
export function idsBefore(id, oldest, size) {
  const first = Math.max(oldest, id - size);
  return Array.from({ length: Math.max(0, id - first) }, (_, at) => id - 1 - at);
}
