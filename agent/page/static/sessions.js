/* Who is logged in, from where, and who holds a lock. */

import { h } from "./dom.js";
import { OF_COMMITS, pendingOf } from "./commits.js";
import { pendingNote } from "./history.js";
import { empty, facts, moment, said, sectioned, show as draw, table } from "./parts.js";
import { orNothing, standing } from "./reading.js";

const OF_SESSIONS = [
  "ietf-netconf-notifications:netconf-session-start",
  "ietf-netconf-notifications:netconf-session-end",
  ...OF_COMMITS,
];
const COLUMNS = ["Session", "User", "From", "Over", "Since", "Locks"];
const SHOWN_MAX = 500;

export async function show(main, context) {
  const { view, trouble, places } = sectioned(main, "Sessions", { own: "You", sessions: "Sessions of NETCONF", others: "Locks and subscriptions" });
  const { close } = standing(context, {
    view,
    trouble,
    doing: "The sessions cannot be shown",
    names: OF_SESSIONS,
    read: (signal) => read(context, signal),
    draw(found) {
      draw(places.own, own(context, found));
      draw(places.sessions, sessions(found));
      draw(places.others, others(found));
    },
  });
  return { title: "Sessions", close };
}

/* One after the other: a view has no more than one request at a time. */
async function read({ api }, signal) {
  const state = await orNothing(api.get("/data/ietf-netconf-monitoring:netconf-state?fields=sessions;datastores", { signal }));
  const agent = await orNothing(api.get("/data/yangswan-agent:agent?fields=confirmed-commit", { signal }));
  const subscriptions = await orNothing(api.get("/data/ietf-subscribed-notifications:subscriptions?fields=subscription(id)", { signal }));
  return {
    state: state?.["ietf-netconf-monitoring:netconf-state"],
    agent: agent?.["yangswan-agent:agent"],
    subscriptions: subscriptions?.["ietf-subscribed-notifications:subscriptions"]?.subscription?.length,
    me: await api.whoAmI(),
  };
}

function own({ user, now }, { me, agent }) {
  const pending = pendingOf(agent, now());
  const how = { password: "with name and password", certificate: "with a certificate" };
  return [
    facts([
      ["User", said(me?.user ?? user)],
      ["Logged in", how[me?.by] ?? ""],
      ["Until", me?.by === "certificate" ? "" : moment(me?.expires)],
    ]),
    pending && pendingNote(pending),
  ];
}

function sessions({ state }) {
  const found = state?.sessions?.session ?? [];
  if (found.length === 0) return empty(state === undefined ? "You may not read who is logged in." : "Nobody has a session of NETCONF.");
  const locks = locksOf(state);
  const rows = [...found].sort((one, other) => one["session-id"] - other["session-id"]).slice(0, SHOWN_MAX);
  const more = found.length - rows.length;
  return [
    table("Sessions", COLUMNS, rows.map((one) => row(one, locks))),
    more > 0 && h("p", { class: "muted" }, `and ${more} more`),
    h("p", { class: "muted" }, "This page is no session of NETCONF, and is not among them."),
  ];
}

function row(one, locks) {
  return [
    String(one["session-id"]),
    said(one.username),
    said(one["source-host"] ?? "this machine"),
    String(one.transport ?? "").split(":").at(-1).replace(/^netconf-/, ""),
    moment(one["login-time"]),
    (locks.get(one["session-id"]) ?? []).join(", "),
  ];
}

/** Return the names of the datastores that each session has locked, by its number. */
export function locksOf(state) {
  const found = new Map();
  const add = (owner, name) => owner !== undefined && found.set(owner, [...(found.get(owner) ?? []), name]);
  for (const { name, locks } of state?.datastores?.datastore ?? []) {
    add(locks?.["global-lock"]?.["locked-by-session"], name);
    for (const partial of locks?.["partial-lock"] ?? []) add(partial["locked-by-session"], `parts of ${name}`);
  }
  return found;
}

function others({ state, subscriptions }) {
  const locks = (state?.datastores?.datastore ?? []).flatMap(({ name, locks }) => {
    const lock = locks?.["global-lock"];
    return lock === undefined ? [] : [[name, [`locked by session ${lock["locked-by-session"]}`, lock["locked-time"] && [" since ", moment(lock["locked-time"])]]]];
  });
  return [
    locks.length ? facts(locks) : empty("No datastore is locked."),
    subscriptions !== undefined && facts([["Subscriptions", String(subscriptions)]]),
  ];
}
