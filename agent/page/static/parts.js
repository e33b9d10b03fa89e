/* What the views are made of: sections, facts, tables, times, and what went wrong. */

import { h, replace, setText } from "./dom.js";
import { visible } from "./visible.js";
import { when } from "./words.js";

const TICK_MS = 5000;
let made = 0;
let now = () => Date.now();

/** Return text from elsewhere as an element, "" of none: its direction turns nothing that stands beside it. */
export function said(text, attributes) {
  const seen = visible(text);
  return seen && h("bdi", attributes ?? {}, seen);
}

/** Return the heading of a view. */
export function heading(...children) {
  return h("h1", { tabindex: "-1" }, ...children);
}

/** Return `{element, body}`: a region with a heading of level 2, and where its content goes. */
export function section(title, attributes) {
  made += 1;
  const id = `section-${made}`;
  const body = h("div", { class: "section-body" });
  const element = h("section", { class: "view-section", "aria-labelledby": id, ...attributes }, h("h2", { id }, title), body);
  return { element, body };
}

/**
 * Put a view of sections into `main`, each of which is busy until something is drawn into it.
 *
 * `titles`: of the sections, by name; `above`: what stands before them. Returns `{view, trouble, places}`: the view,
 * where it says what went wrong, and where the content of each section goes, by name.
 */
export function sectioned(main, title, titles, ...above) {
  const trouble = h("div", {});
  const parts = Object.entries(titles).map(([name, text]) => ({ name, ...section(text) }));
  const view = h("div", { class: `view view-${title.toLowerCase()}` }, heading(title), trouble, above, parts.map(({ element }) => element));
  replace(main, view);
  for (const { body } of parts) busy(body);
  return { view, trouble, places: Object.fromEntries(parts.map(({ name, body }) => [name, body])) };
}

/** Return a list of names and values; `pairs`: `[name, value]`, of which those without a value are left out. */
export function facts(pairs, attributes) {
  const shown = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined && value?.length !== 0);
  return h(
    "dl",
    { class: "facts", ...attributes },
    shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/**
 * Return a table; where there is no room for its columns each row is a card. `caption`: its name; `columns`: texts;
 * `rows`: cells each, the first of which is the head of its row.
 */
export function table(caption, columns, rows) {
  // Said by name, as a row that is laid out as a card is none any more for some who hear the page.
  const heads = columns.map((name) => h("th", { scope: "col", role: "columnheader" }, name));
  return h(
    "table",
    { class: "view-table", role: "table" },
    h("caption", {}, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads)),
    h("tbody", { role: "rowgroup" }, rows.map((cells) => row(cells, columns))),
  );
}

/** Return a row of `table`. */
export function row([first, ...others], columns) {
  return h(
    "tr",
    { role: "row" },
    h("th", { scope: "row", role: "rowheader", "data-label": columns[0] }, first),
    others.map((cell, at) => h("td", { role: "cell", "data-label": columns[at + 1] }, cell)),
  );
}

/** Return what says that there is nothing. */
export function empty(text) {
  return h("p", { class: "empty" }, text);
}

/** Return a warning: a sign, and what it says. */
export function warning(...children) {
  return h("p", { class: "warning" }, h("span", { class: "sign", "aria-hidden": "true" }, "⚠"), " ", ...children);
}

/** Return what went wrong as a sentence, with a button that tries again; `doing`: "The history cannot be shown". */
export function problem(doing, error, again) {
  const why = visible(error?.message ?? error).replace(/[.\s]+$/, "");
  return h(
    "div",
    { class: "problem", role: "alert" },
    h("p", {}, h("span", { class: "sign", "aria-hidden": "true" }, "✕"), ` ${doing}: `, h("bdi", {}, why), "."),
    again && h("button", { type: "button", onclick: again }, "Try again"),
  );
}

/** Draw `children` into `place`. Who has the keyboard in what stands there keeps it in what has the same name. */
export function show(place, ...children) {
  const held = place.contains(document.activeElement) ? nameOf(document.activeElement) : null;
  place.removeAttribute("aria-busy");
  replace(place, ...children);
  const heir = held && [...place.querySelectorAll("a, button, [tabindex]")].find((one) => nameOf(one) === held);
  heir?.focus({ preventScroll: true });
  return place;
}

function nameOf(element) {
  return element.getAttribute("aria-label") ?? element.textContent;
}

/** Say that something is being read. */
export function busy(place, text = "Reading…") {
  place.setAttribute("aria-busy", "true");
  return replace(place, h("p", { class: "empty" }, text));
}

/** Return a date-and-time with its distance, which goes on by itself while `ticking` runs; "" of none. */
export function moment(text) {
  if (!text) return "";
  return h("time", { datetime: text, "data-moment": true }, when(text, now()));
}

/** Return the moment that lies `seconds` before now (after it: a negative number), "" of no number. */
export function ago(seconds) {
  if (typeof seconds !== "number") return "";
  return moment(new Date(now() - seconds * 1000).toISOString());
}

/** Let the moments below `root` go on, by the gateway's clock; returns what ends that. */
export function ticking(root, context) {
  now = context.now ?? now;
  const timer = setInterval(() => {
    for (const one of root.querySelectorAll("time[data-moment]")) setText(one, when(one.dateTime, now()));
  }, TICK_MS);
  return () => clearInterval(timer);
}

/** Ask before something is done that interrupts traffic; returns a promise of true if it is to be done. */
export function confirmed({ title, text, action }) {
  made += 1;
  const id = `dialog-${made}`;
  const dialog = h(
    "dialog",
    { class: "confirm", "aria-labelledby": `${id}-title`, "aria-describedby": `${id}-text` },
    h("h2", { id: `${id}-title` }, title),
    h("p", { id: `${id}-text` }, text),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "button", class: "danger", onclick: () => dialog.close("yes") }, action),
      h("button", { type: "button", autofocus: true, onclick: () => dialog.close("") }, "Cancel"),
    ),
  );
  document.body.append(dialog);
  const asked = new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
  dialog.showModal();
  return asked;
}

/** End the dialogs that are open: who goes elsewhere has answered. */
export function endDialogs() {
  for (const dialog of document.querySelectorAll("dialog.confirm")) dialog.close("");
}
