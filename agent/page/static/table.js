/* The table of all tunnels: what is chosen of them, in pages of rows, of thousands as smooth as of ten. */

import { h, replace, setAttribute, setText } from "./dom.js";
import { Row } from "./row.js";
import { CHOICES, COLUMNS, counts, selected, sort } from "./selection.js";
import { counted, grouped } from "./words.js";

/** So many rows are in the page at a time: a screen reader has them all, and an update of all takes no while. */
const PAGE = 200;
const TICK_MS = 1000;
/* Who types hears the count when the typing has ended. */
const QUIET_MS = 600;

const HEADINGS = { id: "ID", description: "Description", peer: "Peer", status: "Status", rekey: "Since rekey", traffic: "Traffic" };

/* What was chosen is there again when one comes back from a tunnel, and not when another user comes. */
const ofLinks = new WeakMap();
let chosen;

/** Show the table in `main`. */
export async function show(main, context) {
  chosen = ofLinks.get(context.link) ?? { typed: "", choice: "all", column: "id", direction: 1, first: 0 };
  ofLinks.set(context.link, chosen);
  const table = new Table(context);
  replace(main, table.element);
  table.start();
  return { title: "Tunnels", close: () => table.close() };
}

class Table {
  #context;
  #tunnels;
  #order = [];
  #shown = new Map();
  #dirty = new Set();
  #reorder = true;
  #forced = true;
  #frame = 0;
  #stops = [];
  #hovered = false;
  #quiet = 0;

  constructor(context) {
    this.#context = context;
    this.#tunnels = context.tunnels;
    this.#build();
  }

