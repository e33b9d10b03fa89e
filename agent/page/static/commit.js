/* One commit: who made it, why, what became of it, and how the configuration differs since. */

import { h, replace } from "./dom.js";
import { OF_COMMITS, causeWords, changedWords, outcomeOf, pendingOf, tunnelsOf } from "./commits.js";
import { lines } from "./differences.js";
import { one, outcome } from "./history.js";
import { busy, empty, facts, heading, moment, problem, said, section, show as draw } from "./parts.js";
import { numberOf, orNothing, standing } from "./reading.js";
import { counted } from "./words.js";

/* A commit that changed more is compared when somebody asks for it. */
const COMPARED_MAX = 200;
const LINES_MAX = 2000;
const TUNNELS_MAX = 50;
const CHANGES_MAX = 200;
/* Commits that were undone have left nothing to compare with; so many in a row are skipped. */
const UNDONE_MAX = 20;

export async function show(main, context, parameters) {
  const id = numberOf(parameters.commit);
  const title = id === null ? "Commit" : `Commit ${id}`;
  const place = h("div", {});
  const trouble = h("div", {});
  const changes = section("Changed");
  const differences = section("Differences");
  const back = h("p", {}, h("a", { href: "#/history" }, "All commits"));
  const view = h("div", { class: "view view-commit" }, heading(title), trouble, place, changes.element, differences.element, back);
  replace(main, view);
  busy(place);
  busy(changes.body);
  busy(differences.body);
  let compared = false;
  let closed = false;

  const { close } = standing(context, {
    view,
    trouble,
    doing: `Commit ${id} cannot be shown`,
    names: OF_COMMITS,
    read: (signal) => read(context.api, id, signal),
    draw({ commit, agent }) {
      for (const part of [changes, differences]) part.element.hidden = commit === undefined;
      if (commit === undefined) return draw(place, empty(id === null ? "There is no commit of that name: they have numbers." : `There is no commit ${id} in the history, or you may not read it.`));
      draw(place, facts(details(commit, pendingOf(agent, context.now()), context.now())));
      draw(changes.body, changed(commit));
      // What a commit changed never becomes another.
      if (!compared) compared = offered(commit);
    },
  });

  function offered(commit) {
    const count = commit["changed-count"] ?? 0;
    if (commit.outcome === "applying") return false;
    if (commit.outcome === "undone") draw(differences.body, empty("It was undone, and has left no difference."));
    else if (count > COMPARED_MAX) {
      const button = h("button", { type: "button", onclick: compare }, "Show the differences");
      draw(differences.body, h("p", {}, `It made ${counted(count, "change")}.`), button);
    } else compare();
    return true;
  }

  async function compare() {
    busy(differences.body, "Comparing…");
    try {
      const before = await stateBefore(context.api, id);
      const found = await context.api.invoke("/operations/yangswan-agent:compare-commits", { from: before, to: id, as: "text" });
      if (!closed) draw(differences.body, compareLines(found ?? {}, before, id));
    } catch (error) {
      if (!closed) draw(differences.body, problem("The states before and after it cannot be compared", error, compare));
    }
  }

  return {
    title,
    close() {
      closed = true;
      close();
    },
  };
}

async function read(api, id, signal) {
  const commit = id === null ? undefined : await one(api, id, undefined, signal);
  const found = await orNothing(api.get("/data/yangswan-agent:agent?fields=confirmed-commit", { signal }));
  return { commit, agent: found?.["yangswan-agent:agent"] };
}

/**
 * Return the state that commit `id` came upon: that of the last one before it that was not undone, or "beginning",
 * where the history holds none. Throws Error: too many were undone in a row.
 */
async function stateBefore(api, id) {
  const lowest = Math.max(1, id - UNDONE_MAX);
  for (let before = id - 1; before >= lowest; before -= 1) {
    const commit = await one(api, before, "outcome");
    if (commit === undefined) return "beginning";
    if (commit.outcome !== "undone") return before;
  }
  if (lowest > 1) throw new Error(`the ${UNDONE_MAX} commits before it were undone`);
  return "beginning";
}

function details(commit, pending, now) {
  const session = commit["session-id"] === undefined ? "" : `, session ${commit["session-id"]}`;
  const from = commit["source-address"] ? `, from ${commit["source-address"]}` : "";
  return [
    ["Time", moment(commit.time)],
    ["User", said(`${commit.user ?? ""}${session}${from}`)],
    ["Comment", commit.comment === undefined ? "" : said(commit.comment)],
    ["Cause", causeWords(commit)],
    ["Outcome", outcome(outcomeOf(commit, pending, now))],
    ["Taken back by", commit["taken-back-by"] === undefined ? "" : h("a", { href: `#/history/${commit["taken-back-by"]}` }, `Commit ${commit["taken-back-by"]}`)],
    ["Reason", commit.reason === undefined ? "" : said(commit.reason)],
    ["Changed", changedWords(commit)],
    ["Tunnels", tunnels(commit)],
  ];
}

function tunnels(commit) {
  const ids = tunnelsOf(commit);
  const links = ids.slice(0, TUNNELS_MAX).map((id, at) => [at ? ", " : "", h("a", { href: `#/tunnels/${id}` }, `Tunnel ${id}`)]);
  return ids.length > TUNNELS_MAX ? [links, ` and ${counted(ids.length - TUNNELS_MAX, "more", "more")}`] : links;
}

export const OPERATIONS = Object.freeze({ create: ["+", "created"], modify: ["~", "changed"], delete: ["-", "deleted"] });

function changed(commit) {
  const found = commit.change ?? [];
  if (found.length === 0) return empty("It changed nothing that you may read.");
  const items = found.slice(0, CHANGES_MAX).map(({ target, operation }) => {
    const [sign, words] = OPERATIONS[operation] ?? ["", String(operation)];
    return h("li", {}, h("span", { class: "sign", "aria-hidden": "true" }, sign), ` ${words} `, h("code", {}, said(target)));
  });
  const more = Math.max(found.length, commit["changed-count"] ?? 0) - items.length;
  return [h("ul", { class: "changes" }, items), more > 0 && h("p", { class: "muted" }, `and ${counted(more, "more", "more")}`)];
}

function compareLines(output, before, after) {
  const found = lines(output.text);
  const shown = found.slice(0, LINES_MAX);
  const leftOut = output["left-out"] ?? [];
  const states = before === "beginning" ? "the oldest state that is known" : `commit ${before}`;
  return [
    h("p", { class: "muted" }, `From ${states} to commit ${after}: − as it was, + as it is, ~ what moved.`),
    shown.length
      ? h("div", { class: "difference-lines", role: "group", tabindex: "0", "aria-label": "Lines of the differences" }, shown.map(difference))
      : empty("What it changed is a secret, or is not shown to you."),
    h("p", { class: "muted" }, "Secrets are not compared or shown."),
    found.length > shown.length && h("p", { class: "muted" }, `and ${counted(found.length - shown.length, "more line")}; the command line shows all: show history ${before} ${after}`),
    leftOut.length > 0 && [
      h("p", {}, "Not compared, because it does not fit the YANG modules of this gateway any more:"),
      h("ul", {}, leftOut.slice(0, CHANGES_MAX).map((one) => h("li", {}, said(one)))),
    ],
  ];
}

const ELEMENTS = Object.freeze({ added: "ins", removed: "del", moved: "div", other: "div" });

function difference({ sign, kind, text }) {
  return h(ELEMENTS[kind], { class: `difference difference-${kind}` }, h("span", { class: "sign" }, sign), " ", said(text));
}
