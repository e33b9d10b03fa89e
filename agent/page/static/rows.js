/* A table whose rows stay as long as what they show: of thousands those alone are made anew that have changed. */

import { row, table } from "./parts.js";

/**
 * Return `{element, draw(rows)}`, a table as of `table`. `rows`: `{key, text, cells}` each, in their order; `key`:
 * what the row is of; `text`: all that it shows, in whatever form; `cells()`: its cells.
 */
export function standingTable(caption, columns) {
  const element = table(caption, columns, []);
  const body = element.tBodies[0];
  let kept = new Map();

  function draw(rows) {
    const focused = [...kept.keys()].find((key) => kept.get(key).element.contains(document.activeElement));
    const now = new Map();
    for (const { key, text, cells } of rows) {
      const before = kept.get(key);
      now.set(key, before?.text === text ? before : { text, element: row(cells(), columns) });
    }
    place([...kept.values()], [...now.values()]);
    if (focused !== undefined && kept.get(focused) !== now.get(focused)) {
      now.get(focused)?.element.querySelector("a, button")?.focus({ preventScroll: true });
    }
    kept = now;
  }

  function place(before, now) {
    const wanted = new Set(now);
    for (const one of before) if (!wanted.has(one)) one.element.remove();
    let next = body.firstElementChild;
    for (const { element: one } of now) {
      if (one === next) next = next.nextElementSibling;
      else body.insertBefore(one, next);
    }
  }

  return { element, draw };
}