  #build() {
    this.filter = h("input", {
      type: "search", id: "filter", autocomplete: "off", spellcheck: "false", placeholder: "ID, description, peer or status",
      oninput: () => this.#choose({ typed: this.filter.value }),
    });
    this.choice = h(
      "select",
      { id: "status", onchange: () => this.#choose({ choice: this.choice.value }) },
      CHOICES.map(({ value, words }) => h("option", { value }, words)),
    );
    this.filter.value = chosen.typed;
    this.choice.value = chosen.choice;
    this.summary = ["up", "down", "disabled", "unknown"].map((value) => {
      const press = () => this.#choose({ choice: chosen.choice === value ? "all" : value });
      return h("button", { type: "button", class: `count count-${value}`, "data-choice": value, onclick: press });
    });
    this.sums = h("div", { class: "summary", role: "group", "aria-label": "How many tunnels" }, this.summary);
    this.headings = Object.entries(HEADINGS).map(([column, words]) => {
      const button = h("button", { type: "button", onclick: () => this.#sortBy(column) }, words);
      return h("th", { role: "columnheader", scope: "col", class: `cell-${column}`, "data-column": column }, button);
    });
    this.body = h("tbody", { role: "rowgroup", onpointerenter: () => (this.#hovered = true), onpointerleave: () => this.#left(), onfocusout: () => this.#left() });
    this.table = h(
      "table",
      { role: "table", class: "tunnels", "aria-labelledby": "tunnels-title" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row", "aria-rowindex": 1 }, this.headings)),
      this.body,
    );
    this.empty = h("p", { class: "empty" });
    this.notes = h("div", { class: "notes" });
    this.range = h("span", { class: "range" });
    this.held = h("span", { class: "held" }, "Rows keep their places while you point at them or have the focus in them.");
    this.pages = [["First", () => 0], ["Previous", (at) => at - PAGE], ["Next", (at) => at + PAGE], ["Last", () => Infinity]].map(
      ([words, to]) => h("button", { type: "button", onclick: () => this.#turn(to) }, words),
    );
    this.pager = h("nav", { class: "pager", "aria-label": "Rows" }, this.range, this.held, h("span", { class: "turns" }, this.pages));
    this.heard = h("p", { class: "hidden", "aria-live": "polite" });
    this.element = h(
      "section",
      { class: "all-tunnels" },
      h("h1", { id: "tunnels-title", tabindex: "-1" }, "Tunnels"),
      h("div", { class: "toolbar" },
        h("div", { class: "field" }, h("label", { for: "filter" }, "Filter tunnels"), this.filter),
        h("div", { class: "field" }, h("label", { for: "status" }, "Status"), this.choice),
        this.sums),
      this.notes,
      this.table,
      this.empty,
      this.pager,
      this.heard,
    );
  }

  start() {
    this.#stops = [
      this.#tunnels.listen((change) => this.#changed(change)),
      this.#context.link.listen(() => this.#again()),
    ];
    const timer = setInterval(() => this.#tick(), TICK_MS);
    this.#stops.push(() => clearInterval(timer));
    this.#draw();
  }

  close() {
    for (const stop of this.#stops) stop();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#quiet);
  }

  #changed({ ids, whole }) {
    for (const id of ids) this.#dirty.add(id);
    const filtered = chosen.typed !== "" || chosen.choice !== "all";
    if (whole || filtered || chosen.column !== "id") this.#reorder = true;
    this.#soon();
  }

  #again() {
    this.#reorder = true;
    this.#soon();
  }

  #choose(choice) {
    Object.assign(chosen, choice, { first: 0 });
    this.choice.value = chosen.choice;
    this.#forced = true;
    this.#again();
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => setText(this.heard, counted(this.#order.length, "tunnel")), QUIET_MS);
  }

  #sortBy(column) {
    const direction = chosen.column === column ? -chosen.direction : COLUMNS[column].first;
    Object.assign(chosen, { column, direction, first: 0 });
    this.#forced = true;
    this.#reorder = true;
    this.#draw();
  }

  #turn(to) {
    const last = Math.max(0, Math.ceil(this.#order.length / PAGE) - 1) * PAGE;
    const first = Math.min(last, Math.max(0, to(chosen.first)));
    if (first === chosen.first) return;
    chosen.first = first;
    this.#draw();
    this.table.scrollIntoView({ block: "start" });
    setText(this.heard, this.range.textContent);
  }

  /* Rows in which somebody is must not go away under the pointer or the focus. */
  #holds() {
    return !this.#forced && (this.#hovered || this.body.contains(document.activeElement));
  }

  #left() {
    this.#hovered = this.body.matches(":hover");
    this.#again();
  }

  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    if (this.#reorder) this.#arrange();
    const from = Math.min(chosen.first, Math.max(0, Math.ceil(this.#order.length / PAGE) - 1) * PAGE);
    chosen.first = from;
    const window = this.#order.slice(from, from + PAGE);
    const fresh = this.#place(window);
    const now = this.#context.link.now();
    window.forEach((tunnel, at) => {
      const isDirty = this.#dirty.has(tunnel.id);
      const row = this.#shown.get(tunnel.id);
      if (isDirty || fresh.has(tunnel.id) || row.place !== from + at) row.update(tunnel, this.#tunnels, now, from + at + 1);
      row.place = from + at;
      if (fresh.has(tunnel.id) || isDirty) row.flow(this.#tunnels);
    });
    this.#dirty.clear();
    this.#say(from, window.length);
  }

  #arrange() {
    this.#reorder = false;
    const wanted = selected(this.#tunnels.rows(), chosen);
    const isHeld = this.#holds();
    if (isHeld) {
      const now = new Map(wanted.map((tunnel) => [tunnel.id, tunnel]));
      const kept = this.#order.map(({ id }) => now.get(id)).filter(Boolean);
      for (const { id } of kept) now.delete(id);
      this.#order = [...kept, ...sort([...now.values()], chosen, this.#tunnels)];
    } else {
      this.#order = sort(wanted, chosen, this.#tunnels);
    }
    this.#forced = false;
    setAttribute(this.held, "hidden", !isHeld || !COLUMNS[chosen.column].moves);
  }

  /** Bring the rows of `window` into their places; returns the numbers of those that were made. */
  #place(window) {
    const focused = document.activeElement?.closest?.("tbody") === this.body ? document.activeElement.closest("tr") : null;
    const at = focused === null ? -1 : [...this.body.children].indexOf(focused);
    const wanted = new Set(window.map(({ id }) => id));
    for (const [id, row] of this.#shown) {
      if (wanted.has(id)) continue;
      row.element.remove();
      this.#shown.delete(id);
    }
    const fresh = new Set();
    let next = this.body.firstChild;
    for (const { id } of window) {
      let row = this.#shown.get(id);
      if (row === undefined) {
        row = new Row(id);
        this.#shown.set(id, row);
        fresh.add(id);
      }
      if (row.element === next) next = next.nextSibling;
      else this.body.insertBefore(row.element, next);
    }
    if (focused !== null && !focused.isConnected) {
      (this.body.children[Math.min(at, window.length - 1)]?.querySelector("a") ?? this.filter).focus();
    }
    return fresh;
  }

  #tick() {
    if (document.hidden || this.#context.link.state !== "live") return;
    const now = this.#context.link.now();
    for (const row of this.#shown.values()) row.tick(this.#tunnels, now);
  }

  #say(from, count) {
    const { link } = this.#context;
    const isLoading = !this.#tunnels.synced && link.state !== "lost" && !link.refused.state;
    setAttribute(this.element, "aria-busy", isLoading && "true");
    // Of what is not known yet nothing is to be counted.
    setAttribute(this.sums, "hidden", !this.#tunnels.synced);
    const all = counts(this.#tunnels.rows());
    const words = { up: "up", down: "down", disabled: "disabled", unknown: "not known" };
    for (const button of this.summary) {
      const { choice } = button.dataset;
      setText(button, `${grouped(all[choice])} ${words[choice]}`);
      setAttribute(button, "aria-pressed", chosen.choice === choice ? "true" : "false");
      setAttribute(button, "hidden", choice === "unknown" && all.unknown === 0);
    }
    for (const heading of this.headings) {
      const { column } = heading.dataset;
      const direction = chosen.direction === 1 ? "ascending" : "descending";
      setAttribute(heading, "aria-sort", chosen.column === column ? direction : null);
    }
    const total = this.#order.length;
    setAttribute(this.table, "aria-rowcount", total + 1);
    setAttribute(this.table, "hidden", total === 0);
    setAttribute(this.pager, "hidden", total === 0);
    const rows = this.#tunnels.rows().length;
    const of = total === rows ? grouped(total) : `${grouped(total)}, of ${counted(rows, "tunnel")} in all`;
    setText(this.range, `Rows ${grouped(from + 1)} to ${grouped(from + count)} of ${of}`);
    const [first, previous, next, last] = this.pages;
    for (const button of [first, previous]) setAttribute(button, "aria-disabled", from === 0 ? "true" : null);
    for (const button of [next, last]) setAttribute(button, "aria-disabled", from + count >= total ? "true" : null);
    setAttribute(first.parentNode, "hidden", total <= PAGE);
    setAttribute(this.empty, "hidden", total !== 0);
    setText(this.empty, this.#emptiness(rows));
    const notes = notesOn(link, this.#tunnels);
    if (this.notes.dataset.notes !== notes.join()) {
      this.notes.dataset.notes = notes.join();
      replace(this.notes, notes.map((note) => h("p", { class: "note" }, note)));
    }
  }

  #emptiness(rows) {
    if (rows > 0) return "No tunnel has what is looked for.";
    if (this.#context.link.refused.state) return "";
    if (this.#tunnels.synced) return "There is no tunnel.";
    if (this.#context.link.state === "lost") return "Nothing is known of the tunnels yet.";
    return "Loading the tunnels. Where there are thousands of them, this takes a while.";
  }
}

function notesOn({ refused, troubles }, tunnels) {
  const notes = Object.values(troubles);
  if (refused.state) {
    notes.push(`The tunnels cannot be shown: your rights do not include reading /yangswan-ipsec:tunnels. The gateway says: ${refused.state}`);
  } else if (refused.traffic || tunnels.trafficUntold) {
    const said = refused.traffic ? ` The gateway says: ${refused.traffic}` : "";
    notes.push(`Traffic and the time since the last rekeying are empty: your rights do not include reading child-sa and time-since-rekey in the state of the tunnels.${said}`);
  }
  return notes;
}
