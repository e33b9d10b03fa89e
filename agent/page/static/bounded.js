/* Numbers and lists that stay small, whatever a gateway sends. Pure. */

import { grouped } from "./words.js";

/** What waits to be drawn: the newest `most`; how many had to go before they were drawn is counted. */
export class Bounded {
  #most;
  #waiting = [];
  #dropped = 0;

  constructor(most) {
    this.#most = most;
  }

  push(one) {
    this.#waiting.push(one);
    // Not one by one: a shift of each line costs as much as all lines together.
    if (this.#waiting.length >= 2 * this.#most) this.#cut();
  }

  /** Return `{items, dropped}` since the last time, oldest first, and begin anew. */
  drain() {
    this.#cut();
    const found = { items: this.#waiting, dropped: this.#dropped };
    this.#waiting = [];
    this.#dropped = 0;
    return found;
  }

  #cut() {
    const over = this.#waiting.length - this.#most;
    if (over <= 0) return;
    this.#dropped += over;
    this.#waiting = this.#waiting.slice(over);
  }
}

const RUNS = 12;

/** Return numbers as "1, 4-9, 12", with the count of those that are too many to be shown. */
export function ranges(numbers) {
  const runs = [];
  for (const one of [...new Set(numbers)].sort((a, b) => a - b)) {
    const last = runs[runs.length - 1];
    if (last !== undefined && one === last[1] + 1) last[1] = one;
    else runs.push([one, one]);
  }
  const shown = runs.slice(0, RUNS).map(run).join(", ");
  const rest = runs.slice(RUNS).reduce((count, [first, last]) => count + last - first + 1, 0);
  return rest ? `${shown} and ${grouped(rest)} more` : shown;
}

function run([first, last]) {
  if (first === last) return String(first);
  return last === first + 1 ? `${first}, ${last}` : `${first}-${last}`;
}

/** Return `items` in groups of at most `size`. */
export function groups(items, size) {
  const found = [];
  for (let at = 0; at < items.length; at += size) found.push(items.slice(at, at + size));
  return found;
}
