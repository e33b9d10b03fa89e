/* The commits of the gateway, newest first. */

import { h, replace, setText } from "./dom.js";
import { AGENT, LEAFS, OF_COMMITS, changedWords, idsBefore, outcomeOf, pendingOf, pendingWords } from "./commits.js";
import { busy, empty, heading, moment, problem, said, show as draw, warning } from "./parts.js";
import { groups } from "./bounded.js";
import { orNothing, standing } from "./reading.js";
import { standingTable } from "./rows.js";
import { counted } from "./words.js";

/* RESTCONF has no filter: of older commits each is asked for by its id, a few at a time, that others wait for nothing. */
const PAGE = 50;
const AT_ONCE = 4;
const SHOWN_MAX = 2000;
const ROW = "time;user;comment;cause;outcome;taken-back-by;changed-count";
const FIELDS = `confirmed-commit;history(commit-count;oldest-commit;newest-commit;commit(id;${ROW}))`;
const COLUMNS = ["Commit", "Time", "User", "Comment", "Cause", "Outcome", "Changed"];

export async function show(main, context) {
  const place = h("div", {});
  const waiting = h("div", {});
  const list = standingTable("History", COLUMNS);
  const trouble = h("div", {});
  const status = h("p", { class: "muted", role: "status" });
  const older = h("button", { type: "button", hidden: true, onclick: readOlder }, "Older commits");
  const view = h("div", { class: "view view-history" }, heading("History"), trouble, waiting, place, status, older);
  replace(main, view);
  busy(place);
  const commits = new Map();
  let agent = {};
  let lowest = Infinity; // the oldest commit that was asked for
  let closed = false;

  const { close } = standing(context, {
    view,
    trouble,
    doing: "The history cannot be shown",
    names: OF_COMMITS,
    read: (signal) => read(context.api, signal),
    draw(found) {
      agent = found;
      take(found.history ?? {});
      redraw();
    },
  });

  /* Newer commits come to those that are there; where some between are missing, they are read when somebody asks. */
  function take({ commit = [] }) {
    const ids = commit.map(({ id }) => id);
    const known = Math.max(0, ...commits.keys());
    if (ids.length && Math.min(...ids) > known + 1) commits.clear();
    for (const one of commit) commits.set(one.id, one);
    lowest = commits.size ? Math.min(...commits.keys()) : Infinity;
    keepNewest();
  }

  /* A page that stays open for long is told of more commits than it can show. */
  function keepNewest() {
    if (commits.size <= SHOWN_MAX) return;
    const ids = [...commits.keys()].sort((one, other) => other - one);
    for (const id of ids.slice(SHOWN_MAX)) commits.delete(id);
    lowest = ids[SHOWN_MAX - 1];
  }

  function redraw() {
    const { history = {} } = agent;
    const rows = [...commits.values()].sort((one, other) => other.id - one.id);
    const now = context.now();
    const pending = pendingOf(agent, now);
    const oldest = history["oldest-commit"] ?? 1;
    older.hidden = rows.length === 0 || lowest <= oldest || rows.length >= SHOWN_MAX;
    const total = history["commit-count"];
    setText(status, rows.length && total !== undefined ? `${counted(rows.length, "commit")} of ${total} shown.` : "");
    draw(waiting, rows.length > 0 && pending && pendingNote(pending));
    if (rows.length === 0) return draw(place, empty("Nothing has been committed, or you may not read the history."));
    list.draw(rows.map((one) => rowOf(one, outcomeOf(one, pending, now))));
    if (!place.contains(list.element)) draw(place, list.element);
  }

  async function readOlder() {
    if (older.getAttribute("aria-disabled")) return;
    older.setAttribute("aria-disabled", "true");
    try {
      const ids = idsBefore(lowest, agent.history["oldest-commit"] ?? 1, PAGE);
      setText(status, `Reading ${counted(ids.length, "older commit")}…`);
      for (const some of groups(ids, AT_ONCE)) {
        const found = await Promise.all(some.map((id) => one(context.api, id, ROW)));
        if (closed) return;
        for (const commit of found) if (commit !== undefined) commits.set(commit.id, commit);
        lowest = Math.min(lowest, ...some);
      }
      keepNewest();
      replace(trouble);
    } catch (error) {
      replace(trouble, problem("Older commits cannot be shown", error, readOlder));
    } finally {
      older.removeAttribute("aria-disabled");
    }
    redraw();
  }

  return {
    title: "History",
    close() {
      closed = true;
      close();
    },
  };
}

async function read(api, signal) {
  const found = await orNothing(api.get(`/data/${AGENT}:agent?fields=${FIELDS}`, { signal }));
  return found?.[`${AGENT}:agent`] ?? {};
}

/** Return a commit as JSON, undefined where there is none of that number, or none that may be read. */
export async function one(api, id, fields = `${LEAFS};change`, signal = undefined) {
  const found = await orNothing(api.get(`/data/${AGENT}:agent/history/commit=${id}?fields=${fields}`, { signal }));
  return found?.[`${AGENT}:commit`]?.[0];
}

/** Return what says that commits wait to be confirmed. */
export function pendingNote(pending) {
  const until = pending.until === null ? null : moment(new Date(pending.until).toISOString());
  return warning(h("bdi", {}, pendingWords(pending)), until && ": ", until, ".");
}

function rowOf(commit, became) {
  return { key: commit.id, text: JSON.stringify([commit, became]), cells: () => cellsOf(commit, became) };
}

function cellsOf(commit, became) {
  return [
    h("a", { href: `#/history/${commit.id}` }, String(commit.id)),
    moment(commit.time),
    said(commit.user),
    said(commit.comment),
    String(commit.cause ?? "").replaceAll("-", " "),
    outcome(became),
    changedWords(commit),
  ];
}

/** Return what became of a commit, as a sign and words. */
export function outcome({ kind, sign, words }) {
  return h("span", { class: `outcome outcome-${kind}` }, h("span", { class: "sign", "aria-hidden": "true" }, sign), ` ${words}`);
}
